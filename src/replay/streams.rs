//! What the versions and times of the streams tell about the log itself.
//!
//! There may be as many streams as events, so that little is kept of each: a stream is known by its
//! [`stamp`], 64 bits that nobody can foresee, and its name is kept once there is something to tell of
//! it. (That two of ten million streams have the same one has odds of 1 to 370,000: n²/2⁶⁵.)

mod holes;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::hint::black_box;
use std::ops::{BitXor, RangeInclusive};
use std::sync::LazyLock;

use foldhash::fast::{FixedState, RandomState};
use hashbrown::{HashMap, HashSet};

use crate::event::{Position, Timestamp};
use crate::replay::streams::holes::{Hole, Holes};
use crate::texts::{Index, Kept, room};

/// What a stream is known by as long as the program runs: a hash of its name, for which nobody can make
/// up another name that has it, too.
pub fn stamp(name: &str) -> u64 {
    static UNFORESEEN: LazyLock<RandomState> = LazyLock::new(RandomState::default);
    UNFORESEEN.hash_one(name.as_bytes())
}

/// Something noteworthy about a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// The stream's name.
    pub stream: String,
    /// What is noteworthy.
    pub what: Noticed,
}

/// What is noteworthy about a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Noticed {
    /// These versions are missing between these events. They may be some of so many events of the
    /// stream whose version cannot be read, if not all that are missing.
    Gap(RangeInclusive<i64>, Option<Position>, Position, u64),
    /// This version stands again: where first, if that is known, and where again.
    DuplicateVersion(i64, Option<Position>, Position),
    /// This version stands after a higher one: where the higher one and where it.
    VersionBackwards(i64, Position, Position),
    /// Times go back so many times, first between these events, to this time.
    TimeBackwards(u64, [Position; 2], Timestamp),
}

/// What the streams tell.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Observations {
    /// What is noteworthy.
    pub noticed: Vec<Observation>,
    /// How many streams have an event whose version cannot be read.
    pub unread: u64,
    /// Of how many of them it cannot be told whether a version is missing.
    pub untold: u64,
    /// How many streams have an event whose time cannot be read.
    pub untimed: u64,
}

impl Observations {
    /// Adds what other streams tell.
    pub fn add(&mut self, other: Observations) {
        self.noticed.extend(other.noticed);
        self.unread += other.unread;
        self.untold += other.untold;
        self.untimed += other.untimed;
    }
}

/// The version of a stream of which none was seen.
const NONE_YET: i64 = i64::MIN;

/// There may be as many as events, so that what is different in few of them stands [`Apart`].
#[derive(Debug)]
struct Stream {
    /// The upper half of its stamp; the index keeps the lower one.
    upper: u32,
    /// The lowest version that was seen, or 1 where that is higher; [`DEEP`] where it is lower than
    /// this can hold.
    lowest: i32,
    highest: i64,
    time: Timestamp,
    last_at: Position,
}

/// Instead of a lowest version that stands [`Apart`].
const DEEP: i32 = i32::MIN;

/// What is known of few streams, by their numbers.
#[derive(Debug, Default)]
struct Apart {
    holes: Holes,
    backwards: BTreeMap<u32, Backwards>,
    /// Where the highest version stands, if that is not where the last event with a time does: so where
    /// its own time cannot be read, and from the first later event on that has another version or none.
    peaks: HashMap<u32, Position, FixedState>,
    /// The lowest versions of those that are [`DEEP`].
    depths: HashMap<u32, i64, FixedState>,
}

/// How often times go back, and first between which events to which time.
#[derive(Debug)]
struct Backwards {
    times: u64,
    between: [Position; 2],
    to: Timestamp,
}

