//! The `invariant:` document with `for-each`, as written.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::definition::fault;
use crate::definition::raw::written::{Misread, Name, Text, Written};
use crate::definition::requirement::{KEY, STATE};
use crate::event::Span;
use crate::expression::Formula;

/// An invariant over folded states: what has to hold for each key of a projection.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "invariant-for-each")]
pub(crate) struct Requirement {
    /// The invariant's name.
    pub(crate) invariant: Text<Name>,
    /// What it is for.
    pub(crate) about: Option<String>,
    /// The projection whose keys have to keep it. `state` is a key's state, `key` the key itself.
    pub(crate) for_each: Text<Name>,
    /// Only keys for whose state this expression holds have to keep it.
    pub(crate) r#where: Option<String>,
    /// States of other keys, by the names that they have in `require` and `where`.
    #[serde(default)]
    pub(crate) r#let: BTreeMap<String, Text<Lookup>>,
    /// The expression that has to hold.
    pub(crate) require: String,
    /// How long everything that it looks at has to be quiet before it has to hold. Without it, it
    /// has to hold after each event.
    pub(crate) grace: Option<Text<Span>>,
}

/// `=projection('payment-view', state.payment_id)`
#[derive(Debug, Clone)]
pub(crate) struct Lookup {
    /// The projection.
    pub(crate) projection: Arc<str>,
    /// Which key of it.
    pub(crate) key: Formula,
}

impl Written for Lookup {
    const FORMAT: &'static str = "look-up";

    fn read(text: &str) -> Result<Lookup, Misread> {
        let Some((projection, key)) = split(text) else {
            return Err(Misread {
                rule: fault::BAD_VALUE,
                message: format!("`{text}` looks nothing up"),
                help: Some(
                    "write `=projection('payment-view', state.payment_id)`: a projection and a key"
                        .to_owned(),
                ),
            });
        };
        let key = Formula::parse(key, &[STATE, KEY]).map_err(|error| Misread {
            rule: fault::BAD_EXPRESSION,
            message: error.message,
            help: error.help,
        })?;
        Ok(Lookup {
            projection: projection.into(),
            key,
        })
    }
}

/// The projection's name and the expression of the key.
fn split(text: &str) -> Option<(&str, &str)> {
    let text = text.trim();
    let call = text.strip_prefix('=').unwrap_or(text).trim_start();
    let call = call.strip_prefix("projection")?.trim_start();
    let inner = call.strip_prefix('(')?.strip_suffix(')')?.trim_start();
    let quote = inner
        .chars()
        .next()
        .filter(|first| ['\'', '"'].contains(first))?;
    let (name, rest) = inner[1..].split_once(quote)?;
    let key = rest.trim_start().strip_prefix(',')?;
    (!name.is_empty()).then_some((name, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_up_is_a_projection_and_a_key() {
        for (text, parts) in [
            (
                "=projection('payment-view', state.payment_id)",
                Some(("payment-view", "state.payment_id")),
            ),
            (
                "projection( \"a\" , key ~ '-(x)' )",
                Some(("a", "key ~ '-(x)'")),
            ),
            ("=projection('a')", None),
            ("=projection('', key)", None),
            ("=projection(a, key)", None),
            ("=state('a', key)", None),
            ("projection", None),
            ("", None),
        ] {
            let found = split(text).map(|(name, key)| (name, key.trim()));
            assert_eq!(found, parts, "{text}");
        }
        assert!(Lookup::read("projection('a', data.x)").is_err());
        assert!(Lookup::read("projection('a', )").is_err());
    }
}
