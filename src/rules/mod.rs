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
//!   the step declares no `begins` or if it is the first sign of the step, otherwise a repeat that
//!   changes nothing. With attempt number `retries + 1` the step is exhausted. A failure or
//!   rejection after a success changes nothing.
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
//! **Abort.** The first of: an `aborts` or a `compensated` event; a required step that is exhausted or rejected while
//! no pivot has succeeded; any event of a compensation. An abort that only follows from a failure
//! is *derived*; an `aborts` or `compensated` event or a compensation *confirms*
//! it. A derived, unconfirmed abort after which a step that comes after the failed one began
//! or succeeded is void: the saga swallowed the failure and went on, which is `saga/out-of-order`.
//!
//! **Completion.** The event with which every required step had succeeded, and a `completes` event
//! had come where one is declared, before any abort.
//!
//! **End.** A `completes`, `compensated` or `abandons` event; without `completes` in the
//! definition, the completion; and, of an abort that left nothing in force, the last undo.
//!
//! **Outcome.** *contradictory* where `saga/mixed-outcome` holds; *abandoned* after an `abandons`
//! event, unless it completed; *compensated* if aborted with nothing in force and no undo under
//! way, *compensating* if aborted otherwise; *completed* after the completion; else *running*.
//!
//! **In force** are the steps that have a compensation, are not undone since their last success,
//! and succeeded, or began without an outcome (`undo-ambiguous`), or failed (`undo-failed`). A step
//! that succeeded after its compensation is `compensation/dangling-step` and left out here. Effects
//! are undone in reverse of the declared partial order; among unordered ones the later success first.
//! Of an instance that goes back, a pivot without a compensation that succeeded is in force, too.
//!
//! **When a limit has passed.** An obligation that arose at `t` with limit `d` is violated when the
//! horizon is at or past `t + d`. Something that finished is late when it finished after `t + d`.
//!
//! | rule | evidence, in position order |
//! |---|---|
//! | `saga/stuck-step` | what the wait is counted from: the begin, the failure, the last required success, or the start. Required steps that are running, failed with attempts left, or enabled and not begun; optional ones only once begun and until the completion. Not after an abort or where the instance claims to be over; `abandons` after the pivot does not count as that |
//! | `saga/stuck-saga` | the start and the last event |
//! | `saga/wedged` | the failures with the same error (its `error`, otherwise the failure's type) since the last success; the step is running or failed with attempts left |
//! | `saga/retries-exhausted` | the last failure. A required step, exhausted by failures (past the pivot also by a rejection), with neither compensation, abort nor terminal event (but `abandons` after the pivot). Not where nothing is in force and the saga has no event to decide with; the limit is the step's timeout, else the saga's deadline from its start |
//! | `saga/late-step` | what the wait is counted from and the first success |
//! | `saga/late` | the start and the end |
//! | `saga/out-of-order` | the step's first event, and the first success of each required step that came after it |
//! | `saga/too-many-attempts` | the events that opened or ended attempts beyond the limit |
//! | `saga/double-effect` | the successes without an undo in between; a note where they all carry one key |
//! | `saga/step-after-end` | the end or abort, whichever is earlier, and the step's first event after it. Legal, unless the saga said that it is over: the success of a step that was running at the abort, or that declares no `begins` and was enabled then; and always an optional step after the completion, and anything after `abandons`, when a person acts |
//! | `saga/unknown-event` | every such event of one type |
//! | `saga/no-start` | the first event |
//! | `saga/mixed-outcome` | the `completes` and the `compensated` event; or the completion and the first undo after it |
//! | `saga/false-claim` | the terminal event, or the last event where a status column claims |
//! | `compensation/uncompensated` | the last success (or begin, or failure) of each effect in force, and the abort (or the terminal event that claims to be over) |
//! | `compensation/stuck` | the begin or failure that the wait is counted from |
//! | `compensation/failed` | the last failure |
//! | `compensation/out-of-order` | every undo that is part of an inversion |
//! | `compensation/double` | every undo of the step; a note where all carry one key |
//! | `compensation/empty` | the first undo, of a step that never began, or failed without `undo-failed` |
//! | `compensation/dangling-step` | the undo and the success after it |
//! | `compensation/past-pivot` | the pivot's success and the first compensation event after it |
//!
//! An effect in force is *due* from the latest of: the abort, its own success, and the undoing of
//! every step that has to be undone before it; it is not due while such a step is still in force, nor
//! while its own undo is under way and has a timeout of its own.
//! Its limit is the compensation's timeout, else the step's, else the saga's deadline counted from
//! the start. If one effect is past its limit, or the instance claims to be over, one finding lists
//! all effects in force. With `strict-reverse` the observed order takes the place of the partial one.
//!
//! # Precedence
//!
//! One fault, one finding. What silences what is written in the file `precedence.rs` and nowhere
//! else. A finding that is silenced still silences what follows from it.

