//! A plan put into action: each instance is read again just before each of its actions, each action
//! is in the journal before it starts, and what fails stops its instance and no other.
//!
//! Several drivers may work side by side, each on an instance of its own; within an instance there
//! is one action at a time.

mod decide;
mod driver;
pub(super) mod fresh;
mod recordable;
mod shared;

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::thread;
use std::time::Duration;

use crate::brief;
use crate::definition::Definitions;
use crate::expression::template::Secrets;
use crate::finding::Direction;
use crate::inspect::{Options, RunError, Whereabouts};
use crate::recovery::clock::Clock;
use crate::recovery::document::{InstanceV1, PlanV1};
use crate::recovery::item::{Item, Outcome};
use crate::recovery::journal::{Journal, JournalError, Owner};
use crate::recovery::permit::Permit;
use crate::recovery::plan;
use crate::recovery::record::Versions;
use crate::recovery::refused::Refused;
use crate::recovery::watch::Watch;
use decide::Decided;
use driver::Driver;
use fresh::{Fresh, Moved, Source};
use shared::Shared;

/// How to apply.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Stop after so many failures.
    pub stop_after: Option<usize>,
    /// At least this long from the start of one action to the next, whoever drives.
    pub every: Duration,
    /// How many instances are driven side by side.
    pub drivers: NonZeroUsize,
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
    /// What instances are read from.
    const fn source(self, whereabouts: &'a Whereabouts) -> Source<'a> {
        Source {
            definitions: self.definitions,
            options: self.options,
            whereabouts,
        }
    }
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
    /// A log does not take the events that the plan appends to it.
    #[error(transparent)]
    Unrecordable(Refused),
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

/// Whether a plan fits the definitions and the logs.
///
/// # Errors
/// See [`Refused`].
pub fn check(plan: &PlanV1, world: World<'_>) -> Result<(), Refused> {
    if plan.definitions != world.definitions.hash {
        return Err(Refused::Stale);
    }
    recordable::check(plan, world)
}

/// Whether the environment has every secret that a plan needs. A dry run goes on without.
///
/// # Errors
/// [`Refused::NoSecret`].
pub fn furnished(plan: &PlanV1, world: World<'_>) -> Result<(), Refused> {
    let needed = secrets(world.definitions, plan).into_iter();
    let missing = needed.filter(|name| !world.secrets.contains_key(name));
    let missing: Vec<String> = missing.collect();
    match missing.is_empty() {
        true => Ok(()),
        false => Err(Refused::NoSecret(missing)),
    }
}

/// Whether nothing in the log may be what a plan does again; a dry run goes on all the same.
///
/// # Errors
/// [`Refused::Unread`].
pub fn accounted_for(plan: &PlanV1) -> Result<(), Refused> {
    let doubtful = plan.instances.iter();
    let mut doubtful = doubtful.filter_map(|one| Some((one, one.unread?)));
    let Some((first, unread)) = doubtful.next() else {
        return Ok(());
    };
    let instance = format!("{} of {}", first.id, first.saga);
    let others = match doubtful.count() {
        0 => String::new(),
        others => {
            let others = brief::count(others as u64, "other instance", "other instances");
            format!("; the same goes for {others}")
        }
    };
    Err(Refused::Unread {
        rows: unread.in_words(),
        instance,
        others,
    })
}

/// Whether a plan was not begun before, or is to be finished.
///
/// # Errors
/// See [`Refused`].
pub fn admit(plan: &PlanV1, journal: &Journal, resume: bool) -> Result<(), Refused> {
    match journal.begun(&plan.digest)? {
        Some(at) if !resume => Err(Refused::Begun(at)),
        _ => Ok(()),
    }
}

/// What would not be sent now, and what would become of it instead; nothing is sent. All else would
/// be, as it stands in the plan.
///
/// # Errors
/// When the log or the journal cannot be read.
pub fn rehearse(
    plan: &PlanV1,
    world: World<'_>,
    journal: Option<&Journal>,
    watch: Watch<'_>,
) -> Result<Vec<Item>, Stopped> {
    let mut items = Vec::new();
    let whereabouts = whereabouts(plan);
    for (seen, instance) in plan.instances.iter().enumerate() {
        watch.looked(seen, plan.instances.len());
        let source = world.source(&whereabouts);
        let fresh = Fresh::read(plan, instance, source, &|_| watch.go())?;
        items.extend(rehearsed(plan, instance, (world, fresh), journal)?);
    }
    Ok(items)
}

/// The same of one instance.
fn rehearsed(
    plan: &PlanV1,
    instance: &InstanceV1,
    (world, fresh): (World<'_>, Result<Fresh, Moved>),
    journal: Option<&Journal>,
) -> Result<Vec<Item>, Stopped> {
    let all = |outcome, why: &str| {
        let actions = instance.actions.iter();
        let items = actions.map(|action| Item::new(instance, action, outcome, why));
        Ok(items.collect())
    };
    let mut begun = Vec::new();
    if let Some(journal) = journal {
        if let Some(holder) = journal.holder(instance, world.owner, world.clock.now())? {
            return all(Outcome::Held, &holder.to_string());
        }
        begun = decide::begun(plan, instance, journal)?;
    }
    let fresh = match fresh.and_then(|fresh| fresh.unmoved(&begun, &instance.actions)) {
        Ok(fresh) => fresh,
        Err(Moved(why)) => return all(Outcome::Moved, &why),
    };
    let mut items = Vec::new();
    let mut is_stopped = false;
    for action in &instance.actions {
        let mut add = |outcome, why: &str| items.push(Item::new(instance, action, outcome, why));
        if is_stopped {
            add(Outcome::NotReached, "");
            continue;
        }
        let known = match journal {
            Some(journal) => journal.known(&action.key)?,
            None => None,
        };
        let told = (known, !begun.is_empty());
        if let Decided::Settled(outcome, why) = decide::decide(world, &fresh, action, told) {
            add(outcome, &why);
            is_stopped = outcome != Outcome::Done;
        }
    }
    Ok(items)
}

/// Where the instances of a plan stand, to be found out.
pub(super) fn whereabouts(plan: &PlanV1) -> Whereabouts {
    Whereabouts::new(plan.instances.iter().map(|instance| instance.id.clone()))
}

/// Applies a plan. Whether it shall stop is asked before each action; what runs is finished.
pub fn apply(
    plan: &PlanV1,
    world: World<'_>,
    journal: &Journal,
    permit: &Permit,
    pace: Pace,
    watch: Watch<'_>,
) -> Applied {
    let shared = Shared::new(plan.instances.len(), pace, watch);
    let whereabouts = whereabouts(plan);
    let source = world.source(&whereabouts);
    let ids = plan.instances.iter().map(|instance| instance.id.clone());
    let versions = Versions::new(ids, watch.stops);
    let mut reached = Vec::new();
    let mut stopped = None;
    let taken = recordable::rehearse(plan, world, permit, &versions);
    let begun = taken.map_err(Stopped::Unrecordable).and_then(|()| {
        let shared = (&shared, &versions);
        Ok(drivers(plan, (world, source), journal, permit, shared)?)
    });
    match begun {
        Ok(drivers) => thread::scope(|scope| {
            let running: Vec<_> = drivers
                .into_iter()
                .map(|driver| scope.spawn(|| driver.run()))
                .collect();
            for driver in running {
                // A panic is a fault of the program: it goes on its way, after the others ended.
                let (items, why) = driver.join().unwrap_or_else(|panic| resume_unwind(panic));
                reached.extend(items);
                stopped = stopped.take().or(why);
            }
        }),
        Err(error) => stopped = Some(error),
    }
    // A driver reaches the actions of an instance in their order, and stops at the first that is
    // not done.
    reached.sort_by_key(|(number, _)| *number);
    let mut reached = reached.into_iter().peekable();
    let mut items = Vec::new();
    for (number, instance) in plan.instances.iter().enumerate() {
        let before = items.len();
        while let Some((_, item)) = reached.next_if(|(of, _)| *of == number) {
            items.push(item);
        }
        let rest = instance.actions.iter().skip(items.len() - before);
        items.extend(rest.map(|action| Item::new(instance, action, Outcome::NotReached, "")));
    }
    Applied { items, stopped }
}

/// The drivers of an apply that begins, each with a connection of its own to the journal.
fn drivers<'a>(
    plan: &'a PlanV1,
    (world, source): (World<'a>, Source<'a>),
    journal: &Journal,
    permit: &'a Permit,
    (shared, versions): (&'a Shared<'a>, &'a Versions<'a>),
) -> Result<Vec<Driver<'a>>, JournalError> {
    let apply = journal.begin(permit, plan, world.clock.now())?;
    (0..shared.drivers())
        .map(|_| {
            Ok(Driver {
                plan,
                world,
                source,
                permit,
                shared,
                versions,
                apply,
                journal: journal.another(permit)?,
                items: Vec::new(),
            })
        })
        .collect()
}
