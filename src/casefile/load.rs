//! From files to cases: every fault of every file at once, each at its place.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::casefile::define::{self, Library};
use crate::casefile::{
    Case, ExpectedOutcome, ExpectedUnknown, Faulty, Statuses, event, expect, schema, stored,
};
use crate::definition::fault::{self, Fault};
use crate::definition::file::{SourceFile, reason};
use crate::definition::log::LogDefinition;
use crate::definition::marked::{self, Entry, Kind, Node};
use crate::definition::settings::AsOf;
use crate::definition::structure;
use crate::event::Timestamp;
use crate::rules;
use crate::saga::Outcome;
use crate::suggest::did_you_mean;

/// The cases of all files, in order.
#[derive(Debug, Clone)]
pub struct Cases {
    /// The cases.
    pub cases: Vec<Case>,
    /// How many files they are in.
    pub files: usize,
}

/// Reads case files: those named, and `*.yaml` and `*.yml` under the folders named.
///
/// # Errors
/// When a file cannot be read, a case is malformed, or definitions that it uses cannot be used.
pub fn load(paths: &[PathBuf]) -> Result<Cases, Faulty> {
    let mut reading = Reading::default();
    let mut files = Vec::new();
    for path in paths {
        find(path, &mut files, &mut reading.library);
    }
    files.sort();
    files.dedup();
    for path in &files {
        reading.file(path);
    }
    reading.library.finish()?;
    Ok(Cases {
        cases: reading.cases,
        files: files.len(),
    })
}

fn find(path: &Path, files: &mut Vec<PathBuf>, library: &mut Library) {
    let unreadable = |error: &std::io::Error| {
        let message = format!("cannot read `{}`: {}", path.display(), reason(error));
        Fault::fatal(fault::UNREADABLE, None, message)
    };
    match fs::metadata(path) {
        Err(error) => library.fault(unreadable(&error)),
        Ok(facts) if !facts.is_dir() => files.push(path.to_owned()),
        Ok(_) => match fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>) {
            Err(error) => library.fault(unreadable(&error)),
            Ok(entries) => {
                for entry in entries {
                    let path = entry.path();
                    let hidden = entry.file_name().to_string_lossy().starts_with('.');
                    let yaml = path
                        .extension()
                        .is_some_and(|kind| kind == "yaml" || kind == "yml");
                    if !hidden && (yaml || path.is_dir()) {
                        find(&path, files, library);
                    }
                }
            }
        },
    }
}

#[derive(Default)]
struct Reading {
    library: Library,
    cases: Vec<Case>,
}

impl Reading {
    fn file(&mut self, path: &Path) {
        let (file, fault) = SourceFile::read(path);
        self.library.source(path, &file.text);
        if let Some(fault) = fault {
            return self.library.fault(fault);
        }
        let (documents, faults) = marked::parse(&file);
        let broken = !faults.is_empty();
        faults
            .into_iter()
            .for_each(|fault| self.library.fault(fault));
        if broken {
            return;
        }
        for document in &documents {
            let misshapen = structure::check(schema::schema(), "case", &file, document);
            if misshapen.is_empty() {
                let case = Reader {
                    file: &file,
                    library: &mut self.library,
                }
                .case(document);
                self.cases.extend(case);
            } else {
                misshapen
                    .into_iter()
                    .for_each(|fault| self.library.fault(fault));
            }
        }
    }
}

/// Reads one document whose shape has been checked.
struct Reader<'a> {
    file: &'a SourceFile,
    library: &'a mut Library,
}

