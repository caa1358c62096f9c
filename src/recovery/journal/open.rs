//! Opening a journal: to write, where it is made or brought up to the present version; to read, where
//! nothing beside it is touched.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, ffi};

use crate::log::private_copy;
use crate::recovery::journal::{Journal, JournalError};
use crate::recovery::permit::Permit;

/// The version of the tables below.
const VERSION: i64 = 2;
/// `sgjl`, so that no other database is taken for a journal.
const APPLICATION: i64 = 0x7367_6a6c;
/// How long a write waits for another process's.
const PATIENCE: Duration = Duration::from_secs(10);

/// The first version.
const TABLES: &str = "
CREATE TABLE applies (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, actor TEXT NOT NULL,
    reason TEXT NOT NULL, tool TEXT NOT NULL, plan TEXT NOT NULL, document TEXT NOT NULL);
CREATE TABLE intents (id INTEGER PRIMARY KEY, apply INTEGER NOT NULL REFERENCES applies,
    at INTEGER NOT NULL, log TEXT NOT NULL, saga TEXT NOT NULL, instance TEXT NOT NULL,
    step TEXT NOT NULL, direction TEXT NOT NULL, key TEXT NOT NULL, request TEXT NOT NULL);
CREATE TABLE results (intent INTEGER PRIMARY KEY REFERENCES intents, at INTEGER NOT NULL,
    outcome TEXT NOT NULL, attempts INTEGER NOT NULL, response TEXT NOT NULL);
CREATE TABLE leases (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, log TEXT NOT NULL,
    saga TEXT NOT NULL, instance TEXT NOT NULL, owner TEXT NOT NULL, host TEXT NOT NULL,
    process INTEGER NOT NULL, until INTEGER NOT NULL);
CREATE INDEX intents_by_key ON intents (key);
CREATE INDEX leases_by_instance ON leases (log, saga, instance);
";
/// What the second version has more.
const SETTLEMENTS: &str = "
CREATE TABLE settlements (id INTEGER PRIMARY KEY, intent INTEGER NOT NULL REFERENCES intents,
    at INTEGER NOT NULL, actor TEXT NOT NULL, reason TEXT NOT NULL, outcome TEXT NOT NULL);
CREATE INDEX settlements_by_intent ON settlements (intent);
";

impl Journal {
    /// Opens a journal to write, and makes it where there is none.
    ///
    /// # Errors
    /// See [`JournalError`].
    pub fn open(path: &Path, _: &Permit) -> Result<Journal, JournalError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let journal = Journal::connect(path, path, flags)?;
        journal.prepare().map_err(|error| journal.failed(error))?;
        journal.check()?;
        Ok(journal)
    }

    /// Opens the same journal once more, for another driver beside this one.
    ///
    /// # Errors
    /// See [`JournalError`].
    pub fn another(&self, permit: &Permit) -> Result<Journal, JournalError> {
        Journal::open(&self.path, permit)
    }

    /// Opens a journal to read.
    ///
    /// Where a writer was killed in the middle, what it left has to be rolled back before anything can
    /// be read; that is done in a copy.
    ///
    /// # Errors
    /// See [`JournalError`].
    pub fn read(path: &Path) -> Result<Journal, JournalError> {
        Journal::found(path)?.ok_or_else(|| JournalError::Missing(path.to_owned()))
    }

    /// As [`Journal::read`]; `None` where there is none.
    ///
    /// # Errors
    /// See [`JournalError`].
    pub fn found(path: &Path) -> Result<Option<Journal>, JournalError> {
        if fs::metadata(path).is_err() {
            return Ok(None);
        }
        let journal = Journal::connect(path, path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let (journal, version) = match journal.check() {
            Err(JournalError::Sqlite { error, .. }) if has_to_recover(&error) => {
                let (folder, copy) = private_copy(path, path)?;
                let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
                let mut journal = Journal::connect(path, &copy, flags)?;
                journal._copy = Some(folder);
                let version = journal.check()?;
                (journal, version)
            }
            checked => (journal, checked?),
        };
        if version < VERSION {
            let table = "CREATE TEMP TABLE settlements (id, intent, at, actor, reason, outcome)";
            let made = journal.connection.execute_batch(table);
            made.map_err(|error| journal.failed(error))?;
        }
        Ok(Some(journal))
    }

    /// Opens `file`, which is the journal at `path` or a copy of it.
    fn connect(path: &Path, file: &Path, flags: OpenFlags) -> Result<Journal, JournalError> {
        let failed = |error| JournalError::Sqlite {
            path: path.to_owned(),
            error,
        };
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(file, flags).map_err(failed)?;
        connection.busy_timeout(PATIENCE).map_err(failed)?;
        Ok(Journal {
            connection,
            path: path.to_owned(),
            _copy: None,
        })
    }

    /// Makes the tables that are missing. EXTRA syncs the folder too: after a power cut a commit must
    /// not be undone.
    fn prepare(&self) -> Result<(), rusqlite::Error> {
        let connection = &self.connection;
        connection.pragma_update(None, "synchronous", "EXTRA")?;
        connection.execute_batch("BEGIN IMMEDIATE")?;
        let tables = "SELECT count(*) FROM sqlite_schema";
        let is_empty = connection.query_row(tables, [], |row| row.get::<_, i64>(0))? == 0;
        if is_empty {
            connection.execute_batch(TABLES)?;
            self.only_grow(&["applies", "intents", "results", "leases"])?;
            connection.pragma_update(None, "application_id", APPLICATION)?;
        }
        if self.pragma("application_id")? == APPLICATION && self.pragma("user_version")? < VERSION {
            connection.execute_batch(SETTLEMENTS)?;
            self.only_grow(&["settlements"])?;
            connection.pragma_update(None, "user_version", VERSION)?;
        }
        connection.execute_batch("COMMIT")
    }

    fn only_grow(&self, tables: &[&str]) -> Result<(), rusqlite::Error> {
        for table in tables {
            for change in ["UPDATE", "DELETE"] {
                self.connection.execute_batch(&format!(
                    "CREATE TRIGGER {table}_no_{change} BEFORE {change} ON {table}
                     BEGIN SELECT raise(ABORT, 'a journal only grows'); END"
                ))?;
            }
        }
        Ok(())
    }

    /// The version of its tables, which this program can read.
    fn check(&self) -> Result<i64, JournalError> {
        let number = |pragma| self.pragma(pragma).map_err(|error| self.failed(error));
        if number("application_id")? != APPLICATION {
            return Err(JournalError::NotAJournal(self.path.clone()));
        }
        match number("user_version")? {
            version if version > VERSION => Err(JournalError::Newer(self.path.clone(), version)),
            version => Ok(version),
        }
    }

    fn pragma(&self, name: &str) -> Result<i64, rusqlite::Error> {
        self.connection
            .pragma_query_value(None, name, |row| row.get(0))
    }
}

/// Whether a reader met what a killed writer left.
fn has_to_recover(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    code == Some(ffi::SQLITE_READONLY_ROLLBACK)
}
