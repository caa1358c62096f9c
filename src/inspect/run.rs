//! One log judged by its definitions: the pass, the verdicts, the findings.

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::definition::Scope;
use crate::definition::log::LogDefinition;
use crate::definition::saga::Saga;
use crate::definition::settings::AsOf;
use crate::event::{Position, Span, Timestamp};
use crate::finding::{Finding, Subject, SubjectKind};
use crate::inspect::judge::{Evidence, Judge, Verdict};
use crate::inspect::tally::Tally;
use crate::inspect::{Go, InstanceView, Options, Progress, RunError, StepView, TimelineRow, Watch, describe, rows};
use crate::log::{Fields, Filter, Log, OpenOptions};
use crate::replay::{Gathered, Gatherer, Horizon, Router, Selection, Stage, pass};
use crate::report::{InstanceRow, LogSummary, Report};
use crate::rules::case::{Claim, Claimed};
use crate::rules::{self, Rule};
use crate::saga::{Instance, Moment, Names, Outcome};

/// From how old a log's end is on a report says so.
const OLD: Span = Span::from_secs(3600);
/// How many of the last rows tell the horizon where only one instance is read.
const TAIL: usize = 10_000;

/// Status columns, by saga index and correlation value.
type ClaimTable = Vec<HashMap<String, (Option<Claimed>, String), FixedState>>;

/// A run over one log.
#[derive(Debug)]
pub struct Run<'s> {
    scope: &'s Scope,
    definition: &'s LogDefinition,
    options: &'s Options,
    log: Log,
    router: Router,
    selection: Selection,
    claims: ClaimTable,
    gathered: Gathered,
    horizon: Option<Timestamp>,
    findings: Vec<Finding>,
}

/// One judged instance, as long as the judge holds it.
#[derive(Debug)]
pub struct Judged<'a> {
    /// Its saga.
    pub saga: &'a Arc<Saga>,
    /// Its correlation value.
    pub id: &'a str,
    /// Its state.
    pub instance: Cow<'a, Instance>,
    /// What is wrong with it.
    pub verdict: Cow<'a, Verdict>,
    /// Its findings in full.
    pub findings: Vec<Finding>,
    /// Its raw status.
    pub claim: Option<String>,
    horizon: Timestamp,
}

impl Judged<'_> {
    /// As `list` shows it.
    pub fn row(&self) -> InstanceRow {
        let rules = self.findings.iter().map(|finding| finding.rule).collect();
        let verdict = &self.verdict;
        describe::row(self.saga, self.id, &self.instance, verdict.outcome, rules, &verdict.moments, self.horizon)
    }

    /// A copy that outlives the judge.
    pub fn to_owned(&self) -> Kept {
        Kept {
            saga: self.saga.clone(),
            instance: self.instance.clone().into_owned(),
            verdict: self.verdict.clone().into_owned(),
            findings: self.findings.clone(),
            claim: self.claim.clone(),
            row: self.row(),
        }
    }
}

/// A judged instance kept for `show`.
#[derive(Debug, Clone)]
pub struct Kept {
    saga: Arc<Saga>,
    instance: Instance,
    verdict: Verdict,
    findings: Vec<Finding>,
    claim: Option<String>,
    row: InstanceRow,
}

