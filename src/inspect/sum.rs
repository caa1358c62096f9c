//! What the shares of a log's keys showed, added up. A log that is read in one pass has one share.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashSet;

use crate::absent::Of;
use crate::beside;
use crate::causation;
use crate::definition::log::Order;
use crate::definition::reaction::{Count, Matching};
use crate::definition::saga::Saga;
use crate::event::Timestamp;
use crate::finding::Finding;
use crate::idempotency;
use crate::inspect::astray;
use crate::inspect::doubtful::Doubtful;
use crate::inspect::run::Run;
use crate::inspect::tally::Tally;
use crate::invariant;
use crate::reaction::{self, Unseen};
use crate::replay::{Gathered, Observations};
use crate::requirement;
use crate::rules;
use crate::saga::Outcome;
use crate::transaction::{self, View};

/// What the shares showed so far.
#[derive(Debug, Default)]
pub struct Sum {
    /// Instances judged, by saga and outcome.
    pub(super) outcomes: Vec<[u64; Outcome::ALL.len()]>,
    /// By saga, the instances that cannot be judged fully.
    pub(super) doubtful: BTreeMap<usize, Doubtful>,
    /// By saga, what rows may account for that may be of any of its instances.
    pub(super) astray: BTreeMap<usize, astray::OfSaga>,
    /// Remarks about claims.
    pub(super) statuses: BTreeSet<String>,
    /// Streams met.
    pub(super) streams: u64,
    pub(super) observations: Observations,
    pub(super) ids: causation::Conclusion,
    pub(super) invariants: (Vec<invariant::Breach>, Vec<invariant::Count>),
    pub(super) breaches: Vec<requirement::Breach>,
    pub(super) untold: Vec<requirement::Untold>,
    pub(super) requirements: Vec<requirement::Count>,
    pub(super) reactions: Vec<reaction::Conclusion>,
    /// Match values of faulty reactions that are instances, too.
    pub(super) reacting: HashSet<String, FixedState>,
    pub(super) misuses: Vec<idempotency::Misuse>,
    pub(super) keyless: Vec<idempotency::Keyless>,
    pub(super) keys: Vec<idempotency::Count>,
    pub(super) transactions: Vec<transaction::Conclusion>,
}

