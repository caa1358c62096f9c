//! One YAML document: what its first key says it is, its shape, its decoded and checked form.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;
use serde_yaml::Value;

use crate::definition::fault::{self, Fault, Place};
use crate::definition::file::SourceFile;
use crate::definition::idempotency::Idempotency;
use crate::definition::invariant::Invariant;
use crate::definition::log::LogDefinition;
use crate::definition::marked::{Kind, Node};
use crate::definition::projection::Projection;
use crate::definition::reaction::Reaction;
use crate::definition::requirement::Requirement;
use crate::definition::saga::Saga;
use crate::definition::scalar::Meaning;
use crate::definition::settings::Settings;
use crate::definition::structure::{self, shown};
use crate::definition::transaction::Transaction;
use crate::definition::{raw, schema, validate};
use crate::suggest::{closest, did_you_mean};

/// What a document declares.
#[derive(Debug)]
pub(crate) struct Declared {
    /// What kind of thing, with its checked form where nothing fatal is wrong with it.
    pub(crate) thing: Thing,
    /// Its name, where it has one.
    pub(crate) name: Option<Arc<str>>,
    /// Where its name stands.
    pub(crate) place: Place,
}

/// The kinds of document; `None` where it is too faulty to be used.
#[derive(Debug)]
pub(crate) enum Thing {
    /// `log:`
    Log(Option<LogDefinition>),
    /// `saga:`
    Saga(Option<Arc<Saga>>),
    /// `projection:`
    Projection(Option<Arc<Projection>>),
    /// `invariant:` with `total:`
    Invariant(Option<Arc<Invariant>>),
    /// `invariant:` with `for-each:`
    Requirement(Option<Arc<Requirement>>),
    /// `reaction:`
    Reaction(Option<Arc<Reaction>>),
    /// `idempotency:`
    Idempotency(Option<Arc<Idempotency>>),
    /// `transaction:`
    Transaction(Option<Arc<Transaction>>),
    /// `settings:`
    Settings(Option<Settings>),
}

impl Thing {
    /// What several of its kind are called.
    pub(crate) fn plural(&self) -> &'static str {
        match self {
            Thing::Log(_) => "logs",
            Thing::Saga(_) => "sagas",
            Thing::Projection(_) => "projections",
            Thing::Invariant(_) | Thing::Requirement(_) => "invariants",
            Thing::Reaction(_) => "reactions",
            Thing::Idempotency(_) => "idempotency rules",
            Thing::Transaction(_) => "transactions",
            Thing::Settings(_) => "settings",
        }
    }
}

const READ: [&str; 8] = [
    "log",
    "saga",
    "projection",
    "invariant",
    "reaction",
    "idempotency",
    "transaction",
    "settings",
];

/// Whether the file is a case file, which says what to expect and defines nothing.
pub(crate) fn is_case(documents: &[Node]) -> bool {
    documents.first().is_some_and(|first| {
        let starts_otherwise = first
            .entries()
            .first()
            .is_some_and(|entry| !READ.contains(&entry.key.text.as_str()));
        starts_otherwise && first.entry("expect").is_some()
    })
}

