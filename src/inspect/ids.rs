//! Findings about event ids: repeated ones, and causes that refer to none or to the wrong one.
//!
//! The register that the pass kept compares hashes. What is reported of two events is looked up
//! again and compared as it stands in the log.

use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::causation::{Fault, What};
use crate::definition::log::Order;
use crate::event::{Event, Position};
use crate::finding::{Finding, SubjectKind};
use crate::inspect::run::Run;
use crate::inspect::tally::Tally;
use crate::log::{Filter, LogError};
use crate::rules::Info;
use crate::rules::causation as causes;
use crate::rules::log::DUPLICATE_ID;

/// How many findings of one rule are looked up again.
const LISTED: usize = 10_000;

/// Something that hashes of ids show.
#[derive(Debug, Clone, Copy)]
enum Wrong {
    /// Two events share an id.
    SameId(Position, Position),
    /// The cause of an event.
    Cause(Fault),
}

impl From<(Position, Position)> for Wrong {
    fn from((first, again): (Position, Position)) -> Wrong {
        Wrong::SameId(first, again)
    }
}

impl Wrong {
    const fn info(&self) -> &'static Info {
        match self {
            Wrong::SameId(..) => &DUPLICATE_ID,
            Wrong::Cause(fault) => causes::info(fault.what),
        }
    }

    /// The events that have to be looked up again.
    fn positions(&self) -> impl Iterator<Item = Position> {
        let (one, other) = match self {
            Wrong::SameId(first, again) => (Some(*first), *again),
            Wrong::Cause(fault) => (fault.cause, fault.effect),
        };
        one.into_iter().chain([other])
    }

    /// The finding of one that is not looked up again, without words.
    fn uncited(&self, log: &Arc<str>) -> Finding {
        let (Wrong::SameId(_, at) | Wrong::Cause(Fault { effect: at, .. })) = self;
        let id = at.to_string();
        (self.info()).finding(SubjectKind::Event, log, id, String::new())
    }
}

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
            let untold = if proven { 0 } else { conclusion.untold_ids };
            tally.checked(DUPLICATE_ID.name, read + untold);
            tally.unknown(DUPLICATE_ID.name, untold);
        }
        let by_position = self.definition.order == Order::Position;
        for info in causes::ALL {
            if !(maps.id && maps.causation) {
                let reason = "the mapping names no event id or no causation id";
                tally.idle(info.name, reason);
            } else if *info == causes::LATER && !by_position {
                tally.idle(info.name, "the log is ordered by time");
            } else if *info == causes::OTHER_CORRELATION && !maps.correlation {
                tally.idle(info.name, "the mapping names no correlation");
            } else {
                tally.checked(info.name, conclusion.with_cause);
                tally.unknown(info.name, conclusion.hidden);
                if *info == causes::OTHER_CORRELATION {
                    tally.unknown(info.name, conclusion.uncorrelated);
                }
            }
        }
        let mut faults = conclusion.faults;
        if self.definition.cut {
            let all = faults.len();
            faults.retain(|fault| fault.what != What::Dangling);
            let removed = (all - faults.len()) as u64;
            tally.unknown(causes::DANGLING.name, removed);
            if maps.correlation {
                tally.unknown(causes::OTHER_CORRELATION.name, removed);
            }
        }
        let is_on = |info: &Info| tally.wants(info.name) && !self.off.contains(&info.name);
        let mut wrong: Vec<Wrong> = Vec::new();
        if is_on(&DUPLICATE_ID) {
            wrong.extend(conclusion.same_id.into_iter().map(Wrong::from));
        }
        faults.retain(|fault| is_on(causes::info(fault.what)));
        for info in causes::ALL {
            let own = faults
                .iter()
                .filter(|fault| causes::info(fault.what) == info);
            wrong.extend(own.copied().map(Wrong::Cause));
        }
        self.list(&wrong, tally)
    }

    /// The findings of what is wrong. Of each rule, the first [`LISTED`] are looked up again; the
    /// others are counted.
    fn list(&mut self, wrong: &[Wrong], tally: &mut Tally) -> Vec<Finding> {
        let mut listed: Vec<&Wrong> = Vec::new();
        for own in wrong.chunk_by(|one, other| one.info() == other.info()) {
            let (first, others) = own.split_at(own.len().min(LISTED));
            listed.extend(first);
            let others = others
                .iter()
                .map(|wrong| wrong.uncited(&self.definition.name));
            tally.count(others, &self.scope.settings, self.horizon, &mut self.used);
        }
        let events = match self.look_up(listed.iter().flat_map(|wrong| wrong.positions())) {
            Ok(events) => events,
            Err(error) => {
                let name = &self.definition.name;
                tally.remark(format!(
                    "log {name}: events with a wrong id or cause could not be read again ({error})"
                ));
                listed
                    .iter()
                    .for_each(|wrong| tally.unknown(wrong.info().name, 1));
                return Vec::new();
            }
        };
        let found = listed.into_iter().filter_map(|wrong| match wrong {
            Wrong::SameId(first, again) => self.repeated(&events, *first, *again),
            Wrong::Cause(fault) => self.caused(&events, fault),
        });
        found.collect()
    }

    fn look_up(&self, positions: impl Iterator<Item = Position>) -> Result<Events, LogError> {
        let mut positions: Vec<Position> = positions.collect();
        positions.sort_unstable();
        positions.dedup();
        if positions.is_empty() {
            return Ok(Events::default());
        }
        let (events, _) = self.log.events(Filter::Positions(&positions))?;
        let by_position = events.into_iter().map(|event| (event.position, event));
        Ok(by_position.collect())
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