/// Follows every stream of a log in position order.
#[derive(Debug, Default)]
pub struct Streams {
    index: Index,
    streams: Vec<Stream>,
    found: Vec<u32>,
    /// Those of streams with a hole, or whose times go back.
    names: HashMap<u32, Box<str>, FixedState>,
    apart: Apart,
    repeats: Vec<Observation>,
    by_version: bool,
    /// How many events of a stream have a version that cannot be read, by its stamp.
    unread: HashMap<u64, u64, FixedState>,
    /// Versions of events whose place is not known, by the same.
    unplaced: HashMap<u64, Vec<i64>, FixedState>,
    /// The numbers of streams with an event whose time cannot be read.
    untimed: HashSet<u32, FixedState>,
}

/// What of an event concerns its stream.
#[derive(Debug, Clone, Copy)]
pub struct StreamEvent<'a> {
    /// That of the stream's name.
    pub stamp: u64,
    /// The stream's name.
    pub stream: Kept<'a>,
    /// The event's version, if it has one.
    pub version: Option<i64>,
    /// Where it stands.
    pub position: Position,
    /// Its time, where that can be read.
    pub time: Option<Timestamp>,
    /// It stands for removed events: a hole right before it is none.
    pub is_tombstone: bool,
}

impl Streams {
    /// For a log in which arrival is no order, so that versions alone order a stream.
    pub fn by_version() -> Streams {
        Streams {
            by_version: true,
            ..Streams::default()
        }
    }

    /// How many streams there are.
    pub fn len(&self) -> usize {
        self.streams.len()
    }

