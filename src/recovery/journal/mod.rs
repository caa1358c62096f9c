//! The durable record of what was meant to be done and what came of it, in an SQLite database of
//! its own.
//!
//! It only grows: every table refuses to be changed. An intent is on the disk before its action
//! starts, its result after the action ended; an intent without a result is an action of which
//! nobody knows whether it happened.

mod intent;
mod lease;
mod read;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use crate::event::Timestamp;
use crate::recovery::document::PlanV1;
use crate::recovery::permit::Permit;

pub use intent::{Intended, Intent, IntentId};
pub use lease::{Holder, Lease, LeaseId, Owner};
pub use read::{ApplyRecord, EntryRecord};

/// The version of the tables below.
const VERSION: i64 = 1;
/// `sgjl`, so that no other database is taken for a journal.
const APPLICATION: i64 = 0x7367_6a6c;
/// How long a write waits for another process's.
const PATIENCE: Duration = Duration::from_secs(10);
/// More of an answer than this is not kept.
const MOST_RESPONSE: usize = 4096;

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
const GROWING: [&str; 4] = ["applies", "intents", "results", "leases"];

/// An open journal.
#[derive(Debug)]
pub struct Journal {
    connection: Connection,
    path: PathBuf,
}

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// SQLite failed: the file, and what it said.
    #[error("the journal {path} cannot be used: {error}")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        error: rusqlite::Error,
    },
    /// The file is another database.
    #[error("{0} is no journal; name another file with --journal")]
    NotAJournal(PathBuf),
    /// A later version of the tool wrote it.
    #[error("the journal {0} is of version {1}, which this version of the tool cannot read")]
    Newer(PathBuf, i64),
    /// There is none.
    #[error("there is no journal {0}; nothing was applied, or name it with --journal")]
    Missing(PathBuf),
}

/// An apply in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApplyId(pub(super) i64);

/// What came of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// It is done.
    Done,
    /// It failed, and had no effect.
    Failed,
    /// It may have had its effect.
    Unknown,
}

impl Done {
    /// The one word for it, everywhere.
    pub const fn label(self) -> &'static str {
        match self {
            Done::Done => "done",
            Done::Failed => "failed",
            Done::Unknown => "unknown",
        }
    }

    fn from_label(label: &str) -> Done {
        match label {
            "done" => Done::Done,
            "failed" => Done::Failed,
            _ => Done::Unknown,
        }
    }
}

/// Where the journal of a log stands unless another is named: beside it.
pub fn beside(log: &Path) -> PathBuf {
    log.with_extension("journal.db")
}

impl Journal {
    /// Opens a journal to write, and makes it where there is none.
    ///
    /// # Errors
    /// See [`JournalError`].
    pub fn open(path: &Path, _: &Permit) -> Result<Journal, JournalError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let journal = Journal::connect(path, flags)?;
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
    /// # Errors
    /// See [`JournalError`].
    pub fn read(path: &Path) -> Result<Journal, JournalError> {
        if fs::metadata(path).is_err() {
            return Err(JournalError::Missing(path.to_owned()));
        }
        let journal = Journal::connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        journal.check()?;
        Ok(journal)
    }

    fn connect(path: &Path, flags: OpenFlags) -> Result<Journal, JournalError> {
        let failed = |error| JournalError::Sqlite {
            path: path.to_owned(),
            error,
        };
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        connection.busy_timeout(PATIENCE).map_err(failed)?;
        Ok(Journal {
            connection,
            path: path.to_owned(),
        })
    }

    /// Makes the tables in an empty file. EXTRA syncs the folder too: after a power cut a commit
    /// must not be undone.
    fn prepare(&self) -> Result<(), rusqlite::Error> {
        self.connection
            .pragma_update(None, "synchronous", "EXTRA")?;
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        let tables = "SELECT count(*) FROM sqlite_schema";
        let is_empty = self
            .connection
            .query_row(tables, [], |row| row.get::<_, i64>(0))?
            == 0;
        if is_empty {
            self.connection.execute_batch(TABLES)?;
            for table in GROWING {
                for change in ["UPDATE", "DELETE"] {
                    self.connection.execute_batch(&format!(
                        "CREATE TRIGGER {table}_no_{change} BEFORE {change} ON {table}
                         BEGIN SELECT raise(ABORT, 'a journal only grows'); END"
                    ))?;
                }
            }
            self.connection
                .pragma_update(None, "application_id", APPLICATION)?;
            self.connection
                .pragma_update(None, "user_version", VERSION)?;
        }
        self.connection.execute_batch("COMMIT")
    }

