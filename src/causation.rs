//! Which event caused which, over the whole log.
//!
//! A register keeps 40 bytes of each event that has an id or a cause, and joins them by sorting when
//! the log was read. What it says rests on 64-bit hashes: where two events are said to belong
//! together, whoever reports it has to compare their texts; that no event has an id is certain,
//! unless it is the id of a row that is not judged: one that is bad, or later than the horizon.
//!
//! In a log that is ordered by position, a cause stands before its effect. In one that is ordered by
//! time, a cause comes before its effect whatever their clocks say, and may arrive after it.

mod circles;

use crate::causation::circles::Circles;
use crate::definition::log::Order;
use crate::event::{Position, Timestamp};
use crate::share::Share;
use crate::texts::room;

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

/// A row that is in the log and is not judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hidden {
    /// It has an id with this hash.
    Id(u64),
    /// Its id cannot be read: it may be anybody's cause.
    Nameless,
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
    /// Events whose cause is, or may be, a row that is not judged.
    pub hidden: u64,
    /// A cause stands after its effect, so that there may be circles.
    pub goes_back: bool,
}

/// How many of the highest bits of a hash choose the shelf that its note stands on.
const SHELVES: u32 = 6;

/// Everything that is known of ids and causes.
#[derive(Debug)]
pub struct Register {
    /// By the highest bits of the id's hash, so that each is sorted within a core's cache and all of
    /// them, one after the other, are in the order of ids.
    shelves: Vec<Vec<Note>>,
    hidden: Vec<u64>,
    has_nameless: bool,
}

impl Default for Register {
    fn default() -> Register {
        Register {
            shelves: shelves(),
            hidden: Vec::new(),
            has_nameless: false,
        }
    }
}

/// Empty ones.
fn shelves() -> Vec<Vec<Note>> {
    vec![Vec::new(); 1 << SHELVES]
}

/// The shelf of the notes with an id.
fn shelf(id: u64) -> usize {
    (id >> (u64::BITS - SHELVES)) as usize
}

impl Conclusion {
    /// Adds what another share of the ids says.
    pub fn add(&mut self, other: Conclusion) {
        self.with_id += other.with_id;
        self.with_cause += other.with_cause;
        self.hidden += other.hidden;
        self.goes_back |= other.goes_back;
        self.same_id.extend(other.same_id);
        self.same_id.sort_unstable_by_key(|(_, again)| *again);
        self.faults.extend(other.faults);
        self.faults
            .sort_unstable_by_key(|fault| (fault.effect, fault.what));
    }
}

impl Register {
    /// Takes the next event.
    pub fn take(&mut self, note: Note) {
        self.shelves[shelf(note.id)].push(note);
    }

    /// Takes a row that is not judged.
    pub fn hide(&mut self, row: Hidden) {
        match row {
            Hidden::Id(id) => self.hidden.push(id),
            Hidden::Nameless => self.has_nameless = true,
        }
    }

    /// Bytes kept, with what it takes to join them.
    pub fn bytes(&self) -> usize {
        let shelf = |notes: &Vec<Note>| room(notes) + notes.len() * size_of::<&Note>();
        self.shelves.iter().map(shelf).sum()
    }

    /// An empty one for another share of the ids, which knows of the same rows that are not judged.
    pub fn emptied(self) -> Register {
        Register {
            shelves: shelves(),
            ..self
        }
    }

    /// Joins causes and effects whose ids belong to a share; those of no other share are complete.
    /// Circles are told in the whole only: where a cause of a share stands after its effect, the
    /// conclusion says so.
    pub fn conclude(&mut self, order: Order, share: Share) -> Conclusion {
        for notes in &mut self.shelves {
            notes.sort_unstable_by_key(|note| (note.id, note.position));
        }
        self.hidden.sort_unstable();
        let known = Known::of(&self.shelves, share);
        let mut conclusion = Conclusion::default();
        for notes in &known.shelves {
            conclusion.with_id += notes.len() as u64;
            for same in notes.chunk_by(|one, other| one.id == other.id) {
                let again = same.iter().skip(1);
                let again = again.map(|note| (same[0].position, note.position));
                conclusion.same_id.extend(again);
            }
        }
        conclusion.same_id.sort_unstable_by_key(|(_, again)| *again);
        let mut circles = Circles::new(&known);
        let mut caused: Vec<Vec<&Note>> = vec![Vec::new(); 1 << SHELVES];
        let effects = self.shelves.iter().flatten();
        for effect in effects.filter(|note| note.cause != 0 && share.has(note.cause)) {
            caused[shelf(effect.cause)].push(effect);
        }
        for (mut effects, causes) in caused.into_iter().zip(&known.shelves) {
            effects.sort_unstable_by_key(|effect| effect.cause);
            self.join(&effects, causes, (order, &mut circles), &mut conclusion);
        }
        conclusion
            .faults
            .sort_unstable_by_key(|fault| (fault.effect, fault.what));
        self.shelves = shelves();
        conclusion
    }

