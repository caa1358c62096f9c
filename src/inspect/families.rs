//! Findings of the definitions beside sagas, from what their ledgers hold at the horizon.

use std::sync::Arc;

use crate::definition::projection::Projection;
use crate::definition::requirement::Requirement;
use crate::event::Timestamp;
use crate::finding::Finding;
use crate::inspect::run::Run;
use crate::inspect::tally::Tally;
use crate::projection::Verdict;
use crate::report::ProjectionCount;
use crate::requirement::MOST;
use crate::rules;

/// Rows that cannot be judged and may be events of any of some subjects.
#[derive(Debug, Clone, Copy)]
pub(super) struct Strays {
    /// How many there are.
    pub(super) rows: u64,
    /// How many subjects one of them may make right, or wrong.
    pub(super) each: u64,
    /// How many subjects are wrong.
    pub(super) wrong: u64,
}

impl Strays {
    /// How many subjects may be other than they look, at most.
    fn most(self) -> u64 {
        self.rows.saturating_mul(self.each.max(1))
    }

    /// The same of so many subjects.
    pub(super) fn at_most(self, subjects: u64) -> u64 {
        self.most().min(subjects)
    }

    /// Whether all that is wrong may come of them, so that nothing of it is certain.
    pub(super) fn explain_all(self) -> bool {
        self.rows > 0 && self.wrong <= self.most()
    }

    pub(super) fn remark(self, of: &str, what: &str, tally: &mut Tally) {
        let Strays { rows, wrong, .. } = self;
        if rows == 0 {
            return;
        }
        let rows = match rows {
            1 => "1 row that cannot be judged".to_owned(),
            rows => format!("{rows} rows that cannot be judged"),
        };
        tally.remark(match (wrong, self.explain_all()) {
            (0, _) => format!("{of}: {rows} may be of any of its subjects"),
            (_, true) => format!("{of}: {wrong} {what}, which may come of {rows}"),
            (_, false) => format!(
                "{of}: {wrong} {what}, of which at most {} may come of {rows}",
                self.most()
            ),
        });
    }

    /// A finding that may be one of those which come of such rows, and says so.
    pub(super) fn beside(self, finding: Finding) -> Finding {
        if self.rows == 0 {
            return finding;
        }
        let message = format!(
            "{}; rows that cannot be judged may account for at most {} of {} such findings",
            finding.message,
            self.most(),
            self.wrong
        );
        Finding { message, ..finding }
    }
}

