//! Every instance of a log judged, counted and handed on.

use std::borrow::Cow;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::definition::saga::Saga;
use crate::event::Timestamp;
use crate::finding::Finding;
use crate::inspect::astray::{self, Unread};
use crate::inspect::claims::{Stated, claim_of, strange};
use crate::inspect::describe::{self, Telling};
use crate::inspect::judge::{Evidence, Judge, Verdict};
use crate::inspect::run::Run;
use crate::inspect::tally::Tally;
use crate::replay::Stage;
use crate::report::InstanceRow;
use crate::rules::case::Draft;
use crate::rules::false_claim;
use crate::rules::{self, Rule};
use crate::saga::{Instance, Outcome};

const CLAIMS: &str = false_claim::INFO.name;

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
    /// What looks wrong with it, and may be right for a row that may be of any instance.
    pub possible: Vec<Finding>,
    /// Such rows, where one of them may change what its recovery has to do.
    pub unread: Option<Unread>,
    /// Its raw status.
    pub claim: Option<String>,
    last: Timestamp,
    telling: Telling,
}

impl Judged<'_> {
    /// As `list` shows it.
    pub fn row(&self) -> InstanceRow {
        self.row_of(self.findings.iter())
    }

    /// The same with all that looks wrong with it.
    pub fn row_of_all(&self) -> InstanceRow {
        self.row_of(self.findings.iter().chain(&self.possible))
    }

    fn row_of<'f>(&self, findings: impl Iterator<Item = &'f Finding>) -> InstanceRow {
        let rules = findings.map(|finding| finding.rule).collect();
        let Verdict {
            outcome, moments, ..
        } = self.verdict.as_ref();
        let row = describe::row(
            self.saga,
            self.id,
            &self.instance,
            *outcome,
            rules,
            moments,
            self.telling,
        );
        InstanceRow {
            since: self.last,
            age: self.telling.horizon.since(self.last),
            ..row
        }
    }

    /// A copy that outlives the judge.
    pub fn to_owned(&self) -> Kept {
        Kept {
            saga: self.saga.clone(),
            instance: self.instance.clone().into_owned(),
            verdict: self.verdict.clone().into_owned(),
            findings: self.findings.clone(),
            possible: self.possible.iter().map(|finding| finding.rule).collect(),
            claim: self.claim.clone(),
            row: self.row(),
        }
    }
}

/// A judged instance kept for `show`.
#[derive(Debug, Clone)]
pub struct Kept {
    pub(super) saga: Arc<Saga>,
    pub(super) instance: Instance,
    pub(super) verdict: Verdict,
    pub(super) findings: Vec<Finding>,
    /// Rules that it may break, or may not for a row that may be of any instance.
    pub(super) possible: Vec<&'static str>,
    pub(super) claim: Option<String>,
    pub(super) row: InstanceRow,
}

/// Takes one judged instance after the other.
pub type Visit<'v> = &'v mut dyn FnMut(&Judged<'_>);

/// An instance that is judged, and what is known of it.
struct Weighed<'w> {
    saga: &'w Saga,
    id: &'w str,
    instance: &'w Instance,
    verdict: &'w Verdict,
    /// The verdict that stands whatever rows are its own that may be of any instance.
    loose: Option<&'w Verdict>,
    telling: Telling,
}

impl Weighed<'_> {
    /// What is wrong with it for certain; and what may be right for a row that may be of any instance.
    fn findings(&self, tally: &Tally) -> (Vec<Finding>, Vec<Finding>) {
        let all = &self.verdict.drafts;
        let stays = |draft: &&Draft| self.loose.is_none_or(|loose| loose.confirms(draft, all));
        let (certain, others): (Vec<&Draft>, Vec<&Draft>) = all.iter().partition(stays);
        (self.told(certain, tally), self.told(others, tally))
    }

    fn told(&self, drafts: Vec<&Draft>, tally: &Tally) -> Vec<Finding> {
        let wanted = drafts.into_iter().filter(|draft| tally.wants(draft.rule));
        let mut found = Vec::new();
        for draft in wanted {
            let mut readings = std::iter::once(self.verdict).chain(self.loose);
            let mut draft = draft.clone();
            if readings.any(|verdict| verdict.varies(&draft)) {
                draft.message.push_str(describe::ONE_OF_SEVERAL);
            }
            let (saga, id, instance) = (self.saga, self.id, self.instance);
            found.push(describe::finding(saga, id, instance, draft, self.telling));
        }
        found
    }
}