    /// Joins the effects and the causes of one shelf, both in the order of the cause's id: one walk
    /// finds what so many searches would.
    fn join(
        &self,
        effects: &[&Note],
        causes: &[Note],
        (order, circles): (Order, &mut Circles<'_>),
        conclusion: &mut Conclusion,
    ) {
        conclusion.with_cause += effects.len() as u64;
        let mut rest = causes;
        for effects in effects.chunk_by(|one, other| one.cause == other.cause) {
            let Some(cause) = effects.first().map(|effect| effect.cause) else {
                continue;
            };
            let skipped = rest.iter().take_while(|note| note.id < cause).count();
            rest = &rest[skipped..];
            let same = rest.iter().take_while(|note| note.id == cause).count();
            let causes = &rest[..same];
            for effect in effects {
                if let Some(first) = causes.first() {
                    conclusion.goes_back |= first.position > effect.position;
                    judge(circles, causes, effect, order, &mut conclusion.faults);
                } else if self.has_nameless || self.hidden.binary_search(&cause).is_ok() {
                    conclusion.hidden += 1;
                } else {
                    let fault = Fault::new(What::Dangling, effect, None);
                    conclusion.faults.push(fault);
                }
            }
        }
    }
}

/// The events of a share that have an id, by shelf, sorted by id and position.
#[derive(Debug)]
struct Known<'a> {
    shelves: Vec<&'a [Note]>,
}

impl<'a> Known<'a> {
    /// Of these notes, those that belong to a share. Shares are ranges of hashes, so that its ids
    /// stand next to each other.
    fn of(shelves: &'a [Vec<Note>], share: Share) -> Known<'a> {
        let is_own = |note: &Note| note.id != 0 && share.has(note.id);
        let own = |notes: &'a Vec<Note>| {
            let first = notes.iter().position(is_own).unwrap_or(notes.len());
            let rest = &notes[first..];
            &rest[..rest.partition_point(is_own)]
        };
        Known {
            shelves: shelves.iter().map(own).collect(),
        }
    }

    /// The first event with this id.
    fn first(&self, id: u64) -> Option<&'a Note> {
        let notes = self.shelves[shelf(id)];
        let at = notes.partition_point(|note| note.id < id);
        notes.get(at).filter(|note| note.id == id)
    }
}

impl Fault {
    fn new(what: What, effect: &Note, cause: Option<&Note>) -> Fault {
        Fault {
            what,
            effect: effect.position,
            since: effect.time,
            cause: cause.map(|cause| cause.position),
        }
    }
}

/// Judges an event by those that have the id of its cause, of which there is at least one.
fn judge(
    circles: &mut Circles<'_>,
    causes: &[Note],
    effect: &Note,
    order: Order,
    faults: &mut Vec<Fault>,
) {
    let first = &causes[0];
    // A circle has at least one event that stands before its cause.
    let goes_back = first.position > effect.position;
    let others = goes_back.then(|| circles.others(effect)).flatten();
    let mut fault = |what| faults.push(Fault::new(what, effect, Some(first)));
    if effect.id != 0 && effect.id == effect.cause {
        fault(What::Cycle(0));
    } else if let Some(others) = others {
        fault(What::Cycle(others));
    } else if goes_back && order == Order::Position {
        fault(What::Later);
    }
    let differs = |cause: &Note| {
        cause.correlation != 0 && effect.correlation != 0 && cause.correlation != effect.correlation
    };
    if causes.iter().all(differs) {
        fault(What::OtherCorrelation);
    }
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
        register.conclude(order, Share::WHOLE)
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
    fn a_cause_in_a_row_that_is_not_judged_is_no_dangling_one() {
        let told = |hidden: &[Hidden]| {
            let mut register = Register::default();
            hidden.iter().for_each(|row| register.hide(*row));
            register.take(Note {
                id: 2,
                cause: 1,
                correlation: 0,
                position: Position(5),
                time: Timestamp::MIN,
            });
            let conclusion = register.conclude(Order::Position, Share::WHOLE);
            (conclusion.faults.len(), conclusion.hidden)
        };
        assert_eq!(told(&[]), (1, 0));
        assert_eq!(told(&[Hidden::Id(7)]), (1, 0));
        assert_eq!(told(&[Hidden::Id(7), Hidden::Id(1)]), (0, 1));
        assert_eq!(told(&[Hidden::Nameless]), (0, 1));
    }

    #[test]
    fn a_circle_is_found_whatever_leads_into_it_and_however_long_it_is() {
        let length = 30_000_u64;
        let ring = (1..=length).map(|id| (id, id % length + 1, 9, 0));
        let into = (length + 1..length + 5).map(|id| (id, id + 1, 9, 0));
        let last = (length + 5, 1, 9, 0);
        let events: Vec<_> = ring.chain(into).chain([last]).collect();
        let found = faults(&events, Order::Position);
        let circles = |fault: &&(What, i64, Option<i64>)| fault.0 == What::Cycle(length as u32 - 1);
        assert_eq!(found.iter().filter(circles).count(), length as usize - 1);
        assert_eq!(found.len(), length as usize - 1 + 4);
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
