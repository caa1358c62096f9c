//! Totals across aggregates: what one of them gave has to be what others got.
//!
//! Amounts are added up per group of events, exactly, as decimals. An event whose amount cannot be
//! told makes its group *unknown*, and so does a row that cannot be judged and is of the group: what is
//! not known to be right is not called right. Rows that may be of any group are counted: so many groups
//! at most may be other than they look.
//!
//! With a `grace`, a total has to be right whenever its group has been quiet for that long: at the
//! horizon, and in the past wherever the next event of the group came later than that. A group is
//! quiet from its youngest event on, which need not be its last: times may run backwards. Without
//! one it has to be right after each event. The first time that it was not is what is reported.
//!
//! Deliberately absent: dropping groups that are balanced. Each costs some tens of bytes, and what
//! was looked at is counted.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde_json::Value;

use crate::absent::{Absent, Of};
use crate::definition::invariant::Invariant;
use crate::event::{Position, Span, Timestamp};
use crate::expression::{Expression, Scope};
use crate::json;
use crate::log::{BadRow, Fields};
use crate::share::Share;
use crate::texts::{Keys, Text, Texts, room};

/// What an event adds to one group.
#[derive(Debug, Clone, Copy)]
pub struct Note {
    /// Index of the invariant.
    invariant: u16,
    /// The group and its hash; `None` where it cannot be told.
    group: Option<(u64, Text)>,
    /// The amount; `None` where it cannot be told.
    amount: Option<Decimal>,
    /// What it says cannot be read, so that it may be of any group where it tells none.
    is_bad: bool,
    position: Position,
    time: Timestamp,
}

/// What an event amounts to.
#[derive(Debug, Clone)]
struct Amount {
    whole: Expression,
    /// What follows its sign, where it begins with a minus.
    negated: Option<Expression>,
}

/// The invariants that an event type concerns, with its amount in each.
#[derive(Debug, Clone, Default)]
pub struct Route(Vec<(u16, Amount)>);

impl Route {
    /// Whether it concerns none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Reads amounts out of events.
#[derive(Debug, Clone, Default)]
pub struct Reader {
    invariants: Vec<Arc<Invariant>>,
    share: Share,
}

impl Reader {
    /// A reader for these invariants.
    pub fn new(invariants: &[Arc<Invariant>]) -> Reader {
        Reader {
            invariants: invariants.to_vec(),
            share: Share::WHOLE,
        }
    }

    /// The same for the keys of one share.
    pub fn of_share(&self, share: Share) -> Reader {
        Reader {
            share,
            ..self.clone()
        }
    }

    /// The columns that it needs.
    pub fn fields(&self) -> Fields {
        let own = Fields {
            time: true,
            correlation: self.invariants.iter().any(|one| one.total.per.is_none()),
            ..Fields::default()
        };
        own.with(Fields::of(self.invariants.iter().flat_map(|one| {
            let total = &one.total;
            total.of.values().chain(&total.per).chain(&one.narrow)
        })))
    }

    /// What an event type concerns.
    pub fn route(&self, kind: &str) -> Route {
        let uses = self
            .invariants
            .iter()
            .enumerate()
            .filter_map(|(index, one)| {
                let whole = one.total.of.get(kind)?.clone();
                let positive = whole.source().trim().strip_prefix('-');
                let negated = positive.and_then(|positive| Expression::parse(positive).ok());
                Some((index as u16, Amount { whole, negated }))
            });
        Route(uses.collect())
    }

