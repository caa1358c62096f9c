//! Which events concern which sagas: computed once per event type, looked up per row.

use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::definition::saga::{EventPattern, Saga};
use crate::expression::{Expression, Scope};
use crate::log::{BadRow, Fields};
use crate::saga::{Meaning, StepEvent};

/// What an event type may mean in one saga.
#[derive(Debug, Clone)]
pub struct Use {
    /// Index of the saga.
    pub saga: u16,
    /// Where the correlation value is; `None` is the log's correlation field.
    pub correlate: Option<Expression>,
    /// Narrows the events of the saga.
    pub narrow: Option<Expression>,
    /// In the order to try them; the first that holds counts.
    pub candidates: Vec<Candidate>,
}

impl Use {
    /// Whether neither instance nor meaning take an expression to tell.
    pub fn is_plain(&self) -> bool {
        self.correlate.is_none()
            && self.narrow.is_none()
            && matches!(self.candidates.as_slice(), [Candidate { when: None, .. }])
    }

    /// The meaning of an event: the first candidate whose condition holds.
    pub(super) fn meant(&self, scope: &Scope<'_>) -> Meant<'_> {
        let mut options = Vec::new();
        let mut doubt = None;
        let mut certain = None;
        for candidate in &self.candidates {
            match candidate
                .when
                .as_ref()
                .map_or(Ok(true), |when| when.holds(scope))
            {
                Ok(true) => {
                    certain = Some(candidate);
                    break;
                }
                Ok(false) => {}
                Err(undetermined) => {
                    options.push(Some(candidate));
                    doubt.get_or_insert(undetermined);
                }
            }
        }
        match (doubt, certain) {
            (None, Some(candidate)) => Meant::Certain(candidate),
            (None, None) => Meant::Nothing,
            (Some(doubt), certain) => {
                options.push(certain);
                Meant::Doubtful(options, doubt.to_string())
            }
        }
    }
}

impl<'c> Meant<'c> {
    /// The same of an event of which it cannot be told, for this reason, whether it counts at all.
    pub(super) fn or_nothing(self, reason: String) -> Meant<'c> {
        let mut options = match self {
            Meant::Nothing => return Meant::Nothing,
            Meant::Certain(candidate) => vec![Some(candidate)],
            Meant::Doubtful(options, _) => options,
        };
        if options.iter().all(Option::is_some) {
            options.push(None);
        }
        Meant::Doubtful(options, reason)
    }
}

/// What an event means in one saga, or may mean.
pub(super) enum Meant<'c> {
    /// This.
    Certain(&'c Candidate),
    /// Nothing: no condition holds.
    Nothing,
    /// One of these (`None` is nothing), and why that cannot be told.
    Doubtful(Vec<Option<&'c Candidate>>, String),
}

/// One meaning an event may have.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// It has it where this holds.
    pub when: Option<Expression>,
    /// The meaning.
    pub meaning: Meaning,
    /// What names the error of a failure.
    pub error: Option<Expression>,
}

/// What a row that a saga cannot judge may be to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Missed {
    /// Index of the saga.
    pub(super) saga: u16,
    /// The correlation value of its instance, where that can be told.
    pub(super) id: Option<String>,
    /// Everything that it may mean; `None` is nothing at all.
    pub(super) meanings: Vec<Option<Meaning>>,
}

/// Everything that definitions have to do with one event type.
#[derive(Debug, Clone, Default)]
pub struct Route {
    /// One entry per saga that knows the type.
    pub uses: Vec<Use>,
}

/// Finds the route of an event type.
#[derive(Debug, Clone)]
pub struct Router {
    sagas: Vec<Arc<Saga>>,
    /// By event type, the indices of the sagas that name it, ascending.
    named_by: HashMap<Arc<str>, Vec<u16>, FixedState>,
    /// The indices of the sagas with a namespace.
    spacious: Vec<u16>,
}

impl Router {
    /// A router over these sagas, whose indices the routes use.
    pub fn new(sagas: &[Arc<Saga>]) -> Router {
        let mut named_by: HashMap<Arc<str>, Vec<u16>, FixedState> = HashMap::default();
        for (index, saga) in (0_u16..).zip(sagas) {
            for kind in saga.types() {
                let known = named_by.entry(Arc::clone(kind)).or_default();
                if known.last() != Some(&index) {
                    known.push(index);
                }
            }
        }
        let spacious = (0_u16..).zip(sagas);
        let spacious = spacious.filter(|(_, saga)| !saga.namespace.is_empty());
        Router {
            named_by,
            spacious: spacious.map(|(index, _)| index).collect(),
            sagas: sagas.to_vec(),
        }
    }

