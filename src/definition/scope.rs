//! Which definitions are judged together: those of a log's folder and of the folders below it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::definition::Scope;
use crate::definition::document::{Declared, Thing};
use crate::definition::fault::{self, Fault, Place};
use crate::definition::idempotency::Idempotency;
use crate::definition::saga::StepSet;
use crate::definition::settings::Settings;
use crate::definition::validate;
use crate::definition::validate::states::Known;
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
    scope: Scope,
    log_place: Option<Place>,
    /// What each name stands for, also where that is too faulty to use, with its first place.
    names: BTreeMap<(&'static str, Arc<str>), Place>,
}

/// Puts declarations, in file order, into scopes; what clashes is a fault. Lints that settings
/// switch off or weigh otherwise are changed in `faults`.
pub(crate) fn assemble(all: Vec<Located>, faults: &mut Vec<Fault>) -> Vec<Scope> {
    let mut drafts: BTreeMap<Option<PathBuf>, Draft> = BTreeMap::new();
    let mut others = Vec::new();
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
                        draft.scope.log = log;
                        draft.log_place = Some(place);
                    }
                }
            }
            Thing::Settings(Some(some)) => settings.push((folder, place, some)),
            Thing::Settings(None) => {}
            other => others.push((folder, name, place, other)),
        }
    }
    let logs: Vec<PathBuf> = drafts.keys().flatten().cloned().collect();
    let scope_of = |folder: &Path| {
        folder
            .ancestors()
            .find(|above| logs.iter().any(|log| log == above))
            .map(Path::to_owned)
    };
    for (folder, name, place, thing) in others {
        let draft = drafts.entry(scope_of(&folder)).or_default();
        if let Some(name) = name {
            draft.claim(thing.plural(), name, place, faults);
        }
        draft.add(thing);
    }
    if drafts.is_empty() && !settings.is_empty() {
        drafts.insert(None, Draft::default());
    }
    settings.sort_by_key(|(folder, ..)| folder.components().count());
    for (key, draft) in &mut drafts {
        for (folder, _, one) in &settings {
            let above = key.as_ref().is_some_and(|log| log.starts_with(folder));
            if above || scope_of(folder) == *key {
                merge(&mut draft.scope.settings, one);
            }
        }
        unknown_sagas(draft, faults);
        unknown_projections(draft, faults);
        if let Some(log) = &draft.scope.log {
            for saga in &draft.scope.sagas {
                validate::record::check_log(saga, log, faults);
            }
        }
        join_keys(&mut draft.scope);
        validate::idempotency::horizon(&draft.scope, faults);
        validate::unmapped::check(&draft.scope, faults);
    }
    weigh_lints(&drafts, faults);
    tell_apart(&mut drafts);
    drafts.into_values().map(|draft| draft.scope).collect()
}

impl Draft {
    /// Gives a thing its name; a fault where one of its kind has that already.
    fn claim(
        &mut self,
        plural: &'static str,
        name: Arc<str>,
        place: Place,
        faults: &mut Vec<Fault>,
    ) {
        match self.names.get(&(plural, Arc::clone(&name))) {
            Some(first) => faults.push(
                Fault::fatal(
                    fault::DUPLICATE_NAME,
                    place,
                    format!("two {plural} of one log are called `{name}`"),
                )
                .label("the second one")
                .help(format!("the first is at {}", position(first))),
            ),
            None => {
                self.names.insert((plural, name), place);
            }
        }
    }

    /// The names of one kind.
    fn named(&self, plural: &str) -> Vec<&str> {
        let own = self.names.keys().filter(|(kind, _)| *kind == plural);
        own.map(|(_, name)| &**name).collect()
    }

    fn add(&mut self, thing: Thing) {
        let scope = &mut self.scope;
        match thing {
            Thing::Saga(one) => scope.sagas.extend(one),
            Thing::Projection(one) => scope.projections.extend(one),
            Thing::Invariant(one) => scope.invariants.extend(one),
            Thing::Requirement(one) => scope.requirements.extend(one),
            Thing::Reaction(one) => scope.reactions.extend(one),
            Thing::Idempotency(one) => scope.idempotency.extend(one),
            Thing::Transaction(one) => scope.transactions.extend(one),
            Thing::Log(_) | Thing::Settings(_) => {}
        }
    }
}

