//! Whether a document has the shape that its schema asks for: every misplaced, missing and misspelt
//! thing at once, each at its place.
//!
//! Only the part of JSON Schema that the raw types produce is understood. Where a value may be
//! several things, what is written (a mapping, a list, a word) chooses.

use serde_json::{Map, Value};

use crate::definition::fault::{self, Fault};
use crate::definition::file::SourceFile;
use crate::definition::marked::{Kind, Node, Scalar};
use crate::definition::raw::written;
use crate::definition::scalar::{self, Meaning};
use crate::suggest::{closest, did_you_mean};

/// What is wrong with the shape of `node` as the `$defs` entry `name` of `schema`.
pub(crate) fn check(schema: &Value, name: &str, file: &SourceFile, node: &Node) -> Vec<Fault> {
    let mut checker = Checker {
        definitions: &schema["$defs"],
        file,
        faults: Vec::new(),
    };
    checker.value(&schema["$defs"][name], Some(name), node, "the document");
    checker.faults
}

struct Checker<'a> {
    definitions: &'a Value,
    file: &'a SourceFile,
    faults: Vec<Fault>,
}

/// One of the things a value may be.
#[derive(Clone, Copy)]
struct Choice<'a> {
    schema: &'a Map<String, Value>,
    /// What it is called, where it has a name of its own.
    name: Option<&'a str>,
}

impl<'a> Choice<'a> {
    fn kind(self) -> Option<&'a str> {
        self.schema.get("type").and_then(Value::as_str)
    }

    fn format(self) -> &'a str {
        self.schema
            .get("format")
            .and_then(Value::as_str)
            .unwrap_or("")
    }

    fn words(self) -> impl Iterator<Item = &'a str> + Clone {
        let listed = self.schema.get("enum").and_then(Value::as_array);
        listed
            .into_iter()
            .flatten()
            .chain(self.schema.get("const"))
            .filter_map(Value::as_str)
    }
}

impl<'a> Checker<'a> {
    /// `what` is how messages call the value: its key, in marks.
    fn value(&mut self, schema: &'a Value, name: Option<&'a str>, node: &Node, what: &str) {
        if self.faults.len() >= fault::MOST {
            return;
        }
        let mut choices = Vec::new();
        self.choices(schema, name, &mut choices);
        let anything =
            |choice: &Choice<'_>| choice.kind().is_none() && choice.words().next().is_none();
        if choices.is_empty() || choices.iter().any(anything) {
            return;
        }
        let wanted = |kind: &str| {
            choices
                .iter()
                .copied()
                .find(|choice| choice.kind() == Some(kind))
        };
        match &node.kind {
            Kind::Map(_) => match wanted("object") {
                Some(choice) => self.mapping(choice, node),
                None => self.wrong_type(&choices, node, what, "a mapping"),
            },
            Kind::List(items) => match wanted("array") {
                Some(choice) => self.list(choice, items, node, what),
                None => self.wrong_type(&choices, node, what, "a list"),
            },
            Kind::Scalar(scalar) => self.scalar(&choices, scalar, node, what),
        }
    }

    /// Everything that a value may be, with references and nested choices resolved.
    fn choices(&self, schema: &'a Value, name: Option<&'a str>, found: &mut Vec<Choice<'a>>) {
        let Value::Object(keys) = schema else { return };
        if let Some(reference) = keys.get("$ref").and_then(Value::as_str) {
            let target = reference.rsplit('/').next().unwrap_or(reference);
            return self.choices(&self.definitions[target], Some(target), found);
        }
        for key in ["anyOf", "oneOf"] {
            if let Some(Value::Array(several)) = keys.get(key) {
                return several
                    .iter()
                    .for_each(|one| self.choices(one, name, found));
            }
        }
        found.push(Choice { schema: keys, name });
    }

