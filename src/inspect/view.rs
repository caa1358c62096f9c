//! One instance in full, for a tired reader.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::definition::saga::Saga;
use crate::event::{Event, Position, Timestamp};
use crate::finding::Finding;
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
            claim,
            row,
        } = kept;
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
        let (events, _) = self.log.events(Filter::Positions(&positions))?;
        let timeline = timeline(&saga, &verdict.moments, &attempts, events, &findings);
        let in_force = instance.in_force(&saga);
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
            steps,
            claim,
            next: row.next.clone(),
            findings,
            row,
            saga,
        })
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
