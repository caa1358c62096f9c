//! What the versions and times of the streams tell about the log itself.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};

use crate::event::{Position, Timestamp};
use crate::texts::{Keys, room};

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

#[derive(Debug, Clone, Copy)]
struct Hole {
    from: i64,
    to: i64,
    before: Option<Position>,
    after: Position,
}

#[derive(Debug)]
struct Stream {
    lowest: i64,
    highest: i64,
    highest_at: Position,
    time: Timestamp,
    last_at: Position,
    /// What few streams have. There may be as many streams as events.
    odd: Option<Box<Odd>>,
}

/// What is not as it should be in a stream.
#[derive(Debug, Default)]
struct Odd {
    /// By their first version.
    holes: BTreeMap<i64, Hole>,
    /// How often times go back, and first between which events to which time.
    backwards: Option<(u64, Position, Position, Timestamp)>,
}

/// Follows every stream of a log in position order.
#[derive(Debug, Default)]
pub struct Streams {
    names: Keys,
    streams: Vec<Stream>,
    found: Vec<u32>,
    repeats: Vec<Observation>,
    by_version: bool,
    /// How many events of a stream have a version that cannot be read, by the hash of its name.
    unread: HashMap<u64, u64, FixedState>,
    /// Versions of events whose place is not known, by the same.
    unplaced: HashMap<u64, Vec<i64>, FixedState>,
    /// The numbers of streams with an event whose time cannot be read.
    untimed: HashSet<u32, FixedState>,
}

