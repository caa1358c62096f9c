//! What sagas do to the keys of projections: effects that others build on before they are certain,
//! and effects that a compensation does not take back.
//!
//! An *effect* is a step that can be compensated and has succeeded, as far as it changed the state
//! of one key. It is *uncommitted* until its instance passes the pivot or completes, which takes more
//! than to say so, and over once it is undone. What `"*"` does to a key is bookkeeping and counts for nothing.
//!
//! **Dirty touch.** Sagas have no isolation: what one of them wrote can be seen, and overwritten,
//! before it is certain (H. Garcia-Molina and K. Salem, "Sagas", SIGMOD 1987). Additions and
//! subtractions commute, and so do appending and removing; any other pair of writes to one field
//! does not. If another instance writes like that to the field of an uncommitted effect, the outcome
//! depends on who comes last. Once the effect is undone that is definite, and stays so when the step
//! succeeds once more and its instance completes after all. Every event that has a place in the other
//! saga is a write of it, its start and its end, too, whether or not it can be compensated: what was
//! written over is the same. An event of no saga is none, and one that is of both instances is no
//! other's.
//!
//! **Residue.** The keys that a step or its compensation touched are to be what they are without
//! both: the fold of their events is compared with the fold of all but those of the two, however
//! many there are. Instead of a second fold, the difference between the two is kept for each field
//! that one of them wrote: what others add moves both alike, what others set makes them the same.
//! Nothing counts as zero and as an empty list, and the order of a list is not looked at.
//!
//! - A compensation that sets what its step has set, and nobody else since, gives the field the
//!   value that its author wants it to have then (`cancelled`, `nobody`). That it is another one than
//!   before is no fault, or every saga that is rolled back by the book would have one: compensations
//!   undo in meaning, not in bits. From there on the two are the same. A compensation that sets what
//!   its step has *added* to, or appended to, or not written at all, or that another has set anew
//!   meanwhile, is held to the value without both, and so is one that adds to what its step has set.
//! - Where the log is ordered by time, and a compensation stands before its step, sums are the same
//!   in either order; what is set or stands in a list cannot be told, and nothing can where the times
//!   of the two are too close to tell which came first.
//! - It is judged while the step is undone. One that succeeds once more takes up what was left on
//!   the same key: from there on that cannot be told from what is in force.
//! - Where the log is ordered by position, the field that a dirty touch names is left out: what is
//!   wrong there comes of it.
//! - What others calculate from a state in which there is a difference makes the field that they set
//!   unknown; what they set in *other* fields is not followed.
//! - A compensation after the pivot undoes nothing, and is a fault of its own.
//!
//! Where it cannot be told whether an event belongs to the step or to the key, or what it adds,
//! the effect is unknown; so it is where a row that cannot be judged is known to belong to it. Of a log
//! whose beginning was cut off, nobody knows what a number or a list was before.

mod by_field;
mod completing;
mod conclusion;
mod effects;
mod few;
mod left;
mod on_key;
#[cfg(test)]
mod tests;
mod write;

use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};

use crate::definition::log::{LogDefinition, Order};
use crate::definition::projection::{Operation, Projection};
use crate::definition::saga::Saga;
use crate::event::{Position, Span, Timestamp};
use crate::projection::{Applied, Cell, Event, Fold, State, Touch, Value};
use crate::saga::Meaning;
pub use completing::Completes;
use completing::Completing;
pub use conclusion::{Conclusion, DirtyTouch, Fault, Question, Residue};
use effects::{Doing, Early, Effects, Key, NOWHERE};
use left::{Around, Before};
use write::writes;

/// Whether some step that can be compensated, or its compensation, may have an effect on a key.
pub fn is_possible(sagas: &[Arc<Saga>], projections: &[Arc<Projection>]) -> bool {
    let steps = sagas.iter().flat_map(|saga| &saga.steps);
    let undone = steps.filter(|step| !step.pivot && step.compensation.is_some());
    let mut effects = undone.flat_map(|step| {
        let undo = step.compensation.iter().flat_map(|undo| &undo.succeeds);
        step.succeeds.iter().chain(undo)
    });
    effects.any(|effect| {
        projections
            .iter()
            .any(|one| one.on.contains_key(&effect.kind))
    })
}

/// What an event means to a step of its instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// The step succeeded, and can be compensated.
    Done,
    /// Nothing that can be compensated: a step succeeded for good, or it is no success of a step.
    Writes,
    /// The same, and no step before it can be compensated any more.
    Commits,
    /// Its compensation did.
    Undone,
    /// It may mean this or that.
    Doubtful,
}

