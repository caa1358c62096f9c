//! A plan put into action: each instance is read again just before its first action, each action is
//! in the journal before it starts, and what fails stops its instance and no other.

pub(super) mod fresh;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::definition::Definitions;
use crate::event::{Span, Timestamp};
use crate::expression::template::{Reveal, Secrets};
use crate::finding::Direction;
use crate::inspect::{Go, Options, RunError, Watch};
use crate::recovery::action::{self, Order};
use crate::recovery::clock::Clock;
use crate::recovery::document::{ActionV1, InstanceV1, PlanV1};
use crate::recovery::item::{Item, Outcome};
use crate::recovery::journal::{ApplyId, Done, Journal, JournalError, Lease, Owner};
use crate::recovery::permit::Permit;
use crate::recovery::{plan, request};
use fresh::{Fresh, Moved};

/// What a lease lasts beyond the time that its action may take.
const SLACK: Span = Span::from_secs(60);

/// How to apply.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Finish a plan that was begun.
    pub resume: bool,
    /// Stop after so many failures.
    pub stop_after: Option<usize>,
    /// At least this long from the start of one action to the next.
    pub every: Duration,
}

/// What acting needs beside the plan.
#[derive(Debug, Clone, Copy)]
pub struct World<'a> {
    /// The definitions that are there now.
    pub definitions: &'a Definitions,
    /// How to read the log again.
    pub options: &'a Options,
    /// The secrets that the actions name.
    pub secrets: &'a Secrets,
    /// The time.
    pub clock: Clock,
    /// Who drives.
    pub owner: &'a Owner,
}

impl<'a> World<'a> {
    const fn source(self) -> (&'a Definitions, &'a Options) {
        (self.definitions, self.options)
    }
}

/// Why a plan is not applied at all.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The definitions are others than those it was decided by.
    #[error("the definitions changed since the plan was made; plan again")]
    Stale,
    /// It was begun before.
    #[error("this plan was begun at {0}; finish it with --resume")]
    Begun(Timestamp),
    /// The environment lacks a value.
    #[error("the environment has no {0}, which an action of the plan needs")]
    NoSecret(String),
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Why an apply stopped before its end.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// The journal cannot be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] RunError),
}

/// What came of an apply.
#[derive(Debug)]
pub struct Applied {
    /// One per action, in the order of the plan.
    pub items: Vec<Item>,
    /// Why it stopped, where it did.
    pub stopped: Option<Stopped>,
}

/// The names of the secrets that the actions of a plan send.
pub fn secrets(definitions: &Definitions, plan: &PlanV1) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let sagas = definitions.scopes.iter().flat_map(|scope| &scope.sagas);
    for saga in sagas {
        for instance in plan.instances.iter().filter(|one| one.saga == *saga.name) {
            for planned in &instance.actions {
                let direction = Direction::from(planned.direction);
                let step = saga.step(&planned.step);
                let action = step.and_then(|step| plan::declared(saga, step, direction));
                names.extend(
                    action
                        .into_iter()
                        .flat_map(|action| action.secrets().map(str::to_owned).collect::<Vec<_>>()),
                );
            }
        }
    }
    names
}

/// Whether a plan fits the definitions and the environment.
///
/// # Errors
/// See [`Refused`].
pub fn check(plan: &PlanV1, world: World<'_>) -> Result<(), Refused> {
    if plan.definitions != world.definitions.hash {
        return Err(Refused::Stale);
    }
    let needed = secrets(world.definitions, plan);
    let mut needed = needed.into_iter();
    let missing = needed.find(|name| !world.secrets.contains_key(name));
    missing.map_or(Ok(()), |name| Err(Refused::NoSecret(name)))
}

/// Whether a plan was not begun before, or is to be finished.
///
/// # Errors
/// See [`Refused`].
pub fn admit(plan: &PlanV1, journal: &Journal, pace: Pace) -> Result<(), Refused> {
    match journal.begun(&plan.digest)? {
        Some(at) if !pace.resume => Err(Refused::Begun(at)),
        _ => Ok(()),
    }
}

