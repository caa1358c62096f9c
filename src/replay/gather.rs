//! What a pass keeps of the rows it sees.

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};
use serde::de::IgnoredAny;

use crate::definition::log::{LogDefinition, Order};
use crate::event::{Position, Timestamp};
use crate::expression::Scope;
use crate::json;
use crate::log::{BadRow, Row, TypeId};
use crate::replay::batch::{Batch, Item};
use crate::replay::gathered::{Gathered, Selection};
use crate::replay::horizon::Horizon;
use crate::replay::instances::{Doubt, Entry, Link};
use crate::replay::route::{Candidate, Meant, Route, Router, Use};
use crate::replay::streams::{StreamEvent, Streams};
use crate::saga::{Meaning, Moment, Names, Outcome, StepEvent};

/// Tells whether an instance is over and clean whatever the horizon, and how it ended.
pub type Settle<'a> = &'a mut dyn FnMut(&Names, &Entry, &str) -> Option<Outcome>;

/// Takes rows in and keeps what a pass is for.
pub struct Gatherer<'a> {
    definition: &'a LogDefinition,
    selection: Selection,
    until: Option<Timestamp>,
    only: Option<HashSet<u32, FixedState>>,
    about: Option<&'a [String]>,
    settle: Settle<'a>,
    routes: Vec<(Route, Arc<str>)>,
    ids: HashMap<u64, Position, FixedState>,
    youngest: Option<Timestamp>,
    horizon: Horizon,
    plain: Vec<Option<u32>>,
    hashes: Vec<Option<(u64, u16)>>,
    hasher: FixedState,
    gathered: Gathered,
}

impl std::fmt::Debug for Gatherer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gatherer")
            .field("selection", &self.selection)
            .finish_non_exhaustive()
    }
}

