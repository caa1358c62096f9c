//! From an action as written to the checked action: its texts compiled, each fault at its place.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::definition::action::{Action, ActionKind, Body, Exec, Http, Outbox};
use crate::definition::document::At;
use crate::definition::fault::{self, Fault};
use crate::definition::raw::saga as raw;
use crate::definition::saga::EventPattern;
use crate::definition::validate::record;
use crate::event::Span;
use crate::expression::template::Template;

/// One attempt may take this long where nothing is declared.
const TIMEOUT: Span = Span::from_secs(30);
/// An idempotent action is tried so often where nothing is declared; any other once.
const ATTEMPTS: u32 = 3;
/// The first pause where none is declared.
const BACKOFF: Span = Span::from_secs(1);
/// Headers that the tool sets itself, or that would change what a request is.
const OWN_HEADERS: [&str; 5] = [
    "idempotency-key",
    "content-length",
    "host",
    "transfer-encoding",
    "connection",
];

/// The checked action; `None` where something is wrong with it. `succeeds` are the events that say
/// that it took effect.
pub(crate) fn check(
    raw: raw::Action,
    succeeds: &[EventPattern],
    at: At<'_>,
    faults: &mut Vec<Fault>,
) -> Option<Action> {
    let attempts = raw
        .attempts
        .unwrap_or(if raw.idempotent { ATTEMPTS } else { 1 });
    let timeout = raw.timeout.map_or(TIMEOUT, |text| text.0);
    if timeout <= Span::ZERO {
        let place = at.key("timeout").place();
        faults.push(
            Fault::fatal(fault::BAD_VALUE, place, "an action needs time")
                .label("no attempt could succeed"),
        );
    }
    let record = match raw.record {
        Some(raw::Record::Append) => record::event(succeeds, at.key("record"), faults),
        None => None,
    };
    Some(Action {
        idempotent: raw.idempotent,
        record,
        timeout,
        attempts: attempts.max(1),
        says_backoff: raw.backoff.is_some(),
        backoff: raw.backoff.map_or(BACKOFF, |text| text.0),
        kind: kind(raw.http, raw.exec, raw.outbox, at, faults)?,
    })
}

fn kind(
    http: Option<raw::Http>,
    exec: Option<Vec<String>>,
    outbox: Option<raw::Outbox>,
    at: At<'_>,
    faults: &mut Vec<Fault>,
) -> Option<ActionKind> {
    match (http, exec, outbox) {
        (Some(http), None, None) => {
            checked_http(http, at.key("http"), faults).map(ActionKind::Http)
        }
        (None, Some(exec), None) => {
            checked_exec(exec, at.key("exec"), faults).map(ActionKind::Exec)
        }
        (None, None, Some(outbox)) => {
            checked_outbox(outbox, at.key("outbox"), faults).map(ActionKind::Outbox)
        }
        (None, None, None) => {
            let message = "the action says nothing to do";
            faults.push(
                Fault::fatal(fault::MISSING_KEY, at.place(), message)
                    .label("`http`, `exec` or `outbox` is needed"),
            );
            None
        }
        (http, _, outbox) => {
            let one = if http.is_some() { "http" } else { "exec" };
            let other = if outbox.is_some() && (one == "exec" || !at.has("exec")) {
                "outbox"
            } else {
                "exec"
            };
            let place = at.name_of(other).place();
            let message = format!("an action is `{one}` or `{other}`, not both");
            faults.push(Fault::fatal(fault::BAD_VALUE, place, message).label("the second one"));
            None
        }
    }
}

