//! Findings of reactions, from what their ledgers hold at the horizon.

use std::collections::BTreeSet;

use crate::definition::reaction::{Count, Reaction};
use crate::event::Timestamp;
use crate::finding::Finding;
use crate::inspect::run::Run;
use crate::inspect::strays::Strays;
use crate::inspect::tally::Tally;
use crate::reaction::{Conclusion, Fault, Wrong};
use crate::rules::{Info, reaction as own};

/// What is wrong with one side of a reaction: with what has to follow, or with what followed.
struct Side<'a> {
    faults: Vec<&'a Fault>,
    /// Rows that cannot be judged and may make a match value right.
    strays: Strays,
    /// What is wrong, after the number of match values.
    what: [&'static str; 2],
}

impl<'a> Side<'a> {
    /// One more event of its own can make right: one effect that is missing, or one that is more than
    /// was called for; of a match value all effects that nothing called for, all the late ones, which
    /// answer each after the other, and all that are more where a trigger may call for any number; and
    /// with `at-least-once` everything of a value.
    fn new(
        (reaction, conclusion): (&Reaction, &'a Conclusion),
        is_own: fn(&Wrong) -> bool,
        rows: u64,
        what: [&'static str; 2],
    ) -> Side<'a> {
        let faults = conclusion.faults.iter();
        let faults: Vec<&Fault> = faults.filter(|fault| is_own(&fault.wrong)).collect();
        let values: BTreeSet<&str> = faults.iter().map(|fault| fault.value.as_str()).collect();
        let each = |fault: &&Fault| match (fault.wrong, &reaction.count) {
            (Wrong::Missing { missing, .. }, _) => u64::from(missing),
            (Wrong::Double, Count::Once) => 1,
            (Wrong::Double | Wrong::Orphan | Wrong::Late { .. }, _) => 0,
        };
        let wrong = match reaction.count {
            Count::AtLeastOnce => 0,
            Count::Once | Count::Per(_) => faults.iter().map(each).sum(),
        };
        let strays = Strays::one_each(rows, wrong.max(values.len() as u64));
        Side {
            faults,
            strays,
            what,
        }
    }

    /// How many events are not said to be wrong, though they look so in some way.
    fn hidden(&self, is_meant: fn(&Wrong) -> bool) -> u64 {
        let faults = self.faults.iter().filter(|fault| is_meant(&fault.wrong));
        match self.strays.explain_all() {
            true => faults.map(|fault| fault.at).collect::<BTreeSet<_>>().len() as u64,
            false => 0,
        }
    }
}

impl Run<'_> {
    pub(super) fn reactions(
        &self,
        horizon: Timestamp,
        tally: &mut Tally,
        found: &mut Vec<Finding>,
    ) {
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
        let conclusions = declared.iter().zip(&self.sum.reactions);
        for (index, (reaction, conclusion)) in conclusions.enumerate() {
            let absent = &self.gathered.absent;
            let triggers = absent.of_triggers(index).keyless + conclusion.damaged_triggers;
            let effects = absent.of_effects(index).keyless + conclusion.damaged_effects;
            let lacking = Side::new(
                (reaction, conclusion),
                |wrong| matches!(wrong, Wrong::Missing { .. } | Wrong::Late { .. }),
                effects,
                [
                    "obligation lacks what has to follow in time",
                    "obligations lack what has to follow in time",
                ],
            );
            let spare = Side::new(
                (reaction, conclusion),
                |wrong| matches!(wrong, Wrong::Double | Wrong::Orphan),
                triggers,
                [
                    "effect is more than was called for",
                    "effects are more than was called for",
                ],
            );
            let damaged = conclusion.damaged_triggers + conclusion.damaged_effects;
            let rows = absent.of_reaction(index).keyless + damaged;
            count(reaction, conclusion, [&lacking, &spare], rows, tally);
            let whose = format!("reaction {}", reaction.name);
            let is_right = conclusion.faults.is_empty();
            if is_right && conclusion.triggers + conclusion.effects > 0 {
                Strays {
                    rows,
                    ..lacking.strays
                }
                .remark(&whose, lacking.what, tally);
            }
            for side in [lacking, spare] {
                if side.strays.wrong > 0 {
                    side.strays.remark(&whose, side.what, tally);
                }
                let findings = side.faults.iter().map(|fault| {
                    let is_instance = self.sum.reacting.contains(&fault.value);
                    own::finding(reaction, fault, is_instance, horizon)
                });
                side.strays.report(findings, found);
            }
        }
    }
}

/// Counts what was looked at, with so many rows that cannot be judged and may be of any match value.
fn count(
    reaction: &Reaction,
    conclusion: &Conclusion,
    [lacking, spare]: [&Side<'_>; 2],
    rows: u64,
    tally: &mut Tally,
) {
    let strays = Strays::one_each(rows, 0);
    let mut rule = |info: &Info, checked: u64, unknown: u64, others: u64| {
        tally.checked(info.name, checked);
        tally.unknown(info.name, (unknown + others).min(checked));
    };
    let Conclusion {
        triggers, effects, ..
    } = *conclusion;
    let any = |subjects: u64, unknown: u64, hidden: u64| {
        let others = strays.untold(subjects.saturating_sub(unknown));
        others.max(hidden)
    };
    let unknown = conclusion.unknown_missing;
    let hidden = lacking.hidden(|wrong| matches!(wrong, Wrong::Missing { .. }));
    rule(
        &own::MISSING,
        triggers,
        unknown,
        any(triggers, unknown, hidden),
    );
    let unknown = conclusion.unknown_late;
    let hidden = lacking.hidden(|_| true);
    rule(
        &own::LATE,
        triggers,
        unknown,
        any(triggers, unknown, hidden),
    );
    if own::counts(reaction) {
        let unknown = conclusion.unknown_doubles;
        let hidden = spare.hidden(|wrong| *wrong == Wrong::Double);
        rule(
            &own::DOUBLE,
            effects,
            unknown,
            any(effects, unknown, hidden),
        );
    }
    // An effect with a trigger is none without one, whatever cannot be judged.
    let hidden = spare.hidden(|wrong| *wrong == Wrong::Orphan);
    rule(&own::ORPHAN, effects, conclusion.unknown_orphans, hidden);
    let remarks = [
        (
            conclusion.pending,
            "obligation is still within its time",
            "obligations are still within their time",
        ),
        (
            conclusion.astray,
            "event does not tell what it is matched by and was not judged",
            "events do not tell what they are matched by and were not judged",
        ),
        (
            conclusion.hidden,
            "match value cannot be told wholly, since an event of it stands in a row that cannot be judged",
            "match values cannot be told wholly, since events of theirs stand in rows that cannot be judged",
        ),
        (
            conclusion.given_up,
            "match value was not judged, since its clocks run backwards and it has many events",
            "match values were not judged, since their clocks run backwards and they have many events",
        ),
        (
            conclusion.unseen,
            "effect may answer what was cut off or is later than the horizon",
            "effects may answer what was cut off or is later than the horizon",
        ),
    ];
    tally.count_remarks(&format!("reaction {}", reaction.name), &remarks);
}
