//! One driver: takes instances from the queue, one after the other, and drives each to its end.
//!
//! The order of things before an action is what makes it safe: the turn that the rate allows, the
//! lease, the journal, the log, the intent. Whatever waits comes first, so that what is read is as
//! young as can be when the action starts; and the intent is refused if the lease was lost since.

use std::collections::BTreeSet;
use std::fmt::Display;

use serde_json::json;

use crate::event::Span;
use crate::inspect::{Go, RunError, TOOL};
use crate::recovery::action::{self, Order};
use crate::recovery::apply::decide::{Decided, Message, begun, decide};
use crate::recovery::apply::fresh::{Fresh, Moved, Source};
use crate::recovery::apply::shared::Shared;
use crate::recovery::apply::{Stopped, World};
use crate::recovery::document::{ActionV1, InstanceV1, PlanV1};
use crate::recovery::item::{Item, Outcome};
use crate::recovery::journal::{ApplyId, Intended, Intent, IntentId, Journal, Lease, LeaseId};
use crate::recovery::permit::Permit;
use crate::recovery::record::{Entry, Recorded, Versions, Writer};
use crate::saga::StepEvent;

/// What a lease lasts beyond the time that its action may take.
const SLACK: Span = Span::from_secs(60);

/// What a driver works with.
pub(super) struct Driver<'a> {
    pub(super) plan: &'a PlanV1,
    pub(super) world: World<'a>,
    pub(super) source: Source<'a>,
    pub(super) permit: &'a Permit,
    pub(super) shared: &'a Shared<'a>,
    pub(super) versions: &'a Versions<'a>,
    pub(super) apply: ApplyId,
    pub(super) journal: Journal,
    /// What came of each action that was reached, with the number of its instance.
    pub(super) items: Vec<(usize, Item)>,
}

/// How an action was settled.
enum Settled {
    /// It, and no other.
    One(Outcome, String),
    /// It and all that follow it in its instance.
    Rest(Outcome, String),
    /// Not at all: no further action may start.
    NotReached,
    /// It was sent, and what came of it could not be written or read; that ends the whole.
    Lost(Outcome, String, Stopped),
}

