//! The plan as a document, version 1: what a person reviews and `apply` takes. Frozen as in the
//! report's documents: a field may be added, never renamed, removed or given another meaning.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::event::Position;
use crate::finding::Direction;
use crate::inspect::Unread;
use crate::recovery::item::Item;
use crate::recovery::refused::NotBegunV1;

/// The number that stands first in every plan.
pub const VERSION: u32 = 1;

/// A recovery, decided and not begun.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanV1 {
    /// [`VERSION`]
    pub version: u32,
    /// The tool that made it.
    pub tool: String,
    /// The hash of the definitions that it was decided by.
    pub definitions: String,
    /// The logs that it was decided on.
    pub logs: Vec<LogV1>,
    /// The instances to drive, the stalest first.
    pub instances: Vec<InstanceV1>,
    /// The instances that cannot be driven.
    pub refused: Vec<RefusedV1>,
    /// How many more there are that could be driven, beyond `--max`.
    pub left_out: usize,
    /// A digest of all the rest, so that an edited plan is noticed.
    pub digest: String,
}

/// What a dry run says: the plan, and what would not become of it as planned. Without the latter it
/// reads as the plan does.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct RehearsalV1<'a> {
    /// What would be sent.
    #[serde(flatten)]
    pub plan: &'a PlanV1,
    /// The actions that would not be sent, and what would be said of them.
    #[serde(skip_serializing_if = "<[Item]>::is_empty")]
    pub otherwise: &'a [Item],
    /// Why all of it would be refused as things are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_begun: Option<&'a NotBegunV1>,
}

/// A log that a plan was decided on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogV1 {
    /// Its name.
    pub name: String,
    /// Its file when the plan was made.
    pub path: String,
    /// A digest of its name and first event, which tells it from another file of the same name.
    pub identity: String,
    /// The last position at which a row of it stood when the plan was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_position: Option<i64>,
    /// The instant against which ages were judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub horizon: Option<String>,
}

/// An instance to drive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstanceV1 {
    /// The name of its log.
    pub log: String,
    /// Its saga.
    pub saga: String,
    /// Its correlation value.
    pub id: String,
    /// Where it stood.
    pub outcome: String,
    /// The position of its last event.
    pub last_position: i64,
    /// A digest of every event that it was decided on.
    pub fingerprint: String,
    /// Which way it goes.
    pub direction: Way,
    /// What is done, in an order that respects what each waits for.
    pub actions: Vec<ActionV1>,
    /// Its other steps.
    pub left_alone: Vec<LeftAloneV1>,
    /// Rows of which nobody knows whose they are, where one of them may be what is done here again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<UnreadV1>,
}

/// Rows that may be events of any instance of a saga.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnreadV1 {
    /// How many there are.
    pub rows: u64,
    /// Where the first of them stands; absent where none tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_position: Option<i64>,
}

impl From<Unread> for UnreadV1 {
    fn from(unread: Unread) -> UnreadV1 {
        UnreadV1 {
            rows: unread.rows,
            first_position: unread.positions.map(|(first, _)| first.0),
        }
    }
}

impl UnreadV1 {
    /// How many there are and where the first of them stands.
    pub fn in_words(self) -> String {
        Unread::words(self.rows, self.first_position.map(Position))
    }
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionV1 {
    /// The step.
    pub step: String,
    /// Whether it is retried or undone.
    pub direction: Way,
    /// `http`, `exec` or `outbox`.
    pub kind: String,
    /// The idempotency key.
    pub key: String,
    /// The steps of the same instance whose actions come first.
    pub waits_for: Vec<String>,
    /// What is sent, with secrets as `${env.NAME}`.
    pub request: RequestV1,
    /// Sending it twice under its key has one effect.
    pub idempotent: bool,
    /// The event that is appended to the log once it is done; absent where the service records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appends: Option<String>,
}

/// What is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RequestV1 {
    /// An HTTP request.
    Http {
        /// The method.
        method: String,
        /// Where to.
        url: String,
        /// Headers beside those that the tool sets itself.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        headers: BTreeMap<String, String>,
        /// The JSON body.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<Value>,
    },
    /// A program with its arguments, run in the folder of the definitions.
    Exec {
        /// The program first; where it is a path it is seen from that folder.
        arguments: Vec<String>,
    },
    /// A row for a table.
    Outbox {
        /// The database's file, relative to the folder of the definitions where it is in it.
        database: String,
        /// The table.
        table: String,
        /// Its columns' values.
        columns: BTreeMap<String, Value>,
    },
}

/// A step that is left alone, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeftAloneV1 {
    /// The step.
    pub step: String,
    /// Why.
    pub why: Reason,
}

/// An instance that cannot be driven, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefusedV1 {
    /// Its saga.
    pub saga: String,
    /// Its correlation value.
    pub id: String,
    /// Why.
    pub reason: Reason,
    /// What exactly could not be told, where the reason alone does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Which way an action drives its step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// It undoes it.
    Backward,
    /// It retries it.
    Forward,
}

