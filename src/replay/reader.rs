//! One row alone: what it means, before anything is known of the rows around it.
//!
//! Readers share a [`Reading`] and run beside each other, so nothing in here depends on an order.

use std::borrow::Cow;
use std::mem;
use std::sync::Arc;

use crate::absent;
use crate::causation::{self, Hidden};
use crate::definition::log::Order;
use crate::event::Timestamp;
use crate::expression::Expression;
use crate::json;
use crate::log::{BadId, BadRow, Fields, Log, Rest, Row};
use crate::replay::batch::{Batch, Options, Sighting, Stray, StreamNote};
use crate::replay::families::Routes;
use crate::replay::instances::{Blank, Instances, Link};
use crate::replay::reading::Reading;
use crate::replay::route::{Candidate, Meant, Route, Use};
use crate::replay::streams::stamp;
use crate::saga::{Meaning, Moment, StepEvent};
use crate::texts::{Desk, Keys, Text};

/// A row with more text than this cannot be taken along with others.
pub(super) const MOST_TEXT: usize = 1 << 30;

/// What is known of an event type.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) name: Arc<str>,
    pub(super) route: Route,
    pub(super) families: Routes,
    /// Some family has a route for it.
    pub(super) is_of_family: bool,
    /// Some definition knows it.
    pub(super) is_known: bool,
    pub(super) is_tombstone: bool,
}

/// Turns rows into notes.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub(super) reading: Reading<'a>,
    /// By the log's type ids.
    pub(super) types: Vec<Option<Kind>>,
}

impl<'a> Reader<'a> {
    /// A reader that has not met any type.
    pub(super) fn new(reading: Reading<'a>) -> Reader<'a> {
        Reader {
            reading,
            types: Vec::new(),
        }
    }
}

impl Reader<'_> {
    /// Adds the notes of a row.
    pub(super) fn take(&mut self, row: Result<Row<'_>, BadRow>, log: &Log, batch: &mut Batch) {
        batch.seen += 1;
        match row {
            Ok(row) => {
                self.learn(&row, log, batch);
                self.row(&row, batch);
            }
            Err(bad) => self.spoilt(bad, log, batch),
        }
    }

    /// Makes sure that the row's type is known.
    pub(super) fn learn(&mut self, row: &Row<'_>, log: &Log, batch: &mut Batch) {
        let at = row.kind.0 as usize;
        if self.types.len() <= at {
            self.types.resize_with(at + 1, || None);
        }
        let Reading {
            definition,
            router,
            readers,
            selection,
            ..
        } = self.reading;
        self.types[at].get_or_insert_with(|| {
            let name = log.type_name(row.kind);
            batch.types.push(Arc::clone(&name));
            let route = router.route(&name);
            let families = match selection.families {
                true => readers.routes(&name),
                false => Routes::default(),
            };
            let is_of_family = !families.is_empty();
            Kind {
                is_known: is_of_family || !route.uses.is_empty(),
                is_of_family,
                route,
                families,
                is_tombstone: definition.tombstones.contains(&name),
                name,
            }
        });
    }

    /// Whether what happened then is later than the horizon.
    pub(super) fn is_later(&self, time: Option<Timestamp>) -> bool {
        let until = self.reading.until;
        until.zip(time).is_some_and(|(until, time)| time > until)
    }

    fn row(&self, row: &Row<'_>, batch: &mut Batch) {
        if let Some(Some(kind)) = self.types.get(row.kind.0 as usize) {
            self.judge(row, kind, batch);
        }
    }

    /// Adds the notes of a row to whom it concerns.
    pub(super) fn judge(&self, row: &Row<'_>, kind: &Kind, batch: &mut Batch) {
        let texts = [row.correlation, row.key, row.stream, row.id, row.causation];
        let size: usize = texts.iter().flatten().map(|text| text.len()).sum();
        if size > MOST_TEXT {
            let reason = format!("its ids hold {size} bytes, more than can be judged");
            return self.bad(
                BadRow {
                    position: Some(row.position),
                    reason,
                    id: BadId::from(row.id),
                    kind: Some(row.kind),
                    correlation: row.correlation.map(str::to_owned),
                    rest: Box::new(Rest {
                        time: Some(row.time),
                        unread: Fields::ALL,
                        ..Rest::default()
                    }),
                },
                Some(Arc::clone(&kind.name)),
                None,
                batch,
            );
        }
        let texts = mem::take(&mut batch.texts);
        let mut desk = Desk::new(texts, row.correlation, row.id);
        self.judge_at(&mut desk, row, kind, batch);
        batch.texts = desk.close();
    }

