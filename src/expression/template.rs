//! Texts with values in them, for requests: `{{ EXPR }}` in a text, or `=EXPR` for a whole value.
//!
//! A value from the environment is a secret: it stands alone (`{{ env.NAME }}`), so that it can be
//! shown as `${env.NAME}` everywhere and put in only when the request is sent. Whatever an event
//! says is a value and never looked at again, so that no event can name a secret.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::expression::{ExpressionError, RowExpression, Undetermined};

/// What a template can refer to, beside `env`.
pub const NAMES: [&str; 5] = ["saga", "step", "key", "data", "events"];

/// Values from the environment, by name.
pub type Secrets = BTreeMap<String, String>;

/// A compiled template.
#[derive(Clone)]
pub struct Template(Arc<Compiled>);

struct Compiled {
    source: String,
    pieces: Vec<Piece>,
    is_value: bool,
}

enum Piece {
    Literal(String),
    Secret(String),
    Value(RowExpression),
}

/// How secrets are rendered.
#[derive(Debug, Clone, Copy)]
pub enum Reveal<'s> {
    /// As `${env.NAME}`.
    Hidden,
    /// As they are, to be sent.
    From(&'s Secrets),
}

impl Template {
    /// Compiles a text.
    ///
    /// # Errors
    /// When braces are left open, an expression is none, refers to a name that templates cannot
    /// see, or does more with a secret than to put it in.
    pub fn parse(source: &str) -> Result<Template, ExpressionError> {
        let is_value = source.starts_with('=');
        let pieces = match source.strip_prefix('=') {
            Some(expression) => vec![piece(expression)?],
            None => split(source)?,
        };
        Ok(Template(Arc::new(Compiled {
            source: source.to_owned(),
            pieces,
            is_value,
        })))
    }

    /// As written.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// The names of the secrets in it.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.0.pieces.iter().filter_map(|piece| match piece {
            Piece::Secret(name) => Some(name.as_str()),
            Piece::Literal(_) | Piece::Value(_) => None,
        })
    }

    /// Whether it depends on what happened, and not on the definition and the environment alone.
    pub fn is_dynamic(&self) -> bool {
        let is_value = |piece: &Piece| matches!(piece, Piece::Value(_));
        self.0.pieces.iter().any(is_value)
    }

    /// The literal text that it begins with.
    pub fn beginning(&self) -> Option<&str> {
        match self.0.pieces.first() {
            Some(Piece::Literal(text)) => Some(text),
            _ => None,
        }
    }

    /// Whether it begins with a secret.
    pub fn begins_secret(&self) -> bool {
        matches!(self.0.pieces.first(), Some(Piece::Secret(_)))
    }

    /// Its value: of any kind for `=EXPR`, else a text.
    ///
    /// # Errors
    /// When something it refers to is missing, or has no text.
    pub fn value(
        &self,
        facts: &BTreeMap<&str, Value>,
        reveal: Reveal<'_>,
    ) -> Result<Value, Undetermined> {
        match self.0.pieces.as_slice() {
            [Piece::Value(expression)] if self.0.is_value => expression.value(facts.clone()),
            _ => self.text(facts, reveal, str::to_owned).map(Value::from),
        }
    }

    /// Its text, each value from an event passed through `escape` first.
    ///
    /// # Errors
    /// As [`Template::value`].
    pub fn text(
        &self,
        facts: &BTreeMap<&str, Value>,
        reveal: Reveal<'_>,
        escape: fn(&str) -> String,
    ) -> Result<String, Undetermined> {
        let mut text = String::new();
        for piece in &self.0.pieces {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Secret(name) => text.push_str(&secret(name, reveal)?),
                Piece::Value(expression) => {
                    let value = expression.value(facts.clone())?;
                    text.push_str(&escape(&in_words(&value, &self.0.source)?));
                }
            }
        }
        Ok(text)
    }
}

fn secret(name: &str, reveal: Reveal<'_>) -> Result<String, Undetermined> {
    match reveal {
        Reveal::Hidden => Ok(format!("${{env.{name}}}")),
        Reveal::From(secrets) => secrets
            .get(name)
            .cloned()
            .ok_or_else(|| Undetermined(format!("the environment has no {name}"))),
    }
}

/// A value within a text; `null` and what has parts would hide a mistake there.
fn in_words(value: &Value, source: &str) -> Result<String, Undetermined> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(_) | Value::Bool(_) => Ok(value.to_string()),
        Value::Null => Err(Undetermined(format!("a value in `{source}` is null"))),
        Value::Array(_) | Value::Object(_) => Err(Undetermined(format!(
            "a value in `{source}` is a list or mapping, which has no text"
        ))),
    }
}