    /// Whether no event had a stream.
    pub fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }

    /// Bytes kept; of repeats, which are faults, none.
    pub fn bytes(&self) -> usize {
        let named = self.names.capacity() * size_of::<(u32, Box<str>)>();
        let names: usize = self.names.values().map(|name| name.len()).sum();
        self.index.bytes() + room(&self.streams) + self.apart.bytes() + named + names
    }

    /// Takes the next events in position order.
    ///
    /// Each step goes over all of them before the next one, so that the machine fetches what the
    /// many need at the same time instead of one after the other.
    pub fn take<'e>(&mut self, events: impl Iterator<Item = StreamEvent<'e>> + Clone) {
        let mut found = std::mem::take(&mut self.found);
        let stamps = || events.clone().map(|event| event.stamp);
        black_box(
            stamps()
                .map(|stamp| self.index.fetch(stamp))
                .fold(0, u32::bitxor),
        );
        found.clear();
        found.extend(stamps().map(|stamp| self.index.likely(stamp)));
        let known = found.iter().filter(|at| **at != Index::NONE);
        let known = known.map(|at| self.streams[*at as usize].upper);
        black_box(known.fold(0, u32::bitxor));
        for (at, event) in found.iter().zip(events) {
            let number = match self.streams.get(*at as usize) {
                Some(stream) if stream.upper == upper(event.stamp) => *at,
                _ => self.number(&event),
            };
            self.push(number, &event);
        }
        self.found = found;
    }

    /// The number of an event's stream, a new one if it was not met before.
    fn number(&mut self, event: &StreamEvent<'_>) -> u32 {
        let Streams { index, streams, .. } = self;
        let number = streams.len() as u32;
        let is_it = |at: u32| streams[at as usize].upper == upper(event.stamp);
        if let Some(known) = index.find_or_add(event.stamp, number, is_it) {
            return known;
        }
        streams.push(Stream::new(event.stamp, event.position));
        number
    }

    /// The number of the stream with this stamp, if it was met.
    fn find(&self, stamp: u64) -> Option<u32> {
        let is_it = |at: u32| self.streams[at as usize].upper == upper(stamp);
        self.index.find(stamp, is_it)
    }

    /// Takes an event whose version cannot be read, of the stream with this stamp.
    pub fn take_unread(&mut self, stamp: u64) {
        *self.unread.entry(stamp).or_default() += 1;
    }

    /// Takes an event of the stream with this stamp that stands nobody knows where.
    pub fn take_unplaced(&mut self, stamp: u64, version: i64) {
        self.unplaced.entry(stamp).or_default().push(version);
    }

    fn push(&mut self, number: u32, event: &StreamEvent<'_>) {
        if event.time.is_none() {
            self.untimed.insert(number);
        }
        let stream = &mut self.streams[number as usize];
        let is_next = !self.by_version
            || event
                .version
                .is_some_and(|version| version > stream.highest);
        let (known, highest) = (self.apart.irregular(), stream.highest);
        if let Some(version) = event.version {
            let repeat = stream.version(version, event, (number, &mut self.apart));
            self.repeats.extend(repeat);
        }
        if let Some(time) = event.time.filter(|_| is_next) {
            if stream.highest == highest && highest != NONE_YET {
                self.apart.peaks.entry(number).or_insert(stream.last_at);
            }
            stream.time(time, event.position, (number, &mut self.apart));
        }
        if self.apart.irregular() != known {
            let name = || event.stream.get().into();
            self.names.entry(number).or_insert_with(name);
        }
    }

    /// Everything observed, in the order of the streams' first events. A log whose beginning was
    /// `cut` may start its streams anywhere; in one that is not `by_position`, arrival is no order.
    pub fn observations(mut self, cut: bool, by_position: bool) -> Observations {
        for (stamp, versions) in std::mem::take(&mut self.unplaced) {
            let Some(number) = self.find(stamp) else {
                continue;
            };
            let stream = &mut self.streams[number as usize];
            for version in versions {
                if version < stream.highest {
                    stream.fill(version, None, false, (number, &mut self.apart));
                }
            }
        }
        let unread = self.unread.iter();
        let unread = unread.filter_map(|(stamp, count)| Some((self.find(*stamp)?, *count)));
        let unread: HashMap<u32, u64, FixedState> = unread.collect();
        let Apart {
            holes: Holes(holes),
            mut backwards,
            ..
        } = self.apart;
        let mut irregular: Vec<u32> = holes.keys().map(|(number, _)| *number).collect();
        irregular.extend(backwards.keys());
        irregular.sort_unstable();
        irregular.dedup();
        let mut found = Vec::new();
        let mut untold = self.unread.len() as u64;
        for number in irregular {
            let own = holes.range((number, i64::MIN)..=(number, i64::MAX));
            let own = own.map(|((_, from), hole)| (*from, *hole));
            let own = own.filter(|(_, hole)| !(hole.is_meant || cut && hole.is_first));
            let own: Vec<(i64, Hole)> = own.collect();
            let name = || self.names.get(&number).map_or("", AsRef::as_ref).to_owned();
            let may_be = unread.get(&number).copied().unwrap_or(0);
            let missing = own.iter().map(|(from, hole)| hole.len(*from));
            if missing.fold(0, u64::saturating_add) > may_be {
                // Of one without such an event nothing was counted.
                untold -= u64::from(may_be > 0);
                found.extend(own.into_iter().map(|(from, hole)| Observation {
                    stream: name(),
                    what: Noticed::Gap(from..=hole.to, hole.before, hole.after, may_be),
                }));
            }
            let backwards = backwards.remove(&number);
            found.extend(
                backwards.map(|Backwards { times, between, to }| Observation {
                    stream: name(),
                    what: Noticed::TimeBackwards(times, between, to),
                }),
            );
        }
        found.extend(self.repeats.into_iter().filter(|observation| {
            by_position || !matches!(observation.what, Noticed::VersionBackwards(..))
        }));
        Observations {
            noticed: found,
            unread: self.unread.len() as u64,
            untold,
            untimed: self.untimed.len() as u64,
        }
    }
}

const fn upper(stamp: u64) -> u32 {
    (stamp >> u32::BITS) as u32
}

impl Apart {
    /// How much there is that is to be told.
    fn irregular(&self) -> (usize, usize) {
        (self.holes.0.len(), self.backwards.len())
    }

