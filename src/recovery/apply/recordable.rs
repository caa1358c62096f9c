//! The logs that a plan appends events to, and whether they take them.

use std::collections::BTreeSet;
use std::path::Path;

use crate::definition::log::LogDefinition;
use crate::event::Position;
use crate::inspect::TOOL;
use crate::recovery::apply::World;
use crate::recovery::document::PlanV1;
use crate::recovery::permit::Permit;
use crate::recovery::record::{self, Entry, RecordError, Versions};
use crate::recovery::refused::Refused;

/// Whether the logs could take the events of a plan, as far as their schemas tell.
pub(super) fn check(plan: &PlanV1, world: World<'_>) -> Result<(), Refused> {
    each(plan, world, |_, log, path| record::check(log, path))
}

/// Whether they take them: each is tried, and taken back.
pub(super) fn rehearse(
    plan: &PlanV1,
    world: World<'_>,
    permit: &Permit,
    versions: &Versions<'_>,
) -> Result<(), Refused> {
    each(plan, world, |name, log, path| {
        let own = plan.instances.iter().filter(|one| one.log == name);
        let entries = own.flat_map(|instance| {
            let kinds = instance.actions.iter();
            let kinds = kinds.filter_map(|action| Some((action, action.appends.as_deref()?)));
            kinds.map(|(action, kind)| Entry {
                kind,
                key: &action.key,
                beside: Position(instance.last_position),
                at: world.clock.now(),
                tool: TOOL,
                plan: &plan.digest,
            })
        });
        match record::rehearse(permit, log, path, entries, versions) {
            // Nothing was sent, and nothing will be.
            Err(RecordError::Interrupted) => Ok(()),
            tried => tried,
        }
    })
}

/// Asks of each log that the plan appends to.
fn each(
    plan: &PlanV1,
    world: World<'_>,
    ask: impl Fn(&str, &LogDefinition, &Path) -> Result<(), RecordError>,
) -> Result<(), Refused> {
    let appending = plan.instances.iter().filter(|instance| {
        let mut actions = instance.actions.iter();
        actions.any(|action| action.appends.is_some())
    });
    let names: BTreeSet<&str> = appending.map(|instance| &*instance.log).collect();
    for name in names {
        let mut scopes = world.definitions.scopes.iter();
        let log = scopes.find_map(|scope| scope.log.as_ref().filter(|log| *log.name == *name));
        let found = log.and_then(|log| {
            let path = world.options.log.as_ref().or(log.database.as_ref())?;
            Some((log, path))
        });
        let asked = match found {
            Some((log, path)) => ask(name, log, path),
            None => Err(RecordError::Undeclared),
        };
        asked.map_err(|error| Refused::Unrecordable(name.to_owned(), error))?;
    }
    Ok(())
}