    /// Adds what an event of this type says.
    pub fn note(&self, route: &Route, row: &Scope<'_>, texts: &mut Texts, notes: &mut Vec<Note>) {
        for (index, amount) in &route.0 {
            let invariant = &self.invariants[usize::from(*index)];
            let inside = invariant.narrow.as_ref().map(|narrow| narrow.holds(row));
            if inside == Some(Ok(false)) {
                continue;
            }
            let computed;
            let group = match &invariant.total.per {
                None => row.correlation.map(Into::into),
                Some(per) => {
                    computed = per.evaluate(row).ok();
                    computed.as_ref().and_then(json::text)
                }
            };
            let hash = group.as_deref().map(Keys::hash);
            if !self.share.takes(hash) {
                continue;
            }
            let amount = match inside {
                Some(Err(_)) => None,
                _ => exact(amount, row),
            };
            let is_sound = |document: Option<&[u8]>| document.is_none_or(json::is_valid);
            notes.push(Note {
                is_bad: hash.is_none() && !(is_sound(row.data) && is_sound(row.metadata)),
                invariant: *index,
                group: hash.zip(group.map(|group| texts.keep(&group))),
                amount,
                position: row.position,
                time: row.time.unwrap_or(Timestamp::MIN),
            });
        }
    }

    /// Adds what a row that cannot be judged may be an event of, with its group where that can be
    /// told.
    pub fn missed(&self, bad: &BadRow, kind: Option<&str>, of: &mut Vec<(Of, Option<u64>)>) {
        let row = bad.scope(kind);
        for (index, invariant) in self.invariants.iter().enumerate() {
            let total = &invariant.total;
            if kind.is_some_and(|kind| !total.of.contains_key(kind)) {
                continue;
            }
            let tells = |expression: &Expression| bad.tells(expression, kind.is_some());
            let narrow = invariant.narrow.as_ref().filter(|it| tells(it));
            if narrow.is_some_and(|narrow| narrow.holds(&row) == Ok(false)) {
                continue;
            }
            let group = match &total.per {
                None => bad.correlation.as_deref().map(Keys::hash),
                Some(per) if tells(per) => {
                    let group = per.evaluate(&row).ok();
                    group
                        .as_ref()
                        .and_then(json::text)
                        .map(|it| Keys::hash(&it))
                }
                Some(_) => None,
            };
            of.push((Of::Total(index as u16), group));
        }
    }
}

/// A number, or a text that is one, with all its digits: also of a field behind a minus, which the
/// engine would compute as a floating-point number.
fn exact(amount: &Amount, row: &Scope<'_>) -> Option<Decimal> {
    let parse = |text: &str| {
        let exact = Decimal::from_str_exact(text);
        exact.or_else(|_| Decimal::from_scientific(text)).ok()
    };
    let recorded = |field: &Expression| {
        let recorded = field.recorded(row)?;
        Some(recorded.ok().and_then(|text| parse(text.trim_matches('"'))))
    };
    if let Some(known) = recorded(&amount.whole) {
        return known;
    }
    if let Some(known) = amount.negated.as_ref().and_then(recorded) {
        return known.map(|positive| -positive);
    }
    match amount.whole.evaluate(row).ok()? {
        Value::Number(number) => parse(&number.to_string()),
        Value::String(text) => parse(&text),
        _ => None,
    }
}

/// A group whose total is not what it has to be, or was not for too long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// Index of the invariant.
    pub invariant: usize,
    /// The group.
    pub group: String,
    /// What the total was.
    pub total: Decimal,
    /// The event that left it so, and when.
    pub at: (Position, Timestamp),
    /// It is right again at the horizon.
    pub healed: bool,
}

/// What became of the groups of one invariant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// Groups looked at.
    pub groups: u64,
    /// Of them, those of which it cannot be told, since an event of theirs has no amount.
    pub unknown: u64,
    /// Those of which a row cannot be judged.
    pub hidden: u64,
    /// Those that are not right, but whose beginning may have been cut off.
    pub cut: u64,
    /// Those that are not right, but not quiet for long enough either.
    pub pending: u64,
    /// Events whose group cannot be told.
    pub astray: u64,
    /// Of them, those that cannot be read: they may be of any group.
    pub unread: u64,
}

impl Count {
    /// Adds what became of other groups.
    pub fn add(&mut self, other: Count) {
        self.groups += other.groups;
        self.unknown += other.unknown;
        self.hidden += other.hidden;
        self.cut += other.cut;
        self.pending += other.pending;
        self.astray += other.astray;
        self.unread += other.unread;
    }
}

