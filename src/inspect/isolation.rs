//! Findings about what sagas do to states, put together from what the pass saw of each effect.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::definition::log::Order;
use crate::definition::saga::{EventPattern, Saga};
use crate::event::Timestamp;
use crate::finding::Finding;
use crate::inspect::run::Run;
use crate::inspect::strays::Strays;
use crate::inspect::tally::Tally;
use crate::isolation::{Conclusion, Fault, Question};
use crate::rules::isolation::{self as own, DIRTY_TOUCH, RESIDUE};

impl Run<'_> {
    /// What was found of effects on keys, and what was looked at for it.
    pub(super) fn isolation(
        &self,
        horizon: Timestamp,
        tally: &mut Tally,
        found: &mut Vec<Finding>,
    ) {
        if self.scope.projections.is_empty() || self.scope.sagas.is_empty() {
            for info in [&RESIDUE, &DIRTY_TOUCH] {
                tally.idle(info.name, "no log has both a saga and a projection");
            }
            return;
        }
        let isolation = &self.gathered.ledgers.isolation;
        let conclusion = isolation.conclude(&|question| self.is_hidden(question));
        self.residues(&conclusion, horizon, tally, found);
        if self.definition.order == Order::Position {
            self.dirty_touches(&conclusion, horizon, tally, found);
        } else {
            tally.idle(DIRTY_TOUCH.name, "the log is ordered by time");
        }
    }

    fn residues(
        &self,
        conclusion: &Conclusion,
        horizon: Timestamp,
        tally: &mut Tally,
        found: &mut Vec<Finding>,
    ) {
        let mut residues: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for one in &conclusion.residues {
            let key = self.key_of(one.projection, one.key);
            residues
                .entry((one.instance, one.step))
                .or_default()
                .push((one, key));
        }
        let mut of_keys: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for one in &conclusion.residues {
            let key = (one.projection, one.key);
            of_keys
                .entry(key)
                .or_default()
                .insert((one.instance, one.step));
        }
        // A row that sets a field anew ends every residue of its key.
        let each = of_keys.values().map(BTreeSet::len).max().unwrap_or(1);
        let rows = self.strays_of(Fault::Residue);
        let strays = Strays {
            rows,
            most: rows.saturating_mul(each as u64),
            wrong: residues.len() as u64,
        };
        let others = strays.untold(conclusion.undone.saturating_sub(conclusion.untold));
        tally.checked(RESIDUE.name, conclusion.undone);
        tally.unknown(RESIDUE.name, conclusion.untold + others);
        if conclusion.undone > 0 {
            strays.remark(
                RESIDUE.name,
                [
                    "compensation left something behind",
                    "compensations left something behind",
                ],
                tally,
            );
        }
        let findings = residues
            .into_iter()
            .filter_map(|((instance, _), residues)| {
                let (saga, id) = self.instance_of(instance);
                own::residue(saga, id, &residues, horizon)
            });
        strays.report(findings, found);
    }

    fn dirty_touches(
        &self,
        conclusion: &Conclusion,
        horizon: Timestamp,
        tally: &mut Tally,
        found: &mut Vec<Finding>,
    ) {
        let mut touches: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for one in &conclusion.dirty {
            let (_, other) = self.instance_of(one.other);
            let touch = (one, self.key_of(one.projection, one.key), other);
            touches
                .entry((one.instance, one.step))
                .or_default()
                .push(touch);
        }
        let rows = self.strays_of(Fault::DirtyTouch);
        let strays = Strays::one_each(rows, touches.len() as u64);
        let others = strays.untold(conclusion.effects.saturating_sub(conclusion.unknown));
        tally.checked(DIRTY_TOUCH.name, conclusion.effects);
        tally.unknown(DIRTY_TOUCH.name, conclusion.unknown + others);
        if conclusion.effects > 0 {
            strays.remark(
                DIRTY_TOUCH.name,
                ["effect was written over", "effects were written over"],
                tally,
            );
        }
        let findings = touches.into_iter().filter_map(|((instance, _), touches)| {
            let (saga, id) = self.instance_of(instance);
            own::dirty_touch(saga, id, &touches, horizon)
        });
        strays.report(findings, found);
    }

    /// Whether a row that cannot be judged is known to be of the instance or of the key, and may
    /// be what an answer rests on.
    fn is_hidden(&self, question: &Question) -> bool {
        let absent = &self.gathered.absent;
        if let Some((projection, number)) = question.key {
            let states = &self.gathered.ledgers.projections;
            if states.state(projection, number).doubt().is_some() {
                return true;
            }
            let key = states.entry(projection, number).map_or("", |(key, _)| key);
            if absent.of_state(projection).has(key) {
                return true;
            }
        }
        if absent.is_empty() {
            return false;
        }
        let (saga, id) = self.instance_of(question.instance);
        let mut patterns = rests_on(question.fault, saga, question.step);
        patterns.any(|it| is_named(saga, &it.kind) && absent.is_of(&it.kind, id))
    }

    /// How many rows that cannot be judged tell neither of which instance they are nor of which
    /// key, and may be what an answer rests on.
    fn strays_of(&self, fault: Fault) -> u64 {
        let absent = &self.gathered.absent;
        let projections = &self.scope.projections;
        let unread = (0..projections.len()).filter_map(|projection| {
            let keyless = self.gathered.ledgers.projections.keyless(projection)?;
            Some(keyless.unread_named)
        });
        let unread: u64 = unread.sum();
        let astray = (0..self.scope.sagas.len() as u16)
            .filter_map(|saga| self.gathered.astray.of(saga))
            .map(|any| any.judged)
            .max()
            .unwrap_or(0);
        if absent.is_empty() && unread == 0 {
            return astray;
        }
        let mut kinds: BTreeMap<&Arc<str>, bool> = BTreeMap::new();
        for saga in &self.scope.sagas {
            for step in 0..saga.steps.len() {
                for pattern in rests_on(fault, saga, step) {
                    *kinds.entry(&pattern.kind).or_insert(true) &= is_named(saga, &pattern.kind);
                }
            }
        }
        let of_kinds = kinds.iter().map(|(kind, is_named)| {
            let [named, nameless] = absent.count(Some(kind));
            if *is_named {
                nameless
            } else {
                named + nameless
            }
        });
        let of_any: u64 = absent.count(None)[1];
        let rows = of_kinds.sum::<u64>() + of_any + astray;
        if fault == Fault::DirtyTouch {
            return rows;
        }
        // Whoever sets a field anew ends a residue, on whichever key.
        let others: BTreeSet<&Arc<str>> = projections
            .iter()
            .flat_map(|projection| projection.on.keys())
            .filter(|kind| !kinds.contains_key(kind))
            .collect();
        let others = others.iter().map(|kind| absent.count(Some(kind)));
        let others = others
            .map(|[named, nameless]| named + nameless)
            .sum::<u64>();
        let hidden = (0..projections.len()).map(|it| absent.of_state(it).keyless);
        // Where nobody asks whether data can be read, only the projections know that it cannot.
        let known = if self.selection.data { unread } else { 0 };
        (rows + others + unread - known).min(hidden.sum::<u64>() + unread)
    }

    fn instance_of(&self, at: u32) -> (&Saga, &str) {
        let instances = &self.gathered.instances;
        let saga = usize::from(instances.get(at).saga);
        (&self.scope.sagas[saga], instances.id(at))
    }

    /// A key with the name of its projection.
    fn key_of(&self, projection: usize, number: u32) -> String {
        let name = &self.scope.projections[projection].name;
        let entry = self.gathered.ledgers.projections.entry(projection, number);
        format!("{name} {}", entry.map_or("", |(key, _)| key))
    }
}

/// The events on whose absence an answer about a step rests: other halves of it or of its
/// compensation, or what makes it certain.
fn rests_on(fault: Fault, saga: &Saga, step: usize) -> impl Iterator<Item = &EventPattern> {
    let is_of_step = move |index: usize| fault == Fault::DirtyTouch || index == step;
    let steps = saga.steps.iter().enumerate();
    let steps = steps.filter(move |(index, _)| is_of_step(*index));
    let undo = saga.steps.get(step).and_then(|it| it.compensation.as_ref());
    let undo = undo.filter(|_| saga.steps.get(step).is_some_and(|it| !it.pivot));
    let completes = (fault == Fault::DirtyTouch).then_some(&saga.completes);
    steps
        .filter(move |_| undo.is_some())
        .flat_map(|(_, it)| &it.succeeds)
        .chain(undo.into_iter().flat_map(|undo| &undo.succeeds))
        .chain(completes.into_iter().flatten())
}

/// Whether the log's correlation value names the instance of an event.
fn is_named(saga: &Saga, kind: &Arc<str>) -> bool {
    let by_type = saga.correlate.by_type.get(kind);
    by_type.or(saga.correlate.default.as_ref()).is_none()
}
