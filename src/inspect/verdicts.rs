//! Every instance of a log judged, counted and handed on.

use std::borrow::Cow;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::definition::saga::Saga;
use crate::event::Timestamp;
use crate::finding::Finding;
use crate::inspect::astray::{self, Unread};
use crate::inspect::claims::{claim_of, strange};
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
        let mut judge = Judge::new(self.definition, &self.scope.sagas, &self.off);
        let sagas = &self.scope.sagas;
        let mut outcomes = std::mem::take(&mut self.sum.outcomes);
        outcomes.resize(sagas.len(), [0; Outcome::ALL.len()]);
        let mut completed = Vec::new();
        let mut unknown: HashMap<(usize, &'static str), u64, FixedState> = HashMap::default();
        let (compares, uncompared) = (tally.wants(CLAIMS), self.uncompared());
        let instances = &self.gathered.instances;
        for (at, entry) in instances.entries().iter().enumerate() {
            let at = at as u32;
            let id = instances.id(at);
            if !self.is_asked_for(id) {
                continue;
            }
            let saga_index = usize::from(entry.saga);
            let saga = &sagas[saga_index];
            let doubts = instances.doubts.get(&at).map_or(&[][..], Vec::as_slice);
            let stated = self.claims[saga_index].get(id);
            let unclear = stated.filter(|(claimed, _)| compares && claimed.is_none());
            if let Some((_, status)) = unclear {
                let remark = strange(&saga.name, status);
                self.sum.statuses.insert(remark);
            }
            let is_untold = uncompared[saga_index] || unclear.is_some();
            let (verdict, loose) = match entry.stage {
                Stage::Settled(outcome) | Stage::Dropped(outcome) if visit.is_none() => {
                    outcomes[saga_index][outcome as usize] += 1;
                    if is_untold {
                        *unknown.entry((saga_index, CLAIMS)).or_default() += 1;
                    }
                    continue;
                }
                Stage::Settled(outcome) | Stage::Dropped(outcome) => {
                    judge.recall(saga, &entry.moments);
                    (Verdict::clean(outcome, entry.moments.clone()), None)
                }
                Stage::Open | Stage::Reopened => {
                    self.weigh(&mut judge, at, horizon, visit.is_some())
                }
            };
            let instance = judge.instance();
            if instance.first.is_none()
                && doubts.is_empty()
                && !matches!(entry.stage, Stage::Dropped(_))
            {
                if unclear.is_some() {
                    tally.checked(CLAIMS, 1);
                    tally.unknown(CLAIMS, 1);
                }
                if let Some(astray) = self.sum.astray.get_mut(&saga_index) {
                    astray.empty += 1;
                }
                continue;
            }
            outcomes[saga_index][verdict.outcome as usize] += 1;
            if verdict.outcome == Outcome::Completed {
                completed.push(at);
            }
            for rule in &verdict.unknown {
                *unknown.entry((saga_index, *rule)).or_default() += 1;
            }
            if is_untold && !verdict.unknown.contains(&CLAIMS) {
                *unknown.entry((saga_index, CLAIMS)).or_default() += 1;
            }
            if let Some(doubt) = doubts.first().filter(|_| verdict.is_undetermined()) {
                let doubtful = self.sum.doubtful.entry(saga_index).or_default();
                doubtful.take(id, doubt);
            }
            let any = self.gathered.astray.of(entry.saga).zip(loose.as_ref());
            let unread = any.and_then(|(any, loose)| astray::unread(any, loose));
            let telling = Telling {
                is_shared: !verdict.drafts.is_empty() && self.is_shared(saga_index, id),
                is_undetermined: verdict.is_undetermined() || unread.is_some(),
                horizon,
            };
            let described = |drafts: Vec<&Draft>| {
                let wanted = drafts.into_iter().filter(|draft| tally.wants(draft.rule));
                let readings = || std::iter::once(&verdict).chain(&loose);
                let told = |draft: &Draft| {
                    let mut draft = draft.clone();
                    if readings().any(|verdict| verdict.varies(&draft)) {
                        draft.message.push_str(describe::ONE_OF_SEVERAL);
                    }
                    describe::finding(saga, id, instance, draft, telling)
                };
                wanted.map(told).collect::<Vec<Finding>>()
            };
            let all = &verdict.drafts;
            let stays = |draft: &&Draft| (loose.as_ref()).is_none_or(|it| it.confirms(draft, all));
            let (certain, others) = verdict.drafts.iter().partition(stays);
            let (mut findings, mut possible) = (described(certain), described(others));
            let astray = self.sum.astray.get_mut(&saga_index);
            let Some(visit) = &mut visit else {
                self.findings.append(&mut findings);
                if let Some(astray) = astray {
                    astray.take(possible);
                }
                continue;
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
        self.sum.outcomes = outcomes;
        let isolation = &mut self.gathered.ledgers.isolation;
        completed.into_iter().for_each(|at| isolation.commit(at));
        for ((saga, rule), subjects) in unknown {
            tally.unknown(rule, subjects);
            if let Some(astray) = self.sum.astray.get_mut(&saga) {
                astray.unknown(rule, subjects);
            }
        }
        self.unseen(tally);
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
