//! From an idempotency document as written to the checked rule.

use crate::definition::Scope;
use crate::definition::action::Action;
use crate::definition::document::At;
use crate::definition::fault::{self, Fault};
use crate::definition::idempotency::{Fingerprint, Idempotency};
use crate::definition::raw::idempotency as raw;
use crate::definition::raw::written::Key;
use crate::definition::saga::{EventPattern, Step};
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
        let same = |effect: &&EventPattern| effect.kind == attempt.kind && effect.when.is_none();
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

/// Finds rules whose keys are forgotten while what carries them may still be tried.
///
/// A step or compensation may be tried until its attempts are over, each as long as its `timeout`,
/// with the pauses of its action between them; by the tool itself until those of its action are;
/// and, where its saga has a deadline, until that: whichever is latest.
pub(crate) fn horizon(scope: &Scope, faults: &mut Vec<Fault>) {
    for rule in &scope.idempotency {
        let Some(retention) = rule.retention else {
            continue;
        };
        for saga in &scope.sagas {
            // Of several that are tried as long, the last step is told of.
            let undone = saga.steps.iter().filter_map(Tried::undoing);
            let all = undone.chain(saga.steps.iter().map(Tried::doing));
            let longest = all.filter(|it| it.carries_key_of(rule)).filter_map(|it| {
                let attempts = it.attempts();
                let tried = attempts.max(saga.deadline)?;
                (tried > retention).then_some((tried, it, attempts > Some(retention)))
            });
            let Some((tried, longest, by_attempts)) = longest.max_by_key(|(tried, ..)| *tried)
            else {
                continue;
            };
            let message = format!(
                "a key is remembered for {retention}, and {} of {} may be tried for {tried}",
                longest.name, saga.name
            );
            let help = match (by_attempts, saga.deadline > Some(retention)) {
                (false, _) => "a longer `retention`, or a shorter deadline",
                (true, false) => "a longer `retention`, or fewer or shorter attempts",
                (true, true) => "a longer `retention`, or fewer attempts and a shorter deadline",
            };
            let place = rule.place.clone();
            faults.push(
                Fault::lint(fault::KEY_HORIZON, Severity::Warning, place, message)
                    .label("forgotten too early")
                    .help(help.to_owned()),
            );
        }
    }
}

/// What is tried until it works.
struct Tried<'s> {
    name: String,
    /// Begins, successes and failures.
    events: [&'s [EventPattern]; 3],
    timeout: Option<Span>,
    retries: Option<u32>,
    action: Option<&'s Action>,
}

impl<'s> Tried<'s> {
    fn doing(step: &'s Step) -> Tried<'s> {
        Tried {
            name: format!("`{}`", step.name),
            events: [&step.begins, &step.succeeds, &step.fails],
            timeout: step.timeout,
            retries: step.retries,
            action: step.action.as_ref(),
        }
    }

    fn undoing(step: &'s Step) -> Option<Tried<'s>> {
        let undo = step.compensation.as_ref()?;
        Some(Tried {
            name: format!("the compensation of `{}`", step.name),
            events: [&undo.begins, &undo.succeeds, &undo.fails],
            timeout: undo.timeout,
            retries: undo.retries,
            action: undo.action.as_ref(),
        })
    }

    fn carries_key_of(&self, rule: &Idempotency) -> bool {
        let mut events = self.events.iter().copied().flatten();
        events.any(|event| rule.concerns(&event.kind))
    }

    /// How long all attempts may take; `None` where nothing limits them. Of attempts without a
    /// timeout only the pauses between them are known.
    fn attempts(&self) -> Option<Span> {
        let recorded = self.retries.and_then(|retries| {
            let each = match (self.timeout, self.action) {
                (None, None) => return None,
                (timeout, _) => timeout.unwrap_or(Span::ZERO),
            };
            Some(tried_for(retries.saturating_add(1), each, self.action))
        });
        let own = self
            .action
            .map(|action| tried_for(action.attempts, action.timeout, self.action));
        recorded.max(own)
    }
}

/// So many attempts, each this long, with the pauses between them that the action declares.
fn tried_for(attempts: u32, each: Span, action: Option<&Action>) -> Span {
    let action = action.filter(|action| action.says_backoff);
    let mut pause = action.map_or(0, |action| action.backoff.as_nanos());
    let mut total = each.as_nanos().saturating_mul(i64::from(attempts));
    for _ in 1..attempts.min(64) {
        total = total.saturating_add(pause);
        pause = pause.saturating_mul(2);
    }
    Span::from_nanos(total)
}
