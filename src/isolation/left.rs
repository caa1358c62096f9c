//! What a field has with a step and its compensation that it would not have without both.

use std::collections::BTreeMap;

use crate::isolation::write::Write;
use crate::projection::{Cell, Number, State, Value};

/// Whose write it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Step,
    Compensation,
}

/// How a field differs.
#[derive(Debug, Clone, Default)]
pub(super) struct Left {
    pub(super) what: What,
    /// The step set it, and nobody else did since.
    is_set: bool,
}

/// The difference itself. What others add, append and set later moves both alike, or makes them the
/// same.
#[derive(Debug, Clone, Default)]
pub(super) enum What {
    /// None.
    #[default]
    Nothing,
    /// It is greater by this, which is not zero; nothing counts as zero.
    Sum(Number),
    /// There are so many more of these items, or fewer; their order is not looked at.
    Items(BTreeMap<String, i64>),
    /// It would be this instead.
    Instead(Value),
    /// It cannot be told.
    Untold,
}

/// The state of a key around one event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around<'a> {
    /// What was looked at before the event, by the field's index.
    pub(super) before: &'a [(usize, Before)],
    /// The state after it.
    pub(super) after: &'a State,
}

/// What was looked at of a field before an event.
#[derive(Debug, Clone)]
pub(super) enum Before {
    /// What it held, of one that is set.
    Held(Cell),
    /// How many items, of one from which something is removed: to hold them would be to copy them.
    Items(usize),
}

impl Around<'_> {
    fn held(&self, field: usize) -> &Cell {
        let mut before = self.before.iter();
        let held = before.find_map(|(of, before)| match before {
            Before::Held(cell) if *of == field => Some(cell),
            Before::Held(_) | Before::Items(_) => None,
        });
        held.unwrap_or(&Cell::Blank)
    }

    /// Whether an item was removed.
    fn has_removed(&self, field: usize) -> bool {
        self.before.iter().any(|(of, before)| match before {
            Before::Items(items) => *of == field && *items > count(self.after.cell(field)),
            Before::Held(_) => false,
        })
    }

    /// How many there were of an item, before one of them was removed.
    pub(super) fn had(&self, field: usize, item: &str) -> i64 {
        let items = match self.after.cell(field) {
            Cell::Known(Value::List(items)) => items.as_slice(),
            Cell::Known(_) | Cell::Blank | Cell::Unknown(_) => &[],
        };
        let same = items.iter().filter(|one| one.to_string() == item);
        same.count() as i64 + i64::from(self.has_removed(field))
    }
}

/// How many items a field holds.
pub(super) fn count(cell: &Cell) -> usize {
    match cell {
        Cell::Known(Value::List(items)) => items.len(),
        Cell::Known(_) | Cell::Blank | Cell::Unknown(_) => 0,
    }
}

impl Left {
    /// Something that cannot be told.
    pub(super) const UNTOLD: Left = Left {
        what: What::Untold,
        is_set: false,
    };

    /// Whether it need not be remembered.
    pub(super) const fn is_nothing(&self) -> bool {
        matches!(self.what, What::Nothing) && !self.is_set
    }

    /// The same after one more write of the step or of its compensation.
    pub(super) fn with(self, by: By, field: usize, write: &Write, around: Around<'_>) -> Left {
        let after = around.after.cell(field);
        let Left { what, is_set } = self;
        let what = match write {
            // To which value a compensation sets what its step has set is its author's affair.
            Write::Set | Write::Calculated if by == By::Compensation && is_set => {
                return Left::default();
            }
            Write::Set | Write::Calculated => {
                return Left {
                    what: match what.without(around.held(field)) {
                        Some(without) => What::between(after, without),
                        None => What::Untold,
                    },
                    is_set: by == By::Step,
                };
            }
            Write::Sum(added) => what.added(*added, after),
            Write::Append(item) => what.counted(item.as_deref(), 1, after),
            Write::Remove(item) => {
                let change = -i64::from(around.has_removed(field));
                what.counted(item.as_deref(), change, after)
            }
        };
        Left { what, is_set }
    }

    /// Somebody else adds or appends to it, so that what it would be is another now.
    pub(super) fn blur(&mut self) {
        self.what = What::Untold;
    }

    /// Somebody else removes an item of which there were so many.
    pub(super) fn shrink(&mut self, item: &str, had: i64) {
        let What::Items(items) = &mut self.what else {
            return;
        };
        let Some(more) = items.get_mut(item) else {
            return;
        };
        let without = (had - *more).max(0);
        *more = (had - 1).max(0) - (without - 1).max(0);
        if *more == 0 {
            items.remove(item);
        }
        if items.is_empty() {
            self.what = What::Nothing;
        }
    }

