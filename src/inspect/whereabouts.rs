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
    /// Where rows stand that may be of any instance.
    astray: Vec<Position>,
    places: HashMap<String, Vec<Position>>,
}

/// Whose a row is.
enum Whose<'r> {
    /// Of an instance that was asked for.
    Of(&'r str),
    /// It does not tell, so that it may be of any.
    AnyOnes,
    /// Of none that was asked for.
    Others,
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

    /// The places of an instance in a log, and of what may be of any, ascending, as it is now; `None`
    /// where it is not one that was asked for, or where the log has no places that last.
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
        let mut astray: Vec<Position> = Vec::new();
        let mut rows = 0;
        let vacant = known.vacant.look(|range, taken| {
            self.read(log, range, &mut rows, watch, &mut |whose, position| {
                taken(position.0);
                match whose {
                    Whose::Of(id) => found.push((id.to_owned(), position)),
                    Whose::AnyOnes => astray.push(position),
                    Whose::Others => {}
                }
            })
        })?;
        if known.vacant.is_all() {
            known.places.clear();
            known.astray.clear();
        }
        known.vacant = vacant;
        known.astray.append(&mut astray);
        for (id, position) in found {
            known.places.entry(id).or_default().push(position);
        }
        let mut places = known.places.get(id).cloned().unwrap_or_default();
        places.extend(&known.astray);
        places.sort_unstable();
        Ok(Some(places))
    }

    fn is_wanted(&self, id: &str) -> bool {
        let by_id = |wanted: &String| wanted.as_str().cmp(id);
        self.wanted.binary_search_by(by_id).is_ok()
    }

    /// Tells where rows stand between two positions, and whose each is.
    fn read(
        &self,
        log: &Log,
        (first, last): (i64, i64),
        rows: &mut u64,
        watch: Watch<'_>,
        tell: &mut dyn FnMut(Whose<'_>, Position),
    ) -> Result<(), RunError> {
        let fields = Fields {
            correlation: true,
            ..Fields::default()
        };
        let range = Filter::Range(Position(first), Position(last));
        let mut stopped = None;
        log.scan(fields, range, &mut |row| {
            let (position, id, is_unread) = match &row {
                Ok(row) => (Some(row.position), row.correlation, false),
                Err(bad) => {
                    let is_unread = bad.rest.unread.correlation;
                    (bad.position, bad.correlation.as_deref(), is_unread)
                }
            };
            let whose = match id.filter(|id| self.is_wanted(id)) {
                Some(id) => Whose::Of(id),
                None if is_unread => Whose::AnyOnes,
                None => Whose::Others,
            };
            if let Some(position) = position {
                tell(whose, position);
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
