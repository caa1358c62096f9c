//! What a total over states sees of a key: whether it counts, its group, and its amount.

use std::borrow::Cow;

use rust_decimal::Decimal;
use serde_json::{Map, Value as Json};

use crate::definition::invariant::OfStates;
use crate::definition::projection::Projection;
use crate::definition::requirement::{KEY, STATE};
use crate::expression::{Formula, Undetermined};
use crate::invariant::amount;
use crate::json;
use crate::projection::{Cell, Entry, State, Value};

/// The group of all keys, where nothing tells groups apart.
pub(super) const ALL: &str = "all";

/// What a key is to a total.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen<'s> {
    /// It does not count.
    Out,
    /// It counts and tells no group.
    Nowhere,
    /// It counts or may, and what tells its group cannot be read.
    Anywhere,
    /// It counts or may in this group, with this amount; `None` where that cannot be told.
    In(Cow<'s, str>, Option<Decimal>),
}

/// How many groups may be other than they look for a key of whose events one cannot be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// The key's own, which never changes.
    One,
    /// Those that it was in, and the one that the event may have told until another told anew.
    Visited,
    /// As many as it has events, and as many again.
    Any,
}

/// Looks at keys of a projection.
#[derive(Debug)]
pub(super) struct Sight {
    narrow: Option<Looking>,
    amount: Looking,
    /// What follows the sign of the amount, where that begins with a minus.
    negated: Option<Looking>,
    per: Option<Looking>,
    pub(super) reach: Reach,
}

/// A formula and the fields that it looks at.
#[derive(Debug)]
struct Looking {
    formula: Formula,
    fields: Vec<usize>,
    /// It looks at the state at all.
    is_of_state: bool,
}

/// A key and what its events made of it.
#[derive(Debug, Clone, Copy)]
struct Key<'s> {
    key: &'s str,
    state: &'s State,
    projection: &'s Projection,
}

impl Sight {
    pub(super) fn new(total: &OfStates, projection: &Projection) -> Sight {
        let looking = |formula: &Formula| Looking {
            fields: projection.looked_at(STATE, [formula]),
            is_of_state: formula.references().any(|it| it.name == STATE),
            formula: formula.clone(),
        };
        let positive = total.of.source().trim().strip_prefix('-');
        let positive = positive.and_then(|it| Formula::parse(it, &[STATE, KEY]).ok());
        let per = total.per.as_ref().map(looking);
        let reach = match &per {
            None => Reach::One,
            Some(per) if !per.is_of_state => Reach::One,
            // What narrows tells, too, in which groups a key is.
            Some(per) => match per.fields.as_slice() {
                [field] if projection.is_only_set(*field) && total.narrow.is_none() => {
                    Reach::Visited
                }
                _ => Reach::Any,
            },
        };
        Sight {
            narrow: total.narrow.as_ref().map(looking),
            amount: looking(&total.of),
            negated: positive.as_ref().map(looking),
            per,
            reach,
        }
    }

    /// Whether all keys are one group.
    pub(super) fn is_whole(&self) -> bool {
        self.per.is_none()
    }

    pub(super) fn see<'s>(
        &self,
        key: &'s str,
        entry: &'s Entry,
        projection: &'s Projection,
    ) -> Seen<'s> {
        let state = &entry.state;
        if !state.is_alive() && state.doubt().is_none() {
            return Seen::Out;
        }
        let key = Key {
            key,
            state,
            projection,
        };
        let inside = self.narrow.as_ref().map(|narrow| narrow.holds(key));
        if inside == Some(Ok(false)) {
            return Seen::Out;
        }
        let is_told = !matches!(inside, Some(Err(_))) && state.doubt().is_none();
        let group = match &self.per {
            None => Cow::Borrowed(ALL),
            Some(per) if !per.is_readable(key) => return Seen::Anywhere,
            Some(per) => match per.text(key) {
                Some(group) => group,
                None => return Seen::Nowhere,
            },
        };
        Seen::In(group, if is_told { self.amount(key) } else { None })
    }

    fn amount(&self, key: Key<'_>) -> Option<Decimal> {
        if !self.amount.is_readable(key) {
            return None;
        }
        if let Some(held) = self.amount.held(key) {
            return held.and_then(amount::held);
        }
        if let Some(held) = self.negated.as_ref().and_then(|it| it.held(key)) {
            return held.and_then(amount::held).map(|positive| -positive);
        }
        let calculated = self.amount.evaluate(key).ok()?;
        amount::calculated(calculated, self.amount.formula.source())
    }
}

impl Looking {
    /// Whether it is known what everything that it looks at is, or that it is nothing.
    fn is_readable(&self, key: Key<'_>) -> bool {
        let is_known = |field: &usize| !matches!(key.state.cell(*field), Cell::Unknown(_));
        (!self.is_of_state || key.state.doubt().is_none()) && self.fields.iter().all(is_known)
    }

    /// What stands where it leads, with every digit; `None` where it is more than a path into the
    /// state.
    fn held<'s>(&self, key: Key<'s>) -> Option<Option<&'s Value>> {
        let path = self.formula.path().filter(|path| path.name == STATE)?;
        let (_, inner) = path.keys.split_first()?;
        let cell = self.fields.first().map(|field| key.state.cell(*field));
        Some(match cell {
            Some(Cell::Known(value)) => value.at(inner),
            Some(Cell::Blank | Cell::Unknown(_)) | None => None,
        })
    }

    /// The text that groups are told apart by, with every digit of a number.
    fn text<'s>(&self, key: Key<'s>) -> Option<Cow<'s, str>> {
        match self.held(key) {
            Some(Some(Value::Text(text))) => Some(Cow::Borrowed(text)),
            Some(Some(Value::Number(number))) => Some(Cow::Owned(number.to_string())),
            Some(None) => None,
            Some(Some(_)) | None => {
                let value = self.evaluate(key).ok()?;
                json::text(&value).map(|text| Cow::Owned(text.into_owned()))
            }
        }
    }

    fn holds(&self, key: Key<'_>) -> Result<bool, Undetermined> {
        if !self.is_readable(key) {
            return Err(Undetermined("it cannot be read".to_owned()));
        }
        self.formula.holds(&self.values(key))
    }

    fn evaluate(&self, key: Key<'_>) -> Result<Json, Undetermined> {
        self.formula.evaluate(&self.values(key))
    }

    /// What it looks at, by the names that it has there.
    fn values(&self, key: Key<'_>) -> Map<String, Json> {
        let known = self.fields.iter().filter_map(|field| {
            let name = &key.projection.fields[*field].name;
            match key.state.cell(*field) {
                Cell::Known(value) => Some((name.to_string(), value.to_json())),
                Cell::Blank | Cell::Unknown(_) => None,
            }
        });
        let mut values = Map::new();
        values.insert(STATE.to_owned(), Json::Object(known.collect()));
        values.insert(KEY.to_owned(), key.key.into());
        values
    }
}
