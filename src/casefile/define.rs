//! What cases are judged by: definitions in files, each folder read once, and definitions written
//! into the case itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::casefile::Faulty;
use crate::casefile::load::{Text, text};
use crate::definition::fault::{self, Fault, Place};
use crate::definition::file::SourceFile;
use crate::definition::marked::Entry;
use crate::definition::{self, Definitions, Scope, Unusable};
use crate::rules;

/// Everything read so far, with what is wrong with it.
#[derive(Default)]
pub(super) struct Library {
    loaded: BTreeMap<Vec<PathBuf>, Option<Definitions>>,
    faults: Vec<Fault>,
    files: Vec<PathBuf>,
    texts: Vec<Text>,
}

impl Library {
    pub(super) fn fault(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    /// Keeps a file's text, for drawing faults.
    pub(super) fn source(&mut self, path: &Path, text: &Text) {
        if !self.files.iter().any(|file| file == path) {
            self.files.push(path.to_owned());
            self.texts.push(Arc::clone(text));
        }
    }

    /// The definitions at these paths; where they cannot be used, that is noted once.
    pub(super) fn load(&mut self, paths: Vec<PathBuf>, place: &Place) -> Option<Definitions> {
        if let Some(known) = self.loaded.get(&paths) {
            return known.clone();
        }
        let definitions = match definition::load(&paths, &rules::names()) {
            Ok(definitions) => Some(definitions),
            Err(Unusable {
                faults,
                files,
                texts,
            }) => {
                for (file, text) in files.iter().zip(&texts) {
                    self.source(file, text);
                }
                self.faults
                    .extend(faults.into_iter().filter(|fault| fault.fatal));
                let message = "the definitions that this case uses cannot be used";
                self.fault(
                    Fault::fatal(fault::BAD_VALUE, place.clone(), message).label("named here"),
                );
                None
            }
        };
        self.loaded.insert(paths, definitions.clone());
        definitions
    }

    /// The definitions that stand in the case itself; their faults are shown where they stand.
    pub(super) fn inline(&mut self, file: &SourceFile, entry: &Entry) -> Option<Definitions> {
        match definition::load_text(&file.path, text(&entry.value), &rules::names()) {
            Ok(definitions) => Some(definitions),
            Err(Unusable { faults, .. }) => {
                let block = Block::of(file, entry);
                for fault in faults.into_iter().filter(|fault| fault.fatal) {
                    let place = match (&fault.place, &block) {
                        (Some(place), Some(block)) => block.place(place),
                        _ => file.place(entry.key_span.clone()),
                    };
                    self.fault(Fault {
                        place: Some(place),
                        ..fault
                    });
                }
                None
            }
        }
    }

    /// Everything wrong, if anything is.
    pub(super) fn finish(self) -> Result<(), Faulty> {
        let Library {
            mut faults,
            files,
            texts,
            ..
        } = self;
        if faults.is_empty() {
            return Ok(());
        }
        faults.sort_by(|one, other| (&one.place, one.rule).cmp(&(&other.place, other.rule)));
        Err(Unusable {
            faults,
            files,
            texts,
        })
    }
}

/// Where the lines of a block text (`define: |`) stand in its file.
struct Block<'a> {
    file: &'a SourceFile,
    /// Of each line of the block: its first byte in the block's text, and in the file.
    lines: Vec<(usize, usize)>,
}

impl<'a> Block<'a> {
    /// `None` where the text is not written as a block, line by line.
    fn of(file: &'a SourceFile, entry: &Entry) -> Option<Block<'a>> {
        let after = file.text.get(entry.key_span.end..)?;
        let introduced = after.trim_start_matches(['"', '\'', ':', ' ']);
        if !introduced.starts_with('|') {
            return None;
        }
        let mut at = entry.key_span.end + after.find('\n')? + 1;
        let written = file.text.get(at..)?;
        let indent = written
            .lines()
            .find(|line| !line.trim().is_empty())
            .map(|line| line.len() - line.trim_start_matches(' ').len())?;
        let mut lines = Vec::new();
        let mut inside = 0;
        for line in text(&entry.value).split_inclusive('\n') {
            let blank = line.trim().is_empty();
            lines.push((inside, if blank { at } else { at + indent }));
            inside += line.len();
            at += file.text.get(at..)?.find('\n').map_or(0, |end| end + 1);
        }
        Some(Block { file, lines })
    }

    fn place(&self, inside: &Place) -> Place {
        let line = self
            .lines
            .partition_point(|(start, _)| *start <= inside.start)
            .saturating_sub(1);
        let (start, at) = self.lines.get(line).copied().unwrap_or((0, 0));
        let from = at + inside.start.saturating_sub(start);
        self.file
            .place(from..from + inside.end.saturating_sub(inside.start))
    }
}

/// One log and its sagas out of several sets of definitions.
pub(super) fn join(parts: Vec<Definitions>, place: Place) -> Result<Definitions, Box<Fault>> {
    let mut joined: Option<Definitions> = None;
    let mut scope: Option<Scope> = None;
    for part in parts {
        for one in &part.scopes {
            let scope = match &mut scope {
                None => {
                    scope = Some(one.clone());
                    continue;
                }
                Some(scope) => scope,
            };
            if scope.log.is_some() && one.log.is_some() {
                let message = "the definitions belong to several logs, a case has one";
                return Err(Fault::fatal(fault::BAD_VALUE, place, message)
                    .label("named here")
                    .help("name the folder or file of one log".to_owned())
                    .into());
            }
            if scope.log.is_none() {
                scope.log.clone_from(&one.log);
            }
            scope.sagas.extend(one.sagas.iter().cloned());
            scope.projections.extend(one.projections.iter().cloned());
            scope.invariants.extend(one.invariants.iter().cloned());
            scope.requirements.extend(one.requirements.iter().cloned());
            scope.reactions.extend(one.reactions.iter().cloned());
            scope.idempotency.extend(one.idempotency.iter().cloned());
            scope.transactions.extend(one.transactions.iter().cloned());
            scope.settings.rules.extend(&one.settings.rules);
            scope
                .settings
                .allow
                .extend(one.settings.allow.iter().cloned());
            scope.settings.as_of = one.settings.as_of.or(scope.settings.as_of);
        }
        match &mut joined {
            None => joined = Some(part),
            Some(joined) => {
                joined.settings += part.settings;
                joined.files.extend(part.files);
                joined.texts.extend(part.texts);
            }
        }
    }
    match (joined, scope) {
        (Some(definitions), Some(scope)) => Ok(Definitions {
            scopes: vec![scope],
            ..definitions
        }),
        _ => Err(
            Fault::fatal(fault::BAD_VALUE, place, "nothing is defined there")
                .label("named here")
                .into(),
        ),
    }
}
