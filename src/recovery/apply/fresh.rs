//! An instance read again, to be compared with what a plan was decided on.

use std::path::{Path, PathBuf};

use crate::definition::Definitions;
use crate::definition::action::Action;
use crate::definition::log::LogDefinition;
use crate::definition::settings::AsOf;
use crate::event::{Event, Position};
use crate::finding::Direction;
use crate::inspect::recover::{Candidate, candidates};
use crate::inspect::{Options, RunError, Watch, Whereabouts};
use crate::recovery::document::{ActionV1, InstanceV1, PlanV1, UnreadV1};
use crate::recovery::{plan, select};
use crate::report::InstanceRow;
use crate::saga::{Forward, Meaning, Moment, StepEvent, Undo, towards};

/// How often a log is read that is written to meanwhile.
const ATTEMPTS: u32 = 5;

/// An instance as it is now.
#[derive(Debug)]
pub(crate) struct Fresh {
    candidate: Candidate,
    events: Vec<Event>,
    planned: usize,
    /// The first row of its own since the plan of which something cannot be read.
    spoilt: Option<Position>,
    /// What the plan knew of rows that may be of any instance, and where the log ended then.
    known: (Option<UnreadV1>, Option<i64>),
    path: PathBuf,
    definition: LogDefinition,
}

/// What an instance is read from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    /// What to judge by.
    pub(crate) definitions: &'a Definitions,
    /// How to read the log.
    pub(crate) options: &'a Options,
    /// Where the plan's instances stand in a log without an index.
    pub(crate) whereabouts: &'a Whereabouts,
}

/// The instance is not what the plan was decided on: how it differs.
#[derive(Debug)]
pub(crate) struct Moved(pub(crate) String);

impl Fresh {
    /// Reads an instance again; what the plan knew of it must stand there unchanged, but more may
    /// have come.
    ///
    /// A log that somebody opened to write to it meanwhile is read once more, a few times.
    pub(crate) fn read(
        plan: &PlanV1,
        instance: &InstanceV1,
        source: Source<'_>,
        watch: Watch<'_>,
    ) -> Result<Result<Fresh, Moved>, RunError> {
        let mut attempts = 1;
        loop {
            match Fresh::read_once(plan, instance, source, watch) {
                Err(RunError::Log(error)) if error.has_moved && attempts < ATTEMPTS => {
                    attempts += 1;
                }
                read => return read,
            }
        }
    }

    fn read_once(
        plan: &PlanV1,
        instance: &InstanceV1,
        Source {
            definitions,
            options,
            whereabouts,
        }: Source<'_>,
        watch: Watch<'_>,
    ) -> Result<Result<Fresh, Moved>, RunError> {
        let options = Options {
            instances: vec![instance.id.clone()],
            sagas: vec![instance.saga.clone()],
            rules: Vec::new(),
            // All that has come counts, whatever instant the plan was judged at; and where ages are
            // of no concern, the horizon is not worth reading the log's end for.
            as_of: Some(AsOf::Now),
            threads: 1,
            ..options.clone()
        };
        let found = candidates(definitions, &options, watch, Some(whereabouts), &|_, _| {
            true
        })?;
        let found = found.into_iter();
        let mut logs = found.filter(|searched| *searched.summary.name == *instance.log);
        let moved = |why: &str| Ok(Err(Moved(why.to_owned())));
        let Some(searched) = logs.next() else {
            return moved("its log is no longer defined");
        };
        let known = plan.logs.iter().find(|log| log.name == instance.log);
        if known.map(|log| &log.identity) != Some(&select::log(&searched)?.identity) {
            return moved("the log is another than the one planned on");
        }
        let Some(candidate) = searched.candidates.first() else {
            return moved("the log holds it no longer");
        };
        let events = searched.events(candidate)?;
        let planned = events
            .iter()
            .take_while(|event| event.position.0 <= instance.last_position)
            .count();
        let head = known.and_then(|log| log.head_position);
        let (before, after): (Vec<Position>, Vec<Position>) = candidate
            .spoilt(&events)
            .into_iter()
            .partition(|position| Some(position.0) <= head);
        if plan::fingerprint(&events[..planned], &before) != instance.fingerprint {
            return moved("what the log said of it has changed");
        }
        Ok(Ok(Fresh {
            candidate: candidate.clone(),
            path: searched.path().to_owned(),
            definition: searched.definition.clone(),
            planned,
            known: (instance.unread, head),
            events,
            spoilt: after.first().copied(),
        }))
    }

    /// The same, if nothing happened since the plan but what it accounts for. Once some of its
    /// actions were `begun` under it, that is whatever is about their steps, the end of the saga, and
    /// any of its `actions` having succeeded, which leaves nothing to do there; but nobody else
    /// may have begun one of them.
    pub(crate) fn unmoved(self, begun: &[&ActionV1], actions: &[ActionV1]) -> Result<Fresh, Moved> {
        if let Some(why) = self.unaccounted_for().or_else(|| self.untold()) {
            return Err(Moved(why));
        }
        let since = self.events[self.planned..].iter();
        let mut unexplained = since.filter(|event| !self.explains(begun, actions, event));
        match unexplained.next() {
            None => Ok(self),
            Some(event) => Err(Moved(format!(
                "{} came at position {} since the plan",
                event.kind, event.position
            ))),
        }
    }

