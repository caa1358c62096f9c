//! What a report counts: findings by rule, with what each rule looked at.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::definition::settings::{Allow, Settings};
use crate::event::Timestamp;
use crate::finding::{Finding, Next, Severity, Subject, SubjectKind};
use crate::report::{ProjectionCount, Report, RuleCount, SagaCount};
use crate::rules::{
    self,
    definition::{EXPIRED_ALLOW, UNUSED_ALLOW},
};
use crate::saga::Outcome;

/// How many findings of one rule are kept, the first ones of its part of the report; beyond that they are only counted.
const KEPT: usize = 10_000;

/// Collects findings and counts over all logs of a run.
#[derive(Debug)]
pub struct Tally {
    rules: Vec<&'static str>,
    counts: BTreeMap<&'static str, RuleCount>,
    /// By rule.
    findings: BTreeMap<&'static str, Vec<Finding>>,
    sagas: Vec<SagaCount>,
    projections: Vec<ProjectionCount>,
    accepted: usize,
    remarks: Vec<String>,
    narrowed: bool,
}

impl Tally {
    /// A tally in which these rules count. In a `narrowed` run, which looks at some subjects only,
    /// an `allow` without a finding is nothing to tell of.
    pub fn new(rules: &[&'static str], narrowed: bool) -> Tally {
        let counts = rules
            .iter()
            .map(|rule| {
                (
                    *rule,
                    RuleCount {
                        rule,
                        checked: 0,
                        found: 0,
                        unknown: 0,
                        idle: None,
                    },
                )
            })
            .collect();
        Tally {
            rules: rules.to_vec(),
            counts,
            findings: BTreeMap::new(),
            sagas: Vec::new(),
            projections: Vec::new(),
            accepted: 0,
            remarks: Vec::new(),
            narrowed,
        }
    }

    /// Whether a rule counts in this run.
    pub fn wants(&self, rule: &str) -> bool {
        self.counts.contains_key(rule)
    }

    /// A rule looked at so many more subjects.
    pub fn checked(&mut self, rule: &str, subjects: u64) {
        if let Some(count) = self.counts.get_mut(rule) {
            count.checked += subjects;
        }
    }

    /// A rule could not tell of so many subjects.
    pub fn unknown(&mut self, rule: &str, subjects: u64) {
        if let Some(count) = self.counts.get_mut(rule) {
            count.unknown += subjects;
        }
    }

    /// A rule had nothing to look at in one log or saga; it stays idle unless it has elsewhere.
    pub fn idle(&mut self, rule: &str, reason: &'static str) {
        if let Some(count) = self.counts.get_mut(rule) {
            count.idle.get_or_insert(reason);
        }
    }

    /// A remark for the reader.
    pub fn remark(&mut self, remark: String) {
        if !self.remarks.contains(&remark) {
            self.remarks.push(remark);
        }
    }

    /// The instances of a saga by outcome.
    pub fn saga(&mut self, saga: Arc<str>, outcomes: [u64; Outcome::ALL.len()]) {
        self.sagas.push(SagaCount { saga, outcomes });
    }

    /// The keys of a projection by verdict.
    pub fn projection(&mut self, count: ProjectionCount) {
        self.projections.push(count);
    }

    /// Takes findings of one log in, as its settings want them; notes which of what they allow was of
    /// use.
    pub fn take(
        &mut self,
        found: Vec<Finding>,
        settings: &Settings,
        horizon: Option<Timestamp>,
        used: &mut [bool],
    ) {
        for finding in found {
            if let Some(finding) = self.admit(finding, settings, horizon, used) {
                self.add(finding);
            }
        }
    }

    /// Counts findings that are not listed, as [`Tally::take`] would.
    pub fn count(
        &mut self,
        found: impl Iterator<Item = Finding>,
        settings: &Settings,
        horizon: Option<Timestamp>,
        used: &mut [bool],
    ) {
        for finding in found {
            let admitted = self.admit(finding, settings, horizon, used);
            let count = admitted.and_then(|finding| self.counts.get_mut(finding.rule));
            if let Some(count) = count {
                count.found += 1;
            }
        }
    }

    /// A finding as the settings want it, unless they switch its rule off or allow it.
    fn admit(
        &mut self,
        mut finding: Finding,
        settings: &Settings,
        horizon: Option<Timestamp>,
        used: &mut [bool],
    ) -> Option<Finding> {
        match settings.rules.get(finding.rule) {
            Some(None) => return None,
            Some(Some(severity)) if is_usual(&finding) => finding.severity = *severity,
            _ => {}
        }
        let accepted = settings
            .allow
            .iter()
            .position(|allow| allows(allow, &finding) && !is_expired(allow, horizon));
        if let Some(allow) = accepted {
            used[allow] = true;
            self.accepted += 1;
            return None;
        }
        Some(finding)
    }

    /// Tells what is wrong with what the settings of one log allow, once all of it was taken in.
    pub fn allowed(
        &mut self,
        settings: &Settings,
        used: &[bool],
        log: &Arc<str>,
        horizon: Option<Timestamp>,
    ) {
        for (allow, used) in settings.allow.iter().zip(used) {
            let expired = is_expired(allow, horizon);
            let info = if expired {
                &EXPIRED_ALLOW
            } else {
                &UNUSED_ALLOW
            };
            let concerns = self.wants(allow.rule);
            if self.wants(info.name) && concerns && (expired || !(*used || self.narrowed)) {
                let severity = match settings.rules.get(info.name) {
                    Some(None) => continue,
                    Some(Some(severity)) => *severity,
                    None => info.severity,
                };
                self.add(about_allow(allow, info, severity, log));
            }
        }
        for info in [&UNUSED_ALLOW, &EXPIRED_ALLOW] {
            if settings.allow.is_empty() {
                self.idle(info.name, "nothing is allowed");
            }
            self.checked(info.name, settings.allow.len() as u64);
        }
        for (rule, level) in &settings.rules {
            if level.is_none() {
                self.idle(rule, "switched off in the settings");
            }
        }
    }

    /// Adds a finding; one that names no command to look closer with is explained.
    fn add(&mut self, finding: Finding) {
        let Some(count) = self.counts.get_mut(finding.rule) else {
            return;
        };
        count.found += 1;
        let next = (finding.next).unwrap_or_else(|| Next::command(["explain", finding.rule]));
        let own = self.findings.entry(finding.rule).or_default();
        own.push(Finding {
            next: Some(next),
            ..finding
        });
        if own.len() >= 2 * KEPT {
            keep_first(own);
        }
    }

    /// Writes everything into the report, in its order.
    pub fn finish(mut self, report: &mut Report) {
        self.findings.values_mut().for_each(keep_first);
        for rule in &self.rules {
            if let Some(mut count) = self.counts.remove(rule) {
                let listed = self.findings.get(rule).map_or(0, Vec::len);
                if count.found > listed as u64 {
                    self.remarks.push(format!(
                        "{rule}: the first {listed} of {} findings are listed; narrow the run to see the others",
                        count.found
                    ));
                }
                if count.checked > 0 || count.found > 0 || count.unknown > 0 {
                    count.idle = count
                        .idle
                        .filter(|reason| *reason == "switched off in the settings");
                } else {
                    count.idle.get_or_insert("nothing to look at");
                }
                report.rules.push(count);
            }
        }
        let place = |rule: &str| rules::table().position(|info| info.name == rule);
        let mut findings: Vec<Finding> = self.findings.into_values().flatten().collect();
        findings.sort_by(|one, other| {
            let severity = other.severity.cmp(&one.severity);
            severity.then_with(|| place(one.rule).cmp(&place(other.rule)))
        });
        report.findings = findings;
        report.sagas = self.sagas;
        report.projections = self.projections;
        report.accepted += self.accepted;
        report.remarks.append(&mut self.remarks);
    }
}

/// Puts the findings of one rule in their order, and keeps the first of them.
fn keep_first(findings: &mut Vec<Finding>) {
    findings.sort_by(|one, other| {
        let severity = other.severity.cmp(&one.severity);
        severity
            .then_with(|| one.subject.cmp(&other.subject))
            .then_with(|| one.step.cmp(&other.step))
            .then_with(|| one.evidence.cmp(&other.evidence))
    });
    findings.truncate(KEPT);
}

fn allows(allow: &Allow, finding: &Finding) -> bool {
    allow.rule == finding.rule
        && allow
            .subject
            .as_ref()
            .is_none_or(|(kind, id)| *kind == finding.subject.kind && **id == *finding.subject.id)
}

/// Whether a finding has its rule's usual severity: one that a rule lowered stays lowered.
fn is_usual(finding: &Finding) -> bool {
    rules::find(finding.rule).is_some_and(|info| info.severity == finding.severity)
}

fn is_expired(allow: &Allow, horizon: Option<Timestamp>) -> bool {
    matches!((allow.until, horizon), (Some(until), Some(horizon)) if horizon >= until)
}

fn about_allow(allow: &Allow, info: &rules::Info, severity: Severity, log: &Arc<str>) -> Finding {
    let subject = allow.subject.as_ref().map_or("every subject", |(_, id)| id);
    let what = match allow.until {
        Some(until) if info.name == EXPIRED_ALLOW.name => {
            format!(
                "{} is allowed for {subject} only until {until}: {}",
                allow.rule, allow.reason
            )
        }
        _ => format!(
            "{} is allowed for {subject}, but nothing of it was found: {}",
            allow.rule, allow.reason
        ),
    };
    Finding {
        rule: info.name,
        severity,
        subject: Subject {
            kind: SubjectKind::Definition,
            definition: log.clone(),
            id: match &allow.subject {
                Some((_, id)) => format!("{} {id}", allow.rule),
                None => allow.rule.to_owned(),
            },
        },
        step: None,
        facet: None,
        evidence: Vec::new(),
        since: None,
        age: None,
        message: format!(
            "{what} ({}:{})",
            allow.place.file.display(),
            allow.place.line
        ),
        next: None,
    }
}
