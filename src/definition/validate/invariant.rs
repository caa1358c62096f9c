//! From an invariant document as written to the checked invariant.

use std::collections::BTreeMap;
use std::sync::Arc;

use rust_decimal::Decimal;

use crate::definition::document::At;
use crate::definition::fault::{self, Fault};
use crate::definition::invariant::{Invariant, Total};
use crate::definition::raw::invariant as raw;
use crate::definition::raw::written::By;
use crate::expression::Expression;

/// The checked invariant; `None` where something fatal is wrong with it.
pub(crate) fn check(raw: raw::Invariant, at: At<'_>, faults: &mut Vec<Fault>) -> Option<Invariant> {
    let from = faults.len();
    let equals = match &raw.equals {
        None => Decimal::ZERO,
        Some(number) => number.0.parse().unwrap_or_else(|_| {
            let message = format!("`{}` is not a number", number.0);
            let place = at.key("equals").place();
            faults.push(Fault::fatal(fault::BAD_VALUE, place, message).label("not a number"));
            Decimal::ZERO
        }),
    };
    let of = amounts(&raw.total, at.key("total"), faults);
    let invariant = Invariant {
        name: raw.invariant.0.0,
        about: raw.about,
        place: at.key("invariant").place(),
        narrow: raw.r#where.map(|text| text.0),
        total: Total {
            of,
            per: match raw.total.per.0 {
                By::Correlation => None,
                By::Expression(expression) => Some(expression),
            },
        },
        equals,
        grace: raw.grace.map(|text| text.0),
    };
    let is_sound = !faults[from..].iter().any(|fault| fault.fatal);
    is_sound.then_some(invariant)
}

/// The amount of each type: its own, or that of all types that `over` names.
fn amounts(
    raw: &raw::Total,
    at: At<'_>,
    faults: &mut Vec<Fault>,
) -> BTreeMap<Arc<str>, Expression> {
    let raw::Amounts(by_type) = &raw.of.0;
    let every = by_type.get(raw::EVERY);
    let mut of: BTreeMap<Arc<str>, Expression> = by_type
        .iter()
        .filter(|(kind, _)| *kind != raw::EVERY)
        .map(|(kind, amount)| (kind.as_str().into(), amount.0.0.clone()))
        .collect();
    for (index, kind) in raw.over.0.iter().enumerate() {
        match (of.contains_key(&kind.0.0), every) {
            (true, _) => {}
            (false, Some(amount)) => {
                of.insert(Arc::clone(&kind.0.0), amount.0.0.clone());
            }
            (false, None) => faults.push(
                Fault::fatal(
                    fault::BAD_VALUE,
                    at.key("over").item(index).place(),
                    format!("`of` says nothing of `{}`", kind.0),
                )
                .label("counts with no amount")
                .help(format!(
                    "add `{}:` to `of`, or an amount for `\"*\"`",
                    kind.0
                )),
            ),
        }
    }
    if of.is_empty() {
        faults.push(
            Fault::fatal(
                fault::MISSING_KEY,
                at.name_of("of").place(),
                "no event type counts",
            )
            .label("an amount of which events")
            .help("name them: `over: [AccountDebited, AccountCredited]`".to_owned()),
        );
    }
    of
}
