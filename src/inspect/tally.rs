//! What a report counts: findings by rule, with what each rule looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::brief;
use crate::definition::Scope;
use crate::definition::settings::{Allow, Settings};
use crate::event::Timestamp;
use crate::finding::{Finding, LogName, Next, Severity};
use crate::inspect::asked::Asked;
use crate::inspect::origins::Origins;
use crate::inspect::settle::{about_allow, allows, is_expired, is_usual, severity};
use crate::report::{ProjectionCount, Report, RuleCount, SagaCount};
use crate::rules::{
    self,
    definition::{EXPIRED_ALLOW, UNUSED_ALLOW},
};
use crate::saga::Outcome;

/// Collects findings and counts over all logs of a run.
#[derive(Debug)]
pub struct Tally {
    rules: Vec<&'static str>,
    counts: BTreeMap<&'static str, RuleCount>,
    /// Those that something declared has a use for, whatever something else has not.
    used: BTreeSet<&'static str>,
    /// By rule.
    findings: BTreeMap<&'static str, Vec<Finding>>,
    sagas: Vec<SagaCount>,
    projections: Vec<ProjectionCount>,
    accepted: usize,
    remarks: Vec<String>,
    /// The log that is judged, where there are several.
    log: Option<LogName>,
    origins: Origins,
    narrowed: bool,
    asked: Asked,
    /// How many findings of one rule are listed, the first ones of its part of the report; beyond that
    /// they are only counted. `None` is all.
    listed: Option<usize>,
}

impl Tally {
    /// A tally in which these rules count. In a `narrowed` run, which looks at some subjects only,
    /// an `allow` without a finding is nothing to tell of.
    pub fn new(rules: &[&'static str], narrowed: bool, listed: Option<usize>) -> Tally {
        let counts = rules
            .iter()
            .map(|rule| {
                (
                    *rule,
                    RuleCount {
                        rule,
                        checked: 0,
                        found: 0,
                        unlisted: [0; Severity::ALL.len()],
                        unknown: 0,
                        idle: None,
                    },
                )
            })
            .collect();
        Tally {
            rules: rules.to_vec(),
            counts,
            used: BTreeSet::new(),
            findings: BTreeMap::new(),
            sagas: Vec::new(),
            projections: Vec::new(),
            accepted: 0,
            remarks: Vec::new(),
            log: None,
            origins: Origins::default(),
            narrowed,
            asked: Asked::default(),
            listed,
        }
    }

    /// The same for findings about what is asked for.
    pub fn about(self, asked: Asked) -> Tally {
        Tally { asked, ..self }
    }

    /// What was asked for and is in the log that is judged.
    pub fn meet<'a>(&mut self, met: impl Iterator<Item = &'a String>) {
        self.asked.meet(met);
    }

    /// The same for the logs of these scopes.
    pub fn of_logs(self, scopes: &[Scope]) -> Tally {
        Tally {
            origins: Origins::new(scopes),
            ..self
        }
    }

    /// What comes next is of this log, of several.
    pub fn begin(&mut self, log: LogName) {
        self.log = Some(log);
    }

    /// Whether a rule counts in this run.
    pub fn wants(&self, rule: &str) -> bool {
        self.counts.contains_key(rule)
    }