    /// The same of a row whose texts can be kept.
    fn judge_at<'r>(&self, desk: &mut Desk<'r>, row: &Row<'r>, kind: &Kind, batch: &mut Batch) {
        if self.is_later(Some(row.time)) {
            if !self.reading.again {
                batch.beyond += 1;
                let id = row.id.filter(|_| self.reading.selection.causes);
                batch.hidden.extend(id.map(Hidden::of));
            }
            // Each share has its own.
            if self.reading.selection.families && kind.is_of_family {
                self.reading.readers.note_later(
                    &kind.families,
                    &row.scope(&kind.name),
                    desk,
                    &mut batch.families,
                );
            }
            return;
        }
        if !self.reading.again {
            batch.rows.push((row.position, row.time));
            batch.matched += u64::from(kind.is_known);
            batch.counts_from_zero |= row.version.is_some_and(|version| version <= 0);
        }
        if kind.is_of_family {
            let scope = row.scope(&kind.name);
            let readers = self.reading.readers;
            readers.note(&kind.families, &scope, desk, &mut batch.families);
        }
        self.note(row, kind, desk, batch);
        if self.reading.selection.sagas {
            for one in &kind.route.uses {
                self.sight(row, &kind.name, one, desk, batch);
            }
        }
    }

    /// What a row tells of the log, whatever sagas there are.
    fn note(&self, row: &Row<'_>, kind: &Kind, desk: &mut Desk<'_>, batch: &mut Batch) {
        let selection = self.reading.selection;
        let share = self.reading.share;
        let stream = row.stream.filter(|_| selection.streams);
        if let Some(stream) = stream
            && share.has_key(stream)
        {
            batch.streams.push(StreamNote {
                stamp: stamp(stream),
                stream: desk.keep(stream),
                version: row.version,
                position: row.position,
                time: Some(row.time),
                is_tombstone: kind.is_tombstone,
            });
        }
        if selection.ids {
            let id = desk.hash_of_name(row.id);
            let is_own = |hash: u64| hash != 0 && share.has(hash);
            if !selection.causes {
                batch
                    .bare_ids
                    .extend(is_own(id).then_some((id, row.position)));
            } else if let cause = Keys::hash_of_name(row.causation)
                && (is_own(id) || is_own(cause))
            {
                batch.ids.push(causation::Note {
                    id,
                    cause,
                    correlation: desk.hash_of_name(row.correlation),
                    position: row.position,
                    time: row.time,
                });
            }
        }
        if let (true, Some(data)) = (selection.data && !desk.is_json(), row.data)
            && let Err(error) = json::check(data)
        {
            batch.partial += 1;
            batch.bad.push(BadRow {
                position: Some(row.position),
                reason: format!("data is not JSON ({error}): `{}`", excerpt(data)),
                id: BadId::None,
                kind: Some(row.kind),
                correlation: row.correlation.map(str::to_owned),
                rest: Box::default(),
            });
            let looked_at = Fields {
                data: true,
                ..Fields::default()
            };
            if selection.families && self.loses(kind, looked_at) {
                let value = row.correlation.map(Keys::hash);
                batch.absent.push(absent::Hidden {
                    position: Some(row.position),
                    row: Some((Some(Arc::clone(&kind.name)), value)),
                    of: Vec::new(),
                });
            }
        }
    }

    /// Adds what a row means in one saga.
    fn sight(&self, row: &Row<'_>, name: &str, one: &Use, desk: &mut Desk<'_>, batch: &mut Batch) {
        if one.is_plain()
            && let ([candidate], Some(id)) = (one.candidates.as_slice(), row.correlation)
        {
            if self.is_wanted(id) {
                self.push((row, name), (one.saga, id), candidate, None, (desk, batch));
            }
            return;
        }
        let scope = row.scope(name);
        let text;
        let id = match &one.correlate {
            None => row.correlation,
            Some(expression) => {
                text = expression.name(&scope);
                text.as_deref()
            }
        };
        let inside = one
            .narrow
            .as_ref()
            .map_or(Ok(true), |narrow| narrow.holds(&scope));
        let (id, untold) = match (id, inside) {
            (_, Ok(false)) => return,
            (Some(id), Ok(true)) => (id, None),
            (Some(id), Err(untold)) => (id, Some(untold.to_string())),
            (None, _) => {
                self.unattributed((row, name), one, (desk, batch));
                return;
            }
        };
        if !self.is_wanted(id) {
            return;
        }
        let meant = one.meant(&scope);
        let meant = match untold {
            None => meant,
            Some(reason) => meant.or_nothing(reason),
        };
        let (candidate, doubt) = match meant {
            Meant::Nothing => return,
            Meant::Certain(candidate) => (candidate, None),
            Meant::Doubtful(candidates, reason) => {
                let Some(first) = candidates.iter().flatten().next().copied() else {
                    return;
                };
                let meanings = candidates
                    .iter()
                    .map(|option| option.map(|one| one.meaning))
                    .collect();
                let blank = Blank::default();
                batch.doubts.push(Options {
                    meanings,
                    blank,
                    reason,
                });
                (first, Some(batch.doubts.len() as u32 - 1))
            }
        };
        self.push((row, name), (one.saga, id), candidate, doubt, (desk, batch));
    }

    /// Adds that an event may be of any instance of a saga, where it cannot be told of which one. One
    /// that has no correlation value is of none, and counted.
    #[cold]
    fn unattributed(
        &self,
        (row, name): (&Row<'_>, &str),
        one: &Use,
        (desk, batch): (&mut Desk<'_>, &mut Batch),
    ) {
        let scope = row.scope(name);
        let candidates = match one.meant(&scope) {
            Meant::Nothing => return,
            Meant::Certain(candidate) => vec![Some(candidate)],
            Meant::Doubtful(candidates, _) => candidates,
        };
        let first = candidates.iter().flatten().next().copied();
        let may_name = |correlate: &Expression| !correlate.names_nothing(&scope);
        let is_stray = one.correlate.as_ref().is_some_and(may_name);
        let Some(first) = first.filter(|_| is_stray) else {
            batch.unattributed += u64::from(!self.reading.again);
            return;
        };
        let is_bad = |data: &[u8]| self.reading.selection.data && !json::is_valid(data);
        let is_hidden = row.data.is_some_and(is_bad);
        let meanings = candidates.iter().map(|it| it.map(|one| one.meaning));
        let options = Options {
            meanings: meanings.collect(),
            blank: Blank {
                error: true,
                ..Blank::default()
            },
            reason: "its correlation value cannot be read".to_owned(),
        };
        let moment = moment((row, name), first, (desk, batch));
        batch.astray.push(Stray {
            saga: one.saga,
            moment,
            link: Link::of(&scope),
            options,
            is_hidden,
        });
    }

    /// Adds an event of an instance of a saga.
    fn push(
        &self,
        (row, name): (&Row<'_>, &str),
        (saga, id): (u16, &str),
        candidate: &Candidate,
        doubt: Option<u32>,
        (desk, batch): (&mut Desk<'_>, &mut Batch),
    ) {
        let moment = moment((row, name), candidate, (&mut *desk, &mut *batch));
        if self.reading.definition.order != Order::Position {
            batch.links.push(Link::of(&row.scope(name)));
        }
        batch.sightings.push(Sighting {
            hash: Instances::spread(saga, desk.hash(id)),
            id: desk.keep(id),
            saga,
            doubt,
            moment,
        });
    }

    pub(super) fn is_wanted(&self, id: &str) -> bool {
        let Reading {
            about, instances, ..
        } = self.reading;
        about.is_none_or(|ids| ids.iter().any(|wanted| wanted == id)) && instances.has_key(id)
    }
}

/// An event as one of the things that it may mean.
fn moment(
    (row, name): (&Row<'_>, &str),
    candidate: &Candidate,
    (desk, batch): (&mut Desk<'_>, &mut Batch),
) -> Moment {
    Moment {
        position: row.position,
        time: row.time,
        key: Keys::hash_of_name(row.key),
        detail: detail((row, name), candidate, (desk, &mut batch.details)),
        meaning: candidate.meaning,
    }
}

/// The name of a failure's error or of a stray type, among the batch's details; 0 for none.
fn detail(
    (row, name): (&Row<'_>, &str),
    candidate: &Candidate,
    (desk, details): (&mut Desk<'_>, &mut Vec<Text>),
) -> u32 {
    let error: Option<String>;
    let text = match candidate.meaning {
        Meaning::Stray => name,
        Meaning::Step(_, StepEvent::Failure) | Meaning::Undo(_, StepEvent::Failure) => {
            error = candidate
                .error
                .as_ref()
                .and_then(|error| error.text(&row.scope(name)).ok().flatten())
                .map(Cow::into_owned);
            error.as_deref().unwrap_or(name)
        }
        _ => return 0,
    };
    details.push(desk.keep(text));
    details.len() as u32
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
