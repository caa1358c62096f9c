//! What a pass keeps of the notes that readers made, taken in the log's order.

use foldhash::fast::FixedState;
use hashbrown::HashSet;

use crate::definition::log::{LogDefinition, Order};
use crate::isolation::{Act, Completes, Deed};
use crate::replay::batch::{Batch, Stray};
use crate::replay::families::Ledgers;
use crate::replay::gathered::Gathered;
use crate::replay::horizon::Horizon;
use crate::replay::instances::Entry;
use crate::replay::memory::Limit;
use crate::replay::pass::Continue;
use crate::replay::route::Router;
use crate::replay::streams::{StreamEvent, Streams};
use crate::saga::{Instance, Meaning, Moment, Names, Outcome, StepEvent};
use crate::texts::Text;

/// Tells whether an instance is over and clean whatever the horizon, and how it ended.
pub type Settle<'a> = &'a mut dyn FnMut(&Names, &Entry, &str) -> Option<Outcome>;

/// Takes notes in and keeps what a pass is for.
pub struct Gatherer<'a> {
    only: Option<HashSet<u32, FixedState>>,
    settle: Settle<'a>,
    /// `None` where it is known from an earlier pass.
    horizon: Option<Horizon>,
    limit: Option<Limit>,
    rows: u64,
    entries: Vec<u32>,
    deeds: Vec<Deed>,
    /// The ids in the rows that are being taken, with the numbers of their instances.
    named: Vec<(Text, u32)>,
    /// For a look at one of which that takes all its events.
    instance: Instance,
    gathered: Gathered,
}

impl std::fmt::Debug for Gatherer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gatherer")
            .field("gathered", &self.gathered)
            .finish_non_exhaustive()
    }
}

