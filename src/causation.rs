//! Which event caused which, over the whole log.
//!
//! A register keeps 40 bytes of each event that has an id or a cause, and joins them by sorting when
//! the log was read. What it says rests on 64-bit hashes: where two events are said to belong
//! together, whoever reports it has to compare their texts; that no event has an id is certain.
//!
//! In a log that is ordered by position, a cause stands before its effect. In one that is ordered by
//! time, a cause comes before its effect whatever their clocks say, and may arrive after it.

use crate::definition::log::Order;
use crate::event::{Position, Timestamp};

/// What is kept of an event. Hashes are 0 where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Note {
    /// Hash of its id.
    pub id: u64,
    /// Hash of the id of its cause.
    pub cause: u64,
    /// Hash of its correlation value.
    pub correlation: u64,
    /// Where it stands.
    pub position: Position,
    /// When it happened.
    pub time: Timestamp,
}

/// What is wrong with an event's cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum What {
    /// No event of the log has that id.
    Dangling,
    /// The event causes itself, by way of so many others.
    Cycle(u32),
    /// The cause comes after the effect.
    Later,
    /// The cause belongs to another correlation.
    OtherCorrelation,
}

/// An event with something wrong about its cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub what: What,
    /// The effect.
    pub effect: Position,
    /// When that happened.
    pub since: Timestamp,
    /// The cause, where it is in the log.
    pub cause: Option<Position>,
}

/// What the register says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Conclusion {
    /// Events with an id.
    pub with_id: u64,
    /// Events with a cause.
    pub with_cause: u64,
    /// Positions that share an id: the first one, and one after it.
    pub same_id: Vec<(Position, Position)>,
    /// What is wrong with causes, in position order.
    pub faults: Vec<Fault>,
}

/// How far a circle of causes is followed.
const FURTHEST: u32 = 10_000;

/// Everything that is known of ids and causes.
#[derive(Debug, Default)]
pub struct Register {
    notes: Vec<Note>,
}

impl Register {
    /// Takes the next event.
    pub fn take(&mut self, note: Note) {
        self.notes.push(note);
    }

    /// Joins causes and effects.
    pub fn conclude(mut self, order: Order) -> Conclusion {
        self.notes
            .sort_unstable_by_key(|note| (note.id, note.position));
        let named = self.notes.partition_point(|note| note.id == 0);
        let known = &self.notes[named..];
        let mut conclusion = Conclusion {
            with_id: known.len() as u64,
            ..Conclusion::default()
        };
        for same in known.chunk_by(|one, other| one.id == other.id) {
            let again = same
                .iter()
                .skip(1)
                .map(|note| (same[0].position, note.position));
            conclusion.same_id.extend(again);
        }
        conclusion.same_id.sort_unstable_by_key(|(_, again)| *again);
        for note in self.notes.iter().filter(|note| note.cause != 0) {
            conclusion.with_cause += 1;
            judge(known, note, order, &mut conclusion.faults);
        }
        conclusion
            .faults
            .sort_unstable_by_key(|fault| (fault.effect, fault.what));
        conclusion
    }
}

/// The events with this id, in position order; those given are sorted by id.
fn find(known: &[Note], id: u64) -> &[Note] {
    let start = known.partition_point(|note| note.id < id);
    let length = known[start..].partition_point(|note| note.id == id);
    &known[start..start + length]
}

fn judge(known: &[Note], effect: &Note, order: Order, faults: &mut Vec<Fault>) {
    let causes = find(known, effect.cause);
    let mut fault = |what, cause: Option<&Note>| {
        faults.push(Fault {
            what,
            effect: effect.position,
            since: effect.time,
            cause: cause.map(|cause| cause.position),
        });
    };
    let Some(first) = causes.first() else {
        return fault(What::Dangling, None);
    };
    // A circle has at least one event that stands before its cause.
    let goes_back = first.position > effect.position;
    let others = goes_back.then(|| circle(known, effect)).flatten();
    if effect.id != 0 && effect.id == effect.cause {
        fault(What::Cycle(0), Some(first));
    } else if let Some(others) = others {
        fault(What::Cycle(others), Some(first));
    } else if goes_back && order == Order::Position {
        fault(What::Later, Some(first));
    }
    let differs = |cause: &Note| {
        cause.correlation != 0 && effect.correlation != 0 && cause.correlation != effect.correlation
    };
    if causes.iter().all(differs) {
        fault(What::OtherCorrelation, Some(first));
    }
}

