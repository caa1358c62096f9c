//! Which event caused which, over the whole log.
//!
//! A register keeps 40 bytes of each event that has an id or a cause, or 16 where nobody asks for
//! causes, and joins them by sorting when the log was read. What it says rests on 64-bit hashes: where two events are said to belong
//! together, whoever reports it has to compare their texts; that no event has an id is certain,
//! unless it is the id of a row that is not judged: one that is bad, or later than the horizon.
//!
//! In a log that is ordered by position, a cause stands before its effect. In one that is ordered by
//! time, a cause comes before its effect whatever their clocks say, and may arrive after it.

mod circles;

use std::mem;
use std::ops::Range;

use crate::beside;
use crate::causation::circles::Circles;
use crate::definition::log::Order;
use crate::event::{Position, Timestamp};
use crate::share::Share;
use crate::texts::{Keys, room};

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

/// A row that is in the log and is not judged, or not fully.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hidden {
    /// It has an id with this hash.
    Id(u64),
    /// Its id cannot be read: it may be anybody's cause.
    Nameless,
    /// Its cause cannot be read.
    Effect,
    /// Its cause can be read, and its correlation cannot.
    Uncorrelated,
    /// It has an id, and nobody looks whether that stands twice.
    Untold,
}

impl Hidden {
    /// The row with this id.
    pub fn of(id: &str) -> Hidden {
        Hidden::Id(Keys::hash_of_name(Some(id)))
    }
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
    /// Events whose cause cannot be read, or is, or may be, a row that is not judged.
    pub hidden: u64,
    /// Events with a cause whose correlation cannot be read.
    pub uncorrelated: u64,
    /// Rows that are not judged and may have an id that stands elsewhere, too.
    pub untold_ids: u64,
    /// A cause stands after its effect, so that there may be circles.
    pub goes_back: bool,
}

/// How many of the highest bits of a hash choose the shelf that its note stands on.
const SHELVES: u32 = 8;

/// Everything that is known of ids and causes.
#[derive(Debug)]
pub struct Register {
    /// By the highest bits of the id's hash, so that each is sorted within a core's cache and all of
    /// them, one after the other, are in the order of ids.
    shelves: Vec<Vec<Note>>,
    /// The same, of events of which only the id matters.
    bare: Vec<Vec<(u64, Position)>>,
    hidden: Vec<u64>,
    /// How many rows have an id that cannot be read.
    nameless: u64,
    /// How many events have a cause that cannot be read.
    causeless: u64,
    /// How many events have a cause and a correlation that cannot be read.
    uncorrelated: u64,
    /// How many rows have an id of which nobody looks whether it stands twice.
    untold: u64,
}

impl Default for Register {
    fn default() -> Register {
        Register {
            shelves: shelves(),
            bare: shelves(),
            hidden: Vec::new(),
            nameless: 0,
            causeless: 0,
            uncorrelated: 0,
            untold: 0,
        }
    }
}

/// Empty ones.
fn shelves<T: Clone>() -> Vec<Vec<T>> {
    vec![Vec::new(); 1 << SHELVES]
}

/// Of these ids all that stand more than once, and a few others: those whose place in a table of bits
/// another one has, too. To find them takes a fraction of the time that sorting all of them would.
fn maybe_repeated(ids: &[(u64, Position)]) -> Vec<(u64, Position)> {
    const BITS_EACH: usize = 16;
    let words = (ids.len() * BITS_EACH / 64).next_power_of_two();
    let place = |id: u64| {
        let word = (id >> 8) as usize & (words - 1);
        (word, 1_u64 << (id >> 1 & 63))
    };
    let mut once = vec![0_u64; words];
    let mut again = vec![0_u64; words];
    for (id, _) in ids {
        let (word, bit) = place(*id);
        again[word] |= once[word] & bit;
        once[word] |= bit;
    }
    let is_there_again = |id: u64| {
        let (word, bit) = place(id);
        again[word] & bit != 0
    };
    let ids = ids.iter().filter(|(id, _)| is_there_again(*id));
    ids.copied().collect()
}