impl<'a> Gatherer<'a> {
    /// A gatherer for one pass over a log.
    pub fn new(
        definition: &'a LogDefinition,
        ledgers: Ledgers,
        settle: Settle<'a>,
    ) -> Gatherer<'a> {
        Gatherer {
            only: None,
            settle,
            horizon: Some(
                Horizon::new(definition.future_tolerance)
                    .with_lateness(definition.order.lateness()),
            ),
            limit: None,
            rows: 0,
            entries: Vec::new(),
            deeds: Vec::new(),
            named: Vec::new(),
            instance: Instance::default(),
            gathered: Gathered {
                streams: match definition.order {
                    Order::Position => Streams::default(),
                    Order::Time { .. } => Streams::by_version(),
                },
                ledgers,
                ..Gathered::default()
            },
        }
    }

    /// A gatherer for the reopened instances of an earlier pass, read again; it adds to what that
    /// one learned of them, of nothing else.
    pub fn again(
        definition: &'a LogDefinition,
        settle: Settle<'a>,
        mut gathered: Gathered,
    ) -> Gatherer<'a> {
        let reopened: HashSet<u32, FixedState> = gathered.instances.reopened().collect();
        for at in &reopened {
            gathered.instances.reset(*at);
        }
        Gatherer {
            only: Some(reopened),
            horizon: None,
            gathered,
            ..Gatherer::new(definition, Ledgers::default(), settle)
        }
    }

    /// A gatherer for another share of the keys than an earlier pass was about; it keeps what that
    /// one learned of the log as a whole, and nothing of its keys.
    pub fn next(
        definition: &'a LogDefinition,
        ledgers: Ledgers,
        settle: Settle<'a>,
        before: Gathered,
    ) -> Gatherer<'a> {
        let fresh = Gatherer::new(definition, ledgers, settle);
        let Gathered {
            streams, ledgers, ..
        } = fresh.gathered;
        Gatherer {
            horizon: None,
            gathered: Gathered {
                streams,
                ledgers,
                ..before.emptied()
            },
            ..fresh
        }
    }

    /// The same, stopped when it keeps too much.
    pub fn within(self, limit: Option<Limit>) -> Gatherer<'a> {
        Gatherer { limit, ..self }
    }

    /// The same, where every instance is told of in the end.
    pub fn telling_all(mut self, tells_all: bool) -> Gatherer<'a> {
        if tells_all {
            self.gathered.instances.tell_all();
        }
        self
    }

    /// Looks whether it keeps too much after so many rows, where that matters.
    pub(super) fn look(&mut self, rows: u64) -> Continue {
        self.rows = rows;
        if let Some(limit) = &mut self.limit {
            limit.look(rows, &self.gathered);
            if limit.is_passed() {
                return Continue::Break(());
            }
        }
        Continue::Continue(())
    }

    /// What is kept now, where that matters.
    pub fn limit(&mut self) -> Option<Limit> {
        if let Some(limit) = &mut self.limit {
            limit.look_now(self.rows, &self.gathered);
        }
        self.limit
    }

    /// What the pass learned.
    pub fn finish(mut self) -> Gathered {
        if let Some(horizon) = &self.horizon {
            (self.gathered.end, self.gathered.future) = horizon.settle();
            self.gathered.too_late = horizon.too_late();
        }
        self.gathered
    }

    /// Takes the notes of the next rows.
    pub(super) fn take(&mut self, batch: &mut Batch, router: &Router) {
        self.log(batch);
        let wanted = batch.sightings.iter().map(|sighting| {
            let id = batch.texts.kept(sighting.id);
            (sighting.hash, sighting.saga, id)
        });
        let instances = &mut self.gathered.instances;
        instances.entries_of(wanted, &mut self.entries);
        instances.fetch(&self.entries);
        // What is read again for a few instances was taken by the ledgers the first time.
        if self.only.is_none() {
            self.astray(batch);
            self.deeds(batch, router);
            let ids = batch.sightings.iter().map(|sighting| sighting.id);
            self.named.clear();
            self.named.extend(ids.zip(self.entries.iter().copied()));
            let ledgers = &mut self.gathered.ledgers;
            ledgers.take(&batch.families, &batch.texts, &self.deeds, &self.named);
        }
        for index in 0..self.entries.len() {
            self.sighting(index, batch, router);
        }
        self.gathered.instances.shed();
    }

    /// What the rows mean to steps, and which others are of sagas, where states are folded.
    fn deeds(&mut self, batch: &Batch, router: &Router) {
        self.deeds.clear();
        let isolation = &mut self.gathered.ledgers.isolation;
        if isolation.is_idle() {
            return;
        }
        let sightings = batch.sightings.iter().zip(&self.entries);
        for (index, (sighting, at)) in sightings.enumerate() {
            let Moment {
                meaning,
                position,
                time,
                ..
            } = sighting.moment;
            let deed = |step, act| Deed {
                position,
                time,
                instance: *at,
                step,
                act,
            };
            if sighting.doubt.is_some() {
                self.deeds.push(deed(0, Act::Doubtful));
                continue;
            }
            let saga = router.saga(sighting.saga);
            let own = match meaning {
                Meaning::Step(step, StepEvent::Success) => {
                    let definition = &saga.steps[usize::from(step)];
                    let act = match (definition.pivot, &definition.compensation) {
                        (true, _) => Act::Commits,
                        (false, Some(_)) => Act::Done,
                        (false, None) => Act::Writes,
                    };
                    Some(deed(step, act))
                }
                Meaning::Undo(step, StepEvent::Success) => Some(deed(step, Act::Undone)),
                // It has no place in the saga, with a namespace or without.
                Meaning::Stray => None,
                Meaning::Start
                | Meaning::Step(..)
                | Meaning::Undo(..)
                | Meaning::Completes
                | Meaning::Aborts
                | Meaning::Compensated
                | Meaning::Abandons => Some(deed(0, Act::Writes)),
            };
            self.deeds.extend(own);
            let completes = match isolation.completes(saga, *at, meaning) {
                Completes::No => false,
                Completes::Yes => true,
                Completes::IfItWentOn if !is_worth_a_look(self.gathered.instances.get(*at)) => {
                    false
                }
                Completes::IfItWentOn => {
                    let before = self.gathered.instances.get(*at).moments.iter();
                    let others = batch.sightings[..=index].iter().zip(&self.entries);
                    let own = others.filter(|(it, other)| *other == at && it.doubt.is_none());
                    let moments = before.copied().chain(own.map(|(it, _)| it.moment));
                    self.instance
                        .replay(saga, &moments.collect::<Vec<Moment>>());
                    self.instance.completion.is_some()
                }
            };
            // What it writes is certain with it.
            self.deeds.extend(completes.then(|| deed(0, Act::Commits)));
        }
    }

    /// What the rows tell of the log, whatever definitions there are.
    fn log(&mut self, batch: &mut Batch) {
        let gathered = &mut self.gathered;
        gathered.events += batch.rows.len() as u64;
        gathered.matched += batch.matched;
        gathered.beyond += batch.beyond;
        gathered.unattributed += batch.unattributed;
        gathered.counts_from_zero |= batch.counts_from_zero;
        for kind in batch.types.drain(..) {
            if !gathered.types.contains(&kind) {
                gathered.types.push(kind);
            }
        }
        let last = batch.rows.last().map(|(last, _)| *last);
        let bad = batch.bad.iter().filter_map(|bad| bad.position);
        gathered.head = bad.chain(last).chain(gathered.head).max();
        gathered.partial += batch.partial;
        batch.bad.drain(..).for_each(|bad| gathered.bad.push(bad));
        if let (Some((first, _)), Some((last, _))) = (batch.rows.first(), batch.rows.last()) {
            let first = gathered.positions.map_or(*first, |(first, _)| first);
            gathered.positions = Some((first, *last));
        }
        if let Some(horizon) = &mut self.horizon {
            for (position, time) in &batch.rows {
                horizon.push(*position, *time);
            }
        }
        let events = batch.streams.iter().map(|note| StreamEvent {
            stamp: note.stamp,
            stream: batch.texts.kept(note.stream),
            version: note.version,
            position: note.position,
            time: note.time,
            is_tombstone: note.is_tombstone,
        });
        gathered.streams.take(events);
        for stamp in &batch.unversioned {
            gathered.streams.take_unread(*stamp);
        }
        for (stamp, version) in &batch.unplaced {
            gathered.streams.take_unplaced(*stamp, *version);
        }
        gathered.streamless += batch.streamless;
        for note in &batch.ids {
            gathered.register.take(*note);
        }
        for (id, position) in &batch.bare_ids {
            gathered.register.take_id(*id, *position);
        }
        for hidden in &batch.hidden {
            gathered.register.hide(*hidden);
        }
        let absent = batch.absent.drain(..);
        absent.for_each(|row| gathered.absent.take(row));
    }

    fn sighting(&mut self, index: usize, batch: &Batch, router: &Router) {
        let (at, sighting) = (self.entries[index], &batch.sightings[index]);
        if self.only.as_ref().is_some_and(|only| !only.contains(&at)) {
            return;
        }
        let moment = self.named(sighting.moment, batch);
        let instances = &mut self.gathered.instances;
        let link = batch.links.get(index).copied();
        if let Some(doubt) = sighting.doubt {
            let options = batch.doubts[doubt as usize].clone();
            instances.doubt(at, options.of(moment, link.unwrap_or_default()));
            return;
        }
        let instances = &mut self.gathered.instances;
        if !instances.push(at, moment) {
            return;
        }
        if let Some(link) = link {
            instances.links.entry(at).or_default().push(link);
        } else if may_end(router, sighting.saga, moment.meaning) {
            self.try_to_settle(at);
        }
    }

    /// The event with the number of its error's name instead of that of the name's place.
    fn named(&mut self, moment: Moment, batch: &Batch) -> Moment {
        let detail = match moment.detail {
            0 => 0,
            place => {
                let name = batch.texts.get(batch.details[place as usize - 1]);
                self.gathered.names.intern(name)
            }
        };
        Moment { detail, ..moment }
    }

    /// Keeps what may be of any instance.
    fn astray(&mut self, batch: &mut Batch) {
        for stray in std::mem::take(&mut batch.astray) {
            let Stray {
                saga,
                moment,
                link,
                options,
                is_hidden,
            } = stray;
            let moment = self.named(moment, batch);
            let doubt = options.of(moment, link);
            self.gathered.astray.take(saga, doubt, is_hidden);
        }
    }

    fn try_to_settle(&mut self, at: u32) {
        let instances = &self.gathered.instances;
        if instances.doubts.contains_key(&at) || !is_worth_a_look(instances.get(at)) {
            return;
        }
        let ended = (self.settle)(&self.gathered.names, instances.get(at), instances.id(at));
        if let Some(outcome) = ended {
            self.gathered.instances.settle(at, outcome);
        }
    }
}

/// Whether an instance is to be looked at now. A look costs time in proportion to its events, so one
/// that has very many is looked at whenever it has grown by an eighth or so.
fn is_worth_a_look(entry: &Entry) -> bool {
    const FEW: usize = 128;
    let events = entry.moments.len();
    events <= FEW || events.is_multiple_of((events / 8).next_power_of_two())
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
