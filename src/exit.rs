//! What the exit code says: one table, one function that chooses.

use std::process::ExitCode;

use crate::definition::fault::Fault;
use crate::definition::settings::FailOn;
use crate::report::{LogSummary, Report};

/// How a run ended, for whoever called it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Looked, and there is nothing to act on.
    Clean,
    /// Findings at or above the threshold.
    Findings,
    /// The work could not be done.
    Failed,
    /// Nothing was inspected, which is not a pass.
    NothingInspected,
    /// A recovery was refused or stopped.
    Refused,
}

/// Every exit code with what it means, as help and README print it.
pub const TABLE: [(Exit, u8, &str); 5] = [
    (Exit::Clean, 0, "looked, and nothing at or above --fail-on"),
    (
        Exit::Findings,
        1,
        "findings at or above --fail-on; or an applied plan not confirmed; or a case that failed",
    ),
    (
        Exit::Failed,
        2,
        "bad usage, bad definitions, or a log that cannot be read: the work could not be done",
    ),
    (
        Exit::NothingInspected,
        3,
        "nothing was inspected: no event matched any definition",
    ),
    (
        Exit::Refused,
        4,
        "a recovery was refused or stopped: stale plan, no permit, lock held, an action failed",
    ),
];

impl Exit {
    /// The number for the shell.
    pub fn code(self) -> u8 {
        TABLE
            .into_iter()
            .find(|(exit, _, _)| *exit == self)
            .map_or(2, |(_, code, _)| code)
    }

    /// The exit code of an audit.
    ///
    /// A finding counts even where no event matched a definition: a log whose every row is
    /// unreadable has been looked at. Where only what is in no log was asked for, nothing was.
    pub fn of_report(report: &Report, fail_on: FailOn) -> Exit {
        let fails = match fail_on {
            FailOn::Severity(threshold) => report.worst().is_some_and(|worst| worst >= threshold),
            FailOn::Never => false,
        };
        if fails {
            Exit::Findings
        } else if report.is_void {
            Exit::NothingInspected
        } else {
            Exit::of_logs(&report.logs)
        }
    }

    /// The exit code of a check of definitions.
    pub fn of_faults(faults: &[Fault], fail_on: FailOn) -> Exit {
        let worst = faults.iter().map(|fault| fault.severity).max();
        match (worst, fail_on) {
            _ if faults.iter().any(|fault| fault.fatal) => Exit::Failed,
            (Some(worst), FailOn::Severity(threshold)) if worst >= threshold => Exit::Findings,
            _ => Exit::Clean,
        }
    }

    /// The exit code of a command that only reads: whether there was anything to read.
    pub fn of_logs(logs: &[LogSummary]) -> Exit {
        if logs.iter().all(|log| log.matched == 0) {
            Exit::NothingInspected
        } else {
            Exit::Clean
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// The table as `--help` shows it.
pub fn help() -> String {
    let rows = TABLE
        .iter()
        .map(|(_, code, meaning)| format!("  {code}  {meaning}"));
    format!("Exit codes:\n{}", rows.collect::<Vec<_>>().join("\n"))
}
