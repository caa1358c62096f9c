//! From an idempotency document as written to the checked rule.

use crate::definition::Scope;
use crate::definition::document::At;
use crate::definition::fault::{self, Fault};
use crate::definition::idempotency::{Fingerprint, Idempotency};
use crate::definition::raw::idempotency as raw;
use crate::definition::raw::written::Key;
use crate::definition::saga::Step;
use crate::definition::validate::saga::patterns;
use crate::event::Span;
use crate::finding::Severity;

/// The checked rule; `None` where something fatal is wrong with it.
pub(crate) fn check(
    raw: raw::Idempotency,
    at: At<'_>,
    faults: &mut Vec<Fault>,
) -> Option<Idempotency> {
    let from = faults.len();
    let mut fingerprint = Fingerprint::default();
    for (kind, fields) in raw.fingerprint.into_iter().flat_map(|raw| raw.0) {
        let fields = fields.0.into_iter().map(|text| text.0).collect();
        match kind.as_str() {
            raw::EVERY => fingerprint.default = Some(fields),
            kind => {
                fingerprint.by_type.insert(kind.into(), fields);
            }
        }
    }
    let idempotency = Idempotency {
        name: raw.idempotency.0.0,
        about: raw.about,
        place: at.key("idempotency").place(),
        narrow: raw.r#where.map(|text| text.0),
        effects: patterns(raw.effects),
        attempts: patterns(raw.attempts),
        key: match raw.key.map(|key| key.0) {
            None | Some(Key::Field) => None,
            Some(Key::Expression(expression)) => Some(expression),
        },
        fingerprint,
        required: raw.required,
        retention: raw.retention.map(|text| text.0),
    };
    if idempotency.effects.is_empty() {
        let place = at.key("effects").place();
        faults.push(
            Fault::fatal(fault::BAD_VALUE, place, "`effects` cannot be empty")
                .label("no event is an effect")
                .help("name the event types of which a key may have one each".to_owned()),
        );
    }
    for kind in idempotency.fingerprint.by_type.keys() {
        if !idempotency.concerns(kind) {
            let message = format!("`{kind}` is neither an effect nor an attempt of this rule");
            let place = at.key("fingerprint").name_of(kind).place();
            faults.push(Fault::fatal(fault::BAD_VALUE, place, message).label("never compared"));
        }
    }
    for (index, attempt) in idempotency.attempts.iter().enumerate() {
        let same = |effect: &&crate::definition::saga::EventPattern| {
            effect.kind == attempt.kind && effect.when.is_none()
        };
        if idempotency.effects.iter().any(|effect| same(&effect)) {
            let message = format!(
                "`{}` is an effect and cannot be an attempt too",
                attempt.kind
            );
            let place = at.key("attempts").item(index).place();
            faults.push(Fault::fatal(fault::TWO_MEANINGS, place, message).label("named twice"));
        }
    }
    let is_sound = !faults[from..].iter().any(|fault| fault.fatal);
    is_sound.then_some(idempotency)
}

/// Finds rules whose keys are forgotten while a step that carries them may still be tried.
///
/// A step may be tried until its attempts are over, each as long as its `timeout`, with the pauses
/// of its action between them; and, where its saga has a deadline, until that: whichever is later.
pub(crate) fn horizon(scope: &Scope, faults: &mut Vec<Fault>) {
    for rule in &scope.idempotency {
        let Some(retention) = rule.retention else {
            continue;
        };
        for saga in &scope.sagas {
            let carries = |step: &&Step| {
                let mut events = step.begins.iter().chain(&step.succeeds).chain(&step.fails);
                events.any(|event| rule.concerns(&event.kind))
            };
            let longest = saga.steps.iter().filter(carries).filter_map(|step| {
                let tried = tried_for(step).max(saga.deadline);
                tried
                    .filter(|tried| *tried > retention)
                    .map(|tried| (tried, step))
            });
            let Some((tried, step)) = longest.max_by_key(|(tried, _)| *tried) else {
                continue;
            };
            let message = format!(
                "a key is remembered for {retention}, and `{}` of {} may be tried for {tried}",
                step.name, saga.name
            );
            let place = rule.place.clone();
            faults.push(
                Fault::lint(fault::KEY_HORIZON, Severity::Warning, place, message)
                    .label("forgotten too early")
                    .help("a longer `retention`, or a shorter deadline".to_owned()),
            );
        }
    }
}

/// How long a step may be tried; `None` where nothing limits an attempt.
fn tried_for(step: &Step) -> Option<Span> {
    let timeout = step.timeout?.as_nanos();
    let attempts = i64::from(step.retries?) + 1;
    let mut total = timeout.saturating_mul(attempts);
    let mut pause = step
        .action
        .as_ref()
        .map_or(0, |action| action.backoff.as_nanos());
    for _ in 1..attempts.min(64) {
        total = total.saturating_add(pause);
        pause = pause.saturating_mul(2);
    }
    Some(Span::from_nanos(total))
}