impl Driver<'_> {
    /// Drives until the queue is empty or it is over.
    pub(super) fn run(mut self) -> (Vec<(usize, Item)>, Option<Stopped>) {
        while let Some(number) = self.shared.next() {
            if let Err(stopped) = self.drive(number) {
                self.shared.halt();
                return (self.items, Some(stopped));
            }
            self.shared.finished();
        }
        (self.items, None)
    }

    fn drive(&mut self, number: usize) -> Result<(), Stopped> {
        let plan = self.plan;
        let instance = &plan.instances[number];
        let mut lease = None;
        let driven = self.actions(number, instance, &mut lease);
        let released = if lease.is_some() {
            self.prolong(instance, Span::ZERO)
        } else {
            Ok(())
        };
        driven.and(released)
    }

    fn actions(
        &mut self,
        number: usize,
        instance: &InstanceV1,
        lease: &mut Option<LeaseId>,
    ) -> Result<(), Stopped> {
        let mut done: BTreeSet<&str> = BTreeSet::new();
        for (index, action) in instance.actions.iter().enumerate() {
            if !action.waits_for.iter().all(|step| done.contains(&**step)) {
                return Ok(());
            }
            match self.settle(instance, action, lease)? {
                Settled::NotReached => return Ok(()),
                Settled::Lost(outcome, why, stopped) => {
                    self.reached(number, Item::new(instance, action, outcome, why));
                    return Err(stopped);
                }
                Settled::Rest(outcome, why) => {
                    for action in &instance.actions[index..] {
                        self.reached(number, Item::new(instance, action, outcome, &*why));
                    }
                    return Ok(());
                }
                Settled::One(outcome, detail) => {
                    self.reached(number, Item::new(instance, action, outcome, detail));
                    match outcome {
                        Outcome::Done => {
                            done.insert(&action.step);
                        }
                        Outcome::Failed | Outcome::Unknown | Outcome::Unrecorded => {
                            self.shared.failed();
                            return Ok(());
                        }
                        Outcome::Moved | Outcome::Held | Outcome::Skipped | Outcome::NotReached => {
                            return Ok(());
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn reached(&mut self, number: usize, item: Item) {
        self.shared.settled(item.outcome);
        self.items.push((number, item));
    }

    /// Brings an action to its outcome, by sending it where nothing else settles it.
    fn settle(
        &mut self,
        instance: &InstanceV1,
        action: &ActionV1,
        lease: &mut Option<LeaseId>,
    ) -> Result<Settled, Stopped> {
        let wait = self.shared.longest_wait();
        if lease.is_some() && !wait.is_zero() {
            let wait = i64::try_from(wait.as_nanos()).unwrap_or(i64::MAX);
            let span = Span::from_nanos(wait.saturating_add(SLACK.as_nanos()));
            self.prolong(instance, span)?;
        }
        let Some(turn) = self.shared.turn() else {
            return Ok(Settled::NotReached);
        };
        loop {
            let held = match self.take(instance, SLACK)? {
                Ok(held) => held,
                Err(holder) => return Ok(Settled::Rest(Outcome::Held, holder)),
            };
            *lease = Some(held);
            let known = self.journal.known(&action.key)?;
            let begun = begun(self.plan, instance, &self.journal)?;
            let go = |_| {
                if self.shared.is_over() {
                    Go::Stop
                } else {
                    Go::On
                }
            };
            let fresh = match Fresh::read(self.plan, instance, self.source, &go) {
                Err(RunError::Interrupted(_)) => return Ok(Settled::NotReached),
                read => read?,
            };
            let fresh = match fresh.and_then(|fresh| fresh.unmoved(&begun, &instance.actions)) {
                Ok(fresh) => fresh,
                Err(Moved(why)) => return Ok(Settled::Rest(Outcome::Moved, why)),
            };
            let decided = decide(self.world, &fresh, action, (known, !begun.is_empty()));
            let message = match decided {
                Decided::Send(message) => message,
                Decided::Settled(Outcome::Done, why) => {
                    return self.recorded(instance, action, &fresh, why);
                }
                Decided::Settled(outcome, why) => return Ok(Settled::One(outcome, why)),
            };
            let longest = action::longest(message.action);
            let intent = Intent {
                apply: self.apply,
                lease: held,
                owner: self.world.owner,
                instance,
                action,
                span: Span::from_nanos(longest.as_nanos().saturating_add(SLACK.as_nanos())),
            };
            if self.shared.is_over() {
                return Ok(Settled::NotReached);
            }
            let now = self.world.clock.now();
            if let Intended::Written(id, prolonged) =
                self.journal.intend(self.permit, intent, now)?
            {
                *lease = Some(prolonged);
                turn.start();
                let settled = self.send(instance, action, (id, &message))?;
                return match settled {
                    Settled::One(Outcome::Done, answer) => {
                        self.recorded(instance, action, &fresh, answer)
                    }
                    settled => Ok(settled),
                };
            }
        }
    }

    fn send(
        &mut self,
        instance: &InstanceV1,
        action: &ActionV1,
        (intent, message): (IntentId, &Message<'_>),
    ) -> Result<Settled, Stopped> {
        let facts = &message.facts;
        let context = json!({
            "log": instance.log, "saga": facts.get("saga"), "step": facts.get("step"),
            "key": action.key, "reason": self.permit.reason(), "data": facts.get("data"),
            "events": facts.get("events"),
        });
        let order = Order {
            action: message.action,
            planned: action,
            instance,
            request: &message.request,
            log: message.log,
            context: &context,
            secrets: self.world.secrets,
        };
        let (ended, attempts, answer) = action::drive(self.permit, order, self.shared.stops());
        let now = self.world.clock.now();
        let result = (ended, attempts, answer.as_str());
        match self.journal.conclude(self.permit, intent, result, now) {
            Ok(()) => Ok(Settled::One(Outcome::from(ended), answer)),
            Err(error) => {
                let why = format!("sent, but the journal does not know what came of it: {answer}");
                Ok(Settled::Lost(Outcome::Unknown, why, error.into()))
            }
        }
    }

    /// Sees to the event of an action that is done, where the tool is to append it: `fresh` is the
    /// instance as it was read before.
    fn recorded(
        &self,
        instance: &InstanceV1,
        action: &ActionV1,
        fresh: &Fresh,
        answer: String,
    ) -> Result<Settled, Stopped> {
        let declared = fresh.declared(action);
        let Some(record) = declared.and_then(|declared| declared.record.clone()) else {
            return Ok(Settled::One(Outcome::Done, answer));
        };
        let unrecorded = |why: &dyn Display| {
            let why = format!("{answer}; {} is not appended: {why}", record.kind);
            Ok(Settled::One(Outcome::Unrecorded, why))
        };
        let mut writer = match Writer::open(self.permit, fresh.log(), fresh.path()) {
            Ok(writer) => writer,
            Err(error) => return unrecorded(&error),
        };
        loop {
            let fresh = match Fresh::read(self.plan, instance, self.source, &|_| Go::On) {
                Ok(Ok(fresh)) => fresh,
                Ok(Err(Moved(why))) => return unrecorded(&why),
                Err(error) => {
                    let why = format!("{answer}; {} is not appended", record.kind);
                    return Ok(Settled::Lost(Outcome::Unrecorded, why, error.into()));
                }
            };
            let Some(beside) = fresh.beside(action) else {
                return unrecorded(&"the log holds no event of the instance");
            };
            let entry = Entry {
                kind: &record.kind,
                key: &action.key,
                beside,
                at: self.world.clock.now(),
                tool: TOOL,
                plan: &self.plan.digest,
            };
            if fresh.has_reached(action) || fresh.events().iter().any(|event| entry.is(event)) {
                return Ok(Settled::One(Outcome::Done, answer));
            }
            let failed =
                |event: &StepEvent| matches!(event, StepEvent::Failure | StepEvent::Rejection);
            if fresh.news(action).last().is_some_and(failed) {
                return unrecorded(&"the log says that it failed since");
            }
            match writer.append(self.permit, entry, self.versions) {
                Ok(Recorded::Moved) => {}
                Ok(Recorded::At(position)) => {
                    let what = format!("{answer}; {} stands at position {position}", record.kind);
                    return Ok(Settled::One(Outcome::Done, what));
                }
                Err(error) => return unrecorded(&error),
            }
        }
    }

    /// Lets the lease last this long from now. Where another has the instance meanwhile, it stays
    /// his; that is found out when the next action takes it.
    fn prolong(&mut self, instance: &InstanceV1, span: Span) -> Result<(), Stopped> {
        self.take(instance, span).map(|_| ())
    }

    /// Takes the lease of an instance; answers who else has it.
    fn take(
        &mut self,
        instance: &InstanceV1,
        span: Span,
    ) -> Result<Result<LeaseId, String>, Stopped> {
        let now = self.world.clock.now();
        let owner = self.world.owner;
        let lease = self
            .journal
            .lease(self.permit, instance, owner, now, span)?;
        Ok(match lease {
            Lease::Taken(id) => Ok(id),
            Lease::Held(holder) => Err(holder.to_string()),
        })
    }
}
