//! What an action sends, rendered from the instance: the same code for the plan, where secrets are
//! names, and for the moment of sending.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf, absolute};

use serde_json::{Map, Value, json};
use ureq::http::Uri;

use crate::definition::action::{Action, ActionKind};
use crate::event::Event;
use crate::expression::Undetermined;
use crate::expression::template::{Reveal, Template};
use crate::recovery::document::{RequestV1, Way};
use crate::report::InstanceRow;

/// What the templates of one action can refer to.
pub(super) type Facts = BTreeMap<&'static str, Value>;

/// The facts of an instance: the data of the event that started it, and that of the last event of
/// each type.
pub(super) fn facts(row: &InstanceRow, events: &[Event], step: (&str, Way), key: &str) -> Facts {
    let mut by_type = Map::new();
    for event in events {
        if let Some(data) = &event.data {
            by_type.insert(event.kind.clone(), data.clone());
        }
    }
    let (name, way) = step;
    let mut facts = Facts::from([
        ("saga", json!({ "id": row.id, "name": *row.saga })),
        ("step", json!({ "name": name, "direction": way })),
        ("key", Value::from(key)),
        ("events", Value::Object(by_type)),
    ]);
    let mut started = events.iter();
    let start = started.find(|event| Some(event.position) == row.start);
    let data = start.and_then(|event| event.data.clone());
    facts.extend(data.map(|data| ("data", data)));
    facts
}

/// The request of an action; `log` is the log's own file, the default of an outbox.
///
/// Relative paths in it are seen from the folder of the definitions, so that it is the same request
/// from wherever it is made and however that folder was named.
///
/// # Errors
/// When something that it refers to is missing, or cannot stand where it is put.
pub(super) fn render(
    action: &Action,
    facts: &Facts,
    reveal: Reveal<'_>,
    log: &Path,
) -> Result<RequestV1, Undetermined> {
    match &action.kind {
        ActionKind::Http(http) => Ok(RequestV1::Http {
            method: http.method.to_owned(),
            url: address(&http.url, facts, reveal)?,
            headers: http
                .headers
                .iter()
                .map(|(name, text)| Ok((name.clone(), header(name, text, facts, reveal)?)))
                .collect::<Result<_, Undetermined>>()?,
            body: match &http.body {
                Some(body) => Some(body.render(facts, reveal)?),
                None => None,
            },
        }),
        ActionKind::Exec(exec) => {
            let arguments = exec
                .arguments
                .iter()
                .map(|text| {
                    let text = text.text(facts, reveal, str::to_owned)?;
                    if text.contains('\0') {
                        return Err(Undetermined("no argument can hold a NUL".to_owned()));
                    }
                    Ok(text)
                })
                .collect::<Result<Vec<_>, _>>()?;
            Ok(RequestV1::Exec { arguments })
        }
        ActionKind::Outbox(outbox) => Ok(RequestV1::Outbox {
            database: from_folder(&outbox.folder, outbox.database.as_deref().unwrap_or(log))
                .to_string_lossy()
                .into_owned(),
            table: outbox.table.clone(),
            columns: outbox
                .columns
                .iter()
                .map(|(name, body)| Ok((name.clone(), body.render(facts, reveal)?)))
                .collect::<Result<_, Undetermined>>()?,
        }),
    }
}

/// A file as it is seen from a folder: relative where it is in it.
fn from_folder(folder: &Path, file: &Path) -> PathBuf {
    // The folder of a file that was named without one.
    let named = |folder: &Path| Path::new(".").join(folder);
    let real = |path: &Path| {
        let real = path.canonicalize().or_else(|_| absolute(path));
        real.unwrap_or_else(|_| path.to_owned())
    };
    let file = match (file.parent(), file.file_name()) {
        (Some(parent), Some(name)) if !file.exists() => real(&named(parent)).join(name),
        _ => real(file),
    };
    let inside = file.strip_prefix(real(&named(folder))).map(Path::to_owned);
    inside.unwrap_or(file)
}

/// The url of a request: one that a request can be sent to, as far as it is not hidden.
fn address(template: &Template, facts: &Facts, reveal: Reveal<'_>) -> Result<String, Undetermined> {
    let text = template.text(facts, reveal, percent_encoded)?;
    let text = fitting(text, "url", char::is_control, template, reveal)?;
    let secrets: Vec<&str> = template.secrets().collect();
    if matches!(reveal, Reveal::Hidden) && !secrets.is_empty() {
        return Ok(text);
    }
    let unfit = match Uri::try_from(&*text) {
        Err(error) => error.to_string(),
        Ok(uri) if !matches!(uri.scheme_str(), Some("http" | "https")) => {
            "it begins with neither `http://` nor `https://`".to_owned()
        }
        Ok(_) if text.contains('#') => "what stands after a `#` is not sent".to_owned(),
        Ok(_) => return Ok(text),
    };
    Err(Undetermined(match &*secrets {
        [] => format!("`url` is nowhere to send to: {unfit}"),
        names => {
            let names = names.join(" and ");
            format!("`url` is nowhere to send to with the value of {names}: {unfit}")
        }
    }))
}

/// The text of a header: one line, and letters that a request can hold.
fn header(
    name: &str,
    template: &Template,
    facts: &Facts,
    reveal: Reveal<'_>,
) -> Result<String, Undetermined> {
    let text = template.text(facts, reveal, str::to_owned)?;
    let is_ascii = name.eq_ignore_ascii_case("authorization");
    let is_unfit = |letter: char| letter.is_control() || (is_ascii && !letter.is_ascii());
    fitting(text, name, is_unfit, template, reveal)
}

/// A text without letters that cannot stand in its place. Where one came from the environment, the
/// variable is named, and nothing of what it holds.
fn fitting(
    text: String,
    place: &str,
    is_unfit: impl Fn(char) -> bool,
    template: &Template,
    reveal: Reveal<'_>,
) -> Result<String, Undetermined> {
    let Some(letter) = text.chars().find(|letter| is_unfit(*letter)) else {
        return Ok(text);
    };
    let what = if letter.is_control() {
        "control character"
    } else {
        "character beyond ASCII"
    };
    let holds_one = |name: &&str| match reveal {
        Reveal::Hidden => false,
        Reveal::From(secrets) => {
            let value = secrets.get(*name);
            value.is_some_and(|value| value.contains(&is_unfit))
        }
    };
    Err(Undetermined(match template.secrets().find(holds_one) {
        Some(name) => format!("`{place}` cannot hold the value of {name}: a {what} is in it"),
        None => {
            let code = u32::from(letter);
            format!("`{place}` would hold the {what} U+{code:04X}")
        }
    }))
}

/// All but what RFC 3986 calls unreserved, so that a value stays one part of a path or query.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    // A path of dots alone would be walked.
    if encoded.chars().all(|letter| letter == '.') {
        encoded = encoded.replace('.', "%2E");
    }
    encoded
}
