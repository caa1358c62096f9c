//! The `settings:` document as written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::definition::raw::shape::{OneOrMany, TextOrNumber};
use crate::definition::raw::written::{Text, Until};
use crate::definition::settings::AsOf;

/// How runs over these definitions judge.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "settings-document")]
pub(crate) struct Document {
    /// How runs over these definitions judge.
    pub(crate) settings: Settings,
}

/// How runs over these definitions judge.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "settings")]
pub(crate) struct Settings {
    /// The instant against which ages are judged: `end` of the log (the default), `now`, or an
    /// instant.
    pub(crate) as_of: Option<Text<AsOf>>,
    /// From which severity on a run fails; default `error`.
    pub(crate) fail_on: Option<Threshold>,
    /// Rules and the severity they have here, or `off`.
    #[serde(default)]
    pub(crate) rules: BTreeMap<String, Level>,
    /// Findings that were looked at and accepted.
    #[serde(default)]
    pub(crate) allow: OneOrMany<Allow>,
}

/// From which severity on a run fails.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "threshold")]
pub(crate) enum Threshold {
    /// Errors fail it.
    Error,
    /// Warnings too.
    Warning,
    /// Notes too.
    Note,
    /// Nothing does.
    Never,
}

/// What a rule's findings weigh.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "level")]
pub(crate) enum Level {
    /// Somebody has to act.
    Error,
    /// Likely wrong.
    Warning,
    /// Worth knowing.
    Note,
    /// The rule does not run.
    Off,
}

/// An accepted finding: a rule and at most one subject; without a subject, the rule's findings
/// about every subject.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "allow")]
pub(crate) struct Allow {
    /// The rule.
    pub(crate) rule: String,
    /// The saga instance, by its correlation value.
    pub(crate) instance: Option<String>,
    /// The aggregate's stream.
    pub(crate) stream: Option<String>,
    /// The event, by its position.
    pub(crate) event: Option<TextOrNumber>,
    /// The projection's key.
    pub(crate) key: Option<TextOrNumber>,
    /// The group of an invariant or reaction.
    pub(crate) group: Option<TextOrNumber>,
    /// The idempotency key.
    pub(crate) idempotency_key: Option<TextOrNumber>,
    /// The two-phase transaction, by its id.
    pub(crate) transaction: Option<TextOrNumber>,
    /// The definition, by its name.
    pub(crate) definition: Option<String>,
    /// The log, by its name.
    pub(crate) log: Option<String>,
    /// Why it is accepted.
    pub(crate) reason: String,
    /// Up to when: a date, to its end in UTC, or an instant.
    pub(crate) until: Option<Text<Until>>,
}
