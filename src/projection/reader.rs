//! One row alone: which keys of which projections it concerns, and what it gives to them.

use std::borrow::Cow;
use std::num::NonZeroU64;
use std::sync::Arc;

use crate::absent::Of;
use crate::definition::projection::{Counts, Key, Letter, Projection};
use crate::event::Timestamp;
use crate::expression::{Expression, Scope};
use crate::log::{BadRow, Fields};
use crate::projection::fold::Fold;
use crate::projection::note::{self, Event, Given, Note};
use crate::share::Share;
use crate::texts::{Desk, Keys};

/// Turns rows into notes. Readers share it and run beside each other.
#[derive(Debug, Clone, Default)]
pub struct Reader {
    folds: Vec<Arc<Fold>>,
    share: Share,
    /// Notes tell the ids of events.
    tells_ids: bool,
    /// Notes tell the streams of events of which versions are claimed.
    tells_streams: bool,
    /// The log's beginning was removed, so that versions tell whether that of a key was.
    is_cut: bool,
}

/// Which projections an event type concerns.
#[derive(Debug, Clone, Default)]
pub struct Route(Vec<Use>);

#[derive(Debug, Clone, Copy)]
struct Use {
    projection: u16,
    effect: u16,
}

impl Route {
    /// Whether the type concerns no projection.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many projections the type concerns.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl Reader {
    /// A reader for these projections, whose indices the notes use, of a log whose beginning may
    /// have been removed.
    pub fn new(projections: &[Arc<Projection>], is_cut: bool) -> Reader {
        Reader {
            folds: Fold::all(projections),
            share: Share::WHOLE,
            tells_ids: false,
            tells_streams: false,
            is_cut,
        }
    }

    /// The same for the keys of one share.
    pub fn of_share(&self, share: Share) -> Reader {
        Reader {
            share,
            ..self.clone()
        }
    }

    /// The same for a look into histories: with notes that tell the ids of events where a
    /// projection's dead letters are known by these, and their streams where these may be several.
    pub fn of_histories(&self) -> Reader {
        let stored = self.folds.iter().flat_map(|it| &it.definition().stored);
        let mut letters = stored.flat_map(|stored| &stored.dead_letters);
        Reader {
            tells_ids: letters.any(|letters| letters.holds == Letter::Id),
            tells_streams: true,
            ..self.clone()
        }
    }

    /// The folds, by the projections' indices.
    pub fn folds(&self) -> &[Arc<Fold>] {
        &self.folds
    }

    /// The columns that it looks at.
    pub fn fields(&self) -> Fields {
        let of_streams = |fold: &Arc<Fold>| matches!(fold.definition().key, Key::Stream { .. });
        let own = Fields {
            id: self.tells_ids,
            // Of an event of a stream it tells more; nothing rests on that where nothing was cut.
            version: match self.is_cut {
                true => !self.folds.is_empty(),
                false => self.folds.iter().any(of_streams),
            },
            ..Fields::default()
        };
        let each = self.folds.iter().map(|fold| fields_of(fold));
        each.fold(own, Fields::with)
    }

    /// Of a route what concerns projections that do not look at these columns.
    pub fn without(&self, route: &Route, unread: Fields) -> Route {
        let looks_away =
            |one: &&Use| !fields_of(&self.folds[usize::from(one.projection)]).meets(unread);
        Route(route.0.iter().filter(looks_away).copied().collect())
    }

    /// What an event type concerns.
    pub fn route(&self, kind: &str) -> Route {
        let uses = (0_u16..).zip(&self.folds).filter_map(|(projection, fold)| {
            let effect = fold.effect(kind)?;
            Some(Use { projection, effect })
        });
        Route(uses.collect())
    }

    /// Adds the notes of a row, whose type has this route.
    pub fn note(&self, route: &Route, row: &Scope<'_>, desk: &mut Desk<'_>, notes: &mut Vec<Note>) {
        for one in &route.0 {
            if let Some(fold) = self.folds.get(usize::from(one.projection)) {
                self.note_one(fold, *one, row, desk, notes);
            }
        }
    }

