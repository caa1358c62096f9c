//! A checked action: how the tool itself can drive a step or compensation from outside.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Number, Value};

use crate::definition::fault::Place;
use crate::event::Span;
use crate::expression::Undetermined;
use crate::expression::template::{Reveal, Template};

/// A declared way to drive a step or compensation.
#[derive(Debug, Clone)]
pub struct Action {
    /// What it does.
    pub kind: ActionKind,
    /// How long one attempt may take.
    pub timeout: Span,
    /// How many times it is tried in one recovery; at least 1.
    pub attempts: u32,
    /// The pause before the second attempt; it doubles from then on.
    pub backoff: Span,
    /// Whether the definition says so, or nothing is said and the tool's own pause is meant.
    pub says_backoff: bool,
    /// Sending it twice under one key has one effect.
    pub idempotent: bool,
    /// What the tool itself records once it is done; `None` where the service does.
    pub record: Option<Record>,
}

/// The event that the tool appends to the log.
#[derive(Debug, Clone)]
pub struct Record {
    /// Its type, which means the success of the step or compensation and nothing else.
    pub kind: Arc<str>,
    /// Where that is asked for.
    pub place: Place,
}

/// What an action does.
#[derive(Debug, Clone)]
pub enum ActionKind {
    /// Sends a request.
    Http(Http),
    /// Runs a program.
    Exec(Exec),
    /// Inserts a row.
    Outbox(Outbox),
}

impl ActionKind {
    /// The one word for it, everywhere.
    pub const fn label(&self) -> &'static str {
        match self {
            ActionKind::Http(_) => "http",
            ActionKind::Exec(_) => "exec",
            ActionKind::Outbox(_) => "outbox",
        }
    }
}

/// An HTTP request.
#[derive(Debug, Clone)]
pub struct Http {
    /// `POST`, `PUT`, `PATCH` or `DELETE`.
    pub method: &'static str,
    /// Where to; values from events are percent-encoded in it.
    pub url: Template,
    /// Headers beside those that the tool sets itself.
    pub headers: BTreeMap<String, Template>,
    /// The JSON body.
    pub body: Option<Body>,
}

/// A program with its arguments; no shell.
#[derive(Debug, Clone)]
pub struct Exec {
    /// The program, which no event can choose, and its arguments; at least one.
    pub arguments: Vec<Template>,
    /// Where it runs: the folder of the definition.
    pub folder: PathBuf,
}

/// A row for an SQLite table.
#[derive(Debug, Clone)]
pub struct Outbox {
    /// The database; `None` is the log's own.
    pub database: Option<PathBuf>,
    /// The folder of the definition.
    pub folder: PathBuf,
    /// The table.
    pub table: String,
    /// Its columns' values.
    pub columns: BTreeMap<String, Body>,
}

/// JSON with templates for its texts.
#[derive(Debug, Clone)]
pub enum Body {
    /// `null`.
    Null,
    /// A truth value.
    Bool(bool),
    /// A number, as written.
    Number(Number),
    /// A text or expression.
    Text(Template),
    /// A list.
    List(Vec<Body>),
    /// A mapping.
    Mapping(BTreeMap<String, Body>),
}

impl Body {
    /// Its JSON.
    ///
    /// # Errors
    /// When something that a text refers to is missing.
    pub fn render(
        &self,
        facts: &BTreeMap<&str, Value>,
        reveal: Reveal<'_>,
    ) -> Result<Value, Undetermined> {
        Ok(match self {
            Body::Null => Value::Null,
            Body::Bool(truth) => Value::Bool(*truth),
            Body::Number(number) => Value::Number(number.clone()),
            Body::Text(template) => template.value(facts, reveal)?,
            Body::List(items) => items
                .iter()
                .map(|item| item.render(facts, reveal))
                .collect::<Result<_, _>>()?,
            Body::Mapping(entries) => entries
                .iter()
                .map(|(key, body)| Ok((key.clone(), body.render(facts, reveal)?)))
                .collect::<Result<_, Undetermined>>()?,
        })
    }

    fn templates<'b>(&'b self, found: &mut Vec<&'b Template>) {
        match self {
            Body::Text(template) => found.push(template),
            Body::List(items) => items.iter().for_each(|item| item.templates(found)),
            Body::Mapping(entries) => entries.values().for_each(|body| body.templates(found)),
            Body::Null | Body::Bool(_) | Body::Number(_) => {}
        }
    }
}

impl Action {
    /// The names of the secrets that it sends.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        let mut found = Vec::new();
        match &self.kind {
            ActionKind::Http(http) => {
                found.push(&http.url);
                found.extend(http.headers.values());
                http.body.iter().for_each(|body| body.templates(&mut found));
            }
            ActionKind::Exec(exec) => found.extend(&exec.arguments),
            ActionKind::Outbox(outbox) => {
                let columns = outbox.columns.values();
                columns.for_each(|body| body.templates(&mut found));
            }
        }
        found.into_iter().flat_map(Template::secrets)
    }
}