fn split(source: &str) -> Result<Vec<Piece>, ExpressionError> {
    let mut pieces = Vec::new();
    let mut rest = source;
    while let Some((before, after)) = rest.split_once("{{") {
        let end = end_of(after).ok_or_else(|| ExpressionError {
            message: "`{{` is never closed".to_owned(),
            help: Some("write `{{ saga.id }}`".to_owned()),
        })?;
        if !before.is_empty() {
            pieces.push(Piece::Literal(before.to_owned()));
        }
        pieces.push(piece(&after[..end])?);
        rest = &after[end + "}}".len()..];
    }
    if rest.contains("{%") {
        return Err(ExpressionError {
            message: "a text holds values, not statements".to_owned(),
            help: Some("write `{{ A if B else C }}` for a choice".to_owned()),
        });
    }
    if !rest.is_empty() {
        pieces.push(Piece::Literal(rest.to_owned()));
    }
    Ok(pieces)
}

/// Where the first `}}` stands that is in no quotes.
fn end_of(text: &str) -> Option<usize> {
    let mut quote = None;
    let mut escaped = false;
    text.char_indices().find_map(|(at, letter)| {
        match quote {
            Some(open) => {
                if letter == open && !escaped {
                    quote = None;
                }
                escaped = letter == '\\' && !escaped;
            }
            None if letter == '"' || letter == '\'' => quote = Some(letter),
            None if text[at..].starts_with("}}") => return Some(at),
            None => {}
        }
        None
    })
}

fn piece(expression: &str) -> Result<Piece, ExpressionError> {
    let expression = expression.trim();
    let is_name = |name: &str| {
        !name.is_empty()
            && !name.starts_with(|letter: char| letter.is_ascii_digit())
            && name
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
    };
    if let Some(name) = expression.strip_prefix("env.").filter(|name| is_name(name)) {
        return Ok(Piece::Secret(name.to_owned()));
    }
    let known: Vec<&str> = NAMES.into_iter().chain(["env"]).collect();
    let compiled = RowExpression::parse(expression, &known)?;
    if compiled.refers_to("env") {
        return Err(ExpressionError {
            message: "a value from the environment stands alone".to_owned(),
            help: Some("write `{{ env.NAME }}`, nothing else in the braces".to_owned()),
        });
    }
    Ok(Piece::Value(compiled))
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Template").field(&self.0.source).finish()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn facts() -> BTreeMap<&'static str, Value> {
        BTreeMap::from([
            ("saga", json!({ "id": "o/1", "name": "order" })),
            (
                "data",
                json!({ "total": 42, "note": "${env.KEY}", "none": null }),
            ),
        ])
    }

    fn render(source: &str, reveal: Reveal<'_>) -> Result<Value, String> {
        let template = Template::parse(source).map_err(|error| error.to_string())?;
        template
            .value(&facts(), reveal)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn values_are_put_in_and_secrets_only_when_sent() {
        let secrets = Secrets::from([("KEY".to_owned(), "s3cret".to_owned())]);
        for (source, shown, sent) in [
            ("plain", json!("plain"), json!("plain")),
            ("", json!(""), json!("")),
            ("=data.total", json!(42), json!(42)),
            ("={'a': data.total}", json!({ "a": 42 }), json!({ "a": 42 })),
            (
                "{{ saga.id }}: {{data.total + 1}}",
                json!("o/1: 43"),
                json!("o/1: 43"),
            ),
            (
                "Bearer {{ env.KEY }}",
                json!("Bearer ${env.KEY}"),
                json!("Bearer s3cret"),
            ),
            ("=env.KEY", json!("${env.KEY}"), json!("s3cret")),
            ("{{ data.note }}", json!("${env.KEY}"), json!("${env.KEY}")),
            ("{{ '}}' }}!", json!("}}!"), json!("}}!")),
        ] {
            assert_eq!(render(source, Reveal::Hidden), Ok(shown), "{source}");
            assert_eq!(render(source, Reveal::From(&secrets)), Ok(sent), "{source}");
        }
    }

    #[test]
    fn what_is_missing_or_has_no_text_is_never_sent() {
        let nothing = Secrets::new();
        for (source, why) in [
            ("{{ data.sku }}", "`data.sku` is missing"),
            ("{{ events.Paid.id }}", "`events` is missing"),
            ("{{ data.none }}", "a value in `{{ data.none }}` is null"),
            ("{{ env.KEY }}", "the environment has no KEY"),
            (
                "{{ data }}",
                "a value in `{{ data }}` is a list or mapping, which has no text",
            ),
        ] {
            assert_eq!(render(source, Reveal::From(&nothing)), Err(why.to_owned()));
        }
    }

    #[test]
    fn a_bad_text_is_refused_when_it_is_read() {
        for (source, why) in [
            ("{{ saga.id", "`{{` is never closed: write `{{ saga.id }}`"),
            (
                "{{ event.id }}",
                "`event` cannot be seen here: did you mean `events`?",
            ),
            (
                "{{ env.KEY | upper }}",
                "a value from the environment stands alone: write `{{ env.NAME }}`, nothing else in the braces",
            ),
            (
                "{% if x %}",
                "a text holds values, not statements: write `{{ A if B else C }}` for a choice",
            ),
        ] {
            assert_eq!(render(source, Reveal::Hidden), Err(why.to_owned()));
        }
    }
}
