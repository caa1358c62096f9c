//! One instance in full, for a tired reader.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::absent::Of;
use crate::definition::saga::Saga;
use crate::event::{Event, Position, Timestamp};
use crate::finding::Finding;
use crate::inspect::astray::Unread;
use crate::inspect::run::Run;
use crate::inspect::verdicts::Kept;
use crate::inspect::{InstanceView, RunError, StepView, TimelineRow, describe};
use crate::log::Filter;
use crate::saga::{Moment, Outcome};

impl Run<'_> {
    /// Everything about one instance, with its events in full.
    pub fn view(&self, kept: Kept) -> Result<InstanceView, RunError> {
        let Kept {
            saga,
            mut instance,
            verdict,
            findings,
            possible,
            claim,
            row,
        } = kept;
        let mut unknown = verdict.unknown;
        unknown.extend(possible);
        unknown.sort_unstable();
        unknown.dedup();
        let mut attempts = vec![None; verdict.moments.len()];
        instance.replay_traced(&saga, &verdict.moments, &mut |index, attempt| {
            attempts[index] = attempt
        });
        let mut positions: Vec<Position> = verdict
            .moments
            .iter()
            .map(|moment| moment.position)
            .collect();
        positions.sort_unstable();
        let (events, others) = self.events_of(&saga, &row.id, &positions)?;
        let timeline = timeline(&saga, &verdict.moments, &attempts, events, &findings);
        let hidden = self.hidden_of(&saga, &row.id);
        let in_force = instance.in_force(&saga).union(instance.kept(&saga));
        let shows_force = !matches!(verdict.outcome, Outcome::Running | Outcome::Completed);
        let steps = saga
            .steps
            .iter()
            .zip(&instance.steps)
            .enumerate()
            .map(|(index, (step, record))| StepView {
                name: step.name.clone(),
                role: match () {
                    () if step.pivot => "pivot",
                    () if step.optional => "optional",
                    () if step.retriable => "retriable",
                    () => "",
                },
                forward: record.forward.label(),
                undo: if record.dangling.is_some() {
                    "dangling"
                } else {
                    record.undo.label()
                },
                attempts: record.forward.attempt(),
                undo_attempts: record.undo.attempt(),
                positions: [
                    record.since.map(|at| at.position),
                    record.undo_since.map(|at| at.position),
                ],
                in_force: (shows_force && in_force.contains(index)) || record.dangling.is_some(),
            })
            .collect();
        let horizon = self.horizon.unwrap_or(Timestamp::MIN);
        Ok(InstanceView {
            log: self.summary(),
            headline: describe::headline(&saga, &instance, verdict.outcome, horizon),
            timeline,
            others,
            is_looked_at_beside: self.has_beside(),
            hidden,
            unknown,
            steps,
            claim,
            next: row.next.clone(),
            findings,
            row,
            saga,
        })
    }
}

impl Run<'_> {
    /// The events at these positions, and what else stands under the correlation value of their
    /// instance, as far as the saga finds it by that.
    fn events_of(
        &self,
        saga: &Saga,
        id: &str,
        own: &[Position],
    ) -> Result<(Vec<Event>, Vec<Event>), RunError> {
        let correlate = &saga.correlate;
        if correlate.default.is_some() || !correlate.by_type.is_empty() {
            let (events, _) = self.log.events(Filter::Positions(own))?;
            return Ok((events, Vec::new()));
        }
        let (events, _) = self.log.events(Filter::Correlation(id))?;
        let until = self.until();
        let is_own = |event: &Event| own.binary_search(&event.position).is_ok();
        let (events, mut others): (Vec<Event>, Vec<Event>) = events.into_iter().partition(is_own);
        others.retain(|event| until.is_none_or(|until| event.time <= until));
        Ok((events, others))
    }

    /// Whether definitions beside sagas speak of keys.
    fn has_beside(&self) -> bool {
        let scope = self.scope;
        let stored = scope.projections.iter().any(|one| one.stored.is_some());
        stored
            || !scope.invariants.is_empty()
            || !scope.requirements.is_empty()
            || !scope.reactions.is_empty()
            || !scope.idempotency.is_empty()
            || !scope.transactions.is_empty()
    }

    /// The rows that cannot be judged and may be events of an instance.
    fn hidden_of(&self, saga: &Saga, id: &str) -> Vec<String> {
        let mut sagas = (0_u16..).zip(&self.scope.sagas);
        let Some((index, _)) = sagas.find(|(_, one)| one.name == saga.name) else {
            return Vec::new();
        };
        let any = self.gathered.astray.of(index).map(Unread::of);
        let any = any.map(|any| format!("{}: each may be of any instance", any.in_words()));
        self.hidden_with(index, id).into_iter().chain(any).collect()
    }

    /// Those that tell that they are of an instance with this id.
    fn hidden_with(&self, saga: u16, id: &str) -> Vec<String> {
        if !self.gathered.absent.of(Of::Saga(saga)).has(id) {
            return Vec::new();
        }
        let rows = self.gathered.bad.listed.iter();
        let own = rows.filter(|bad| bad.correlation.as_deref() == Some(id));
        let told: Vec<String> = own
            .map(|bad| match bad.position {
                Some(position) => format!("position {position}: {}", bad.reason),
                None => format!("a row without a position: {}", bad.reason),
            })
            .collect();
        match told.is_empty() {
            true => vec!["a row whose own saga value names it".to_owned()],
            false => told,
        }
    }
}

fn timeline(
    saga: &Saga,
    moments: &[Moment],
    attempts: &[Option<u32>],
    events: Vec<Event>,
    findings: &[Finding],
) -> Vec<TimelineRow> {
    let mut by_position: HashMap<Position, Event, FixedState> = events
        .into_iter()
        .map(|event| (event.position, event))
        .collect();
    let mut before: Option<Timestamp> = None;
    let mut rows = Vec::with_capacity(moments.len());
    for (moment, attempt) in moments.iter().zip(attempts) {
        let Some(event) = by_position.remove(&moment.position) else {
            continue;
        };
        rows.push(TimelineRow {
            event,
            gap: before.map(|before| moment.time.since(before)),
            step: moment
                .meaning
                .step()
                .map(|step| saga.steps[step].name.clone()),
            meaning: moment.meaning.label(),
            attempt: *attempt,
            evidence: findings
                .iter()
                .filter(|finding| finding.evidence.contains(&moment.position))
                .map(|finding| finding.rule)
                .collect(),
        });
        before = Some(moment.time);
    }
    rows
}