/// The actions that could not be sent now, since their instances have moved; nothing is sent.
///
/// # Errors
/// When the log cannot be read.
pub fn rehearse(plan: &PlanV1, world: World<'_>, watch: Watch<'_>) -> Result<Vec<Item>, RunError> {
    let mut items = Vec::new();
    for instance in &plan.instances {
        let fresh = Fresh::read(plan, instance, world.source(), watch)?;
        if let Err(Moved(why)) = fresh.and_then(|fresh| fresh.unmoved()) {
            let moved = |action| Item::new(instance, action, Outcome::Moved, why.clone());
            items.extend(instance.actions.iter().map(moved));
        }
    }
    Ok(items)
}

/// Applies a plan. `stops` is asked before each action; what runs is finished.
pub fn apply(
    plan: &PlanV1,
    world: World<'_>,
    journal: &mut Journal,
    permit: &Permit,
    pace: Pace,
    stops: &dyn Fn() -> bool,
) -> Applied {
    let mut driver = Driver {
        plan,
        world,
        journal,
        permit,
        pace,
        stops,
        last: None,
        failures: 0,
        items: Vec::new(),
    };
    let stopped = driver.run().err();
    let mut items = driver.items;
    let reached: BTreeSet<String> = items.iter().map(|item| item.key.clone()).collect();
    for instance in &plan.instances {
        let rest = instance.actions.iter();
        let rest = rest.filter(|action| !reached.contains(&action.key));
        items.extend(rest.map(|action| Item::new(instance, action, Outcome::NotReached, "")));
    }
    Applied { items, stopped }
}

struct Driver<'a> {
    plan: &'a PlanV1,
    world: World<'a>,
    journal: &'a mut Journal,
    permit: &'a Permit,
    pace: Pace,
    stops: &'a dyn Fn() -> bool,
    last: Option<Instant>,
    failures: usize,
    items: Vec<Item>,
}