/// An event of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deed {
    /// Where the event stands.
    pub position: Position,
    /// When it happened.
    pub time: Timestamp,
    /// The number of its instance.
    pub instance: u32,
    /// The step's index, where it is one's.
    pub step: u8,
    /// What it means.
    pub act: Act,
}

/// Follows the effects.
#[derive(Debug, Default)]
pub struct Ledger {
    folds: Vec<Arc<Fold>>,
    effects: Effects,
    doubted: HashSet<u32, FixedState>,
    /// A bit for every instance.
    committed: Vec<u64>,
    completing: Completing,
    counts: Conclusion,
    /// In a log that is ordered by time, when a step was undone last.
    undone: HashMap<(u32, u8), (Position, Timestamp), FixedState>,
    /// How far apart two times have to be for one to be before the other; `None` where the position
    /// orders.
    skew: Option<Span>,
    /// The beginning of the log is not there.
    is_cut: bool,
    /// Whether the event that is being put together has to do with effects.
    is_met: bool,
    /// What was looked at before it.
    before: Vec<(usize, Before)>,
}

impl Ledger {
    /// A ledger over these projections, in which nothing happened yet.
    pub fn new(projections: &[Arc<Projection>], log: Option<&LogDefinition>) -> Ledger {
        Ledger {
            folds: Fold::all(projections),
            skew: log.and_then(|log| match log.order {
                Order::Position => None,
                Order::Time { skew, .. } => Some(skew),
            }),
            is_cut: log.is_some_and(|log| log.cut),
            ..Ledger::default()
        }
    }

    /// Whether there is nothing that an effect could be on.
    pub fn is_idle(&self) -> bool {
        self.folds.is_empty()
    }

    /// Bytes kept.
    pub fn bytes(&self) -> usize {
        const UNDONE: usize = 2 * size_of::<(u32, u8, Position, Timestamp)>();
        let committed = self.committed.capacity() * size_of::<u64>();
        let undone = self.undone.len() * UNDONE;
        self.effects.bytes() + self.completing.bytes() + committed + undone
    }

    /// Takes what an event means to an instance; answers whether that completes it, since every step
    /// that has to succeed has, or may have where the beginning of the log is not there.
    pub fn completes(&mut self, saga: &Saga, instance: u32, meaning: Meaning) -> Completes {
        // Where time orders, what has arrived so far may not be all that came before.
        let is_told = self.skew.is_none() || !saga.completes.is_empty();
        if !is_told || self.is_committed(instance) {
            return Completes::No;
        }
        match self.completing.take(saga, instance, meaning) {
            _ if self.is_cut && meaning == Meaning::Completes => Completes::Yes,
            completes => completes,
        }
    }