#[derive(Debug, Clone, Copy)]
struct Group {
    total: Option<Decimal>,
    last: (Position, Timestamp),
    /// The greatest time of its events.
    youngest: Timestamp,
    breach: Option<(Decimal, (Position, Timestamp))>,
}

#[derive(Debug, Default)]
struct Groups {
    keys: Keys,
    groups: Vec<Group>,
    astray: u64,
    unread: u64,
}

/// Adds up.
#[derive(Debug, Default)]
pub struct Ledger {
    invariants: Vec<Arc<Invariant>>,
    groups: Vec<Groups>,
}

impl Ledger {
    /// A ledger for these invariants, all groups empty.
    pub fn new(invariants: &[Arc<Invariant>]) -> Ledger {
        Ledger {
            invariants: invariants.to_vec(),
            groups: invariants.iter().map(|_| Groups::default()).collect(),
        }
    }

    /// Takes the next event in the log's order.
    pub fn take(&mut self, note: &Note, texts: &Texts) {
        let invariant = &self.invariants[usize::from(note.invariant)];
        let groups = &mut self.groups[usize::from(note.invariant)];
        let Some((hash, group)) = note.group else {
            groups.astray += 1;
            groups.unread += u64::from(note.is_bad);
            return;
        };
        let number = groups.keys.number(hash, texts.get(group)) as usize;
        let at = (note.position, note.time);
        if number == groups.groups.len() {
            groups.groups.push(Group {
                total: Some(Decimal::ZERO),
                last: at,
                youngest: note.time,
                breach: None,
            });
        } else {
            groups.groups[number].rest(invariant, note.time);
        }
        let group = &mut groups.groups[number];
        group.total = match (group.total, note.amount) {
            (Some(total), Some(amount)) => total.checked_add(amount),
            _ => None,
        };
        group.last = at;
        group.youngest = group.youngest.max(note.time);
        if invariant.grace.is_none() {
            group.rest(invariant, group.youngest);
        }
    }

    /// Bytes kept.
    pub fn bytes(&self) -> usize {
        let own = |groups: &Groups| groups.keys.bytes() + room(&groups.groups);
        self.groups.iter().map(own).sum()
    }

    /// What is wrong at the horizon, and what was before, in the order of the groups' first events.
    /// What is not right is unknown where the log was `cut`, since a group may have begun before it;
    /// so is a group of which an `absent` row is an event, whatever its total.
    pub fn conclude(
        &self,
        horizon: Timestamp,
        cut: bool,
        absent: &Absent,
    ) -> (Vec<Breach>, Vec<Count>) {
        let mut breaches = Vec::new();
        let mut counts = Vec::new();
        for (index, (invariant, groups)) in self.invariants.iter().zip(&self.groups).enumerate() {
            let mut count = Count {
                groups: groups.keys.len() as u64,
                astray: groups.astray,
                unread: groups.unread,
                ..Count::default()
            };
            let strays = absent.of_total(index);
            for (number, group) in groups.groups.iter().enumerate() {
                let mut group = *group;
                group.rest(invariant, horizon);
                let is_right = group.total == Some(invariant.equals);
                let name = groups.keys.text(number as u32);
                match group.breach {
                    _ if strays.has(name) => count.hidden += 1,
                    Some(_) if cut => count.cut += 1,
                    Some((total, at)) => breaches.push(Breach {
                        invariant: index,
                        group: name.to_owned(),
                        total,
                        at,
                        healed: is_right,
                    }),
                    None if group.total.is_none() => count.unknown += 1,
                    None if !is_right => count.pending += 1,
                    None => {}
                }
            }
            counts.push(count);
        }
        (breaches, counts)
    }
}

impl Group {
    /// Holds the total against the invariant if the group was quiet until `now` for long enough.
    fn rest(&mut self, invariant: &Invariant, now: Timestamp) {
        let quiet = invariant.grace.unwrap_or(Span::ZERO);
        if let Some(total) = self.total
            && total != invariant.equals
            && self.breach.is_none()
            && now >= self.youngest.after(quiet)
        {
            self.breach = Some((total, self.last));
        }
    }
}
