//! Drafts and instances put into words and rows.

use std::sync::Arc;

use crate::definition::saga::{Saga, StepSet};
use crate::event::Timestamp;
use crate::finding::{Direction, Finding, Next, Subject, SubjectKind};
use crate::log::has_mark;
use crate::report::InstanceRow;
use crate::rules::case::Draft;
use crate::saga::{At, Course, Exhaustion, Forward, Instance, Moment, Outcome, Undo, course};

/// Rules whose findings call for a recovery; the others tell of something that is past.
pub(super) const CALLS_FOR_RECOVERY: [&str; 14] = [
    "saga/stuck-step",
    "saga/stuck-saga",
    "saga/wedged",
    "saga/retries-exhausted",
    "saga/out-of-order",
    "saga/step-after-end",
    "saga/mixed-outcome",
    "saga/false-claim",
    "compensation/uncompensated",
    "compensation/stuck",
    "compensation/failed",
    "compensation/out-of-order",
    "compensation/dangling-step",
    "compensation/past-pivot",
];

/// What is said of a finding that other readings of its instance tell in another way.
pub(super) const ONE_OF_SEVERAL: &str =
    "; this is one of several readings, which agree that it is wrong and not on the rest";

/// How an instance is told of.
#[derive(Debug, Clone, Copy)]
pub struct Telling {
    /// Its id alone may not tell it from another's.
    pub is_shared: bool,
    /// Something of it cannot be told, so that no recovery may be proposed.
    pub is_undetermined: bool,
    /// The instant against which ages are told.
    pub horizon: Timestamp,
}

/// The command that drives a recovery where its first step declares an action, or else looks closer
/// at the instance; and the recovery itself. Where the id is shared the saga is named with it.
pub fn next(saga: &Saga, id: &str, instance: &Instance, rule: &str, telling: Telling) -> Next {
    let is_called_for = CALLS_FOR_RECOVERY.contains(&rule) && !telling.is_undetermined;
    let recovery = is_called_for.then(|| course(saga, instance)).flatten();
    let command = recovery
        .as_ref()
        .filter(|course| may_be_driven(saga, instance, course) && !has_mark(id))
        .map_or("show", |course| match course.direction {
            Direction::Backward => "compensate",
            Direction::Forward => "retry",
        });
    let mut arguments = vec![command.to_owned()];
    if id.starts_with('-') {
        arguments.push("--".to_owned());
    }
    arguments.push(id.to_owned());
    let named = telling.is_shared && command != "show";
    let options = named.then(|| ("--saga", saga.name.to_string()));
    let options = options.into_iter().collect();
    match recovery {
        None => Next {
            arguments,
            options,
            direction: None,
            steps: Vec::new(),
            by_hand: false,
        },
        Some(course) => Next {
            arguments,
            options,
            direction: Some(course.direction),
            steps: course
                .steps
                .iter()
                .map(|step| saga.steps[*step].name.clone())
                .collect(),
            by_hand: course.by_hand,
        },
    }
}

/// Whether recovery would begin it: what is contradictory or failed for good asks for a look first.
fn may_be_driven(saga: &Saga, instance: &Instance, course: &Course) -> bool {
    let Some(first) = course.steps.first().map(|step| &saga.steps[*step]) else {
        return false;
    };
    let failed_for_good = |step: &usize| matches!(instance.steps[*step].undo, Undo::Exhausted(_));
    let action = match course.direction {
        Direction::Forward => first.action.as_ref(),
        Direction::Backward => first
            .compensation
            .as_ref()
            .and_then(|compensation| compensation.action.as_ref()),
    };
    action.is_some() && instance.mixed().is_none() && !course.steps.iter().any(failed_for_good)
}

/// A finding about an instance.
pub fn finding(
    saga: &Saga,
    id: &str,
    instance: &Instance,
    draft: Draft,
    telling: Telling,
) -> Finding {
    let mut evidence = draft.evidence;
    evidence.sort_unstable();
    evidence.dedup();
    Finding {
        rule: draft.rule,
        severity: draft.severity,
        subject: Subject {
            kind: SubjectKind::Instance,
            definition: saga.name.clone(),
            id: id.to_owned(),
        },
        step: draft.step.map(|step| saga.steps[step].name.clone()),
        facet: draft.facet,
        origin: None,
        key: None,
        evidence,
        since: draft.since,
        age: draft.since.map(|since| telling.horizon.since(since)),
        message: draft.message,
        next: Some(next(saga, id, instance, draft.rule, telling)),
    }
}

