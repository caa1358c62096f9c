//! Which event caused which, over the whole log.
//!
//! A register keeps 32 bytes of each event that has an id or a cause, or 16 where nobody asks for
//! causes. Most causes stand shortly before their effects, and belong to the same correlation: there is
//! nothing to be told of these, whatever else the log holds, and a look at the events that came last
//! shows it. The others are kept once more, and joined when the log was read. What the register says rests
//! on 64-bit hashes: where two events are said to belong together, whoever reports it has to compare their
//! texts; that no event has an id is certain, unless it is the id of a row that is not judged: one that is
//! bad, or later than the horizon.
//!
//! In a log that is ordered by position, a cause stands before its effect. In one that is ordered by
//! time, a cause comes before its effect whatever their clocks say, and may arrive after it.

mod circles;
mod picked;
mod recent;
mod shelf;

use std::ops::Range;
use std::sync::OnceLock;
use std::{iter, mem};

use crate::beside;
use crate::causation::circles::Circles;
use crate::causation::picked::picked;
use crate::causation::recent::Recent;
use crate::causation::shelf::Shelf;
use crate::definition::log::Order;
use crate::event::{Position, Timestamp};
use crate::share::Share;
use crate::texts::Keys;

/// What an event tells. Hashes are 0 where there is none.
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

/// What is kept of every event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kept {
    id: u64,
    cause: u64,
    correlation: u64,
    position: Position,
}

impl From<Note> for Kept {
    fn from(note: Note) -> Kept {
        Kept {
            id: note.id,
            cause: note.cause,
            correlation: note.correlation,
            position: note.position,
        }
    }
}

/// Everything that is known of ids and causes.
#[derive(Debug)]
pub struct Register {
    /// By the highest bits of the id's hash, so that what is done with one of them stays within a
    /// core's cache.
    shelves: Vec<Shelf<Kept>>,
    /// Those whose causes are not seen to be sound, by the highest bits of the hash of the cause's id.
    effects: Vec<Shelf<Note>>,
    /// The events that came last.
    recent: Recent,
    /// The same as the shelves, of events of which only the id matters.
    bare: Vec<Shelf<(u64, Position)>>,
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
            effects: shelves(),
            recent: Recent::default(),
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
fn shelves<T: Clone>() -> Vec<Shelf<T>> {
    vec![Shelf::default(); 1 << SHELVES]
}

/// The shelf of the notes with an id.
fn shelf(id: u64) -> usize {
    (id >> (u64::BITS - SHELVES)) as usize
}

impl Conclusion {
    /// Takes note of ids that stand more than once among these events, which are sorted by id and
    /// position.
    fn take_same<T>(&mut self, sorted: &[T], of: impl Fn(&T) -> (u64, Position)) {
        for same in sorted.chunk_by(|one, other| of(one).0 == of(other).0) {
            let again = same.iter().skip(1);
            let again = again.map(|one| (of(&same[0]).1, of(one).1));
            self.same_id.extend(again);
        }
    }

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
        self.same_id.sort_unstable_by_key(|(_, again)| *again);
        self.faults
            .sort_unstable_by_key(|fault| (fault.effect, fault.what));
    }
}

