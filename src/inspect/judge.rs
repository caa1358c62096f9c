//! Judges one instance, in every order and under every meaning that its log leaves open.
//!
//! Where a log's order is time, events closer than the skew are concurrent; where a condition could
//! not be evaluated, or something of a row cannot be read, an event may mean one thing or another. An
//! instance is then judged in each of the possible ways: what is wrong in all of them is wrong, what
//! is wrong in some is unknown.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::definition::log::{LogDefinition, Order};
use crate::definition::saga::Saga;
use crate::event::Timestamp;
use crate::inspect::alike::{IN_BETWEEN, representatives};
use crate::inspect::ways::ways;
use crate::replay::{Doubt, Link};
use crate::rules::case::{Case, Claim, Claimed, Draft};
use crate::rules::{self, Check, false_claim};
use crate::saga::{Instance, Moment, Names, Outcome};

/// So many rows that may be events of any instance can be tried in every choice as events of one.
const MOST: usize = 7;

/// What is known of an instance.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// Where it stands, in the most plausible order.
    pub outcome: Outcome,
    /// What is wrong with it, whatever way it is read.
    pub drafts: Vec<Draft>,
    /// Rules of which it cannot be told.
    pub unknown: Vec<&'static str>,
    /// Its events in the most plausible order.
    pub moments: Vec<Moment>,
    /// Where it stands is not the same whatever way it is read.
    pub is_ambiguous: bool,
    /// Of what is wrong, that which is not told alike whatever way it is read.
    varying: Vec<Draft>,
    /// Rules that it breaks whatever way it is read, each time at another place; of each, one stands
    /// among what is wrong.
    somehow: Vec<&'static str>,
}

impl Verdict {
    /// Whether something of it cannot be told, so that nobody knows what a recovery has to do.
    pub fn is_undetermined(&self) -> bool {
        self.is_ambiguous || !self.unknown.is_empty()
    }

    /// Of an instance of which nothing is wrong, nor unknown.
    pub fn clean(outcome: Outcome, moments: Vec<Moment>) -> Verdict {
        Verdict {
            outcome,
            drafts: Vec::new(),
            unknown: Vec::new(),
            moments,
            is_ambiguous: false,
            varying: Vec::new(),
            somehow: Vec::new(),
        }
    }

    /// Whether what is wrong so is told in another way where the instance is read in another.
    pub fn varies(&self, draft: &Draft) -> bool {
        let is_elsewhere = self.somehow.contains(&draft.rule) && !self.has(draft);
        is_elsewhere || self.varying.iter().any(|own| is_same(own, draft))
    }

    /// Whether this, which is among all that a narrower look found, is wrong whatever way the instance
    /// is read here, too: so, or else in place of what is wrong with it elsewhere.
    pub fn confirms(&self, draft: &Draft, all: &[Draft]) -> bool {
        let mut of_rule = all.iter().filter(|other| other.rule == draft.rule);
        let mut others = of_rule.clone();
        self.has(draft)
            || self.somehow.contains(&draft.rule)
                && !others.any(|other| self.has(other))
                && of_rule.next().is_some_and(|first| is_same(first, draft))
    }

    /// Takes none of these rules for broken that is broken each time at another place.
    fn leave_open(&mut self, rules: &[&'static str]) {
        let somehow = std::mem::take(&mut self.somehow);
        let (open, kept): (Vec<_>, Vec<_>) =
            somehow.into_iter().partition(|rule| rules.contains(rule));
        self.drafts.retain(|draft| !open.contains(&draft.rule));
        self.somehow = kept;
    }

    /// Whether this is among what is wrong with it.
    pub fn has(&self, draft: &Draft) -> bool {
        self.drafts.iter().any(|own| is_same(own, draft))
    }
}

/// Whether another reading finds the same and tells it in other words, or by other events.
fn is_told_otherwise(known: &Draft, drafts: &[Draft]) -> bool {
    let events = |draft: &Draft| draft.evidence.iter().copied().collect::<BTreeSet<_>>();
    let mut same = drafts.iter().filter(|draft| is_same(draft, known));
    same.any(|draft| draft.message != known.message || events(draft) != events(known))
}

/// Whether two readings of an instance find the same.
fn is_same(one: &Draft, other: &Draft) -> bool {
    (one.rule, one.step, &one.facet) == (other.rule, other.step, &other.facet)
}

/// What is judged.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The certain events, as they arrived.
    pub moments: &'a [Moment],
    /// Their links; empty where positions order.
    pub links: &'a [Link],
    /// The doubtful events.
    pub doubts: &'a [Doubt],
    /// What the status column says.
    pub claim: Option<Claim<'a>>,
}

