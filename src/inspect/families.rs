//! Findings of the definitions beside sagas, from what their ledgers hold at the horizon.

use crate::event::Timestamp;
use crate::finding::Finding;
use crate::inspect::run::Run;
use crate::inspect::tally::Tally;
use crate::rules;

impl Run<'_> {
    /// Everything that the families found, and what was looked at for it.
    pub(super) fn families(&self, tally: &mut Tally) -> Vec<Finding> {
        let Some(horizon) = self.horizon else {
            return Vec::new();
        };
        let mut found = Vec::new();
        self.invariants(horizon, tally, &mut found);
        found
    }

    fn invariants(&self, horizon: Timestamp, tally: &mut Tally, found: &mut Vec<Finding>) {
        let info = &rules::invariant::VIOLATED;
        if self.scope.invariants.is_empty() {
            tally.idle(info.name, "no invariant is declared");
        }
        let (breaches, counts) = self.gathered.ledgers.invariants.conclude(horizon);
        for (invariant, count) in self.scope.invariants.iter().zip(counts) {
            tally.checked(info.name, count.groups);
            tally.unknown(info.name, count.unknown + count.astray);
            if count.astray > 0 {
                tally.remark(format!(
                    "invariant {}: the group of {} events cannot be told; they count nowhere",
                    invariant.name, count.astray
                ));
            }
            if count.unknown > 0 {
                tally.remark(format!(
                    "invariant {}: {} totals cannot be told, since an event of theirs has no amount",
                    invariant.name, count.unknown
                ));
            }
        }
        found.extend(breaches.iter().map(|breach| {
            let invariant = &self.scope.invariants[breach.invariant];
            rules::invariant::violated(invariant, breach, horizon)
        }));
    }
}
