//! What is wrong with a definition, and where.

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
