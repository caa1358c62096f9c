//! The effects of steps on keys, found by whatever may change them.
//!
//! Thousands of sagas may hold one key, so no event may look at all effects there. For each field of a
//! key those are known apart to which a write can still do something: make them dirty, which happens
//! once, or wipe them out, which leaves nothing to wipe.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::event::{Position, Timestamp};
use crate::isolation::Deed;
use crate::isolation::write::{Shape, Write};
use crate::projection::Number;

/// A projection's index, and the number of a key there.
pub(super) type Key = (u16, u32);

/// An effect on one key.
#[derive(Debug)]
pub(super) struct Effect {
    pub(super) instance: u32,
    pub(super) step: u8,
    pub(super) key: Key,
    pub(super) done: (Position, Timestamp),
    /// By the field's index.
    pub(super) writes: BTreeMap<usize, Write>,
    /// The first write of another instance that does not commute with it.
    pub(super) dirty: Option<(u32, usize, Position)>,
    pub(super) undone: Option<(Position, Timestamp)>,
    /// It happened more than once, so that what its compensation took back cannot be told.
    pub(super) is_repeated: bool,
}

/// Effects on one field of one key.
#[derive(Debug, Default)]
struct OnField {
    /// Open and not dirty, by the shape of what they wrote.
    clean: [BTreeSet<u32>; Shape::COUNT],
    /// Those from which a new value takes something away.
    full: BTreeSet<u32>,
}

/// Effects on one key.
#[derive(Debug, Default)]
struct OnKey {
    count: usize,
    /// By the field's index.
    fields: BTreeMap<usize, OnField>,
}

/// All effects.
#[derive(Debug, Default)]
pub(super) struct Effects {
    all: Vec<Option<Effect>>,
    /// Places in `all` for new ones.
    spare: Vec<u32>,
    by_key: HashMap<Key, OnKey, FixedState>,
    /// Those that are not undone.
    open: HashMap<(Key, u32, u8), u32, FixedState>,
    /// Those that are not undone, by step.
    by_instance: HashMap<u32, BTreeSet<(u8, u32)>, FixedState>,
}

impl Effects {
    /// Bytes kept, roughly: an effect stands in several tables and trees.
    pub(super) fn bytes(&self) -> usize {
        const EACH: usize = 4 * size_of::<Effect>();
        self.all.len() * EACH
    }

