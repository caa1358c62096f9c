//! Definitions: YAML in, checked types out, every fault of every file at once.
//!
//! A file goes through these hands: `file` (text with places), `marked` (YAML as a tree with
//! places), `document` (what the first key says), `structure` (the shape, against the schema of
//! the `raw` types), `raw` (decoded), `validate` (checked), `scope` (which belong together).
//!
//! Deliberately absent: anything that needs an open log, such as whether a column exists.

pub mod action;
pub mod fault;
pub mod idempotency;
pub mod invariant;
pub mod log;
pub mod projection;
pub mod reaction;
pub mod requirement;
pub mod saga;
pub mod settings;
pub mod transaction;

mod document;
pub(crate) mod file;
mod folder;
pub(crate) mod marked;
mod raw;
pub(crate) mod scalar;
mod schema;
mod scope;
pub(crate) mod structure;
mod validate;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

pub use schema::schema;

use document::Thing;
use fault::Fault;
use file::SourceFile;
use idempotency::Idempotency;
use invariant::Invariant;
use log::LogDefinition;
use projection::Projection;
use reaction::Reaction;
use requirement::Requirement;
use saga::Saga;
use settings::Settings;
use transaction::Transaction;

/// Everything that a run was given to judge by.
#[derive(Debug, Clone)]
pub struct Definitions {
    /// One per log, in the order of their folders' names.
    pub scopes: Vec<Scope>,
    /// How many documents were settings, which the scopes hold merged.
    pub settings: usize,
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
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// The log; `None` where no document declares one, so that `--log` must name it.
    pub log: Option<LogDefinition>,
    /// The sagas judged against it.
    pub sagas: Vec<Arc<Saga>>,
    /// The projections folded from it.
    pub projections: Vec<Arc<Projection>>,
    /// The invariants that totals of its events or its folded states have to keep.
    pub invariants: Vec<Arc<Invariant>>,
    /// The invariants that each of its folded states has to keep.
    pub requirements: Vec<Arc<Requirement>>,
    /// What its events have to bring about.
    pub reactions: Vec<Arc<Reaction>>,
    /// What its idempotency keys have to keep.
    pub idempotency: Vec<Arc<Idempotency>>,
    /// Its two-phase transactions.
    pub transactions: Vec<Arc<Transaction>>,
    /// Its settings, merged from the settings documents of its folders.
    pub settings: Settings,
}

impl Scope {
    /// What its definitions are named, its log among them.
    pub fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        (self.log.iter().map(|one| &one.name))
            .chain(self.sagas.iter().map(|one| &one.name))
            .chain(self.projections.iter().map(|one| &one.name))
            .chain(self.invariants.iter().map(|one| &one.name))
            .chain(self.requirements.iter().map(|one| &one.name))
            .chain(self.reactions.iter().map(|one| &one.name))
            .chain(self.idempotency.iter().map(|one| &one.name))
            .chain(self.transactions.iter().map(|one| &one.name))
    }
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
/// `rules` are the names that `settings` documents may use. Files that hold expectations instead
/// of definitions (`*.case.yaml`, or a first document with `expect`) are passed over.
///
/// # Errors
/// When any file cannot be read or any document has a fatal fault; all faults are reported.
pub fn load(paths: &[PathBuf], rules: &[&'static str]) -> Result<Definitions, Unusable> {
    let (found, faults) = folder::find(paths);
    let mut reading = Reading {
        rules,
        faults,
        ..Reading::default()
    };
    for found in found {
        let (file, fault) = SourceFile::read(&found.path);
        reading.file(&found.relative, found.folder, &file, fault);
    }
    reading.finish()
}

/// Reads definitions from text alone, as if it stood in a file called `name`.
///
/// # Errors
/// As [`load`].
pub fn load_text(name: &Path, text: &str, rules: &[&'static str]) -> Result<Definitions, Unusable> {
    let file = SourceFile::new(name, text);
    let mut reading = Reading {
        rules,
        ..Reading::default()
    };
    let folder = name.parent().unwrap_or(Path::new("")).to_owned();
    let fault = file.check();
    reading.file(&name.to_string_lossy(), folder, &file, fault);
    reading.finish()
}

/// What was read so far.
#[derive(Default)]
struct Reading<'a> {
    rules: &'a [&'static str],
    files: Vec<PathBuf>,
    texts: Vec<Arc<str>>,
    located: Vec<scope::Located>,
    faults: Vec<Fault>,
    digest: Sha256,
}

impl Reading<'_> {
    /// Reads one file, unless a `fault` already says why that is no use.
    fn file(&mut self, relative: &str, folder: PathBuf, file: &SourceFile, fault: Option<Fault>) {
        let from = self.faults.len();
        let readable = fault.is_none();
        self.faults.extend(fault);
        if readable {
            let (documents, faults) = marked::parse(file);
            if faults.is_empty() && document::is_case(&documents) {
                return;
            }
            self.faults.extend(faults);
            for node in &documents {
                if self.faults.len() - from >= fault::MOST {
                    break;
                }
                let declared = document::read(file, node, self.rules, &mut self.faults);
                self.located.extend(declared.map(|declared| scope::Located {
                    folder: folder.clone(),
                    declared,
                }));
            }
        }
        if self.faults.len() - from >= fault::MOST {
            let message = format!(
                "`{}` has too many faults: there may be more",
                file.path.display()
            );
            self.faults
                .push(Fault::fatal(fault::TOO_LARGE, None, message));
        }
        for part in [relative, &file.text] {
            self.digest.update((part.len() as u64).to_le_bytes());
            self.digest.update(part.as_bytes());
        }
        self.files.push(file.path.to_path_buf());
        self.texts.push(Arc::clone(&file.text));
    }

    fn finish(mut self) -> Result<Definitions, Unusable> {
        let is_settings = |one: &&scope::Located| matches!(one.declared.thing, Thing::Settings(_));
        let settings = self.located.iter().filter(is_settings).count();
        let scopes = scope::assemble(self.located, &mut self.faults);
        self.faults
            .sort_by(|one, other| (&one.place, one.rule).cmp(&(&other.place, other.rule)));
        let Reading {
            files,
            texts,
            faults,
            ..
        } = self;
        if faults.iter().any(|fault| fault.fatal) {
            return Err(Unusable {
                faults,
                files,
                texts,
            });
        }
        let hash = self
            .digest
            .finalize()
            .iter()
            .take(16)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Ok(Definitions {
            scopes,
            settings,
            files,
            texts,
            hash,
            lints: faults,
        })
    }
}