/// The steps an instance is at: being undone, waiting to be undone, running, failed or next.
pub fn open_steps(saga: &Saga, instance: &Instance, outcome: Outcome) -> Vec<usize> {
    match outcome {
        Outcome::Completed | Outcome::Compensated => Vec::new(),
        Outcome::Compensating | Outcome::Contradictory | Outcome::Abandoned => {
            let standing = instance.in_force(saga).union(instance.kept(saga));
            let dangling = |step: &usize| instance.steps[*step].dangling.is_some();
            (0..saga.steps.len())
                .filter(|step| standing.contains(*step) || dangling(step))
                .collect()
        }
        Outcome::Running => {
            let missing = instance.missing(saga);
            (0..saga.steps.len())
                .filter(|step| match instance.steps[*step].forward {
                    Forward::Running(_) | Forward::Failed(_) | Forward::Exhausted(..) => true,
                    Forward::NotStarted => {
                        missing.contains(*step)
                            && instance.enabled(saga, *step).is_some()
                            && saga.steps[*step].requires.intersection(missing).is_empty()
                    }
                    Forward::Succeeded(_) => false,
                })
                .collect()
        }
    }
}

/// Where an instance is of which no event was met that is one for certain.
const NOWHERE: &str = "no event of it has a place in this saga";

/// Where an instance is, in words.
pub fn whereabouts(saga: &Saga, instance: &Instance, outcome: Outcome) -> String {
    if instance.first.is_none() {
        return NOWHERE.to_owned();
    }
    let open = open_steps(saga, instance, outcome);
    let words: Vec<String> = open
        .iter()
        .map(|step| {
            let record = &instance.steps[*step];
            let name = &saga.steps[*step].name;
            if outcome == Outcome::Running {
                return match record.forward {
                    Forward::Running(attempt) => format!("{name} running (attempt {attempt})"),
                    Forward::Failed(attempt) => format!("{name} failed (attempt {attempt})"),
                    Forward::Exhausted(_, Exhaustion::Failures) => format!("{name} exhausted"),
                    Forward::Exhausted(_, Exhaustion::Rejection) => format!("{name} rejected"),
                    _ => format!("waiting for {name}"),
                };
            }
            match record.undo {
                Undo::Undoing(attempt) => format!("undoing {name} (attempt {attempt})"),
                Undo::Failed(attempt) => format!("undoing {name} failed (attempt {attempt})"),
                Undo::Exhausted(_) => format!("undoing {name} failed for good"),
                _ => format!("{name} in force"),
            }
        })
        .collect();
    match (words.is_empty(), outcome) {
        (true, Outcome::Running) => "every step done, no end recorded".to_owned(),
        (true, outcome) => outcome.label().to_owned(),
        (false, _) => words.join(", "),
    }
}

/// One line that says where an instance is and why.
pub fn headline(saga: &Saga, instance: &Instance, outcome: Outcome, horizon: Timestamp) -> String {
    let Some((first, last)) = instance.first.zip(instance.last) else {
        return NOWHERE.to_owned();
    };
    let age = |at: At| horizon.since(at.time);
    let mut text = outcome.label().to_owned();
    let whereabouts = whereabouts(saga, instance, outcome);
    if whereabouts != text {
        text.push_str(&format!(": {whereabouts}"));
    }
    if let Some(abort) = instance.abort {
        text.push_str(&format!(
            "; going back since position {} ({} ago)",
            abort.at.position,
            age(abort.at)
        ));
    }
    text.push_str(&format!(
        "; started {} ago, last event {} ago",
        age(first),
        age(last)
    ));
    text
}

/// An instance as `list` shows it.
pub fn row(
    saga: &Arc<Saga>,
    id: &str,
    instance: &Instance,
    outcome: Outcome,
    rules: Vec<&'static str>,
    moments: &[Moment],
    telling: Telling,
) -> InstanceRow {
    let open = open_steps(saga, instance, outcome);
    let since = instance.last.map_or(telling.horizon, |last| last.time);
    let attempts = open
        .iter()
        .map(|step| {
            let record = &instance.steps[*step];
            if outcome == Outcome::Running {
                record.forward.attempt()
            } else {
                record.undo.attempt()
            }
        })
        .max()
        .unwrap_or(0);
    let goes_back = matches!(
        outcome,
        Outcome::Compensating | Outcome::Abandoned | Outcome::Contradictory
    );
    let standing = if goes_back {
        instance.in_force(saga).union(instance.dangling())
    } else {
        StepSet::EMPTY
    };
    let kept = instance.kept(saga);
    let calling = rules
        .iter()
        .copied()
        .find(|rule| CALLS_FOR_RECOVERY.contains(rule));
    InstanceRow {
        id: id.to_owned(),
        saga: saga.name.clone(),
        outcome,
        at: whereabouts(saga, instance, outcome),
        steps: open
            .iter()
            .map(|step| saga.steps[*step].name.clone())
            .collect(),
        since,
        age: telling.horizon.since(since),
        attempts,
        in_force: instance
            .undo_order(saga, standing)
            .into_iter()
            .chain(kept.iter())
            .map(|step| saga.steps[step].name.clone())
            .collect(),
        events: moments.len() as u64,
        start: instance.start.or(instance.first).map(|at| at.position),
        next: calling
            .or(rules.first().copied())
            .map(|rule| next(saga, id, instance, rule, telling)),
        rules,
    }
}
