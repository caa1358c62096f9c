//! Doing one thing outside: an attempt, and attempts until one settles it.

mod exec;
mod http;
pub(super) mod outbox;
mod secret;

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::definition::action::{Action, ActionKind};
use crate::event::Span;
use crate::expression::template::Secrets;
use crate::recovery::document::{ActionV1, InstanceV1, RequestV1};
use crate::recovery::journal::Done;
use crate::recovery::permit::Permit;
use crate::recovery::watch::Stops;

/// The longest pause between two attempts, unless the action's timeout is longer still.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How often a pause looks whether it shall end.
const TICK: Duration = Duration::from_millis(50);
/// How one attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Attempt {
    /// It is done.
    Done(String),
    /// It had no effect, and may have one later.
    Again {
        /// What was answered.
        why: String,
        /// How long the other side asks to wait.
        pause: Option<Duration>,
    },
    /// It may have had its effect; nobody answered.
    Unknown(String),
    /// It had no effect, and will have none.
    Failed(String),
}

/// One action about to be sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order<'a> {
    /// As declared.
    pub(super) action: &'a Action,
    /// As planned.
    pub(super) planned: &'a ActionV1,
    /// Of this instance.
    pub(super) instance: &'a InstanceV1,
    /// What is sent, secrets and all.
    pub(super) request: &'a RequestV1,
    /// The log's own file.
    pub(super) log: &'a Path,
    /// What a program is told of the instance.
    pub(super) context: &'a Value,
    /// Every secret that the plan sends: an answer may tell one that was sent before.
    pub(super) secrets: &'a Secrets,
}

/// Tries until it is settled, the attempts are used up, or `stops` says so; answers what came of it,
/// after how many attempts, and what was answered last, without secrets.
///
/// What may have had its effect is tried again only where the action is idempotent.
pub(super) fn drive(_: &Permit, order: Order<'_>, stops: Stops<'_>) -> (Done, u32, String) {
    let mut may_have_happened = false;
    let mut pause = duration(order.action.backoff);
    let mut number = 0;
    loop {
        number += 1;
        let attempt = attempt(order);
        let (why, wanted) = match attempt {
            Attempt::Done(answer) => {
                return (Done::Done, number, secret::hide(&answer, order.secrets));
            }
            Attempt::Failed(why) => {
                let done = if may_have_happened {
                    Done::Unknown
                } else {
                    Done::Failed
                };
                return (done, number, secret::hide(&why, order.secrets));
            }
            Attempt::Again { why, pause } => (why, pause),
            Attempt::Unknown(why) => {
                may_have_happened = true;
                (why, None)
            }
        };
        let longest = longest_pause(order.action);
        let (why, pauses) = match wanted {
            Some(wanted) if wanted > longest => {
                let asked = i64::try_from(wanted.as_nanos()).unwrap_or(i64::MAX);
                let asked = Span::from_nanos(asked);
                (
                    format!("asked to wait {asked}, longer than is waited: {why}"),
                    None,
                )
            }
            Some(wanted) => (why, Some(wanted)),
            None => (why, Some(pause.min(longest))),
        };
        let may_repeat = order.action.idempotent || !may_have_happened;
        let is_last = !may_repeat || number >= order.action.attempts;
        if is_last || !pauses.is_some_and(|pause| waited(pause, stops)) {
            let done = if may_have_happened {
                Done::Unknown
            } else {
                Done::Failed
            };
            return (done, number, secret::hide(&why, order.secrets));
        }
        pause = pause.saturating_mul(2);
    }
}

/// How long all attempts at an action may take together.
pub(super) fn longest(action: &Action) -> Span {
    let pause = i64::try_from(longest_pause(action).as_nanos()).unwrap_or(i64::MAX);
    let each = action.timeout.as_nanos().saturating_add(pause);
    Span::from_nanos(each.saturating_mul(i64::from(action.attempts)))
}

/// A service may ask for as long a pause as one attempt may take, but at least for a minute.
fn longest_pause(action: &Action) -> Duration {
    duration(action.timeout).max(LONGEST_PAUSE)
}

fn attempt(order: Order<'_>) -> Attempt {
    match (&order.action.kind, order.request) {
        (ActionKind::Exec(exec), RequestV1::Exec { arguments }) => {
            exec::run(order, arguments, &exec.folder)
        }
        (ActionKind::Outbox(outbox), RequestV1::Outbox { table, columns, .. }) => {
            let database = outbox.database.as_deref().unwrap_or(order.log);
            outbox::insert(order, database, table, columns)
        }
        (ActionKind::Http(_), RequestV1::Http { .. }) => http::send(order),
        _ => Attempt::Failed("the request is of another kind than the action".to_owned()),
    }
}

/// Waits, unless it is told to stop; answers whether it waited to the end.
pub(super) fn waited(pause: Duration, stops: Stops<'_>) -> bool {
    let start = Instant::now();
    loop {
        if stops() {
            return false;
        }
        match pause.checked_sub(start.elapsed()) {
            Some(rest) if !rest.is_zero() => thread::sleep(rest.min(TICK)),
            _ => return true,
        }
    }
}

fn duration(span: Span) -> Duration {
    Duration::from_nanos(u64::try_from(span.as_nanos()).unwrap_or(0))
}
