//! Small phrases that several screens share.

use std::path::{Path, PathBuf};

use crate::brief;
use crate::event::{Position, Timestamp};
use crate::finding::{Direction, Finding, Next, Severity, SubjectKind};
use crate::output::escape;

/// How many positions of one finding are printed before the rest is only counted.
const POSITIONS: usize = 8;

pub(crate) fn severities(number: u64, severity: Severity) -> String {
    let (one, many) = match severity {
        Severity::Error => ("error", "errors"),
        Severity::Warning => ("warning", "warnings"),
        Severity::Note => ("note", "notes"),
    };
    brief::count(number, one, many)
}

/// An instant for people: RFC 3339, no finer than milliseconds.
pub(crate) fn instant(instant: Timestamp) -> String {
    let text = instant.to_string();
    match text.split_once('.') {
        Some((seconds, fraction)) if fraction.len() > 4 => format!("{seconds}.{}Z", &fraction[..3]),
        _ => text,
    }
}

pub(crate) fn path(path: &Path) -> String {
    escape::terminal(&path.to_string_lossy()).into_owned()
}

/// `events 2 and 3`; says how many more there are where there are many.
pub(crate) fn evidence(positions: &[Position]) -> Option<String> {
    let numbers: Vec<String> = positions
        .iter()
        .take(POSITIONS)
        .map(|position| position.to_string())
        .collect();
    let more = positions.len().saturating_sub(POSITIONS);
    match numbers.as_slice() {
        [] => None,
        [one] => Some(format!("event {one}")),
        some if more > 0 => Some(format!(
            "events {} and {more} more (all with --format json)",
            some.join(", ")
        )),
        [some @ .., last] => Some(format!("events {} and {last}", some.join(", "))),
    }
}

/// Said below what was cut.
pub(crate) const CUT: &str = "what is long is cut, with its length; all of it with --format json";

/// A key, escaped; a long one is cut.
pub(crate) fn key(key: &str) -> String {
    match key {
        "" => "\"\"".to_owned(),
        key => escape::terminal(&brief::one(key, brief::IN_A_TABLE)).into_owned(),
    }
}

/// Whether a key or value that stands in a place of its own is cut.
pub(crate) fn is_cut(text: &str) -> bool {
    text.chars().nth(brief::IN_A_TABLE).is_some()
}

/// What a finding is about, escaped: the id, with its kind where that is not an instance.
pub(crate) fn subject(finding: &Finding) -> String {
    let id = if finding.subject.id.is_empty() {
        "\"\""
    } else {
        finding.subject.id.as_str()
    };
    let id = escape::terminal(id);
    match finding.subject.kind {
        SubjectKind::Instance => id.into_owned(),
        kind => format!("{} {id}", kind.label()),
    }
}

/// Whether the next command drives the recovery, and is not just a look.
pub(crate) fn drives(next: &Next) -> bool {
    next.arguments
        .first()
        .is_some_and(|command| command != "show")
}

/// What has to be done after having looked: `undo, in this order: charge-card, reserve-stock`.
pub(crate) fn recovery(next: &Next) -> Option<String> {
    let verb = match next.direction? {
        Direction::Backward => "undo",
        Direction::Forward => "retry",
    };
    let steps: Vec<_> = next
        .steps
        .iter()
        .map(|step| escape::terminal(step))
        .collect();
    let by_hand = match (next.by_hand, drives(next)) {
        (false, _) => "",
        (true, false) => " by hand",
        (true, true) => " partly by hand",
    };
    Some(match (steps.as_slice(), verb) {
        ([], "undo") => format!("let it be undone{by_hand}"),
        ([], _) => format!("let it go on{by_hand}"),
        ([step], _) => format!("{verb} {step}{by_hand}"),
        (steps, _) => format!("{verb}{by_hand}, in this order: {}", steps.join(", ")),
    })
}

/// Where files stand: the one, or how many in which folder.
pub(crate) fn files(files: &[PathBuf]) -> String {
    match files {
        [] => "no files".to_owned(),
        [only] => path(only),
        [first, rest @ ..] => {
            let mut folder = first.parent();
            while let Some(above) = folder
                && !rest.iter().all(|file| file.starts_with(above))
            {
                folder = above.parent();
            }
            let count = files.len();
            match folder {
                Some(folder) if folder != Path::new("") => {
                    format!("{count} files in {}", path(folder))
                }
                _ => format!("{count} files"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_evidence_read_well() {
        for (number, text) in [
            (0, "0"),
            (9999, "9999"),
            (10_000, "10,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(brief::grouped(number), text);
        }
        let positions: Vec<Position> = (1..=14).map(Position).collect();
        assert_eq!(evidence(&[]), None);
        assert_eq!(evidence(&positions[..1]).as_deref(), Some("event 1"));
        assert_eq!(
            evidence(&positions[..3]).as_deref(),
            Some("events 1, 2 and 3")
        );
        assert!(evidence(&positions).is_some_and(|text| text.contains("8 and 6 more")));
    }

    #[test]
    fn files_are_named_or_counted_in_their_folder() {
        let of = |names: &[&str]| files(&names.iter().map(PathBuf::from).collect::<Vec<_>>());
        assert_eq!(of(&["sagas/a.yaml"]), "sagas/a.yaml");
        assert_eq!(
            of(&["sagas/x/a.yaml", "sagas/y/b.yaml"]),
            "2 files in sagas"
        );
        assert_eq!(of(&["a.yaml", "b.yaml"]), "2 files");
    }

    #[test]
    fn instants_are_no_finer_than_milliseconds() {
        assert_eq!(
            instant(Timestamp::from_nanos(1)),
            "1970-01-01T00:00:00.000Z"
        );
        assert_eq!(
            instant(Timestamp::from_nanos(1_500_000_000)),
            "1970-01-01T00:00:01.5Z"
        );
    }
}
