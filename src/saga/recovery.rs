//! Which way an instance has to go to become consistent: the one judgement that findings report
//! and recovery acts on.

use crate::definition::saga::{Saga, StepSet};
use crate::finding::Direction;
use crate::saga::instance::Instance;
use crate::saga::state::Forward;

/// A recovery, decided but not planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Course {
    /// Which way.
    pub direction: Direction,
    /// The steps to drive, in order.
    pub steps: Vec<usize>,
    /// Some of them have no declared action: a person must do those.
    pub by_hand: bool,
}

/// The recovery that an instance calls for, whatever is wrong with it; `None` where nothing is
/// left to drive.
///
/// Before the pivot it is backward, over every effect that stands; from the pivot on, and where
/// nothing stands yet, it is forward, over the required steps that can go on now. Where it was decided to
/// go back and a pivot took effect, it is for a person to decide.
pub fn course(saga: &Saga, instance: &Instance) -> Option<Course> {
    let dangling = instance.dangling();
    let standing = instance.in_force(saga).union(dangling);
    let goes_back = instance.abort.is_some() || instance.compensated.is_some();
    if instance.is_torn() {
        return None;
    }
    if instance.pivot.is_none() && !standing.is_empty() {
        return Some(backward(saga, instance, standing));
    }
    if !dangling.is_empty() {
        return Some(backward(saga, instance, dangling));
    }
    if goes_back && instance.pivot.is_none() {
        return None;
    }
    forward(saga, instance)
}

/// The way that an instance can be made to go, whichever it calls for; `None` where nothing is to
/// be driven that way. Whether it may go that way is not asked.
pub fn towards(saga: &Saga, instance: &Instance, direction: Direction) -> Option<Course> {
    match direction {
        Direction::Forward => forward(saga, instance),
        Direction::Backward => {
            let standing = instance.in_force(saga).union(instance.dangling());
            (!standing.is_empty()).then(|| backward(saga, instance, standing))
        }
    }
}

fn forward(saga: &Saga, instance: &Instance) -> Option<Course> {
    let missing = instance.missing(saga);
    let steps: Vec<usize> = missing
        .iter()
        .filter(|step| {
            !matches!(instance.steps[*step].forward, Forward::Succeeded(_))
                && saga.steps[*step].requires.intersection(missing).is_empty()
        })
        .collect();
    if steps.is_empty() {
        return None;
    }
    let by_hand = steps.iter().any(|step| saga.steps[*step].action.is_none());
    Some(Course {
        direction: Direction::Forward,
        steps,
        by_hand,
    })
}

fn backward(saga: &Saga, instance: &Instance, steps: StepSet) -> Course {
    let steps = instance.undo_order(saga, steps);
    let by_hand = steps.iter().any(|step| {
        saga.steps[*step]
            .compensation
            .as_ref()
            .is_none_or(|compensation| compensation.action.is_none())
    });
    Course {
        direction: Direction::Backward,
        steps,
        by_hand,
    }
}
