//! What the versions and times of the streams tell about the log itself.
//!
//! There may be as many streams as events, so that little is kept of each: a stream is known by its
//! [`stamp`], 64 bits that nobody can foresee, and its name is kept once there is something to tell of
//! it. (That two of ten million streams have the same one has odds of 1 to 370,000: n²/2⁶⁵.)

use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::hint::black_box;
use std::ops::{BitXor, RangeInclusive};
use std::sync::LazyLock;

use foldhash::fast::{FixedState, RandomState};
use hashbrown::{HashMap, HashSet};

use crate::event::{Position, Timestamp};
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

/// Versions of a stream that were not seen, though some were beyond them.
#[derive(Debug, Clone, Copy)]
struct Hole {
    to: i64,
    /// The event before it, where that and its place are known.
    before: Option<Position>,
    after: Position,
    /// No version of the stream was seen before it.
    is_first: bool,
    /// A tombstone right after it stands for the events.
    is_meant: bool,
}

/// The holes of all streams, by the stream's number and their first version. Few streams have any.
#[derive(Debug, Default)]
struct Holes(BTreeMap<(u32, i64), Hole>);

/// There may be as many as events.
#[derive(Debug)]
struct Stream {
    stamp: u64,
    lowest: i64,
    highest: i64,
    highest_at: Position,
    time: Timestamp,
    last_at: Position,
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
    holes: Holes,
    backwards: BTreeMap<u32, Backwards>,
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
        let holes = self.holes.0.len() * size_of::<((u32, i64), Hole)>();
        let backwards = self.backwards.len() * size_of::<(u32, Backwards)>();
        let named = self.names.capacity() * size_of::<(u32, Box<str>)>();
        let names: usize = self.names.values().map(|name| name.len()).sum();
        self.index.bytes() + room(&self.streams) + holes + backwards + named + names
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
        let known = known.map(|at| self.streams[*at as usize].stamp);
        black_box(known.fold(0, u64::bitxor));
        for (at, event) in found.iter().zip(events) {
            let number = match self.streams.get(*at as usize) {
                Some(stream) if stream.stamp == event.stamp => *at,
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
        let is_it = |at: u32| streams[at as usize].stamp == event.stamp;
        if let Some(known) = index.find_or_add(event.stamp, number, is_it) {
            return known;
        }
        streams.push(Stream::new(event.stamp, event.position));
        number
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
        let known = (self.holes.0.len(), self.backwards.len());
        if let Some(version) = event.version {
            let repeat = stream.version(version, event, (number, &mut self.holes));
            self.repeats.extend(repeat);
        }
        if let Some(time) = event.time.filter(|_| is_next) {
            stream.time(time, event.position, (number, &mut self.backwards));
        }
        if (self.holes.0.len(), self.backwards.len()) != known {
            let name = || event.stream.get().into();
            self.names.entry(number).or_insert_with(name);
        }
    }

    /// Everything observed, in the order of the streams' first events. A log whose beginning was
    /// `cut` may start its streams anywhere; in one that is not `by_position`, arrival is no order.
    pub fn observations(self, cut: bool, by_position: bool) -> Observations {
        let Streams {
            mut streams,
            names,
            mut holes,
            mut backwards,
            repeats,
            mut unread,
            unplaced,
            untimed,
            ..
        } = self;
        let with_unplaced = (0..).zip(&mut streams).filter(|_| !unplaced.is_empty());
        for (number, stream) in with_unplaced {
            let versions = unplaced.get(&stream.stamp);
            let versions = versions.into_iter().flatten();
            for version in versions.filter(|version| **version < stream.highest) {
                holes.fill((number, *version), &mut stream.lowest, None, false);
            }
        }
        let mut found = Vec::new();
        let all_unread = unread.len() as u64;
        let mut holes = holes.0.into_iter().peekable();
        for (number, stream) in (0..).zip(streams) {
            let is_own = |((of, _), _): &((u32, i64), Hole)| *of == number;
            let own = std::iter::from_fn(|| holes.next_if(is_own));
            let own = own.map(|((_, from), hole)| (from, hole));
            let own = own.filter(|(_, hole)| !(hole.is_meant || cut && hole.is_first));
            let own: Vec<(i64, Hole)> = own.collect();
            let backwards = backwards.remove(&number);
            if own.is_empty() && backwards.is_none() {
                continue;
            }
            let name = || names.get(&number).map_or("", AsRef::as_ref).to_owned();
            let may_be = unread.get(&stream.stamp).copied().unwrap_or(0);
            let missing = own.iter().map(|(from, hole)| hole.len(*from));
            if missing.fold(0, u64::saturating_add) > may_be {
                unread.remove(&stream.stamp);
                found.extend(own.into_iter().map(|(from, hole)| Observation {
                    stream: name(),
                    what: Noticed::Gap(from..=hole.to, hole.before, hole.after, may_be),
                }));
            }
            found.extend(
                backwards.map(|Backwards { times, between, to }| Observation {
                    stream: name(),
                    what: Noticed::TimeBackwards(times, between, to),
                }),
            );
        }
        found.extend(repeats.into_iter().filter(|observation| {
            by_position || !matches!(observation.what, Noticed::VersionBackwards(..))
        }));
        Observations {
            noticed: found,
            unread: all_unread,
            untold: unread.len() as u64,
            untimed: untimed.len() as u64,
        }
    }
}

impl Stream {
    /// One of which nothing was seen yet.
    const fn new(stamp: u64, at: Position) -> Stream {
        Stream {
            stamp,
            lowest: NONE_YET,
            highest: NONE_YET,
            highest_at: at,
            time: Timestamp::MIN,
            last_at: at,
        }
    }

