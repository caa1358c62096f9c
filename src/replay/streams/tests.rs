//! What streams tell, against a look at all versions of each at once.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::sampling::sampled;
use crate::texts::Texts;

/// An event of one of two streams.
#[derive(Debug, Clone, Copy)]
struct Seen {
    stream: usize,
    version: Option<i64>,
    time: Option<i64>,
    is_tombstone: bool,
}

/// A log, and versions of the first stream of which nobody knows where they stand.
type Told = (Vec<Seen>, Vec<i64>);

const NAMES: [&str; 2] = ["one", "other"];

fn logs() -> impl Strategy<Value = Told> {
    let version = prop_oneof![9 => (0..8_i64).prop_map(Some), 1 => Just(None)];
    let time = prop_oneof![9 => (0..6_i64).prop_map(Some), 1 => Just(None)];
    let seen = (prop::bool::weighted(0.2), version, time, any::<u8>());
    let seen = seen.prop_map(|(other, version, time, kind)| Seen {
        stream: usize::from(other),
        version,
        time,
        is_tombstone: kind % 4 == 0,
    });
    let unplaced = prop_oneof![
        3 => Just(Vec::new()),
        1 => prop::collection::vec(0..8_i64, 1..3)
    ];
    (prop::collection::vec(seen, 1..9), unplaced)
}

fn position(index: usize) -> Position {
    Position(index as i64 + 1)
}

fn quickly((seen, unplaced): &Told, cut: bool, by_position: bool) -> Vec<Observation> {
    let mut streams = match by_position {
        true => Streams::default(),
        false => Streams::by_version(),
    };
    let mut texts = Texts::default();
    let names = NAMES.map(|name| texts.keep(name));
    let events = seen.iter().enumerate().map(|(index, seen)| StreamEvent {
        stamp: stamp(NAMES[seen.stream]),
        stream: texts.kept(names[seen.stream]),
        version: seen.version,
        position: position(index),
        time: seen.time.map(Timestamp::from_nanos),
        is_tombstone: seen.is_tombstone,
    });
    streams.take(events);
    for version in unplaced {
        streams.take_unplaced(stamp(NAMES[0]), *version);
    }
    streams.observations(cut, by_position).noticed
}

fn slowly((seen, unplaced): &Told, cut: bool, by_position: bool) -> Vec<Observation> {
    let (mut found, mut repeats) = (Vec::new(), Vec::new());
    let mut names: Vec<usize> = seen.iter().map(|seen| seen.stream).collect();
    names.dedup();
    names.truncate(2);
    for stream in names {
        let own: Vec<(Position, Seen)> = seen
            .iter()
            .enumerate()
            .filter(|(_, seen)| seen.stream == stream)
            .map(|(index, seen)| (position(index), *seen))
            .collect();
        let observe = |what| Observation {
            stream: NAMES[stream].to_owned(),
            what,
        };
        // Where each version stands first, and whether a tombstone has it.
        let mut placed: BTreeMap<i64, (Position, bool)> = BTreeMap::new();
        let mut backwards: Option<(u64, [Position; 2], Timestamp)> = None;
        let mut last: Option<(i64, Position)> = None;
        for (at, seen) in &own {
            let highest = placed
                .last_key_value()
                .map(|(version, at)| (*version, at.0));
            let is_next = match (seen.version, highest) {
                (None, _) => by_position,
                (Some(version), Some((highest, _))) => by_position || version > highest,
                (Some(_), None) => true,
            };
            if let Some(time) = seen.time.filter(|_| is_next) {
                if let Some((_, before)) = last.filter(|(last, _)| time < *last) {
                    let first = (0, [before, *at], Timestamp::from_nanos(time));
                    backwards.get_or_insert(first).0 += 1;
                }
                last = Some((time, *at));
            }
            let Some(version) = seen.version else {
                continue;
            };
            if let Some((highest, highest_at)) = highest.filter(|it| version <= it.0) {
                let what = match placed.contains_key(&version) {
                    true => {
                        let first = (version == highest).then_some(highest_at);
                        Some(Noticed::DuplicateVersion(version, first, *at))
                    }
                    false => {
                        by_position.then_some(Noticed::VersionBackwards(version, highest_at, *at))
                    }
                };
                repeats.extend(what.map(|what| (*at, observe(what))));
            }
            placed.entry(version).or_insert((*at, false)).1 |= seen.is_tombstone;
        }
        let mut all: BTreeMap<i64, bool> = placed
            .iter()
            .map(|(version, (_, is_meant))| (*version, *is_meant))
            .collect();
        let highest = all.keys().next_back().copied();
        for version in unplaced
            .iter()
            .filter(|it| stream == 0 && Some(**it) < highest)
        {
            all.entry(*version).or_insert(false);
        }
        let mut next = None;
        for (version, is_meant) in all {
            let from = next.unwrap_or(1);
            if version > from && !is_meant && !(cut && next.is_none()) {
                let before = placed.range(..from).next_back().map(|(_, at)| at.0);
                let (_, (after, _)) = placed
                    .range(version..)
                    .next()
                    .expect("the highest is placed");
                found.push(observe(Noticed::Gap(from..=version - 1, before, *after, 0)));
            }
            next = Some(version + 1);
        }
        found.extend(
            backwards.map(|(times, at, to)| observe(Noticed::TimeBackwards(times, at, to))),
        );
    }
    repeats.sort_by_key(|(at, _)| *at);
    found.extend(repeats.into_iter().map(|(_, one)| one));
    found
}

