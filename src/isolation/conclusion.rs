//! What is found of the effects when the log has been read.

use std::sync::Arc;

use crate::event::{Position, Timestamp};
use crate::isolation::Ledger;
use crate::isolation::effects::{Effect, Key, NOWHERE};
use crate::isolation::left::What;

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
    /// What is left, per field: `` `items` +2 ``.
    pub left: Vec<String>,
    /// The effect, if the step touched the key, and the compensation.
    pub evidence: Vec<Position>,
    /// When the compensation succeeded.
    pub since: Timestamp,
}

/// What may be found of an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Another instance wrote over it.
    DirtyTouch,
    /// Its compensation left something behind.
    Residue,
}

/// Something to be said of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// What is to be said.
    pub fault: Fault,
    /// The number of the instance.
    pub instance: u32,
    /// The step's index.
    pub step: usize,
    /// The projection's index and the key's number, where there is one.
    pub key: Option<(usize, u32)>,
}

impl Question {
    fn of(fault: Fault, instance: u32, step: u8, (projection, number): Key) -> Question {
        Question {
            fault,
            instance,
            step: usize::from(step),
            key: (number != NOWHERE).then_some((usize::from(projection), number)),
        }
    }
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
    /// Of them, those of which it cannot be told who else wrote before they were certain.
    pub unknown: u64,
    /// Effects that were undone, and keys that only a compensation touched.
    pub undone: u64,
    /// Of them, those of which it cannot be told what was left.
    pub untold: u64,
}

impl Ledger {
    /// What was found, where `is_hidden` tells of what a row that cannot be judged is known to be a
    /// part.
    pub fn conclude(&self, is_hidden: &dyn Fn(&Question) -> bool) -> Conclusion {
        let mut conclusion = self.counts.clone();
        let is_hidden =
            |question: &Question| self.doubted.contains(&question.instance) || is_hidden(question);
        let mut all: Vec<&Effect> = self.effects.iter().collect();
        all.sort_by_key(|effect| {
            let first = effect.done.or(effect.undone);
            (first, effect.instance, effect.step, effect.key)
        });
        for effect in all {
            let question = |fault| Question::of(fault, effect.instance, effect.step, effect.key);
            let mut explained = None;
            if effect.done.is_some() {
                if is_hidden(&question(Fault::DirtyTouch)) {
                    conclusion.unknown += 1;
                } else if let Some(touch) = self.dirty_touch(effect) {
                    let dirty = effect.dirty.filter(|_| self.skew.is_none());
                    explained = dirty.map(|dirty| dirty.field);
                    conclusion.dirty.push(touch);
                }
            }
            if effect.undone.is_none() {
                continue;
            }
            conclusion.undone += 1;
            if is_hidden(&question(Fault::Residue)) {
                conclusion.untold += 1;
            } else if let Some(residue) = self.residue(effect, explained) {
                conclusion.residues.push(residue);
            } else {
                let mut left = effect.left.iter();
                let is_untold = left.any(|(field, left)| {
                    Some(field) != explained && matches!(left.what, What::Untold)
                });
                conclusion.untold += u64::from(is_untold);
            }
        }
        for ((key, instance, step), over) in self.effects.over() {
            let question = |fault| Question::of(fault, instance, step, key);
            conclusion.undone += 1;
            conclusion.untold += u64::from(is_hidden(&question(Fault::Residue)));
            if over.done.is_some() && is_hidden(&question(Fault::DirtyTouch)) {
                conclusion.unknown += 1;
            }
        }
        conclusion
    }

    fn dirty_touch(&self, effect: &Effect) -> Option<DirtyTouch> {
        let dirty = effect.dirty?;
        let (done, since) = dirty.done?;
        let projection = usize::from(effect.key.0);
        let field = self
            .folds
            .get(projection)?
            .definition()
            .fields
            .get(dirty.field)?;
        let positions = [Some(done), Some(dirty.position), dirty.undone];
        Some(DirtyTouch {
            instance: effect.instance,
            step: usize::from(effect.step),
            projection,
            key: effect.key.1,
            field: Arc::clone(&field.name),
            other: dirty.other,
            evidence: positions.into_iter().flatten().collect(),
            since,
            is_definite: dirty.undone.is_some(),
        })
    }

    /// What is left in the fields of which that is not `explained`.
    fn residue(&self, effect: &Effect, explained: Option<usize>) -> Option<Residue> {
        let (position, since) = effect.undone?;
        let projection = usize::from(effect.key.0);
        let fields = &self.folds.get(projection)?.definition().fields;
        let left = effect.left.iter();
        let left = left.filter(|(field, _)| Some(*field) != explained);
        let left: Vec<String> = left
            .filter_map(|(field, left)| left.told(&fields.get(field)?.name))
            .collect();
        let done = effect.done.map(|(position, _)| position);
        (!left.is_empty()).then(|| Residue {
            instance: effect.instance,
            step: usize::from(effect.step),
            projection,
            key: effect.key.1,
            left,
            evidence: done.into_iter().chain([position]).collect(),
            since,
        })
    }
}