    /// For people; `None` where there is no difference, or none that can be told.
    pub(super) fn told(&self, field: &str) -> Option<String> {
        match &self.what {
            What::Nothing | What::Untold => None,
            What::Instead(_) if self.is_set => Some(format!("`{field}` as the step set it")),
            What::Instead(_) => Some(format!("`{field}` as the compensation set it")),
            What::Sum(sum) => {
                let sum = sum.to_string();
                let sign = if sum.starts_with('-') { "" } else { "+" };
                Some(format!("`{field}` {sign}{sum}"))
            }
            What::Items(items) => {
                let those = |is_more: bool| {
                    let own = items.iter().filter(|(_, more)| (**more > 0) == is_more);
                    let own: Vec<&str> = own.map(|(item, _)| item.as_str()).collect();
                    own.join(", ")
                };
                Some(match (those(true).as_str(), those(false).as_str()) {
                    (more, "") => format!("`{field}` with {more}"),
                    ("", fewer) => format!("`{field}` without {fewer}"),
                    (more, fewer) => format!("`{field}` with {more} and without {fewer}"),
                })
            }
        }
    }
}

impl What {
    /// The difference between what a field holds and what it would hold.
    fn between(with: &Cell, without: Value) -> What {
        let with = match with {
            Cell::Unknown(_) => return What::Untold,
            Cell::Blank => &Value::Null,
            Cell::Known(value) => value,
        };
        if with.equals(&without, 0.0) {
            return What::Nothing;
        }
        if let (Some(with), Some(without)) = (plain(with), plain(&without)) {
            return What::sum(with.plus(without.negated()));
        }
        let (Some(more), Some(fewer)) = (items(with), items(&without)) else {
            return What::Instead(without);
        };
        let mut items: BTreeMap<String, i64> = BTreeMap::new();
        let more = more.iter().map(|item| (item, 1));
        for (item, change) in more.chain(fewer.iter().map(|item| (item, -1))) {
            *items.entry(item.to_string()).or_default() += change;
        }
        What::items(items)
    }

    fn sum(sum: Option<Number>) -> What {
        match sum {
            Some(sum) if sum.is_zero() => What::Nothing,
            Some(sum) => What::Sum(sum),
            None => What::Untold,
        }
    }

    fn items(mut items: BTreeMap<String, i64>) -> What {
        items.retain(|_, more| *more != 0);
        match items.is_empty() {
            true => What::Nothing,
            false => What::Items(items),
        }
    }

    fn added(self, added: Option<Number>, after: &Cell) -> What {
        match self {
            What::Nothing => What::sum(added),
            What::Sum(sum) => What::sum(added.and_then(|added| sum.plus(added))),
            What::Instead(without) => What::between(after, without),
            What::Items(_) | What::Untold => What::Untold,
        }
    }

    fn counted(self, item: Option<&str>, change: i64, after: &Cell) -> What {
        let (mut items, item) = match (self, item) {
            (What::Nothing, Some(item)) => (BTreeMap::new(), item),
            (What::Items(items), Some(item)) => (items, item),
            (What::Instead(without), _) => return What::between(after, without),
            (What::Nothing | What::Items(_) | What::Sum(_) | What::Untold, _) => {
                return What::Untold;
            }
        };
        *items.entry(item.to_owned()).or_default() += change;
        What::items(items)
    }

    /// What a field that holds this would hold without; nothing counts as null.
    fn without(&self, with: &Cell) -> Option<Value> {
        let with = match with {
            Cell::Unknown(_) => None,
            Cell::Blank => Some(Value::Null),
            Cell::Known(value) => Some(value.clone()),
        };
        match self {
            What::Untold => None,
            What::Instead(without) => Some(without.clone()),
            What::Nothing => with,
            What::Sum(sum) => {
                let without = plain(&with?)?.plus(sum.negated())?;
                Some(Value::Number(without))
            }
            What::Items(more) => {
                let with = with?;
                let mut more = more.clone();
                let mut without = Vec::new();
                for item in items(&with)? {
                    match more.get_mut(&item.to_string()) {
                        Some(count) if *count > 0 => *count -= 1,
                        Some(_) | None => without.push(item.clone()),
                    }
                }
                for (item, count) in more {
                    let item = serde_json::from_str(&item).ok()?;
                    let missing = (count..0).map(|_| Value::written(&item));
                    without.extend(missing);
                }
                Some(Value::List(without.into()))
            }
        }
    }
}

/// The number that a value is; nothing is zero.
fn plain(value: &Value) -> Option<Number> {
    match value {
        Value::Null => Some(Number::Integer(0)),
        Value::Number(number) => Some(*number),
        Value::Bool(_) | Value::Text(_) | Value::List(_) | Value::Object(_) => None,
    }
}

/// The items that a value is; nothing is none.
fn items(value: &Value) -> Option<&[Value]> {
    match value {
        Value::Null => Some(&[]),
        Value::List(items) => Some(items),
        Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Object(_) => None,
    }
}
