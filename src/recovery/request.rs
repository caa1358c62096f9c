//! What an action sends, rendered from the instance: the same code for the plan, where secrets are
//! names, and for the moment of sending.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf, absolute};

use serde_json::{Map, Value, json};

use crate::definition::action::{Action, ActionKind};
use crate::event::Event;
use crate::expression::Undetermined;
use crate::expression::template::Reveal;
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
            url: plain(http.url.text(facts, reveal, percent_encoded)?, "url")?,
            headers: http
                .headers
                .iter()
                .map(|(name, text)| {
                    let text = text.text(facts, reveal, str::to_owned)?;
                    Ok((name.clone(), plain(text, name)?))
                })
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

/// A text that stays on its line.
fn plain(text: String, place: &str) -> Result<String, Undetermined> {
    match text.chars().find(|letter| letter.is_control()) {
        None => Ok(text),
        Some(control) => Err(Undetermined(format!(
            "`{place}` would hold the control character U+{:04X}",
            u32::from(control)
        ))),
    }
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