    /// Takes the version of the next event; what is noteworthy about it.
    fn version(
        &mut self,
        version: i64,
        event: &StreamEvent<'_>,
        (number, holes): (u32, &mut Holes),
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
                let hole = Hole {
                    to: version - 1,
                    before: (!is_first).then_some(self.highest_at),
                    after: position,
                    is_first,
                    is_meant: is_tombstone,
                };
                holes.0.insert((number, next), hole);
            }
            if is_first {
                self.lowest = version;
            }
            self.highest = version;
            self.highest_at = position;
            return None;
        }
        let is_new = holes.fill(
            (number, version),
            &mut self.lowest,
            Some(position),
            is_tombstone,
        );
        let what = match is_new {
            true => Noticed::VersionBackwards(version, self.highest_at, position),
            false => {
                let first = (version == self.highest).then_some(self.highest_at);
                Noticed::DuplicateVersion(version, first, position)
            }
        };
        Some(Observation {
            stream: event.stream.get().to_owned(),
            what,
        })
    }

    /// Takes the time of the next event.
    fn time(
        &mut self,
        time: Timestamp,
        position: Position,
        (number, backwards): (u32, &mut BTreeMap<u32, Backwards>),
    ) {
        if time < self.time {
            let first = || Backwards {
                times: 0,
                between: [self.last_at, position],
                to: time,
            };
            backwards.entry(number).or_insert_with(first).times += 1;
        }
        self.time = time;
        self.last_at = position;
    }
}

impl Hole {
    fn len(&self, from: i64) -> u64 {
        self.to.abs_diff(from).saturating_add(1)
    }
}

impl Holes {
    /// Takes a version of a stream that is not above all that were seen, the lowest of which is
    /// this, and where it stands, if that is known; whether it is new.
    fn fill(
        &mut self,
        (number, version): (u32, i64),
        lowest: &mut i64,
        at: Option<Position>,
        is_tombstone: bool,
    ) -> bool {
        let Holes(holes) = self;
        let lowest_before = std::mem::replace(lowest, version.min(*lowest));
        let mut below = holes.range_mut((number, i64::MIN)..=(number, version));
        match below.next_back() {
            Some(((_, from), hole)) if hole.to >= version => {
                let (from, hole) = (*from, *hole);
                holes.remove(&(number, from));
                if from < version {
                    let lower = Hole {
                        to: version - 1,
                        after: at.unwrap_or(hole.after),
                        // What is between negative ones nobody counts.
                        is_meant: is_tombstone || hole.is_meant && hole.to < 1,
                        ..hole
                    };
                    holes.insert((number, from), lower);
                }
                if version < hole.to {
                    let upper = Hole {
                        before: at.or(hole.before),
                        is_first: false,
                        ..hole
                    };
                    holes.insert((number, version + 1), upper);
                }
                true
            }
            Some((_, hole)) if version >= lowest_before.min(1) => {
                hole.is_meant |= is_tombstone && hole.to == version - 1;
                false
            }
            _ if version >= lowest_before.min(1) => false,
            // It stands below 1. What is between negative ones nobody counts.
            _ => {
                let first = holes.get(&(number, 1)).copied();
                let first = first.filter(|hole| hole.is_first);
                if first.is_some() {
                    holes.remove(&(number, 1));
                }
                let next = match first {
                    Some(hole) => Some(Hole {
                        before: at,
                        is_first: false,
                        ..hole
                    }),
                    None => (version + 1 < lowest_before).then_some(Hole {
                        to: lowest_before - 1,
                        before: at,
                        after: at.unwrap_or(Position(0)),
                        is_first: false,
                        is_meant: true,
                    }),
                };
                holes.extend(next.map(|hole| ((number, version + 1), hole)));
                true
            }
        }
    }
}

#[cfg(test)]
mod tests;
