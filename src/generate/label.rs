//! What a generated log has wrong with it, told in the words of the findings.

use serde::Serialize;

/// One finding that a generated log must give.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Label {
    /// The rule that must find it.
    pub rule: &'static str,
    /// What the finding must be about.
    pub subject: Subject,
    /// The step that it must name; none where it names none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
}

/// What a finding is about, as the reports write it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Subject {
    /// `instance`, `stream`, `event` or `log`, and what else findings can be about.
    pub kind: &'static str,
    /// What it is judged by.
    pub definition: String,
    /// The correlation value, stream, position or name.
    pub id: String,
}
