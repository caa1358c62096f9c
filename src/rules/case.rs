//! What a saga rule is given and what it gives back.

use crate::definition::saga::Saga;
use crate::event::{Position, Span, Timestamp};
use crate::finding::Severity;
use crate::rules::Info;
use crate::saga::{At, Instance, Moment, Names};

/// What a status column claims of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claimed {
    /// All done.
    Completed,
    /// All undone.
    Compensated,
    /// Still going on.
    Running,
}

/// A claim with the word it was made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim<'a> {
    /// What it says.
    pub claimed: Claimed,
    /// The raw status.
    pub text: &'a str,
}

/// One instance, replayed, with everything a rule may look at.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// Its definition.
    pub saga: &'a Saga,
    /// Its state.
    pub instance: &'a Instance,
    /// Its events in the judged order.
    pub moments: &'a [Moment],
    /// The instant against which ages are judged.
    pub horizon: Timestamp,
    /// What its status column says.
    pub claim: Option<Claim<'a>>,
    /// The log's beginning was removed.
    pub cut: bool,
    /// Names of errors and stray types.
    pub names: &'a Names,
    /// Rules that the settings switch off: they find nothing, so they explain nothing either.
    pub off: &'a [&'static str],
}

/// A finding in the making: about a step by index, without subject and next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The rule.
    pub rule: &'static str,
    /// Its severity here.
    pub severity: Severity,
    /// The step it is about.
    pub step: Option<usize>,
    /// What tells it from another of the same rule and step.
    pub facet: Option<String>,
    /// The events that show it; sorted when the finding is made.
    pub evidence: Vec<Position>,
    /// Since when.
    pub since: Option<Timestamp>,
    /// For people.
    pub message: String,
}

impl Draft {
    /// A finding of this rule at its usual severity.
    pub fn new(
        info: &Info,
        step: Option<usize>,
        evidence: &[At],
        since: Timestamp,
        message: String,
    ) -> Draft {
        Draft {
            rule: info.name,
            severity: info.severity,
            step,
            facet: None,
            evidence: evidence.iter().map(|at| at.position).collect(),
            since: Some(since),
            message,
        }
    }
}

impl<'a> Case<'a> {
    /// The step's name.
    pub fn name(&self, step: usize) -> &'a str {
        &self.saga.steps[step].name
    }

    /// The names of several steps, in the given order: `a, b and c`.
    pub fn list(&self, steps: impl IntoIterator<Item = usize>) -> String {
        let names: Vec<&str> = steps.into_iter().map(|step| self.name(step)).collect();
        match names.as_slice() {
            [] => String::new(),
            [one] => (*one).to_owned(),
            [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
        }
    }

    /// Whether what arose at `from` with this limit is violated at the horizon.
    pub fn is_past(&self, from: Timestamp, limit: Span) -> bool {
        self.horizon >= from.after(limit)
    }

    /// The time from `at` to the horizon.
    pub fn age(&self, at: Timestamp) -> Span {
        self.horizon.since(at)
    }

    /// Where the instance starts for its deadline.
    pub fn begin(&self) -> Option<At> {
        self.instance.start.or(self.instance.first)
    }

    /// The instance says of itself that it is over: a terminal event or its status column.
    pub fn claims_over(&self) -> bool {
        self.instance.terminal().is_some()
            || self
                .claim
                .is_some_and(|claim| claim.claimed != Claimed::Running)
    }

    /// It was given up after the pivot, where it can only go on, and says no more than that.
    pub fn is_parked_beyond(&self) -> bool {
        let instance = self.instance;
        let claims = |claim: Claim<'_>| claim.claimed != Claimed::Running;
        let both = instance.abandons.zip(instance.pivot);
        both.is_some_and(|(parked, pivot)| pivot.index < parked.index)
            && instance.abort.is_none()
            && instance.completes.is_none()
            && !self.claim.is_some_and(claims)
    }

    /// Nobody is to go on with it: it says that it is over.
    pub fn is_left(&self) -> bool {
        self.claims_over() && !self.is_parked_beyond()
    }

    /// In whose words it says so: the event's meaning or the status.
    pub fn claim_words(&self) -> String {
        let instance = self.instance;
        if let Some(claim) = self.claim.filter(|claim| claim.claimed != Claimed::Running) {
            return format!("status {}", claim.text);
        }
        let said = [
            (instance.compensated, "compensated"),
            (instance.abandons, "abandoned"),
            (instance.completes, "completed"),
        ];
        said.into_iter()
            .find_map(|(at, word)| Some(format!("{word} (position {})", at?.position)))
            .unwrap_or_default()
    }
}