    fn mapping(&mut self, choice: Choice<'a>, node: &Node) {
        let here = match choice.name.unwrap_or("mapping") {
            plural @ ("settings" | "claims" | "ends") => format!("these {plural}"),
            "decides" => "these decisions".to_owned(),
            "invariant-for-each" | "invariant-over-states" => "this invariant".to_owned(),
            noun => format!("this {}", noun.replace('-', " ")),
        };
        let properties = choice.schema.get("properties").and_then(Value::as_object);
        let open = choice
            .schema
            .get("additionalProperties")
            .filter(|open| open.is_object() || **open == Value::Bool(true));
        let names = || {
            properties
                .into_iter()
                .flat_map(|properties| properties.keys())
                .map(String::as_str)
        };
        let unused: Vec<&str> = names().filter(|name| node.entry(name).is_none()).collect();
        let mut misspelt = Vec::new();
        for entry in node.entries() {
            if self.faults.len() >= fault::MOST {
                return;
            }
            let key = &entry.key;
            let what = format!("`{}`", shown(&key.text));
            if let Some(schema) = properties.and_then(|properties| properties.get(&key.text)) {
                self.value(schema, None, &entry.value, &what);
            } else if let Some(schema) = open {
                if let Some((message, label)) = unclear(key) {
                    let place = self.file.place(entry.key_span.clone());
                    self.faults.push(
                        Fault::fatal(fault::WRONG_TYPE, place, message)
                            .label(label)
                            .help(format!("quote it: `\"{}\"`", shown(&key.text))),
                    );
                }
                self.value(schema, None, &entry.value, &what);
            } else {
                let meant = closest(&key.text, unused.iter().copied());
                misspelt.extend(meant);
                let help = match (meant, closest(&key.text, names())) {
                    _ if key.text == "<<" => {
                        Some("merge keys are not read: write the keys out".to_owned())
                    }
                    (None, Some(present)) => Some(format!("`{present}` stands here already")),
                    _ => did_you_mean(&key.text, unused.iter().copied()),
                };
                self.faults.push(
                    Fault::fatal(
                        fault::UNKNOWN_KEY,
                        self.file.place(entry.key_span.clone()),
                        format!("{what} means nothing in {here}"),
                    )
                    .label("unknown key")
                    .help(help),
                );
            }
        }
        let required = choice.schema.get("required").and_then(Value::as_array);
        for key in required.into_iter().flatten().filter_map(Value::as_str) {
            if node.entry(key).is_some() || misspelt.contains(&key) {
                continue;
            }
            let span = node
                .entries()
                .first()
                .map_or(&node.span, |first| &first.key_span);
            let about = properties
                .and_then(|properties| properties[key].get("description"))
                .and_then(Value::as_str)
                .map(|about| format!("`{key}`: {}", about.lines().collect::<Vec<_>>().join(" ")));
            self.faults.push(
                Fault::fatal(
                    fault::MISSING_KEY,
                    self.file.place(span.clone()),
                    format!("`{key}` is missing in {here}"),
                )
                .label(format!("`{key}` has to stand beside this"))
                .help(about),
            );
        }
    }

    fn list(&mut self, choice: Choice<'a>, items: &[Node], node: &Node, what: &str) {
        let least = choice
            .schema
            .get("minItems")
            .and_then(Value::as_u64)
            .unwrap_or(0);
        if least > 0 && items.is_empty() {
            let place = self.file.place(node.span.clone());
            self.faults.push(
                Fault::fatal(fault::BAD_VALUE, place, format!("{what} cannot be empty"))
                    .label("at least one is needed"),
            );
        }
        if let Some(schema) = choice.schema.get("items") {
            let what = format!("an item of {what}");
            items
                .iter()
                .for_each(|item| self.value(schema, None, item, &what));
        }
    }

