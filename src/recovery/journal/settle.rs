//! What a person found out about an action of which nobody knew whether it happened.
//!
//! It is one more row, never a change: what the driver saw stands where it stood, and a result that a
//! driver still brings counts for more than what anybody said meanwhile.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use crate::event::Timestamp;
use crate::recovery::journal::{Done, Holder, Journal, JournalError, OUTCOME, Owner, lease};
use crate::recovery::permit::Permit;

/// What was found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// It was done.
    Done,
    /// It was not done: it may be sent again.
    NotDone,
}

/// What came of telling it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// The journal knows it now.
    Written,
    /// The journal knows of no action with the key.
    NoSuchKey,
    /// The journal knew already what came of the action.
    Known(Done),
    /// Somebody drives the instance, and may be at this very action.
    Held(Holder),
}

impl Finding {
    const fn done(self) -> Done {
        match self {
            Finding::Done => Done::Done,
            Finding::NotDone => Done::Failed,
        }
    }
}

impl Journal {
    /// Records whether the action with this key was done, where that is unknown.
    ///
    /// # Errors
    /// When the journal cannot be read or written.
    pub fn settle(
        &mut self,
        permit: &Permit,
        (key, finding): (&str, Finding),
        owner: &Owner,
        at: Timestamp,
    ) -> Result<Settled, JournalError> {
        let path = self.path.clone();
        self.try_settle(permit, (key, finding), owner, at)
            .map_err(|error| JournalError::Sqlite { path, error })
    }

    fn try_settle(
        &mut self,
        permit: &Permit,
        (key, finding): (&str, Finding),
        owner: &Owner,
        at: Timestamp,
    ) -> Result<Settled, rusqlite::Error> {
        // What was known and who drives must not change before it is written.
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let subject = "SELECT log, saga, instance FROM intents WHERE key = ?1 LIMIT 1";
        let subject: Option<[String; 3]> = transaction
            .query_row(subject, [key], |row| {
                Ok([row.get(0)?, row.get(1)?, row.get(2)?])
            })
            .optional()?;
        let Some(subject) = subject else {
            return Ok(Settled::NoSuchKey);
        };
        if let Some(known) = known(&transaction, key)?.filter(|known| *known != Done::Unknown) {
            return Ok(Settled::Known(known));
        }
        let subject = subject.each_ref().map(String::as_str);
        if let Some((_, holder)) = lease::latest(&transaction, subject)?
            && holder.keeps_out(owner, at)
        {
            return Ok(Settled::Held(holder));
        }
        let sql = format!(
            "INSERT INTO settlements (intent, at, actor, reason, outcome)
             SELECT id, ?2, ?3, ?4, ?5 FROM intents LEFT JOIN results ON results.intent = id
             WHERE key = ?1 AND {OUTCOME} = 'unknown'"
        );
        let label = finding.done().label();
        let row = params![key, at.as_nanos(), permit.actor(), permit.reason(), label];
        transaction.execute(&sql, row)?;
        transaction.commit()?;
        Ok(Settled::Written)
    }
}

/// What is known of the action with this key: done once is done; else what is not known counts.
/// `None` where it was never meant to be done.
pub(super) fn known(connection: &Connection, key: &str) -> Result<Option<Done>, rusqlite::Error> {
    let sql = format!(
        "SELECT {OUTCOME} AS told FROM intents LEFT JOIN results ON results.intent = id
         WHERE key = ?1 ORDER BY told = 'done' DESC, told = 'unknown' DESC, id DESC LIMIT 1"
    );
    let told: Option<String> = connection
        .query_row(&sql, [key], |row| row.get(0))
        .optional()?;
    Ok(told.map(|label| Done::from_label(&label)))
}
