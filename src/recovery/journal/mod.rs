//! The durable record of what was meant to be done and what came of it, in an SQLite database of
//! its own.
//!
//! It only grows: every table refuses to be changed. An intent is on the disk before its action
//! starts, its result after the action ended; an intent without a result is an action of which
//! nobody knows whether it happened.

mod intent;
mod lease;
mod open;
mod read;
mod settle;

use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};
use tempfile::TempDir;

use crate::event::Timestamp;
use crate::log::LogError;
use crate::recovery::document::PlanV1;
use crate::recovery::permit::Permit;

pub use intent::{Intended, Intent, IntentId};
pub use lease::{Holder, Lease, LeaseId, Owner};
pub use read::{ApplyRecord, EntryRecord, SettlementRecord, Wanted};
pub use settle::{Finding, Settled};

/// More of an answer than this is not kept.
const MOST_RESPONSE: usize = 4096;
/// What is known of an intent, joined with its result: what the driver saw, or else what a person found
/// out afterwards.
const OUTCOME: &str = "
    CASE WHEN results.outcome IN ('done', 'failed') THEN results.outcome
    ELSE coalesce((SELECT settlements.outcome FROM settlements
                   WHERE settlements.intent = intents.id ORDER BY settlements.id DESC LIMIT 1),
                  'unknown') END";

/// An open journal.
#[derive(Debug)]
pub struct Journal {
    connection: Connection,
    path: PathBuf,
    /// Removed after the connection is closed, so it stands last.
    _copy: Option<TempDir>,
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
    /// It has to be copied to be read, and cannot be.
    #[error("the journal cannot be read: {0}")]
    Unreadable(#[from] LogError),
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

/// Where the journal of a log stands unless another is named: beside it, where it really is, so that
/// every name of the log leads to the same journal.
pub fn beside(log: &Path) -> PathBuf {
    let is_link = std::fs::symlink_metadata(log).is_ok_and(|it| it.is_symlink());
    let real = is_link.then(|| log.canonicalize().ok()).flatten();
    real.as_deref().unwrap_or(log).with_extension("journal.db")
}

impl Journal {
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
        settle::known(&self.connection, key).map_err(|error| self.failed(error))
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
