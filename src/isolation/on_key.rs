//! The effects on one key, by what a write to one of its fields can do to them.

use std::cell::LazyCell;
use std::collections::BTreeMap;

use crate::isolation::by_field::ByField;
use crate::isolation::few::Few;
use crate::isolation::left::{Around, Left, What};
use crate::isolation::write::{Shape, Write};

/// Effects on one key.
#[derive(Debug, Default)]
pub(super) struct OnKey {
    pub(super) count: usize,
    fields: ByField<OnField>,
}

/// Effects on one field of one key.
#[derive(Debug, Default)]
pub(super) struct OnField {
    /// Open and not dirty, by the shape of what they wrote.
    clean: [Few<u32>; Shape::COUNT],
    /// Those that make a difference which can be told, or may make one: a new value ends that.
    full: Few<u32>,
    /// Those of which it cannot be told whether they make a difference; that ends likewise.
    vague: Few<u32>,
    /// Those without which the field would be something to which nothing is added alike.
    instead: Few<u32>,
    /// Those that make a difference in how often an item is there.
    items: BTreeMap<String, Few<u32>>,
}

/// Changes what an effect left in a field, unless the write is its own; answers what that is then.
type Change<'c> = &'c mut dyn FnMut(u32, &dyn Fn(Left) -> Option<Left>) -> Option<Left>;

impl OnKey {
    /// Those on a field.
    pub(super) fn field(&mut self, field: usize) -> &mut OnField {
        self.fields.get_or_default(field)
    }

    /// Those on a field on which there was one.
    pub(super) fn known_field(&mut self, field: usize) -> Option<&mut OnField> {
        self.fields.get_mut(field)
    }

    /// Those on each field.
    pub(super) fn fields(&mut self) -> impl Iterator<Item = &mut OnField> {
        self.fields.values_mut()
    }
}

impl OnField {
    /// An effect is open, which wrote like this.
    pub(super) fn open(&mut self, at: u32, shape: Shape) {
        self.clean[shape as usize].insert(at);
    }

    /// It is not open any more.
    pub(super) fn leave(&mut self, at: u32) {
        self.clean.iter_mut().for_each(|clean| clean.remove(&at));
    }

    /// Those that do not commute with a write of this shape are dirty from now on, unless they are
    /// to stay `clean`.
    pub(super) fn sully(&mut self, shape: Shape, mut clean: impl FnMut(u32) -> bool) {
        for own in Shape::ALL.into_iter().filter(|own| !own.commutes(shape)) {
            self.clean[own as usize].retain(|at| clean(*at));
        }
    }

    /// Takes note of what an effect left.
    pub(super) fn remember(&mut self, at: u32, left: &Left) {
        match &left.what {
            What::Untold => {
                self.vague.insert(at);
                return;
            }
            What::Instead(_) => self.instead.insert(at),
            What::Items(items) => {
                for item in items.keys() {
                    self.items.entry(item.clone()).or_default().insert(at);
                }
            }
            What::Nothing | What::Sum(_) => {}
        }
        self.full.insert(at);
    }

    /// An effect is to leave something else, or nothing.
    pub(super) fn forget(&mut self, at: u32, left: &Left) {
        match &left.what {
            What::Untold => self.vague.remove(&at),
            What::Instead(_) => self.instead.remove(&at),
            What::Items(items) => {
                for item in items.keys() {
                    let Some(those) = self.items.get_mut(item) else {
                        continue;
                    };
                    those.remove(&at);
                    if those.is_empty() {
                        self.items.remove(item);
                    }
                }
            }
            What::Nothing | What::Sum(_) => {}
        }
        self.full.remove(&at);
    }

    /// Somebody wrote to the field: what others left there may be something else now.
    pub(super) fn written(
        &mut self,
        write: &Write,
        around: Around<'_>,
        field: usize,
        change: Change<'_>,
    ) {
        match write {
            Write::Set => {
                let vague = std::mem::take(&mut self.vague);
                self.rewrite(vague, change, &|_| None);
                self.items.clear();
                self.instead = Few::Nothing;
                let full = std::mem::take(&mut self.full);
                self.rewrite(full, change, &|_| None);
            }
            Write::Calculated => {
                self.items.clear();
                self.instead = Few::Nothing;
                let full = std::mem::take(&mut self.full);
                self.rewrite(full, change, &|_| Some(Left::UNTOLD));
            }
            Write::Sum(_) | Write::Append(_) | Write::Remove(_) => {
                let instead = std::mem::take(&mut self.instead);
                for at in instead.iter() {
                    self.full.remove(at);
                }
                self.rewrite(instead, change, &|mut left| {
                    left.blur();
                    Some(left)
                });
            }
        }
        if let Write::Remove(Some(item)) = write
            && let Some(those) = self.items.remove(item)
        {
            // Most items are removed by those alone who hold them, whose lists may be long.
            let had = LazyCell::new(|| around.had(field, item));
            for at in those.iter() {
                self.full.remove(at);
            }
            self.rewrite(those, change, &|mut left| {
                left.shrink(item, *had);
                Some(left)
            });
        }
    }

    /// Changes what those left, and takes note of it anew.
    fn rewrite(&mut self, those: Few<u32>, change: Change<'_>, how: &dyn Fn(Left) -> Option<Left>) {
        for at in those {
            if let Some(left) = change(at, how) {
                self.remember(at, &left);
            }
        }
    }
}
