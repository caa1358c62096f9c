//! Formulas over states: compiled at their place, and, once every projection is known, held against
//! what these have.

use std::sync::Arc;

use crate::definition::document::At;
use crate::definition::fault::{self, Fault, Place};
use crate::definition::projection::Projection;
use crate::expression::{ExpressionError, Formula};
use crate::suggest::did_you_mean;

/// The projections of a log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known<'a> {
    /// Those that can be used.
    pub(crate) projections: &'a [Arc<Projection>],
    /// The names of all of them.
    pub(crate) named: &'a [&'a str],
}

/// The formula over these names; `None` with a fault added where it is none.
pub(crate) fn formula(
    source: &str,
    names: &[&str],
    at: At<'_>,
    faults: &mut Vec<Fault>,
) -> Option<Formula> {
    let compiled = Formula::parse(source, names);
    let report = |error: ExpressionError| {
        faults.push(
            Fault::fatal(fault::BAD_EXPRESSION, at.place(), error.message)
                .label("this expression")
                .help(error.help),
        );
    };
    compiled.map_err(report).ok()
}

impl Known<'_> {
    /// Finds fault with a projection that is not there.
    pub(crate) fn projection(self, name: &str, place: &Place, faults: &mut Vec<Fault>) {
        if !self.named.contains(&name) {
            let message = format!("no projection of this log is called `{name}`");
            let fault = Fault::fatal(fault::UNKNOWN_PROJECTION, place.clone(), message);
            let help = did_you_mean(name, self.named.iter().copied());
            faults.push(fault.label("it has no states").help(help));
        }
    }

    /// Finds fault with fields that no event changes, given whose states have a name.
    pub(crate) fn fields<'n>(
        self,
        formula: &Formula,
        place: &Place,
        projection: impl Fn(&str) -> Option<&'n Arc<str>>,
        faults: &mut Vec<Fault>,
    ) {
        for reference in formula.references() {
            let name = projection(reference.name);
            let mut projections = self.projections.iter();
            let projection = projections.find(|one| name.is_some_and(|name| *name == one.name));
            let (Some(projection), Some(field)) = (projection, reference.keys.first()) else {
                continue;
            };
            if projection.field(field).is_none() {
                let message = format!(
                    "no event changes a field `{field}` of `{}`",
                    projection.name
                );
                let known = projection.fields.iter().map(|field| &*field.name);
                faults.push(
                    Fault::fatal(fault::UNKNOWN_FIELD, place.clone(), message)
                        .label(format!("refers to `{reference}`"))
                        .help(did_you_mean(field, known)),
                );
            }
        }
    }
}
