//! One driver per instance: a lease is taken before its first action and given back after its last.
//! A lease that ran out, or whose process is gone, is nobody's. Leases are told apart by number: who
//! finds another than his own to be the latest has lost the instance, whatever the clock says.

use std::fmt;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use crate::event::{Span, Timestamp};
use crate::recovery::document::InstanceV1;
use crate::recovery::journal::{Journal, JournalError};
use crate::recovery::permit::Permit;

/// Who drives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// A person.
    pub name: String,
    /// The machine, as far as its processes can be told apart.
    pub host: String,
    /// The process there.
    pub process: u32,
}

/// Who holds an instance, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Who.
    pub owner: Owner,
    /// Until when.
    pub until: Timestamp,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Owner { name, process, .. } = &self.owner;
        write!(
            f,
            "{name} drives it (process {process}) until {}",
            self.until
        )
    }
}

impl Holder {
    /// Whether somebody else has to wait.
    pub(super) fn keeps_out(&self, other: &Owner, at: Timestamp) -> bool {
        self.owner != *other && self.until > at && !self.owner.is_gone(other)
    }
}

/// A lease in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseId(i64);

/// What came of asking for an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lease {
    /// It is ours.
    Taken(LeaseId),
    /// Another drives it.
    Held(Holder),
}

impl Owner {
    /// This process.
    pub fn here(name: &str) -> Owner {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let namespace = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
        Owner {
            name: name.to_owned(),
            host: format!(
                "{} {} {}",
                read("/proc/sys/kernel/hostname").trim(),
                read("/proc/sys/kernel/random/boot_id").trim(),
                namespace.display()
            ),
            process: std::process::id(),
        }
    }

    /// Whether the process is certainly gone; only on the same machine that can be told.
    fn is_gone(&self, here: &Owner) -> bool {
        self.host == here.host
            && Path::new("/proc/self").exists()
            && !Path::new(&format!("/proc/{}", self.process)).exists()
    }
}

impl Journal {
    /// Takes an instance for `span`, or says who has it. Taking what one has already prolongs it.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn lease(
        &mut self,
        _: &Permit,
        instance: &InstanceV1,
        owner: &Owner,
        at: Timestamp,
        span: Span,
    ) -> Result<Lease, JournalError> {
        let path = self.path.clone();
        self.try_lease(instance, owner, at, span)
            .map_err(|error| JournalError::Sqlite { path, error })
    }

    /// Who else drives an instance now.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn holder(
        &self,
        instance: &InstanceV1,
        owner: &Owner,
        at: Timestamp,
    ) -> Result<Option<Holder>, JournalError> {
        let latest = latest(&self.connection, instance.subject());
        let latest = latest.map_err(|error| self.failed(error))?;
        let holder = latest.map(|(_, holder)| holder);
        Ok(holder.filter(|holder| holder.keeps_out(owner, at)))
    }

    fn try_lease(
        &mut self,
        instance: &InstanceV1,
        owner: &Owner,
        at: Timestamp,
        span: Span,
    ) -> Result<Lease, rusqlite::Error> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        if let Some((_, holder)) = latest(&transaction, instance.subject())?
            && holder.keeps_out(owner, at)
        {
            return Ok(Lease::Held(holder));
        }
        let id = insert(&transaction, instance, owner, at, span)?;
        transaction.commit()?;
        Ok(Lease::Taken(id))
    }
}

/// The latest lease of an instance, given by log, saga and id, and whose it is.
pub(super) fn latest(
    connection: &Connection,
    subject: [&str; 3],
) -> Result<Option<(LeaseId, Holder)>, rusqlite::Error> {
    connection
        .query_row(
            "SELECT owner, host, process, until, id FROM leases
             WHERE log = ?1 AND saga = ?2 AND instance = ?3 ORDER BY id DESC LIMIT 1",
            subject,
            |row| {
                let holder = Holder {
                    owner: Owner {
                        name: row.get(0)?,
                        host: row.get(1)?,
                        process: row.get(2)?,
                    },
                    until: Timestamp::from_nanos(row.get(3)?),
                };
                Ok((LeaseId(row.get(4)?), holder))
            },
        )
        .optional()
}

/// Makes a lease the latest.
pub(super) fn insert(
    connection: &Connection,
    instance: &InstanceV1,
    owner: &Owner,
    at: Timestamp,
    span: Span,
) -> Result<LeaseId, rusqlite::Error> {
    connection.execute(
        "INSERT INTO leases (at, log, saga, instance, owner, host, process, until)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            at.as_nanos(),
            instance.log,
            instance.saga,
            instance.id,
            owner.name,
            owner.host,
            owner.process,
            at.after(span).as_nanos()
        ],
    )?;
    Ok(LeaseId(connection.last_insert_rowid()))
}
