//! The few styles there are, by what they mean.

use anstyle::{AnsiColor, Style};

use crate::finding::Severity;
use crate::saga::Outcome;

pub(crate) const PLAIN: Style = Style::new();
pub(crate) const STRONG: Style = Style::new().bold();
pub(crate) const FAINT: Style = Style::new().dimmed();
pub(crate) const COMMAND: Style = AnsiColor::Cyan.on_default();
pub(crate) const ALARM: Style = AnsiColor::Red.on_default().bold();
pub(crate) const CAUTION: Style = AnsiColor::Yellow.on_default().bold();
pub(crate) const CALM: Style = AnsiColor::Green.on_default();

pub(crate) const fn severity(severity: Severity) -> Style {
    match severity {
        Severity::Error => ALARM,
        Severity::Warning => CAUTION,
        Severity::Note => AnsiColor::Blue.on_default().bold(),
    }
}

pub(crate) const fn outcome(outcome: Outcome) -> Style {
    match outcome {
        Outcome::Completed | Outcome::Compensated => CALM,
        Outcome::Running => STRONG,
        Outcome::Compensating => CAUTION,
        Outcome::Abandoned | Outcome::Contradictory => ALARM,
    }
}
