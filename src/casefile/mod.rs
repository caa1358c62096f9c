//! Case files: a story told in events, and the exact findings that must come of it.
//!
//! A file holds one case per document. [`load`] reads cases, strictly and with every fault at its
//! place; [`run`] writes a case's events into a real log, has it judged, and compares.
//!
//! Deliberately absent: anything a case could use to look away. What is found and not expected
//! fails it just as what is expected and missing.

mod compare;
mod define;
mod event;
mod expect;
mod load;
mod run;
mod schema;
mod stored;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::definition::fault::Place;
use crate::definition::settings::AsOf;
use crate::definition::{Definitions, Unusable};
use crate::event::Position;
use crate::finding::{Severity, SubjectKind};
use crate::log::record::Record;
use crate::saga::Outcome;

pub use compare::Found;
pub use load::{Cases, load};
pub use run::{CaseResult, Mismatch, report, run};
pub use schema::schema;
pub use stored::ReadModel;

/// One case, ready to be run.
#[derive(Debug, Clone)]
pub struct Case {
    /// Where it begins.
    pub place: Place,
    /// Its story.
    pub about: Option<String>,
    /// The horizon; `None` is the settings' choice, else the greatest time.
    pub as_of: Option<AsOf>,
    /// What it is judged by: one log and its sagas.
    pub definitions: Definitions,
    /// The rows, as written.
    pub events: Vec<Record>,
    /// The rows of the status tables.
    pub statuses: Statuses,
    /// The stored rows of projections.
    pub stored: Vec<ReadModel>,
    /// Only these rules; empty is all but those that look at the table's schema.
    pub rules: Vec<String>,
    /// What must be found.
    pub expect: Vec<Expected>,
    /// What must become of instances.
    pub outcomes: Vec<ExpectedOutcome>,
    /// Of how many subjects each rule must not be able to tell; `None` asks for nothing.
    pub unknown: Option<ExpectedUnknown>,
}

/// Rows of status tables, `(id, status)`, by the number of the log's claims document.
pub type Statuses = BTreeMap<usize, Vec<(String, String)>>;

/// A finding that must be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// Where it is written.
    pub place: Place,
    /// The rule.
    pub rule: &'static str,
    /// What it is about.
    pub subject: (SubjectKind, String),
    /// The saga or log it was judged by, where that matters.
    pub definition: Option<String>,
    /// The step; `None` is no step.
    pub step: Option<Arc<str>>,
    /// Its severity, where that matters.
    pub severity: Option<Severity>,
    /// The events that show it.
    pub evidence: Vec<Position>,
}

impl Expected {
    /// As one line of YAML, however it is laid out in its file.
    pub fn text(&self) -> String {
        compare::laid_out(self)
    }
}

/// An outcome that must come of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedOutcome {
    /// Where it is written.
    pub place: Place,
    /// The instance.
    pub id: String,
    /// What must become of it.
    pub outcome: Outcome,
}

/// Of how many subjects rules must not be able to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedUnknown {
    /// Where it is written.
    pub place: Place,
    /// Per rule; those not named must have none.
    pub counts: BTreeMap<&'static str, u64>,
}

/// What is wrong with case files or the definitions they use.
pub type Faulty = Unusable;