impl Reader<'_> {
    fn case(&mut self, document: &Node) -> Option<Case> {
        let as_of = self.keep(
            document
                .entry("as-of")
                .map(|entry| self.as_of(entry))
                .transpose(),
        );
        let definitions = self.definitions(document);
        let horizon = match as_of {
            Some(Some(AsOf::Instant(instant))) => Some(instant),
            Some(_) => None,
            // That the horizon cannot be read is said already; the times are checked all the same.
            None => Some(Timestamp::from_nanos(0)),
        };
        let mut events = Vec::new();
        for (number, row) in items(document, "events").iter().enumerate() {
            let record = event::record(self.file, row, number, horizon);
            events.extend(self.keep(record));
        }
        let expect = items(document, "expect")
            .iter()
            .filter_map(|item| self.keep(expect::expected(self.file, item)))
            .collect();
        let (as_of, definitions) = (as_of?, definitions?);
        let log = definitions
            .scopes
            .first()
            .and_then(|scope| scope.log.as_ref());
        let statuses = self.keep(self.statuses(document, log));
        let projections = definitions
            .scopes
            .first()
            .map(|scope| scope.projections.as_slice());
        let stored = document
            .entry("stored")
            .map(|entry| stored::read(self.file, entry, projections.unwrap_or_default()));
        let stored = self.keep(stored.unwrap_or(Ok(Vec::new())));
        let mut unknown = None;
        if let Some(entry) = document.entry("unknown") {
            let counts = self.keep(self.counts(entry))?;
            unknown = Some(ExpectedUnknown {
                place: self.file.place(entry.key_span.clone()),
                counts,
            });
        }
        Some(Case {
            place: self.file.place(document.span.clone()),
            about: document
                .entry("about")
                .map(|entry| text(&entry.value).trim().to_owned()),
            as_of,
            definitions,
            events,
            statuses: statuses?,
            stored: stored?,
            rules: document
                .entry("rules")
                .map(|entry| texts(&entry.value))
                .unwrap_or_default(),
            expect,
            outcomes: self.outcomes(document),
            unknown,
        })
    }

    /// The value, or its fault noted.
    fn keep<T>(&mut self, result: Result<T, Box<Fault>>) -> Option<T> {
        result.map_err(|fault| self.library.fault(*fault)).ok()
    }

    fn as_of(&self, entry: &Entry) -> Result<AsOf, Box<Fault>> {
        let written = text(&entry.value);
        if written == "end" {
            return Ok(AsOf::End);
        }
        written.parse().map(AsOf::Instant).map_err(|_| {
            let place = self.file.place(entry.value.span.clone());
            Fault::fatal(
                fault::BAD_VALUE,
                place,
                format!("`{written}` is no horizon of a case"),
            )
            .label("an instant is wanted")
            .help("write an RFC 3339 instant such as `2026-03-01T12:00:00Z`, or `end`".to_owned())
            .into()
        })
    }

    fn definitions(&mut self, document: &Node) -> Option<crate::definition::Definitions> {
        let named = document.entry("definitions");
        let inline = document.entry("define");
        let Some(first) = named.or(inline) else {
            let place = self.file.place(document.span.clone());
            self.library.fault(
                Fault::fatal(
                    fault::MISSING_KEY,
                    place,
                    "the case has nothing to be judged by",
                )
                .label("`definitions` or `define` has to stand in this case")
                .help("name files or folders: `definitions: ../../sagas/shop`".to_owned()),
            );
            return None;
        };
        let folder = self.file.path.parent().unwrap_or(Path::new(""));
        let paths = named.map(|entry| texts(&entry.value)).unwrap_or_default();
        let paths: Vec<PathBuf> = paths.iter().map(|path| folder.join(path)).collect();
        let place = self.file.place(first.value.span.clone());
        let mut parts = Vec::new();
        if !paths.is_empty() {
            parts.push(self.library.load(paths, &place)?);
        }
        if let Some(entry) = inline {
            parts.push(self.library.inline(self.file, entry)?);
        }
        let joined = define::join(parts, place);
        self.keep(joined)
    }

    fn statuses(
        &self,
        document: &Node,
        log: Option<&LogDefinition>,
    ) -> Result<Statuses, Box<Fault>> {
        let mut statuses = Statuses::new();
        let Some(entry) = document.entry("claims") else {
            return Ok(statuses);
        };
        let declared = log.map(|log| log.claims.as_slice()).unwrap_or_default();
        let bad = |span: &std::ops::Range<usize>, message: &str, help: String| {
            let place = self.file.place(span.clone());
            let fault = Fault::fatal(fault::BAD_VALUE, place, message);
            Box::new(fault.label("what this claims is not read").help(help))
        };
        match &entry.value.kind {
            Kind::Map(sagas) => {
                for saga in sagas {
                    let name = &saga.key.text;
                    let number = declared.iter().position(|claims| *claims.saga == **name);
                    let known: Vec<&str> = declared.iter().map(|claims| &*claims.saga).collect();
                    let number = number.ok_or_else(|| {
                        let help = did_you_mean(name, known).unwrap_or_default();
                        bad(&saga.key_span, "the log has no claims for this saga", help)
                    })?;
                    statuses.insert(number, pairs(&saga.value));
                }
            }
            _ if declared.len() == 1 => {
                statuses.insert(0, pairs(&entry.value));
            }
            _ if declared.is_empty() => {
                let help = "declare `claims` in a `log:` document".to_owned();
                return Err(bad(&entry.key_span, "the log has no claims", help));
            }
            _ => {
                let help = "write them by saga: `claims: { NAME: [[id, status]] }`".to_owned();
                return Err(bad(
                    &entry.key_span,
                    "the log has claims for several sagas",
                    help,
                ));
            }
        }
        Ok(statuses)
    }

    fn outcomes(&self, document: &Node) -> Vec<ExpectedOutcome> {
        let entries = document
            .entry("outcomes")
            .map(|entry| entry.value.entries());
        entries
            .unwrap_or_default()
            .iter()
            .filter_map(|entry| {
                let word = text(&entry.value);
                Some(ExpectedOutcome {
                    place: self.file.place(entry.key_span.clone()),
                    id: entry.key.text.clone(),
                    outcome: Outcome::ALL
                        .into_iter()
                        .find(|outcome| outcome.label() == word)?,
                })
            })
            .collect()
    }

    fn counts(&self, entry: &Entry) -> Result<BTreeMap<&'static str, u64>, Box<Fault>> {
        let mut counts = BTreeMap::new();
        for entry in entry.value.entries() {
            let rule = rule(self.file, &entry.key.text, &entry.key_span)?;
            counts.insert(rule, text(&entry.value).parse().unwrap_or(u64::MAX));
        }
        Ok(counts)
    }
}

