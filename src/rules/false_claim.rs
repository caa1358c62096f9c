//! What the system says of a saga against what the log shows.

use crate::finding::Severity;
use crate::rules::Info;
use crate::rules::case::{Case, Claimed, Draft};
use crate::rules::uncompensated::{self, UNCOMPENSATED};
use crate::saga::Outcome;

/// `saga/false-claim`
pub const INFO: Info = Info {
    name: "saga/false-claim",
    severity: Severity::Error,
    summary: "the terminal event or the status column says something else than the log",
    explanation: "\
Compares what an instance claims, by its terminal event or by the status column that `claims:` maps, \
with what its events show: completed with steps missing, rolled back though an effect stands that \
nothing can undo, running though all is over. A claim that effects in force contradict is \
`compensation/uncompensated`, which says what was claimed.

Whoever reads the status acts on it: support tells the customer that the parcel left, a report books \
the money.

Find out which is right. If a step really is missing, drive it; if its event was lost, repair the log \
by hand.

Example: status DONE, but OrderShipped never came.",
};

/// Judges `saga/false-claim`.
pub fn check(case: &Case<'_>, drafts: &mut Vec<Draft>) {
    let instance = case.instance;
    // What another rule tells of effects in force is not told twice.
    let is_on = !case.off.contains(&UNCOMPENSATED.name);
    let standing = instance.in_force(case.saga).union(instance.kept(case.saga));
    let is_told = !standing.is_empty() && (is_on || !uncompensated::waiting(case).is_empty());
    let outcome = instance.outcome(case.saga);
    let missing = instance.missing(case.saga);
    if let Some(completes) = instance.completes {
        let never: Vec<usize> = missing
            .iter()
            .filter(|step| instance.steps[*step].success.is_none())
            .collect();
        let went_back = matches!(outcome, Outcome::Compensating | Outcome::Compensated);
        if !never.is_empty() || went_back {
            let message = if never.is_empty() {
                format!("claims completed, but the saga is {}", outcome.label())
            } else {
                format!(
                    "claims completed, but {} never took effect",
                    case.list(never)
                )
            };
            let step = missing.iter().next();
            drafts.push(Draft::new(
                &INFO,
                step,
                &[completes],
                completes.time,
                message,
            ));
            return;
        }
    }
    if let Some(compensated) = instance.compensated {
        if !is_told && !standing.is_empty() {
            let what = case.list(standing.iter());
            let message = format!("claims compensated, but {what} is in force");
            let evidence = &[compensated];
            drafts.push(Draft::new(
                &INFO,
                standing.iter().next(),
                evidence,
                compensated.time,
                message,
            ));
            return;
        }
        let beyond: Vec<usize> = (0..case.saga.steps.len())
            .filter(|step| {
                let definition = &case.saga.steps[*step];
                let beyond_return = definition.pivot
                    || definition
                        .before
                        .iter()
                        .any(|before| case.saga.steps[before].pivot);
                definition.compensation.is_none()
                    && beyond_return
                    && instance.steps[*step].success.is_some()
            })
            .collect();
        if !beyond.is_empty() && !is_told {
            let what = case.list(beyond);
            let message =
                format!("claims compensated, but {what} took effect and cannot be undone");
            drafts.push(Draft::new(
                &INFO,
                None,
                &[compensated],
                compensated.time,
                message,
            ));
            return;
        }
    }
    let (Some(claim), Some(last)) = (case.claim, instance.last) else {
        return;
    };
    let (step, message) = match claim.claimed {
        Claimed::Completed if outcome != Outcome::Completed => {
            let is_undone = missing
                .iter()
                .all(|step| case.instance.steps[step].success.is_some());
            let what = if missing.is_empty() || is_undone {
                format!("the saga is {}", outcome.label())
            } else {
                format!("{} never took effect", case.list(missing.iter()))
            };
            (
                missing.iter().next(),
                format!("status {} claims completed, but {what}", claim.text),
            )
        }
        Claimed::Compensated
            if outcome == Outcome::Completed || (outcome != Outcome::Compensated && !is_told) =>
        {
            (
                None,
                format!(
                    "status {} claims compensated, but the saga is {}",
                    claim.text,
                    outcome.label()
                ),
            )
        }
        Claimed::Running if outcome.is_over() || outcome == Outcome::Abandoned => (
            None,
            format!(
                "status {} claims running, but the saga is {}",
                claim.text,
                outcome.label()
            ),
        ),
        _ => return,
    };
    drafts.push(Draft::new(&INFO, step, &[last], last.time, message));
}