/// What became of the instances of the share that is judged.
#[derive(Debug)]
struct Counts {
    /// By saga and outcome, with those of the shares before.
    outcomes: Vec<[u64; Outcome::ALL.len()]>,
    /// Instances that completed and may still be judged otherwise.
    completed: Vec<u32>,
    /// By saga and rule, of how many it cannot be told.
    unknown: HashMap<(usize, &'static str), u64, FixedState>,
    /// See [`Run::uncompared`].
    uncompared: Vec<bool>,
}

impl Counts {
    /// Counts one more instance of a saga, and the rules of which it cannot be told.
    fn add(
        &mut self,
        saga: usize,
        outcome: Outcome,
        unknown: impl IntoIterator<Item = &'static str>,
    ) {
        self.outcomes[saga][outcome as usize] += 1;
        for rule in unknown {
            *self.unknown.entry((saga, rule)).or_default() += 1;
        }
    }
}

impl Run<'_> {
    /// Judges every instance and counts as it goes. Each is handed to `visit`, where there is one.
    pub fn judge(&mut self, tally: &mut Tally, mut visit: Option<Visit<'_>>) {
        if self.share_of_instances().is_none() {
            return;
        }
        self.meet_strays();
        let Some(horizon) = self.horizon else { return };
        if (visit.is_some() || self.is_wide) && !self.gathered.astray.is_empty() {
            self.count_strays(horizon, tally, visit.is_some());
        }
        let off = self.off.clone();
        let mut judge = Judge::new(self.definition, &self.scope.sagas, &off);
        let mut counts = Counts {
            outcomes: std::mem::take(&mut self.sum.outcomes),
            completed: Vec::new(),
            unknown: HashMap::default(),
            uncompared: self.uncompared(),
        };
        let none = [0; Outcome::ALL.len()];
        counts.outcomes.resize(self.scope.sagas.len(), none);
        for at in 0..self.gathered.instances.entries().len() as u32 {
            self.judge_one(at, horizon, &mut judge, &mut counts, tally, &mut visit);
        }
        self.sum.outcomes = counts.outcomes;
        let isolation = &mut self.gathered.ledgers.isolation;
        let completed = counts.completed.into_iter();
        completed.for_each(|at| isolation.commit(at));
        for ((saga, rule), subjects) in counts.unknown {
            tally.unknown(rule, subjects);
            if let Some(astray) = self.sum.astray.get_mut(&saga) {
                astray.unknown(rule, subjects);
            }
        }
        self.unseen(tally);
    }

    /// Judges one instance, counts it, and hands it on.
    fn judge_one(
        &mut self,
        at: u32,
        horizon: Timestamp,
        judge: &mut Judge<'_>,
        counts: &mut Counts,
        tally: &mut Tally,
        visit: &mut Option<Visit<'_>>,
    ) {
        let instances = &self.gathered.instances;
        let (entry, id) = (instances.get(at), instances.id(at));
        if !self.is_asked_for(id) {
            return;
        }
        let index = usize::from(entry.saga);
        let saga = &self.scope.sagas[index];
        let stated = self.claims[index].get(id);
        let is_unclear = |(claimed, _): &&Stated| claimed.is_none() && tally.wants(CLAIMS);
        let unclear = stated.filter(is_unclear);
        if let Some((_, status)) = unclear {
            self.sum.statuses.insert(strange(&saga.name, status));
        }
        let is_untold = counts.uncompared[index] || unclear.is_some();
        let claims = is_untold.then_some(CLAIMS);
        let (verdict, loose) = match entry.stage {
            Stage::Settled(outcome) | Stage::Dropped(outcome) if visit.is_none() => {
                counts.add(index, outcome, claims);
                return;
            }
            Stage::Settled(outcome) | Stage::Dropped(outcome) => {
                judge.recall(saga, &entry.moments);
                (Verdict::clean(outcome, entry.moments.clone()), None)
            }
            Stage::Open | Stage::Reopened => self.weigh(judge, at, horizon, visit.is_some()),
        };
        let instance = judge.instance();
        let doubts = instances.doubts.get(&at).map_or(&[][..], Vec::as_slice);
        let is_dropped = matches!(entry.stage, Stage::Dropped(_));
        if instance.first.is_none() && doubts.is_empty() && !is_dropped {
            if unclear.is_some() {
                tally.checked(CLAIMS, 1);
                tally.unknown(CLAIMS, 1);
            }
            if let Some(astray) = self.sum.astray.get_mut(&index) {
                astray.empty += 1;
            }
            return;
        }
        let others = claims.filter(|rule| !verdict.unknown.contains(rule));
        let unknown = verdict.unknown.iter().copied().chain(others);
        counts.add(index, verdict.outcome, unknown);
        if verdict.outcome == Outcome::Completed {
            counts.completed.push(at);
        }
        if let Some(doubt) = doubts.first().filter(|_| verdict.is_undetermined()) {
            self.sum.doubtful.entry(index).or_default().take(id, doubt);
        }
        let any = self.gathered.astray.of(entry.saga).zip(loose.as_ref());
        let unread = any.and_then(|(any, loose)| astray::unread(any, loose));
        let telling = Telling {
            is_shared: !verdict.drafts.is_empty() && self.is_shared(index, id),
            is_undetermined: verdict.is_undetermined() || unread.is_some(),
            horizon,
        };
        let weighed = Weighed {
            saga,
            id,
            instance,
            verdict: &verdict,
            loose: loose.as_ref(),
            telling,
        };
        let (mut findings, mut possible) = weighed.findings(tally);
        let astray = self.sum.astray.get_mut(&index);
        let Some(visit) = visit else {
            self.findings.append(&mut findings);
            if let Some(astray) = astray {
                astray.take(possible);
            }
            return;
        };
        if let Some(astray) = astray {
            let is_explained = |one: &mut Finding| astray.explain_all(one.rule);
            let explained: Vec<Finding> = possible.extract_if(.., is_explained).collect();
            let rest = std::mem::replace(&mut possible, explained).into_iter();
            findings.extend(rest.map(|one| astray.beside_others(one)));
        }
        visit(&Judged {
            saga,
            id,
            instance: Cow::Borrowed(instance),
            verdict: Cow::Borrowed(&verdict),
            findings,
            possible,
            unread,
            claim: stated.map(|(_, text)| text.clone()),
            last: entry.last,
            telling,
        });
    }

