//! What the journal tells afterwards.

use serde::Serialize;

use crate::event::Timestamp;
use crate::recovery::journal::{Journal, JournalError, OUTCOME};

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
    /// Who found that out, where the tool could not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled: Option<SettlementRecord>,
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

/// What a person found out about an action, as the journal has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SettlementRecord {
    /// When it was told.
    pub at: String,
    /// Who told it.
    pub actor: String,
    /// How that is known.
    pub reason: String,
}

/// Which actions of the journal.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// Of one apply alone.
    pub apply: Option<i64>,
    /// With one key alone.
    pub key: Option<&'a str>,
}

impl Journal {
    /// Every apply, in order.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn applies(&self) -> Result<Vec<ApplyRecord>, JournalError> {
        let query = || {
            let mut statement = self.connection.prepare(&format!(
                "SELECT applies.id, applies.at, applies.actor, applies.reason, tool, plan,
                        count(intents.id), count(CASE {OUTCOME} WHEN 'done' THEN 1 END)
                 FROM applies LEFT JOIN intents ON apply = applies.id
                      LEFT JOIN results ON results.intent = intents.id
                 GROUP BY applies.id ORDER BY applies.id"
            ))?;
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

    /// The actions that are wanted, in order.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn entries(&self, wanted: Wanted<'_>) -> Result<Vec<EntryRecord>, JournalError> {
        let query = || {
            let mut statement = self.connection.prepare(&format!(
                "SELECT apply, intents.at, applies.actor, applies.reason, plan, log, saga, instance,
                        step, direction, key, request, {OUTCOME}, results.at, attempts, response,
                        told.at, told.actor, told.reason
                 FROM intents JOIN applies ON applies.id = apply
                      LEFT JOIN results ON results.intent = intents.id
                      LEFT JOIN settlements AS told ON told.intent = intents.id
                 WHERE (?1 IS NULL OR apply = ?1) AND (?2 IS NULL OR key = ?2)
                 ORDER BY intents.id"
            ))?;
            let rows = statement.query_map((wanted.apply, wanted.key), |row| {
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
                    settled: match row.get::<_, Option<i64>>(16)? {
                        None => None,
                        Some(at) => Some(SettlementRecord {
                            at: instant(at),
                            actor: row.get(17)?,
                            reason: row.get(18)?,
                        }),
                    },
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
