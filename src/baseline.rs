//! A baseline: the findings that were there when somebody looked and accepted them.
//!
//! The file is for people to review, so it says what each entry is; only the fingerprint counts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::report::Report;

/// The number that stands first in the file.
const VERSION: u32 = 1;

/// Accepted findings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    version: u32,
    accepted: Vec<Entry>,
}

/// One accepted finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    rule: String,
    definition: String,
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    step: Option<String>,
    /// What was found; may be replaced by why it was accepted, and stays so.
    reason: String,
    fingerprint: String,
}

/// Why a file is not a baseline: a lower-case fragment.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BaselineError(String);

impl Baseline {
    /// Reads the file's text.
    ///
    /// # Errors
    /// When it is not what [`Baseline::to_text`] writes.
    pub fn from_text(text: &str) -> Result<Baseline, BaselineError> {
        let baseline: Baseline = serde_json::from_str(text).map_err(|error| {
            BaselineError(format!("{error}; write it anew with --write-baseline"))
        })?;
        if baseline.version != VERSION {
            return Err(BaselineError(format!(
                "it has version {}, this program reads version {VERSION}; write it anew with \
                 --write-baseline",
                baseline.version
            )));
        }
        Ok(baseline)
    }

    /// Every finding of a report, with the reasons that `previous` gives for those it knows.
    pub fn of(report: &Report, previous: Option<&Baseline>) -> Baseline {
        let reasons: BTreeMap<&str, &str> = previous
            .into_iter()
            .flat_map(|baseline| &baseline.accepted)
            .map(|entry| (entry.fingerprint.as_str(), entry.reason.as_str()))
            .collect();
        let entries = report.findings.iter().map(|finding| {
            let fingerprint = finding.fingerprint();
            let reason = reasons
                .get(fingerprint.as_str())
                .copied()
                .unwrap_or(&finding.message);
            Entry {
                rule: finding.rule.to_owned(),
                definition: finding.subject.definition.to_string(),
                id: finding.subject.id.clone(),
                step: finding.step.as_deref().map(str::to_owned),
                reason: reason.to_owned(),
                fingerprint,
            }
        });
        let mut accepted: Vec<Entry> = entries.collect();
        accepted.sort();
        accepted.dedup_by(|one, other| one.fingerprint == other.fingerprint);
        Baseline {
            version: VERSION,
            accepted,
        }
    }

    /// The file's text: sorted and one field a line, so that it can be reviewed as a diff.
    ///
    /// # Errors
    /// Never, as far as is known: every field is text or a number.
    pub fn to_text(&self) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// How many findings it lists.
    pub fn len(&self) -> usize {
        self.accepted.len()
    }

    /// Whether it lists none.
    pub fn is_empty(&self) -> bool {
        self.accepted.is_empty()
    }

    /// Takes the findings that it lists out of a report and counts them as accepted. Where the
    /// whole log was judged, entries that match nothing are remarked.
    pub fn accept(&self, report: &mut Report, coverage: Coverage) {
        let mut matched: BTreeMap<&str, bool> = self
            .accepted
            .iter()
            .map(|entry| (entry.fingerprint.as_str(), false))
            .collect();
        report.accepted +=
            report.retain(
                |finding| match matched.get_mut(finding.fingerprint().as_str()) {
                    Some(seen) => {
                        *seen = true;
                        false
                    }
                    None => true,
                },
            );
        if coverage == Coverage::Part {
            return;
        }
        let counts: BTreeMap<&str, [u64; 2]> = (report.rules.iter())
            .map(|count| (count.rule, [count.not_listed(), count.unknown]))
            .collect();
        let missing = self.accepted.iter();
        let missing =
            missing.filter(|entry| matched.get(entry.fingerprint.as_str()) == Some(&false));
        for entry in missing {
            let advice = match counts.get(entry.rule.as_str()) {
                Some([0, 0]) | None => "no longer found: take it out",
                Some([0, _]) => "not found, and may be among what is unknown: leave it in",
                Some(_) => continue,
            };
            let step = entry.step.as_ref().map(|step| format!(" at {step}"));
            report.remarks.push(format!(
                "the baseline accepts {} of {}{}, which is {advice}",
                entry.rule,
                entry.id,
                step.unwrap_or_default()
            ));
        }
    }
}

/// How much of the log a report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// Every rule, every instance.
    Whole,
    /// What filters let through.
    Part,
}
