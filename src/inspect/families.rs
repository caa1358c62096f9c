//! Findings of the definitions beside sagas, from what their ledgers hold at the horizon.

use std::sync::Arc;

use crate::absent::Of;
use crate::definition::idempotency::Idempotency;
use crate::definition::invariant::Total;
use crate::definition::projection::Projection;
use crate::definition::requirement::Requirement;
use crate::event::Timestamp;
use crate::finding::Finding;
use crate::inspect::run::Run;
use crate::inspect::strays::Strays;
use crate::inspect::tally::Tally;
use crate::projection::Verdict;
use crate::report::ProjectionCount;
use crate::requirement::MOST;
use crate::rules;
use crate::transaction::Fault;
use crate::transaction::What;

impl Run<'_> {
    /// Everything that the families found, and what was looked at for it.
    pub(super) fn families(&self, tally: &mut Tally) -> Vec<Finding> {
        let mut found = Vec::new();
        let Some(horizon) = self.horizon else {
            // Without events there may be rows and checkpoints all the same.
            let now = self.until().unwrap_or(self.options.now);
            self.projections(now, tally, &mut found);
            return found;
        };
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
        if !self.is_whole() && declared.iter().any(|one| one.stored.is_some()) {
            for info in own::ALL {
                tally.unknown(info.name, 1);
            }
            tally.remark(format!(
                "log {}: stored rows tell of now and were not compared with an earlier horizon",
                self.definition.name
            ));
        }
        for conclusion in &self.projections {
            let of = |verdict: &Verdict| conclusion.counts.get(verdict).copied().unwrap_or(0);
            tally.projection(ProjectionCount {
                projection: conclusion.fold.definition().name.clone(),
                verdicts: Verdict::ALL.map(|verdict| of(&verdict)),
                lag: conclusion.greatest_lag,
            });
            let keys: u64 = conclusion.counts.values().sum();
            let unknown = of(&Verdict::Unknown);
            let definition = conclusion.fold.definition();
            let mut projections = self.scope.projections.iter();
            let index = projections.position(|one| one.name == definition.name);
            let hidden = index.map_or(0, |index| self.gathered.absent.of_state(index).keyless);
            let standings = || conclusion.standings.iter();
            let wrong = standings().filter(|it| it.may_lack()).count() as u64;
            let settled = standings().filter(|it| it.is_settled()).count() as u64;
            let strays = Strays::one_each(hidden + conclusion.keyless.unread, wrong);
            for info in own::ALL {
                if own::idle(info, &[definition]).is_none() {
                    let unknown = (unknown + own::untold(info, conclusion)).min(keys);
                    tally.checked(info.name, keys);
                    let open = keys.saturating_sub(unknown + settled);
                    tally.unknown(info.name, unknown + strays.untold(open));
                }
            }
            if keys > 0 {
                let whose = format!("projection {}", definition.name);
                strays.remark(
                    &whose,
                    [
                        "key is not what its events give",
                        "keys are not what their events give",
                    ],
                    tally,
                );
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
            tally.idle(UNKNOWN.name, "no invariant for each key is declared");
        }
        let (breaches, counts) = &self.sum.invariants;
        for (index, (invariant, count)) in self.scope.invariants.iter().zip(counts).enumerate() {
            let own = breaches.iter().filter(|breach| breach.invariant == index);
            let rows = self.gathered.absent.of_total(index).keyless + count.unread;
            let strays = Strays {
                rows,
                most: rows.saturating_add(count.spread),
                wrong: own.clone().count() as u64,
            };
            let untold = count.untold();
            let nowhere = count.astray + count.nowhere;
            tally.checked(VIOLATED.name, count.groups + nowhere);
            let others = strays.untold(count.groups - untold);
            tally.unknown(VIOLATED.name, untold + others + nowhere);
            let whose = format!("invariant {}", invariant.name);
            let of_states = matches!(invariant.total, Total::States(_));
            let [astray, astray_all, unknown, unknown_all] = match of_states {
                false => [
                    "event does not tell its group; it counts nowhere",
                    "events do not tell their group; they count nowhere",
                    "total cannot be told, since an event of it has no amount, or too many digits",
                    "totals cannot be told, since an event of theirs has no amount, or too many digits",
                ],
                true => [
                    "event does not tell its key; it counts nowhere",
                    "events do not tell their key; they count nowhere",
                    "total cannot be told, since a key of it has no amount, or too many digits",
                    "totals cannot be told, since a key of theirs has no amount, or too many digits",
                ],
            };
            tally.count_remarks(
                &whose,
                &[
                    (count.astray, astray, astray_all),
                    (
                        count.nowhere,
                        "key does not tell its group; it counts nowhere",
                        "keys do not tell their group; they count nowhere",
                    ),
                    (
                        count.hidden,
                        "total cannot be told, since an event of it stands in a row that cannot be judged",
                        "totals cannot be told, since an event of theirs stands in a row that cannot be judged",
                    ),
                    (count.unknown, unknown, unknown_all),
                    (
                        count.concurrent,
                        "total is right or wrong by the order of events whose order nobody knows",
                        "totals are right or wrong by the order of events whose order nobody knows",
                    ),
                    (
                        count.cut,
                        "total is not right, but its beginning may have been cut off",
                        "totals are not right, but their beginning may have been cut off",
                    ),
                    (
                        count.pending,
                        "total is not right yet, but within its grace",
                        "totals are not right yet, but within their grace",
                    ),
                ],
            );
            strays.remark(
                &whose,
                ["total is not right", "totals are not right"],
                tally,
            );
            let findings = own.map(|breach| rules::invariant::violated(invariant, breach, horizon));
            strays.report(findings, found);
        }
        self.requirements(horizon, tally, found);
    }

    fn requirements(&self, horizon: Timestamp, tally: &mut Tally, found: &mut Vec<Finding>) {
        use rules::invariant::{UNKNOWN, VIOLATED};
        let declared = self.scope.requirements.iter().zip(&self.sum.requirements);
        for (index, (requirement, count)) in declared.enumerate() {
            let own = self.sum.breaches.iter();
            let own = own.filter(|breach| breach.requirement == index);
            let [own_rows, looked_up] = self.keyless_of(requirement);
            let [own_rows, looked_up] = [own_rows + count.unread[0], looked_up + count.unread[1]];
            let strays = Strays {
                rows: own_rows + looked_up,
                most: own_rows + looked_up.saturating_mul(count.sharing.max(1)),
                wrong: own.clone().count() as u64,
            };
            let unknown = count.unknown + strays.untold(count.keys - count.unknown);
            let [own_astray, others_astray] = count.astray;
            tally.checked(VIOLATED.name, count.keys + own_astray);
            tally.unknown(VIOLATED.name, unknown + own_astray);
            tally.checked(UNKNOWN.name, count.keys);
            let whose = format!("invariant {}", requirement.name);
            let many = format!("more than {MOST}");
            tally.count_remarks(
                &whose,
                &[
                    (
                        own_astray,
                        "event does not tell its key; it counts nowhere",
                        "events do not tell their key; they count nowhere",
                    ),
                    (
                        others_astray,
                        "event of what it looks up does not tell its key; it counts nowhere",
                        "events of what it looks up do not tell their key; they count nowhere",
                    ),
                    (
                        count.coarse,
                        &format!(
                            "key looks at one that {many} look at, and was not followed through all of its changes"
                        ),
                        &format!(
                            "keys look at one that {many} look at, and were not followed through all of its changes"
                        ),
                    ),
                    (
                        count.concurrent,
                        "key did not keep it as events arrived, and may have by their times",
                        "keys did not keep it as events arrived, and may have by their times",
                    ),
                    (
                        count.pending,
                        "key does not keep it yet, but is within its grace",
                        "keys do not keep it yet, but are within their grace",
                    ),
                    (
                        count.early,
                        "key does not tell yet whether it keeps it, but is within its grace",
                        "keys do not tell yet whether they keep it, but are within their grace",
                    ),
                ],
            );
            strays.remark(
                &whose,
                ["key does not keep it", "keys do not keep it"],
                tally,
            );
            let findings = own.map(|breach| rules::invariant::broken(requirement, breach, horizon));
            strays.report(findings, found);
        }
        let declared = &self.scope.requirements;
        found.extend(self.sum.untold.iter().map(|untold| {
            rules::invariant::unknown(&declared[untold.requirement], untold, horizon)
        }));
    }

    /// How many rows cannot be judged and may be of any key of an invariant's own projection, and of
    /// any key that it looks up.
    fn keyless_of(&self, requirement: &Requirement) -> [u64; 2] {
        let absent = &self.gathered.absent;
        let mut rows = [0; 2];
        for (index, projection) in self.scope.projections.iter().enumerate() {
            let is_it = |name: &Arc<str>| *name == projection.name;
            let mut lookups = requirement.lookups.iter();
            if lookups.any(|lookup| is_it(&lookup.projection)) {
                rows[1] += absent.of_state(index).keyless;
            } else if is_it(&requirement.each) {
                rows[0] += absent.of_state(index).keyless;
            }
        }
        rows
    }

    fn idempotency(&self, horizon: Timestamp, tally: &mut Tally, found: &mut Vec<Finding>) {
        use rules::idempotency::{DOUBLE_EFFECT, EXPIRED, KEY_CONFLICT, MISSING_KEY, NO_KEY};
        const ALL: [&rules::Info; 4] = [&DOUBLE_EFFECT, &KEY_CONFLICT, &MISSING_KEY, &EXPIRED];
        let declared = &self.scope.idempotency;
        let idle = |infos: &[&rules::Info], reason, tally: &mut Tally| {
            infos.iter().for_each(|info| tally.idle(info.name, reason));
        };
        if declared.is_empty() {
            idle(&ALL, "no idempotency rule is declared", tally);
        }
        if !declared.iter().any(|rule| rule.required) {
            idle(&[&MISSING_KEY], "no idempotency rule requires a key", tally);
        }
        if declared.iter().all(|rule| rule.retention.is_none()) {
            let reason = "no idempotency rule declares a retention";
            idle(&[&EXPIRED], reason, tally);
        }
        let is_blind = |rule: &Idempotency| rule.key.is_none() && self.definition.names_no_key;
        let absent = &self.gathered.absent;
        for (index, (rule, count)) in (0..).zip(declared.iter().zip(&self.sum.keys)) {
            if is_blind(rule) {
                idle(&ALL, NO_KEY, tally);
                continue;
            }
            let own = absent.of(Of::Key(index));
            let rows = own.keyless + count.unread;
            let strays = Strays::one_each(rows, 0);
            // Where no key is known, such rows have one all the same.
            let known = count.keys + count.untold + own.known() as u64;
            let nobodys = u64::from(rows > 0 && known == 0);
            let mut keys = |info: &rules::Info, unknown| {
                let others = strays.untold(count.keys - unknown + nobodys);
                tally.checked(info.name, count.keys + count.untold + nobodys);
                tally.unknown(info.name, unknown + others + count.untold);
            };
            keys(&DOUBLE_EFFECT, count.unknown_use);
            keys(&KEY_CONFLICT, count.unknown_thing);
            if rule.retention.is_some() {
                keys(&EXPIRED, count.unknown_term);
            }
            if rule.required {
                let unknown = count.unknown_effects + absent.of(Of::Keyless(index)).keyless;
                tally.checked(MISSING_KEY.name, count.effects + unknown);
                tally.unknown(MISSING_KEY.name, unknown);
            }
            let name = format!("idempotency {}", rule.name);
            strays.remark(&name, [""; 2], tally);
            tally.count_remarks(
                &name,
                &[
                    (
                        count.untold,
                        "event does not tell its key",
                        "events do not tell their key",
                    ),
                    (
                        count.hidden,
                        "key cannot be told, since an event of it stands in a row that cannot be judged",
                        "keys cannot be told, since an event of theirs stands in a row that cannot be judged",
                    ),
                    (
                        count.unknown_thing.saturating_sub(count.hidden),
                        "key cannot be told, since an event of it lacks a field",
                        "keys cannot be told, since an event of theirs lacks a field",
                    ),
                ],
            );
        }
        found.extend(
            self.sum
                .misuses
                .iter()
                .map(|misuse| rules::idempotency::misuse(&declared[misuse.rule], misuse, horizon)),
        );
        let keyless = self.sum.keyless.iter();
        let keyless = keyless.map(|keyless| (&declared[keyless.rule], keyless));
        let told = keyless.filter(|(rule, _)| !is_blind(rule));
        found.extend(
            told.map(|(rule, keyless)| rules::idempotency::missing_key(rule, keyless, horizon)),
        );
    }

    fn transactions(&self, horizon: Timestamp, tally: &mut Tally, found: &mut Vec<Finding>) {
        use rules::transaction as own;
        let declared = &self.scope.transactions;
        if declared.is_empty() {
            for info in own::ALL {
                tally.idle(info.name, "no two-phase transaction is declared");
            }
        }
        let each = declared.iter().zip(&self.sum.transactions).enumerate();
        for (index, (definition, conclusion)) in each {
            let name = format!("transaction {}", definition.name);
            let strays = conclusion.strays(&self.gathered.absent, index);
            for info in own::ALL {
                let of_rule = |what: &&What| own::info(**what) == info;
                let doubtful = conclusion.doubtful.iter().filter(of_rule).count() as u64;
                let proven = conclusion.proven.iter().filter(of_rule).count() as u64;
                let untold = conclusion.unknown + conclusion.hidden - proven + doubtful;
                let others = strays.all().min(conclusion.transactions - untold);
                tally.checked(info.name, conclusion.transactions + conclusion.astray);
                tally.unknown(info.name, untold + others + conclusion.astray);
            }
            tally.count_remarks(&name, &own::remarks(conclusion));
            Strays::one_each(strays.all(), 0).remark(&name, [""; 2], tally);
            for (what, words) in own::MENDABLE {
                let is_own = |fault: &&Fault| fault.what == what && !fault.is_certain;
                let (lacking, certain): (Vec<&Fault>, Vec<&Fault>) = (conclusion.faults.iter())
                    .filter(is_own)
                    .partition(|fault| strays.may_mend(what, fault.at_least) > 0);
                found.extend(
                    certain
                        .iter()
                        .map(|fault| own::of(definition, fault, horizon)),
                );
                let strays = Strays::one_each(strays.may_mend(what, 0), lacking.len() as u64);
                if strays.wrong > 0 {
                    strays.remark(&name, words, tally);
                }
                let told = |fault: &Fault| own::of(definition, fault, horizon);
                strays.report(lacking.iter().map(|fault| told(fault)), found);
                if strays.explain_all() {
                    let instead = lacking.iter().filter_map(|fault| fault.instead.as_deref());
                    found.extend(instead.map(told));
                }
            }
            let certain = conclusion.faults.iter().filter(|fault| fault.is_certain);
            found.extend(certain.map(|fault| own::of(definition, fault, horizon)));
            found.extend(own::blocked(definition, conclusion));
        }
    }
}
