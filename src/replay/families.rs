//! The definitions beside sagas in the one pass: each family reads notes out of rows, wherever they
//! are read, and keeps a ledger of them, in the log's order.
//!
//! A new family is one line in each list here.

use std::sync::Arc;

use crate::absent;
use crate::definition::Scope;
use crate::expression::Scope as Row;
use crate::idempotency;
use crate::invariant;
use crate::isolation::{self, Deed};
use crate::log::{BadRow, Fields};
use crate::projection;
use crate::reaction;
use crate::replay::memory::Divisible;
use crate::requirement;
use crate::share::Share;
use crate::texts::{Desk, Keys, Text, Texts};
use crate::transaction;

/// What every family reads out of rows.
#[derive(Debug, Clone, Default)]
pub struct Readers {
    projections: projection::Reader,
    invariants: invariant::Reader,
    reactions: reaction::Reader,
    idempotency: idempotency::Reader,
    transactions: transaction::Reader,
}

/// What of every family an event type concerns.
#[derive(Debug, Clone, Default)]
pub(super) struct Routes {
    projections: projection::Route,
    invariants: invariant::Route,
    reactions: reaction::Route,
    idempotency: idempotency::Route,
    transactions: transaction::Route,
}

/// What readers hand on, each list in reading order.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) projections: Vec<projection::Note>,
    invariants: Vec<invariant::Note>,
    reactions: Vec<reaction::Note>,
    idempotency: Vec<idempotency::Note>,
    transactions: Vec<transaction::Note>,
}

/// What every family keeps.
#[derive(Debug, Default)]
pub struct Ledgers {
    /// States.
    pub projections: projection::Ledger,
    /// What states have to keep.
    pub requirements: requirement::Ledger,
    /// What sagas do to states.
    pub isolation: isolation::Ledger,
    /// Totals.
    pub invariants: invariant::Ledger,
    /// Those of them over states.
    pub totals: invariant::States,
    /// Obligations.
    pub reactions: reaction::Ledger,
    /// Keys.
    pub idempotency: idempotency::Ledger,
    /// Two-phase commits.
    pub transactions: transaction::Ledger,
    found: Vec<u32>,
    /// What the event that is being taken has changed.
    applied: Vec<projection::Applied>,
}

impl Readers {
    /// Readers for the definitions of a scope.
    pub fn new(scope: &Scope) -> Readers {
        let is_cut = scope.log.as_ref().is_some_and(|log| log.cut);
        Readers {
            projections: projection::Reader::new(&scope.projections, is_cut),
            invariants: invariant::Reader::new(&scope.invariants),
            reactions: reaction::Reader::new(&scope.reactions),
            idempotency: idempotency::Reader::new(&scope.idempotency),
            transactions: transaction::Reader::new(&scope.transactions),
        }
    }

    /// Those of projections alone.
    pub fn of_projections(&self) -> Readers {
        Readers {
            projections: self.projections.clone(),
            ..Readers::default()
        }
    }

    /// The same, for a look into the histories of some keys.
    pub fn of_histories(&self) -> Readers {
        Readers {
            projections: self.projections.of_histories(),
            ..Readers::default()
        }
    }

    /// The folds of the projections, by their indices.
    pub fn folds(&self) -> &[Arc<projection::Fold>] {
        self.projections.folds()
    }

    /// Those of a share of the keys; what cannot be divided is read with the first.
    pub fn of_share(&self, share: Share, divisible: Divisible) -> Readers {
        let reactions = share.of_something(divisible.instances);
        let states = share.of_something(divisible.states);
        Readers {
            projections: states
                .map_or_else(Default::default, |share| self.projections.of_share(share)),
            invariants: self.invariants.of_share(share),
            reactions: reactions
                .map_or_else(Default::default, |share| self.reactions.of_share(share)),
            idempotency: self.idempotency.of_share(share),
            transactions: self.transactions.of_share(share),
        }
    }

    /// The columns that they need.
    pub(super) fn fields(&self) -> Fields {
        let families = [
            self.projections.fields(),
            self.invariants.fields(),
            self.reactions.fields(),
            self.idempotency.fields(),
            self.transactions.fields(),
        ];
        families.into_iter().fold(Fields::default(), Fields::with)
    }

