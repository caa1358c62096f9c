//! Values that are written as text and mean more: durations, expressions, globs, names, dates.
//! Each has a format name, by which the schema and the structural check know it.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::Offset;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};
use wildmatch::WildMatch;

use crate::definition::fault;
use crate::definition::raw::reaction::Matched;
use crate::definition::raw::requirement::Lookup;
use crate::definition::requirement::{KEY, STATE};
use crate::definition::settings::AsOf;
use crate::event::{Span, Timestamp};
use crate::expression::{Expression, Formula};

/// Why a text is not what is wanted.
#[derive(Debug)]
pub(crate) struct Misread {
    /// The rule it breaks.
    pub(crate) rule: &'static str,
    /// What is wrong.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) help: Option<String>,
}

/// What can be read from a text.
pub(crate) trait Written: Sized {
    /// Its name in the schema.
    const FORMAT: &'static str;

    /// Reads it.
    fn read(text: &str) -> Result<Self, Misread>;
}

/// A value read from a text.
#[derive(Debug, Clone)]
pub(crate) struct Text<T>(pub(crate) T);

impl<'de, T: Written> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        T::read(&text)
            .map(Text)
            .map_err(|misread| de::Error::custom(misread.message))
    }
}

impl<T: Written> JsonSchema for Text<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        T::FORMAT.into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": T::FORMAT })
    }
}

/// What is wrong with `text` as a value of this format; formats of other makers are not judged.
pub(crate) fn check(format: &str, text: &str) -> Result<(), Misread> {
    fn read<T: Written>(text: &str) -> Result<(), Misread> {
        T::read(text).map(drop)
    }
    match format {
        Name::FORMAT => read::<Name>(text),
        Pattern::FORMAT => read::<Pattern>(text),
        Span::FORMAT => read::<Span>(text),
        Expression::FORMAT => read::<Expression>(text),
        By::FORMAT => read::<By>(text),
        Amount::FORMAT => read::<Amount>(text),
        Key::FORMAT => read::<Key>(text),
        Lookup::FORMAT => read::<Lookup>(text),
        Matched::FORMAT => read::<Matched>(text),
        WildMatch::FORMAT => read::<WildMatch>(text),
        Until::FORMAT => read::<Until>(text),
        AsOf::FORMAT => read::<AsOf>(text),
        _ => Ok(()),
    }
}

/// What a value of this format is called, with an example.
pub(crate) fn describe(format: &str) -> Option<&'static str> {
    Some(match format {
        Name::FORMAT => "a name",
        Pattern::FORMAT => "a pattern such as `order-{key}`",
        Span::FORMAT => "a duration such as `90s`, `5m` or `1h 30m`",
        Expression::FORMAT => "an expression such as `data.amount > 100`",
        Key::FORMAT => "`idempotency` or an expression such as `data.request_id`",
        Matched::FORMAT => "`correlation`, `causation` or an expression such as `data.order_id`",
        Lookup::FORMAT => "a look-up such as `=projection('payment-view', state.payment_id)`",
        Amount::FORMAT => "an expression such as `data.amount` or `=-data.amount`",
        By::FORMAT => "`correlation` or an expression such as `data.order_id`",
        WildMatch::FORMAT => "a pattern such as `Order*`",
        Until::FORMAT => "a date such as `2026-12-31` or an RFC 3339 instant",
        AsOf::FORMAT => "`end`, `now` or an RFC 3339 instant",
        _ => return None,
    })
}

/// The name of something: an event type, a step, a column.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name(pub(crate) Arc<str>);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Written for Name {
    const FORMAT: &'static str = "name";

    fn read(text: &str) -> Result<Name, Misread> {
        let message = if text.trim().is_empty() {
            "a name cannot be empty".to_owned()
        } else if let Some(control) = text.chars().find(|letter| letter.is_control()) {
            format!(
                "a name cannot hold the control character U+{:04X}",
                u32::from(control)
            )
        } else {
            return Ok(Name(text.into()));
        };
        Err(Misread {
            rule: fault::BAD_VALUE,
            message,
            help: None,
        })
    }
}

/// A stream's name with one `{key}` in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    /// What stands before the key.
    pub(crate) before: String,
    /// What stands after it.
    pub(crate) after: String,
}

impl Written for Pattern {
    const FORMAT: &'static str = "stream-pattern";

    fn read(text: &str) -> Result<Pattern, Misread> {
        const HOLE: &str = "{key}";
        let misread = |message: &str| Misread {
            rule: fault::BAD_VALUE,
            message: message.to_owned(),
            help: Some(
                "write `order-{key}`, or `{key}` where the whole name is the key".to_owned(),
            ),
        };
        let Some((before, after)) = text.split_once(HOLE) else {
            return Err(misread("the pattern says nowhere which part is the key"));
        };
        if after.contains(HOLE) {
            return Err(misread("the pattern has more than one `{key}`"));
        }
        Ok(Pattern {
            before: before.to_owned(),
            after: after.to_owned(),
        })
    }
}

impl Written for Span {
    const FORMAT: &'static str = "human-duration";