    /// The verdict on an instance whose events are here, which is the one that the judge has replayed
    /// last; and the one that stands whatever rows are its own that may be of any instance. That makes
    /// no difference to what is wrong with it where nothing is; but it may to `where_it_stands`.
    fn weigh(
        &self,
        judge: &mut Judge<'_>,
        at: u32,
        horizon: Timestamp,
        where_it_stands: bool,
    ) -> (Verdict, Option<Verdict>) {
        let instances = &self.gathered.instances;
        let (entry, names) = (instances.get(at), &self.gathered.names);
        let saga = usize::from(entry.saga);
        let evidence = Evidence {
            moments: &entry.moments,
            links: instances.links.get(&at).map_or(&[][..], Vec::as_slice),
            doubts: instances.doubts.get(&at).map_or(&[][..], Vec::as_slice),
            claim: claim_of(&self.claims, saga, instances.id(at)),
        };
        let verdict = judge.verdict(saga, evidence, horizon, names);
        let any = self.gathered.astray.of(entry.saga);
        let matters = where_it_stands || !verdict.drafts.is_empty();
        let loose = any.filter(|_| matters).map(|any| {
            let loose = judge.loosely(saga, evidence, &any.doubts, horizon, names);
            judge.recall(&self.scope.sagas[saga], &verdict.moments);
            loose
        });
        (verdict, loose)
    }

    /// Counts the instances that break each rule unless for rows that may be of any instance: those that
    /// nobody asks for, and those that somebody does where they are `of_all`.
    fn count_strays(&mut self, horizon: Timestamp, tally: &Tally, of_all: bool) {
        let mut judge = Judge::new(self.definition, &self.scope.sagas, &self.off);
        let entries = self.gathered.instances.entries();
        for (at, entry) in (0..).zip(entries) {
            let is_open = matches!(entry.stage, Stage::Open | Stage::Reopened);
            let is_told = || of_all || !self.is_asked_for(self.gathered.instances.id(at));
            if !(is_open && is_told()) {
                continue;
            }
            let (verdict, loose) = self.weigh(&mut judge, at, horizon, false);
            let astray = self.sum.astray.get_mut(&usize::from(entry.saga));
            let (Some(loose), Some(astray)) = (loose, astray) else {
                continue;
            };
            let all = &verdict.drafts;
            let others = all.iter().filter(|draft| !loose.confirms(draft, all));
            let wanted = others.filter(|draft| tally.wants(draft.rule));
            astray.count(wanted.map(|draft| draft.rule));
        }
    }

    fn is_asked_for(&self, id: &str) -> bool {
        let only = &self.options.instances;
        only.is_empty() || only.iter().any(|wanted| wanted == id)
    }

    /// Counts the instances of all shares, and tells why some of them cannot be judged. Answers what
    /// is found of them for which all had to be counted.
    pub(super) fn instances(&mut self, tally: &mut Tally) -> Vec<Finding> {
        for (saga, doubtful) in std::mem::take(&mut self.sum.doubtful) {
            let saga = &self.scope.sagas[saga].name;
            tally.remark(format!("saga {saga}: {}", doubtful.in_words()));
        }
        let statuses = std::mem::take(&mut self.sum.statuses).into_iter();
        statuses.for_each(|remark| tally.remark(remark));
        if !self.sum.astray.is_empty() {
            let none = [0; Outcome::ALL.len()];
            self.sum.outcomes.resize(self.scope.sagas.len(), none);
        }
        let counted = self.scope.sagas.iter().zip(&self.sum.outcomes);
        for (index, (saga, outcomes)) in counted.enumerate() {
            let met = outcomes.iter().sum();
            let astray = self.sum.astray.get(&index);
            let hidden = astray.map_or(0, |astray| self.hidden_instances(met, astray));
            self.count(saga, met + hidden, tally);
            tally.saga(saga.name.clone(), *outcomes);
        }
        self.strays_of_sagas(tally)
    }

    /// Whether an id alone may not tell the instance of this saga from another's. Of sagas that the
    /// run is not about nothing is known.
    fn is_shared(&self, saga: usize, id: &str) -> bool {
        let mut others = (0..self.scope.sagas.len()).filter(|other| *other != saga);
        !self.options.sagas.is_empty()
            || others.any(|other| self.gathered.instances.knows(other as u16, id))
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
}