    fn scalar(&mut self, choices: &[Choice<'a>], scalar: &Scalar, node: &Node, what: &str) {
        let words = || choices.iter().flat_map(|choice| choice.words());
        if words().any(|word| word == scalar.text) {
            return;
        }
        let wanted = |kind: &str| {
            let free = |choice: &&Choice<'_>| choice.words().next().is_none();
            choices
                .iter()
                .filter(free)
                .find(|choice| choice.kind() == Some(kind))
                .copied()
        };
        let place = self.file.place(node.span.clone());
        let text = shown(&scalar.text);
        if let (Some(integer), Meaning::Integer(number)) = (wanted("integer"), scalar.meaning) {
            let least = integer
                .schema
                .get("minimum")
                .and_then(Value::as_i64)
                .unwrap_or(i64::MIN);
            let fits = if integer.format() == "uint32" {
                i64::from(u32::MAX)
            } else {
                i64::MAX
            };
            // What can be read and is too much is told with the rest of what cannot be meant.
            if number < i128::from(least) || number > i128::from(fits) {
                let most = integer.schema.get("maximum").and_then(Value::as_i64);
                let most = most.unwrap_or(fits);
                self.faults.push(
                    Fault::fatal(fault::BAD_VALUE, place, format!("{what} cannot be {text}"))
                        .label(format!("from {least} to {most}")),
                );
            }
        } else if matches!(
            (wanted("number"), wanted("boolean"), &scalar.meaning),
            (Some(_), _, Meaning::Integer(_) | Meaning::Float(_)) | (_, Some(_), Meaning::Bool(_))
        ) {
        } else if scalar.plain && scalar.meaning == Meaning::Null {
            let help = match text.as_str() {
                "" => "write the value, or remove the key".to_owned(),
                word => format!("write the value, or `\"{word}\"` if that is its name"),
            };
            self.faults.push(
                Fault::fatal(fault::WRONG_TYPE, place, format!("{what} has no value"))
                    .label("nothing is written here")
                    .help(help),
            );
        } else if let Some(string) = wanted("string") {
            let misread = match unclear(scalar) {
                None => match written::check(string.format(), &scalar.text) {
                    Ok(()) => return,
                    Err(misread) => Fault::fatal(misread.rule, place, misread.message)
                        .label(
                            written::describe(string.format())
                                .map_or_else(String::new, |what| format!("{what} is wanted")),
                        )
                        .help(misread.help),
                },
                Some(_) if string.format() == "human-duration" => {
                    Fault::fatal(fault::BAD_VALUE, place, format!("{what} needs a unit"))
                        .label("a duration is wanted")
                        .help(format!(
                            "write `{text}s` for seconds, `{text}m` for minutes"
                        ))
                }
                Some((message, label)) => Fault::fatal(fault::WRONG_TYPE, place, message)
                    .label(label)
                    .help(format!("quote it: `\"{text}\"`")),
            };
            self.faults.push(misread);
        } else if let (Some(_), Some(truth)) = (wanted("boolean"), scalar::yes_or_no(&scalar.text))
        {
            let written = if scalar.plain {
                format!("`{text}`")
            } else {
                format!("`\"{text}\"`")
            };
            let message = format!("{what} is true or false, not {written}");
            self.faults.push(
                Fault::fatal(fault::WRONG_TYPE, place, message)
                    .label("this is text")
                    .help(format!("write `{truth}`")),
            );
        } else if words().next().is_some() && scalar.meaning == Meaning::Text {
            let help = closest(&scalar.text, words()).map(|word| format!("did you mean `{word}`?"));
            self.faults.push(
                Fault::fatal(
                    fault::BAD_VALUE,
                    place,
                    format!("{what} cannot be `{text}`"),
                )
                .label(format!("{} is wanted", wishes(choices)))
                .help(help),
            );
        } else {
            let found = match scalar.meaning {
                Meaning::Integer(_) => "a number",
                Meaning::Float(_) => "a fraction",
                Meaning::Bool(_) => "true or false",
                Meaning::Null | Meaning::Text => "text",
            };
            self.wrong_type(choices, node, what, found);
        }
    }

    fn wrong_type(&mut self, choices: &[Choice<'a>], node: &Node, what: &str, found: &str) {
        let wishes = wishes(choices);
        self.faults.push(
            Fault::fatal(
                fault::WRONG_TYPE,
                self.file.place(node.span.clone()),
                format!("{what} must be {wishes}, not {found}"),
            )
            .label(format!("{wishes} is wanted")),
        );
    }
}

/// The things that a value may be, in words.
fn wishes(choices: &[Choice<'_>]) -> String {
    let mut wishes: Vec<String> = Vec::new();
    for choice in choices {
        let wish = match choice.kind() {
            _ if choice.words().next().is_some() => choice
                .words()
                .map(|word| format!("`{word}`"))
                .collect::<Vec<_>>()
                .join(", "),
            Some("object") => "a mapping".to_owned(),
            Some("array") => "a list".to_owned(),
            Some("boolean") => "true or false".to_owned(),
            Some("integer") => "a whole number".to_owned(),
            Some("number") => "a number".to_owned(),
            _ => written::describe(choice.format())
                .unwrap_or("text")
                .to_owned(),
        };
        if !wishes.contains(&wish) {
            wishes.push(wish);
        }
    }
    match wishes.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => "nothing".to_owned(),
    }
}

/// Why an unquoted scalar cannot be taken for text: the message and the label.
fn unclear(scalar: &Scalar) -> Option<(String, &'static str)> {
    if !scalar.plain {
        return None;
    }
    let text = shown(&scalar.text);
    match scalar.meaning {
        Meaning::Integer(_) | Meaning::Float(_) => Some((
            format!("`{text}` is a number where text is wanted"),
            "a number",
        )),
        Meaning::Null => Some((format!("`{text}` means that there is nothing"), "not text")),
        Meaning::Bool(_) | Meaning::Text => scalar::yes_or_no(&scalar.text).map(|truth| {
            let label = if truth {
                "may be read as true"
            } else {
                "may be read as false"
            };
            (format!("`{text}` is not text until it is quoted"), label)
        }),
    }
}

/// A text of a file as messages show it: cut where it is long.
pub(crate) fn shown(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text.to_owned(),
    }
}
