//! Findings about what sagas do to states, put together from what the pass saw of each effect.

use std::collections::BTreeMap;

use crate::definition::log::Order;
use crate::definition::saga::Saga;
use crate::event::Timestamp;
use crate::finding::Finding;
use crate::inspect::run::Run;
use crate::inspect::tally::Tally;
use crate::rules::isolation::{self as own, DIRTY_TOUCH, RESIDUE};

impl Run<'_> {
    /// What was found of effects on keys, and what was looked at for it.
    pub(super) fn isolation(
        &self,
        horizon: Timestamp,
        tally: &mut Tally,
        found: &mut Vec<Finding>,
    ) {
        let by_position = self.definition.order == Order::Position;
        if self.scope.projections.is_empty() {
            for info in [&RESIDUE, &DIRTY_TOUCH] {
                tally.idle(info.name, "no projection is declared");
            }
            return;
        }
        let conclusion = self.gathered.ledgers.isolation.conclude();
        tally.checked(RESIDUE.name, conclusion.undone);
        tally.unknown(RESIDUE.name, conclusion.untold);
        let mut residues: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for one in &conclusion.residues {
            let key = self.key_of(one.projection, one.key);
            residues
                .entry((one.instance, one.step))
                .or_default()
                .push((one, key));
        }
        found.extend(
            residues
                .into_iter()
                .filter_map(|((instance, _), residues)| {
                    let (saga, id) = self.instance_of(instance);
                    own::residue(saga, id, &residues, horizon)
                }),
        );
        if !by_position {
            tally.idle(DIRTY_TOUCH.name, "the log is ordered by time");
            return;
        }
        tally.checked(DIRTY_TOUCH.name, conclusion.effects);
        tally.unknown(DIRTY_TOUCH.name, conclusion.unknown);
        let mut touches: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for one in &conclusion.dirty {
            let (_, other) = self.instance_of(one.other);
            let touch = (one, self.key_of(one.projection, one.key), other);
            touches
                .entry((one.instance, one.step))
                .or_default()
                .push(touch);
        }
        found.extend(touches.into_iter().filter_map(|((instance, _), touches)| {
            let (saga, id) = self.instance_of(instance);
            own::dirty_touch(saga, id, &touches, horizon)
        }));
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