    fn note_one(
        &self,
        fold: &Fold,
        one: Use,
        row: &Scope<'_>,
        desk: &mut Desk<'_>,
        notes: &mut Vec<Note>,
    ) {
        let definition = fold.definition();
        let inside = definition
            .narrow
            .as_ref()
            .map_or(Ok(true), |narrow| narrow.holds(row));
        if inside == Ok(false) {
            return;
        }
        let key = match &definition.key {
            Key::Stream { before, after } => {
                let key = row.stream.and_then(|stream| {
                    stream
                        .strip_prefix(before.as_str())?
                        .strip_suffix(after.as_str())
                });
                match key {
                    Some(key) => Cow::Borrowed(key),
                    None => return,
                }
            }
            Key::Expression(expression) => match note::key(expression, row) {
                Ok(key) => key,
                Err(_) if !self.share.is_first() => return,
                Err(reason) => {
                    let is_named = fold.is_named(one.effect);
                    let is_bad = expression.is_blind(row);
                    // What only the entry for all events concerns is not of this projection where it
                    // is known to have no key.
                    if is_named || is_bad {
                        notes.push(Note::Keyless {
                            projection: one.projection,
                            position: row.position,
                            is_named,
                            is_bad,
                            reason: desk.keep(&reason),
                        });
                    }
                    return;
                }
            },
        };
        let hash = desk.hash(&key);
        if !self.share.has(hash) {
            return;
        }
        let inputs = fold.inputs(one.effect);
        let event = Event {
            projection: one.projection,
            effect: one.effect,
            inputs: inputs.len() as u16,
            key: desk.keep(&key),
            hash,
            position: row.position,
            time: row.time.unwrap_or(Timestamp::from_nanos(0)),
            version: row.version,
            id: row
                .id
                .filter(|_| self.tells_ids)
                .and_then(|id| NonZeroU64::new(Keys::hash(id))),
            doubt: inside.err().map(|undetermined| desk.keep(&undetermined.0)),
        };
        if self.tells_streams
            && matches!(definition.key, Key::Expression(_))
            && counts_versions(definition)
        {
            let hash = row.stream.map(Keys::hash).and_then(NonZeroU64::new);
            notes.extend(hash.map(Note::Stream));
        }
        notes.push(Note::Event(event));
        for expression in inputs {
            let given = Given::by(expression, row, desk);
            notes.push(Note::Given(given));
        }
    }

    /// Adds the projections that a row which cannot be judged may be an event of, with its key where
    /// that can be told.
    pub fn missed(&self, bad: &BadRow, kind: Option<&str>, of: &mut Vec<(Of, Option<u64>)>) {
        let row = bad.scope(kind);
        for (index, fold) in self.folds.iter().enumerate() {
            let effect = kind.map(|kind| fold.effect(kind));
            if effect == Some(None) || !bad.is_lost_to(fields_of(fold)) {
                continue;
            }
            let definition = fold.definition();
            let mut narrow = definition.narrow.iter();
            if narrow.any(|narrow| bad.rules_out(narrow, kind)) {
                continue;
            }
            let key = match &definition.key {
                Key::Stream { .. } if bad.rest.unread.stream => None,
                Key::Stream { before, after } => {
                    let stream = row.stream.and_then(|it| it.strip_prefix(before.as_str()));
                    match stream.and_then(|it| it.strip_suffix(after.as_str())) {
                        Some(key) => Some(Keys::hash(key)),
                        None => continue,
                    }
                }
                Key::Expression(expression) if bad.tells(expression, kind.is_some()) => {
                    let is_named = effect.flatten().is_none_or(|effect| fold.is_named(effect));
                    match note::key(expression, &row) {
                        Ok(key) => Some(Keys::hash(&key)),
                        Err(_) if !is_named && !expression.is_blind(&row) => continue,
                        Err(_) => None,
                    }
                }
                Key::Expression(_) => None,
            };
            of.push((Of::State(index as u16), key));
        }
    }
}

/// The columns that a projection looks at.
fn fields_of(fold: &Fold) -> Fields {
    let definition = fold.definition();
    let own = Fields {
        time: true,
        stream: matches!(definition.key, Key::Stream { .. }) || counts_versions(definition),
        version: counts_versions(definition),
        ..Fields::default()
    };
    own.with(Fields::of(plain(definition)))
        .with(Fields::of_folds(fold.expressions()))
}

/// The expressions of a projection that do not depend on the event's type.
fn plain(definition: &Projection) -> impl Iterator<Item = &Expression> {
    let key = match &definition.key {
        Key::Expression(expression) => Some(expression),
        Key::Stream { .. } => None,
    };
    key.into_iter().chain(&definition.narrow)
}

fn counts_versions(definition: &Projection) -> bool {
    definition
        .stored
        .as_ref()
        .and_then(|stored| stored.version.as_ref())
        .is_some_and(|version| version.counts == Counts::Version)
}