    /// Takes note that nothing more is to be heard of events before a position; answers what the
    /// event that stands there means to sagas, and leaves that and what comes after it.
    pub fn reach<'d>(&mut self, position: Position, deeds: &mut &'d [Deed]) -> &'d [Deed] {
        while let Some((first, rest)) = deeds.split_first()
            && first.position < position
        {
            self.finish(first);
            *deeds = rest;
        }
        let own = deeds.iter().take_while(|deed| deed.position == position);
        &deeds[..own.count()]
    }

    /// Looks at the state of a key before an event, with what that means to sagas.
    pub fn foresee(&mut self, event: &Event, number: u32, deeds: &[Deed], state: &State) {
        self.before.clear();
        let fold = self.folds.get(usize::from(event.projection));
        let key = (event.projection, number);
        let is_of_step = deeds.iter().any(Deed::is_of_step);
        let met = fold.filter(|_| is_of_step || self.effects.has(key));
        self.is_met = met.is_some();
        let Some(fold) = met else { return };
        let is_cut = self.is_cut;
        let held = |field| Before::Held(whole(state.cell(field), is_cut));
        let Some(changes) = fold.changes(event.effect) else {
            let fields = 0..fold.definition().fields.len();
            self.before.extend(fields.map(|field| (field, held(field))));
            return;
        };
        let before = changes.filter_map(|(field, operation)| match operation {
            Operation::Set if is_of_step => Some((field, held(field))),
            Operation::Remove => Some((field, Before::Items(left::count(state.cell(field))))),
            Operation::Set | Operation::Add | Operation::Subtract | Operation::Append => None,
        });
        self.before.extend(before);
    }

    /// Takes the event that was foreseen, when it has changed the state of its key.
    pub fn take(&mut self, applied: Applied, touch: &Touch, deeds: &[Deed], state: &State) {
        let (Some(fold), Ok(projection), true) = (
            self.folds.get(applied.projection),
            u16::try_from(applied.projection),
            self.is_met,
        ) else {
            return;
        };
        let key = (projection, applied.number);
        if touch.doubt.is_some() {
            self.obscured(key, deeds);
            return;
        }
        let writes = writes(fold, touch);
        if writes.is_empty() {
            return;
        }
        let before = std::mem::take(&mut self.before);
        let doing = Doing {
            key,
            writes: &writes,
            around: Around {
                before: &before,
                after: state,
            },
        };
        self.effects.write(doing, deeds, applied.position);
        for deed in deeds {
            match deed.act {
                Act::Done => self.done(doing, deed),
                Act::Undone => self.undone(doing, deed),
                Act::Writes | Act::Commits | Act::Doubtful => {}
            }
        }
        self.before = before;
    }

    /// Takes an event of steps of which the key in a projection cannot be told.
    pub fn obscure(&mut self, projection: u16, deeds: &[Deed]) {
        self.obscured((projection, NOWHERE), deeds);
    }

    /// Takes note that nothing more is to be heard of an event of a step.
    pub fn finish(&mut self, deed: &Deed) {
        match deed.act {
            Act::Done | Act::Writes => {}
            Act::Commits => self.commit(deed.instance),
            Act::Doubtful => self.doubt(deed.instance),
            Act::Undone => self.undo(deed),
        }
    }

    /// An instance can no longer go back, so that its effects are certain.
    pub fn commit(&mut self, instance: u32) {
        let (word, bit) = place(instance);
        if word >= self.committed.len() {
            self.committed.resize(word + 1, 0);
        }
        self.committed[word] |= bit;
        self.effects.commit(instance);
    }

    /// A step changed a key.
    fn done(&mut self, doing: Doing<'_>, deed: &Deed) {
        if self.is_committed(deed.instance) {
            return;
        }
        let early = self.early(deed);
        let is_new = self.effects.done(doing, deed, early);
        self.counts.effects += u64::from(is_new);
    }

    /// A compensation changed a key.
    fn undone(&mut self, doing: Doing<'_>, deed: &Deed) {
        if self.is_committed(deed.instance) {
            return;
        }
        if self.is_cut && !self.effects.is_open(deed) {
            self.effects.undo_unseen(doing, deed);
        } else {
            self.effects.undo(doing, deed);
        }
    }

    /// A compensation succeeded, whatever it changed.
    fn undo(&mut self, deed: &Deed) {
        self.effects.close(deed);
        if self.skew.is_some() {
            let at = (deed.position, deed.time);
            let last = self.undone.entry((deed.instance, deed.step)).or_insert(at);
            if last.1 < deed.time {
                *last = at;
            }
        }
    }

    /// The compensation of a step that stands before this event of it, which it did not come after,
    /// or may not have.
    fn early(&self, deed: &Deed) -> Option<Early> {
        let skew = self.skew?;
        let at = *self.undone.get(&(deed.instance, deed.step))?;
        let is_later = at.1 > deed.time.after(skew);
        (is_later || deed.time < at.1.after(skew)).then_some(Early {
            at,
            is_concurrent: !is_later,
        })
    }

    /// Events of steps of which it cannot be told whether they concern a key, or which.
    fn obscured(&mut self, key: Key, deeds: &[Deed]) {
        let doing = Doing {
            key,
            writes: &[],
            around: Around {
                before: &[],
                after: &State::NONE,
            },
        };
        for deed in deeds.iter().filter(|deed| deed.is_of_step()) {
            self.doubt(deed.instance);
            match deed.act {
                Act::Done => self.done(doing, deed),
                Act::Undone if !self.effects.is_open(deed) => self.undone(doing, deed),
                Act::Undone | Act::Writes | Act::Commits | Act::Doubtful => {}
            }
        }
    }

    /// It cannot be told what belongs to an instance.
    fn doubt(&mut self, instance: u32) {
        self.doubted.insert(instance);
    }

    fn is_committed(&self, instance: u32) -> bool {
        let (word, bit) = place(instance);
        self.committed.get(word).is_some_and(|word| word & bit != 0)
    }
}

/// Where the bit of an instance stands.
const fn place(instance: u32) -> (usize, u64) {
    ((instance / u64::BITS) as usize, 1 << (instance % u64::BITS))
}

/// What a field is known to have held. Where the beginning of the log is not there, a sum or a list
/// may have begun before it.
fn whole(cell: &Cell, is_cut: bool) -> Cell {
    match cell {
        Cell::Blank | Cell::Known(Value::Number(_) | Value::List(_)) if is_cut => {
            Cell::Unknown("the beginning of the log is not there".into())
        }
        cell => cell.clone(),
    }
}
