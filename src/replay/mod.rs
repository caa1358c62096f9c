//! The one pass over a log: rows are routed by their type, gathered by their instance, and what the
//! rows tell of the log itself is noted on the way.
//!
//! A reader steps through the rows and hands them on in batches; the judge, on a second thread
//! where there is one, looks up routes and instances. Neither depends on the other's speed, and the
//! result does not depend on how many threads there are.
//!
//! Rows are judged in the log's order, positions first. Nothing here reads a clock.

mod batch;
mod gather;
mod gathered;
mod horizon;
mod instances;
mod route;
mod streams;

use std::ops::ControlFlow;
use std::sync::mpsc;

pub use gather::Gatherer;
pub use gathered::{Cut, Gathered, Selection};
pub use horizon::Horizon;
pub use instances::{Doubt, Entry, Instances, Link, Stage};
pub use route::{Candidate, Route, Router, Use, named_types};
pub use streams::{Noticed, Observation, StreamEvent, Streams};

use crate::log::{Fields, Filter, Log, LogError};
use batch::{Batch, Keep};

/// How many batches may wait between reader and judge.
const QUEUE: usize = 4;

/// Whether a pass goes on, asked after each batch.
pub type Continue = ControlFlow<()>;

/// Reads the log once and feeds every row to `gatherer`.
///
/// # Errors
/// When the log cannot be read further.
pub fn pass(
    log: &mut Log,
    router: &Router,
    fields: Fields,
    filter: Filter<'_>,
    threads: usize,
    gatherer: &mut Gatherer<'_>,
    go_on: &mut dyn FnMut(u64) -> Continue,
) -> Result<(), LogError> {
    let keep_all = fields.data && gatherer.validates_data();
    let mut rows = 0_u64;
    let mut take = |batch: &Batch| {
        gatherer.take(batch, router);
        rows += batch.len() as u64;
        go_on(rows)
    };
    if threads < 2 {
        let mut batch = Batch::default();
        let mut stopped = Continue::Continue(());
        read(
            log,
            router,
            fields,
            filter,
            keep_all,
            &mut batch,
            &mut |batch| {
                stopped = take(batch);
                batch.clear();
                stopped
            },
        )?;
        if stopped.is_continue() && !batch.is_empty() {
            let _: Continue = take(&batch);
        }
        return Ok(());
    }
    std::thread::scope(|scope| {
        let (full, incoming) = mpsc::sync_channel::<Batch>(QUEUE);
        let (empty, recycled) = mpsc::channel::<Batch>();
        let reader = scope.spawn(move || {
            let mut batch = Batch::default();
            let outcome = read(
                log,
                router,
                fields,
                filter,
                keep_all,
                &mut batch,
                &mut |batch| {
                    let next = recycled.try_recv().unwrap_or_default();
                    match full.send(std::mem::replace(batch, next)) {
                        Ok(()) => Continue::Continue(()),
                        Err(_) => Continue::Break(()),
                    }
                },
            );
            if outcome.is_ok() && !batch.is_empty() {
                drop(full.send(batch));
            }
            outcome
        });
        for mut batch in &incoming {
            if take(&batch).is_break() {
                break;
            }
            batch.clear();
            drop(empty.send(batch));
        }
        drop(incoming);
        reader
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Reads rows into `batch` and calls `full` whenever it is.
fn read(
    log: &Log,
    router: &Router,
    fields: Fields,
    filter: Filter<'_>,
    keep_all: bool,
    batch: &mut Batch,
    full: &mut dyn FnMut(&mut Batch) -> Continue,
) -> Result<(), LogError> {
    let mut routes: Vec<Option<Keep>> = Vec::new();
    log.scan(fields, filter, &mut |row| {
        match row {
            Err(bad) => batch.push_bad(bad),
            Ok(row) => {
                let kind = row.kind.0 as usize;
                if routes.len() <= kind {
                    routes.resize(kind + 1, None);
                }
                let keep = match routes[kind] {
                    Some(keep) => keep,
                    None => {
                        let name = log.type_name(row.kind);
                        let route = router.route(&name);
                        batch.new_types.push((row.kind, name));
                        let keep = Keep {
                            data: keep_all || route.reads_data,
                            metadata: route.reads_metadata,
                        };
                        routes[kind] = Some(keep);
                        keep
                    }
                };
                batch.push(&row, keep);
            }
        }
        if batch.is_full() {
            full(batch)
        } else {
            Continue::Continue(())
        }
    })
}