    fn check(&self) -> Result<(), JournalError> {
        let number = |pragma: &str| {
            let read = self
                .connection
                .pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
            read.map_err(|error| self.failed(error))
        };
        if number("application_id")? != APPLICATION {
            return Err(JournalError::NotAJournal(self.path.clone()));
        }
        match number("user_version")? {
            version if version > VERSION => Err(JournalError::Newer(self.path.clone(), version)),
            _ => Ok(()),
        }
    }

    fn failed(&self, error: rusqlite::Error) -> JournalError {
        JournalError::Sqlite {
            path: self.path.clone(),
            error,
        }
    }

    /// Records that a plan is about to be applied.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn begin(
        &self,
        permit: &Permit,
        plan: &PlanV1,
        at: Timestamp,
    ) -> Result<ApplyId, JournalError> {
        // A plan is made of texts, numbers and lists alone, which always have a JSON form.
        let document = serde_json::to_string(plan).unwrap_or_default();
        self.connection
            .execute(
                "INSERT INTO applies (at, actor, reason, tool, plan, document)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    at.as_nanos(),
                    permit.actor(),
                    permit.reason(),
                    plan.tool,
                    plan.digest,
                    document
                ],
            )
            .map_err(|error| self.failed(error))?;
        Ok(ApplyId(self.connection.last_insert_rowid()))
    }

    /// Records what came of an action.
    ///
    /// # Errors
    /// When it cannot be written: then nobody knows whether it happened.
    pub fn conclude(
        &self,
        _: &Permit,
        intent: IntentId,
        (done, attempts, response): (Done, u32, &str),
        at: Timestamp,
    ) -> Result<(), JournalError> {
        let end = response.floor_char_boundary(MOST_RESPONSE);
        self.connection
            .execute(
                "INSERT INTO results (intent, at, outcome, attempts, response)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![
                    intent.0,
                    at.as_nanos(),
                    done.label(),
                    attempts,
                    &response[..end]
                ],
            )
            .map_err(|error| self.failed(error))?;
        Ok(())
    }

    /// What is known of the action with this key: done once is done; else the last attempt counts.
    /// `None` where it was never meant to be done.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn known(&self, key: &str) -> Result<Option<Done>, JournalError> {
        let outcome: Option<Option<String>> = self
            .connection
            .query_row(
                "SELECT outcome FROM intents LEFT JOIN results ON intent = id WHERE key = ?1
                 ORDER BY outcome = 'done' DESC, coalesce(outcome, 'unknown') = 'unknown' DESC,
                          id DESC LIMIT 1",
                [key],
                |row| row.get(0),
            )
            .optional()
            .map_err(|error| self.failed(error))?;
        Ok(outcome.map(|outcome| outcome.map_or(Done::Unknown, |label| Done::from_label(&label))))
    }

    /// Whether an action of a plan was meant to be done under that very plan.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn has_begun(&self, plan: &str, key: &str) -> Result<bool, JournalError> {
        self.connection
            .query_row(
                "SELECT EXISTS (SELECT 1 FROM intents JOIN applies ON apply = applies.id
                 WHERE key = ?1 AND plan = ?2)",
                [key, plan],
                |row| row.get(0),
            )
            .map_err(|error| self.failed(error))
    }

    /// When a plan was first begun.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn begun(&self, plan: &str) -> Result<Option<Timestamp>, JournalError> {
        let at: Option<i64> = self
            .connection
            .query_row(
                "SELECT min(at) FROM applies WHERE plan = ?1
                 AND EXISTS (SELECT 1 FROM intents WHERE apply = applies.id)",
                [plan],
                |row| row.get(0),
            )
            .map_err(|error| self.failed(error))?;
        Ok(at.map(Timestamp::from_nanos))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Span;
    use crate::recovery::document::InstanceV1;
    use crate::recovery::permit::{Answer, Wish};

    const INSTANCE: &str = r#"{
        "log": "shop", "saga": "order", "id": "o-1", "outcome": "compensating",
        "last_position": 1, "fingerprint": "f", "direction": "backward", "left_alone": [],
        "actions": [{
            "step": "stock", "direction": "backward", "kind": "exec", "key": "k",
            "waits_for": [], "request": { "exec": { "arguments": ["act"] } }, "idempotent": true
        }]
    }"#;

    struct Operator {
        journal: Journal,
        owner: Owner,
        apply: ApplyId,
        permit: Permit,
    }

    impl Operator {
        fn new(path: &Path, name: &str) -> Operator {
            let wish = Wish {
                write: true,
                yes: true,
                reason: Some("INC-1"),
                actor: name,
            };
            let permit = Permit::grant(wish, || Answer::No).unwrap().unwrap();
            let plan = PlanV1 {
                version: 1,
                tool: String::new(),
                definitions: String::new(),
                logs: Vec::new(),
                instances: Vec::new(),
                refused: Vec::new(),
                left_out: 0,
                digest: name.to_owned(),
            };
            let journal = Journal::open(path, &permit).unwrap();
            let apply = journal.begin(&permit, &plan, second(0)).unwrap();
            Operator {
                journal,
                owner: Owner {
                    name: name.to_owned(),
                    host: format!("the host of {name}"),
                    process: 1,
                },
                apply,
                permit,
            }
        }

        fn lease(&mut self, at: i64, seconds: i64) -> Lease {
            let span = Span::from_secs(seconds);
            self.journal
                .lease(&self.permit, &instance(), &self.owner, second(at), span)
                .unwrap()
        }

        fn intend(&mut self, lease: LeaseId, at: i64) -> Intended {
            let instance = instance();
            let intent = Intent {
                apply: self.apply,
                lease,
                owner: &self.owner,
                instance: &instance,
                action: &instance.actions[0],
                span: Span::from_secs(10),
            };
            self.journal
                .intend(&self.permit, intent, second(at))
                .unwrap()
        }
    }

    fn instance() -> InstanceV1 {
        serde_json::from_str(INSTANCE).unwrap()
    }

    fn second(at: i64) -> Timestamp {
        Timestamp::from_nanos(at * 1_000_000_000)
    }

    fn taken(lease: Lease) -> LeaseId {
        match lease {
            Lease::Taken(id) => id,
            Lease::Held(holder) => panic!("{} holds it", holder.owner.name),
        }
    }

    #[test]
    fn an_intent_is_refused_once_another_had_the_instance() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        let (mut ann, mut bob) = (Operator::new(&path, "ann"), Operator::new(&path, "bob"));
        let hers = taken(ann.lease(0, 10));
        assert!(matches!(bob.lease(5, 10), Lease::Held(holder) if holder.owner.name == "ann"));

        let his = taken(bob.lease(11, 10));
        assert_eq!(ann.intend(hers, 12), Intended::Overtaken);
        let Intended::Written(intent, _) = bob.intend(his, 13) else {
            panic!("he holds it");
        };
        let result = (Done::Done, 1, "");
        bob.journal
            .conclude(&bob.permit, intent, result, second(14))
            .unwrap();
        assert_eq!(
            ann.intend(hers, 99),
            Intended::Overtaken,
            "nor when his lease ran out"
        );
        assert_eq!(ann.journal.known("k").unwrap(), Some(Done::Done));
    }

    #[test]
    fn a_lease_nobody_took_since_is_good_although_it_ran_out() {
        let folder = tempfile::tempdir().unwrap();
        let mut ann = Operator::new(&folder.path().join("journal.db"), "ann");
        let lease = taken(ann.lease(0, 10));
        let Intended::Written(_, prolonged) = ann.intend(lease, 20) else {
            panic!("nobody else was there");
        };
        assert_ne!(prolonged, lease, "it lasts for the action now");
        let mut bob = Operator::new(&folder.path().join("journal.db"), "bob");
        assert!(matches!(bob.lease(29, 10), Lease::Held(_)));
    }
}