fn checked_http(raw: raw::Http, at: At<'_>, faults: &mut Vec<Fault>) -> Option<Http> {
    let url = template(&raw.url.0.0, at.key("url"), faults)?;
    let is_fixed = url
        .beginning()
        .is_some_and(|start| start.starts_with("http://") || start.starts_with("https://"));
    if !is_fixed && !url.begins_secret() {
        faults.push(
            Fault::fatal(
                fault::BAD_VALUE,
                at.key("url").place(),
                "a url begins with `http://`, `https://` or a value from the environment",
            )
            .label("no event may choose where a request goes")
            .help("write `https://…` or `{{ env.NAME }}/…`".to_owned()),
        );
    }
    let mut headers = BTreeMap::new();
    for (name, text) in &raw.headers {
        let place = at.key("headers").name_of(name).place();
        if !is_header(name) {
            let message = format!("`{name}` cannot be the name of a header");
            faults.push(
                Fault::fatal(fault::BAD_VALUE, place, message)
                    .label("letters, digits and `-` are wanted"),
            );
        } else if OWN_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
            let message = format!("the header `{name}` is set by the tool itself");
            faults.push(Fault::fatal(fault::BAD_VALUE, place, message).label("remove it"));
        } else if let Some(text) = template(text, at.key("headers").key(name), faults) {
            headers.insert(name.clone(), text);
        }
    }
    Some(Http {
        method: match raw.method {
            None | Some(raw::Method::Post) => "POST",
            Some(raw::Method::Put) => "PUT",
            Some(raw::Method::Patch) => "PATCH",
            Some(raw::Method::Delete) => "DELETE",
        },
        url,
        headers,
        body: match raw.body {
            Some(json) => Some(body(json, at.key("body"), faults)?),
            None => None,
        },
    })
}

fn is_header(name: &str) -> bool {
    let is_token =
        |letter: char| letter.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(letter);
    !name.is_empty() && name.chars().all(is_token)
}

fn checked_exec(raw: Vec<String>, at: At<'_>, faults: &mut Vec<Fault>) -> Option<Exec> {
    if raw.is_empty() {
        faults.push(
            Fault::fatal(fault::BAD_VALUE, at.place(), "`exec` cannot be empty")
                .label("the program is missing"),
        );
        return None;
    }
    let arguments: Vec<Option<Template>> = raw
        .iter()
        .enumerate()
        .map(|(index, text)| template(text, at.item(index), faults))
        .collect();
    let arguments: Vec<Template> = arguments.into_iter().collect::<Option<_>>()?;
    if arguments.first().is_some_and(Template::is_dynamic) {
        faults.push(
            Fault::fatal(
                fault::BAD_VALUE,
                at.item(0).place(),
                "the program cannot depend on events",
            )
            .label("no event may choose what runs")
            .help("name the program; its arguments may hold values".to_owned()),
        );
    }
    Some(Exec {
        arguments,
        folder: at.folder().to_owned(),
    })
}

fn checked_outbox(raw: raw::Outbox, at: At<'_>, faults: &mut Vec<Fault>) -> Option<Outbox> {
    if raw.columns.is_empty() {
        faults.push(
            Fault::fatal(
                fault::BAD_VALUE,
                at.key("columns").place(),
                "`columns` cannot be empty",
            )
            .label("the row would say nothing"),
        );
    }
    let mut columns = BTreeMap::new();
    for (name, json) in raw.columns {
        let place = at.key("columns").key(&name);
        let body = body(json, place, faults)?;
        columns.insert(name, body);
    }
    Some(Outbox {
        database: raw.database.map(|path| at.folder().join(&*path.0.0)),
        folder: at.folder().to_owned(),
        table: raw.table.0.0.to_string(),
        columns,
    })
}

fn body(json: Value, at: At<'_>, faults: &mut Vec<Fault>) -> Option<Body> {
    Some(match json {
        Value::Null => Body::Null,
        Value::Bool(truth) => Body::Bool(truth),
        Value::Number(number) => Body::Number(number),
        Value::String(text) => Body::Text(template(&text, at, faults)?),
        Value::Array(items) => Body::List(
            items
                .into_iter()
                .enumerate()
                .map(|(index, item)| body(item, at.item(index), faults))
                .collect::<Option<_>>()?,
        ),
        Value::Object(entries) => Body::Mapping(
            entries
                .into_iter()
                .map(|(key, json)| {
                    let body = body(json, at.key(&key), faults)?;
                    Some((key, body))
                })
                .collect::<Option<_>>()?,
        ),
    })
}

fn template(text: &str, at: At<'_>, faults: &mut Vec<Fault>) -> Option<Template> {
    match Template::parse(text) {
        Ok(template) => Some(template),
        Err(error) => {
            faults.push(
                Fault::fatal(fault::BAD_EXPRESSION, at.place(), error.message)
                    .label("this text")
                    .help(error.help),
            );
            None
        }
    }
}