/// What of an event concerns its stream.
#[derive(Debug, Clone, Copy)]
pub struct StreamEvent<'a> {
    /// Of the stream's name, see [`Keys::hash`].
    pub hash: u64,
    /// The stream's name.
    pub stream: &'a str,
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

    /// Bytes kept; of holes and repeats, which are faults, none.
    pub fn bytes(&self) -> usize {
        self.names.bytes() + room(&self.streams)
    }

    /// Takes the next events in position order.
    pub fn take<'e>(&mut self, events: impl Iterator<Item = StreamEvent<'e>> + Clone) {
        let mut found = std::mem::take(&mut self.found);
        let names = events.clone().map(|event| (event.hash, event.stream));
        self.names.numbers(names, &mut found);
        for (at, event) in found.iter().zip(events) {
            self.push(*at as usize, event);
        }
        self.found = found;
    }

    /// Takes an event whose version cannot be read, of the stream with this hash.
    pub fn take_unread(&mut self, hash: u64) {
        *self.unread.entry(hash).or_default() += 1;
    }

    /// Takes an event of the stream with this hash that stands nobody knows where.
    pub fn take_unplaced(&mut self, hash: u64, version: i64) {
        self.unplaced.entry(hash).or_default().push(version);
    }

    fn push(&mut self, at: usize, event: StreamEvent<'_>) {
        let Streams {
            streams,
            repeats,
            by_version,
            untimed,
            ..
        } = self;
        if event.time.is_none() {
            untimed.insert(at as u32);
        }
        if at == streams.len() {
            streams.push(Stream::new(&event));
            return;
        }
        let stream = &mut streams[at];
        let is_late = *by_version
            && event
                .version
                .is_some_and(|version| version < stream.highest);
        if let Some(version) = event.version {
            stream.version(version, &event, repeats);
        }
        if is_late {
            return;
        }
        let Some(time) = event.time else { return };
        if time < stream.time {
            let first = (0, stream.last_at, event.position, time);
            stream.odd().backwards.get_or_insert(first).0 += 1;
        }
        stream.time = time;
        stream.last_at = event.position;
    }

    /// Everything observed, in the order of the streams' first events. A log whose beginning was
    /// `cut` may start its streams anywhere; in one that is not `by_position`, arrival is no order.
    pub fn observations(self, cut: bool, by_position: bool) -> Observations {
        let Streams {
            streams,
            names,
            repeats,
            mut unread,
            mut unplaced,
            untimed,
            ..
        } = self;
        let mut found = Vec::new();
        let all_unread = unread.len() as u64;
        for (at, stream) in streams.into_iter().enumerate() {
            let Some(mut odd) = stream.odd else { continue };
            let name = names.text(at as u32).to_owned();
            let hash = Keys::hash(&name);
            for version in unplaced.remove(&hash).unwrap_or_default() {
                odd.fill(version);
            }
            let holes = odd.holes.values();
            let holes = holes.filter(|hole| !(cut && hole.before.is_none()));
            let may_be = unread.get(&hash).copied().unwrap_or(0);
            let missing: u64 = holes.clone().map(Hole::len).fold(0, u64::saturating_add);
            if missing > may_be {
                unread.remove(&hash);
                found.extend(holes.map(|hole| Observation {
                    stream: name.clone(),
                    what: Noticed::Gap(hole.from..=hole.to, hole.before, hole.after, may_be),
                }));
            }
            if let Some((times, from, to, at)) = odd.backwards {
                found.push(Observation {
                    stream: name,
                    what: Noticed::TimeBackwards(times, [from, to], at),
                });
            }
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
    fn new(event: &StreamEvent<'_>) -> Stream {
        let highest = event.version.unwrap_or(NONE_YET);
        let mut stream = Stream {
            lowest: highest,
            highest,
            highest_at: event.position,
            time: event.time.unwrap_or(Timestamp::MIN),
            last_at: event.position,
            odd: None,
        };
        if event.version.is_some_and(|version| version > 1) && !event.is_tombstone {
            stream.odd().leave(Hole {
                from: 1,
                to: highest - 1,
                before: None,
                after: event.position,
            });
            stream.lowest = 1;
        }
        stream
    }

    fn odd(&mut self) -> &mut Odd {
        self.odd.get_or_insert_default()
    }

    fn version(&mut self, version: i64, event: &StreamEvent<'_>, repeats: &mut Vec<Observation>) {
        if self.highest == NONE_YET {
            let Stream {
                odd, time, last_at, ..
            } = std::mem::replace(self, Stream::new(event));
            let begun = self.odd.take();
            *self = Stream {
                odd: begun.or(odd),
                time,
                last_at,
                ..*self
            };
            return;
        }
        if version > self.highest {
            if version > self.highest.saturating_add(1) && !event.is_tombstone {
                let hole = Hole {
                    from: self.highest + 1,
                    to: version - 1,
                    before: Some(self.highest_at),
                    after: event.position,
                };
                self.odd().leave(hole);
            }
            self.highest = version;
            self.highest_at = event.position;
            return;
        }
        let hole = self.odd.as_mut().and_then(|odd| odd.fill(version));
        let is_first = version < self.lowest && version >= 0;
        if hole.is_some() || is_first {
            self.lowest = self.lowest.min(version);
            repeats.push(Observation {
                stream: event.stream.to_owned(),
                what: Noticed::VersionBackwards(version, self.highest_at, event.position),
            });
        } else {
            let first = (version == self.highest).then_some(self.highest_at);
            repeats.push(Observation {
                stream: event.stream.to_owned(),
                what: Noticed::DuplicateVersion(version, first, event.position),
            });
        }
    }
}

impl Hole {
    fn len(&self) -> u64 {
        self.to.abs_diff(self.from).saturating_add(1)
    }
}

impl Odd {
    fn leave(&mut self, hole: Hole) {
        self.holes.insert(hole.from, hole);
    }

    /// The hole that a version fills, at least in part.
    fn fill(&mut self, version: i64) -> Option<Hole> {
        let (_, hole) = self.holes.range(..=version).next_back()?;
        let hole = *hole;
        if hole.to < version {
            return None;
        }
        self.holes.remove(&hole.from);
        if hole.from < version {
            self.leave(Hole {
                to: version - 1,
                ..hole
            });
        }
        if version < hole.to {
            self.leave(Hole {
                from: version + 1,
                ..hole
            });
        }
        Some(hole)
    }
}