impl<'s> Run<'s> {
    /// Opens the log of a scope, which `filter::scopes` has made sure it has.
    pub fn open(scope: &'s Scope, options: &'s Options, rules: &[&'static str]) -> Result<Run<'s>, RunError> {
        let definition = scope.log.as_ref().ok_or(RunError::NoLog)?;
        let log = Log::open(definition, &OpenOptions { path: options.log.clone() })?;
        let maps = log.maps();
        let wants = |wanted: &[&rules::Info]| wanted.iter().any(|info| rules.contains(&info.name));
        let proven = !log.facts().is_empty() && log.facts().iter().all(|source| source.unique_id);
        use rules::log as log_rules;
        let selection = Selection {
            sagas: rules.iter().any(|rule| rule.starts_with("saga/") || rule.starts_with("compensation/")),
            streams: maps.stream
                && wants(&[
                    &log_rules::GAP,
                    &log_rules::DUPLICATE_VERSION,
                    &log_rules::VERSION_BACKWARDS,
                    &log_rules::TIME_BACKWARDS,
                ]),
            ids: maps.id && !proven && wants(&[&log_rules::DUPLICATE_ID]),
            data: maps.data && wants(&[&log_rules::BAD_ROW]),
        };
        let mut run = Run {
            scope,
            definition,
            options,
            log,
            router: Router::new(&scope.sagas),
            selection,
            claims: ClaimTable::new(),
            gathered: Gathered::default(),
            horizon: None,
            findings: Vec::new(),
        };
        run.claims = run.read_claims()?;
        Ok(run)
    }

    /// Leaves out what only the log's own rules need.
    pub fn only_instances(&mut self) {
        self.selection = Selection { sagas: true, streams: false, ids: false, data: false };
    }

    fn as_of(&self) -> AsOf {
        self.options.as_of.or(self.scope.settings.as_of).unwrap_or(AsOf::End)
    }

    fn until(&self) -> Option<Timestamp> {
        match self.as_of() {
            AsOf::Instant(instant) => Some(instant),
            AsOf::End | AsOf::Now => None,
        }
    }

    /// Status columns tell of now; a log judged as it stood earlier is not held against them.
    fn read_claims(&self) -> Result<ClaimTable, RunError> {
        let mut table: ClaimTable = self.scope.sagas.iter().map(|_| HashMap::default()).collect();
        if self.until().is_some() {
            return Ok(table);
        }
        for (index, claims) in self.definition.claims.iter().enumerate() {
            let Some(saga) = self.scope.sagas.iter().position(|saga| saga.name == claims.saga) else { continue };
            for row in self.log.claims(index)? {
                let says = |words: &[String]| words.contains(&row.status);
                let claimed = if says(&claims.completed) {
                    Some(Claimed::Completed)
                } else if says(&claims.compensated) {
                    Some(Claimed::Compensated)
                } else if says(&claims.running) {
                    Some(Claimed::Running)
                } else {
                    None
                };
                table[saga].insert(row.id, (claimed, row.status));
            }
        }
        Ok(table)
    }

    fn fields(&self) -> Fields {
        let mut fields = if self.selection.sagas { self.router.fields() } else { Fields::default() };
        let by_time = self.definition.order != crate::definition::log::Order::Position;
        fields.time = true;
        fields.stream |= self.selection.streams || by_time;
        fields.id |= self.selection.ids || by_time;
        fields.causation |= by_time;
        fields.data |= self.selection.data;
        fields
    }

    /// Reads the log.
    pub fn pass(&mut self, watch: Watch<'_>) -> Result<(), RunError> {
        self.gather(Filter::All, watch)?;
        if self.gathered.instances.reopened().next().is_some() {
            self.gather_again(watch)?;
        }
        self.horizon = match self.as_of() {
            AsOf::End => self.gathered.horizon.settle(self.definition.future_tolerance).0,
            AsOf::Now => self.gathered.positions.map(|_| self.options.now),
            AsOf::Instant(instant) => self.gathered.positions.map(|_| instant),
        };
        Ok(())
    }

    /// Reads what concerns one instance: by the index on its correlation column where there is one.
    pub fn pass_instance(&mut self, id: &str, watch: Watch<'_>) -> Result<(), RunError> {
        let facts = self.log.facts();
        let indexed = facts.len() == 1 && facts.iter().all(|source| source.indexed_correlation);
        if !(indexed && self.router.uses_log_correlation()) {
            return self.pass(watch);
        }
        self.gather(Filter::Correlation(id), watch)?;
        self.horizon = match self.as_of() {
            AsOf::Now => Some(self.options.now),
            AsOf::Instant(instant) => Some(instant),
            AsOf::End => {
                let mut horizon = Horizon::default();
                for (position, time) in self.log.tail(TAIL)? {
                    horizon.push(position, time);
                }
                let own = self.gathered.horizon.settle(self.definition.future_tolerance).0;
                horizon.settle(self.definition.future_tolerance).0.or(own)
            }
        };
        Ok(())
    }

    fn gather(&mut self, filter: Filter<'_>, watch: Watch<'_>) -> Result<(), RunError> {
        let of = self.log.estimate();
        let fields = self.fields();
        let until = self.until();
        let scope = self.scope;
        let claims = &self.claims;
        let mut judge = Judge::new(self.definition);
        let mut settle = |names: &Names, entry: &crate::replay::Entry, id: &str| {
            let saga = usize::from(entry.saga);
            judge.settled(&scope.sagas[saga], &entry.moments, claim_of(claims, saga, id), names)
        };
        let mut gatherer = Gatherer::new(self.definition, self.selection, until, &mut settle);
        let mut stopped = None;
        pass(&mut self.log, &self.router, fields, filter, self.options.threads, &mut gatherer, &mut |rows| {
            let progress = Progress { rows, of };
            match watch(progress) {
                Go::On => ControlFlow::Continue(()),
                Go::Stop => {
                    stopped = Some(progress);
                    ControlFlow::Break(())
                }
            }
        })?;
        self.gathered = gatherer.gathered;
        stopped.map_or(Ok(()), |progress| Err(RunError::Interrupted(progress)))
    }

    /// Reads the instances again of which events came after theirs had been dropped.
    fn gather_again(&mut self, watch: Watch<'_>) -> Result<(), RunError> {
        let of = self.log.estimate();
        let fields = self.fields();
        let until = self.until();
        let mut never = |_: &Names, _: &crate::replay::Entry, _: &str| None;
        let gathered = std::mem::take(&mut self.gathered);
        let mut gatherer = Gatherer::again(self.definition, until, &mut never, gathered);
        let mut stopped = None;
        pass(&mut self.log, &self.router, fields, Filter::All, self.options.threads, &mut gatherer, &mut |rows| {
            let progress = Progress { rows, of };
            match watch(progress) {
                Go::On => ControlFlow::Continue(()),
                Go::Stop => {
                    stopped = Some(progress);
                    ControlFlow::Break(())
                }
            }
        })?;
        self.gathered = gatherer.gathered;
        stopped.map_or(Ok(()), |progress| Err(RunError::Interrupted(progress)))
    }

    /// Judges every instance and hands each to `visit`; counts as it goes.
    pub fn judge(&mut self, tally: &mut Tally, visit: &mut dyn FnMut(&Judged<'_>)) {
        let Some(horizon) = self.horizon else { return };
        let mut judge = Judge::new(self.definition);
        let sagas = &self.scope.sagas;
        let mut outcomes = vec![[0_u64; Outcome::ALL.len()]; sagas.len()];
        let mut unknown: HashMap<&'static str, u64, FixedState> = HashMap::default();
        let instances = &self.gathered.instances;
        for (at, entry) in instances.entries().iter().enumerate() {
            let at = at as u32;
            let id = instances.id(at);
            if !self.options.instances.is_empty() && !self.options.instances.iter().any(|wanted| wanted == id) {
                continue;
            }
            let saga_index = usize::from(entry.saga);
            let saga = &sagas[saga_index];
            let claim = claim_of(&self.claims, saga_index, id);
            let doubts = instances.doubts.get(&at).map_or(&[][..], Vec::as_slice);
            let verdict = match entry.stage {
                Stage::Settled(outcome) | Stage::Dropped(outcome) => {
                    judge.recall(saga, &entry.moments);
                    Verdict { outcome, drafts: Vec::new(), unknown: Vec::new(), moments: entry.moments.clone() }
                }
                Stage::Open | Stage::Reopened => {
                    let links = instances.links.get(&at).map_or(&[][..], Vec::as_slice);
                    let evidence = Evidence { moments: &entry.moments, links, doubts, claim };
                    judge.verdict(saga, evidence, horizon, &self.gathered.names)
                }
            };
            let instance = judge.instance();
            if instance.first.is_none() && doubts.is_empty() && !matches!(entry.stage, Stage::Dropped(_)) {
                continue;
            }
            outcomes[saga_index][verdict.outcome as usize] += 1;
            for rule in &verdict.unknown {
                *unknown.entry(rule).or_default() += 1;
            }
            if let Some(doubt) = doubts.first().filter(|_| !verdict.unknown.is_empty()) {
                tally.remark(format!(
                    "saga {}: {id} cannot be judged fully: at position {}, {}",
                    saga.name, doubt.moment.position, doubt.reason
                ));
            }
            let findings: Vec<Finding> = verdict
                .drafts
                .iter()
                .filter(|draft| tally.wants(draft.rule))
                .map(|draft| describe::finding(saga, id, instance, draft.clone(), horizon))
                .filter(|finding| self.options.since.is_none_or(|since| finding.since >= Some(since)))
                .collect();
            self.findings.extend(findings.iter().cloned());
            visit(&Judged {
                saga,
                id,
                instance: Cow::Borrowed(instance),
                verdict: Cow::Borrowed(&verdict),
                findings,
                claim: self.claims[saga_index].get(id).map(|(_, text)| text.clone()),
                horizon,
            });
        }
        for (saga, outcomes) in sagas.iter().zip(&outcomes) {
            self.count(saga, outcomes.iter().sum(), tally);
            tally.saga(saga.name.clone(), *outcomes);
        }
        for (rule, subjects) in unknown {
            tally.unknown(rule, subjects);
        }
        self.unseen(tally);
    }

    /// What each rule looked at in one saga, or why it had nothing to look at.
    fn count(&self, saga: &Saga, instances: u64, tally: &mut Tally) {
        for Rule { info, judge } in &rules::TABLE {
            if let rules::Judge::Instance { idle, .. } = judge {
                match idle(saga, self.definition) {
                    Some(reason) => tally.idle(info.name, reason),
                    None => tally.checked(info.name, instances),
                }
            }
        }
    }

    /// Claims about instances of which the log holds no event.
    fn unseen(&mut self, tally: &mut Tally) {
        const RULE: &str = "saga/false-claim";
        for (index, claims) in self.claims.iter().enumerate() {
            let saga = &self.scope.sagas[index];
            let mut odd: Vec<(&String, &(Option<Claimed>, String))> = claims
                .iter()
                .filter(|(id, (claimed, _))| {
                    claimed.is_none()
                        || (*claimed != Some(Claimed::Running) && !self.gathered.instances.knows(index as u16, id))
                })
                .collect();
            odd.sort_unstable_by_key(|(id, _)| *id);
            for (id, (claimed, status)) in odd {
                let narrowed = !self.options.instances.is_empty() && !self.options.instances.contains(id);
                if narrowed || !tally.wants(RULE) {
                    continue;
                }
                if claimed.is_none() {
                    tally.unknown(RULE, 1);
                    tally.remark(format!("saga {}: the status `{status}` is in no list of its claims", saga.name));
                } else if self.definition.cut {
                    tally.unknown(RULE, 1);
                } else if self.options.since.is_none() {
                    self.findings.push(Finding {
                        rule: RULE,
                        severity: crate::finding::Severity::Error,
                        subject: Subject {
                            kind: SubjectKind::Instance,
                            definition: saga.name.clone(),
                            id: id.clone(),
                        },
                        step: None,
                        facet: None,
                        evidence: Vec::new(),
                        since: None,
                        age: None,
                        message: format!("status {status}, but the log holds no event of it"),
                        next: None,
                    });
                }
            }
        }
    }

    /// What was read.
    pub fn summary(&self) -> LogSummary {
        let behind = match (self.as_of(), self.horizon) {
            (AsOf::End, Some(horizon)) => Some(self.options.now.since(horizon)).filter(|age| *age >= OLD),
            _ => None,
        };
        LogSummary {
            name: self.definition.name.clone(),
            path: self.log.path().to_path_buf(),
            positions: self.gathered.positions,
            events: self.gathered.events,
            matched: self.gathered.matched,
            as_of: self.horizon,
            behind,
        }
    }

    /// Adds what this log showed to the report.
    pub fn conclude(mut self, tally: &mut Tally, report: &mut Report) {
        let summary = self.summary();
        for remark in self.log.remarks() {
            tally.remark(format!("log {}: {remark}", self.definition.name));
        }
        if self.gathered.unattributed > 0 {
            tally.remark(format!(
                "log {}: {} events of saga types carry no correlation value and were not judged",
                self.definition.name, self.gathered.unattributed
            ));
        }
        if self.gathered.beyond > 0 {
            tally.remark(format!(
                "log {}: {} events later than the horizon were not read",
                self.definition.name, self.gathered.beyond
            ));
        }
        if self.until().is_some() && !self.definition.claims.is_empty() {
            tally.remark("status columns tell of now and were not compared with an earlier horizon".to_owned());
            let claiming: u64 = self.gathered.instances.entries().len() as u64;
            tally.unknown("saga/false-claim", claiming);
        }
        let mut findings = std::mem::take(&mut self.findings);
        if self.options.instances.is_empty() {
            let duplicates = self.duplicates();
            let of_rows =
                rows::findings(&self.log, self.definition, &mut self.gathered, &duplicates, self.horizon, tally);
            let since = self.options.since;
            findings.extend(of_rows.into_iter().filter(|finding| since.is_none_or(|since| finding.since >= Some(since))));
        }
        tally.take(findings, &self.scope.settings, &self.definition.name, self.horizon);
        report.logs.push(summary);
    }

    /// Repeated ids, looked up again, since the pass compares only their hashes.
    fn duplicates(&self) -> Vec<(Position, Position, String)> {
        let pairs = &self.gathered.same_id.listed;
        let mut positions: Vec<Position> = pairs.iter().flat_map(|(first, again)| [*first, *again]).collect();
        positions.sort_unstable();
        positions.dedup();
        if positions.is_empty() {
            return Vec::new();
        }
        let Ok((events, _)) = self.log.events(Filter::Positions(&positions)) else { return Vec::new() };
        let ids: HashMap<Position, String, FixedState> =
            events.into_iter().filter_map(|event| Some((event.position, event.id?))).collect();
        pairs
            .iter()
            .filter_map(|(first, again)| {
                let id = ids.get(again)?;
                (ids.get(first) == Some(id)).then(|| (*first, *again, id.clone()))
            })
            .collect()
    }

    /// Everything about one instance, with its events in full.
    pub fn view(&self, kept: Kept) -> Result<InstanceView, RunError> {
        let Kept { saga, mut instance, verdict, findings, claim, row } = kept;
        let mut attempts = vec![None; verdict.moments.len()];
        instance.replay_traced(&saga, &verdict.moments, &mut |index, attempt| attempts[index] = attempt);
        let mut positions: Vec<Position> = verdict.moments.iter().map(|moment| moment.position).collect();
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
                undo: if record.dangling.is_some() { "dangling" } else { record.undo.label() },
                attempts: record.forward.attempt(),
                undo_attempts: record.undo.attempt(),
                positions: [record.since.map(|at| at.position), record.undo_since.map(|at| at.position)],
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

fn claim_of<'c>(claims: &'c ClaimTable, saga: usize, id: &str) -> Option<Claim<'c>> {
    let (claimed, text) = claims.get(saga)?.get(id)?;
    claimed.map(|claimed| Claim { claimed, text })
}

fn timeline(
    saga: &Saga,
    moments: &[Moment],
    attempts: &[Option<u32>],
    events: Vec<crate::event::Event>,
    findings: &[Finding],
) -> Vec<TimelineRow> {
    let mut by_position: HashMap<Position, crate::event::Event, FixedState> =
        events.into_iter().map(|event| (event.position, event)).collect();
    let mut before: Option<Timestamp> = None;
    let mut rows = Vec::with_capacity(moments.len());
    for (moment, attempt) in moments.iter().zip(attempts) {
        let Some(event) = by_position.remove(&moment.position) else { continue };
        rows.push(TimelineRow {
            event,
            gap: before.map(|before| moment.time.since(before)),
            step: moment.meaning.step().map(|step| saga.steps[step].name.clone()),
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
