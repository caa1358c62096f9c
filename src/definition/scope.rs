//! Which definitions are judged together: those of a log's folder and of the folders below it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::definition::Scope;
use crate::definition::document::{Declared, Thing};
use crate::definition::fault::{self, Fault, Place};
use crate::definition::log::LogDefinition;
use crate::definition::projection::Projection;
use crate::definition::saga::Saga;
use crate::definition::settings::Settings;
use crate::suggest::did_you_mean;

/// A declaration and the folder of its file, links resolved.
#[derive(Debug)]
pub(crate) struct Located {
    /// The folder.
    pub(crate) folder: PathBuf,
    /// What is declared.
    pub(crate) declared: Declared,
}

/// A scope in the making; the key is the log's folder, or `None` where no log is above.
#[derive(Default)]
struct Draft {
    log: Option<LogDefinition>,
    log_place: Option<Place>,
    sagas: Vec<Arc<Saga>>,
    /// Every saga's name, also of those too faulty to use, with its first place.
    names: BTreeMap<Arc<str>, Place>,
    projections: Vec<Arc<Projection>>,
    /// The same of projections.
    projection_names: BTreeMap<Arc<str>, Place>,
    settings: Settings,
}

/// Puts declarations, in file order, into scopes; what clashes is a fault. Lints that settings
/// switch off or weigh otherwise are changed in `faults`.
pub(crate) fn assemble(all: Vec<Located>, faults: &mut Vec<Fault>) -> Vec<Scope> {
    let mut drafts: BTreeMap<Option<PathBuf>, Draft> = BTreeMap::new();
    let mut sagas = Vec::new();
    let mut projections = Vec::new();
    let mut settings = Vec::new();
    for Located {
        folder,
        declared: Declared { thing, name, place },
    } in all
    {
        match thing {
            Thing::Log(log) => {
                let draft = drafts.entry(Some(folder)).or_default();
                match &draft.log_place {
                    Some(first) => faults.push(second_log(place, first)),
                    None => {
                        draft.log = log;
                        draft.log_place = Some(place);
                    }
                }
            }
            Thing::Saga(saga) => sagas.push((folder, name, place, saga)),
            Thing::Projection(projection) => projections.push((folder, name, place, projection)),
            Thing::Settings(Some(some)) => settings.push((folder, place, some)),
            Thing::Settings(None) => {}
        }
    }
    let logs: Vec<PathBuf> = drafts.keys().flatten().cloned().collect();
    let scope_of = |folder: &Path| {
        folder
            .ancestors()
            .find(|above| logs.iter().any(|log| log == above))
            .map(Path::to_owned)
    };
    for (folder, name, place, saga) in sagas {
        let draft = drafts.entry(scope_of(&folder)).or_default();
        if let Some(name) = name {
            claim("sagas", name, place, &mut draft.names, faults);
        }
        draft.sagas.extend(saga.map(Arc::new));
    }
    for (folder, name, place, projection) in projections {
        let draft = drafts.entry(scope_of(&folder)).or_default();
        if let Some(name) = name {
            claim(
                "projections",
                name,
                place,
                &mut draft.projection_names,
                faults,
            );
        }
        draft.projections.extend(projection.map(Arc::new));
    }
    if drafts.is_empty() && !settings.is_empty() {
        drafts.insert(None, Draft::default());
    }
    settings.sort_by_key(|(folder, ..)| folder.components().count());
    for (key, draft) in &mut drafts {
        for (folder, _, one) in &settings {
            let above = key.as_ref().is_some_and(|log| log.starts_with(folder));
            if above || scope_of(folder) == *key {
                merge(&mut draft.settings, one);
            }
        }
        unknown_sagas(draft, faults);
    }
    weigh_lints(&drafts, faults);
    drafts
        .into_values()
        .map(
            |Draft {
                 log,
                 sagas,
                 projections,
                 settings,
                 ..
             }| Scope {
                log,
                sagas,
                projections,
                settings,
            },
        )
        .collect()
}

/// What the inner settings say wins; accepted findings add up.
fn merge(outer: &mut Settings, inner: &Settings) {
    outer.as_of = inner.as_of.or(outer.as_of);
    outer.fail_on = inner.fail_on.or(outer.fail_on);
    outer.rules.extend(&inner.rules);
    outer.allow.extend(inner.allow.iter().cloned());
}

fn second_log(place: Place, first: &Place) -> Fault {
    let message = "a folder has one log: its definitions would not know which is theirs";
    Fault::fatal(fault::DUPLICATE_NAME, place, message)
        .label("a second log")
        .help(format!(
            "{} declares the first: move one to a folder of its own",
            position(first)
        ))
}

/// Gives a thing its name; a fault where one of its kind has that already.
fn claim(
    kind: &str,
    name: Arc<str>,
    place: Place,
    names: &mut BTreeMap<Arc<str>, Place>,
    faults: &mut Vec<Fault>,
) {
    match names.get(&name) {
        Some(first) => faults.push(
            Fault::fatal(
                fault::DUPLICATE_NAME,
                place,
                format!("two {kind} of one log are called `{name}`"),
            )
            .label("the second one")
            .help(format!("the first is at {}", position(first))),
        ),
        None => {
            names.insert(name, place);
        }
    }
}

fn position(place: &Place) -> String {
    format!("{}:{}", place.file.display(), place.line)
}

fn unknown_sagas(draft: &Draft, faults: &mut Vec<Fault>) {
    for claims in draft.log.iter().flat_map(|log| &log.claims) {
        if draft.names.contains_key(&claims.saga) {
            continue;
        }
        let names = draft.names.keys().map(|name| &**name);
        let message = format!("no saga of this log is called `{}`", claims.saga);
        faults.push(
            Fault::fatal(fault::UNKNOWN_SAGA, claims.place.clone(), message)
                .label("claims about it cannot be compared")
                .help(did_you_mean(&claims.saga, names.collect::<Vec<_>>())),
        );
    }
}

/// A lint belongs to the scope whose definitions its file holds.
fn weigh_lints(drafts: &BTreeMap<Option<PathBuf>, Draft>, faults: &mut Vec<Fault>) {
    let of_file: BTreeMap<&Path, &Settings> = drafts
        .values()
        .flat_map(|draft| {
            let sagas = draft.sagas.iter().map(|saga| &saga.place);
            let projections = draft.projections.iter().map(|projection| &projection.place);
            sagas
                .chain(projections)
                .map(|place| (place.file.as_path(), &draft.settings))
        })
        .collect();
    faults.retain_mut(|fault| {
        let Some(place) = fault.place.as_ref().filter(|_| !fault.fatal) else {
            return true;
        };
        let settings = of_file.get(place.file.as_path());
        match settings.and_then(|settings| settings.rules.get(fault.rule)) {
            Some(Some(severity)) => {
                fault.severity = *severity;
                true
            }
            Some(None) => false,
            None => true,
        }
    });
}
