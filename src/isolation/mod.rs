//! What sagas do to the keys of projections: effects that others build on before they are certain,
//! and effects that a compensation does not take back.
//!
//! An *effect* is a step that can be compensated and has succeeded, as far as it changed the state
//! of one key. It is *uncommitted* until its instance passes the pivot or completes, and over once
//! it is undone. What `"*"` does to a key is bookkeeping and counts for nothing.
//!
//! **Dirty touch.** Sagas have no isolation: what one of them wrote can be seen, and overwritten,
//! before it is certain (H. Garcia-Molina and K. Salem, "Sagas", SIGMOD 1987). Additions and
//! subtractions commute, and so do appending and removing; any other pair of writes to one field
//! does not. If a step of another instance writes like that to the field of an uncommitted effect,
//! the outcome depends on who comes last. Once the effect is undone that is definite.
//!
//! **Residue.** With the step and its compensation a key should be what it is without both. For sums
//! and lists that is told exactly: what was added has to be taken back, no more and no less, and an
//! item that was appended may not be there any more. A field that the step
//! sets has to be written by the compensation too; whether to the right value only its author knows.
//! What somebody sets later wipes a residue out.
//!
//! Where it cannot be told whether an event belongs to the step or to the key, or what it adds,
//! the effect is unknown.

mod effects;
#[cfg(test)]
mod tests;
mod write;

use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashSet;

use crate::definition::projection::Projection;
use crate::definition::saga::Saga;
use crate::event::{Position, Timestamp};
use crate::projection::{Applied, Fold, Touch};
use effects::{Effect, Effects, Key};
use write::{Write, told, writes};

/// Whether some step that can be compensated may have an effect on a key.
pub fn is_possible(sagas: &[Arc<Saga>], projections: &[Arc<Projection>]) -> bool {
    let steps = sagas.iter().flat_map(|saga| &saga.steps);
    let undone = steps.filter(|step| !step.pivot && step.compensation.is_some());
    let mut effects = undone.flat_map(|step| &step.succeeds);
    effects.any(|effect| {
        projections
            .iter()
            .any(|one| one.on.contains_key(&effect.kind))
    })
}

/// What an event means to a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// The step succeeded, and can be compensated.
    Done,
    /// The step succeeded for good.
    Writes,
    /// The same, and no step before it can be compensated any more.
    Commits,
    /// Its compensation did.
    Undone,
    /// It may mean this or that.
    Doubtful,
}

/// An event of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deed {
    /// Where the event stands.
    pub position: Position,
    /// When it happened.
    pub time: Timestamp,
    /// The number of its instance.
    pub instance: u32,
    /// The step's index.
    pub step: u8,
    /// What it means.
    pub act: Act,
}

/// Another instance wrote to a key over an uncommitted effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirtyTouch {
    /// The number of the instance whose effect it was.
    pub instance: u32,
    /// The step's index.
    pub step: usize,
    /// The projection's index.
    pub projection: usize,
    /// The key's number.
    pub key: u32,
    /// The field's name.
    pub field: Arc<str>,
    /// The number of the other instance.
    pub other: u32,
    /// The effect, the other's write, and the compensation, if there was one.
    pub evidence: Vec<Position>,
    /// When the effect happened.
    pub since: Timestamp,
    /// The effect was undone later.
    pub is_definite: bool,
}

/// What a compensation did not take back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Residue {
    /// The number of the instance.
    pub instance: u32,
    /// The step's index.
    pub step: usize,
    /// The projection's index.
    pub projection: usize,
    /// The key's number.
    pub key: u32,
    /// What is left, per field: `items: 2 too many`.
    pub left: Vec<String>,
    /// The effect and the compensation.
    pub evidence: [Position; 2],
    /// When the compensation succeeded.
    pub since: Timestamp,
}

/// What was found, and what was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Conclusion {
    /// In the order of the effects.
    pub dirty: Vec<DirtyTouch>,
    /// In the order of the effects.
    pub residues: Vec<Residue>,
    /// Effects on keys.
    pub effects: u64,
    /// Of them, those of instances of which it cannot be told what belongs to them.
    pub unknown: u64,
    /// Effects that were undone.
    pub undone: u64,
    /// Of them, those of which it cannot be told what was left.
    pub untold: u64,
}

/// Follows the effects.
#[derive(Debug, Default)]
pub struct Ledger {
    folds: Vec<Arc<Fold>>,
    effects: Effects,
    doubted: HashSet<u32, FixedState>,
    /// A bit for every instance.
    committed: Vec<u64>,
    counts: Conclusion,
}