pub mod case;
pub mod causation;
pub mod definition;
mod exhausted;
pub mod false_claim;
pub mod idempotency;
mod idle;
pub mod invariant;
pub mod isolation;
pub mod late;
pub mod log;
mod precedence;
pub mod projection;
pub mod reaction;
mod repeated;
mod sequence;
pub mod shape;
mod stuck;
pub mod transaction;
mod uncompensated;
mod undo;
mod wedged;

use std::sync::Arc;

use crate::definition::log::LogDefinition;
use crate::definition::saga::Saga;
use crate::finding::{Finding, Severity, Subject, SubjectKind};
use case::{Case, Draft};

pub use late::take_untold;
pub use uncompensated::is_unlimited;

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

impl Info {
    /// A finding of this rule, to which evidence, age and a next step may be added.
    pub fn finding(
        &self,
        kind: SubjectKind,
        definition: &Arc<str>,
        id: impl Into<String>,
        message: String,
    ) -> Finding {
        Finding {
            rule: self.name,
            severity: self.severity,
            subject: Subject {
                kind,
                definition: Arc::clone(definition),
                id: id.into(),
            },
            step: None,
            facet: None,
            origin: None,
            key: None,
            evidence: Vec::new(),
            since: None,
            age: None,
            message,
            next: None,
        }
    }
}

/// A rule: what is said of it and what it looks at.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// What is said of it.
    pub info: &'static Info,
    /// What it looks at.
    pub judge: Judge,
}

/// What a rule looks at.
#[derive(Debug, Clone, Copy)]
pub enum Judge {
    /// One saga instance at a time.
    Instance {
        /// Adds what it finds.
        check: Check,
        /// Why it has nothing to look at in this saga, where it has not.
        idle: fn(&Saga, &LogDefinition) -> Option<&'static str>,
    },
    /// The log's rows.
    Log,
    /// What a document of its own declares, by the ledger that the pass keeps of it.
    Family,
    /// The definitions alone.
    Definition,
}

const fn instance(
    info: &'static Info,
    check: Check,
    idle: fn(&Saga, &LogDefinition) -> Option<&'static str>,
) -> Rule {
    Rule {
        info,
        judge: Judge::Instance { check, idle },
    }
}

const fn log_rule(info: &'static Info) -> Rule {
    Rule {
        info,
        judge: Judge::Log,
    }
}

const fn family_rule(info: &'static Info) -> Rule {
    Rule {
        info,
        judge: Judge::Family,
    }
}

const fn definition_rule(info: &'static Info) -> Rule {
    Rule {
        info,
        judge: Judge::Definition,
    }
}

/// All rules, in the order of reports.
pub static TABLE: [Rule; 62] = [
    instance(&stuck::STEP, stuck::step, idle::without_timeouts),
    instance(&stuck::SAGA, stuck::saga, idle::without_deadline),
    instance(&wedged::INFO, wedged::check, idle::without_failures),
    instance(
        &exhausted::INFO,
        exhausted::check,
        idle::without_a_last_attempt,
    ),
    instance(&late::STEP, late::step, idle::without_timeouts),
    instance(&late::SAGA, late::saga, idle::without_deadline),
    instance(
        &sequence::OUT_OF_ORDER,
        sequence::out_of_order,
        idle::always,
    ),
    instance(
        &repeated::ATTEMPTS,
        repeated::attempts,
        idle::without_retries,
    ),
    instance(&repeated::EFFECT, repeated::effect, idle::always),
    instance(&sequence::AFTER_END, sequence::after_end, idle::always),
    instance(
        &shape::UNKNOWN_EVENT,
        shape::unknown_event,
        idle::without_namespace,
    ),
    instance(&shape::NO_START, shape::no_start, idle::when_cut),
    instance(&shape::MIXED_OUTCOME, shape::mixed_outcome, idle::always),
    instance(&false_claim::INFO, false_claim::check, idle::without_claims),
    instance(
        &uncompensated::UNCOMPENSATED,
        uncompensated::uncompensated,
        idle::without_effects_to_undo,
    ),
    instance(
        &uncompensated::STUCK,
        uncompensated::stuck,
        idle::without_standstill,
    ),
    instance(
        &uncompensated::FAILED,
        uncompensated::failed,
        idle::without_last_undo,
    ),
    instance(&undo::ORDER, undo::order, idle::without_order),
    instance(&repeated::UNDO, repeated::undo, idle::without_compensations),
    instance(&undo::EMPTY, undo::empty, idle::without_compensations),
    instance(&undo::DANGLING, undo::dangling, idle::without_compensations),
    instance(&undo::PAST_PIVOT, undo::past_pivot, idle::without_way_back),
    instance(
        &idempotency::RETRY_WITHOUT_KEY,
        idempotency::retry_without_key,
        idle::without_keys,
    ),
    family_rule(&idempotency::DOUBLE_EFFECT),
    family_rule(&idempotency::KEY_CONFLICT),
    family_rule(&idempotency::MISSING_KEY),
    family_rule(&idempotency::EXPIRED),
    family_rule(&projection::LATE),
    family_rule(&projection::SKIPPED),
    family_rule(&projection::DIVERGENT),
    family_rule(&projection::MISSING),
    family_rule(&projection::ORPHAN),
    family_rule(&projection::AHEAD),
    family_rule(&projection::UNREADABLE),
    family_rule(&isolation::RESIDUE),
    family_rule(&isolation::DIRTY_TOUCH),
    family_rule(&invariant::VIOLATED),
    family_rule(&invariant::UNKNOWN),
    family_rule(&reaction::MISSING),
    family_rule(&reaction::LATE),
    family_rule(&reaction::DOUBLE),
    family_rule(&reaction::ORPHAN),
    family_rule(&transaction::IN_DOUBT),
    family_rule(&transaction::MIXED),
    family_rule(&transaction::WITHOUT_VOTES),
    family_rule(&transaction::UNDELIVERED),
    family_rule(&transaction::BLOCKED),
    log_rule(&causation::DANGLING),
    log_rule(&causation::CYCLE),
    log_rule(&causation::LATER),
    log_rule(&causation::OTHER_CORRELATION),
    log_rule(&log::GAP),
    log_rule(&log::DUPLICATE_VERSION),
    log_rule(&log::VERSION_BACKWARDS),
    log_rule(&log::DUPLICATE_ID),
    log_rule(&log::POSITION_REUSE),
    log_rule(&log::BAD_ROW),
    log_rule(&log::TIME_BACKWARDS),
    log_rule(&log::FUTURE_TIME),
    log_rule(&log::TOO_LATE),
    definition_rule(&definition::UNUSED_ALLOW),
    definition_rule(&definition::EXPIRED_ALLOW),
];

