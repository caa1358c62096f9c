//! One fault, one finding: which rule's finding follows from which other's, in one place.

use crate::definition::saga::StepSet;
use crate::rules::case::{Case, Claimed, Draft};
use crate::rules::{
    exhausted, false_claim, late, repeated, sequence, shape, stuck, uncompensated, undo, wedged,
};
use crate::saga::{Cause, Irregularity};

/// Takes the findings out of `drafts` that only follow from others of the same instance.
pub fn settle(case: &Case<'_>, drafts: &mut Vec<Draft>) {
    if drafts.len() < 2 {
        return;
    }
    let facts = Facts::of(case, drafts);
    drafts.retain(|draft| !facts.silence(case, draft));
}

/// What the other findings of an instance say.
struct Facts {
    stuck: bool,
    wedged: StepSet,
    out_of_order: StepSet,
    skipped: StepSet,
    went_on: bool,
    repeated: StepSet,
    exhausted: bool,
    uncompensated: bool,
    dangling: bool,
    empty: StepSet,
    late_step: bool,
    two_ends: bool,
    past_pivot: bool,
    past_abort: bool,
}

impl Facts {
    fn of(case: &Case<'_>, drafts: &[Draft]) -> Facts {
        let has = |rule: &str| drafts.iter().any(|draft| draft.rule == rule);
        let steps = |rule: &str| -> StepSet {
            drafts
                .iter()
                .filter(|draft| draft.rule == rule)
                .filter_map(|draft| draft.step)
                .collect()
        };
        let instance = case.instance;
        let skipped: StepSet = instance
            .anomalies
            .iter()
            .filter_map(|anomaly| match anomaly.what {
                Irregularity::OutOfOrder(missing) => Some(missing.iter()),
                _ => None,
            })
            .flatten()
            .filter(|step| instance.steps[*step].success.is_none())
            .collect();
        Facts {
            stuck: [
                stuck::STEP.name,
                wedged::INFO.name,
                exhausted::INFO.name,
                uncompensated::STUCK.name,
                uncompensated::FAILED.name,
                uncompensated::UNCOMPENSATED.name,
                undo::DANGLING.name,
            ]
            .into_iter()
            .any(has)
                || !skipped.is_empty(),
            wedged: steps(wedged::INFO.name),
            out_of_order: steps(sequence::OUT_OF_ORDER.name),
            skipped,
            went_on: instance.last_undo.is_none()
                && instance.compensated.is_none()
                && instance.abandons.is_none()
                && instance
                    .abort
                    .is_none_or(|abort| abort.cause != Cause::Decision && !abort.confirmed),
            repeated: steps(repeated::EFFECT.name).union(steps(undo::DANGLING.name)),
            exhausted: has(exhausted::INFO.name),
            uncompensated: has(uncompensated::UNCOMPENSATED.name)
                && !instance.in_force(case.saga).is_empty(),
            dangling: has(undo::DANGLING.name),
            empty: steps(undo::EMPTY.name),
            late_step: has(late::STEP.name),
            two_ends: instance.completes.is_some() && instance.compensated.is_some(),
            past_pivot: has(undo::PAST_PIVOT.name),
            past_abort: instance.went_past_its_abort(),
        }
    }

    fn silence(&self, case: &Case<'_>, draft: &Draft) -> bool {
        let about = |steps: StepSet| draft.step.is_some_and(|step| steps.contains(step));
        let rule = draft.rule;
        if rule == stuck::SAGA.name {
            self.stuck
        } else if rule == stuck::STEP.name {
            about(self.wedged) || (self.went_on && about(self.skipped))
        } else if rule == sequence::AFTER_END.name {
            about(self.out_of_order) || about(self.repeated) || self.two_ends
        } else if rule == late::STEP.name {
            about(self.out_of_order)
        } else if rule == late::SAGA.name {
            self.late_step || self.two_ends
        } else if rule == exhausted::INFO.name {
            self.went_on && about(self.skipped)
        } else if rule == false_claim::INFO.name {
            let missing = case.instance.missing(case.saga);
            let only_skipped = self.went_on
                && draft.step.is_some()
                && !missing.is_empty()
                && missing.without(self.skipped).is_empty();
            let rolled_back = case
                .claim
                .is_some_and(|claim| claim.claimed == Claimed::Compensated);
            self.uncompensated
                || (self.dangling && rolled_back)
                || self.two_ends
                || self.past_pivot
                || only_skipped
        } else if rule == uncompensated::UNCOMPENSATED.name {
            self.exhausted
                || (self.past_pivot && !self.past_abort)
                || (self.went_on && !self.skipped.is_empty())
        } else if rule == repeated::UNDO.name {
            about(self.empty)
        } else if rule == shape::MIXED_OUTCOME.name {
            self.past_pivot && !self.two_ends
        } else if rule == undo::PAST_PIVOT.name {
            self.two_ends
        } else {
            false
        }
    }
}
