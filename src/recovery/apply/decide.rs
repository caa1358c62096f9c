//! What an action comes to before anything is sent: the same for a dry run and for the real one.

use std::path::Path;

use crate::definition::action::Action;
use crate::expression::template::Reveal;
use crate::recovery::apply::World;
use crate::recovery::apply::fresh::Fresh;
use crate::recovery::document::{ActionV1, InstanceV1, PlanV1, RequestV1};
use crate::recovery::item::Outcome;
use crate::recovery::journal::{Done, Journal, JournalError};
use crate::recovery::request::{self, Facts};

/// What is to become of an action.
pub(super) enum Decided<'f> {
    /// It is sent.
    Send(Message<'f>),
    /// It is not sent: what it comes to instead, and why.
    Settled(Outcome, String),
}

/// What is sent.
pub(super) struct Message<'f> {
    pub(super) action: &'f Action,
    pub(super) request: RequestV1,
    pub(super) facts: Facts,
    /// The log's own file.
    pub(super) log: &'f Path,
}

/// The actions of an instance that were begun under this very plan.
pub(super) fn begun<'p>(
    plan: &PlanV1,
    instance: &'p InstanceV1,
    journal: &Journal,
) -> Result<Vec<&'p ActionV1>, JournalError> {
    let mut begun = Vec::new();
    for action in &instance.actions {
        if journal.has_begun(&plan.digest, &action.key)? {
            begun.push(action);
        }
    }
    Ok(begun)
}

/// Decides by the instance as it is now, by what the journal knows of the action, and by whether any
/// action of its instance was begun under this plan.
pub(super) fn decide<'f>(
    world: World<'_>,
    fresh: &'f Fresh,
    action: &ActionV1,
    (known, is_begun): (Option<Done>, bool),
) -> Decided<'f> {
    if let Some((outcome, why)) = obstacle(fresh, action, known, is_begun) {
        return Decided::Settled(outcome, why);
    }
    match message(world, fresh, action) {
        Ok(message) => Decided::Send(message),
        Err((outcome, why)) => Decided::Settled(outcome, why),
    }
}

/// What settles an action without its being sent.
fn obstacle(
    fresh: &Fresh,
    action: &ActionV1,
    known: Option<Done>,
    is_begun: bool,
) -> Option<(Outcome, String)> {
    let settled = |outcome, why: &str| Some((outcome, why.to_owned()));
    match known {
        Some(Done::Done) => return settled(Outcome::Done, "done before, says the journal"),
        Some(Done::Unknown) if !action.idempotent && !fresh.has_reached(action) => {
            return settled(
                Outcome::Unknown,
                "it may have been done before and is not idempotent; find out, and settle it in \
                 the journal",
            );
        }
        Some(Done::Unknown | Done::Failed) | None => {}
    }
    if !is_begun {
        return None;
    }
    if fresh.has_reached(action) {
        settled(Outcome::Done, "done before, says the log")
    } else if fresh.calls_for(action) {
        None
    } else {
        settled(Outcome::Skipped, "the log no longer calls for it")
    }
}

/// What an action sends; or why it is not sent.
fn message<'f>(
    world: World<'_>,
    fresh: &'f Fresh,
    action: &ActionV1,
) -> Result<Message<'f>, (Outcome, String)> {
    let Some(declared) = fresh.declared(action) else {
        return Err((Outcome::Moved, "it is no longer declared".to_owned()));
    };
    let step = (action.step.as_str(), action.direction);
    let facts = request::facts(fresh.row(), fresh.planned_on(), step, &action.key);
    let shown = request::render(declared, &facts, Reveal::Hidden, fresh.path());
    if shown.as_ref() != Ok(&action.request) {
        let why = "its request would be another than the one planned";
        return Err((Outcome::Moved, why.to_owned()));
    }
    let reveal = Reveal::From(world.secrets);
    let request = request::render(declared, &facts, reveal, fresh.path())
        .map_err(|error| (Outcome::Failed, error.to_string()))?;
    Ok(Message {
        action: declared,
        request,
        facts,
        log: fresh.path(),
    })
}
