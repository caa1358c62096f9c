//! What the journal tells afterwards.

use serde::Serialize;

use crate::event::Timestamp;
use crate::recovery::journal::{Journal, JournalError};

/// An apply, as the journal has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApplyRecord {
    /// Its number.
    pub apply: i64,
    /// When it began.
    pub at: String,
    /// Who did it.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// With which version of the tool.
    pub tool: String,
    /// The plan's digest.
    pub plan: String,
    /// How many actions were meant to be done.
    pub intents: i64,
    /// How many of them are done.
    pub done: i64,
}

/// An action, as the journal has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EntryRecord {
    /// The number of its apply.
    pub apply: i64,
    /// When it was about to start.
    pub at: String,
    /// Who did it.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// The plan's digest.
    pub plan: String,
    /// The log's name.
    pub log: String,
    /// The saga.
    pub saga: String,
    /// The instance.
    pub instance: String,
    /// The step.
    pub step: String,
    /// `backward` or `forward`.
    pub direction: String,
    /// The idempotency key.
    pub key: String,
    /// A digest of the request, secrets not included.
    pub request: String,
    /// `done`, `failed` or `unknown`.
    pub outcome: String,
    /// When it ended; absent where that is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// How often it was tried; absent where that is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// What was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<String>,
}

impl Journal {
    /// Every apply, in order.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn applies(&self) -> Result<Vec<ApplyRecord>, JournalError> {
        let query = || {
            let mut statement = self.connection.prepare(
                "SELECT applies.id, applies.at, actor, reason, tool, plan,
                        count(intents.id), count(CASE outcome WHEN 'done' THEN 1 END)
                 FROM applies LEFT JOIN intents ON apply = applies.id
                      LEFT JOIN results ON intent = intents.id
                 GROUP BY applies.id ORDER BY applies.id",
            )?;
            let rows = statement.query_map([], |row| {
                Ok(ApplyRecord {
                    apply: row.get(0)?,
                    at: instant(row.get(1)?),
                    actor: row.get(2)?,
                    reason: row.get(3)?,
                    tool: row.get(4)?,
                    plan: row.get(5)?,
                    intents: row.get(6)?,
                    done: row.get(7)?,
                })
            })?;
            rows.collect::<Result<Vec<_>, rusqlite::Error>>()
        };
        query().map_err(|error| self.failed(error))
    }

    /// Every action of one apply, or of all, in order.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn entries(&self, apply: Option<i64>) -> Result<Vec<EntryRecord>, JournalError> {
        let query = || {
            let mut statement = self.connection.prepare(
                "SELECT apply, intents.at, actor, reason, plan, log, saga, instance, step,
                        direction, key, request, coalesce(outcome, 'unknown'), results.at,
                        attempts, response
                 FROM intents JOIN applies ON applies.id = apply
                      LEFT JOIN results ON intent = intents.id
                 WHERE ?1 IS NULL OR apply = ?1 ORDER BY intents.id",
            )?;
            let rows = statement.query_map([apply], |row| {
                Ok(EntryRecord {
                    apply: row.get(0)?,
                    at: instant(row.get(1)?),
                    actor: row.get(2)?,
                    reason: row.get(3)?,
                    plan: row.get(4)?,
                    log: row.get(5)?,
                    saga: row.get(6)?,
                    instance: row.get(7)?,
                    step: row.get(8)?,
                    direction: row.get(9)?,
                    key: row.get(10)?,
                    request: row.get(11)?,
                    outcome: row.get(12)?,
                    ended: row.get::<_, Option<i64>>(13)?.map(instant),
                    attempts: row.get(14)?,
                    response: row.get(15)?,
                })
            })?;
            rows.collect::<Result<Vec<_>, rusqlite::Error>>()
        };
        query().map_err(|error| self.failed(error))
    }
}

fn instant(nanos: i64) -> String {
    Timestamp::from_nanos(nanos).to_string()
}