impl From<Direction> for Way {
    fn from(direction: Direction) -> Way {
        match direction {
            Direction::Backward => Way::Backward,
            Direction::Forward => Way::Forward,
        }
    }
}

impl From<Way> for Direction {
    fn from(way: Way) -> Direction {
        match way {
            Way::Backward => Direction::Backward,
            Way::Forward => Direction::Forward,
        }
    }
}

/// Why an instance cannot be driven, or a step is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// After the pivot there is no way back.
    PastPivot,
    /// No action is declared: a person has to do it.
    NoActionDeclared,
    /// Its compensation failed for good; name the step to try again.
    UndoExhausted,
    /// It may still happen by itself.
    StillWithinDeadline,
    /// An attempt is under way.
    Running,
    /// The log says both that it completed and that it was undone.
    Contradictory,
    /// Nothing has to be done.
    Healthy,
    /// Something is wrong with it, but no effect is left to undo and no step to retry.
    NothingToDrive,
    /// It cannot be told where it stands.
    Undetermined,
    /// The saga decided to go back; it cannot be made to go on.
    GoingBack,
    /// It waits for a step that is not driven.
    OutOfTurn,
    /// Not the step that was asked for.
    NotAskedFor,
    /// Its effect stands, and stays: it declares no compensation.
    NoCompensation,
    /// It failed, which the saga takes for no effect.
    NoEffect,
    /// The saga completes without it.
    Optional,
    /// It took effect.
    Succeeded,
    /// It was undone already.
    Undone,
    /// Nothing of it happened.
    NotStarted,
}

impl Reason {
    /// The one word for it, everywhere.
    pub const fn label(self) -> &'static str {
        match self {
            Reason::PastPivot => "past-pivot",
            Reason::NoActionDeclared => "no-action-declared",
            Reason::UndoExhausted => "undo-exhausted",
            Reason::StillWithinDeadline => "still-within-deadline",
            Reason::Running => "running",
            Reason::Contradictory => "contradictory",
            Reason::Healthy => "healthy",
            Reason::NothingToDrive => "nothing-to-drive",
            Reason::Undetermined => "undetermined",
            Reason::GoingBack => "going-back",
            Reason::OutOfTurn => "out-of-turn",
            Reason::NotAskedFor => "not-asked-for",
            Reason::NoCompensation => "no-compensation",
            Reason::NoEffect => "no-effect",
            Reason::Optional => "optional",
            Reason::Succeeded => "succeeded",
            Reason::Undone => "undone",
            Reason::NotStarted => "not-started",
        }
    }
}

impl InstanceV1 {
    /// What tells it from every other: its log, its saga and its id.
    pub(super) fn subject(&self) -> [&str; 3] {
        [&self.log, &self.saga, &self.id]
    }
}

/// Why a file is no plan that can be applied.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// It is no plan.
    #[error("it is no plan: {0}")]
    NoPlan(#[from] serde_json::Error),
    /// A later version of the tool made it.
    #[error("it is a plan of version {0}, which this version of the tool cannot read")]
    Newer(u64),
    /// It was changed since it was made.
    #[error("it was edited since it was made; narrow the selection and plan again")]
    Edited,
}

impl PlanV1 {
    /// The same with the digest of what it says.
    pub fn sealed(mut self) -> PlanV1 {
        self.digest = self.digest_of_rest();
        self
    }

    /// Reads a plan, and makes sure that it is as it was made.
    ///
    /// # Errors
    /// See [`Unfit`].
    pub fn read(text: &str) -> Result<PlanV1, Unfit> {
        let value: Value = serde_json::from_str(text)?;
        let version = value.get("version").and_then(Value::as_u64);
        if let Some(newer) = version.filter(|version| *version > u64::from(VERSION)) {
            return Err(Unfit::Newer(newer));
        }
        let plan = PlanV1::deserialize(value)?;
        if plan.digest != plan.digest_of_rest() {
            return Err(Unfit::Edited);
        }
        Ok(plan)
    }

    /// How many actions there are.
    pub fn actions(&self) -> usize {
        let counts = self.instances.iter().map(|one| one.actions.len());
        counts.sum()
    }

    fn digest_of_rest(&self) -> String {
        let rest = PlanV1 {
            digest: String::new(),
            ..self.clone()
        };
        // A plan is made of texts, numbers and lists alone, which always have a JSON form.
        let text = serde_json::to_string(&rest).unwrap_or_default();
        digest([text.as_bytes()])
    }
}

/// A digest of these parts, in 32 hexadecimal digits.
pub(super) fn digest<'p>(parts: impl IntoIterator<Item = &'p [u8]>) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    let bytes = digest.finalize();
    bytes
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
