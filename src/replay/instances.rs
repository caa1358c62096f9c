//! The instances met so far: found by saga and correlation value, with the events that are needed
//! to judge them.
//!
//! An instance that is over and clean is *settled*. Its events are kept for a while, in case more
//! of them come, and dropped, oldest first, once the settled ones hold more than a fixed budget. An
//! event for an instance whose events were dropped makes it *reopened*: it has to be read again.

use std::collections::VecDeque;
use std::hint::black_box;
use std::ops::BitXor;

use foldhash::fast::FixedState;

use crate::event::Timestamp;
use crate::expression::Scope;
use crate::saga::{Meaning, Moment, Outcome};
use crate::texts::{Index, Kept, Keys, room};

/// How many events of settled instances are kept: half a megabyte. Their room is what new instances are
/// given next, so that it is to be in a core's own cache still, beside everything else. An event that
/// comes later for one of which none is kept has the log read once more.
const KEPT: usize = 1 << 14;
/// The same where every instance is told of, which a settled one without its events cannot be in full.
const KEPT_TO_TELL: usize = 1 << 16;

/// How many events of which not everything can be told are kept of one instance.
const DOUBTS: usize = 8;

/// How many events an instance is given room for at first.
const FIRST: usize = 8;
/// Room for more than this is not kept for another instance.
const ROOM: usize = 32;

/// Where an entry is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Its events are here.
    Open,
    /// Over, clean, its events still here.
    Settled(Outcome),
    /// Over, clean, its events dropped.
    Dropped(Outcome),
    /// Its events were dropped, then more came.
    Reopened,
}

/// What orders the events of an instance where the position does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Link {
    /// Hash of the stream; 0 for none.
    pub stream: u64,
    /// The version there.
    pub version: i64,
    /// Hash of the event's id; 0 for none.
    pub id: u64,
    /// Hash of the causing event's id; 0 for none.
    pub cause: u64,
}

impl Link {
    /// Of an event.
    pub(super) fn of(event: &Scope<'_>) -> Link {
        Link {
            stream: event.stream.map_or(0, |stream| Keys::hash(stream) | 1),
            version: event.version.unwrap_or(i64::MIN),
            id: Keys::hash_of_name(event.id),
            cause: Keys::hash_of_name(event.causation),
        }
    }
}

/// What of an event cannot be read, beside what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Blank {
    /// Its position.
    pub position: bool,
    /// What puts it before or after others.
    pub order: bool,
    /// When it happened.
    pub time: bool,
    /// Its idempotency key.
    pub key: bool,
    /// The name of its error.
    pub error: bool,
}

/// An event of which not everything could be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// The event, with one of its possible meanings.
    pub moment: Moment,
    /// How its instance's events are ordered with it, as in [`Instances::links`].
    pub link: Link,
    /// Everything that it may mean; `None` is nothing at all.
    pub options: Vec<Option<Meaning>>,
    /// What else of it could not be told.
    pub blank: Blank,
    /// Why it could not be told.
    pub reason: String,
}

/// Adds an event of which not everything can be told; with too many of them nothing is judged.
fn take_doubt(doubts: &mut Vec<Doubt>, doubt: Doubt) {
    match doubts.len() {
        DOUBTS => doubts[0].blank.order = true,
        _ => doubts.push(doubt),
    }
}

/// One instance.
#[derive(Debug)]
pub struct Entry {
    id_start: usize,
    id_length: u32,
    /// Index of its saga.
    pub saga: u16,
    /// Where it is on its way.
    pub stage: Stage,
    /// Its events as they arrived, unless dropped.
    pub moments: Vec<Moment>,
    /// The time of its last event.
    pub last: Timestamp,
}