/// Does something to each shelf, half of them beside the other half where there are threads for it.
fn each<T: Send>(threads: usize, shelves: &mut [Vec<T>], what: impl Fn(&mut Vec<T>) + Sync) {
    let (one, other) = shelves.split_at_mut(shelves.len() / 2);
    let what = &what;
    beside::both(
        threads,
        || one.iter_mut().for_each(what),
        || other.iter_mut().for_each(what),
    );
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
        self.untold_ids += other.untold_ids;
        self.uncorrelated += other.uncorrelated;
        self.goes_back |= other.goes_back;
        self.same_id.extend(other.same_id);
        self.faults.extend(other.faults);
        self.sort();
    }

    /// Puts everything into the log's order.
    fn sort(&mut self) {
        self.same_id.sort_unstable_by_key(|(_, again)| *again);
        self.faults
            .sort_unstable_by_key(|fault| (fault.effect, fault.what));
    }
}

impl Register {
    /// Takes the next event.
    pub fn take(&mut self, note: Note) {
        self.shelves[shelf(note.id)].push(note);
    }

    /// Takes the next event of which only the id matters: its hash and where it stands.
    pub fn take_id(&mut self, id: u64, position: Position) {
        self.bare[shelf(id)].push((id, position));
    }

    /// Takes a row that is not judged.
    pub fn hide(&mut self, row: Hidden) {
        match row {
            Hidden::Id(id) => self.hidden.push(id),
            Hidden::Nameless => self.nameless += 1,
            Hidden::Effect => self.causeless += 1,
            Hidden::Uncorrelated => self.uncorrelated += 1,
            Hidden::Untold => self.untold += 1,
        }
    }

    /// Bytes kept, with what it takes to join them.
    pub fn bytes(&self) -> usize {
        let shelf = |notes: &Vec<Note>| room(notes) + notes.len() * size_of::<(u64, &Note)>();
        let notes: usize = self.shelves.iter().map(shelf).sum();
        notes + self.bare.iter().map(room).sum::<usize>()
    }

    /// An empty one for another share of the ids, which knows of the same rows that are not judged.
    pub fn emptied(self) -> Register {
        Register {
            shelves: shelves(),
            bare: shelves(),
            ..self
        }
    }

    /// Joins causes and effects whose ids belong to a share; those of no other share are complete.
    /// Circles are told in the whole only: where a cause of a share stands after its effect, the
    /// conclusion says so.
    pub fn conclude(&mut self, order: Order, share: Share, threads: usize) -> Conclusion {
        each(threads, &mut self.shelves, |notes| {
            notes.sort_unstable_by_key(|note| (note.id, note.position));
        });
        self.hidden.sort_unstable();
        let known = Known::of(&self.shelves, share);
        let (all, half) = (1 << SHELVES, 1 << (SHELVES - 1));
        let of_shelves = |range| self.conclude_shelves(range, &known, order, share);
        let mut conclusion = match threads {
            0 | 1 => of_shelves(0..all),
            _ => {
                let (mut one, other) =
                    beside::both(threads, || of_shelves(0..half), || of_shelves(half..all));
                one.add(other);
                one
            }
        };
        if share.is_first() {
            conclusion.with_cause += self.causeless;
            conclusion.hidden += self.causeless;
            conclusion.untold_ids = self.untold;
            conclusion.uncorrelated = self.uncorrelated;
        }
        conclusion.sort();
        beside::give_back(mem::replace(&mut self.shelves, shelves()));
        beside::give_back(mem::replace(&mut self.bare, shelves()));
        conclusion
    }

