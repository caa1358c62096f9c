//! Whether a plan took: what its log says now of what was done.
//!
//! That a service answered is no proof. What counts is the event, and the state that it leads to.

use serde::Serialize;

use crate::definition::Definitions;
use crate::inspect::{Options, RunError};
use crate::recovery::apply::fresh::{Fresh, Moved, Source};
use crate::recovery::apply::whereabouts;
use crate::recovery::document::{ActionV1, InstanceV1, PlanV1, Way};
use crate::recovery::journal::{Done, Journal, JournalError};
use crate::recovery::watch::Watch;
use crate::saga::StepEvent;

/// One action of a plan, and what the log says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// The log's name.
    pub log: String,
    /// The saga.
    pub saga: String,
    /// The instance.
    pub id: String,
    /// The step.
    pub step: String,
    /// Which way.
    pub direction: Way,
    /// The idempotency key.
    pub key: String,
    /// What the log says.
    pub verdict: Verdict,
    /// Why.
    pub detail: String,
}

/// What the log says of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Its event is there, and the state is what the plan wanted.
    Confirmed,
    /// It is done, says the journal; the log does not show it yet.
    Submitted,
    /// The log says otherwise.
    Contradicted,
    /// It may have been done; the log does not show it.
    Unknown,
    /// It was not done.
    Unsent,
}

impl Verdict {
    /// Every verdict, in the order of summaries.
    pub const ALL: [Verdict; 5] = [
        Verdict::Confirmed,
        Verdict::Submitted,
        Verdict::Contradicted,
        Verdict::Unknown,
        Verdict::Unsent,
    ];

    /// The one word for it, everywhere.
    pub const fn label(self) -> &'static str {
        match self {
            Verdict::Confirmed => "confirmed",
            Verdict::Submitted => "submitted",
            Verdict::Contradicted => "contradicted",
            Verdict::Unknown => "unknown",
            Verdict::Unsent => "unsent",
        }
    }

    /// Whether waiting may change it.
    pub const fn may_settle(self) -> bool {
        matches!(self, Verdict::Submitted | Verdict::Unknown)
    }
}

/// Why nothing can be said.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] RunError),
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Compares a plan with what its log says now; without a journal nothing is known to be done but
/// what the log shows.
///
/// # Errors
/// See [`VerifyError`].
pub fn verify(
    plan: &PlanV1,
    (definitions, options): (&Definitions, &Options),
    journal: Option<&Journal>,
    watch: Watch<'_>,
) -> Result<Vec<Verified>, VerifyError> {
    let whereabouts = whereabouts(plan);
    let source = Source {
        definitions,
        options,
        whereabouts: &whereabouts,
    };
    let mut all = Vec::new();
    for (seen, instance) in plan.instances.iter().enumerate() {
        watch.looked(seen, plan.instances.len());
        let fresh = Fresh::read(plan, instance, source, &|_| watch.go())?;
        for action in &instance.actions {
            let known = match journal {
                Some(journal) => journal.known(&action.key)?,
                None => None,
            };
            let (verdict, detail) = match &fresh {
                Err(Moved(why)) => (Verdict::Contradicted, why.clone()),
                Ok(fresh) => judge(fresh, action, known),
            };
            all.push(verified(instance, action, verdict, detail));
        }
    }
    Ok(all)
}

fn judge(fresh: &Fresh, action: &ActionV1, known: Option<Done>) -> (Verdict, String) {
    let said = |verdict, text: &str| (verdict, text.to_owned());
    let news = fresh.news(action);
    if fresh.is_ambiguous() {
        return said(
            Verdict::Unknown,
            "it cannot be told where the instance stands; `sagactl show` tells why",
        );
    }
    if fresh.has_reached(action) {
        return said(Verdict::Confirmed, "");
    }
    match news.last() {
        Some(StepEvent::Failure | StepEvent::Rejection) => {
            return said(Verdict::Contradicted, "the log says that it failed since");
        }
        Some(StepEvent::Success) => {
            return said(
                Verdict::Contradicted,
                "the log says that it took, and that it was reversed since",
            );
        }
        Some(StepEvent::Begin) | None => {}
    }
    let begun = if news.is_empty() {
        ""
    } else {
        "the log says that it began"
    };
    match known {
        Some(Done::Done) => said(Verdict::Submitted, begun),
        Some(Done::Unknown) => said(Verdict::Unknown, begun),
        Some(Done::Failed) => said(Verdict::Unsent, "it failed, says the journal"),
        None => said(Verdict::Unsent, begun),
    }
}

fn verified(
    instance: &InstanceV1,
    action: &ActionV1,
    verdict: Verdict,
    detail: String,
) -> Verified {
    Verified {
        log: instance.log.clone(),
        saga: instance.saga.clone(),
        id: instance.id.clone(),
        step: action.step.clone(),
        direction: action.direction,
        key: action.key.clone(),
        verdict,
        detail,
    }
}