    /// Every effect.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Effect> {
        self.all.iter().flatten()
    }

    /// Whether there is one on a key.
    pub(super) fn has(&self, key: Key) -> bool {
        self.by_key.contains_key(&key)
    }

    /// The effect of a step on a key that is not undone yet.
    pub(super) fn open(&mut self, key: Key, deed: &Deed) -> Option<&mut Effect> {
        let at = self.open.get(&(key, deed.instance, deed.step))?;
        self.all[*at as usize].as_mut()
    }

    /// Adds an effect, which is open.
    pub(super) fn push(&mut self, effect: Effect) {
        let at = self.spare.pop().unwrap_or(self.all.len() as u32);
        let on_key = self.by_key.entry(effect.key).or_default();
        on_key.count += 1;
        for (field, write) in &effect.writes {
            let on_field = on_key.fields.entry(*field).or_default();
            on_field.clean[write.shape() as usize].insert(at);
            on_field.full.insert(at);
        }
        let Effect {
            key,
            instance,
            step,
            ..
        } = effect;
        self.open.insert((key, instance, step), at);
        self.by_instance
            .entry(instance)
            .or_default()
            .insert((step, at));
        match self.all.get_mut(at as usize) {
            Some(place) => *place = Some(effect),
            None => self.all.push(Some(effect)),
        }
    }

    /// The compensation of a step changed a key.
    pub(super) fn undo(&mut self, key: Key, writes: &[(usize, Write)], deed: &Deed) {
        let Some(at) = self.open.get(&(key, deed.instance, deed.step)).copied() else {
            return;
        };
        let (Some(effect), Some(on_key)) = (&mut self.all[at as usize], self.by_key.get_mut(&key))
        else {
            return;
        };
        for (field, write) in writes {
            let Some(own) = effect.writes.remove(field) else {
                continue;
            };
            let on_field = on_key.fields.entry(*field).or_default();
            match own.and(write.clone()) {
                Some(left) => {
                    effect.writes.insert(*field, left);
                    on_field.full.insert(at);
                }
                None => on_field.forget(at),
            }
        }
    }

    /// The compensation of a step succeeded: all effects that the step had before are undone. Returns
    /// how many.
    pub(super) fn close(&mut self, deed: &Deed) -> u64 {
        let Some(own) = self.by_instance.get(&deed.instance) else {
            return 0;
        };
        let own = own.range((deed.step, 0)..=(deed.step, u32::MAX));
        let own: Vec<u32> = own.map(|(_, at)| *at).collect();
        let mut undone = 0;
        for at in own {
            let Some(effect) = &mut self.all[at as usize] else {
                continue;
            };
            if effect.done.0 == deed.position {
                continue;
            }
            effect.undone = Some((deed.position, deed.time));
            effect.writes.retain(|_, write| !write.is_nothing());
            undone += 1;
            let is_over = effect.is_over();
            self.leave(at);
            if is_over {
                self.free(at);
            }
        }
        undone
    }

    /// An instance can no longer go back: its open effects are certain.
    pub(super) fn commit(&mut self, instance: u32) {
        let own = self.by_instance.get(&instance).cloned();
        for (_, at) in own.unwrap_or_default() {
            self.leave(at);
            self.free(at);
        }
    }

    /// Somebody wrote to a key: the effects of others on it may be dirty, or wiped out. One event may
    /// be a deed of several instances, of each of which it is its own.
    pub(super) fn write(
        &mut self,
        key: Key,
        writes: &[(usize, Write)],
        deeds: &[Deed],
        position: Position,
    ) {
        let Some(on_key) = self.by_key.get_mut(&key) else {
            return;
        };
        let all = &mut self.all;
        let is_own = |effect: &Effect| deeds.iter().any(|deed| deed.instance == effect.instance);
        let by = deeds.first().map(|deed| deed.instance);
        let mut over = Vec::new();
        for (field, write) in writes {
            let Some(on_field) = on_key.fields.get_mut(field) else {
                continue;
            };
            if let Some(other) = by {
                let touch = (other, *field, position);
                on_field.sully(write.shape(), all, &is_own, touch);
            }
            if write.shape() != Shape::Set {
                continue;
            }
            on_field.full.retain(|at| match &mut all[*at as usize] {
                Some(effect) if is_own(effect) => true,
                Some(effect) => {
                    effect.wipe(*field);
                    if effect.is_over() {
                        over.push(*at);
                    }
                    false
                }
                None => false,
            });
        }
        over.into_iter().for_each(|at| self.free(at));
    }

    /// An effect is not open any more.
    fn leave(&mut self, at: u32) {
        let Some(effect) = &self.all[at as usize] else {
            return;
        };
        let Effect {
            key,
            instance,
            step,
            ..
        } = *effect;
        self.open.remove(&(key, instance, step));
        if let Some(own) = self.by_instance.get_mut(&instance) {
            own.remove(&(step, at));
            if own.is_empty() {
                self.by_instance.remove(&instance);
            }
        }
        let fields = self.by_key.get_mut(&key).map(|on_key| &mut on_key.fields);
        for (field, on_field) in fields.into_iter().flatten() {
            on_field.forget(at);
            if effect.writes.contains_key(field) {
                on_field.full.insert(at);
            }
        }
    }

    /// Drops an effect that is not open.
    fn free(&mut self, at: u32) {
        let Some(effect) = self.all[at as usize].take() else {
            return;
        };
        self.spare.push(at);
        let Some(on_key) = self.by_key.get_mut(&effect.key) else {
            return;
        };
        on_key.count -= 1;
        on_key
            .fields
            .values_mut()
            .for_each(|field| field.forget(at));
        if on_key.count == 0 {
            self.by_key.remove(&effect.key);
        }
    }
}

impl OnField {
    /// Those of others that do not commute with a write of this shape are dirty from now on.
    fn sully(
        &mut self,
        shape: Shape,
        all: &mut [Option<Effect>],
        is_own: &impl Fn(&Effect) -> bool,
        touch: (u32, usize, Position),
    ) {
        for own in Shape::ALL.into_iter().filter(|own| !own.commutes(shape)) {
            self.clean[own as usize].retain(|at| match &mut all[*at as usize] {
                Some(effect) if is_own(effect) => true,
                Some(effect) => {
                    effect.dirty.get_or_insert(touch);
                    false
                }
                None => false,
            });
        }
    }

    fn forget(&mut self, at: u32) {
        self.clean
            .iter_mut()
            .for_each(|clean| _ = clean.remove(&at));
        self.full.remove(&at);
    }
}

impl Effect {
    /// Whether it is undone and nothing is left to tell of it.
    fn is_over(&self) -> bool {
        self.undone.is_some() && self.writes.is_empty() && self.dirty.is_none()
    }

    /// Somebody set a field anew.
    fn wipe(&mut self, field: usize) {
        if self.undone.is_some() {
            self.writes.remove(&field);
            return;
        }
        match self.writes.get_mut(&field) {
            Some(Write::Sum(sum)) => *sum = Some(Number::Integer(0)),
            Some(Write::List(items)) => items.clear(),
            Some(Write::Set) | None => {}
        }
    }
}
