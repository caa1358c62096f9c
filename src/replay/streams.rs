//! What the versions and times of the streams tell about the log itself.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

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
    /// These versions are missing between these events.
    Gap(RangeInclusive<i64>, Option<Position>, Position),
    /// This version stands again: where first, if that is known, and where again.
    DuplicateVersion(i64, Option<Position>, Position),
    /// This version stands after a higher one: where the higher one and where it.
    VersionBackwards(i64, Position, Position),
    /// Times go back so many times, first between these events, to this time.
    TimeBackwards(u64, [Position; 2], Timestamp),
}

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
    /// Its time.
    pub time: Timestamp,
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

    fn push(&mut self, at: usize, event: StreamEvent<'_>) {
        let Streams {
            streams,
            repeats,
            by_version,
            ..
        } = self;
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
        if event.time < stream.time {
            let first = (0, stream.last_at, event.position, event.time);
            stream.odd().backwards.get_or_insert(first).0 += 1;
        }
        stream.time = event.time;
        stream.last_at = event.position;
    }

    /// Everything observed, in the order of the streams' first events. A log whose beginning was
    /// `cut` may start its streams anywhere; in one that is not `by_position`, arrival is no order.
    pub fn observations(self, cut: bool, by_position: bool) -> Vec<Observation> {
        let Streams {
            streams,
            names,
            repeats,
            ..
        } = self;
        let mut found = Vec::new();
        for (at, stream) in streams.into_iter().enumerate() {
            let Some(odd) = stream.odd else { continue };
            let name = names.text(at as u32).to_owned();
            for hole in odd
                .holes
                .values()
                .filter(|hole| !(cut && hole.before.is_none()))
            {
                found.push(Observation {
                    stream: name.clone(),
                    what: Noticed::Gap(hole.from..=hole.to, hole.before, hole.after),
                });
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
        found
    }
}

impl Stream {
    fn new(event: &StreamEvent<'_>) -> Stream {
        let highest = event.version.unwrap_or(0);
        let mut stream = Stream {
            lowest: highest,
            highest,
            highest_at: event.position,
            time: event.time,
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