    /// What an event type concerns.
    pub(super) fn routes(&self, kind: &str) -> Routes {
        Routes {
            projections: self.projections.route(kind),
            invariants: self.invariants.route(kind),
            reactions: self.reactions.route(kind),
            idempotency: self.idempotency.route(kind),
            transactions: self.transactions.route(kind),
        }
    }

    /// Of what an event type concerns, that which does not look at these columns.
    pub(super) fn without(&self, routes: &Routes, unread: Fields) -> Routes {
        Routes {
            projections: self.projections.without(&routes.projections, unread),
            invariants: self.invariants.without(&routes.invariants, unread),
            reactions: self.reactions.without(&routes.reactions, unread),
            idempotency: self.idempotency.without(&routes.idempotency, unread),
            transactions: self.transactions.without(&routes.transactions, unread),
        }
    }

    /// Adds what a row that cannot be judged may be an event of.
    pub(super) fn missed(
        &self,
        bad: &BadRow,
        kind: Option<&str>,
        of: &mut Vec<(absent::Of, Option<u64>)>,
    ) {
        self.projections.missed(bad, kind, of);
        self.invariants.missed(bad, kind, of);
        self.reactions.missed(bad, kind, of);
        self.idempotency.missed(bad, kind, of);
        self.transactions.missed(bad, kind, of);
    }

    /// Adds what a row later than the horizon says.
    pub(super) fn note_later(
        &self,
        routes: &Routes,
        row: &Row<'_>,
        desk: &mut Desk<'_>,
        notes: &mut Notes,
    ) {
        self.reactions
            .note_later(&routes.reactions, row, desk, &mut notes.reactions);
    }

    /// Adds what a row says.
    pub(super) fn note(
        &self,
        routes: &Routes,
        row: &Row<'_>,
        desk: &mut Desk<'_>,
        notes: &mut Notes,
    ) {
        self.projections
            .note(&routes.projections, row, desk, &mut notes.projections);
        self.invariants
            .note(&routes.invariants, row, desk, &mut notes.invariants);
        self.reactions
            .note(&routes.reactions, row, desk, &mut notes.reactions);
        self.transactions
            .note(&routes.transactions, row, desk, &mut notes.transactions);
        self.idempotency
            .note(&routes.idempotency, row, desk, &mut notes.idempotency);
    }
}

impl Routes {
    /// How many projections an event type concerns.
    pub(super) fn states(&self) -> usize {
        self.projections.len()
    }

    /// Whether an event type concerns no family.
    pub(super) fn is_empty(&self) -> bool {
        self.projections.is_empty()
            && self.invariants.is_empty()
            && self.reactions.is_empty()
            && self.idempotency.is_empty()
            && self.transactions.is_empty()
    }
}

impl Notes {
    pub(super) fn clear(&mut self) {
        self.projections.clear();
        self.invariants.clear();
        self.reactions.clear();
        self.idempotency.clear();
        self.transactions.clear();
    }
}

impl Ledgers {
    /// Empty ledgers for the definitions of a scope.
    pub fn new(scope: &Scope) -> Ledgers {
        let order = scope.log.as_ref().map(|log| log.order);
        Ledgers {
            projections: projection::Ledger::new(&scope.projections),
            isolation: isolation::Ledger::new(&scope.projections, scope.log.as_ref()),
            requirements: requirement::Ledger::new(
                &scope.requirements,
                &scope.projections,
                scope.log.as_ref(),
            ),
            invariants: invariant::Ledger::new(&scope.invariants, scope.log.as_ref()),
            totals: invariant::States::new(&scope.invariants, &scope.projections),
            reactions: reaction::Ledger::new(&scope.reactions, order),
            idempotency: idempotency::Ledger::new(&scope.idempotency, order),
            transactions: transaction::Ledger::new(&scope.transactions, order),
            found: Vec::new(),
            applied: Vec::new(),
        }
    }

    /// The same, for whom it does not matter what sagas do to states.
    pub fn without_isolation(scope: &Scope) -> Ledgers {
        Ledgers {
            isolation: isolation::Ledger::default(),
            ..Ledgers::new(scope)
        }
    }