    /// A rule looked at so many more subjects of something that has a use for it.
    pub fn checked(&mut self, rule: &str, subjects: u64) {
        if let Some(count) = self.counts.get_mut(rule) {
            count.checked += subjects;
            self.used.insert(count.rule);
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

    /// A remark for the reader; of one log of several it tells which.
    pub fn remark(&mut self, remark: String) {
        let remark = match &self.log {
            None => remark,
            Some(log) => {
                let own = format!("log {}: ", log.name);
                let what = remark.strip_prefix(&own).unwrap_or(&remark);
                format!("log {log}: {what}")
            }
        };
        if !self.remarks.contains(&remark) {
            self.remarks.push(remark);
        }
    }

    /// All remarks.
    pub fn into_remarks(self) -> Vec<String> {
        self.remarks
    }

    /// Remarks on what there is more than none of, each in words for one and for several.
    pub fn count_remarks(&mut self, whose: &str, counted: &[(u64, &str, &str)]) {
        for (number, one, several) in counted.iter().filter(|(number, ..)| *number > 0) {
            self.remark(format!("{whose}: {}", brief::count(*number, one, several)));
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
            let Some(finding) = self.admit(finding, settings, horizon, used) else {
                continue;
            };
            if let Some(count) = self.counts.get_mut(finding.rule) {
                count.found += 1;
                leave_out(count, finding.severity, 1);
            }
        }
    }

    /// Counts findings of a rule of which nobody keeps more than that they are there, as the settings
    /// of their log want them.
    pub fn count_only(
        &mut self,
        (info, findings): (&rules::Info, u64),
        settings: &Settings,
        horizon: Option<Timestamp>,
        used: &mut [bool],
    ) {
        let Some(severity) = severity(settings, (info.name, info.severity), true) else {
            return;
        };
        let is_asked = findings > 0 && self.asked.is_about_all();
        let Some(count) = self.counts.get_mut(info.name).filter(|_| is_asked) else {
            return;
        };
        let whole = |allow: &Allow| allow.rule == info.name && allow.subject.is_none();
        let mut allows = settings.allow.iter();
        match allows.position(|allow| whole(allow) && !is_expired(allow, horizon)) {
            Some(allow) => {
                used[allow] = true;
                self.accepted += usize::try_from(findings).unwrap_or(usize::MAX);
            }
            None => {
                count.found += findings;
                leave_out(count, severity, findings);
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
        let usual = is_usual(&finding);
        finding.severity = severity(settings, (finding.rule, finding.severity), usual)?;
        if !(self.wants(finding.rule) && self.asked.is_about(&finding)) {
            return None;
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
        Some(self.tell(finding))
    }

    /// A finding with its log: the same may be wrong in two, and is to be accepted for each.
    fn tell(&self, finding: Finding) -> Finding {
        match &self.log {
            Some(log) => self.origins.tell(finding, log),
            None => finding,
        }
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
                // What is allowed may be what cannot be told now.
                let of_rule = self.counts.get(allow.rule);
                if !expired && of_rule.is_some_and(|count| count.unknown > 0) {
                    self.unknown(info.name, 1);
                    continue;
                }
                let usual = (info.name, info.severity);
                let Some(severity) = severity(settings, usual, true) else {
                    continue;
                };
                self.add(self.tell(about_allow(allow, info, severity, log)));
            }
        }
        for info in [&UNUSED_ALLOW, &EXPIRED_ALLOW] {
            match settings.allow.len() as u64 {
                0 => self.idle(info.name, "nothing is allowed"),
                allowed => self.checked(info.name, allowed),
            }
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
        if let Some(listed) = self.listed
            && own.len() >= 2 * listed
        {
            keep_first(own, self.listed, count);
        }
    }

    /// Writes everything into the report, in its order.
    pub fn finish(mut self, report: &mut Report) {
        // What follows is of all logs.
        self.log = None;
        for remark in self.asked.remarks() {
            self.remark(remark);
        }
        for rule in &self.rules {
            if let Some(mut count) = self.counts.remove(rule) {
                if let Some(findings) = self.findings.get_mut(rule) {
                    keep_first(findings, self.listed, &mut count);
                }
                let unlisted: u64 = count.unlisted.iter().sum();
                if unlisted > 0 {
                    let cure = match self.listed {
                        Some(_) => "--limit 0 or --format jsonl lists more of them",
                        None => "narrow the run to see them",
                    };
                    self.remarks.push(format!(
                        "{rule}: {unlisted} of {} findings are counted and not listed; {cure}",
                        count.found
                    ));
                }
                let is_idle = count.checked == 0 && count.found == 0 && count.unknown == 0;
                if !is_idle || self.used.contains(rule) {
                    count.idle = count
                        .idle
                        .filter(|reason| *reason == "switched off in the settings");
                }
                if is_idle {
                    let is_of_saga = self.used.contains(rule) && rules::is_of_instances(rule);
                    count
                        .idle
                        .get_or_insert(match is_of_saga && !self.narrowed {
                            true => "no saga that it looks at has an instance",
                            false => "nothing to look at",
                        });
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
        report.is_void = self.asked.is_void();
        report.findings = findings;
        report.sagas = self.sagas;
        report.projections = self.projections;
        report.accepted += self.accepted;
        report.remarks.append(&mut self.remarks);
    }
}

/// Notes that findings of a rule are not listed.
fn leave_out(count: &mut RuleCount, severity: Severity, findings: u64) {
    for (own, unlisted) in Severity::ALL.iter().zip(&mut count.unlisted) {
        if *own == severity {
            *unlisted += findings;
        }
    }
}

/// Puts the findings of one rule in their order, and keeps the first of them.
fn keep_first(findings: &mut Vec<Finding>, listed: Option<usize>, count: &mut RuleCount) {
    findings.sort_by(|one, other| {
        let severity = other.severity.cmp(&one.severity);
        severity
            .then_with(|| one.subject.cmp(&other.subject))
            .then_with(|| one.step.cmp(&other.step))
            .then_with(|| one.evidence.cmp(&other.evidence))
    });
    let listed = listed.map_or(findings.len(), |listed| listed.min(findings.len()));
    for finding in findings.drain(listed..) {
        leave_out(count, finding.severity, 1);
    }
}

#[cfg(test)]
#[path = "tally_tests.rs"]
mod tests;
