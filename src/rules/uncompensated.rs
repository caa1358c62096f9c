//! Effects that stand although their saga went back, and compensations that do not get done.

use crate::definition::saga::StepSet;
use crate::event::{Span, Timestamp};
use crate::finding::Severity;
use crate::rules::Info;
use crate::rules::case::{Case, Claimed, Draft};
use crate::saga::{At, Cause, Forward, Outcome, Undo};

/// `compensation/uncompensated`
pub const UNCOMPENSATED: Info = Info {
    name: "compensation/uncompensated",
    severity: Severity::Error,
    summary: "the saga went back, and an effect was never undone",
    explanation: "\
Finds instances that were aborted, or claim to be over, while an effect is still in force: a step \
that succeeded, or was begun without an outcome, and was not undone within its compensation's \
timeout. The finding lists every effect in force, in the order to undo them. A pivot without a \
compensation that took effect stands, too: nothing undoes it, and a person has to. Another step \
without one is taken to leave nothing behind, of which `sagactl check` warns.

This is how sagas lose money quietly: stock nobody can sell, a card that stays charged for an order \
that does not exist. A status of FAILED or ROLLED_BACK says nothing about it.

Undo the effects in the order given. An ambiguous one (begun, no outcome) is undone too, unless \
`undo-ambiguous: false`: a compensation must be harmless where there is nothing to undo.

Example: StockReserved, then CardDeclined, and StockReleased never came.",
};

/// `compensation/stuck`
pub const STUCK: Info = Info {
    name: "compensation/stuck",
    severity: Severity::Error,
    summary: "a compensation is running and its timeout has passed",
    explanation: "\
Finds a compensation that was begun, or that failed and was not tried again, where its `timeout` has \
passed at the horizon. Steps that must be undone after it wait for it, and are not reported by \
themselves.

The saga stands half-way back: some effects are gone, others not.

Retry the compensation under the same key; then the ones that wait.

Example: StockReleaseRequested at 10:00, `timeout: 5m`, nothing after it, horizon 10:30.",
};

/// `compensation/failed`
pub const FAILED: Info = Info {
    name: "compensation/failed",
    severity: Severity::Error,
    summary: "a compensation failed with no attempts left: only a person can end it",
    explanation: "\
Finds a compensation that used up its attempts. A compensation must not fail for good; when it does, \
the saga has no way left, neither forward nor back.

The effect stays in force, and so do those that had to be undone after it.

Find out why it failed, repair that, and drive the compensation by hand. Then the ones that wait.

Example: `retries: 2`; RefundFailed three times.",
};

/// The effects that a stuck or failed compensation keeps in force: its own and those that have to
/// be undone after it. They follow from it and are not listed by themselves.
pub(super) fn waiting(case: &Case<'_>) -> StepSet {
    let is_told = |info: &Info| !case.off.contains(&info.name);
    (0..case.saga.steps.len())
        .filter(|step| match case.instance.steps[*step].undo {
            Undo::Exhausted(_) => is_told(&FAILED),
            _ => is_told(&STUCK) && overdue(case, *step).is_some(),
        })
        .fold(StepSet::EMPTY, |mut waiting, step| {
            waiting.insert(step);
            waiting.union(case.saga.steps[step].before)
        })
}

/// What an unfinished undo of `step` is waiting from and its timeout, where that has passed.
fn overdue(case: &Case<'_>, step: usize) -> Option<(At, Span)> {
    let record = &case.instance.steps[step];
    let (Undo::Undoing(_) | Undo::Failed(_), Some(from)) = (record.undo, record.undo_since) else {
        return None;
    };
    let timeout = case.saga.steps[step].compensation.as_ref()?.timeout?;
    case.is_past(from.time, timeout).then_some((from, timeout))
}

/// When an effect in force became due, and its limit.
struct Due {
    from: Timestamp,
    limit: Option<Span>,
}

/// Judges `compensation/uncompensated`.
pub fn uncompensated(case: &Case<'_>, drafts: &mut Vec<Draft>) {
    let instance = case.instance;
    let outcome = instance.outcome(case.saga);
    let parked = instance.abandons.is_some() && instance.pivot.is_none();
    let claims_back = outcome != Outcome::Completed
        && (instance.compensated.is_some()
            || parked
            || case
                .claim
                .is_some_and(|claim| claim.claimed == Claimed::Compensated));
    if instance.abort.is_none() && !claims_back {
        return;
    }
    let standing = instance.in_force(case.saga);
    let listed = standing.without(waiting(case));
    let kept = instance.kept(case.saga);
    let over = claims_back || case.claims_over();
    let is_due = |step: usize| {
        over || due(case, step, standing)
            .is_some_and(|due| due.limit.is_some_and(|limit| case.is_past(due.from, limit)))
    };
    let is_unaccounted = |step: usize| over || is_unaccounted(case, step);
    if !listed.iter().any(is_due) && !kept.iter().any(is_unaccounted) {
        return;
    }
    let anchor = instance.abort.map(|abort| abort.at).or(instance.terminal());
    let Some(since) = anchor.or(instance.last) else {
        return;
    };
    let order = instance.undo_order(case.saga, listed);
    let all: Vec<usize> = order.iter().copied().chain(kept.iter()).collect();
    let evidence: Vec<At> = all
        .iter()
        .filter_map(|step| instance.shown(*step))
        .chain(anchor)
        .collect();
    let ambiguous: Vec<usize> = order
        .iter()
        .copied()
        .filter(|step| !matches!(instance.steps[*step].forward, Forward::Succeeded(_)))
        .collect();
    let mut message = match instance.abort.map(|abort| abort.cause) {
        Some(Cause::Decision) => "aborted".to_owned(),
        Some(Cause::Rejected(step)) => format!("{} was rejected", case.name(step)),
        Some(Cause::Exhausted(step)) => format!("{} failed for good", case.name(step)),
        Some(Cause::Undo(_)) => "going back".to_owned(),
        None => "not aborted".to_owned(),
    };
    if case.claims_over() {
        message.push_str(&format!(", claims {}", case.claim_words()));
    }
    message.push_str(&format!(
        "; still in force: {}",
        case.list(all.iter().copied())
    ));
    if !ambiguous.is_empty() {
        message.push_str(&format!(" ({} without an outcome)", case.list(ambiguous)));
    }
    if !kept.is_empty() {
        message.push_str(&format!("; nothing undoes {}", case.list(kept.iter())));
    }
    drafts.push(Draft::new(
        &UNCOMPENSATED,
        all.first().copied(),
        &evidence,
        since.time,
        message,
    ));
}