    /// The saga with this index.
    pub fn saga(&self, index: u16) -> &Saga {
        &self.sagas[usize::from(index)]
    }

    /// The route of the type with this name.
    pub fn route(&self, kind: &str) -> Route {
        let named_by = self.named_by.get(kind).map_or(&[][..], Vec::as_slice);
        let mut known: Vec<u16> = named_by.iter().chain(&self.spacious).copied().collect();
        known.sort_unstable();
        known.dedup();
        let uses: Vec<Use> = known
            .into_iter()
            .filter_map(|index| {
                let saga = self.saga(index);
                let candidates = candidates(saga, kind);
                (!candidates.is_empty()).then(|| Use {
                    saga: index,
                    correlate: correlate(saga, kind).cloned(),
                    narrow: saga.narrow.clone(),
                    candidates,
                })
            })
            .collect();
        Route { uses }
    }

    /// Of which sagas a row that cannot be judged may be an event, of which instances, and what it may
    /// mean there. Events are put in order by the columns `orders_by`, too.
    pub(super) fn missed(
        &self,
        bad: &BadRow,
        kind: Option<&str>,
        orders_by: Fields,
    ) -> Vec<Missed> {
        let mut missed = Vec::new();
        for (index, saga) in (0_u16..).zip(&self.sagas) {
            if !bad.is_lost_to(fields_of(saga).with(orders_by)) {
                continue;
            }
            let mut narrow = saga.narrow.iter();
            if narrow.any(|narrow| bad.rules_out(narrow, kind)) {
                continue;
            }
            let meanings = may_mean(saga, bad, kind);
            if meanings.iter().all(Option::is_none) {
                continue;
            }
            let correlates: Vec<Option<&Expression>> = match kind {
                Some(kind) => vec![correlate(saga, kind)],
                None => {
                    let each = saga.correlate.by_type.values().map(Some);
                    each.chain([saga.correlate.default.as_ref()]).collect()
                }
            };
            let mut ids: Vec<Option<String>> = correlates
                .into_iter()
                .filter_map(|correlate| instance(bad, kind, correlate))
                .collect();
            ids.sort_unstable();
            ids.dedup();
            missed.extend(ids.into_iter().map(|id| Missed {
                saga: index,
                id,
                meanings: meanings.clone(),
            }));
        }
        missed
    }

    /// The parts of a row that routing and judging need, whatever the log maps.
    pub fn fields(&self) -> Fields {
        let own = Fields {
            time: true,
            key: true,
            ..Fields::default()
        };
        let each = self.sagas.iter().map(|saga| fields_of(saga));
        each.fold(own, Fields::with)
    }

    /// Of a route what concerns sagas that do not look at these columns.
    pub(super) fn without(&self, route: &Route, unread: Fields) -> Route {
        let looks_away = |one: &&Use| !fields_of(self.saga(one.saga)).meets(unread);
        Route {
            uses: route.uses.iter().filter(looks_away).cloned().collect(),
        }
    }

    /// Whether every saga finds its instances by the log's correlation field alone.
    pub fn uses_log_correlation(&self) -> bool {
        self.sagas
            .iter()
            .all(|saga| saga.correlate.default.is_none() && saga.correlate.by_type.is_empty())
    }
}

/// Every pattern of a saga with its meaning, in the order to try them.
fn patterns(saga: &Saga) -> impl Iterator<Item = (&EventPattern, Meaning)> {
    let terminals = [
        (&saga.starts, Meaning::Start),
        (&saga.completes, Meaning::Completes),
        (&saga.aborts, Meaning::Aborts),
        (&saga.compensated, Meaning::Compensated),
        (&saga.abandons, Meaning::Abandons),
    ];
    let steps = saga.steps.iter().enumerate().flat_map(|(index, step)| {
        let index = index as u8;
        let undo = step.compensation.iter().flat_map(move |undo| {
            [
                (&undo.begins, Meaning::Undo(index, StepEvent::Begin)),
                (&undo.succeeds, Meaning::Undo(index, StepEvent::Success)),
                (&undo.fails, Meaning::Undo(index, StepEvent::Failure)),
            ]
        });
        [
            (&step.begins, Meaning::Step(index, StepEvent::Begin)),
            (&step.succeeds, Meaning::Step(index, StepEvent::Success)),
            (&step.fails, Meaning::Step(index, StepEvent::Failure)),
            (&step.rejects, Meaning::Step(index, StepEvent::Rejection)),
        ]
        .into_iter()
        .chain(undo)
    });
    terminals
        .into_iter()
        .chain(steps)
        .flat_map(|(patterns, meaning)| patterns.iter().map(move |pattern| (pattern, meaning)))
}