/// Tells logs of one name by their folders, whose part in common may be another on each machine.
fn tell_apart(drafts: &mut BTreeMap<Option<PathBuf>, Draft>) {
    let mut folders: BTreeMap<Arc<str>, Vec<&Path>> = BTreeMap::new();
    for (folder, draft) in &*drafts {
        if let (Some(folder), Some(log)) = (folder, &draft.scope.log) {
            let own = folders.entry(Arc::clone(&log.name)).or_default();
            own.push(folder);
        }
    }
    let common = |folders: Vec<&Path>| {
        let [first, .., last] = folders.as_slice() else {
            return None;
        };
        // They are in order, so that what the first and the last begin with all of them do.
        let pairs = first.components().zip(last.components());
        let shared = pairs.take_while(|(one, other)| one == other);
        Some(shared.map(|(one, _)| one).collect::<PathBuf>())
    };
    let folders = folders.into_iter();
    let common: BTreeMap<Arc<str>, PathBuf> = folders
        .filter_map(|(name, own)| Some((name, common(own)?)))
        .collect();
    for (folder, draft) in drafts {
        if let (Some(folder), Some(log)) = (folder, &mut draft.scope.log)
            && let Some(common) = common.get(&log.name)
            && let Ok(own) = folder.strip_prefix(common)
        {
            let names = own.iter().map(|name| name.to_string_lossy());
            let names: Vec<_> = names.collect();
            let apart = if names.is_empty() {
                ".".to_owned()
            } else {
                names.join("/")
            };
            log.apart = Some(apart.into());
        }
    }
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

/// Tells each saga which of its steps carry the keys of an idempotency rule.
fn join_keys(scope: &mut Scope) {
    // Whether a condition holds of a step's event is not known of an instance.
    let own = |rule: &&Arc<Idempotency>| rule.key.is_none();
    let rules: Vec<&Arc<Idempotency>> = scope.idempotency.iter().filter(own).collect();
    for saga in &mut scope.sagas {
        let those_of = |is_wanted: fn(&Idempotency) -> bool| -> StepSet {
            let speaks_of = |kind: &str| {
                let mut own = rules.iter().filter(|rule| is_wanted(rule));
                own.any(|rule| rule.always_concerns(kind))
            };
            let steps = saga.steps.iter().enumerate();
            let own = steps.filter(|(_, step)| {
                let mut events = step.begins.iter().chain(&step.succeeds);
                events.any(|event| speaks_of(&event.kind))
            });
            own.map(|(index, _)| index).collect()
        };
        let (keyed, must_have_key) = (those_of(|_| true), those_of(|rule| rule.required));
        if !keyed.is_empty() {
            let saga = Arc::make_mut(saga);
            saga.keyed = keyed;
            saga.must_have_key = must_have_key;
        }
    }
}

fn position(place: &Place) -> String {
    format!("{}:{}", place.file.display(), place.line)
}

fn unknown_sagas(draft: &Draft, faults: &mut Vec<Fault>) {
    let names = draft.named(Thing::Saga(None).plural());
    for claims in draft.scope.log.iter().flat_map(|log| &log.claims) {
        if names.contains(&&*claims.saga) {
            continue;
        }
        let message = format!("no saga of this log is called `{}`", claims.saga);
        faults.push(
            Fault::fatal(fault::UNKNOWN_SAGA, claims.place.clone(), message)
                .label("claims about it cannot be compared")
                .help(did_you_mean(&claims.saga, names.iter().copied())),
        );
    }
}

fn unknown_projections(draft: &Draft, faults: &mut Vec<Fault>) {
    let names = draft.named(Thing::Projection(None).plural());
    let known = Known {
        projections: &draft.scope.projections,
        named: &names,
    };
    for requirement in &draft.scope.requirements {
        validate::requirement::bind(requirement, known, faults);
    }
    for invariant in &draft.scope.invariants {
        validate::invariant::bind(invariant, known, faults);
    }
}

/// A lint belongs to the scope whose definitions its file holds.
fn weigh_lints(drafts: &BTreeMap<Option<PathBuf>, Draft>, faults: &mut Vec<Fault>) {
    let of_file: BTreeMap<&Path, &Settings> = drafts
        .values()
        .flat_map(|draft| {
            let files = draft.names.values().map(|place| place.file.as_path());
            files.map(|file| (file, &draft.scope.settings))
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
