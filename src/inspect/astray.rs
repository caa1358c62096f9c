//! What rows may account for that may be events of any instance of a saga.
//!
//! Each may be of one instance at most. What is found of an instance stays certain where it is found
//! whatever of them are its own; see [`Strays`] for the rest.

use std::collections::{BTreeMap, BTreeSet};

use crate::brief;
use crate::event::Position;
use crate::finding::Finding;
use crate::inspect::judge::Verdict;
use crate::inspect::run::Run;
use crate::inspect::strays::Strays;
use crate::inspect::tally::Tally;
use crate::replay::OfAny;
use crate::rules::{self, shape};

/// Rows that may be events of an instance, one of which may be what its recovery would do again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unread {
    /// How many there are.
    pub rows: u64,
    /// The first and the last position at which one stands, where one tells.
    pub positions: Option<(Position, Position)>,
}

impl Unread {
    pub(super) const fn of(any: &OfAny) -> Unread {
        Unread {
            rows: any.rows,
            positions: any.positions,
        }
    }

    /// How many there are and where the first of them stands.
    pub fn in_words(&self) -> String {
        Unread::words(self.rows, self.positions.map(|(first, _)| first))
    }

    /// So many such rows, the first of them here, in words.
    pub fn words(rows: u64, first: Option<Position>) -> String {
        let told = brief::count(
            rows,
            "row of which nobody knows whose it is",
            "rows of which nobody knows whose they are",
        );
        match (rows, first) {
            (_, None) => told,
            (1, Some(first)) => format!("{told}, at position {first}"),
            (_, Some(first)) => format!("{told}, the first at position {first}"),
        }
    }
}

/// What is known of the instances of a saga that has such rows.
#[derive(Debug, Default)]
pub(super) struct OfSaga {
    /// How many such rows there are.
    pub(super) rows: u64,
    /// How many of them may make an instance.
    placed: u64,
    /// Ids of which nothing was met that makes an instance.
    pub(super) empty: u64,
    rules: BTreeMap<&'static str, OfRule>,
}

/// What a rule says of these instances.
#[derive(Debug, Default)]
struct OfRule {
    /// Subjects that are no instances of which an event was met.
    others: u64,
    /// Subjects of which it cannot be told anyway.
    unknown: u64,
    /// How many subjects break it that may not, for such a row.
    wrong: u64,
    /// What is found of them.
    findings: Vec<Finding>,
}

impl OfSaga {
    /// Counts one more subject that breaks these rules, or may not, for such a row.
    pub(super) fn count(&mut self, rules: impl IntoIterator<Item = &'static str>) {
        let rules: BTreeSet<&'static str> = rules.into_iter().collect();
        for rule in rules {
            self.rules.entry(rule).or_default().wrong += 1;
        }
    }

    /// The same, with what is found of it.
    pub(super) fn take(&mut self, findings: Vec<Finding>) {
        self.count(findings.iter().map(|finding| finding.rule));
        for finding in findings {
            let own = self.rules.entry(finding.rule).or_default();
            own.findings.push(finding);
        }
    }

    /// Notes that a rule cannot tell of so many subjects anyway.
    pub(super) fn unknown(&mut self, rule: &'static str, subjects: u64) {
        self.rules.entry(rule).or_default().unknown += subjects;
    }

    /// Notes that a rule looked at so many subjects beside the instances that were met.
    pub(super) fn beside(&mut self, rule: &'static str, subjects: u64) {
        self.rules.entry(rule).or_default().others += subjects;
    }

    fn strays(&self, rule: &str) -> Strays {
        let wrong = self.rules.get(rule).map_or(0, |own| own.wrong);
        Strays::one_each(self.rows, wrong)
    }

    /// Whether all that a rule found, beside what is certain, may come of these rows.
    pub(super) fn explain_all(&self, rule: &str) -> bool {
        self.strays(rule).explain_all()
    }

    /// One of the findings that they do not explain all of, which says so.
    pub(super) fn beside_others(&self, finding: Finding) -> Finding {
        self.strays(finding.rule).beside(finding)
    }
}

impl Run<'_> {
    /// Notes how many rows may be of any instance of which saga.
    pub(super) fn meet_strays(&mut self) {
        for index in 0..self.scope.sagas.len() {
            if let Some(any) = self.gathered.astray.of(index as u16) {
                let of_saga = self.sum.astray.entry(index).or_default();
                (of_saga.rows, of_saga.placed) = (any.rows, any.placed);
            }
        }
    }

    /// Counts what such rows may account for, and tells of them. Answers what is found all the same.
    /// Of a saga of which nothing else was met, they are an instance.
    pub(super) fn strays_of_sagas(&mut self, tally: &mut Tally) -> Vec<Finding> {
        let mut found = Vec::new();
        for (index, of_saga) in std::mem::take(&mut self.sum.astray) {
            let saga = &self.scope.sagas[index];
            let met: u64 = self.sum.outcomes.get(index).map_or(0, |it| it.iter().sum());
            let hidden = self.hidden_instances(met, &of_saga);
            let whose = format!("saga {}", saga.name);
            let is_wrong = |own: &OfRule| own.wrong > 0;
            if !of_saga.rules.values().any(is_wrong) {
                Strays::one_each(of_saga.rows, 0).remark(&whose, [""; 2], tally);
            }
            let OfSaga {
                rows, mut rules, ..
            } = of_saga;
            let judging = rules::of_instances(saga, self.definition);
            let judging = judging.filter(|rule| tally.wants(rule));
            let judging: Vec<&'static str> = judging.collect();
            for rule in judging {
                let own = rules.remove(rule).unwrap_or_default();
                let strays = Strays::one_each(rows, own.wrong);
                let told = (met + hidden + own.others).saturating_sub(own.unknown);
                // What is wrong with some may come of these rows, and they may be of others still.
                let wrong = if strays.explain_all() { own.wrong } else { 0 };
                tally.unknown(rule, (strays.untold(told) + wrong).min(told));
                if own.wrong > 0 {
                    let words = [
                        &*format!("instance breaks {rule}"),
                        &*format!("instances break {rule}"),
                    ];
                    strays.remark(&whose, words, tally);
                }
                strays.report(own.findings, &mut found);
            }
        }
        found
    }

    /// How many instances there may be, as far as is known, of which nothing but such rows was met that
    /// makes one.
    pub(super) fn hidden_instances(&self, met: u64, of_saga: &OfSaga) -> u64 {
        let is_alone = met == 0 && of_saga.placed > 0 && self.options.instances.is_empty();
        of_saga.empty.min(of_saga.placed).max(u64::from(is_alone))
    }
}

/// These rows, where what the recovery of an instance has to do may be another with some of them.
pub(super) fn unread(any: &OfAny, loose: &Verdict) -> Option<Unread> {
    let mut unknown = loose.unknown.iter();
    let is_other = loose.is_ambiguous || unknown.any(|rule| *rule != shape::UNKNOWN_EVENT.name);
    is_other.then(|| Unread::of(any))
}
