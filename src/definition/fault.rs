//! What is wrong with a definition, and where.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::finding::Severity;

/// A place in a definitions file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file as it was found from where the tool runs.
    pub file: Arc<PathBuf>,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// The bytes of the file that are meant.
    pub start: usize,
    /// The first byte after them.
    pub end: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

/// One thing wrong with a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The rule it breaks, `definition/…`.
    pub rule: &'static str,
    /// How much it weighs; ignored where `fatal`.
    pub severity: Severity,
    /// The definitions cannot be used with it.
    pub fatal: bool,
    /// Where it is; `None` where a whole file or folder is at fault.
    pub place: Option<Place>,
    /// The name of the definition it is in, where one is known.
    pub definition: Option<Arc<str>>,
    /// What is wrong, a lower-case fragment.
    pub message: String,
    /// What stands under the mark.
    pub label: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// A file or folder that cannot be read.
pub const UNREADABLE: &str = "definition/unreadable";
/// Text that is not YAML, or YAML that definitions have no use for.
pub const SYNTAX: &str = "definition/syntax";
/// One key twice in one mapping.
pub const DUPLICATE_KEY: &str = "definition/duplicate-key";
/// A file, or what its aliases stand for, beyond what is read; or nested too deeply.
pub const TOO_LARGE: &str = "definition/too-large";
/// A key that means nothing where it stands.
pub const UNKNOWN_KEY: &str = "definition/unknown-key";
/// A key that has to be there and is not.
pub const MISSING_KEY: &str = "definition/missing-key";
/// A list where a word is wanted, and the like.
pub const WRONG_TYPE: &str = "definition/wrong-type";
/// The right kind of value, but not one that can be used.
pub const BAD_VALUE: &str = "definition/bad-value";
/// Not an expression, or one that refers to what it cannot see.
pub const BAD_EXPRESSION: &str = "definition/bad-expression";
/// `after` names no step of the saga.
pub const UNKNOWN_STEP: &str = "definition/unknown-step";
/// Settings name no rule of this program.
pub const UNKNOWN_RULE: &str = "definition/unknown-rule";
/// A field that no event changes is compared or looked at.
pub const UNKNOWN_FIELD: &str = "definition/unknown-field";
/// An invariant is about no projection that is defined for its log.
pub const UNKNOWN_PROJECTION: &str = "definition/unknown-projection";
/// Claims are about no saga that is defined for their log.
pub const UNKNOWN_SAGA: &str = "definition/unknown-saga";
/// Two things of one kind and one name.
pub const DUPLICATE_NAME: &str = "definition/duplicate-name";
/// Steps that wait for each other.
pub const CYCLE: &str = "definition/cycle";
/// One event type that means two things in one saga.
pub const TWO_MEANINGS: &str = "definition/two-meanings";
/// Two pivots, one before the other.
pub const TWO_PIVOTS: &str = "definition/two-pivots";
/// A step that may have to be undone and cannot be.
pub const NO_COMPENSATION: &str = "definition/no-compensation";
/// A compensation that can never be called for.
pub const COMPENSATION_AFTER_PIVOT: &str = "definition/compensation-after-pivot";
/// A timeout that the deadline always comes before.
pub const TIMEOUT_BEYOND_DEADLINE: &str = "definition/timeout-beyond-deadline";
/// Nothing that can ever be found stuck.
pub const NO_TIMEOUT: &str = "definition/no-timeout";
/// An action that is sent again though that has a second effect.
pub const UNSAFE_RETRY: &str = "definition/unsafe-retry";
/// A stored row of which nothing says how far it has come.
pub const UNANCHORED_PROJECTION: &str = "definition/unanchored-projection";
/// A document needs a field of the log that no source of it maps.
pub const UNMAPPED_FIELD: &str = "definition/unmapped-field";
/// A key that is forgotten while it may still be used.
pub const KEY_HORIZON: &str = "idempotency/horizon";

/// Every rule about definitions that needs no log, fatal ones first.
pub const ALL: [&str; 26] = [
    UNREADABLE,
    SYNTAX,
    DUPLICATE_KEY,
    TOO_LARGE,
    UNKNOWN_KEY,
    MISSING_KEY,
    WRONG_TYPE,
    BAD_VALUE,
    BAD_EXPRESSION,
    UNKNOWN_STEP,
    UNKNOWN_FIELD,
    UNKNOWN_RULE,
    UNKNOWN_SAGA,
    UNKNOWN_PROJECTION,
    DUPLICATE_NAME,
    CYCLE,
    TWO_MEANINGS,
    TWO_PIVOTS,
    NO_COMPENSATION,
    COMPENSATION_AFTER_PIVOT,
    TIMEOUT_BEYOND_DEADLINE,
    NO_TIMEOUT,
    UNSAFE_RETRY,
    UNANCHORED_PROJECTION,
    UNMAPPED_FIELD,
    KEY_HORIZON,
];

/// Those of [`ALL`] that definitions can be used with, so that settings may switch them off.
pub const LINTS: [&str; 8] = [
    NO_COMPENSATION,
    COMPENSATION_AFTER_PIVOT,
    TIMEOUT_BEYOND_DEADLINE,
    NO_TIMEOUT,
    UNSAFE_RETRY,
    UNANCHORED_PROJECTION,
    UNMAPPED_FIELD,
    KEY_HORIZON,
];

/// After so many faults in one file nobody reads on, so looking for more stops.
pub(crate) const MOST: usize = 200;

impl Fault {
    /// A fault that keeps the definitions from being used.
    pub(crate) fn fatal(
        rule: &'static str,
        place: impl Into<Option<Place>>,
        message: impl Into<String>,
    ) -> Fault {
        Fault {
            rule,
            severity: Severity::Error,
            fatal: true,
            place: place.into(),
            definition: None,
            message: message.into(),
            label: String::new(),
            help: None,
        }
    }

    /// A fault that the definitions can be used with.
    pub(crate) fn lint(
        rule: &'static str,
        severity: Severity,
        place: Place,
        message: impl Into<String>,
    ) -> Fault {
        Fault {
            severity,
            fatal: false,
            ..Fault::fatal(rule, place, message)
        }
    }

    /// The same with words under the mark.
    pub(crate) fn label(self, label: impl Into<String>) -> Fault {
        Fault {
            label: label.into(),
            ..self
        }
    }

    /// The same with a cure, where there is one to name.
    pub(crate) fn help(self, help: impl Into<Option<String>>) -> Fault {
        Fault {
            help: help.into(),
            ..self
        }
    }
}