    /// Why there may be more in the log than the plan knew of: rows of which nobody knows whose they
    /// are came since.
    fn unaccounted_for(&self) -> Option<String> {
        let (known, head) = self.known;
        let unread = self.candidate.unread?;
        let is_later = unread
            .positions
            .is_some_and(|(_, last)| Some(last.0) > head);
        // A plan that knew of none may have been made for an earlier instant.
        let are_more = known.map_or(0, |known| known.rows) < unread.rows;
        (is_later || are_more).then(|| {
            format!(
                "{}: not all of them were there when it was planned",
                unread.in_words()
            )
        })
    }

    /// Whether it cannot be told where the instance stands.
    pub(crate) fn is_ambiguous(&self) -> bool {
        self.candidate.is_ambiguous
    }

    /// Why nobody knows where the instance stands: something of a row of its own cannot be read. No plan
    /// is made of such an instance.
    fn untold(&self) -> Option<String> {
        if self.is_ambiguous() {
            return Some(
                "it can no longer be told where it stands; `sagactl show` tells why".to_owned(),
            );
        }
        let position = self.spoilt?;
        Some(format!(
            "a row of which not everything can be read came at position {position} since the plan"
        ))
    }

    fn explains(&self, begun: &[&ActionV1], actions: &[ActionV1], event: &Event) -> bool {
        if begun.is_empty() {
            return false;
        }
        let mut moments = self.candidate.moments.iter();
        let moment = moments.find(|moment| moment.position == event.position);
        moment.is_some_and(|moment| match moment.meaning {
            Meaning::Step(_, StepEvent::Success) | Meaning::Undo(_, StepEvent::Success) => {
                actions.iter().any(|action| self.is_about(moment, action))
            }
            Meaning::Step(..) | Meaning::Undo(..) => {
                begun.iter().any(|action| self.is_about(moment, action))
            }
            Meaning::Completes | Meaning::Compensated => true,
            _ => false,
        })
    }

    /// Whether an event says something of the action's step, in its direction.
    fn is_about(&self, moment: &Moment, action: &ActionV1) -> bool {
        let direction = match moment.meaning {
            Meaning::Step(..) => Direction::Forward,
            Meaning::Undo(..) => Direction::Backward,
            _ => return false,
        };
        moment.meaning.step() == self.step(action) && direction == Direction::from(action.direction)
    }

    /// The events that the plan was decided on.
    pub(crate) fn planned_on(&self) -> &[Event] {
        &self.events[..self.planned]
    }

    /// As `list` shows it.
    pub(crate) fn row(&self) -> &InstanceRow {
        &self.candidate.row
    }

    /// The log's file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Every event of it, by position.
    pub(crate) fn events(&self) -> &[Event] {
        &self.events
    }

    /// How the log is declared.
    pub(crate) fn log(&self) -> &LogDefinition {
        &self.definition
    }

    /// The position of the event whose stream one about the action's step belongs to as well: the
    /// latest about the step, or else the first of the instance.
    pub(crate) fn beside(&self, action: &ActionV1) -> Option<Position> {
        let step = self.step(action);
        let about = |event: &&Event| {
            let mut moments = self.candidate.moments.iter();
            let is_it = |moment: &&Moment| moment.position == event.position;
            let moment = moments.find(is_it);
            moment.is_some_and(|moment| moment.meaning.step() == step)
        };
        let event = self.events.iter().rfind(about).or(self.events.first());
        event.map(|event| event.position)
    }

    /// What the log says of the action's step, in its direction, since the plan.
    pub(crate) fn news(&self, action: &ActionV1) -> Vec<StepEvent> {
        let since = self.planned_on().last().map(|event| event.position);
        let moments = self.candidate.moments.iter();
        let moments = moments.filter(|moment| Some(moment.position) > since);
        moments
            .filter(|moment| self.is_about(moment, action))
            .filter_map(|moment| match moment.meaning {
                Meaning::Step(_, event) | Meaning::Undo(_, event) => Some(event),
                _ => None,
            })
            .collect()
    }

    fn step(&self, action: &ActionV1) -> Option<usize> {
        self.candidate.saga.step(&action.step)
    }

    /// The action's declaration.
    pub(crate) fn declared(&self, action: &ActionV1) -> Option<&Action> {
        let direction = Direction::from(action.direction);
        plan::declared(&self.candidate.saga, self.step(action)?, direction)
    }

    /// Whether the log shows what the action was to bring about.
    pub(crate) fn has_reached(&self, action: &ActionV1) -> bool {
        let Some(record) = self
            .step(action)
            .map(|step| &self.candidate.instance.steps[step])
        else {
            return false;
        };
        match Direction::from(action.direction) {
            Direction::Backward => {
                matches!(record.undo, Undo::Undone(_)) && record.dangling.is_none()
            }
            Direction::Forward => {
                matches!(record.forward, Forward::Succeeded(_)) && !record.is_undone()
            }
        }
    }

    /// Whether the instance can still be driven this way at this step.
    pub(crate) fn calls_for(&self, action: &ActionV1) -> bool {
        let direction = Direction::from(action.direction);
        let course = towards(&self.candidate.saga, &self.candidate.instance, direction);
        let is_past = self.candidate.instance.pivot.is_some()
            && self.candidate.instance.dangling().is_empty()
            && direction == Direction::Backward;
        self.step(action).is_some_and(|step| {
            !is_past && course.is_some_and(|course| course.steps.contains(&step))
        })
    }
}