proptest! {
    #![proptest_config(sampled(3000))]
    #[test]
    fn streams_tell_as_they_go_what_a_look_at_all_of_their_versions_tells(
        told in logs(), cut in any::<bool>(), by_position in any::<bool>()
    ) {
        prop_assert_eq!(quickly(&told, cut, by_position), slowly(&told, cut, by_position));
    }
}

#[test]
fn versions_below_zero_are_new_once() {
    for deep in [0, 3_000_000_000, i64::MAX - 9] {
        let events = [0, 3, -5 - deep, -3 - deep, -3 - deep, -5 - deep];
        let events = events.map(|version| Seen {
            stream: 0,
            version: Some(version),
            time: None,
            is_tombstone: false,
        });
        let told = quickly(&(events.to_vec(), Vec::new()), false, true);
        let gap = Noticed::Gap(1..=2, Some(Position(1)), Position(2), 0);
        assert!(told.iter().any(|one| one.what == gap), "{told:?}");
        let repeats = told.iter().filter_map(|one| match one.what {
            Noticed::VersionBackwards(version, highest, at) => Some((version, highest.0, at.0)),
            Noticed::DuplicateVersion(version, None, at) => Some((version, 0, at.0)),
            _ => None,
        });
        let (five, three) = (-5 - deep, -3 - deep);
        let expected = [(five, 2, 3), (three, 2, 4), (three, 0, 5), (five, 0, 6)];
        assert_eq!(repeats.collect::<Vec<_>>(), expected);
    }
}

#[test]
fn what_is_between_versions_below_zero_nobody_counts() {
    let events = [1, 2, 3].map(|version| Seen {
        stream: 0,
        version: Some(version),
        time: None,
        is_tombstone: false,
    });
    // Of the second one the place is not known either: it divides what the first one left open.
    let told = quickly(&(events.to_vec(), vec![-5, -2]), false, true);
    assert_eq!(told, []);
}

#[test]
fn the_lowest_version_of_all_is_followed_by_new_ones() {
    let events = [i64::MIN, 5, -3, 3].map(|version| Seen {
        stream: 0,
        version: Some(version),
        time: None,
        is_tombstone: false,
    });
    let told = quickly(&(events.to_vec(), Vec::new()), false, true);
    let is_repeat = |one: &Observation| matches!(one.what, Noticed::DuplicateVersion(..));
    assert!(!told.iter().any(is_repeat), "{told:?}");
}

/// Of one stream: versions, each of which cannot be read where it is `None`, though it has one.
fn unread_versions() -> impl Strategy<Value = Vec<Option<i64>>> {
    let version = prop_oneof![3 => (1..9_i64).prop_map(Some), 1 => Just(None)];
    prop::collection::vec(version, 0..9)
}

proptest! {
    #![proptest_config(sampled(256))]
    #[test]
    fn versions_that_cannot_be_read_may_be_those_that_are_missing(versions in unread_versions()) {
        let mut streams = Streams::default();
        let mut texts = Texts::default();
        let name = texts.keep(NAMES[0]);
        for (index, version) in versions.iter().enumerate() {
            match version {
                None => streams.take_unread(stamp(NAMES[0])),
                Some(_) => streams.take([StreamEvent {
                    stamp: stamp(NAMES[0]),
                    stream: texts.kept(name),
                    version: *version,
                    position: position(index),
                    time: Some(Timestamp::from_nanos(0)),
                    is_tombstone: false,
                }].into_iter()),
            }
        }
        let told: std::collections::BTreeSet<i64> = versions.iter().flatten().copied().collect();
        let unread = versions.iter().filter(|version| version.is_none()).count();
        let missing = told.last().map_or(0, |last| *last as usize) - told.len();
        let observations = streams.observations(false, true);
        let gaps = observations.noticed.iter().filter(|one| matches!(one.what, Noticed::Gap(..)));
        prop_assert_eq!(gaps.count() > 0, missing > unread);
        prop_assert_eq!(observations.unread, u64::from(unread > 0));
        prop_assert_eq!(observations.untold, u64::from(unread > 0 && missing <= unread));
    }
}