    /// Whether an event is of something with this key: a state, a group, a match value, an
    /// idempotency key or a transaction.
    pub fn knows(&self, key: &str) -> bool {
        let hash = Keys::hash(key);
        let mut names = (self.projections.names())
            .chain(self.invariants.names())
            .chain(self.reactions.names())
            .chain(self.idempotency.names())
            .chain(self.transactions.names());
        names.any(|names| names.find(hash, key).is_some())
    }

    /// Whether an event can be read that is of the same key as a row that cannot be judged. Of states
    /// and instances others tell.
    pub fn has_like(&self, of: absent::Of, hash: u64) -> bool {
        use absent::Of;
        let names = match of {
            Of::Total(index) => self.invariants.names().nth(index.into()),
            Of::Trigger(index) | Of::Effect(index) => self.reactions.names().nth(index.into()),
            Of::Key(index) => self.idempotency.names().nth(index.into()),
            Of::Transaction(index, _) => self.transactions.names().nth(index.into()),
            Of::Saga(_) | Of::State(_) | Of::Reaction(_) | Of::Keyless(_) => return true,
        };
        names.is_some_and(|names| names.has_like(hash))
    }

    /// Bytes kept by states and what joins them.
    pub(super) fn of_states(&self) -> usize {
        let [_, of_states] = self.invariants.bytes();
        let totals = self.totals.bytes() + of_states;
        self.projections.bytes() + self.requirements.bytes() + self.isolation.bytes() + totals
    }

    /// Bytes kept by what is of one key each.
    pub(super) fn of_keys(&self) -> usize {
        let [of_events, _] = self.invariants.bytes();
        of_events + self.idempotency.bytes() + self.transactions.bytes()
    }

    /// Looks at what the event of a note is about to write, in the sight of the deeds up to it.
    fn foresee(&mut self, note: &projection::Note, number: u32, deeds: &mut &[Deed]) {
        match note {
            projection::Note::Event(event) => {
                let own = self.isolation.reach(event.position, deeds);
                let state = self.projections.state(event.projection.into(), number);
                self.isolation.foresee(event, number, own, state);
            }
            // What the entry for all events does is nothing to an effect.
            projection::Note::Keyless {
                is_named: false, ..
            } => {}
            projection::Note::Keyless {
                projection,
                position,
                ..
            } => {
                let own = self.isolation.reach(*position, deeds);
                self.isolation.obscure(*projection, own);
            }
            projection::Note::Given(_) | projection::Note::Stream(_) => {}
        }
    }

    /// Holds what an event has changed against what states have to keep, once all of it is changed.
    fn look_at_states(&mut self) {
        self.requirements.take(&self.applied, &self.projections);
        self.totals
            .take(&self.applied, &self.projections, &mut self.invariants);
        self.applied.clear();
    }

    /// Takes what the next rows say, and what they mean to steps that can be compensated. The ids of
    /// sagas are `named`, by the numbers of their instances.
    pub(super) fn take(
        &mut self,
        notes: &Notes,
        texts: &Texts,
        deeds: &[Deed],
        named: &[(Text, u32)],
    ) {
        let mut deeds = deeds;
        let isolates = !self.isolation.is_idle();
        self.projections
            .numbers(&notes.projections, texts, named, &mut self.found);
        for index in 0..notes.projections.len() {
            let (note, number) = (&notes.projections[index], self.found[index]);
            if isolates {
                self.foresee(note, number, &mut deeds);
            }
            if let projection::Note::Event(event) = note
                && let Some(last) = self.applied.last()
                && last.position != event.position
            {
                self.look_at_states();
            }
            let Some(applied) = self.projections.take_numbered(note, number, texts) else {
                continue;
            };
            if isolates {
                let own = self.isolation.reach(applied.position, &mut deeds);
                let state = self.projections.state(applied.projection, applied.number);
                self.isolation
                    .take(applied, self.projections.touch(), own, state);
            }
            self.applied.push(applied);
        }
        self.look_at_states();
        deeds.iter().for_each(|deed| self.isolation.finish(deed));
        for note in &notes.invariants {
            self.invariants.take(note, texts);
        }
        self.reactions.take(&notes.reactions, texts, named);
        self.idempotency.take(&notes.idempotency, texts, named);
        for note in &notes.transactions {
            self.transactions.take(note, texts);
        }
    }
}