impl Ledger {
    /// A ledger over these projections, in which nothing happened yet.
    pub fn new(projections: &[Arc<Projection>]) -> Ledger {
        Ledger {
            folds: Fold::all(projections),
            ..Ledger::default()
        }
    }

    /// Whether there is nothing that an effect could be on.
    pub fn is_idle(&self) -> bool {
        self.folds.is_empty()
    }

    /// Bytes kept.
    pub fn bytes(&self) -> usize {
        self.effects.bytes() + self.committed.capacity() * size_of::<u64>()
    }

    /// Takes an event that changed the state of a key, with what it means to sagas.
    pub fn take(&mut self, applied: Applied, touch: &Touch, deeds: &[Deed]) {
        let (Some(fold), Ok(projection)) = (
            self.folds.get(applied.projection),
            u16::try_from(applied.projection),
        ) else {
            return;
        };
        let key = (projection, applied.number);
        if deeds.is_empty() && !self.effects.has(key) {
            return;
        }
        let writes = writes(fold, touch);
        if touch.doubt.is_some() {
            deeds.iter().for_each(|deed| self.doubt(deed.instance));
            return;
        }
        self.effects.write(key, &writes, deeds, applied.position);
        for deed in deeds {
            match deed.act {
                Act::Done => self.done(key, &writes, deed),
                Act::Undone => self.effects.undo(key, &writes, deed),
                Act::Writes | Act::Commits | Act::Doubtful => {}
            }
        }
    }

    /// Takes note that nothing more is to be heard of an event of a step.
    pub fn finish(&mut self, deed: &Deed) {
        match deed.act {
            Act::Done | Act::Writes => {}
            Act::Commits => self.commit(deed.instance),
            Act::Doubtful => self.doubt(deed.instance),
            Act::Undone => self.counts.undone += self.effects.close(deed),
        }
    }

    /// It cannot be told what belongs to an instance.
    pub fn doubt(&mut self, instance: u32) {
        self.doubted.insert(instance);
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

    /// What was found.
    pub fn conclude(&self) -> Conclusion {
        let mut conclusion = self.counts.clone();
        let mut all: Vec<&Effect> = self.effects.iter().collect();
        all.sort_by_key(|effect| (effect.done.0, effect.instance, effect.step, effect.key));
        for effect in all {
            if self.doubted.contains(&effect.instance) {
                conclusion.unknown += 1;
                conclusion.untold += u64::from(effect.undone.is_some());
                continue;
            }
            let undone = effect.undone;
            let projection = usize::from(effect.key.0);
            let Some(fold) = self.folds.get(projection) else {
                continue;
            };
            let fields = &fold.definition().fields;
            if let Some((other, field, position)) = effect.dirty {
                let positions = [Some(effect.done.0), Some(position), undone.map(|it| it.0)];
                conclusion.dirty.push(DirtyTouch {
                    instance: effect.instance,
                    step: usize::from(effect.step),
                    projection,
                    key: effect.key.1,
                    field: Arc::clone(&fields[field].name),
                    other,
                    evidence: positions.into_iter().flatten().collect(),
                    since: effect.done.1,
                    is_definite: undone.is_some(),
                });
                continue;
            }
            let Some((position, since)) = undone else {
                continue;
            };
            if effect.is_repeated
                || effect
                    .writes
                    .values()
                    .any(|it| matches!(it, Write::Sum(None)))
            {
                conclusion.untold += 1;
                continue;
            }
            let left = effect.writes.iter();
            let left: Vec<String> = left
                .map(|(field, write)| told(&fields[*field].name, write))
                .collect();
            if !left.is_empty() {
                conclusion.residues.push(Residue {
                    instance: effect.instance,
                    step: usize::from(effect.step),
                    projection,
                    key: effect.key.1,
                    left,
                    evidence: [effect.done.0, position],
                    since,
                });
            }
        }
        conclusion
    }

    /// A step changed a key.
    fn done(&mut self, key: Key, writes: &[(usize, Write)], deed: &Deed) {
        if writes.is_empty() || self.is_committed(deed.instance) {
            return;
        }
        if let Some(effect) = self.effects.open(key, deed) {
            effect.is_repeated = true;
            return;
        }
        self.counts.effects += 1;
        self.effects.push(Effect {
            instance: deed.instance,
            step: deed.step,
            key,
            done: (deed.position, deed.time),
            writes: writes.iter().cloned().collect(),
            dirty: None,
            undone: None,
            is_repeated: false,
        });
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
