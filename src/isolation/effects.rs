//! The effects of steps on keys, found by whatever may change them.
//!
//! Thousands of sagas may hold one key, so no event may look at all effects there. For each field of a
//! key those are known apart to which a write can still do something: make them dirty, which happens
//! once, wipe out or blur what is left of them, which leaves nothing to wipe or blur, or remove an
//! item that they hold.

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use smallvec::SmallVec;

use crate::event::{Position, Timestamp};
use crate::isolation::by_field::ByField;
use crate::isolation::few::Few;
use crate::isolation::left::{Around, By, Left};
use crate::isolation::on_key::OnKey;
use crate::isolation::write::{Shape, Write};
use crate::isolation::{Act, Deed};

/// A projection's index, and the number of a key there; [`NOWHERE`] where that cannot be told.
pub(super) type Key = (u16, u32);

/// Instead of the number of a key that cannot be told.
pub(super) const NOWHERE: u32 = u32::MAX;

/// What a step and its compensation did to one key.
#[derive(Debug)]
pub(super) struct Effect {
    pub(super) instance: u32,
    pub(super) step: u8,
    pub(super) key: Key,
    /// The place of its key among those of [`Effects::on_keys`].
    on: u32,
    /// When the step did something to it first since it was undone last, or before that where it has
    /// not done more; `None` where only its compensation did.
    pub(super) done: Option<(Position, Timestamp)>,
    /// When the compensation did last.
    pub(super) undone: Option<(Position, Timestamp)>,
    pub(super) left: ByField<Left>,
    pub(super) dirty: Option<Dirty>,
}

/// The first write of another instance that does not commute with an effect.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dirty {
    /// As [`Effect::done`] was then.
    pub(super) done: Option<(Position, Timestamp)>,
    pub(super) other: u32,
    pub(super) field: usize,
    pub(super) position: Position,
    /// When the effect was undone after that.
    pub(super) undone: Option<Position>,
}

/// An effect that was undone and left nothing to tell of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Over {
    /// As [`Effect::done`].
    pub(super) done: Option<(Position, Timestamp)>,
    /// When the compensation changed the key last.
    pub(super) undone: (Position, Timestamp),
}

/// A compensation that stands in the log before an event of its step which did not come after it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Early {
    /// Where it stands, and when it happened.
    pub(super) at: (Position, Timestamp),
    /// The event may have come after it all the same: their times are too close to tell.
    pub(super) is_concurrent: bool,
}

/// What an event did to a key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Doing<'a> {
    pub(super) key: Key,
    pub(super) writes: &'a [(usize, Write)],
    pub(super) around: Around<'a>,
}

/// An effect of an instance: its step, its key and its place in [`Effects::all`].
type Own = (u8, Key, u32);

/// The effects of one instance. It may have very many, of which few are open.
#[derive(Debug, Default)]
struct OfInstance {
    all: Few<Own>,
    /// Those that are not undone, by step.
    open: Few<(u8, u32)>,
}

/// All effects.
#[derive(Debug, Default)]
pub(super) struct Effects {
    all: Vec<Option<Effect>>,
    /// Places in `all` for new ones.
    spare: Vec<u32>,
    on_keys: Vec<OnKey>,
    /// Places in `on_keys` for new ones.
    spare_keys: Vec<u32>,
    /// Where in `on_keys` those on a key are.
    by_key: HashMap<Key, u32, FixedState>,
    of: HashMap<u32, OfInstance, FixedState>,
    /// Those that were undone and left nothing to tell of, until something more is done to them.
    over: HashMap<(Key, u32, u8), Over, FixedState>,
}

impl Effects {
    /// Bytes kept, roughly: an effect stands in several tables and trees, and so does its key.
    pub(super) fn bytes(&self) -> usize {
        const EACH: usize = 4 * size_of::<Effect>();
        const OVER: usize = 2 * size_of::<(Key, u32, u8, Over)>();
        self.all.len() * EACH + self.over.len() * OVER
    }

