//! Where the events of some instances stand, in a log that has no index on its correlation: found in
//! one scan and kept up with what comes, so that each instance can be read again and again without
//! reading the whole log for it.
//!
//! What comes is looked for wherever it can stand, see [`Vacant`]: a log with many gaps in its
//! positions is scanned anew each time, and wants an index. A row that is given to another instance is
//! not noticed; one that is gone or says something else is.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};

use crate::event::Position;
use crate::inspect::vacant::Vacant;
use crate::inspect::{Go, Progress, RunError, Watch};
use crate::log::{Fields, Filter, Log};

/// How many rows are read between two looks whether to go on.
const ROWS: u64 = 1 << 16;

/// The places of the instances that were asked for, by log.
#[derive(Debug)]
pub struct Whereabouts {
    wanted: Vec<String>,
    logs: Mutex<HashMap<String, Known>>,
}

#[derive(Debug, Default)]
struct Known {
    vacant: Vacant,
    places: HashMap<String, Vec<Position>>,
}

impl Whereabouts {
    /// Of the instances with these ids; nothing is read yet.
    pub fn new(ids: impl IntoIterator<Item = String>) -> Whereabouts {
        let mut wanted: Vec<String> = ids.into_iter().collect();
        wanted.sort_unstable();
        wanted.dedup();
        Whereabouts {
            wanted,
            logs: Mutex::new(HashMap::new()),
        }
    }

    /// The places of an instance in a log, ascending, as it is now; `None` where it is not one that
    /// was asked for, or where the log has no places that last.
    pub(super) fn of(
        &self,
        name: &str,
        log: &Log,
        id: &str,
        watch: Watch<'_>,
    ) -> Result<Option<Vec<Position>>, RunError> {
        if !self.is_wanted(id) || log.parts(u64::MAX).is_empty() {
            return Ok(None);
        }
        // A look that broke off has changed nothing, so what it found is only found again.
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        let known = logs.entry(name.to_owned()).or_default();
        let mut found: Vec<(String, Position)> = Vec::new();
        let mut rows = 0;
        let vacant = known.vacant.look(|range, taken| {
            self.read(log, range, &mut rows, watch, &mut |id, position| {
                taken(position.0);
                found.extend(id.map(|id| (id.to_owned(), position)));
            })
        })?;
        if known.vacant.is_all() {
            known.places.clear();
        }
        known.vacant = vacant;
        for (id, position) in found {
            known.places.entry(id).or_default().push(position);
        }
        let mut places = known.places.get(id).cloned().unwrap_or_default();
        places.sort_unstable();
        Ok(Some(places))
    }

    fn is_wanted(&self, id: &str) -> bool {
        let by_id = |wanted: &String| wanted.as_str().cmp(id);
        self.wanted.binary_search_by(by_id).is_ok()
    }

    /// Tells where rows stand between two positions, and of which instance each is, where that is
    /// wanted.
    fn read(
        &self,
        log: &Log,
        (first, last): (i64, i64),
        rows: &mut u64,
        watch: Watch<'_>,
        tell: &mut dyn FnMut(Option<&str>, Position),
    ) -> Result<(), RunError> {
        let fields = Fields {
            correlation: true,
            ..Fields::default()
        };
        let range = Filter::Range(Position(first), Position(last));
        let mut stopped = None;
        log.scan(fields, range, &mut |row| {
            let (position, id) = match &row {
                Ok(row) => (Some(row.position), row.correlation),
                Err(bad) => (bad.position, bad.correlation.as_deref()),
            };
            if let Some(position) = position {
                tell(id.filter(|id| self.is_wanted(id)), position);
            }
            *rows += 1;
            if rows.is_multiple_of(ROWS) {
                let progress = Progress {
                    rows: *rows,
                    of: log.estimate(),
                };
                if watch(progress) == Go::Stop {
                    stopped = Some(progress);
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        })?;
        stopped.map_or(Ok(()), |progress| Err(RunError::Interrupted(progress)))
    }
}
