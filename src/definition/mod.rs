//! Definitions: YAML in, checked types out, every fault of every file at once.

pub mod fault;
pub mod log;
pub mod saga;
pub mod settings;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fault::Fault;
use log::LogDefinition;
use saga::Saga;
use settings::Settings;

/// Everything that a run was given to judge by.
#[derive(Debug, Clone)]
pub struct Definitions {
    /// One per log, in the order of their folders' names.
    pub scopes: Vec<Scope>,
    /// The files read, in order.
    pub files: Vec<PathBuf>,
    /// The texts of the files, for drawing faults: same order as `files`.
    pub texts: Vec<Arc<str>>,
    /// A digest of the files' names (relative to the folder given) and texts.
    pub hash: String,
    /// Faults that do not keep the definitions from being used, in file order.
    pub lints: Vec<Fault>,
}

/// A log and the definitions that belong to it: those of its folder and of the folders below that
/// have no log of their own.
#[derive(Debug, Clone)]
pub struct Scope {
    /// The log; `None` where no document declares one, so that `--log` must name it.
    pub log: Option<LogDefinition>,
    /// The sagas judged against it.
    pub sagas: Vec<Arc<Saga>>,
    /// Its settings, merged from the settings documents of its folders.
    pub settings: Settings,
}

/// Definitions that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unusable {
    /// Every fault found, in file order; at least one is fatal.
    pub faults: Vec<Fault>,
    /// The files read.
    pub files: Vec<PathBuf>,
    /// Their texts, for drawing the faults.
    pub texts: Vec<Arc<str>>,
}

/// Reads definitions from files and folders.
///
/// `rules` are the names that `settings` documents may use.
///
/// # Errors
/// When any file cannot be read or any document has a fatal fault; all faults are reported.
pub fn load(_paths: &[PathBuf], _rules: &[&'static str]) -> Result<Definitions, Unusable> {
    unimplemented!()
}

/// Reads definitions from text alone, as if it stood in a file called `name`.
///
/// # Errors
/// As [`load`].
pub fn load_text(
    _name: &Path,
    _text: &str,
    _rules: &[&'static str],
) -> Result<Definitions, Unusable> {
    unimplemented!()
}
