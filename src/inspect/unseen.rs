//! The event types that definitions name and that their log does not hold.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::definition::Scope;
use crate::definition::fault::{Fault, Place};
use crate::definition::invariant::Total;
use crate::inspect::run::Run;
use crate::{rules, transaction};

/// A definition and the event types that it names.
struct Naming<'s> {
    kind: &'static str,
    name: &'s Arc<str>,
    place: &'s Place,
    types: BTreeSet<&'s str>,
}

impl Run<'_> {
    /// A fault for each definition that names types which the log does not hold, once that is read.
    pub(super) fn unseen_types(&self) -> Vec<Fault> {
        let info = &rules::definition::UNSEEN_EVENT;
        let is_seen = |kind: &str| self.gathered.types.iter().any(|seen| &**seen == kind);
        let mut faults = Vec::new();
        for Naming {
            kind,
            name,
            place,
            types,
        } in namings(self.scope)
        {
            let unseen = types.into_iter().filter(|kind| !is_seen(kind));
            let unseen: Vec<String> = unseen.map(|kind| format!("`{kind}`")).collect();
            if unseen.is_empty() {
                continue;
            }
            let (log, unseen) = (self.log.path().display(), unseen.join(", "));
            let message = format!("the log {log} holds no {unseen}");
            let mut fault = Fault::lint(info.name, info.severity, place.clone(), message)
                .label(format!("this {kind} names them"))
                .help("a misspelt type is never seen; a rare one is nothing to mend".to_owned());
            fault.definition = Some(Arc::clone(name));
            faults.push(fault);
        }
        faults
    }
}

/// What each definition of a scope names.
fn namings(scope: &Scope) -> Vec<Naming<'_>> {
    let mut found = Vec::new();
    for one in &scope.sagas {
        found.push(Naming::new("saga", &one.name, &one.place, one.types()));
    }
    for one in &scope.projections {
        let types = one.on.keys();
        found.push(Naming::new("projection", &one.name, &one.place, types));
    }
    for one in &scope.invariants {
        if let Total::Events(total) = &one.total {
            let types = total.of.keys();
            found.push(Naming::new("invariant", &one.name, &one.place, types));
        }
    }
    for one in &scope.reactions {
        let types = one.triggers.iter().chain(&one.effects);
        let types = types.map(|pattern| &pattern.kind);
        found.push(Naming::new("reaction", &one.name, &one.place, types));
    }
    for one in &scope.idempotency {
        let types = one.effects.iter().chain(&one.attempts);
        let types = types.map(|pattern| &pattern.kind);
        found.push(Naming::new("rule", &one.name, &one.place, types));
    }
    for one in &scope.transactions {
        let types = transaction::named_types(one);
        found.push(Naming::new("transaction", &one.name, &one.place, types));
    }
    found
}

impl<'s> Naming<'s> {
    fn new(
        kind: &'static str,
        name: &'s Arc<str>,
        place: &'s Place,
        types: impl Iterator<Item = &'s Arc<str>>,
    ) -> Naming<'s> {
        let types = types.map(|kind| &**kind).collect();
        Naming {
            kind,
            name,
            place,
            types,
        }
    }
}
