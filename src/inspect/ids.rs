//! Findings about event ids: repeated ones, and causes that refer to none or to the wrong one.
//!
//! The register that the pass kept compares hashes. What is reported of two events is looked up
//! again and compared as it stands in the log.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::causation::{Fault, What};
use crate::definition::log::Order;
use crate::event::{Event, Position};
use crate::finding::{Finding, SubjectKind};
use crate::inspect::run::Run;
use crate::inspect::tally::Tally;
use crate::log::Filter;
use crate::rules::causation as causes;
use crate::rules::log::DUPLICATE_ID;

/// How many events are looked up again for one kind of finding.
const LISTED: usize = 10_000;

impl Run<'_> {
    /// Everything that is wrong with ids, and what was looked at for it.
    pub(super) fn ids(&mut self, tally: &mut Tally) -> Vec<Finding> {
        let conclusion = std::mem::take(&mut self.sum.ids);
        let facts = self.log.facts();
        let proven = !facts.is_empty() && facts.iter().all(|source| source.unique_id);
        let maps = self.log.maps();
        if !maps.id {
            tally.idle(DUPLICATE_ID.name, "the mapping names no event id");
        } else {
            let read = if proven {
                self.gathered.events
            } else {
                conclusion.with_id
            };
            tally.checked(DUPLICATE_ID.name, read);
        }
        for info in causes::ALL {
            let by_position = self.definition.order == Order::Position;
            if maps.id && maps.causation && (by_position || info.name != causes::LATER.name) {
                tally.checked(info.name, conclusion.with_cause);
            } else {
                tally.idle(
                    info.name,
                    "the mapping names no event id or no causation id",
                );
            }
        }
        if self.definition.order != Order::Position {
            tally.idle(causes::LATER.name, "the log is ordered by time");
        }
        tally.unknown(causes::DANGLING.name, conclusion.hidden);
        let mut faults = conclusion.faults;
        if self.definition.cut {
            let all = faults.len();
            faults.retain(|fault| fault.what != What::Dangling);
            tally.unknown(causes::DANGLING.name, (all - faults.len()) as u64);
        }
        let mut same = conclusion.same_id;
        let many = same.len().saturating_sub(LISTED) as u64;
        let mut unlisted = vec![(&DUPLICATE_ID, many)];
        for fault in faults.iter().skip(LISTED) {
            unlisted.push((causes::info(fault.what), 1));
        }
        let settings = &self.scope.settings;
        for counted in unlisted {
            tally.count_only(counted, settings, self.horizon, &mut self.used);
        }
        same.truncate(LISTED);
        faults.truncate(LISTED);
        let wanted = same.iter().flat_map(|(first, again)| [*first, *again]);
        let of_faults = faults
            .iter()
            .flat_map(|fault| fault.cause.into_iter().chain([fault.effect]));
        let events = self.look_up(wanted.chain(of_faults));
        let mut found: Vec<Finding> = same
            .iter()
            .filter_map(|(first, again)| self.repeated(&events, *first, *again))
            .collect();
        found.extend(
            faults
                .iter()
                .filter_map(|fault| self.caused(&events, fault)),
        );
        found
    }

    fn look_up(&self, positions: impl Iterator<Item = Position>) -> Events {
        let mut positions: Vec<Position> = positions.collect();
        positions.sort_unstable();
        positions.dedup();
        if positions.is_empty() {
            return Events::default();
        }
        let Ok((events, _)) = self.log.events(Filter::Positions(&positions)) else {
            return Events::default();
        };
        events
            .into_iter()
            .map(|event| (event.position, event))
            .collect()
    }

    fn repeated(&self, events: &Events, first: Position, again: Position) -> Option<Finding> {
        let id = events.get(&again)?.id.as_ref()?;
        let message = format!("the id `{id}` stands at position {first} already");
        let is_same = events.get(&first)?.id.as_ref() == Some(id);
        is_same.then(|| {
            DUPLICATE_ID
                .finding(
                    SubjectKind::Event,
                    &self.definition.name,
                    again.to_string(),
                    message,
                )
                .shown_by([first, again])
        })
    }

    fn caused(&self, events: &Events, fault: &Fault) -> Option<Finding> {
        let horizon = self.horizon?;
        let effect = events.get(&fault.effect)?;
        if let Some(cause) = fault.cause {
            let cause = events.get(&cause)?;
            let is_one = cause.id == effect.causation;
            let differs = cause.correlation != effect.correlation;
            if !is_one || (fault.what == What::OtherCorrelation && !differs) {
                return None;
            }
        }
        let named = effect.causation.as_deref();
        Some(causes::finding(
            &self.definition.name,
            fault,
            named,
            horizon,
        ))
    }
}

type Events = HashMap<Position, Event, FixedState>;
