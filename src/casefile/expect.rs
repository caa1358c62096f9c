//! One expected finding.

use crate::casefile::Expected;
use crate::casefile::load::{rule, text};
use crate::definition::fault::{self, Fault};
use crate::definition::file::SourceFile;
use crate::definition::marked::{Kind, Node};
use crate::event::Position;
use crate::finding::{Severity, SubjectKind};

/// The finding that an item of `expect` asks for.
pub(super) fn expected(file: &SourceFile, item: &Node) -> Result<Expected, Box<Fault>> {
    let value = |key: &str| item.entry(key).map(|entry| text(&entry.value));
    let place = file.place(item.span.clone());
    let mut subjects = SubjectKind::ALL
        .into_iter()
        .filter(|kind| item.entry(kind.label()).is_some());
    let subject = match (subjects.next(), subjects.next()) {
        (Some(kind), None) => (kind, value(kind.label()).unwrap_or_default().to_owned()),
        (None, _) => {
            return Err(
                Fault::fatal(fault::MISSING_KEY, place, "the finding is about nothing")
                    .label("in this one")
                    .help(
                        "add what it is about: `instance: ID`, `stream:`, `event:` or `log:`"
                            .to_owned(),
                    )
                    .into(),
            );
        }
        (Some(_), Some(_)) => {
            return Err(
                Fault::fatal(fault::BAD_VALUE, place, "the finding is about two things")
                    .label("in this one")
                    .help(
                        "keep one of `instance`, `stream`, `event`, `log`, `definition`".to_owned(),
                    )
                    .into(),
            );
        }
    };
    let rule = match item.entry("rule") {
        Some(entry) => rule(file, text(&entry.value), &entry.value.span)?,
        None => return Err(Fault::fatal(fault::MISSING_KEY, place, "`rule` is missing").into()),
    };
    let mut evidence = Vec::new();
    if let Some(Kind::List(items)) = item.entry("evidence").map(|entry| &entry.value.kind) {
        for one in items {
            let position = text(one).parse().map_err(|_| {
                Fault::fatal(
                    fault::BAD_VALUE,
                    file.place(one.span.clone()),
                    "no position",
                )
                .label("a position is wanted")
            })?;
            evidence.push(Position(position));
        }
    }
    evidence.sort_unstable();
    Ok(Expected {
        place,
        rule,
        subject,
        definition: value("saga").map(str::to_owned),
        step: value("step").map(Into::into),
        severity: value("severity").and_then(Severity::from_label),
        evidence,
    })
}
