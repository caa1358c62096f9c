//! What tells the findings of one log from those of another: several logs may have definitions of one
//! name, and a log may have another's name.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::definition::Scope;
use crate::finding::{Finding, LogName, Origin};

/// The logs of some definitions, where there are several.
#[derive(Debug, Default)]
pub struct Origins {
    are_several: bool,
    /// What definitions of more than one log are named.
    shared: BTreeSet<Arc<str>>,
}

impl Origins {
    /// The logs of these scopes: all there are, whatever a run is about.
    pub fn new(scopes: &[Scope]) -> Origins {
        let mut known: BTreeSet<Arc<str>> = BTreeSet::new();
        let mut shared = BTreeSet::new();
        for scope in scopes {
            let own: BTreeSet<Arc<str>> = scope.names().cloned().collect();
            shared.extend(known.intersection(&own).cloned());
            known.extend(own);
        }
        Origins {
            are_several: scopes.len() > 1,
            shared,
        }
    }

    /// A finding of one of them with its origin.
    pub fn tell(&self, finding: Finding, log: &LogName) -> Finding {
        let origin = self.are_several.then(|| Origin {
            log: log.clone(),
            is_shared: self.shared.contains(&finding.subject.definition),
        });
        Finding { origin, ..finding }
    }
}