/// The meanings of a type; those under a condition are tried before the one without.
fn candidates(saga: &Saga, kind: &str) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = patterns(saga)
        .filter(|(pattern, _)| &*pattern.kind == kind)
        .map(|(pattern, meaning)| Candidate {
            when: pattern.when.clone(),
            meaning,
            error: pattern.error.clone(),
        })
        .collect();
    found.sort_by_key(|candidate| candidate.when.is_none());
    if found.is_empty() && saga.namespace.iter().any(|glob| glob.matches(kind)) {
        found.push(Candidate {
            when: None,
            meaning: Meaning::Stray,
            error: None,
        });
    }
    found
}

/// Where events of a type have the correlation value of their instance; `None` is the log's
/// correlation field.
fn correlate<'s>(saga: &'s Saga, kind: &str) -> Option<&'s Expression> {
    let own = saga.correlate.by_type.get(kind);
    own.or(saga.correlate.default.as_ref())
}

/// Everything that a row which cannot be judged may mean in a saga, the most plausible first; `None`
/// is nothing at all.
fn may_mean(saga: &Saga, bad: &BadRow, kind: Option<&str>) -> Vec<Option<Meaning>> {
    let is_so = |condition: &Expression| bad.affirms(condition, kind);
    let is_inside = saga.narrow.as_ref().is_none_or(is_so);
    let Some(name) = kind else {
        let strays = (!saga.namespace.is_empty()).then_some(Meaning::Stray);
        let mut meanings: Vec<Meaning> = patterns(saga).map(|(_, meaning)| meaning).collect();
        meanings.dedup();
        let meanings = meanings.into_iter().chain(strays).map(Some);
        return std::iter::once(None).chain(meanings).collect();
    };
    let mut meanings = Vec::new();
    for Candidate { when, meaning, .. } in candidates(saga, name) {
        let is_ruled_out = |when: &Expression| bad.rules_out(when, kind);
        if when.as_ref().is_some_and(is_ruled_out) {
            continue;
        }
        meanings.push(Some(meaning));
        if when.as_ref().is_none_or(is_so) {
            meanings.extend((!is_inside).then_some(None));
            return meanings;
        }
    }
    meanings.push(None);
    meanings
}

/// The correlation value that a row which cannot be judged has there; `Some(None)` where that cannot
/// be told, and `None` where it has none.
fn instance(
    bad: &BadRow,
    kind: Option<&str>,
    correlate: Option<&Expression>,
) -> Option<Option<String>> {
    let Some(correlate) = correlate else {
        let is_unread = bad.rest.unread.correlation;
        return match &bad.correlation {
            Some(id) => Some(Some(id.clone())),
            None => is_unread.then_some(None),
        };
    };
    if !bad.tells(correlate, kind.is_some()) {
        return Some(None);
    }
    let scope = bad.scope(kind);
    match correlate.name(&scope) {
        Some(id) => Some(Some(id.into_owned())),
        None => (!correlate.names_nothing(&scope)).then_some(None),
    }
}

/// The parts of a row that one saga needs.
fn fields_of(saga: &Saga) -> Fields {
    let own = Fields {
        time: true,
        correlation: saga.correlate.default.is_none(),
        key: true,
        ..Fields::default()
    };
    own.with(Fields::of(saga_expressions(saga)))
}

fn saga_expressions(saga: &Saga) -> impl Iterator<Item = &Expression> {
    saga.correlate
        .default
        .iter()
        .chain(saga.correlate.by_type.values())
        .chain(&saga.narrow)
        .chain(patterns(saga).flat_map(|(pattern, _)| pattern.when.iter().chain(&pattern.error)))
}