/// All instances.
#[derive(Debug, Default)]
pub struct Instances {
    index: Index,
    entries: Vec<Entry>,
    ids: Vec<u8>,
    settled: VecDeque<u32>,
    kept: usize,
    /// Every instance is told of in the end.
    tells_all: bool,
    /// Room that dropped instances had, for new ones.
    spare: Vec<Vec<Moment>>,
    /// What orders events by more than time, per entry and in step with its moments; empty in a
    /// log that is ordered by position.
    pub links: hashbrown::HashMap<u32, Vec<Link>, FixedState>,
    /// Events without a certain meaning, per entry.
    pub doubts: hashbrown::HashMap<u32, Vec<Doubt>, FixedState>,
}

impl Entry {
    /// Whether it is that of this instance; the ids of all stand end to end.
    fn is(&self, saga: u16, id: &str, ids: &[u8]) -> bool {
        let end = self.id_start + self.id_length as usize;
        self.saga == saga && &ids[self.id_start..end] == id.as_bytes()
    }
}

impl Instances {
    /// What an instance is looked up by. Computed by readers, apart from the look-ups, so that those
    /// of many rows overlap in the machine. The instances of many sagas under one id are spread over
    /// the table.
    pub fn hash(saga: u16, id: &str) -> u64 {
        Instances::spread(saga, Keys::hash(id))
    }

    /// The same, given the hash of the id.
    pub fn spread(saga: u16, hash: u64) -> u64 {
        const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
        hash.wrapping_add(u64::from(saga).wrapping_mul(SPREAD))
    }

