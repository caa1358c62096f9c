//! How readers and the judge work beside each other.
//!
//! The log is divided into ranges of positions where it can be. Each reader takes every n-th range
//! and hands on its notes in batches; the judge takes the batches of the first range, then those of
//! the second, and so on, so that what it sees is the log's order, however many readers there are.
//! A reader that is ahead waits once its queue holds a whole range.

use std::ops::ControlFlow;
use std::sync::mpsc;
use std::thread::{Scope, ScopedJoinHandle};

use crate::event::Position;
use crate::log::{Filter, Log, LogError};
use crate::projection::Note;
use crate::replay::batch::Batch;
use crate::replay::gather::Gatherer;
use crate::replay::reader::Reader;
use crate::replay::reading::Reading;
use crate::texts::Texts;

/// About how many rows a range has.
const RANGE: u64 = 1 << 15;
/// How many batches of one reader may wait for the judge: more than a range.
const QUEUE: usize = 40;

/// Whether a pass goes on, asked after each batch.
pub type Continue = ControlFlow<()>;

/// Reads the log once and hands every row, in order, to `gatherer`. With one thread it is read and
/// judged in turn; with more, that many read and one judges.
///
/// # Errors
/// When the log cannot be read further.
pub fn pass(
    log: &mut Log,
    reading: Reading<'_>,
    filter: Filter<'_>,
    threads: usize,
    gatherer: &mut Gatherer<'_>,
    go_on: &mut dyn FnMut(u64) -> Continue,
) -> Result<(), LogError> {
    let mut rows = 0_u64;
    run(log, reading, filter, threads, &mut |batch| {
        gatherer.take(batch, reading.router());
        rows += batch.seen;
        gatherer.look(rows)?;
        go_on(rows)
    })
}

/// Reads the log once more for the histories of the keys that are suspected.
///
/// # Errors
/// When the log cannot be read further.
pub fn histories(
    log: &mut Log,
    reading: Reading<'_>,
    threads: usize,
    take: &mut dyn FnMut(&Note, &Texts),
    go_on: &mut dyn FnMut(u64) -> Continue,
) -> Result<(), LogError> {
    let mut rows = 0_u64;
    run(log, reading, Filter::All, threads, &mut |batch| {
        for note in &batch.families.projections {
            take(note, &batch.texts);
        }
        rows += batch.seen;
        go_on(rows)
    })
}

fn run(
    log: &mut Log,
    reading: Reading<'_>,
    filter: Filter<'_>,
    threads: usize,
    take: &mut dyn FnMut(&mut Batch) -> Continue,
) -> Result<(), LogError> {
    if threads < 2 {
        let mut batch = Batch::default();
        let mut reader = reading.reader();
        return reader
            .read(log, reading, filter, &mut batch, &mut |batch| {
                let flow = take(batch);
                batch.clear();
                flow
            })
            .map(|_| ());
    }
    let (parts, mut twins) = divided(log, filter, threads);
    let readers = twins.len() + 1;
    let filters: Vec<Filter<'_>> = match parts.as_slice() {
        [] => vec![filter],
        parts => parts
            .iter()
            .map(|(first, last)| Filter::Range(*first, *last))
            .collect(),
    };
    std::thread::scope(|scope| {
        let mut workers: Vec<Worker<'_>> = std::iter::once(log)
            .chain(&mut twins)
            .enumerate()
            .map(|(index, log)| {
                let own = filters.iter().skip(index).step_by(readers).copied();
                Worker::start(scope, log, reading, own.collect())
            })
            .collect();
        'log: for range in 0..filters.len() {
            let worker = &mut workers[range % readers];
            while let Ok(mut batch) = worker.full.recv() {
                if take(&mut batch).is_break() {
                    break 'log;
                }
                let is_last = batch.is_last;
                batch.clear();
                drop(worker.empty.send(batch));
                if is_last {
                    break;
                }
            }
        }
        workers.into_iter().try_for_each(Worker::end)
    })
}

/// The ranges that the log is read in and as many more readers of it as can be had and are of use;
/// nothing of either where it is read as a whole.
fn divided(log: &Log, filter: Filter<'_>, threads: usize) -> (Vec<(Position, Position)>, Vec<Log>) {
    if !matches!(filter, Filter::All) {
        return (Vec::new(), Vec::new());
    }
    let parts = log.parts(RANGE);
    let more = threads.min(parts.len()).saturating_sub(1);
    let twins: Vec<Log> = (0..more).map_while(|_| log.twin()).collect();
    match twins.is_empty() {
        true => (Vec::new(), Vec::new()),
        false => (parts, twins),
    }
}

/// A reader on a thread of its own.
struct Worker<'scope> {
    full: mpsc::Receiver<Batch>,
    empty: mpsc::Sender<Batch>,
    thread: ScopedJoinHandle<'scope, Result<(), LogError>>,
}

impl<'scope> Worker<'scope> {
    fn start<'env: 'scope>(
        scope: &'scope Scope<'scope, 'env>,
        log: &'env mut Log,
        reading: Reading<'env>,
        filters: Vec<Filter<'env>>,
    ) -> Worker<'scope> {
        let (hand_on, full) = mpsc::sync_channel::<Batch>(QUEUE);
        let (empty, recycled) = mpsc::channel::<Batch>();
        let thread = scope.spawn(move || {
            let mut reader = reading.reader();
            let mut batch = Batch::default();
            let mut hand_on = |batch: &mut Batch| {
                let next = recycled.try_recv().unwrap_or_default();
                match hand_on.send(std::mem::replace(batch, next)) {
                    Ok(()) => Continue::Continue(()),
                    Err(_) => Continue::Break(()),
                }
            };
            for filter in filters {
                let flow = reader.read(log, reading, filter, &mut batch, &mut hand_on)?;
                if flow.is_break() {
                    break;
                }
            }
            Ok(())
        });
        Worker {
            full,
            empty,
            thread,
        }
    }

    /// Stops the reader, if it still reads, and tells how it went.
    fn end(self) -> Result<(), LogError> {
        drop(self.full);
        self.thread
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl Reader<'_> {
    /// Reads the rows that `filter` lets through and calls `full` with every full batch, and with
    /// the last one.
    fn read(
        &mut self,
        log: &Log,
        reading: Reading<'_>,
        filter: Filter<'_>,
        batch: &mut Batch,
        full: &mut dyn FnMut(&mut Batch) -> Continue,
    ) -> Result<Continue, LogError> {
        let mut flow = Continue::Continue(());
        log.scan(reading.fields(), filter, &mut |row| {
            self.take(row, log, batch);
            if batch.is_full() {
                flow = full(batch);
            }
            flow
        })?;
        if flow.is_continue() {
            batch.is_last = true;
            flow = full(batch);
        }
        Ok(flow)
    }
}