    fn read(text: &str) -> Result<Span, Misread> {
        text.parse().map_err(|error: crate::event::TimeError| {
            let (message, help) = match error.0.split_once(": ") {
                Some((message, help)) => (message.to_owned(), Some(help.to_owned())),
                None => (error.0, None),
            };
            Misread {
                rule: fault::BAD_VALUE,
                message,
                help,
            }
        })
    }
}

impl Written for Expression {
    const FORMAT: &'static str = "expression";

    fn read(text: &str) -> Result<Expression, Misread> {
        Expression::parse(text).map_err(|error| {
            let help = match text.trim_start().strip_prefix('=') {
                Some(_) => Some("an expression is written bare here: leave the `=` out".to_owned()),
                None => error.help,
            };
            Misread {
                rule: fault::BAD_EXPRESSION,
                message: error.message,
                help,
            }
        })
    }
}

impl Written for WildMatch {
    const FORMAT: &'static str = "glob";

    fn read(text: &str) -> Result<WildMatch, Misread> {
        Name::read(text).map(|_| WildMatch::new(text))
    }
}

/// What an instance's correlation value is read from.
#[derive(Debug, Clone)]
pub(crate) enum By {
    /// The log's correlation field.
    Correlation,
    /// An expression.
    Expression(Expression),
}

impl Written for By {
    const FORMAT: &'static str = "correlation-or-expression";

    fn read(text: &str) -> Result<By, Misread> {
        match text {
            "correlation" => Ok(By::Correlation),
            other => Expression::read(other).map(By::Expression),
        }
    }
}

/// What an event's idempotency key is read from.
#[derive(Debug, Clone)]
pub(crate) enum Key {
    /// The log's idempotency key.
    Field,
    /// An expression.
    Expression(Expression),
}

impl Written for Key {
    const FORMAT: &'static str = "key-or-expression";

    fn read(text: &str) -> Result<Key, Misread> {
        match text {
            "idempotency" => Ok(Key::Field),
            other => Expression::read(other).map(Key::Expression),
        }
    }
}

/// An expression that may stand behind `=`.
pub(crate) fn without_sign(text: &str) -> &str {
    let bare = text.trim_start();
    bare.strip_prefix('=').unwrap_or(bare)
}

/// What an event adds up to: an expression, bare or behind `=`.
#[derive(Debug, Clone)]
pub(crate) struct Amount(pub(crate) Expression);

impl Written for Amount {
    const FORMAT: &'static str = "amount";

    fn read(text: &str) -> Result<Amount, Misread> {
        let bare = without_sign(text);
        Expression::read(bare).map(Amount).map_err(|misread| {
            // What an expression over states is meant for stands elsewhere in the document.
            let help = match Formula::parse(bare, &[STATE, KEY]) {
                Ok(_) => Some(
                    "name the projection instead of event types: `states-of: account-view`"
                        .to_owned(),
                ),
                Err(_) => misread.help,
            };
            Misread { help, ..misread }
        })
    }
}

/// The first instant at which something no longer counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Until(pub(crate) Timestamp);

impl Written for Until {
    const FORMAT: &'static str = "date-or-instant";

    /// A date counts to its end, in UTC.
    fn read(text: &str) -> Result<Until, Misread> {
        let end_of_day = text
            .parse::<Date>()
            .ok()
            .filter(|_| text.len() == "2026-12-31".len())
            .and_then(|date| date.tomorrow().ok())
            .and_then(|date| Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok())
            .and_then(|instant| i64::try_from(instant.as_nanosecond()).ok())
            .map(Timestamp::from_nanos);
        match end_of_day.map_or_else(|| text.parse(), Ok) {
            Ok(instant) => Ok(Until(instant)),
            Err(_) => Err(Misread {
                rule: fault::BAD_VALUE,
                message: format!("`{text}` is neither a date nor an instant"),
                help: Some("write `2026-12-31` or `2026-12-31T18:00:00Z`".to_owned()),
            }),
        }
    }
}

impl Written for AsOf {
    const FORMAT: &'static str = "end-now-or-instant";

    fn read(text: &str) -> Result<AsOf, Misread> {
        match text {
            "end" => Ok(AsOf::End),
            "now" => Ok(AsOf::Now),
            other => other.parse().map(AsOf::Instant).map_err(|_| Misread {
                rule: fault::BAD_VALUE,
                message: format!("`{other}` is not a horizon"),
                help: Some(
                    "write `end`, `now` or an instant such as `2026-03-01T12:00:00Z`".to_owned(),
                ),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_counts_to_its_end_and_an_instant_to_itself() {
        for (text, until) in [
            ("2026-12-31", "2027-01-01T00:00:00Z"),
            ("2024-02-28", "2024-02-29T00:00:00Z"),
            ("2026-12-31T18:00:00+02:00", "2026-12-31T16:00:00Z"),
        ] {
            assert_eq!(Until::read(text).unwrap().0.to_string(), until, "{text}");
        }
        for bad in ["", "2026-02-30", "tomorrow", "2026", "9999-12-31"] {
            let misread = Until::read(bad).unwrap_err();
            assert_eq!(
                misread.message,
                format!("`{bad}` is neither a date nor an instant")
            );
        }
    }
}