    /// The entries of many instances, each given by hash, saga and id, made where they are new;
    /// `found` is replaced.
    ///
    /// Each step goes over all of them before the next one, so that the machine fetches what the
    /// many need at the same time instead of one after the other.
    pub fn entries_of<'t, I>(&mut self, wanted: I, found: &mut Vec<u32>)
    where
        I: Iterator<Item = (u64, u16, Kept<'t>)> + Clone,
    {
        let fetched = wanted.clone().map(|(hash, ..)| self.index.fetch(hash));
        black_box(fetched.fold(0, u32::bitxor));
        found.clear();
        found.extend(wanted.clone().map(|(hash, _, _)| self.index.likely(hash)));
        let known = found.iter().filter(|at| **at != Index::NONE);
        let starts = known.map(|at| self.entries[*at as usize].id_start);
        let first = starts.map(|start| self.ids.get(start).copied().unwrap_or(0));
        black_box(first.fold(0, u8::bitxor));
        for (at, (hash, saga, id)) in found.iter_mut().zip(wanted) {
            let id = id.get();
            if *at == Index::NONE || !self.is(*at, saga, id) {
                *at = self.entry(hash, saga, id);
            }
        }
    }

    /// Looks at the last events of many entries before anything is added to them: one after the other
    /// each would wait for memory, together they wait for it once.
    pub fn fetch(&self, entries: &[u32]) {
        let last = |at: &u32| self.entries[*at as usize].moments.last();
        let positions = entries.iter().filter_map(last);
        black_box(positions.fold(0, |all, moment| all ^ moment.position.0));
    }

    fn is(&self, at: u32, saga: u16, id: &str) -> bool {
        self.entries[at as usize].is(saga, id, &self.ids)
    }

    /// The entry of the instance with this hash, made if it is new.
    fn entry(&mut self, hash: u64, saga: u16, id: &str) -> u32 {
        let Instances {
            index,
            entries,
            ids,
            ..
        } = self;
        let at = entries.len() as u32;
        let is_it = |at: u32| entries[at as usize].is(saga, id, ids);
        if let Some(known) = index.find_or_add(hash, at, is_it) {
            return known;
        }
        let entry = Entry {
            id_start: ids.len(),
            id_length: id.len() as u32,
            saga,
            stage: Stage::Open,
            moments: Vec::new(),
            last: Timestamp::MIN,
        };
        ids.extend_from_slice(id.as_bytes());
        entries.push(entry);
        at
    }

    /// Whether any event of this instance was met.
    pub fn knows(&self, saga: u16, id: &str) -> bool {
        let hash = Instances::hash(saga, id);
        self.index.find(hash, |at| self.is(at, saga, id)).is_some()
    }

    /// Every entry, in the order of first appearance.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry at this index.
    pub fn get(&self, at: u32) -> &Entry {
        &self.entries[at as usize]
    }

    /// The correlation value of the entry at this index.
    pub fn id(&self, at: u32) -> &str {
        let entry = self.get(at);
        let bytes = &self.ids[entry.id_start..entry.id_start + entry.id_length as usize];
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    /// Makes an entry one that is not over; whether its events are here.
    fn open(&mut self, at: u32) -> bool {
        let entry = &mut self.entries[at as usize];
        match entry.stage {
            Stage::Dropped(_) | Stage::Reopened => entry.stage = Stage::Reopened,
            Stage::Settled(_) => {
                entry.stage = Stage::Open;
                self.kept -= entry.moments.len();
            }
            Stage::Open => {}
        }
        entry.stage == Stage::Open
    }

    /// Adds an event; returns whether its instance's events are here to be judged.
    pub fn push(&mut self, at: u32, moment: Moment) -> bool {
        let is_here = self.open(at);
        let entry = &mut self.entries[at as usize];
        entry.last = entry.last.max(moment.time);
        if !is_here {
            return false;
        }
        if entry.moments.capacity() == 0 {
            entry.moments = self
                .spare
                .pop()
                .unwrap_or_else(|| Vec::with_capacity(FIRST));
        }
        entry.moments.push(moment);
        true
    }

    /// Adds an event of which not everything can be told. An instance that has too many of them is not
    /// judged, so that no more are kept.
    pub fn doubt(&mut self, at: u32, doubt: Doubt) {
        if !self.open(at) {
            return;
        }
        let entry = &mut self.entries[at as usize];
        entry.last = entry.last.max(doubt.moment.time);
        take_doubt(self.doubts.entry(at).or_default(), doubt);
    }

    /// Keeps more events of settled instances, since every instance is told of in the end.
    pub fn tell_all(&mut self) {
        self.tells_all = true;
    }

    /// Notes that an instance is over and clean.
    pub fn settle(&mut self, at: u32, outcome: Outcome) {
        let entry = &mut self.entries[at as usize];
        entry.stage = Stage::Settled(outcome);
        self.kept += entry.moments.len();
        self.settled.push_back(at);
    }

    /// Makes room where the settled hold too many events, by dropping the longest settled.
    pub fn shed(&mut self) {
        let most = match self.tells_all {
            true => KEPT_TO_TELL,
            false => KEPT,
        };
        while self.kept > most {
            let Some(oldest) = self.settled.pop_front() else {
                return;
            };
            let entry = &mut self.entries[oldest as usize];
            if let Stage::Settled(outcome) = entry.stage {
                let mut room = std::mem::take(&mut entry.moments);
                self.kept -= room.len();
                entry.stage = Stage::Dropped(outcome);
                if room.capacity() <= ROOM {
                    room.clear();
                    self.spare.push(room);
                }
            }
        }
    }

    /// Bytes kept.
    pub fn bytes(&self) -> usize {
        let moments = self.entries.iter().map(|entry| &entry.moments);
        let moments: usize = moments.chain(&self.spare).map(room).sum();
        let links = self.links.values().map(room);
        let links: usize = links.map(|own| own + size_of::<(u32, Vec<Link>)>()).sum();
        let doubts = self.doubts.values().flatten();
        let doubts: usize = doubts
            .map(|doubt| size_of::<Doubt>() + room(&doubt.options) + doubt.reason.len())
            .sum();
        let tables = self.index.bytes() + room(&self.entries) + self.ids.capacity();
        tables + moments + links + doubts
    }

    /// The instances that have to be read again.
    pub fn reopened(&self) -> impl Iterator<Item = u32> {
        (0..self.entries.len() as u32).filter(|at| self.get(*at).stage == Stage::Reopened)
    }

    /// Makes a reopened entry ready to take all its events anew.
    pub fn reset(&mut self, at: u32) {
        let entry = &mut self.entries[at as usize];
        entry.stage = Stage::Open;
        entry.moments = Vec::new();
        self.doubts.remove(&at);
    }
}