/// Judges instances of one log, one after the other, without allocating for the clean ones.
#[derive(Debug)]
pub struct Judge<'a> {
    definition: &'a LogDefinition,
    sagas: &'a [Arc<Saga>],
    /// In step with the sagas.
    checks: Vec<Vec<Check>>,
    off: &'a [&'static str],
    instance: Instance,
    drafts: Vec<Draft>,
}

impl<'a> Judge<'a> {
    /// A judge for instances of these sagas in this log, without the rules that are `off`.
    pub fn new(
        definition: &'a LogDefinition,
        sagas: &'a [Arc<Saga>],
        off: &'a [&'static str],
    ) -> Judge<'a> {
        let checks = |saga: &Arc<Saga>| rules::checks(saga, definition, off);
        Judge {
            definition,
            sagas,
            checks: sagas.iter().map(checks).collect(),
            off,
            instance: Instance::default(),
            drafts: Vec::new(),
        }
    }

    /// The instance judged last, in the most plausible order if nothing else was judged since.
    pub fn instance(&self) -> &Instance {
        &self.instance
    }

    /// Replays an instance that was judged before.
    pub fn recall(&mut self, saga: &Saga, moments: &[Moment]) {
        self.instance.replay(saga, moments);
    }

    /// How an instance ended, if it is over and nothing is wrong with it at any horizon.
    pub fn settled(
        &mut self,
        saga: usize,
        moments: &[Moment],
        claim: Option<Claim<'_>>,
        names: &Names,
    ) -> Option<Outcome> {
        let (saga, checks) = (&self.sagas[saga], &self.checks[saga]);
        self.instance.replay(saga, moments);
        let outcome = self.instance.outcome(saga);
        if !outcome.is_over() {
            return None;
        }
        let mut drafts = std::mem::take(&mut self.drafts);
        drafts.clear();
        let case = self.case(saga, moments, Timestamp::MAX, claim, names);
        rules::judge(&case, checks, &mut drafts);
        let is_clean = drafts.is_empty() && !rules::is_unlimited(&case);
        self.drafts = drafts;
        (is_clean && !self.is_headless()).then_some(outcome)
    }

    /// The start of the instance was cut off, so nothing can be said of what came before.
    fn is_headless(&self) -> bool {
        self.definition.cut && self.instance.start.is_none()
    }

    fn case<'c>(
        &'c self,
        saga: &'c Saga,
        moments: &'c [Moment],
        horizon: Timestamp,
        claim: Option<Claim<'c>>,
        names: &'c Names,
    ) -> Case<'c> {
        Case {
            saga,
            instance: &self.instance,
            moments,
            horizon,
            claim,
            cut: self.definition.cut,
            names,
            off: self.off,
        }
    }

    /// Judges an instance at a horizon.
    pub fn verdict(
        &mut self,
        saga: usize,
        evidence: Evidence<'_>,
        horizon: Timestamp,
        names: &Names,
    ) -> Verdict {
        let (saga, checks) = (&self.sagas[saga], &self.checks[saga]);
        let Some(ways) = ways(saga, &evidence, self.definition.order, horizon) else {
            return self.undetermined(saga, evidence.moments);
        };
        let claims_an_end = evidence
            .claim
            .is_some_and(|claim| claim.claimed != Claimed::Running);
        let mut common: Option<Vec<Draft>> = None;
        let mut footing = None;
        let mut is_ambiguous = false;
        let mut unknown: Vec<&'static str> = Vec::new();
        let mut varying: Vec<Draft> = Vec::new();
        // Of the first way, what breaks a rule that every other way breaks, too.
        let mut always: Vec<Draft> = Vec::new();
        for moments in &ways {
            self.instance.replay(saga, moments);
            if ways.len() > 1 {
                let own = self.instance.footing(saga);
                is_ambiguous |= footing.as_ref().is_some_and(|first| *first != own);
                footing.get_or_insert(own);
            }
            let case = self.case(saga, moments, horizon, evidence.claim, names);
            let mut drafts = Vec::new();
            if self.instance.first.is_some() {
                rules::judge(&case, checks, &mut drafts);
                unknown.extend(rules::take_untold(&mut drafts, horizon));
                if rules::is_unlimited(&case) {
                    unknown.push("compensation/uncompensated");
                }
            } else if claims_an_end {
                // It is no instance so, and what is claimed of it is false.
                unknown.push(false_claim::INFO.name);
            }
            match &mut common {
                None => {
                    if ways.len() > 1 {
                        always.clone_from(&drafts);
                    }
                    common = Some(drafts);
                }
                Some(common) => {
                    always.retain(|one| drafts.iter().any(|draft| draft.rule == one.rule));
                    varying.extend(
                        common
                            .iter()
                            .filter(|known| is_told_otherwise(known, &drafts))
                            .cloned(),
                    );
                    let gone = common
                        .iter()
                        .filter(|known| !drafts.iter().any(|draft| is_same(draft, known)));
                    let new = drafts
                        .iter()
                        .filter(|draft| !common.iter().any(|known| is_same(draft, known)));
                    unknown.extend(gone.chain(new).map(|draft| draft.rule));
                    common.retain(|known| drafts.iter().any(|draft| is_same(draft, known)));
                }
            }
        }
        let moments = ways.into_iter().next().unwrap_or_default();
        self.instance.replay(saga, &moments);
        if self.is_headless() {
            return self.undetermined(saga, &moments);
        }
        unknown.sort_unstable();
        unknown.dedup();
        let mut drafts = common.unwrap_or_default();
        let mut somehow = Vec::new();
        for likeliest in always {
            if drafts.iter().all(|draft| draft.rule != likeliest.rule) {
                somehow.push(likeliest.rule);
                varying.push(likeliest.clone());
                drafts.push(likeliest);
            }
        }
        Verdict {
            outcome: self.instance.outcome(saga),
            drafts,
            unknown,
            moments,
            is_ambiguous,
            varying,
            somehow,
        }
    }

    /// Judges an instance as if each of some rows that may be events of it were one, or were not.
    pub fn loosely(
        &mut self,
        saga: usize,
        evidence: Evidence<'_>,
        rows: &[Doubt],
        horizon: Timestamp,
        names: &Names,
    ) -> Verdict {
        let own = &self.sagas[saga];
        let few = match self.definition.order {
            Order::Position if evidence.doubts.is_empty() => {
                representatives(own, evidence.moments, rows, MOST)
            }
            _ => (rows.len() <= MOST).then(|| rows.iter().collect()),
        };
        let Some(few) = few else {
            return self.undetermined(own, evidence.moments);
        };
        let is_part = few.len() < rows.len();
        let doubts: Vec<Doubt> = evidence.doubts.iter().chain(few).cloned().collect();
        let evidence = Evidence {
            doubts: &doubts,
            ..evidence
        };
        let mut verdict = self.verdict(saga, evidence, horizon, names);
        if is_part {
            verdict.leave_open(&IN_BETWEEN);
        }
        verdict
    }

    fn undetermined(&mut self, saga: &Saga, moments: &[Moment]) -> Verdict {
        self.instance.replay(saga, moments);
        let unknown = rules::of_instances(saga, self.definition).collect();
        Verdict {
            is_ambiguous: true,
            unknown,
            ..Verdict::clean(self.instance.outcome(saga), moments.to_vec())
        }
    }
}
