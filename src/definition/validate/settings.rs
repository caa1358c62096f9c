//! From a settings document as written to the checked settings.

use crate::definition::document::At;
use crate::definition::fault::{self, Fault};
use crate::definition::raw::settings as raw;
use crate::definition::settings::{Allow, FailOn, Settings};
use crate::definition::structure::shown;
use crate::finding::{Severity, SubjectKind};
use crate::suggest::did_you_mean;

/// The checked settings; `None` where something fatal is wrong with them.
pub(crate) fn check(
    raw: raw::Settings,
    at: At<'_>,
    rules: &[&'static str],
    faults: &mut Vec<Fault>,
) -> Option<Settings> {
    let from = faults.len();
    let mut settings = Settings {
        as_of: raw.as_of.map(|text| text.0),
        fail_on: raw.fail_on.map(|threshold| match threshold {
            raw::Threshold::Error => FailOn::Severity(Severity::Error),
            raw::Threshold::Warning => FailOn::Severity(Severity::Warning),
            raw::Threshold::Note => FailOn::Severity(Severity::Note),
            raw::Threshold::Never => FailOn::Never,
        }),
        ..Settings::default()
    };
    for (name, level) in raw.rules {
        if faults.len() - from >= fault::MOST {
            break;
        }
        let severity = match level {
            raw::Level::Error => Some(Severity::Error),
            raw::Level::Warning => Some(Severity::Warning),
            raw::Level::Note => Some(Severity::Note),
            raw::Level::Off => None,
        };
        let known = rules.iter().chain(&fault::LINTS).copied();
        match rule(&name, known, at.key("rules").name_of(&name)) {
            Ok(rule) => {
                settings.rules.insert(rule, severity);
            }
            Err(fault) => faults.push(*fault),
        }
    }
    for (index, entry) in raw.allow.0.into_iter().enumerate() {
        if faults.len() - from >= fault::MOST {
            break;
        }
        settings
            .allow
            .extend(allow(entry, at.key("allow").item(index), rules, faults));
    }
    (!faults[from..].iter().any(|fault| fault.fatal)).then_some(settings)
}

/// The rule of this name.
fn rule(
    name: &str,
    rules: impl Iterator<Item = &'static str>,
    at: At<'_>,
) -> Result<&'static str, Box<Fault>> {
    let rules: Vec<&'static str> = rules.collect();
    if let Some(rule) = rules.iter().copied().find(|rule| *rule == name) {
        return Ok(rule);
    }
    let fault = Fault::fatal(
        fault::UNKNOWN_RULE,
        at.place(),
        format!("there is no rule `{}`", shown(name)),
    );
    let help = if name.contains(['*', '?']) {
        "patterns are not read here: name each rule".to_owned()
    } else {
        let family = || {
            rules
                .iter()
                .copied()
                .filter(|rule| rule.ends_with(&format!("/{name}")))
        };
        did_you_mean(name, rules.iter().copied())
            .filter(|help| help.starts_with("did"))
            .or_else(|| {
                family()
                    .next()
                    .map(|rule| format!("did you mean `{rule}`?"))
            })
            .unwrap_or_else(|| "`sagactl explain` lists the rules".to_owned())
    };
    Err(fault.label("unknown rule").help(help).into())
}

fn allow(
    raw: raw::Allow,
    at: At<'_>,
    rules: &[&'static str],
    faults: &mut Vec<Fault>,
) -> Option<Allow> {
    let from = faults.len();
    let mut subjects = [
        (SubjectKind::Instance, raw.instance),
        (SubjectKind::Stream, raw.stream),
        (SubjectKind::Event, raw.event.map(|event| event.0)),
        (SubjectKind::Key, raw.key.map(|key| key.0)),
        (SubjectKind::Group, raw.group.map(|group| group.0)),
        (
            SubjectKind::IdempotencyKey,
            raw.idempotency_key.map(|key| key.0),
        ),
        (SubjectKind::Transaction, raw.transaction.map(|id| id.0)),
        (SubjectKind::Definition, raw.definition),
        (SubjectKind::Log, raw.log),
    ]
    .into_iter()
    .filter_map(|(kind, id)| Some((kind, id?)));
    let subject = subjects.next();
    if let (Some((first, _)), Some((second, _))) = (&subject, subjects.next()) {
        faults.push(
            Fault::fatal(
                fault::BAD_VALUE,
                at.name_of(second.label()).place(),
                format!(
                    "one subject at a time: `{}` or `{}`",
                    first.label(),
                    second.label()
                ),
            )
            .label("one too many")
            .help("write an entry for each".to_owned()),
        );
    }
    if raw.reason.trim().is_empty() {
        faults.push(
            Fault::fatal(
                fault::BAD_VALUE,
                at.key("reason").place(),
                "`reason` cannot be empty",
            )
            .label("why is it accepted?"),
        );
    }
    let rule = rule(&raw.rule, rules.iter().copied(), at.key("rule"))
        .map_err(|fault| faults.push(*fault))
        .ok()?;
    (faults.len() == from).then(|| Allow {
        place: at.key("rule").place(),
        rule,
        subject: subject.map(|(kind, id)| (kind, id.into())),
        reason: raw.reason,
        until: raw.until.map(|text| text.0.0),
    })
}