    fn bytes(&self) -> usize {
        let holes = self.holes.0.len() * size_of::<((u32, i64), Hole)>();
        let backwards = self.backwards.len() * size_of::<(u32, Backwards)>();
        let peaks = self.peaks.capacity() * size_of::<(u32, Position)>();
        let depths = self.depths.capacity() * size_of::<(u32, i64)>();
        holes + backwards + peaks + depths
    }
}

impl Stream {
    /// One of which nothing was seen yet.
    const fn new(stamp: u64, at: Position) -> Stream {
        Stream {
            upper: upper(stamp),
            lowest: 1,
            highest: NONE_YET,
            time: Timestamp::MIN,
            last_at: at,
        }
    }

    /// Where the highest version stands.
    fn highest_at(&self, (number, apart): (u32, &Apart)) -> Position {
        let peak = apart.peaks.get(&number);
        peak.copied().unwrap_or(self.last_at)
    }

    /// The lowest version that was seen, or 1 where that is higher.
    fn lowest(&self, (number, apart): (u32, &Apart)) -> i64 {
        let lowest = i64::from(self.lowest);
        match self.lowest {
            DEEP => apart.depths.get(&number).copied().unwrap_or(lowest),
            _ => lowest,
        }
    }

    /// Takes note of a version that may be the lowest.
    fn sink(&mut self, version: i64, (number, apart): (u32, &mut Apart)) {
        let lowest = version.min(self.lowest((number, apart)));
        self.lowest = i32::try_from(lowest).unwrap_or(DEEP);
        if self.lowest == DEEP {
            apart.depths.insert(number, lowest);
        }
    }

    /// Takes the version of the next event; what is noteworthy about it.
    fn version(
        &mut self,
        version: i64,
        event: &StreamEvent<'_>,
        (number, apart): (u32, &mut Apart),
    ) -> Option<Observation> {
        let &StreamEvent {
            position,
            is_tombstone,
            ..
        } = event;
        let is_first = self.highest == NONE_YET;
        if is_first || version > self.highest {
            let next = match is_first {
                true => 1,
                false => self.highest.saturating_add(1),
            };
            if version > next {
                let before = (!is_first).then(|| self.highest_at((number, apart)));
                let hole = Hole {
                    to: version - 1,
                    before,
                    after: position,
                    is_first,
                    is_meant: is_tombstone,
                };
                apart.holes.0.insert((number, next), hole);
            }
            if is_first {
                self.lowest = 1;
                self.sink(version, (number, apart));
            }
            self.highest = version;
            match event.time {
                Some(_) if apart.peaks.is_empty() => {}
                Some(_) => _ = apart.peaks.remove(&number),
                None => _ = apart.peaks.insert(number, position),
            }
            return None;
        }
        let highest_at = self.highest_at((number, apart));
        let is_new = self.fill(version, Some(position), is_tombstone, (number, apart));
        let what = match is_new {
            true => Noticed::VersionBackwards(version, highest_at, position),
            false => {
                let first = (version == self.highest).then_some(highest_at);
                Noticed::DuplicateVersion(version, first, position)
            }
        };
        Some(Observation {
            stream: event.stream.get().to_owned(),
            what,
        })
    }

    /// Takes a version that is not above all that were seen, and where it stands, if that is known;
    /// whether it is new.
    fn fill(
        &mut self,
        version: i64,
        at: Option<Position>,
        is_tombstone: bool,
        (number, apart): (u32, &mut Apart),
    ) -> bool {
        let lowest = self.lowest((number, apart));
        self.sink(version, (number, apart));
        apart
            .holes
            .fill((number, version), lowest, at, is_tombstone)
    }

    /// Takes the time of the next event.
    fn time(&mut self, time: Timestamp, position: Position, (number, apart): (u32, &mut Apart)) {
        if time < self.time {
            let first = || Backwards {
                times: 0,
                between: [self.last_at, position],
                to: time,
            };
            let backwards = &mut apart.backwards;
            backwards.entry(number).or_insert_with(first).times += 1;
        }
        self.time = time;
        self.last_at = position;
    }
}
