//! From an invariant document as written to the checked invariant.

use std::collections::BTreeMap;
use std::sync::Arc;

use rust_decimal::Decimal;

use crate::definition::document::At;
use crate::definition::fault::{self, Fault};
use crate::definition::invariant::{Invariant, OfEvents, OfStates, Total};
use crate::definition::raw::invariant as raw;
use crate::definition::raw::shape::TextOrNumber;
use crate::definition::raw::written::{By, without_sign};
use crate::definition::requirement::{KEY, STATE};
use crate::definition::validate::states::{self, Known};
use crate::expression::Expression;

/// The checked invariant over events; `None` where something fatal is wrong with it.
pub(crate) fn check(raw: raw::Invariant, at: At<'_>, faults: &mut Vec<Fault>) -> Option<Invariant> {
    let from = faults.len();
    let equals = equals(raw.equals.as_ref(), at, faults);
    let of = amounts(&raw.total, at.key("total"), faults);
    let invariant = Invariant {
        name: raw.invariant.0.0,
        about: raw.about,
        place: at.key("invariant").place(),
        total: Total::Events(OfEvents {
            narrow: raw.r#where.map(|text| text.0),
            of,
            per: match raw.total.per.0 {
                By::Correlation => None,
                By::Expression(expression) => Some(expression),
            },
        }),
        equals,
        grace: raw.grace.map(|text| text.0),
    };
    let is_sound = !faults[from..].iter().any(|fault| fault.fatal);
    is_sound.then_some(invariant)
}

/// The checked invariant over states; `None` where something fatal is wrong with it.
pub(crate) fn check_over_states(
    raw: raw::OverStates,
    at: At<'_>,
    faults: &mut Vec<Fault>,
) -> Option<Invariant> {
    let from = faults.len();
    let total = at.key("total");
    let names = [STATE, KEY];
    let equals = equals(raw.equals.as_ref(), at, faults);
    let mut places = Vec::new();
    let mut formula = |source: &str, at: At<'_>| {
        places.push(at.place());
        states::formula(source, &names, at, faults)
    };
    let narrow = raw.r#where.as_deref();
    let narrow = narrow.map(|source| formula(source, at.key("where")));
    let of = formula(without_sign(&raw.total.of), total.key("of"));
    let per = raw.total.per.as_deref();
    let per = per.map(|source| formula(without_sign(source), total.key("per")));
    let invariant = Invariant {
        name: raw.invariant.0.0,
        about: raw.about,
        place: at.key("invariant").place(),
        total: Total::States(OfStates {
            projection: raw.total.states_of.0.0,
            projection_place: total.key("states-of").place(),
            narrow: narrow.flatten(),
            of: of?,
            per: per.flatten(),
            places,
        }),
        equals,
        grace: raw.grace.map(|text| text.0),
    };
    let is_sound = !faults[from..].iter().any(|fault| fault.fatal);
    is_sound.then_some(invariant)
}

/// Finds fault with a total over a projection or fields that are not there.
pub(crate) fn bind(invariant: &Invariant, known: Known<'_>, faults: &mut Vec<Fault>) {
    let Total::States(total) = &invariant.total else {
        return;
    };
    known.projection(&total.projection, &total.projection_place, faults);
    for (formula, place) in total.formulas().zip(&total.places) {
        let projection = |name: &str| (name == STATE).then_some(&total.projection);
        known.fields(formula, place, projection, faults);
    }
}

fn equals(raw: Option<&TextOrNumber>, at: At<'_>, faults: &mut Vec<Fault>) -> Decimal {
    let Some(number) = raw else {
        return Decimal::ZERO;
    };
    number.0.parse().unwrap_or_else(|_| {
        let message = format!("`{}` is not a number", number.0);
        let place = at.key("equals").place();
        faults.push(Fault::fatal(fault::BAD_VALUE, place, message).label("not a number"));
        Decimal::ZERO
    })
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
