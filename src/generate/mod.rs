//! Logs made from a seed: for the example, for measurements, and to check the judge against
//! something that does not share its mistakes.
//!
//! A log is made of saga instances, most of them legal ([`legal`]), some with one labelled fault
//! ([`faults`]); of events of other systems, in which the log itself may be damaged
//! ([`log_faults`]); and of what the system says of its sagas ([`status`]). A label is the finding
//! that must come of it, and no other finding may.
//!
//! This room imports the definitions, the words of [`crate::event`] and, alone beside the readers,
//! `rusqlite`: it is a tool that writes logs, and nothing that inspects one imports it. Absent on
//! purpose: a clock, the operating system's randomness, and threads. The same seed makes the same
//! bytes.

pub mod bank;
mod choice;
pub mod depot;
pub mod faults;
mod ids;
mod label;
pub mod legal;
pub mod log_faults;
pub mod payload;
mod plan;
mod play;
mod random;
pub mod status;
mod undo_faults;
mod walk;
mod write;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use crate::definition::saga::Saga;

pub use choice::{Choice, Listed};
pub use label::{Label, Subject};
pub use plan::{Faults, Ids, Options, Wrong};
pub use random::Random;
pub use walk::{DraftEvent, Happening, Role, Walk};
pub use write::{Layout, WriteError};

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// How many events.
    pub events: u64,
    /// Every finding that the log must give.
    pub labels: Vec<Label>,
}

/// Makes a log of these sagas at `path`; the status table speaks of the first one.
///
/// # Errors
/// When the file cannot be written, or a fault was asked for that none of the sagas can have.
pub fn generate(
    sagas: &[Arc<Saga>],
    options: &Options,
    layout: Layout,
    path: &Path,
) -> Result<Made, WriteError> {
    let file = write::LogFile::create(path, layout)?;
    let plan = plan::Plan::new(sagas, options, layout.unique_ids);
    let mut insert = file.insert()?;
    let (events, mut labels) = play::Play::new(plan).run(&mut insert)?;
    drop(insert);
    file.finish()?;
    if !layout.autoincrement {
        let subject = Subject {
            kind: "log",
            definition: options.log.clone(),
            id: options.log.clone(),
        };
        labels.push(Label {
            rule: "log/position-reuse",
            subject,
            step: None,
        });
    }
    Ok(Made { events, labels })
}