/// From when the effect of `step` has to be undone; `None` while another one has to go first.
fn due(case: &Case<'_>, step: usize, standing: StepSet) -> Option<Due> {
    let instance = case.instance;
    let abort = instance.abort?;
    let definition = &case.saga.steps[step];
    let record = &instance.steps[step];
    let mut from = instance
        .shown(step)
        .map_or(abort.at, |shown| latest(abort.at, shown));
    for later in 0..case.saga.steps.len() {
        if later != step && instance.goes_first(case.saga, later, step) {
            if standing.contains(later) {
                return None;
            }
            let other = &instance.steps[later];
            if let (true, Some(undone)) = (other.undos > 0, other.latest_undo) {
                from = latest(from, undone);
            }
        }
    }
    let compensation = definition.compensation.as_ref()?;
    if compensation.timeout.is_some() && matches!(record.undo, Undo::Undoing(_) | Undo::Failed(_)) {
        return None;
    }
    if let Some(limit) = compensation.timeout.or(definition.timeout) {
        return Some(Due {
            from: from.time,
            limit: Some(limit),
        });
    }
    Some(Due {
        from: case.begin()?.time,
        limit: case.saga.deadline,
    })
}

/// The one that comes last in the judged order.
fn latest(one: At, other: At) -> At {
    if other.index > one.index { other } else { one }
}

/// Whether a pivot that nothing undoes has stood for longer than its own timeout, or the deadline; where
/// neither is declared there is nothing to wait for.
fn is_unaccounted(case: &Case<'_>, step: usize) -> bool {
    let instance = case.instance;
    let Some((abort, shown)) = instance.abort.zip(instance.shown(step)) else {
        return false;
    };
    let since = latest(abort.at, shown).time;
    let own = case.saga.steps[step].timeout;
    let own = own.map(|timeout| (since, timeout));
    let (from, limit) = own
        .or_else(|| Some((case.begin()?.time, case.saga.deadline?)))
        .unwrap_or((since, Span::ZERO));
    case.is_past(from, limit)
}

/// Whether the instance has an effect in force after an abort for which no limit is declared, so
/// that it cannot be told whether it is overdue.
pub fn is_unlimited(case: &Case<'_>) -> bool {
    if case.instance.abort.is_none() {
        return false;
    }
    let standing = case.instance.in_force(case.saga);
    standing
        .iter()
        .any(|step| due(case, step, standing).is_some_and(|due| due.limit.is_none()))
}

/// Judges `compensation/stuck`.
pub fn stuck(case: &Case<'_>, drafts: &mut Vec<Draft>) {
    for (step, record) in case.instance.steps.iter().enumerate() {
        let Some((from, timeout)) = overdue(case, step) else {
            continue;
        };
        let attempt = record.undo.attempt();
        let age = case.age(from.time);
        let name = case.name(step);
        let message = if matches!(record.undo, Undo::Undoing(_)) {
            format!(
                "undoing {name} (attempt {attempt}) began {age} ago and has no outcome; its timeout is {timeout}"
            )
        } else {
            format!(
                "undoing {name} failed (attempt {attempt}) {age} ago and was not tried again within {timeout}"
            )
        };
        drafts.push(Draft::new(&STUCK, Some(step), &[from], from.time, message));
    }
}

/// Judges `compensation/failed`.
pub fn failed(case: &Case<'_>, drafts: &mut Vec<Draft>) {
    for (step, record) in case.instance.steps.iter().enumerate() {
        let (Undo::Exhausted(attempt), Some(from)) = (record.undo, record.undo_since) else {
            continue;
        };
        let attempts = if attempt == 1 {
            "1 attempt".to_owned()
        } else {
            format!("{attempt} attempts")
        };
        let message = format!(
            "undoing {} failed for good after {attempts}; its effect stays in force",
            case.name(step)
        );
        drafts.push(Draft::new(&FAILED, Some(step), &[from], from.time, message));
    }
}