    /// What these shelves tell: of the ids that stand there, and of the effects of which one of those
    /// is the cause.
    fn conclude_shelves(
        &self,
        range: Range<usize>,
        known: &Known<'_>,
        order: Order,
        share: Share,
    ) -> Conclusion {
        let mut conclusion = Conclusion::default();
        for notes in &known.shelves[range.clone()] {
            conclusion.with_id += notes.len() as u64;
            for same in notes.chunk_by(|one, other| one.id == other.id) {
                let again = same.iter().skip(1);
                let again = again.map(|note| (same[0].position, note.position));
                conclusion.same_id.extend(again);
            }
        }
        for ids in &self.bare[range.clone()] {
            conclusion.with_id += ids.len() as u64;
            let mut ids = maybe_repeated(ids);
            ids.sort_unstable();
            for same in ids.chunk_by(|one, other| one.0 == other.0) {
                let again = same.iter().skip(1);
                let again = again.map(|(_, position)| (same[0].1, *position));
                conclusion.same_id.extend(again);
            }
        }
        let mut circles = Circles::new(known);
        let mut caused: Vec<Vec<(u64, &Note)>> = vec![Vec::new(); range.len()];
        let effects = self.shelves.iter().flatten();
        for effect in effects.filter(|note| note.cause != 0 && share.has(note.cause)) {
            let place = shelf(effect.cause).wrapping_sub(range.start);
            if let Some(shelf) = caused.get_mut(place) {
                shelf.push((effect.cause, effect));
            }
        }
        for (mut effects, causes) in caused.into_iter().zip(&known.shelves[range]) {
            effects.sort_unstable_by_key(|(cause, _)| *cause);
            self.join(&effects, causes, (order, &mut circles), &mut conclusion);
        }
        conclusion
    }

    /// Joins the effects and the causes of one shelf, both in the order of the cause's id: one walk
    /// finds what so many searches would.
    fn join(
        &self,
        effects: &[(u64, &Note)],
        causes: &[Note],
        (order, circles): (Order, &mut Circles<'_>),
        conclusion: &mut Conclusion,
    ) {
        conclusion.with_cause += effects.len() as u64;
        let mut rest = causes;
        for effects in effects.chunk_by(|(one, _), (other, _)| one == other) {
            let Some(cause) = effects.first().map(|(cause, _)| *cause) else {
                continue;
            };
            let skipped = rest.iter().take_while(|note| note.id < cause).count();
            rest = &rest[skipped..];
            let same = rest.iter().take_while(|note| note.id == cause).count();
            let causes = Causes::of(&rest[..same]);
            let is_hidden = self.hidden.binary_search(&cause).is_ok();
            for (_, effect) in effects {
                if let Some(causes) = &causes {
                    conclusion.goes_back |= causes.first.position > effect.position;
                    if is_hidden {
                        // The one that is not judged may be the cause.
                        conclusion.hidden += 1;
                        continue;
                    }
                    judge(circles, causes, effect, order, &mut conclusion.faults);
                } else if self.nameless > 0 || is_hidden {
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

/// Events that share an id, of which others are effects.
struct Causes<'a> {
    first: &'a Note,
    /// Their correlations, sorted; empty where there is one event.
    correlations: Vec<u64>,
}

impl<'a> Causes<'a> {
    fn of(notes: &'a [Note]) -> Option<Causes<'a>> {
        let first = notes.first()?;
        let mut correlations = Vec::new();
        if notes.len() > 1 {
            correlations.extend(notes.iter().map(|note| note.correlation));
            correlations.sort_unstable();
            correlations.dedup();
        }
        Some(Causes {
            first,
            correlations,
        })
    }

    /// Whether each of them has a correlation, and another one than this.
    fn differ(&self, correlation: u64) -> bool {
        let has = |correlation| match self.correlations.as_slice() {
            [] => self.first.correlation == correlation,
            several => several.binary_search(&correlation).is_ok(),
        };
        correlation != 0 && !has(0) && !has(correlation)
    }
}

/// Judges an event by those that have the id of its cause.
fn judge(
    circles: &mut Circles<'_>,
    causes: &Causes<'_>,
    effect: &Note,
    order: Order,
    faults: &mut Vec<Fault>,
) {
    let first = causes.first;
    // Of a circle the event that comes first stands before its cause, and tells of all.
    let goes_back = first.position > effect.position;
    let circle = goes_back.then(|| circles.of(effect)).flatten();
    let mut fault = |what| faults.push(Fault::new(what, effect, Some(first)));
    if effect.id != 0 && effect.id == effect.cause {
        fault(What::Cycle(0));
    } else if let Some(circle) = circle {
        if circle.first == effect.position {
            fault(What::Cycle(circle.others));
        }
    } else if goes_back && order == Order::Position {
        fault(What::Later);
    }
    if causes.differ(effect.correlation) {
        fault(What::OtherCorrelation);
    }
}

#[cfg(test)]
mod tests;
