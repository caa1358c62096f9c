//! Messages about a log that cannot be read, written for a tired person.

use std::path::Path;

use rusqlite::ffi;

/// Why a log cannot be read: a lower-case fragment that names the file, table or column and what
/// was found there, with the cure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct LogError {
    /// The whole message.
    pub message: String,
    /// It was written to while it was read; to read it again is all that is needed.
    pub has_moved: bool,
}

impl LogError {
    pub(crate) fn new(message: impl Into<String>) -> LogError {
        LogError {
            message: message.into(),
            has_moved: false,
        }
    }

    /// Several at once, each on a line of its own and none twice.
    pub(crate) fn all(errors: Vec<LogError>) -> LogError {
        let has_moved = errors.iter().any(|error| error.has_moved);
        let mut messages: Vec<String> = Vec::new();
        for error in errors {
            if !messages.contains(&error.message) {
                messages.push(error.message);
            }
        }
        LogError {
            has_moved,
            ..LogError::new(messages.join("\n"))
        }
    }

    /// The same with what it is needed for: a key of a definition, or a thing and its place.
    pub(crate) fn wanted_for(self, what: impl std::fmt::Display) -> LogError {
        LogError {
            message: format!("{} (for {what})", self.message),
            ..self
        }
    }

    /// That there is no file at `path`.
    pub(crate) fn no_file(path: &Path) -> LogError {
        LogError::new(format!("{} does not exist", path.display()))
    }

    /// That the file at `path` was written to under a reader without locks.
    pub(crate) fn moved(path: &Path) -> LogError {
        LogError {
            has_moved: true,
            ..LogError::new(format!(
                "{} was opened for writing while it was read; run again",
                path.display()
            ))
        }
    }

    /// What SQLite says while it opens or reads `path`, with the cure where one is known.
    pub(crate) fn sqlite(path: &Path, error: &rusqlite::Error) -> LogError {
        let file = path.display();
        let code = extended_code(error);
        LogError::new(match code & 0xff {
            ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED => format!(
                "{file} is locked by another process, which did not let go of it in time; \
                 run again when that has finished, or read a copy"
            ),
            ffi::SQLITE_NOTADB => format!(
                "{file} is not an SQLite database, or it is encrypted; decrypt it into a copy first"
            ),
            ffi::SQLITE_CORRUPT => format!(
                "{file} is damaged ({}); read a backup, or what \
                 `sqlite3 {file} .recover` can save of it",
                said(error)
            ),
            ffi::SQLITE_CANTOPEN | ffi::SQLITE_PERM => {
                format!("{file} cannot be opened for reading; check its permissions")
            }
            ffi::SQLITE_READONLY => format!(
                "{file} needs recovery that a reader may not do ({}); open it once with the \
                 application that writes it, or read a copy together with its -wal file",
                said(error)
            ),
            ffi::SQLITE_INTERRUPT => format!(
                "a query on {file} gave no row for {} s and was stopped; add an index, or narrow it",
                super::guard::PATIENCE.as_secs()
            ),
            ffi::SQLITE_AUTH => format!(
                "a query on {file} tries to do more than read ({}); write one SELECT that only \
                 reads tables of its own file",
                said(error)
            ),
            _ => format!("{file}: {}", said(error)),
        })
    }
}

/// SQLite's extended result code, 0 where the failure is not SQLite's.
pub(crate) fn extended_code(error: &rusqlite::Error) -> i32 {
    match error {
        rusqlite::Error::SqliteFailure(failure, _) => failure.extended_code,
        rusqlite::Error::SqlInputError { error, .. } => error.extended_code,
        _ => 0,
    }
}

/// The message alone, without the statement that SQLite repeats.
pub(crate) fn said(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    }
}
