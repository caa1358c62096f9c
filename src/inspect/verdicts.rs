//! Every instance of a log judged, counted and handed on.

use std::borrow::Cow;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::definition::saga::Saga;
use crate::event::Timestamp;
use crate::finding::Finding;
use crate::inspect::claims::claim_of;
use crate::inspect::describe::{self, Telling};
use crate::inspect::judge::{Evidence, Judge, Verdict};
use crate::inspect::run::Run;
use crate::inspect::tally::Tally;
use crate::replay::Stage;
use crate::report::InstanceRow;
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
    /// Its raw status.
    pub claim: Option<String>,
    last: Timestamp,
    telling: Telling,
}

impl Judged<'_> {
    /// As `list` shows it.
    pub fn row(&self) -> InstanceRow {
        let rules = self.findings.iter().map(|finding| finding.rule).collect();
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
    pub(super) claim: Option<String>,
    pub(super) row: InstanceRow,
}

/// Takes one judged instance after the other.
pub type Visit<'v> = &'v mut dyn FnMut(&Judged<'_>);

impl Run<'_> {
    /// Judges every instance and counts as it goes. Each is handed to `visit`, where there is one.
    pub fn judge(&mut self, tally: &mut Tally, mut visit: Option<Visit<'_>>) {
        let Some(horizon) = self.horizon else { return };
        if self.share_of_instances().is_none() {
            return;
        }
        let mut judge = Judge::new(self.definition, &self.scope.sagas, &self.off);
        let sagas = &self.scope.sagas;
        let mut outcomes = std::mem::take(&mut self.sum.outcomes);
        outcomes.resize(sagas.len(), [0; Outcome::ALL.len()]);
        let mut completed = Vec::new();
        let mut unknown: HashMap<&'static str, u64, FixedState> = HashMap::default();
        let (compares, uncompared) = (tally.wants(CLAIMS), self.uncompared());
        let instances = &self.gathered.instances;
        for (at, entry) in instances.entries().iter().enumerate() {
            let at = at as u32;
            let id = instances.id(at);
            if !self.options.instances.is_empty()
                && !self.options.instances.iter().any(|wanted| wanted == id)
            {
                continue;
            }
            let saga_index = usize::from(entry.saga);
            let saga = &sagas[saga_index];
            let claim = claim_of(&self.claims, saga_index, id);
            let doubts = instances.doubts.get(&at).map_or(&[][..], Vec::as_slice);
            let stated = self.claims[saga_index].get(id);
            let strange = stated.filter(|(claimed, _)| compares && claimed.is_none());
            if let Some((_, status)) = strange {
                let remark = self.strange(saga_index, status);
                self.sum.statuses.insert(remark);
            }
            let is_untold = uncompared[saga_index] || strange.is_some();
            let verdict = match entry.stage {
                Stage::Settled(outcome) | Stage::Dropped(outcome) if visit.is_none() => {
                    outcomes[saga_index][outcome as usize] += 1;
                    if is_untold {
                        *unknown.entry(CLAIMS).or_default() += 1;
                    }
                    continue;
                }
                Stage::Settled(outcome) | Stage::Dropped(outcome) => {
                    judge.recall(saga, &entry.moments);
                    Verdict {
                        outcome,
                        drafts: Vec::new(),
                        unknown: Vec::new(),
                        moments: entry.moments.clone(),
                        is_ambiguous: false,
                    }
                }
                Stage::Open | Stage::Reopened => {
                    let links = instances.links.get(&at).map_or(&[][..], Vec::as_slice);
                    let evidence = Evidence {
                        moments: &entry.moments,
                        links,
                        doubts,
                        claim,
                    };
                    judge.verdict(saga_index, evidence, horizon, &self.gathered.names)
                }
            };
            let instance = judge.instance();
            if instance.first.is_none()
                && doubts.is_empty()
                && !matches!(entry.stage, Stage::Dropped(_))
            {
                if strange.is_some() {
                    tally.checked(CLAIMS, 1);
                    tally.unknown(CLAIMS, 1);
                }
                continue;
            }
            outcomes[saga_index][verdict.outcome as usize] += 1;
            if verdict.outcome == Outcome::Completed {
                completed.push(at);
            }
            for rule in &verdict.unknown {
                *unknown.entry(rule).or_default() += 1;
            }
            if is_untold && !verdict.unknown.contains(&CLAIMS) {
                *unknown.entry(CLAIMS).or_default() += 1;
            }
            if let Some(doubt) = doubts.first().filter(|_| !verdict.unknown.is_empty()) {
                let doubtful = self.sum.doubtful.entry(saga_index).or_default();
                doubtful.take(id, doubt);
            }
            let telling = Telling {
                is_shared: !verdict.drafts.is_empty() && self.is_shared(saga_index, id),
                is_undetermined: verdict.is_undetermined(),
                horizon,
            };
            let findings: Vec<Finding> = verdict
                .drafts
                .iter()
                .filter(|draft| tally.wants(draft.rule))
                .map(|draft| describe::finding(saga, id, instance, draft.clone(), telling))
                .collect();
            self.findings.extend(findings.iter().cloned());
            let Some(visit) = &mut visit else { continue };
            visit(&Judged {
                saga,
                id,
                instance: Cow::Borrowed(instance),
                verdict: Cow::Borrowed(&verdict),
                findings,
                claim: stated.map(|(_, text)| text.clone()),
                last: entry.last,
                telling,
            });
        }
        self.sum.outcomes = outcomes;
        let isolation = &mut self.gathered.ledgers.isolation;
        completed.into_iter().for_each(|at| isolation.commit(at));
        for (rule, subjects) in unknown {
            tally.unknown(rule, subjects);
        }
        self.unseen(tally);
    }

    /// Counts the instances of all shares, and tells why some of them cannot be judged.
    pub(super) fn instances(&mut self, tally: &mut Tally) {
        for (saga, doubtful) in std::mem::take(&mut self.sum.doubtful) {
            let saga = &self.scope.sagas[saga].name;
            tally.remark(format!("saga {saga}: {}", doubtful.in_words()));
        }
        let statuses = std::mem::take(&mut self.sum.statuses).into_iter();
        statuses.for_each(|remark| tally.remark(remark));
        for (saga, outcomes) in self.scope.sagas.iter().zip(&self.sum.outcomes) {
            self.count(saga, outcomes.iter().sum(), tally);
            tally.saga(saga.name.clone(), *outcomes);
        }
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