/// By way of how many other events an event causes itself, if it does.
fn circle(known: &[Note], effect: &Note) -> Option<u32> {
    if effect.id == 0 {
        return None;
    }
    let mut cause = effect.cause;
    for others in 1..FURTHEST {
        let next = find(known, cause).first()?;
        if next.cause == effect.id {
            return Some(others);
        }
        if next.cause == 0 || next.cause == next.id {
            return None;
        }
        cause = next.cause;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Span;

    /// Events as `(id, cause, correlation, time)`, at the positions 1, 2, 3 …
    fn conclude(events: &[(u64, u64, u64, i64)], order: Order) -> Conclusion {
        let mut register = Register::default();
        for (index, (id, cause, correlation, time)) in events.iter().enumerate() {
            register.take(Note {
                id: *id,
                cause: *cause,
                correlation: *correlation,
                position: Position(index as i64 + 1),
                time: Timestamp::from_nanos(*time),
            });
        }
        register.conclude(order)
    }

    fn faults(events: &[(u64, u64, u64, i64)], order: Order) -> Vec<(What, i64, Option<i64>)> {
        let found = conclude(events, order).faults;
        let flat = |fault: Fault| (fault.what, fault.effect.0, fault.cause.map(|cause| cause.0));
        found.into_iter().map(flat).collect()
    }

    const BY_TIME: Order = Order::Time {
        skew: Span::from_nanos(2),
        lateness: Span::ZERO,
    };

    #[test]
    fn a_chain_in_order_is_sound_and_one_that_leads_nowhere_is_not() {
        let chain = [(1, 0, 9, 0), (2, 1, 9, 1), (3, 2, 9, 2)];
        assert_eq!(faults(&chain, Order::Position), []);
        let cut = [(2, 1, 9, 1), (3, 2, 9, 2)];
        assert_eq!(faults(&cut, Order::Position), [(What::Dangling, 1, None)]);
    }

    #[test]
    fn a_cause_after_its_effect_is_later_in_position_order_and_sound_in_time_order() {
        let events = [(2, 1, 9, 5), (1, 0, 9, 4)];
        assert_eq!(
            faults(&events, Order::Position),
            [(What::Later, 1, Some(2))]
        );
        assert_eq!(faults(&events, BY_TIME), []);
    }

    #[test]
    fn circles_are_told_from_causes_that_are_only_late() {
        assert_eq!(
            faults(&[(1, 1, 9, 0)], Order::Position),
            [(What::Cycle(0), 1, Some(1))]
        );
        let three = [(1, 3, 9, 0), (2, 1, 9, 1), (3, 2, 9, 2)];
        assert_eq!(
            faults(&three, Order::Position),
            [(What::Cycle(2), 1, Some(3))]
        );
    }

    #[test]
    fn causes_of_another_correlation_and_repeated_ids_are_told() {
        let events = [(1, 0, 8, 0), (2, 1, 9, 1), (3, 1, 0, 2), (1, 0, 8, 3)];
        assert_eq!(
            faults(&events, Order::Position),
            [(What::OtherCorrelation, 2, Some(1))]
        );
        let same = conclude(&events, Order::Position).same_id;
        assert_eq!(same, [(Position(1), Position(4))]);
    }

    /// Every pair of events is looked at, and every circle walked by its definition.
    fn slowly(events: &[(u64, u64, u64, i64)]) -> Vec<(What, i64, Option<i64>)> {
        let first = |id: u64| events.iter().position(|event| event.0 == id);
        let mut found = Vec::new();
        for (at, (id, cause, correlation, _)) in events.iter().enumerate() {
            if *cause == 0 {
                continue;
            }
            let Some(origin) = first(*cause) else {
                found.push((What::Dangling, at as i64 + 1, None));
                continue;
            };
            let mut place = (What::Later, at as i64 + 1, Some(origin as i64 + 1));
            if id == cause {
                found.push((What::Cycle(0), place.1, place.2));
            } else if origin > at {
                let mut next = origin;
                for others in 1..events.len() as u32 + 1 {
                    if events[next].1 == *id && *id != 0 {
                        place.0 = What::Cycle(others);
                        break;
                    }
                    match first(events[next].1) {
                        Some(after) if events[next].1 != 0 => next = after,
                        _ => break,
                    }
                }
                found.push(place);
            }
            let other = events[origin].2;
            if other != 0 && *correlation != 0 && other != *correlation {
                found.push((
                    What::OtherCorrelation,
                    at as i64 + 1,
                    Some(origin as i64 + 1),
                ));
            }
        }
        found.sort_by_key(|(what, at, _)| (*at, *what));
        found
    }

    proptest::proptest! {
        #[test]
        fn what_is_found_is_what_a_slow_look_finds(
            causes in proptest::collection::vec((0..12_u64, 0..4_u64), 0..12)
        ) {
            let events: Vec<(u64, u64, u64, i64)> = causes
                .iter()
                .enumerate()
                .map(|(at, (cause, correlation))| (at as u64 + 1, *cause, *correlation, at as i64))
                .collect();
            proptest::prop_assert_eq!(faults(&events, Order::Position), slowly(&events));
        }
    }
}