impl Driver<'_> {
    fn run(&mut self) -> Result<(), Stopped> {
        let now = self.world.clock.now();
        let apply = self.journal.begin(self.permit, self.plan, now)?;
        for instance in &self.plan.instances {
            if self.is_over() {
                break;
            }
            if let Some(holder) = self.take(instance, SLACK)? {
                self.all(instance, Outcome::Skipped, &holder);
                continue;
            }
            let driven = self.drive(apply, instance);
            self.take(instance, Span::ZERO)?;
            driven?;
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        let most = self.pace.stop_after;
        (self.stops)() || most.is_some_and(|most| self.failures >= most)
    }

    /// Takes the lease of an instance; answers who else has it.
    fn take(&mut self, instance: &InstanceV1, span: Span) -> Result<Option<String>, Stopped> {
        let now = self.world.clock.now();
        let owner = self.world.owner;
        Ok(
            match self
                .journal
                .lease(self.permit, instance, owner, now, span)?
            {
                Lease::Taken => None,
                Lease::Held(holder) => Some(format!(
                    "{} drives it (process {}) until {}",
                    holder.owner.name, holder.owner.process, holder.until
                )),
            },
        )
    }

    fn all(&mut self, instance: &InstanceV1, outcome: Outcome, why: &str) {
        let items = instance.actions.iter();
        self.items
            .extend(items.map(|action| Item::new(instance, action, outcome, why)));
    }

    fn drive(&mut self, apply: ApplyId, instance: &InstanceV1) -> Result<(), Stopped> {
        let mut known = Vec::new();
        for action in &instance.actions {
            known.push(self.journal.known(&action.key)?);
        }
        let is_begun = known.iter().any(Option::is_some);
        let fresh = Fresh::read(self.plan, instance, self.world.source(), &|_| Go::On)?;
        let fresh = match fresh.and_then(|fresh| if is_begun { Ok(fresh) } else { fresh.unmoved() })
        {
            Ok(fresh) => fresh,
            Err(Moved(why)) => {
                self.all(instance, Outcome::Moved, &why);
                return Ok(());
            }
        };
        let mut done: BTreeSet<&str> = BTreeSet::new();
        for (action, known) in instance.actions.iter().zip(known) {
            if self.is_over() || !action.waits_for.iter().all(|step| done.contains(&**step)) {
                return Ok(());
            }
            let (outcome, detail) = match self.obstacle(&fresh, action, known, is_begun) {
                Some(settled) => settled,
                None => self.act(apply, instance, action, &fresh)?,
            };
            self.items
                .push(Item::new(instance, action, outcome, detail));
            match outcome {
                Outcome::Done => {
                    done.insert(&action.step);
                }
                Outcome::Failed | Outcome::Unknown => {
                    self.failures += 1;
                    return Ok(());
                }
                Outcome::Moved | Outcome::Skipped | Outcome::NotReached => return Ok(()),
            }
        }
        Ok(())
    }

    /// What settles an action without sending it.
    fn obstacle(
        &self,
        fresh: &Fresh,
        action: &ActionV1,
        known: Option<Done>,
        is_begun: bool,
    ) -> Option<(Outcome, String)> {
        match known {
            Some(Done::Done) => {
                return Some((Outcome::Done, "done before, says the journal".to_owned()));
            }
            Some(Done::Unknown) if !action.idempotent => {
                let why = "it may have been done before and is not idempotent; find out, then \
                           let its event be recorded or plan again";
                return Some((Outcome::Unknown, why.to_owned()));
            }
            Some(Done::Unknown | Done::Failed) | None => {}
        }
        if !is_begun {
            return None;
        }
        if fresh.has_reached(action) {
            Some((Outcome::Done, "done before, says the log".to_owned()))
        } else if fresh.calls_for(action) {
            None
        } else {
            Some((
                Outcome::Skipped,
                "the log no longer calls for it".to_owned(),
            ))
        }
    }

    fn act(
        &mut self,
        apply: ApplyId,
        instance: &InstanceV1,
        action: &ActionV1,
        fresh: &Fresh,
    ) -> Result<(Outcome, String), Stopped> {
        let Some(declared) = fresh.declared(action) else {
            return Ok((Outcome::Moved, "it is no longer declared".to_owned()));
        };
        let step = (action.step.as_str(), action.direction);
        let facts = request::facts(fresh.row(), fresh.planned_on(), step, &action.key);
        let shown = request::render(declared, &facts, Reveal::Hidden, fresh.path());
        if shown.as_ref() != Ok(&action.request) {
            let why = "its request would be another than the one planned";
            return Ok((Outcome::Moved, why.to_owned()));
        }
        let reveal = Reveal::From(self.world.secrets);
        let request = match request::render(declared, &facts, reveal, fresh.path()) {
            Ok(request) => request,
            Err(error) => return Ok((Outcome::Failed, error.to_string())),
        };
        let context = json!({
            "log": instance.log, "saga": facts.get("saga"), "step": facts.get("step"),
            "key": action.key, "reason": self.permit.reason(), "data": facts.get("data"),
            "events": facts.get("events"),
        });
        if !self.paced() {
            return Ok((Outcome::NotReached, String::new()));
        }
        let tries = i64::from(declared.attempts);
        let most = declared.timeout.as_nanos().saturating_mul(tries);
        let most = Span::from_nanos(most.saturating_add(SLACK.as_nanos().saturating_mul(tries)));
        if let Some(holder) = self.take(instance, most)? {
            return Ok((Outcome::Skipped, holder));
        }
        let now = self.world.clock.now();
        let intent = self
            .journal
            .intend(self.permit, apply, instance, action, now)?;
        let order = Order {
            action: declared,
            planned: action,
            instance,
            request: &request,
            context: &context,
            secrets: self.world.secrets,
        };
        let (ended, attempts, answer) = action::drive(self.permit, order, self.stops);
        let now = self.world.clock.now();
        let result = (ended, attempts, answer.as_str());
        if let Err(error) = self.journal.conclude(self.permit, intent, result, now) {
            let why = format!("sent, but the journal does not know what came of it: {answer}");
            let item = Item::new(instance, action, Outcome::Unknown, why);
            self.items.push(item);
            return Err(error.into());
        }
        let outcome = match ended {
            Done::Done => Outcome::Done,
            Done::Failed => Outcome::Failed,
            Done::Unknown => Outcome::Unknown,
        };
        Ok((outcome, answer))
    }

    /// Waits for the next action's turn; answers whether it came.
    fn paced(&mut self) -> bool {
        let since = self.last.map(|last| last.elapsed());
        let rest = since.map(|since| self.pace.every.saturating_sub(since));
        let waited = rest.is_none_or(|rest| action::waited(rest, self.stops));
        self.last = Some(Instant::now());
        waited
    }
}