/// The rule with this name.
pub(super) fn rule(
    file: &SourceFile,
    name: &str,
    span: &std::ops::Range<usize>,
) -> Result<&'static str, Box<Fault>> {
    rules::find(name).map(|info| info.name).ok_or_else(|| {
        let place = file.place(span.clone());
        Fault::fatal(
            fault::UNKNOWN_RULE,
            place,
            format!("no rule is called `{name}`"),
        )
        .label("unknown rule")
        .help(
            did_you_mean(name, rules::names())
                .or_else(|| Some("`sagactl explain` lists the rules".to_owned())),
        )
        .into()
    })
}

fn items<'a>(document: &'a Node, key: &str) -> &'a [Node] {
    match document.entry(key).map(|entry| &entry.value.kind) {
        Some(Kind::List(items)) => items,
        _ => &[],
    }
}

/// A scalar as written.
pub(super) fn text(node: &Node) -> &str {
    match &node.kind {
        Kind::Scalar(scalar) => &scalar.text,
        Kind::List(_) | Kind::Map(_) => "",
    }
}

fn texts(node: &Node) -> Vec<String> {
    match &node.kind {
        Kind::List(items) => items.iter().map(|item| text(item).to_owned()).collect(),
        Kind::Scalar(_) | Kind::Map(_) => vec![text(node).to_owned()],
    }
}

fn pairs(node: &Node) -> Vec<(String, String)> {
    let Kind::List(rows) = &node.kind else {
        return Vec::new();
    };
    rows.iter()
        .filter_map(|row| match &row.kind {
            Kind::List(cells) => Some((
                text(cells.first()?).to_owned(),
                text(cells.get(1)?).to_owned(),
            )),
            Kind::Scalar(_) | Kind::Map(_) => None,
        })
        .collect()
}

/// The file's text is shared by everything that draws faults.
pub(super) type Text = Arc<str>;
