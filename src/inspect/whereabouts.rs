//! Where the events of some instances stand, in a log that has no index on its correlation: found in
//! one scan and kept up with what comes, so that each instance can be read again and again without
//! reading the whole log for it.
//!
//! What is relied on is that a log only grows at its end. A row that was put in further up, or given
//! to another instance, is not noticed; one that is gone or says something else is.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};

use crate::event::Position;
use crate::log::{Fields, Filter, Log, LogError};

/// The places of the instances that were asked for, by log.
#[derive(Debug)]
pub struct Whereabouts {
    wanted: Vec<String>,
    logs: Mutex<HashMap<String, Known>>,
}

#[derive(Debug, Default)]
struct Known {
    /// Up to here the log was scanned.
    seen: Option<Position>,
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

    /// The places of an instance in a log, ascending, up to the log's end as it is now; `None` where
    /// it is not one that was asked for, or where the log has no places that last.
    pub(super) fn of(
        &self,
        name: &str,
        log: &Log,
        id: &str,
    ) -> Result<Option<Vec<Position>>, LogError> {
        let is_wanted = |id: &str| {
            let found = self
                .wanted
                .binary_search_by(|wanted| wanted.as_str().cmp(id));
            found.is_ok()
        };
        if !is_wanted(id) || log.parts(u64::MAX).is_empty() {
            return Ok(None);
        }
        // A scan that broke off has not moved `seen`, so what it found is only found again.
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        let known = logs.entry(name.to_owned()).or_default();
        let fields = Fields {
            correlation: true,
            ..Fields::default()
        };
        let next = known.seen.map_or(i64::MIN, |seen| seen.0.saturating_add(1));
        let rest = Filter::Range(Position(next), Position(i64::MAX));
        let mut found: Vec<(String, Position)> = Vec::new();
        let mut seen = known.seen;
        log.scan(fields, rest, &mut |row| {
            if let Ok(row) = row {
                seen = Some(row.position);
                let id = row.correlation.filter(|id| is_wanted(id));
                found.extend(id.map(|id| (id.to_owned(), row.position)));
            }
            ControlFlow::Continue(())
        })?;
        known.seen = seen;
        for (id, position) in found {
            known.places.entry(id).or_default().push(position);
        }
        Ok(Some(known.places.get(id).cloned().unwrap_or_default()))
    }
}
