//! Why a recovery does not even begin: in words for people, in one word for programs.

use std::path::PathBuf;

use serde::Serialize;

use crate::event::Timestamp;
use crate::recovery::document::Unfit;
use crate::recovery::journal::JournalError;
use crate::recovery::permit::Denied;
use crate::recovery::record::RecordError;

/// Why a plan is not applied at all.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// There is no permit.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The plan was changed since it was made.
    #[error("{}: {}", .0.display(), Unfit::Edited)]
    Edited(PathBuf),
    /// The definitions are others than those it was decided by.
    #[error("the definitions changed since the plan was made; plan again")]
    Stale,
    /// It was begun before.
    #[error("this plan was begun at {0}; finish it with --resume")]
    Begun(Timestamp),
    /// The environment lacks these values.
    #[error("the environment has no {}, as the actions of the plan need", .0.join(" and no "))]
    NoSecret(Vec<String>),
    /// Something in the log may be what it does again.
    #[error(
        "{rows}: one may be an event of {instance}, so that what is planned for it may have happened \
         already{others}; look at them (`sagactl audit` tells of rows that cannot be read; those whose \
         correlation value fails, or is a list or a mapping, are counted only), mend them and plan again, \
         or find out whose they are and say --despite-unread-rows"
    )]
    Unread {
        /// How many rows, and where the first stands.
        rows: String,
        /// An instance that they may be of.
        instance: String,
        /// How many others there are of which the same is true.
        others: String,
    },
    /// Events are to be appended to a log that cannot take them.
    #[error("the log {0} cannot be appended to, as an action of the plan asks: {1}")]
    Unrecordable(String, RecordError),
    /// Each of its logs has a journal of its own.
    #[error(
        "its instances stand in several logs ({0}), each with a journal of its own; narrow the plan \
         with --saga, or name one journal for all with --journal"
    )]
    SeveralLogs(String),
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// The same as a document. Frozen: a field may be added, never renamed, removed or given another
/// meaning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotBegunV1 {
    /// Why, in one word.
    pub refused: &'static str,
    /// Why, in words.
    pub message: String,
}

impl Refused {
    /// The one word for it.
    pub const fn label(&self) -> &'static str {
        match self {
            Refused::Denied(Denied::NoReason) => "no-reason",
            Refused::Denied(Denied::NotConfirmed) => "not-confirmed",
            Refused::Denied(Denied::NobodyThere) => "nobody-there",
            Refused::Edited(_) => "edited",
            Refused::Stale => "stale",
            Refused::Begun(_) => "begun",
            Refused::NoSecret(_) => "no-secret",
            Refused::Unread { .. } => "unread-rows",
            Refused::Unrecordable(..) => "unrecordable",
            Refused::SeveralLogs(_) => "several-logs",
            Refused::Journal(_) => "no-journal",
        }
    }

    /// As a program reads it.
    pub fn document(&self) -> NotBegunV1 {
        NotBegunV1 {
            refused: self.label(),
            message: self.to_string(),
        }
    }
}
