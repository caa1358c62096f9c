//! The keys whose rows are not what all their events give, and what a second pass gathers of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::definition::projection::{Counts, Key};
use crate::log;
use crate::projection::compare::{Clash, Row};
use crate::projection::fold::Fold;
use crate::projection::history::History;
use crate::projection::ledger::Assembly;
use crate::projection::note::Note;
use crate::texts::{Keys, Texts};

/// How many events of suspects are gathered at most; further suspects stay unknown.
const MOST_EVENTS: u64 = 2_000_000;

/// A key that has to be looked into.
#[derive(Debug)]
pub(super) struct Suspect {
    pub(super) key: String,
    pub(super) row: Option<Row>,
    pub(super) events: u64,
    /// Why its row cannot be compared with the fold of all its events, where that is so.
    pub(super) unreadable: Option<Clash>,
}

/// Keys whose row is not the fold of all their events.
#[derive(Debug, Default)]
pub struct Suspects {
    pub(super) histories: Vec<History>,
    /// The number of each one's projection among the held ones.
    pub(super) held_by: Vec<usize>,
    /// By projection, the number of each key's history.
    index: BTreeMap<usize, HashMap<String, usize, FixedState>>,
    assembly: Assembly,
}

/// How far the streams go of which rows claim more than the events known of their keys.
#[derive(Debug, Default)]
pub struct Versions {
    /// By the hash of the stream, the last version met.
    streams: HashMap<u64, Option<i64>, FixedState>,
    /// Of some rows the stream or the version cannot be told.
    is_incomplete: bool,
}

impl Versions {
    /// Takes a row of the log.
    pub fn see(&mut self, row: Result<&log::Row<'_>, &log::BadRow>) {
        match row {
            Ok(row) => {
                let stream = row.stream.map(Keys::hash);
                if let Some(last) = stream.and_then(|stream| self.streams.get_mut(&stream)) {
                    *last = (*last).max(row.version);
                }
            }
            Err(bad) => {
                let stream = bad.rest.stream.as_deref().map(Keys::hash);
                let may_be = |stream| self.streams.contains_key(&stream);
                self.is_incomplete |= stream.map_or(bad.rest.unread.stream, may_be);
            }
        }
    }

    fn of(&self, stream: u64) -> Option<i64> {
        let last = self.streams.get(&stream).copied().flatten();
        last.filter(|_| !self.is_incomplete)
    }
}

impl Suspects {
    /// One key of the first projection, of which every event is wanted.
    pub fn of(fold: &Arc<Fold>, key: &str) -> Suspects {
        Suspects {
            histories: vec![History::new(fold, key.to_owned(), None)],
            held_by: vec![0],
            index: BTreeMap::from([(0, HashMap::from_iter([(key.to_owned(), 0)]))]),
            assembly: Assembly::default(),
        }
    }

    /// Adds the suspects of a projection as far as their events can be gathered, those with few
    /// events first; answers the others.
    pub(super) fn add(
        &mut self,
        (held_by, projection): (usize, usize),
        fold: &Arc<Fold>,
        mut found: Vec<Suspect>,
    ) -> Vec<Suspect> {
        found.sort_by(|one, other| (one.events, &one.key).cmp(&(other.events, &other.key)));
        let mut events = 0_u64;
        let fits = found.iter().take_while(|suspect| {
            events = events.saturating_add(suspect.events);
            events <= MOST_EVENTS
        });
        let others = found.split_off(fits.count());
        for suspect in found {
            self.index
                .entry(projection)
                .or_default()
                .insert(suspect.key.clone(), self.histories.len());
            self.histories
                .push(History::new(fold, suspect.key, suspect.row));
            self.held_by.push(held_by);
        }
        others
    }

    /// Takes a note of the second pass, in position order.
    pub fn take(&mut self, note: &Note, texts: &Texts) {
        let Some((event, touch)) = self.assembly.take(note, texts) else {
            return;
        };
        let at = self
            .index
            .get(&usize::from(event.projection))
            .and_then(|keys| keys.get(texts.get(event.key)));
        if let Some(history) = at.and_then(|at| self.histories.get_mut(*at)) {
            history.push(touch.clone());
        }
    }

    /// The streams of rows whose version is beyond that of every event known of their key: other
    /// events may have these versions. `None` where there are none.
    pub fn overtaken(&self) -> Option<Versions> {
        let mut versions = Versions::default();
        let beyond = self.histories.iter().filter(|history| {
            let is_counted = history.counts() == Some(Counts::Version);
            is_counted && history.row_version() > history.greatest()
        });
        versions
            .streams
            .extend(beyond.filter_map(|history| Some((stream(history)?, None))));
        (!versions.streams.is_empty()).then_some(versions)
    }

    /// Takes note of how far those streams go.
    pub fn learn(&mut self, versions: &Versions) {
        for history in &mut self.histories {
            if let Some(stream) = stream(history)
                && versions.streams.contains_key(&stream)
            {
                history.reaches(versions.of(stream));
            }
        }
    }

    /// The histories gathered, for whoever explains them.
    pub fn histories(&self) -> &[History] {
        &self.histories
    }
}

/// The hash of the one stream that all events of a key are in, where that is known.
fn stream(history: &History) -> Option<u64> {
    match &history.definition().key {
        Key::Stream { before, after } => {
            let key = history.key();
            Some(Keys::hash(&format!("{before}{key}{after}")))
        }
        Key::Expression(_) => {
            let first = history.touches().first()?;
            let stream = first.stream.filter(|_| !history.spans_streams());
            stream.map(std::num::NonZeroU64::get)
        }
    }
}
