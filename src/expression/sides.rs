//! The two sides of a comparison. The engine orders values of different kinds by their kind: any text
//! is greater than any number, which is nothing that somebody who wrote `data.amount > 100` can mean.
//!
//! Decimal text beside a number counts as that number. Other text, truth values, lists and mappings
//! have no order with a number, and are noted. All else is the engine's: text beside text, what is
//! `none`, and whether something that is no number equals one.

use std::cmp::Ordering;
use std::sync::Arc;

use minijinja::value::{DynObject, Object, ObjectRepr, Value, ValueKind};
use minijinja::{Environment, State};

use crate::brief;
use crate::expression::decimal;
use crate::expression::document::Misses;

/// The filter that [`comparisons::guarded`](crate::expression::comparisons::guarded) hands each side
/// through; nobody has a reason to type it. The side itself is an argument, since the engine counts
/// the length of a text that is filtered as work.
pub(super) const FILTER: &str = "__side";

/// The name under which the filter finds what an evaluation missed; no expression can see it.
const MISSES: &str = "__misses";

/// Teaches an environment the filter.
pub(super) fn teach(environment: &mut Environment<'_>) {
    environment.add_filter(FILTER, side);
}

/// What an expression sees, with a place for the filter to note in what has no order.
pub(super) fn context(values: Value, misses: &Arc<Misses>) -> Value {
    Value::from_object(Context {
        values,
        misses: Arc::clone(misses),
    })
}

fn side(state: &State<'_, '_>, name: Value, value: Value, is_ordered: bool, counts: bool) -> Value {
    if matches!(value.kind(), ValueKind::Undefined | ValueKind::Invalid) {
        return value;
    }
    let misses = match value.is_number() {
        true => None,
        false => state.lookup(MISSES),
    };
    Value::from_object(Side {
        name,
        value,
        is_ordered,
        counts,
        misses: misses.and_then(|misses| misses.downcast_object()),
    })
}

#[derive(Debug)]
struct Context {
    values: Value,
    misses: Arc<Misses>,
}

impl Object for Context {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str() {
            Some(MISSES) => Some(Value::from_dyn_object(Arc::clone(&self.misses))),
            _ => self.values.as_object()?.get_value(key),
        }
    }
}

/// What stands on one side of a comparison.
#[derive(Debug)]
struct Side {
    /// As it is written.
    name: Value,
    value: Value,
    /// Whether the comparison is about more than equality.
    is_ordered: bool,
    /// Whether decimal text counts as a number: not if it was put together, as `+` does with text.
    counts: bool,
    /// Where it is noted that it has no order with a number; a number needs no such place.
    misses: Option<Arc<Misses>>,
}

impl Side {
    /// How it stands to a number that is on the other side.
    fn against(&self, number: &Value, is_ordered: bool) -> Ordering {
        let text = self.value.as_str().filter(|_| self.counts);
        if let Some(order) = text.and_then(|text| decimal::compare(text, number)) {
            return order;
        }
        if let (true, Some(misses)) = (is_ordered, &self.misses)
            && let Some(reason) = self.reason()
        {
            misses.note(reason);
        }
        native(&self.value, number, is_ordered)
    }

    /// Why it has no order with a number; nothing has one, as the engine has it.
    fn reason(&self) -> Option<String> {
        let name = self.name.as_str().unwrap_or_default();
        let text = self.value.as_str();
        let text = text.map(|text| brief::one(text, brief::IN_A_SENTENCE));
        Some(match (self.value.kind(), text) {
            (ValueKind::None, _) => return None,
            (_, Some(text)) if self.counts => {
                format!("`{name}` is text that is no number: `{text}`")
            }
            (_, Some(text)) => format!("`{name}` is text, and no number: `{text}`"),
            (ValueKind::Bool, _) => {
                format!("`{name}` is {}, which is no number", self.value.is_true())
            }
            (ValueKind::Map, _) => format!("`{name}` is a mapping, which is no number"),
            (ValueKind::Seq | ValueKind::Iterable, _) => {
                format!("`{name}` is a list, which is no number")
            }
            _ => format!("`{name}` is no number"),
        })
    }
}

impl Object for Side {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    /// What the engine counts as work of comparing.
    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        self.value.as_object()?.enumerator_len()
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        let other: &Side = other.downcast_ref()?;
        let is_ordered = self.is_ordered && other.is_ordered;
        Some(match (self.value.is_number(), other.value.is_number()) {
            (false, true) => self.against(&other.value, is_ordered),
            (true, false) => other.against(&self.value, is_ordered).reverse(),
            _ => native(&self.value, &other.value, is_ordered),
        })
    }
}

/// As the engine has it, for which what has no order before the other need not be equal to it.
fn native(one: &Value, other: &Value, is_ordered: bool) -> Ordering {
    match one == other {
        _ if is_ordered => one.cmp(other),
        true => Ordering::Equal,
        false => Ordering::Less,
    }
}