    /// Every effect of which something is to be told.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Effect> {
        self.all.iter().flatten()
    }

    /// Those that were undone and left nothing to tell of: the key, the instance and the step.
    pub(super) fn over(&self) -> impl Iterator<Item = ((Key, u32, u8), Over)> {
        self.over.iter().map(|(own, over)| (*own, *over))
    }

    /// Whether there is one on a key.
    pub(super) fn has(&self, key: Key) -> bool {
        self.by_key.contains_key(&key)
    }

    /// Whether a step has an effect that is not undone.
    pub(super) fn is_open(&self, deed: &Deed) -> bool {
        let own = self.of.get(&deed.instance);
        own.is_some_and(|own| own.open_of(deed.step).next().is_some())
    }

    /// An effect, and all that are on its key.
    fn at(&mut self, at: u32) -> Option<(&mut Effect, &mut OnKey)> {
        let effect = self.all[at as usize].as_mut()?;
        let on_key = &mut self.on_keys[effect.on as usize];
        Some((effect, on_key))
    }

    /// A step changed a key, or something of which the key cannot be told. Answers whether that is
    /// a new effect. One that was undone before is no longer, unless the compensation only stands
    /// before it.
    pub(super) fn done(&mut self, doing: Doing<'_>, deed: &Deed, early: Option<Early>) -> bool {
        let at = self.own(doing.key, deed);
        let Some((effect, on_key)) = self.at(at) else {
            return false;
        };
        let is_new = effect.done.is_none();
        let is_open = !is_new && effect.undone.is_none();
        let own = (deed.position, deed.time);
        effect.done.get_or_insert(own);
        if let Some(early) = early.filter(|_| !is_open) {
            effect.undone.get_or_insert(early.at);
            self.change(at, By::Step, doing);
            let is_vague = |write: &Write| early.is_concurrent || write.shape() != Shape::Sum;
            self.blur(at, is_vague, doing);
            self.free_if_over(at);
            return is_new;
        }
        if effect.undone.take().is_some() {
            effect.done = Some(own);
        }
        for (field, write) in doing.writes {
            on_key.field(*field).open(at, write.shape());
        }
        let own = self.of.entry(deed.instance).or_default();
        own.open.insert((deed.step, at));
        self.change(at, By::Step, doing);
        is_new
    }

    /// The compensation of a step changed a key.
    pub(super) fn undo(&mut self, doing: Doing<'_>, deed: &Deed) {
        let at = self.undone(doing, deed);
        self.free_if_over(at);
    }

    /// The same where what the step did may have been cut off.
    pub(super) fn undo_unseen(&mut self, doing: Doing<'_>, deed: &Deed) {
        let at = self.undone(doing, deed);
        let effect = self.all[at as usize].as_ref();
        if effect.is_some_and(|effect| effect.done.is_none()) {
            self.blur(at, |_| true, doing);
        }
        self.free_if_over(at);
    }

    fn undone(&mut self, doing: Doing<'_>, deed: &Deed) -> u32 {
        let at = self.own(doing.key, deed);
        if let Some(effect) = &mut self.all[at as usize] {
            let is_new = effect.done.is_none() && effect.undone.is_none();
            if is_new || effect.undone.is_some() {
                effect.undone = Some((deed.position, deed.time));
            }
        }
        self.change(at, By::Compensation, doing);
        at
    }

    /// The compensation of a step succeeded: all effects that the step had before are undone.
    pub(super) fn close(&mut self, deed: &Deed) {
        let Some(own) = self.of.get(&deed.instance) else {
            return;
        };
        let own: SmallVec<[u32; 1]> = own.open_of(deed.step).collect();
        for at in own {
            let Some(effect) = &mut self.all[at as usize] else {
                continue;
            };
            if effect.done.is_some_and(|done| done.0 == deed.position) {
                continue;
            }
            effect.undone = Some((deed.position, deed.time));
            if let Some(dirty) = &mut effect.dirty {
                dirty.undone.get_or_insert(deed.position);
            }
            self.leave(at);
            self.free_if_over(at);
        }
    }

    /// An instance can no longer go back: its open effects are certain. What happened to one that was
    /// undone before is so, too.
    pub(super) fn commit(&mut self, instance: u32) {
        let Some(own) = self.of.get(&instance) else {
            return;
        };
        let own: SmallVec<[u32; 4]> = own.open.iter().map(|(_, at)| *at).collect();
        for at in own {
            self.leave(at);
            let effect = self.all[at as usize].as_ref();
            match effect.and_then(|effect| effect.dirty) {
                Some(dirty) if dirty.undone.is_some() => self.forget(at),
                Some(_) | None => self.free(at),
            }
        }
    }

    /// What an effect leaves is of no interest any more.
    fn forget(&mut self, at: u32) {
        let Some((effect, on_key)) = self.at(at) else {
            return;
        };
        for (field, left) in std::mem::take(&mut effect.left).iter() {
            on_key.field(field).forget(at, left);
        }
    }

    /// Somebody wrote to a key: the effects of others on it may be dirty, or wiped out. One event may
    /// be a deed of several instances, of each of which it is its own.
    pub(super) fn write(&mut self, doing: Doing<'_>, deeds: &[Deed], position: Position) {
        let Some(on) = self.by_key.get(&doing.key) else {
            return;
        };
        let on_key = &mut self.on_keys[*on as usize];
        let all = &mut self.all;
        let of_same = |effect: &Effect| deeds.iter().any(|deed| deed.instance == effect.instance);
        let by = deeds.first().map(|deed| deed.instance);
        let mut over = Vec::new();
        for (field, write) in doing.writes {
            let Some(on_field) = on_key.known_field(*field) else {
                continue;
            };
            if let Some(other) = by {
                let dirty = |effect: &Effect| Dirty {
                    done: effect.done,
                    other,
                    field: *field,
                    position,
                    undone: None,
                };
                on_field.sully(write.shape(), |at| match &mut all[at as usize] {
                    Some(effect) if of_same(effect) => true,
                    Some(effect) => {
                        effect.dirty = effect.dirty.or_else(|| Some(dirty(effect)));
                        false
                    }
                    None => false,
                });
            }
            on_field.written(write, doing.around, *field, &mut |at, change| {
                let Some(effect) = &mut all[at as usize] else {
                    return None;
                };
                if deeds.iter().any(|deed| deed.is_of(effect)) {
                    return effect.left.get(*field).cloned();
                }
                let left = effect.left.remove(*field)?;
                let left = change(left).filter(|left| !left.is_nothing());
                match &left {
                    Some(left) => _ = effect.left.insert(*field, left.clone()),
                    None if effect.is_over() => over.push(at),
                    None => {}
                }
                left
            });
        }
        over.into_iter().for_each(|at| self.free_if_over(at));
    }

    /// The place of the effect of a step on a key.
    fn own(&mut self, key: Key, deed: &Deed) -> u32 {
        let Effects {
            all,
            spare,
            on_keys,
            spare_keys,
            by_key,
            of,
            over,
        } = self;
        let (instance, step) = (deed.instance, deed.step);
        let own = of.entry(instance).or_default();
        let known = own
            .all
            .between((step, key, 0), (step, key, u32::MAX))
            .next();
        if let Some((_, _, at)) = known {
            return at;
        }
        let on = *by_key
            .entry(key)
            .or_insert_with(|| place(on_keys, spare_keys));
        on_keys[on as usize].count += 1;
        let at = place(all, spare);
        own.all.insert((step, key, at));
        let over = match over.is_empty() {
            true => None,
            false => over.remove(&(key, instance, step)),
        };
        all[at as usize] = Some(Effect {
            instance,
            step,
            key,
            on,
            done: over.and_then(|over| over.done),
            undone: over.map(|over| over.undone),
            left: ByField::default(),
            dirty: None,
        });
        at
    }

    /// A step or its compensation wrote to a key.
    fn change(&mut self, at: u32, by: By, doing: Doing<'_>) {
        let Some((effect, on_key)) = self.at(at) else {
            return;
        };
        for (field, write) in doing.writes {
            let on_field = on_key.field(*field);
            let left = effect.left.remove(*field).unwrap_or_default();
            on_field.forget(at, &left);
            let left = left.with(by, *field, write, doing.around);
            if !left.is_nothing() {
                on_field.remember(at, &left);
                effect.left.insert(*field, left);
            }
        }
    }

    /// What is left of an effect after some of these writes cannot be told.
    fn blur(&mut self, at: u32, of: impl Fn(&Write) -> bool, doing: Doing<'_>) {
        let Some((effect, on_key)) = self.at(at) else {
            return;
        };
        for (field, _) in doing.writes.iter().filter(|(_, write)| of(write)) {
            let on_field = on_key.field(*field);
            if let Some(left) = effect.left.insert(*field, Left::UNTOLD) {
                on_field.forget(at, &left);
            }
            on_field.remember(at, &Left::UNTOLD);
        }
    }

    /// An effect is not open any more.
    fn leave(&mut self, at: u32) {
        let Some(effect) = &self.all[at as usize] else {
            return;
        };
        if let Some(own) = self.of.get_mut(&effect.instance) {
            own.open.remove(&(effect.step, at));
        }
        let on_key = &mut self.on_keys[effect.on as usize];
        on_key.fields().for_each(|field| field.leave(at));
    }

    fn free_if_over(&mut self, at: u32) {
        let effect = self.all[at as usize].as_ref();
        let Some(effect) = effect.filter(|effect| effect.is_over()) else {
            return;
        };
        if let Some(undone) = effect.undone {
            let own = (effect.key, effect.instance, effect.step);
            let done = effect.done;
            self.over.insert(own, Over { done, undone });
        }
        self.free(at);
    }

    /// Drops an effect that is not open.
    fn free(&mut self, at: u32) {
        self.forget(at);
        let Some(effect) = self.all[at as usize].take() else {
            return;
        };
        self.spare.push(at);
        if let Entry::Occupied(mut own) = self.of.entry(effect.instance) {
            own.get_mut().all.remove(&(effect.step, effect.key, at));
            if own.get().all.is_empty() {
                own.remove();
            }
        }
        let on_key = &mut self.on_keys[effect.on as usize];
        on_key.count -= 1;
        if on_key.count == 0 {
            *on_key = OnKey::default();
            self.spare_keys.push(effect.on);
            self.by_key.remove(&effect.key);
        }
    }
}

impl OfInstance {
    /// The open effects of one step.
    fn open_of(&self, step: u8) -> impl Iterator<Item = u32> {
        let own = self.open.between((step, 0), (step, u32::MAX));
        own.map(|(_, at)| at)
    }
}

/// A place for something new: a spare one, or one more at the end.
fn place<T: Default>(all: &mut Vec<T>, spare: &mut Vec<u32>) -> u32 {
    spare.pop().unwrap_or_else(|| {
        all.push(T::default());
        all.len() as u32 - 1
    })
}

impl Deed {
    /// Whether it is a success of a step that can be compensated, or of its compensation.
    pub(super) const fn is_of_step(&self) -> bool {
        matches!(self.act, Act::Done | Act::Undone)
    }

    /// Whether it is one of the step behind an effect, or of its compensation.
    fn is_of(&self, effect: &Effect) -> bool {
        self.instance == effect.instance && self.step == effect.step && self.is_of_step()
    }
}

impl Effect {
    /// Whether it is undone and nothing is left to tell of it.
    fn is_over(&self) -> bool {
        self.undone.is_some() && self.left.is_empty() && self.dirty.is_none()
    }
}
