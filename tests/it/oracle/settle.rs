//! Precedence: of the faults of one instance, those that are not explained by another. A finding
//! that is silenced still silences what follows from it.

use std::collections::BTreeSet;

use super::standing::{Mixed, Standing};
use super::{Claim, Meaning, OracleFinding};

/// Every finding of the instance, each fault once.
pub(crate) fn findings(standing: &Standing<'_>) -> BTreeSet<OracleFinding> {
    let each = |rule: &dyn Fn(usize) -> Option<OracleFinding>| {
        standing.steps().filter_map(rule).collect::<Vec<_>>()
    };
    let steps_of = |findings: &[OracleFinding]| {
        findings
            .iter()
            .filter_map(|one| one.step)
            .collect::<BTreeSet<_>>()
    };

    let out_of_order = each(&|step| standing.out_of_order(step));
    let disordered = steps_of(&out_of_order);
    let skipped: BTreeSet<usize> = disordered
        .iter()
        .filter_map(|step| standing.overtaken(*step))
        .flat_map(|(_, overtaken)| overtaken)
        .filter(|required| standing.first_success(*required).is_none())
        .collect();
    let went_on_regardless = !skipped.is_empty() && !goes_back(standing);

    let wedged = each(&|step| standing.wedged(step));
    let stuck_step = each(&|step| {
        let skipped = went_on_regardless && skipped.contains(&step);
        standing
            .stuck_step(step)
            .filter(|_| !standing.is_left() && !skipped && !steps_of(&wedged).contains(&step))
    });
    let exhausted = each(&|step| {
        standing
            .retries_exhausted(step)
            .filter(|_| !(went_on_regardless && skipped.contains(&step)))
    });
    let any_late_step = standing
        .steps()
        .any(|step| standing.late_step(step).is_some());
    let late_step = each(&|step| {
        standing
            .late_step(step)
            .filter(|_| !disordered.contains(&step))
    });
    let double_effect = each(&|step| standing.double_effect(step));
    let dangling = each(&|step| standing.dangling_step(step));
    let empty = each(&|step| standing.empty_undo(step));
    let double_undo = each(&|step| {
        standing
            .double_undo(step)
            .filter(|_| !steps_of(&empty).contains(&step))
    });

    let said_both = matches!(standing.mixed(), Some(Mixed::Said(..)));
    let is_past_pivot = standing.past_pivot().is_some();
    let past_pivot = standing.past_pivot().filter(|_| !said_both);
    let mixed = standing
        .mixed_outcome()
        .filter(|_| said_both || past_pivot.is_none());
    let after_end = each(&|step| {
        let told = [&disordered, &steps_of(&double_effect), &steps_of(&dangling)];
        standing
            .step_after_end(step)
            .filter(|_| !said_both && !told.iter().any(|steps| steps.contains(&step)))
    });

    let undo_stuck = each(&|step| standing.undo_stuck(step));
    let undo_failed = each(&|step| standing.undo_failed(step));
    let mut told = steps_of(&undo_stuck);
    told.extend(steps_of(&undo_failed));
    let waiting: Vec<usize> = told
        .iter()
        .flat_map(|step| standing.step(*step).before.iter())
        .collect();
    told.extend(waiting);
    let uncompensated = standing.uncompensated(&told);
    let is_uncompensated = uncompensated.is_some();
    let told_by_undo = is_past_pivot && !standing.went_past_its_abort();
    let silenced = went_on_regardless || !exhausted.is_empty() || told_by_undo;

    let missing = standing.missing();
    let explained = went_on_regardless
        && standing.falsely_completed()
        && !missing.is_empty()
        && missing.iter().all(|step| skipped.contains(step));
    let is_told = uncompensated.is_some() && !standing.in_force().is_empty();
    let false_claim = standing
        .false_claim()
        .filter(|_| !said_both && !explained && !is_told && !is_past_pivot)
        .filter(|_| dangling.is_empty() || standing.claim != Some(Claim::Compensated));
    let uncompensated = uncompensated.filter(|_| !silenced);
    let late = standing.late().filter(|_| !said_both && !any_late_step);

    let explains_the_wait = !skipped.is_empty()
        || !dangling.is_empty()
        || is_uncompensated
        || [&stuck_step, &wedged, &exhausted, &undo_stuck, &undo_failed]
            .iter()
            .any(|found| !found.is_empty());
    let stuck_saga = standing
        .stuck_saga()
        .filter(|_| !standing.is_left() && !explains_the_wait);

    let per_step = [
        out_of_order,
        wedged,
        stuck_step,
        exhausted,
        late_step,
        each(&|step| standing.too_many_attempts(step)),
        double_effect,
        dangling,
        empty,
        double_undo,
        after_end,
        undo_stuck,
        undo_failed,
        standing.unknown_events(),
    ];
    let single = [
        past_pivot,
        mixed,
        uncompensated,
        false_claim,
        late,
        stuck_saga,
        standing.no_start(),
        standing.undo_out_of_order(),
    ];
    per_step
        .into_iter()
        .flatten()
        .chain(single.into_iter().flatten())
        .collect()
}

/// Something in the log says that the instance went back or was given up.
fn goes_back(standing: &Standing<'_>) -> bool {
    let said = |meaning: Meaning| {
        matches!(
            meaning,
            Meaning::Aborts | Meaning::Compensated | Meaning::Abandons
        ) || meaning.compensates().is_some()
    };
    standing.first(said).is_some()
}