impl Register {
    /// Takes the next event.
    pub fn take(&mut self, note: Note) {
        if note.cause != 0 && !self.recent.has_sound_cause_of(&note) {
            self.effects[shelf(note.cause)].push(note);
        }
        self.recent.take(&note);
        self.shelves[shelf(note.id)].push(note.into());
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

    /// Bytes kept.
    pub fn bytes(&self) -> usize {
        let shelves = self.shelves.iter().map(Shelf::bytes).sum::<usize>();
        let effects = self.effects.iter().map(Shelf::bytes).sum::<usize>();
        shelves + effects + self.bare.iter().map(Shelf::bytes).sum::<usize>()
    }

    /// An empty one for another share of the ids, which knows of the same rows that are not judged.
    pub fn emptied(self) -> Register {
        Register {
            shelves: shelves(),
            effects: shelves(),
            recent: Recent::default(),
            bare: shelves(),
            ..self
        }
    }

    /// Joins causes and effects whose ids belong to a share; those of no other share are complete.
    /// Circles are told in the whole only: where a cause of a share stands after its effect, the
    /// conclusion says so.
    pub fn conclude(&mut self, order: Order, share: Share, threads: usize) -> Conclusion {
        self.recent = Recent::default();
        self.hidden.sort_unstable();
        let known = Known::new(&self.shelves, &self.hidden, share);
        let (all, half) = (1 << SHELVES, 1 << (SHELVES - 1));
        let of_shelves = |range| self.conclude_shelves(range, &known, order, share);
        let (mut conclusion, other) =
            beside::both(threads, || of_shelves(0..half), || of_shelves(half..all));
        conclusion.add(other);
        if share.is_first() {
            conclusion.with_cause += self.causeless;
            conclusion.hidden += self.causeless;
            conclusion.untold_ids = self.untold;
            conclusion.uncorrelated = self.uncorrelated;
        }
        beside::give_back(mem::replace(&mut self.shelves, shelves()));
        beside::give_back(mem::replace(&mut self.effects, shelves()));
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
        for ids in &self.bare[range.clone()] {
            conclusion.with_id += ids.len() as u64;
            let all = (ids.len(), ids.iter().copied());
            let mut ids = picked(all, |(id, _)| *id, iter::empty());
            ids.sort_unstable();
            conclusion.take_same(&ids, |id| *id);
        }
        let mut circles = Circles::new(known);
        let effects = self.effects[range.clone()].iter();
        for (effects, notes) in effects.zip(&self.shelves[range]) {
            let of_share = effects.iter().filter(|note| share.has(note.cause));
            let mut effects: Vec<Note> = of_share.copied().collect();
            effects.sort_unstable_by_key(|effect| effect.cause);
            let is_effect = |note: &&Kept| note.cause != 0 && share.has(note.cause);
            notes.iter().filter(is_effect).for_each(|effect| {
                conclusion.with_cause += 1;
                conclusion.hidden += u64::from(known.is_hidden(effect.cause));
            });
            let is_own = |note: &&Kept| note.id != 0 && share.has(note.id);
            conclusion.with_id += notes.iter().filter(is_own).count() as u64;
            let wanted = effects.iter().map(|effect| effect.cause);
            let mut causes = picked((notes.len(), notes.iter()), |note| note.id, wanted);
            causes.retain(is_own);
            causes.sort_unstable_by_key(|note| (note.id, note.position));
            conclusion.take_same(&causes, |note| (note.id, note.position));
            let hidden = (known, self.nameless > 0);
            join(
                &effects,
                &causes,
                hidden,
                (order, &mut circles),
                &mut conclusion,
            );
        }
        conclusion
    }
}

/// Joins the effects and the causes of one shelf, both in the order of the cause's id: one walk finds
/// what so many searches would. Beside what is known there may be rows that have any id.
fn join(
    effects: &[Note],
    causes: &[&Kept],
    (known, are_nameless): (&Known<'_>, bool),
    (order, circles): (Order, &mut Circles<'_, '_>),
    conclusion: &mut Conclusion,
) {
    let mut rest = causes;
    for effects in effects.chunk_by(|one, other| one.cause == other.cause) {
        let Some(cause) = effects.first().map(|effect| effect.cause) else {
            continue;
        };
        let skipped = rest.iter().take_while(|note| note.id < cause).count();
        rest = &rest[skipped..];
        let same = rest.iter().take_while(|note| note.id == cause).count();
        let causes = Causes::of(&rest[..same]);
        let is_hidden = known.is_hidden(cause);
        for effect in effects {
            if let Some(causes) = &causes {
                conclusion.goes_back |= causes.first.position > effect.position;
                // The one that is not judged may be the cause.
                if !is_hidden {
                    judge(circles, causes, effect, order, conclusion);
                }
            } else if are_nameless {
                conclusion.hidden += u64::from(!is_hidden);
            } else if !is_hidden {
                let fault = Fault::new(What::Dangling, effect, None);
                conclusion.faults.push(fault);
            }
        }
    }
}

/// The events whose id belongs to a share, and the ids of rows that are not judged. The events are put
/// into their order where somebody asks for one, which nobody does unless a cause stands after its
/// effect.
#[derive(Debug)]
struct Known<'a> {
    shelves: &'a [Shelf<Kept>],
    hidden: &'a [u64],
    share: Share,
    sorted: OnceLock<Vec<Vec<Kept>>>,
}

impl<'a> Known<'a> {
    const fn new(shelves: &'a [Shelf<Kept>], hidden: &'a [u64], share: Share) -> Known<'a> {
        Known {
            shelves,
            hidden,
            share,
            sorted: OnceLock::new(),
        }
    }

    /// Whether a row that is not judged has this id.
    fn is_hidden(&self, id: u64) -> bool {
        self.hidden.binary_search(&id).is_ok()
    }

    /// The first event with this id.
    fn first(&self, id: u64) -> Option<&Kept> {
        if id == 0 || !self.share.has(id) {
            return None;
        }
        let sorted = self.sorted.get_or_init(|| {
            let sorted = self.shelves.iter().map(|notes| {
                let mut notes: Vec<Kept> = notes.iter().copied().collect();
                notes.sort_unstable_by_key(|note| (note.id, note.position));
                notes
            });
            sorted.collect()
        });
        let notes = &sorted[shelf(id)];
        let at = notes.partition_point(|note| note.id < id);
        notes.get(at).filter(|note| note.id == id)
    }
}

impl Fault {
    fn new(what: What, effect: &Note, cause: Option<&Kept>) -> Fault {
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
    first: &'a Kept,
    /// Their correlations, sorted; empty where there is one event.
    correlations: Vec<u64>,
}

impl<'a> Causes<'a> {
    fn of(notes: &[&'a Kept]) -> Option<Causes<'a>> {
        let first = *notes.first()?;
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
    circles: &mut Circles<'_, '_>,
    causes: &Causes<'_>,
    effect: &Note,
    order: Order,
    conclusion: &mut Conclusion,
) {
    let first = causes.first;
    // Of a circle the event that comes first stands before its cause, and tells of all.
    let goes_back = first.position > effect.position;
    let circle = goes_back.then(|| circles.of(effect)).flatten();
    let mut fault = |what| {
        conclusion
            .faults
            .push(Fault::new(what, effect, Some(first)))
    };
    if effect.id != 0 && effect.id == effect.cause {
        fault(What::Cycle(0));
    } else if let Some(circle) = circle.filter(|circle| circle.is_sure) {
        if circle.first == effect.position {
            fault(What::Cycle(circle.others));
        }
    } else if goes_back && order == Order::Position {
        fault(What::Later);
    } else if circle.is_some_and(|circle| circle.first == effect.position) {
        // The cause of one of the others may be a row that is not judged.
        conclusion.hidden += 1;
    }
    if causes.differ(effect.correlation) {
        fault(What::OtherCorrelation);
    }
}

#[cfg(test)]
mod tests;