/// What is said of every rule, in the order of reports.
pub fn table() -> impl Iterator<Item = &'static Info> {
    TABLE.iter().map(|rule| rule.info)
}

/// What is said of the rules of `sagactl check`, the fatal ones first.
pub fn static_table() -> impl Iterator<Item = &'static Info> {
    definition::STATIC.iter()
}

/// The rule with this name.
pub fn find(name: &str) -> Option<&'static Info> {
    table().chain(static_table()).find(|info| info.name == name)
}

/// The names that settings may use.
pub fn names() -> Vec<&'static str> {
    table().map(|info| info.name).collect()
}

/// The names of the rules that have something to look at in a saga's instances.
pub fn of_instances(saga: &Saga, log: &LogDefinition) -> impl Iterator<Item = &'static str> {
    TABLE.iter().filter_map(move |rule| match rule.judge {
        Judge::Instance { idle, .. } => idle(saga, log).is_none().then_some(rule.info.name),
        Judge::Log | Judge::Family | Judge::Definition => None,
    })
}

/// What one rule about instances adds where it finds something.
pub type Check = fn(&Case<'_>, &mut Vec<Draft>);

/// The rules that have something to look at in a saga's instances, without those that are `off`.
pub fn checks(saga: &Saga, log: &LogDefinition, off: &[&str]) -> Vec<Check> {
    let rules = TABLE.iter().filter(|rule| !off.contains(&rule.info.name));
    rules
        .filter_map(|rule| match rule.judge {
            Judge::Instance { check, idle } => idle(saga, log).is_none().then_some(check),
            Judge::Log | Judge::Family | Judge::Definition => None,
        })
        .collect()
}

/// Whether a rule looks at one instance of a saga at a time.
pub fn is_of_instances(name: &str) -> bool {
    let own = TABLE.iter().find(|rule| rule.info.name == name);
    own.is_some_and(|rule| matches!(rule.judge, Judge::Instance { .. }))
}

/// Whether a rule looks at the instances of sagas.
pub fn needs_instances(name: &str) -> bool {
    let joins = [&isolation::RESIDUE, &isolation::DIRTY_TOUCH];
    joins.iter().any(|info| info.name == name) || is_of_instances(name)
}

/// Whether a rule is judged where a run is about some sagas only, or about some instances of them.
pub fn is_judged_of_some(name: &str, of_instances: bool) -> bool {
    let own = TABLE.iter().find(|rule| rule.info.name == name);
    own.is_none_or(|rule| match rule.judge {
        Judge::Instance { .. } | Judge::Definition => true,
        Judge::Log => !of_instances,
        Judge::Family => false,
    })
}

/// Whether the findings of a rule are about keys: of states, groups, match values, idempotency keys or
/// transactions.
pub fn speaks_of_keys(name: &str) -> bool {
    const FAMILIES: [&str; 5] = [
        "projection",
        "invariant",
        "reaction",
        "idempotency",
        "transaction",
    ];
    let family = name.split('/').next();
    let mut of_families = TABLE
        .iter()
        .filter(|rule| matches!(rule.judge, Judge::Family));
    family.is_some_and(|family| FAMILIES.contains(&family))
        && of_families.any(|rule| rule.info.name == name)
}

/// Everything that is wrong with one instance, each fault once, by the [`checks`] of its saga.
pub fn judge(case: &Case<'_>, checks: &[Check], drafts: &mut Vec<Draft>) {
    for check in checks {
        check(case, drafts);
    }
    precedence::settle(case, drafts);
}
