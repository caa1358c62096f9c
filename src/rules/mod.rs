//! The rules: one file each or per close family, and the table of them all.
//!
//! # What the saga rules mean
//!
//! The events of one instance are taken in the log's declared order. Each has at most one meaning
//! in its saga; the meanings drive, per step, a forward state and an undo state.
//!
//! **Forward.** `not started → running(n) → succeeded | failed(n) → running(n+1) … | exhausted`.
//! - A *begin* opens the next attempt. One that carries the same idempotency key as the attempt
//!   that is running is a repeated delivery and changes nothing; so does any begin of a step that
//!   has succeeded and is not undone.
//! - A *failure* ends the running attempt. Where no attempt is running, it is one more attempt if
//!   the step declares no `begins`, otherwise a repeat that changes nothing. With attempt number
//!   `retries + 1` the step is exhausted. A failure after a success changes nothing.
//! - A *rejection* exhausts the step at once, unless it has succeeded.
//! - A *success* of an exhausted step revokes the exhaustion as long as no compensation began and
//!   nobody decided to abort; so does a further begin. A rejected step cannot come back.
//! - A step without a recorded begin starts when the last step it requires succeeded, or when the
//!   saga started.
//!
//! **Undo.** `none → undoing(n) → undone | undo failed(n) → undoing(n+1) … | undo exhausted`, with
//! begins, repeats and failures counted in the same way.
//!
//! **Pivot.** From the first success of any pivot on there is no way back.
//!
//! **Abort.** The first of: an `aborts` event; a required step that is exhausted or rejected while
//! no pivot has succeeded; any event of a compensation. An abort that only follows from a failure
//! is *derived*; an `aborts` event, a compensation, or a terminal `compensated` event *confirms*
//! it. A derived, unconfirmed abort after which a step that requires the failed one began or
//! succeeded is void: the saga swallowed the failure and went on, which is `saga/out-of-order`.
//!
//! **End.** A `completes`, `compensated` or `abandons` event; without `completes` in the
//! definition, the success of every required step; and an abort that leaves nothing in force and
//! nothing being undone.
//!
//! **Outcome.** *contradictory* where `saga/mixed-outcome` holds; *abandoned* after an `abandons`
//! event; *compensated* if aborted with nothing in force, *compensating* if aborted otherwise;
//! *completed* if every required step succeeded (and the `completes` event came, where one is
//! declared); else *running*.
//!
//! **In force** are the steps that have a compensation, are not undone since their last success,
//! and succeeded, or began without an outcome (`undo-ambiguous`), or failed (`undo-failed`). A step
//! that succeeded after its compensation is `compensation/dangling-step` and left out here.
//! Effects are undone in reverse of the declared partial order; among unordered ones the later
//! success first.
//!
//! **When a limit has passed.** An obligation that arose at `t` with limit `d` is violated when the
//! horizon is at or past `t + d`. Something that finished is late when it finished after `t + d`.
//!
//! | rule | evidence, in position order |
//! |---|---|
//! | `saga/stuck-step` | what the wait is counted from: the begin, the failure, the last required success, or the start. Required steps that are running, failed with attempts left, or enabled and not begun; optional ones only once begun. Not after an abort or a terminal event |
//! | `saga/stuck-saga` | the start and the last event |
//! | `saga/wedged` | the failures with the same error (its `error`, otherwise the failure's type) since the last success; the step is running or failed with attempts left |
//! | `saga/retries-exhausted` | the last failure. A required step, exhausted by failures (past the pivot also by a rejection), with neither compensation, abort nor terminal event after it; the limit is the step's timeout, else the saga's deadline from its start |
//! | `saga/late-step` | what the wait is counted from and the first success |
//! | `saga/late` | the start and the end |
//! | `saga/out-of-order` | the step's first event, and the first success of each required step that came after it |
//! | `saga/too-many-attempts` | the events that opened or ended attempts beyond the limit |
//! | `saga/double-effect` | the successes without an undo in between; a note where they all carry one key |
//! | `saga/step-after-end` | the end or abort, and the step's first event after it. Legal: the success of a step that was running at the abort, or that declares no `begins` and was enabled then; an optional step after `completes`; anything after `abandons`, when a person acts |
//! | `saga/unknown-event` | every such event of one type |
//! | `saga/no-start` | the first event |
//! | `saga/mixed-outcome` | the `completes` and the `compensated` event; or the completion and the first undo after it |
//! | `saga/false-claim` | the terminal event, or the last event where a status column claims |
//! | `compensation/uncompensated` | the success (or begin, or failure) of each effect in force, and the abort (or the terminal event that claims to be over) |
//! | `compensation/stuck` | the begin or failure that the wait is counted from |
//! | `compensation/failed` | the last failure |
//! | `compensation/out-of-order` | every undo that is part of an inversion |
//! | `compensation/double` | every undo of the step; a note where all carry one key |
//! | `compensation/empty` | the first undo of a step that never began, or failed without `undo-failed` |
//! | `compensation/dangling-step` | the undo and the success after it |
//! | `compensation/past-pivot` | the pivot's success and the first compensation event after it |
//!
//! An effect in force is *due* from the latest of: the abort, its own success, and the undoing of
//! every step that has to be undone before it; it is not due while such a step is still in force.
//! Its limit is the compensation's timeout, else the step's, else the saga's deadline counted from
//! the start. If one effect is past its limit, or the instance claims to be over, one finding lists
//! all effects in force.
//!
//! # Precedence
//!
//! One fault, one finding. What silences what is written in [`precedence`] and nowhere else.

use crate::finding::Severity;

/// What the table says of one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Info {
    /// `family/rule`, naming the fault.
    pub name: &'static str,
    /// Unless the settings say otherwise.
    pub severity: Severity,
    /// One line for the table.
    pub summary: &'static str,
    /// What it finds, why it matters, what to do, an example: paragraphs for `sagactl explain`.
    pub explanation: &'static str,
}

/// All rules, in the order of reports.
pub fn table() -> impl Iterator<Item = &'static Info> {
    [].into_iter()
}

/// The rule with this name.
pub fn find(name: &str) -> Option<&'static Info> {
    table().find(|info| info.name == name)
}