/// Reads one document; faults are added to `faults`.
pub(crate) fn read(
    file: &SourceFile,
    document: &Node,
    rules: &[&'static str],
    faults: &mut Vec<Fault>,
) -> Option<Declared> {
    let from = faults.len();
    let Some(first) = document.entries().first() else {
        let place = file.place(document.span.clone());
        faults.push(
            Fault::fatal(fault::WRONG_TYPE, place, "a document has to be a mapping")
                .label("no key")
                .help(format!("begin with {}", one_of(&READ))),
        );
        return None;
    };
    let at = At {
        file,
        node: document,
        span: &document.span,
    };
    let name: Option<Arc<str>> = match &first.value.kind {
        Kind::Scalar(scalar) if !scalar.text.is_empty() => Some(scalar.text.as_str().into()),
        Kind::Scalar(_) | Kind::List(_) | Kind::Map(_) => None,
    };
    let thing = match first.key.text.as_str() {
        "log" => Thing::Log(
            decode(at, "log", faults).and_then(|raw| validate::log::check(raw, at, faults)),
        ),
        "saga" => Thing::Saga(
            decode(at, "saga", faults)
                .and_then(|raw| validate::saga::check(raw, at, faults))
                .map(Arc::new),
        ),
        "projection" => Thing::Projection(
            decode(at, "projection", faults)
                .and_then(|raw| validate::projection::check(raw, at, faults))
                .map(Arc::new),
        ),
        // What is required is required of each key of something.
        "invariant" if at.has("for-each") || at.has("require") && !at.has("total") => {
            Thing::Requirement(
                decode(at, "invariant-for-each", faults)
                    .and_then(|raw| validate::requirement::check(raw, at, faults))
                    .map(Arc::new),
            )
        }
        "invariant" if at.key("total").has_nearly("states-of") => Thing::Invariant(
            decode(at, "invariant-over-states", faults)
                .and_then(|raw| validate::invariant::check_over_states(raw, at, faults))
                .map(Arc::new),
        ),
        "invariant" => Thing::Invariant(
            decode(at, "invariant", faults)
                .and_then(|raw| validate::invariant::check(raw, at, faults))
                .map(Arc::new),
        ),
        "reaction" => Thing::Reaction(
            decode(at, "reaction", faults)
                .and_then(|raw| validate::reaction::check(raw, at, faults))
                .map(Arc::new),
        ),
        "idempotency" => Thing::Idempotency(
            decode(at, "idempotency", faults)
                .and_then(|raw| validate::idempotency::check(raw, at, faults))
                .map(Arc::new),
        ),
        "transaction" => Thing::Transaction(
            decode(at, "transaction", faults)
                .and_then(|raw| validate::transaction::check(raw, at, faults))
                .map(Arc::new),
        ),
        "settings" => Thing::Settings(decode(at, "settings-document", faults).and_then(
            |raw: raw::settings::Document| {
                validate::settings::check(raw.settings, at.key("settings"), rules, faults)
            },
        )),
        other => {
            faults.push(unknown_kind(file, document, other, first.key_span.clone()));
            return None;
        }
    };
    for fault in &mut faults[from..] {
        fault.definition = name.clone();
    }
    Some(Declared {
        thing,
        name,
        place: file.place(first.value.span.clone()),
    })
}

/// `a:`, `b:` or `c:`.
fn one_of(kinds: &[&str]) -> String {
    let kinds: Vec<String> = kinds.iter().map(|kind| format!("`{kind}:`")).collect();
    match kinds.as_slice() {
        [rest @ .., last] if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        kinds => kinds.concat(),
    }
}

fn unknown_kind(file: &SourceFile, document: &Node, key: &str, span: Range<usize>) -> Fault {
    let place = file.place(span);
    let message = format!("`{}` does not say what the document defines", shown(key));
    let later = READ.iter().find(|kind| document.entry(kind).is_some());
    let help = match later {
        Some(kind) => Some(format!("put `{kind}:` first")),
        None => did_you_mean(key, READ),
    };
    Fault::fatal(fault::UNKNOWN_KEY, place, message)
        .label("unknown first key")
        .help(help)
}

/// Checks the shape and decodes; `None` with faults added where that fails.
fn decode<T: DeserializeOwned>(at: At<'_>, name: &str, faults: &mut Vec<Fault>) -> Option<T> {
    let misshapen = structure::check(schema::schema(), name, at.file, at.node);
    if !misshapen.is_empty() {
        faults.extend(misshapen);
        return None;
    }
    match serde_path_to_error::deserialize(to_value(at.node)) {
        Ok(raw) => Some(raw),
        Err(error) => {
            let place = error.path().iter().fold(at, |at, segment| match segment {
                Segment::Seq { index } => at.item(*index),
                Segment::Map { key } => at.key(key),
                Segment::Enum { .. } | Segment::Unknown => at,
            });
            let message = error.inner().to_string().to_lowercase();
            faults.push(Fault::fatal(fault::BAD_VALUE, place.place(), message).label("here"));
            None
        }
    }
}

/// The tree as the decoder wants it.
fn to_value(node: &Node) -> Value {
    match &node.kind {
        Kind::Scalar(scalar) => match scalar.meaning {
            Meaning::Null => Value::Null,
            Meaning::Bool(truth) => Value::Bool(truth),
            Meaning::Text => Value::String(scalar.text.clone()),
            Meaning::Float(number) => Value::Number(number.into()),
            Meaning::Integer(number) => match (i64::try_from(number), u64::try_from(number)) {
                (Ok(number), _) => Value::Number(number.into()),
                (_, Ok(number)) => Value::Number(number.into()),
                _ => Value::String(scalar.text.clone()),
            },
        },
        Kind::List(items) => Value::Sequence(items.iter().map(to_value).collect()),
        Kind::Map(entries) => Value::Mapping(
            entries
                .iter()
                .map(|entry| {
                    (
                        Value::String(entry.key.text.clone()),
                        to_value(&entry.value),
                    )
                })
                .collect(),
        ),
    }
}

/// A way into a document, to name the place of what is decoded from it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At<'a> {
    file: &'a SourceFile,
    node: &'a Node,
    span: &'a Range<usize>,
}

impl<'a> At<'a> {
    /// The value of this key; where there is none, the place stays where it is.
    pub(crate) fn key(self, key: &str) -> At<'a> {
        match self.node.entry(key) {
            Some(entry) => At {
                node: &entry.value,
                span: &entry.value.span,
                ..self
            },
            None => self,
        }
    }

    /// The key itself.
    pub(crate) fn name_of(self, key: &str) -> At<'a> {
        match self.node.entry(key) {
            Some(entry) => At {
                node: &entry.value,
                span: &entry.key_span,
                ..self
            },
            None => self,
        }
    }

    /// This item of a list; a value that may be one or a list is its own first item.
    pub(crate) fn item(self, index: usize) -> At<'a> {
        match &self.node.kind {
            Kind::List(items) => match items.get(index) {
                Some(item) => At {
                    node: item,
                    span: &item.span,
                    ..self
                },
                None => self,
            },
            Kind::Map(_) | Kind::Scalar(_) => self,
        }
    }

    /// Whether this key is written here.
    pub(crate) fn has(self, key: &str) -> bool {
        self.node.entry(key).is_some()
    }

    /// Whether this key is written here, if misspelt.
    fn has_nearly(self, key: &str) -> bool {
        let mut entries = self.node.entries().iter();
        entries.any(|entry| closest(&entry.key.text, [key]).is_some())
    }

    /// Where it stands.
    pub(crate) fn place(self) -> Place {
        self.file.place(self.span.clone())
    }

    /// The folder of the file, against which its paths are resolved.
    pub(crate) fn folder(self) -> &'a Path {
        self.file.path.parent().unwrap_or(Path::new(""))
    }
}