impl<'a> Gatherer<'a> {
    /// A gatherer for one pass over a log; rows later than `until` are left out.
    pub fn new(
        definition: &'a LogDefinition,
        selection: Selection,
        until: Option<Timestamp>,
        settle: Settle<'a>,
    ) -> Gatherer<'a> {
        Gatherer {
            definition,
            selection,
            until,
            only: None,
            about: None,
            settle,
            routes: Vec::new(),
            ids: HashMap::default(),
            youngest: None,
            horizon: Horizon::new(definition.future_tolerance),
            plain: Vec::new(),
            hashes: Vec::new(),
            hasher: FixedState::default(),
            gathered: Gathered {
                streams: match definition.order {
                    Order::Position => Streams::default(),
                    Order::Time { .. } => Streams::by_version(),
                },
                ..Gathered::default()
            },
        }
    }

    /// A gatherer that reads the reopened instances of an earlier pass again and adds to what that
    /// one learned of them, of nothing else.
    pub fn again(
        definition: &'a LogDefinition,
        until: Option<Timestamp>,
        settle: Settle<'a>,
        mut gathered: Gathered,
    ) -> Gatherer<'a> {
        let reopened: HashSet<u32, FixedState> = gathered.instances.reopened().collect();
        for at in &reopened {
            gathered.instances.reset(*at);
        }
        let selection = Selection {
            sagas: true,
            streams: false,
            ids: false,
            data: false,
        };
        Gatherer {
            only: Some(reopened),
            gathered,
            ..Gatherer::new(definition, selection, until, settle)
        }
    }

    /// Only the instances with these ids are wanted.
    pub fn about(self, ids: &'a [String]) -> Gatherer<'a> {
        Gatherer {
            about: (!ids.is_empty()).then_some(ids),
            ..self
        }
    }

    /// What the pass learned.
    pub fn finish(mut self) -> Gathered {
        if self.only.is_none() {
            (self.gathered.end, self.gathered.future) = self.horizon.settle();
        }
        self.gathered
    }

    /// Whether rows are wanted with their data, whatever their type.
    pub fn validates_data(&self) -> bool {
        self.selection.data
    }

    /// Takes a batch of rows in.
    pub(super) fn take(&mut self, batch: &Batch, router: &Router) {
        for (kind, name) in &batch.new_types {
            let kind = kind.0 as usize;
            if self.routes.len() <= kind {
                self.routes
                    .resize_with(kind + 1, || (Route::default(), Arc::from("")));
            }
            self.routes[kind] = (router.route(name), name.clone());
            if self.only.is_none() {
                self.gathered.types.push(name.clone());
            }
        }
        self.look_up(batch);
        let plain = std::mem::take(&mut self.plain);
        for (item, at) in batch.items().zip(&plain) {
            match item {
                Item::Row(row) => self.row(&row, *at, router),
                Item::Bad(bad) if self.only.is_none() => self.gathered.bad.push(bad.clone()),
                Item::Bad(_) => {}
            }
        }
        self.plain = plain;
    }

    /// Finds the entries of all rows that need no expression to be told their instance: first all
    /// hashes, then all look-ups, so that their waits for memory overlap.
    fn look_up(&mut self, batch: &Batch) {
        let Gatherer {
            routes,
            plain,
            hashes,
            gathered,
            selection,
            until,
            about,
            ..
        } = self;
        plain.clear();
        hashes.clear();
        if !selection.sagas || about.is_some() {
            plain.resize(batch.len(), None);
            return;
        }
        let saga_of = |kind: TypeId| match routes[kind.0 as usize].0.uses.as_slice() {
            [one] if one.is_plain() => Some(one.saga),
            _ => None,
        };
        hashes.extend(batch.keys().map(|key| {
            let (kind, time, id) = key?;
            let saga = saga_of(kind).filter(|_| until.is_none_or(|until| time <= until))?;
            Some((gathered.instances.hash(saga, id?), saga))
        }));
        plain.extend(batch.keys().zip(hashes.iter()).map(|(key, hash)| {
            let ((_, _, id), (hash, saga)) = (key?, (*hash)?);
            Some(gathered.instances.entry_hashed(hash, saga, id?))
        }));
    }

    fn row(&mut self, row: &Row<'_>, plain: Option<u32>, router: &Router) {
        if self.until.is_some_and(|until| row.time > until) {
            if self.only.is_none() {
                self.gathered.beyond += 1;
            }
            return;
        }
        if self.only.is_none() {
            self.note(row);
        }
        if !self.selection.sagas {
            return;
        }
        let routes = std::mem::take(&mut self.routes);
        let (route, name) = &routes[row.kind.0 as usize];
        match (plain, route.uses.as_slice()) {
            (Some(at), [one]) => {
                if let [candidate] = one.candidates.as_slice()
                    && self.is_wanted(at)
                {
                    self.certain(row, name, at, one.saga, candidate, router);
                }
            }
            (_, uses) => {
                for one in uses {
                    self.instance(row, name, one, router);
                }
            }
        }
        self.routes = routes;
    }

    /// What a row tells of the log, whatever sagas there are.
    fn note(&mut self, row: &Row<'_>) {
        let (route, name) = &self.routes[row.kind.0 as usize];
        let gathered = &mut self.gathered;
        gathered.events += 1;
        gathered.matched += u64::from(!route.uses.is_empty());
        gathered.positions = Some((
            gathered.positions.map_or(row.position, |(first, _)| first),
            row.position,
        ));
        self.horizon.push(row.position, row.time);
        if let Order::Time { lateness, .. } = self.definition.order {
            let youngest = self
                .youngest
                .map_or(row.time, |youngest| youngest.max(row.time));
            if row.time.after(lateness) < youngest {
                gathered
                    .too_late
                    .push((row.position, row.time, youngest.since(row.time)));
            }
            self.youngest = Some(youngest);
        }
        if let (true, Some(stream)) = (self.selection.streams, row.stream) {
            let is_tombstone = self.definition.tombstones.contains(name);
            gathered.streams.push(StreamEvent {
                stream,
                version: row.version,
                position: row.position,
                time: row.time,
                is_tombstone,
            });
        }
        if let (true, Some(id)) = (self.selection.ids, row.id) {
            gathered.with_id += 1;
            let hash = self.hasher.hash_one(id);
            match self.ids.get(&hash) {
                Some(first) => gathered.same_id.push((*first, row.position)),
                None => {
                    self.ids.insert(hash, row.position);
                }
            }
        }
        if let (true, Some(data)) = (self.selection.data, row.data)
            && let Err(error) = serde_json::from_slice::<IgnoredAny>(data)
        {
            gathered.bad.push(BadRow {
                position: Some(row.position),
                reason: format!("data is not JSON ({error}): `{}`", excerpt(data)),
            });
        }
    }

    fn instance(&mut self, row: &Row<'_>, name: &str, one: &Use, router: &Router) {
        let scope = scope(row, name);
        let computed;
        let text;
        let id = match &one.correlate {
            None => row.correlation,
            Some(expression) => {
                computed = expression.evaluate(&scope).ok();
                text = computed.as_ref().and_then(json::text);
                text.as_deref()
            }
        };
        let inside = one
            .narrow
            .as_ref()
            .map_or(Ok(true), |narrow| narrow.holds(&scope));
        let id = match (id, inside) {
            (_, Ok(false)) => return,
            (Some(id), Ok(true)) => id,
            (None, _) | (_, Err(_)) => {
                if self.only.is_none() {
                    self.gathered.unattributed += 1;
                }
                return;
            }
        };
        match one.meant(&scope) {
            Meant::Nothing => {}
            Meant::Certain(candidate) => {
                if let Some(at) = self.wanted(one.saga, id) {
                    self.certain(row, name, at, one.saga, candidate, router);
                }
            }
            Meant::Doubtful(candidates, reason) => {
                let Some(at) = self.wanted(one.saga, id) else {
                    return;
                };
                let Some(first) = candidates.iter().flatten().next() else {
                    return;
                };
                let moment = self.moment(row, name, first);
                let options = candidates
                    .iter()
                    .map(|option| option.map(|one| one.meaning))
                    .collect();
                let link = self.link(row);
                let doubts = &mut self.gathered.instances.doubts;
                doubts.entry(at).or_default().push(Doubt {
                    moment,
                    link,
                    options,
                    reason,
                });
            }
        }
    }

    /// Adds an event whose instance and meaning are certain.
    fn certain(
        &mut self,
        row: &Row<'_>,
        name: &str,
        at: u32,
        saga: u16,
        candidate: &Candidate,
        router: &Router,
    ) {
        let moment = self.moment(row, name, candidate);
        if !self.gathered.instances.push(at, moment) {
            return;
        }
        if self.definition.order != Order::Position {
            let link = self.link(row);
            self.gathered
                .instances
                .links
                .entry(at)
                .or_default()
                .push(link);
        } else if may_end(router, saga, candidate.meaning) {
            self.try_to_settle(at);
        }
    }

    fn is_wanted(&self, at: u32) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(&at))
    }

    /// The entry of an instance, unless this pass is not about it.
    fn wanted(&mut self, saga: u16, id: &str) -> Option<u32> {
        if self
            .about
            .is_some_and(|ids| !ids.iter().any(|wanted| wanted == id))
        {
            return None;
        }
        let at = self.gathered.instances.entry(saga, id);
        self.is_wanted(at).then_some(at)
    }

    fn moment(&mut self, row: &Row<'_>, name: &str, candidate: &Candidate) -> Moment {
        let names = &mut self.gathered.names;
        let detail = match candidate.meaning {
            Meaning::Stray => names.intern(name),
            Meaning::Step(_, StepEvent::Failure) | Meaning::Undo(_, StepEvent::Failure) => {
                let error = candidate
                    .error
                    .as_ref()
                    .and_then(|error| error.evaluate(&scope(row, name)).ok());
                match error.as_ref().and_then(json::text) {
                    Some(error) => names.intern(&error),
                    None => names.intern(name),
                }
            }
            _ => 0,
        };
        Moment {
            position: row.position,
            time: row.time,
            key: self.hash(row.key),
            detail,
            meaning: candidate.meaning,
        }
    }

    fn link(&self, row: &Row<'_>) -> Link {
        Link {
            stream: self.hash(row.stream),
            version: row.version.unwrap_or(i64::MIN),
            id: self.hash(row.id),
            cause: self.hash(row.causation),
        }
    }

    fn try_to_settle(&mut self, at: u32) {
        let instances = &self.gathered.instances;
        if instances.doubts.contains_key(&at) {
            return;
        }
        let ended = (self.settle)(&self.gathered.names, instances.get(at), instances.id(at));
        if let Some(outcome) = ended {
            self.gathered.instances.settle(at, outcome);
        }
    }

    fn hash(&self, text: Option<&str>) -> u64 {
        text.map_or(0, |text| self.hasher.hash_one(text) | 1)
    }
}

