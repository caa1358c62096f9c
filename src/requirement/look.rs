//! What an invariant sees of states, and what it says of them.

use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

use foldhash::fast::FixedState;
use serde_json::{Map, Value};

use crate::definition::requirement::{Lookup, Requirement};
use crate::expression::{Formula, Reference, Undetermined};
use crate::json;
use crate::projection::{self, State as Folded};

/// A state, or why it cannot be told.
pub(super) type State = Result<Map<String, Value>, Box<str>>;

/// Whether an invariant holds for a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Held {
    /// The key does not exist, or need not keep it.
    Exempt,
    Yes,
    No(Arc<str>),
    Unknown(Box<str>),
}

/// A digest of some fields of a key, which may not be there; never 0.
pub(super) fn digest(
    fields: &[usize],
    projection: usize,
    number: Option<u32>,
    states: &projection::Ledger,
) -> u64 {
    let mut hasher = FixedState::default().build_hasher();
    let entry = number.and_then(|number| states.entry(projection, number));
    let is_there = |state: &Folded| state.is_alive() || state.doubt().is_some();
    if let Some((_, entry)) = entry.filter(|(_, entry)| is_there(&entry.state)) {
        entry.state.doubt().hash(&mut hasher);
        hasher.write_u8(1);
        for field in fields {
            entry.state.cell(*field).digest(&mut hasher);
        }
    }
    hasher.finish() | 1
}

/// The key that a look-up leads to.
pub(super) fn looked_up(lookup: &Lookup, values: &Map<String, Value>) -> Option<String> {
    let key = lookup.key.evaluate(values).ok()?;
    json::text(&key).map(|key| key.into_owned())
}

/// What something that a formula refers to is, with every digit, where more is known than the formula
/// sees.
type Exact<'e> = &'e dyn Fn(&Reference<'_>) -> Option<String>;

pub(super) fn judge(
    requirement: &Requirement,
    values: &Map<String, Value>,
    exact: Exact<'_>,
) -> Held {
    let holds = |formula: &Formula| formula.holds(values);
    let unknown = |undetermined: Undetermined| Held::Unknown(undetermined.0.into());
    match requirement.narrow.as_ref().map(holds) {
        Some(Ok(false)) => return Held::Exempt,
        Some(Err(undetermined)) => return unknown(undetermined),
        Some(Ok(true)) | None => {}
    }
    match holds(&requirement.require) {
        Ok(true) => Held::Yes,
        Ok(false) => Held::No(shown(&requirement.require, values, exact).into()),
        Err(undetermined) => unknown(undetermined),
    }
}

/// What a formula looks at, as `state.status = "paid"`.
fn shown(formula: &Formula, values: &Map<String, Value>, exact: Exact<'_>) -> String {
    let parts = formula
        .references()
        .map(|reference| match reference.of(values) {
            Some(value) => match exact(&reference) {
                Some(exact) => format!("{reference} = {exact}"),
                None => format!("{reference} = {value}"),
            },
            None => format!("{reference} is missing"),
        });
    parts.collect::<Vec<_>>().join(", ")
}
