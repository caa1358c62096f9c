//! The record that an action is about to start: written only by who still holds the instance.
//!
//! Whoever drives takes the lease, then asks what is known, then writes the intent. The intent is
//! refused if anybody took the lease since, so that what was known is still all there is to know,
//! and no two drivers can mean to do the same thing.

use rusqlite::{TransactionBehavior, params};

use crate::event::{Span, Timestamp};
use crate::recovery::document::{ActionV1, InstanceV1, Way, digest};
use crate::recovery::journal::{ApplyId, Journal, JournalError, LeaseId, Owner, lease};
use crate::recovery::permit::Permit;

/// An intent in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IntentId(pub(super) i64);

/// What is about to be done.
#[derive(Debug, Clone, Copy)]
pub struct Intent<'a> {
    /// By this apply.
    pub apply: ApplyId,
    /// Under this lease.
    pub lease: LeaseId,
    /// By this process.
    pub owner: &'a Owner,
    /// To this instance.
    pub instance: &'a InstanceV1,
    /// This.
    pub action: &'a ActionV1,
    /// How long it may take at most.
    pub span: Span,
}

/// What came of writing an intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intended {
    /// It is on the disk, and the lease, which is another now, lasts for it.
    Written(IntentId, LeaseId),
    /// Another took the instance since; nothing is written and the action must not start.
    Overtaken,
}

impl Journal {
    /// Records that an action is about to start; when this returns, it is on the disk.
    ///
    /// # Errors
    /// When it cannot be written: then the action must not start.
    pub fn intend(
        &mut self,
        _: &Permit,
        intent: Intent<'_>,
        at: Timestamp,
    ) -> Result<Intended, JournalError> {
        let path = self.path.clone();
        self.try_intend(intent, at)
            .map_err(|error| JournalError::Sqlite { path, error })
    }

    fn try_intend(
        &mut self,
        intent: Intent<'_>,
        at: Timestamp,
    ) -> Result<Intended, rusqlite::Error> {
        let Intent {
            instance, action, ..
        } = intent;
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let latest = lease::latest(&transaction, instance.subject())?;
        if latest.map(|(id, _)| id) != Some(intent.lease) {
            return Ok(Intended::Overtaken);
        }
        let lease = lease::insert(&transaction, instance, intent.owner, at, intent.span)?;
        // A request is made of texts and JSON values alone, which always have a JSON form.
        let request = serde_json::to_vec(&action.request).unwrap_or_default();
        let direction = match action.direction {
            Way::Backward => "backward",
            Way::Forward => "forward",
        };
        transaction.execute(
            "INSERT INTO intents
               (apply, at, log, saga, instance, step, direction, key, request)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                intent.apply.0,
                at.as_nanos(),
                instance.log,
                instance.saga,
                instance.id,
                action.step,
                direction,
                action.key,
                digest([request.as_slice()])
            ],
        )?;
        let id = IntentId(transaction.last_insert_rowid());
        transaction.commit()?;
        Ok(Intended::Written(id, lease))
    }
}
