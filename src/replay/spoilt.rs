//! A row of which something cannot be read: who can judge it all the same, and what is not known for
//! everybody else.

use std::sync::Arc;

use crate::absent::{self, Of};
use crate::causation::Hidden;
use crate::definition::log::Order;
use crate::event::Timestamp;
use crate::log::{BadId, BadRow, Fields, Log, Rest};
use crate::replay::batch::{Batch, Options, Sighting, Stray, StreamNote};
use crate::replay::gathered::Selection;
use crate::replay::instances::{Blank, Instances, Link};
use crate::replay::reader::{Kind, MOST_TEXT, Reader};
use crate::replay::reading::Reading;
use crate::replay::route::{Missed, Route};
use crate::replay::streams::stamp;
use crate::saga::Moment;
use crate::texts::{Keys, named};

impl Reader<'_> {
    /// Adds what can be told of a row of which something cannot be read.
    #[cold]
    pub(super) fn spoilt(&mut self, mut bad: BadRow, log: &Log, batch: &mut Batch) {
        let name = bad.kind.map(|kind| log.type_name(kind));
        let Some(row) = bad.event() else {
            return self.bad(bad, name, None, batch);
        };
        self.learn(&row, log, batch);
        let Some(Some(kind)) = self.types.get(row.kind.0 as usize) else {
            return;
        };
        let known = batch.bad.len();
        self.judge(&row, &self.without(kind, bad.rest.unread), batch);
        // Whatever is wrong with a row is told at once.
        for other in batch.bad.drain(known..) {
            batch.partial -= 1;
            bad.reason = format!("{}; {}", other.reason, bad.reason);
        }
        self.bad(bad, name, Some(kind), batch);
    }

    /// Whether a saga or a projection that knows an event type looks at these columns.
    pub(super) fn loses(&self, kind: &Kind, unread: Fields) -> bool {
        let rest = self.without(kind, unread);
        rest.route.uses.len() < kind.route.uses.len()
            || rest.families.states() < kind.families.states()
    }

    /// What an event type concerns that does not look at these columns.
    fn without(&self, kind: &Kind, unread: Fields) -> Kind {
        let Reading {
            router, readers, ..
        } = self.reading;
        let route = match self.reading.orders_by().meets(unread) {
            true => Route::default(),
            false => router.without(&kind.route, unread),
        };
        let families = readers.without(&kind.families, unread);
        Kind {
            name: Arc::clone(&kind.name),
            is_of_family: !families.is_empty(),
            route,
            families,
            ..*kind
        }
    }

    /// Adds that something of a row cannot be read; `event` is what its type is, where what does not
    /// look at that can judge it.
    pub(super) fn bad(
        &self,
        bad: BadRow,
        name: Option<Arc<str>>,
        event: Option<&Kind>,
        batch: &mut Batch,
    ) {
        let is_event = event.is_some();
        let is_later = self.is_later(bad.rest.time);
        if self.reading.selection.streams && !is_later {
            let is_tombstone = name
                .as_ref()
                .is_some_and(|name| self.reading.definition.tombstones.contains(name));
            self.place(&bad, (is_event, is_tombstone), batch);
        }
        let Selection {
            sagas,
            families,
            ids,
            ..
        } = self.reading.selection;
        let missed = match sagas {
            true => {
                let Reading { router, .. } = self.reading;
                router.missed(&bad, name.as_deref(), self.reading.orders_by())
            }
            false => Vec::new(),
        };
        if !is_later {
            for one in &missed {
                self.sight_missed(&bad, name.as_deref(), one, batch);
            }
        }
        if self.reading.again {
            return;
        }
        if ids {
            self.hide(&bad, is_event, is_later, batch);
        }
        let mut of = Vec::new();
        if sagas || families {
            self.reading.readers.missed(&bad, name.as_deref(), &mut of);
        }
        let of_sagas = missed.into_iter().filter_map(|Missed { saga, id, .. }| {
            Some((Of::Saga(saga), Some(Keys::hash(id.as_deref()?))))
        });
        of.extend(of_sagas);
        if bad.rest.time.is_none() && self.reading.until.is_some() {
            for (of, _) in &mut of {
                if let Of::Transaction(_, hint) = of {
                    hint.is_sure = false;
                }
            }
        }
        if is_later {
            batch.beyond += u64::from(!is_event);
            // It may have called, by its place, for what is not.
            of.retain(|(of, _)| matches!(of, Of::Trigger(_)));
            if !of.is_empty() {
                batch.absent.push(absent::Hidden {
                    position: bad.position,
                    row: None,
                    of,
                });
            }
            return;
        }
        if sagas || families {
            let correlation = bad.correlation.as_deref().map(Keys::hash);
            let is_lost = event.is_none_or(|kind| self.loses(kind, bad.rest.unread));
            batch.absent.push(absent::Hidden {
                position: bad.position,
                row: is_lost.then_some((name, correlation)),
                of,
            });
        }
        batch.partial += u64::from(is_event);
        batch.bad.push(BadRow {
            rest: Box::default(),
            ..bad
        });
    }

    /// Adds what a row which a saga cannot judge may mean to the instance that it tells, or to any.
    fn sight_missed(&self, bad: &BadRow, name: Option<&str>, missed: &Missed, batch: &mut Batch) {
        let id = match &missed.id {
            None => None,
            Some(id) => {
                let id = named(Some(id)).filter(|id| id.len() <= MOST_TEXT);
                let Some(id) = id.filter(|id| self.is_wanted(id)) else {
                    return;
                };
                Some(id)
            }
        };
        let event = bad.scope(name);
        let unread = bad.rest.unread;
        let mut meanings = missed.meanings.clone();
        // It may be later than the horizon.
        if event.time.is_none() && self.reading.until.is_some() && !meanings.contains(&None) {
            meanings.push(None);
        }
        let Some(meaning) = meanings.iter().flatten().next().copied() else {
            return;
        };
        let detail = name.map_or(0, |name| {
            let name = batch.texts.keep(name);
            batch.details.push(name);
            batch.details.len() as u32
        });
        let moment = Moment {
            position: event.position,
            time: event.time.unwrap_or(Timestamp::MIN),
            key: Keys::hash_of_name(event.key),
            detail,
            meaning,
        };
        let options = Options {
            meanings,
            blank: Blank {
                position: bad.position.is_none(),
                order: self.reading.orders_by().meets(unread),
                time: event.time.is_none(),
                key: unread.key,
                error: unread.data || unread.metadata,
            },
            reason: bad.reason.clone(),
        };
        let link = Link::of(&event);
        let Some(id) = id else {
            batch.astray.push(Stray {
                is_hidden: true,
                saga: missed.saga,
                moment,
                link,
                options,
            });
            return;
        };
        if self.reading.definition.order != Order::Position {
            batch.links.push(link);
        }
        batch.doubts.push(options);
        batch.sightings.push(Sighting {
            hash: Instances::hash(missed.saga, id),
            id: batch.texts.keep(id),
            saga: missed.saga,
            doubt: Some(batch.doubts.len() as u32 - 1),
            moment,
        });
    }

    /// Adds what is not known of the id and the cause of a row.
    fn hide(&self, bad: &BadRow, is_event: bool, is_later: bool, batch: &mut Batch) {
        let Rest {
            causation, unread, ..
        } = &*bad.rest;
        let has_cause = unread.causation || (causation.is_some() && !is_event);
        let (hidden, is_untold) = match &bad.id {
            BadId::None => (None, false),
            BadId::Known(_) if is_event => (None, false),
            BadId::Known(id) => (Some(Hidden::of(id)), true),
            BadId::Unreadable => (Some(Hidden::Nameless), true),
        };
        let counts = !is_later;
        let causes = counts && self.reading.selection.causes;
        let of_correlation = is_event && !has_cause && causation.is_some() && unread.correlation;
        let more = [
            (counts && is_untold).then_some(Hidden::Untold),
            (causes && has_cause).then_some(Hidden::Effect),
            (causes && of_correlation).then_some(Hidden::Uncorrelated),
        ];
        batch
            .hidden
            .extend(hidden.into_iter().chain(more.into_iter().flatten()));
    }

    /// Adds where in which stream a row stands of which something cannot be read, as far as nothing
    /// else told it.
    fn place(&self, bad: &BadRow, (is_event, is_tombstone): (bool, bool), batch: &mut Batch) {
        let Rest {
            stream,
            version,
            unread,
            time,
            ..
        } = &*bad.rest;
        let Some(stream) = stream else {
            batch.streamless += u64::from(unread.stream && !self.reading.again);
            return;
        };
        if !self.reading.share.has_key(stream) {
            return;
        }
        let stamp = stamp(stream);
        // What may be later than the horizon may stand anywhere, or nowhere.
        let may_be_later = time.is_none() && self.reading.until.is_some();
        match (version, bad.position) {
            _ if unread.version || may_be_later => batch.unversioned.push(stamp),
            _ if is_event => {}
            (Some(version), Some(position)) => batch.streams.push(StreamNote {
                stamp,
                stream: batch.texts.keep(stream),
                version: Some(*version),
                position,
                time: *time,
                is_tombstone,
            }),
            (Some(version), None) => batch.unplaced.push((stamp, *version)),
            (None, _) => {}
        }
    }
}