/// Whether an event with this meaning may be the one that ends its instance.
fn may_end(router: &Router, saga: u16, meaning: Meaning) -> bool {
    match meaning {
        Meaning::Completes | Meaning::Compensated => true,
        Meaning::Undo(_, StepEvent::Success) | Meaning::Step(_, StepEvent::Rejection) => {
            router.saga(saga).compensated.is_empty()
        }
        Meaning::Step(_, StepEvent::Success) => router.saga(saga).completes.is_empty(),
        _ => false,
    }
}

fn scope<'r>(row: &Row<'r>, kind: &'r str) -> Scope<'r> {
    Scope {
        position: row.position,
        kind,
        time: Some(row.time),
        stream: row.stream,
        version: row.version,
        id: row.id,
        correlation: row.correlation,
        causation: row.causation,
        key: row.key,
        data: row.data,
        metadata: row.metadata,
    }
}

/// The beginning of a text that may be anything.
fn excerpt(bytes: &[u8]) -> String {
    const SHOWN: usize = 80;
    let cut = &bytes[..bytes.len().min(SHOWN)];
    let text = String::from_utf8_lossy(cut);
    if bytes.len() > SHOWN {
        format!("{text}… ({} bytes)", bytes.len())
    } else {
        text.into_owned()
    }
}