impl Run<'_> {
    /// Adds up what the share that was read last shows, apart from its instances.
    pub fn add_up(&mut self, tally: &mut Tally) {
        let gathered = &self.gathered;
        let instances = self.options.instances.iter();
        tally.meet(instances.filter(|id| is_instance(gathered, &self.scope.sagas, id)));
        let keys = self.options.keys.iter();
        tally.meet(keys.filter(|key| gathered.ledgers.knows(key) || gathered.absent.has_key(key)));
        let mut found = std::mem::take(&mut self.findings);
        let mut register = std::mem::take(&mut self.gathered.register);
        let (order, share) = (self.definition.order, self.share);
        let threads = self.options.threads;
        let is_whole = !self.options.asks_for_ids();
        let (ids, ()) = beside::both(
            threads,
            || is_whole.then(|| register.conclude(order, share, threads)),
            || self.add_families(tally, &mut found),
        );
        self.gathered.register = register;
        if let Some(ids) = ids {
            self.sum.ids.add(ids);
            self.add_streams();
        }
        tally.take(found, &self.scope.settings, self.horizon, &mut self.used);
    }

    /// Adds up what the share that was read last shows of ids alone.
    pub fn add_ids(&mut self) {
        let (order, share) = (self.definition.order, self.share);
        let register = &mut self.gathered.register;
        let ids = register.conclude(order, share, self.options.threads);
        self.sum.ids.add(ids);
    }

    fn add_families(&mut self, tally: &mut Tally, found: &mut Vec<Finding>) {
        let Some(horizon) = self.horizon.filter(|_| self.selection.families) else {
            return;
        };
        if self.share.is_first() {
            self.isolation(horizon, tally, found);
        }
        self.add_unseen(tally);
        self.add_states(horizon);
        self.add_reactions(horizon);
        self.add_keys(horizon);
    }

    /// Counts that nothing is known of the keys of which only rows tell that cannot be judged.
    fn add_unseen(&self, tally: &mut Tally) {
        let gathered = &self.gathered;
        let of_instances = self.share_of_instances();
        let is_own = |of: Of, key: u64| match of {
            Of::Trigger(_) | Of::Effect(_) => of_instances.is_some_and(|share| share.has(key)),
            _ => self.share.has(key),
        };
        let unseen = gathered
            .absent
            .told()
            .filter(|(of, key)| is_own(*of, *key) && !gathered.ledgers.has_like(*of, *key));
        let mut subjects: BTreeSet<(&str, u16, u64)> = BTreeSet::new();
        for (of, key) in unseen {
            let (own, index) = judging(of);
            let judging = own.into_iter().filter(|rule| self.has_use_of(rule, index));
            subjects.extend(judging.map(|rule| (rule, index, key)));
        }
        for (rule, ..) in subjects {
            tally.checked(rule, 1);
            tally.unknown(rule, 1);
        }
    }

    /// Whether a rule that only some definitions have a use for is of use for this one of its kind.
    fn has_use_of(&self, rule: &str, index: u16) -> bool {
        let index = usize::from(index);
        if rule == rules::reaction::DOUBLE.name {
            let reaction = self.scope.reactions.get(index);
            return reaction.is_some_and(|it| !matches!(it.count, Count::AtLeastOnce));
        }
        if rule == rules::idempotency::EXPIRED.name {
            let keys = self.scope.idempotency.get(index);
            return keys.is_some_and(|it| it.retention.is_some());
        }
        true
    }

    fn add_streams(&mut self) {
        let streams = std::mem::take(&mut self.gathered.streams);
        self.sum.streams += streams.len() as u64;
        let observations = streams.observations(
            self.definition.cut,
            self.definition.order == Order::Position,
        );
        self.sum.observations.add(observations);
    }

    fn add_states(&mut self, horizon: Timestamp) {
        let unseen = self.gathered.unseen(self.definition.cut);
        let (sum, ledgers) = (&mut self.sum, &self.gathered.ledgers);
        let (breaches, untold, counts) =
            ledgers
                .requirements
                .conclude(horizon, &ledgers.projections, unseen);
        sum.breaches.extend(breaches);
        sum.untold.extend(untold);
        each(&mut sum.requirements, counts, requirement::Count::add);
    }

    fn add_reactions(&mut self, horizon: Timestamp) {
        let (sum, gathered) = (&mut self.sum, &self.gathered);
        let unseen = Unseen {
            is_cut: self.definition.cut,
            absent: &gathered.absent,
        };
        let mut reactions = gathered.ledgers.reactions.conclude(horizon, unseen);
        let maps = self.log.maps();
        if !(maps.id && maps.causation) {
            // Half of what they are matched by would make each trigger look unanswered.
            for (reaction, conclusion) in self.scope.reactions.iter().zip(&mut reactions) {
                if matches!(reaction.matching, Matching::Causation) {
                    *conclusion = std::mem::take(conclusion).unmatched();
                }
            }
        }
        let faults = reactions.iter().flat_map(|one| &one.faults);
        let values = faults.map(|fault| fault.value.as_str());
        let reacting = values.filter(|value| is_instance(gathered, &self.scope.sagas, value));
        sum.reacting.extend(reacting.map(str::to_owned));
        each(&mut sum.reactions, reactions, reaction::Conclusion::add);
    }

    fn add_keys(&mut self, horizon: Timestamp) {
        let (sum, gathered) = (&mut self.sum, &mut self.gathered);
        let (ledgers, cut) = (&mut gathered.ledgers, self.definition.cut);
        let absent = &gathered.absent;
        // States that are added up are read with the first share alone.
        let unseen = match self.share.is_first() {
            true => ledgers.totals.unseen(&ledgers.projections, absent),
            false => Vec::new(),
        };
        let invariants = &mut ledgers.invariants;
        let (breaches, counts) = invariants.conclude(horizon, cut, absent, &unseen);
        sum.invariants.0.extend(breaches);
        each(&mut sum.invariants.1, counts, invariant::Count::add);
        let (misuses, keyless, counts) = ledgers.idempotency.conclude(horizon, &gathered.absent);
        sum.misuses.extend(misuses);
        sum.keyless.extend_from_slice(keyless);
        each(&mut sum.keys, counts, idempotency::Count::add);
        let transactions = &ledgers.transactions;
        let silences = [transaction::What::WithoutVotes];
        let is_off =
            |what: &transaction::What| self.off.contains(&rules::transaction::info(*what).name);
        let off: Vec<transaction::What> = silences.into_iter().filter(is_off).collect();
        let concluded = transactions.conclude(View {
            horizon,
            is_cut: cut,
            absent: &gathered.absent,
            off: &off,
        });
        each(
            &mut sum.transactions,
            concluded,
            transaction::Conclusion::add,
        );
    }
}

/// Whether an event is of an instance with this id, of whichever of the sagas.
fn is_instance(gathered: &Gathered, sagas: &[Arc<Saga>], id: &str) -> bool {
    let mut sagas = 0..sagas.len() as u16;
    sagas.any(|saga| gathered.instances.knows(saga, id))
}

/// The rules that judge keys of something declared, as far as nothing else counts them, and its index.
fn judging(of: Of) -> (Vec<&'static str>, u16) {
    use rules::{idempotency, invariant, reaction};
    let names = |infos: &[&rules::Info]| infos.iter().map(|info| info.name).collect();
    match of {
        Of::Total(index) => (names(&[&invariant::VIOLATED]), index),
        Of::Trigger(index) => (names(&[&reaction::MISSING, &reaction::LATE]), index),
        Of::Effect(index) => (names(&[&reaction::DOUBLE, &reaction::ORPHAN]), index),
        Of::Key(index) => {
            let judging = [
                &idempotency::DOUBLE_EFFECT,
                &idempotency::KEY_CONFLICT,
                &idempotency::EXPIRED,
            ];
            (names(&judging), index)
        }
        Of::Transaction(index, _) => (names(&rules::transaction::ALL), index),
        Of::Saga(_) | Of::State(_) | Of::Reaction(_) | Of::Keyless(_) => (Vec::new(), 0),
    }
}

/// Adds what a share says of each definition to what the shares before it said.
fn each<T>(sum: &mut Vec<T>, of_share: Vec<T>, add: impl Fn(&mut T, T)) {
    if sum.is_empty() {
        *sum = of_share;
        return;
    }
    for (one, other) in sum.iter_mut().zip(of_share) {
        add(one, other);
    }
}