impl Run<'_> {
    /// Everything that the families found, and what was looked at for it.
    pub(super) fn families(&self, tally: &mut Tally) -> Vec<Finding> {
        let Some(horizon) = self.horizon else {
            return Vec::new();
        };
        let mut found = Vec::new();
        self.projections(horizon, tally, &mut found);
        self.invariants(horizon, tally, &mut found);
        self.reactions(horizon, tally, &mut found);
        self.idempotency(horizon, tally, &mut found);
        self.transactions(horizon, tally, &mut found);
        found
    }

    fn projections(&self, horizon: Timestamp, tally: &mut Tally, found: &mut Vec<Finding>) {
        use rules::projection as own;
        let declared: Vec<&Projection> = self.scope.projections.iter().map(AsRef::as_ref).collect();
        for info in own::ALL {
            if let Some(reason) = own::idle(info, &declared) {
                tally.idle(info.name, reason);
            }
        }
        if self.until().is_some() && declared.iter().any(|one| one.stored.is_some()) {
            for info in own::ALL {
                tally.unknown(info.name, 1);
            }
            tally.remark(
                "stored rows tell of now and were not compared with an earlier horizon".to_owned(),
            );
        }
        for conclusion in &self.projections {
            let of = |verdict: &Verdict| conclusion.counts.get(verdict).copied().unwrap_or(0);
            tally.projection(ProjectionCount {
                projection: conclusion.fold.definition().name.clone(),
                verdicts: Verdict::ALL.map(|verdict| of(&verdict)),
                lag: conclusion.greatest_lag,
            });
            let (keys, unknown) = (conclusion.counts.values().sum(), of(&Verdict::Unknown));
            for info in own::ALL {
                if own::idle(info, &[conclusion.fold.definition()]).is_none() {
                    tally.checked(info.name, keys);
                    tally.unknown(info.name, unknown);
                }
            }
            own::remarks(conclusion)
                .into_iter()
                .for_each(|remark| tally.remark(remark));
            found.extend(own::findings(conclusion, horizon));
        }
    }

    fn invariants(&self, horizon: Timestamp, tally: &mut Tally, found: &mut Vec<Finding>) {
        use rules::invariant::{UNKNOWN, VIOLATED};
        if self.scope.invariants.is_empty() && self.scope.requirements.is_empty() {
            tally.idle(VIOLATED.name, "no invariant is declared");
        }
        if self.scope.requirements.is_empty() {
            tally.idle(UNKNOWN.name, "no invariant over states is declared");
        }
        let (breaches, counts) = &self.sum.invariants;
        for (index, (invariant, count)) in self.scope.invariants.iter().zip(counts).enumerate() {
            let own = breaches.iter().filter(|breach| breach.invariant == index);
            let strays = Strays {
                rows: self.gathered.absent.of_total(index).keyless + count.unread,
                each: 1,
                wrong: own.clone().count() as u64,
            };
            let untold = count.unknown + count.hidden + count.cut;
            let others = strays.at_most(count.groups - untold);
            tally.checked(VIOLATED.name, count.groups);
            tally.unknown(VIOLATED.name, untold + others + count.astray);
            let remarks = [
                (
                    count.astray,
                    "events do not tell their group; they count nowhere",
                ),
                (
                    count.hidden,
                    "totals cannot be told, since an event of theirs stands in a row that cannot be judged",
                ),
                (
                    count.unknown,
                    "totals cannot be told, since an event of theirs has no amount",
                ),
                (
                    count.cut,
                    "totals are not right, but their beginning may have been cut off",
                ),
            ];
            for (number, what) in remarks.iter().filter(|(number, _)| *number > 0) {
                tally.remark(format!("invariant {}: {number} {what}", invariant.name));
            }
            let of = format!("invariant {}", invariant.name);
            strays.remark(&of, "totals are not right", tally);
            if !strays.explain_all() {
                found.extend(own.map(|breach| {
                    strays.beside(rules::invariant::violated(invariant, breach, horizon))
                }));
            }
        }
        self.requirements(horizon, tally, found);
    }

    fn requirements(&self, horizon: Timestamp, tally: &mut Tally, found: &mut Vec<Finding>) {
        use rules::invariant::{UNKNOWN, VIOLATED};
        let declared = self.scope.requirements.iter().zip(&self.sum.requirements);
        for (index, (requirement, count)) in declared.enumerate() {
            let own = self.sum.breaches.iter();
            let own = own.filter(|breach| breach.requirement == index);
            let strays = Strays {
                rows: count.unread + self.keyless_of(requirement),
                each: count.sharing,
                wrong: own.clone().count() as u64,
            };
            let unknown = count.unknown + strays.at_most(count.keys - count.unknown);
            tally.checked(VIOLATED.name, count.keys);
            tally.unknown(VIOLATED.name, unknown);
            tally.checked(UNKNOWN.name, count.keys);
            if count.coarse > 0 {
                tally.remark(format!(
                    "invariant {}: {} keys look at one that more than {MOST} look at, and were judged at the horizon only",
                    requirement.name, count.coarse
                ));
            }
            let of = format!("invariant {}", requirement.name);
            strays.remark(&of, "keys do not keep it", tally);
            if !strays.explain_all() {
                found.extend(own.map(|breach| {
                    strays.beside(rules::invariant::broken(requirement, breach, horizon))
                }));
            }
        }
        let declared = &self.scope.requirements;
        found.extend(self.sum.untold.iter().map(|untold| {
            rules::invariant::unknown(&declared[untold.requirement], untold, horizon)
        }));
    }

    /// How many rows cannot be judged and may be of any key of what an invariant looks at.
    fn keyless_of(&self, requirement: &Requirement) -> u64 {
        let looked_up = requirement.lookups.iter().map(|it| &it.projection);
        let mut names: Vec<&Arc<str>> = looked_up.chain([&requirement.each]).collect();
        names.sort_unstable();
        names.dedup();
        let projections = self.scope.projections.iter().enumerate();
        let own = projections.filter(|(_, projection)| names.contains(&&projection.name));
        let absent = &self.gathered.absent;
        own.map(|(index, _)| absent.of_state(index).keyless).sum()
    }

    fn reactions(&self, horizon: Timestamp, tally: &mut Tally, found: &mut Vec<Finding>) {
        use rules::reaction as own;
        let declared = &self.scope.reactions;
        if declared.is_empty() {
            for info in own::ALL {
                tally.idle(info.name, "no reaction is declared");
            }
        }
        tally.idle(
            own::DOUBLE.name,
            "no reaction says how many effects there may be",
        );
        for (reaction, conclusion) in declared.iter().zip(&self.sum.reactions) {
            for info in [&own::MISSING, &own::LATE] {
                tally.checked(info.name, conclusion.triggers);
            }
            tally.unknown(own::MISSING.name, conclusion.unknown_missing);
            tally.unknown(own::LATE.name, conclusion.unknown_late);
            if own::counts(reaction) {
                tally.checked(own::DOUBLE.name, conclusion.effects);
                tally.unknown(own::DOUBLE.name, conclusion.unknown_doubles);
            }
            tally.checked(own::ORPHAN.name, conclusion.effects);
            tally.unknown(own::ORPHAN.name, conclusion.unknown_orphans);
            if conclusion.astray > 0 {
                tally.remark(format!(
                    "reaction {}: {} events do not tell what they are matched by and were not judged",
                    reaction.name, conclusion.astray
                ));
            }
            let finding = |fault: &crate::reaction::Fault| {
                let is_instance = self.sum.reacting.contains(&fault.value);
                own::finding(reaction, fault, is_instance, horizon)
            };
            found.extend(conclusion.faults.iter().map(finding));
        }
    }

    fn idempotency(&self, horizon: Timestamp, tally: &mut Tally, found: &mut Vec<Finding>) {
        use rules::idempotency::{DOUBLE_EFFECT, EXPIRED, KEY_CONFLICT, MISSING_KEY};
        let declared = &self.scope.idempotency;
        for info in [&DOUBLE_EFFECT, &KEY_CONFLICT, &MISSING_KEY, &EXPIRED] {
            if declared.is_empty() {
                tally.idle(info.name, "no idempotency rule is declared");
            }
        }
        tally.idle(MISSING_KEY.name, "no idempotency rule requires a key");
        tally.idle(EXPIRED.name, "no idempotency rule declares a retention");
        for (rule, count) in declared.iter().zip(&self.sum.keys) {
            let mut keys = |info: &rules::Info, unknown| {
                tally.checked(info.name, count.keys);
                tally.unknown(info.name, unknown);
            };
            keys(&DOUBLE_EFFECT, count.unknown_use);
            keys(&KEY_CONFLICT, count.unknown_thing);
            if rule.retention.is_some() {
                keys(&EXPIRED, count.unknown_use);
            }
            if rule.required {
                tally.checked(MISSING_KEY.name, count.effects + count.unknown_effects);
                tally.unknown(MISSING_KEY.name, count.unknown_effects);
            }
            if count.unknown_thing > 0 {
                tally.remark(format!(
                    "idempotency {}: of {} keys it cannot be told, since an event lacks a field",
                    rule.name, count.unknown_thing
                ));
            }
        }
        found.extend(
            self.sum
                .misuses
                .iter()
                .map(|misuse| rules::idempotency::misuse(&declared[misuse.rule], misuse, horizon)),
        );
        found.extend(self.sum.keyless.iter().map(|keyless| {
            rules::idempotency::missing_key(&declared[keyless.rule], keyless, horizon)
        }));
    }

    fn transactions(&self, horizon: Timestamp, tally: &mut Tally, found: &mut Vec<Finding>) {
        use rules::transaction as own;
        const RULES: [&rules::Info; 5] = [
            &own::IN_DOUBT,
            &own::MIXED,
            &own::WITHOUT_VOTES,
            &own::UNDELIVERED,
            &own::BLOCKED,
        ];
        let declared = &self.scope.transactions;
        if declared.is_empty() {
            for info in RULES {
                tally.idle(info.name, "no two-phase transaction is declared");
            }
        }
        for (definition, conclusion) in declared.iter().zip(&self.sum.transactions) {
            for info in RULES {
                tally.checked(info.name, conclusion.transactions);
                if info.name != own::BLOCKED.name {
                    tally.unknown(info.name, conclusion.unknown);
                }
            }
            if conclusion.unknown > 0 {
                tally.remark(format!(
                    "transaction {}: {} of them cannot be told: an event lacks its participant, or their beginning was cut off",
                    definition.name, conclusion.unknown
                ));
            }
            if conclusion.astray > 0 {
                tally.remark(format!(
                    "transaction {}: {} events do not tell which transaction they belong to and were not judged",
                    definition.name, conclusion.astray
                ));
            }
            for what in &conclusion.hidden {
                tally.unknown(own::info(*what).name, 1);
            }
            if !conclusion.hidden.is_empty() {
                tally.remark(format!(
                    "transaction {}: {} of them lack something that may stand in a row that cannot be judged",
                    definition.name,
                    conclusion.hidden.len()
                ));
            }
            let faults = conclusion.faults.iter();
            found.extend(faults.map(|fault| own::of(definition, fault, horizon)));
            found.extend(own::blocked(definition, conclusion));
        }
    }
}
