//! JSON as the engine sees it, with a record of why there is no telling: of what was looked for and is
//! not there, and of what has no order with a number. The engine itself answers all the same.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use minijinja::value::{Enumerator, Object, ObjectRepr, Value};
use serde_json::Value as Json;

/// Why one evaluation cannot be told, whatever comes of it.
#[derive(Debug, Default)]
pub(super) struct Misses {
    first: OnceLock<String>,
    asked_for: Arc<[String]>,
}

impl Misses {
    /// Nothing missed yet; `asked_for` are the paths that may be missing.
    pub(super) fn new(asked_for: &Arc<[String]>) -> Arc<Misses> {
        Arc::new(Misses {
            first: OnceLock::new(),
            asked_for: Arc::clone(asked_for),
        })
    }

    /// The first reason: a path that was looked for in vain, or a value that has no order.
    pub(super) fn first(&self) -> Option<&str> {
        self.first.get().map(String::as_str)
    }

    /// Takes down a reason, unless there is one.
    pub(super) fn note(&self, reason: String) {
        self.first.get_or_init(|| reason);
    }

    fn miss_key(&self, path: &str, key: &Value) {
        self.miss(&format!("{path}.{key}"));
    }

    fn miss(&self, missed: &str) {
        if !self.asked_for.iter().any(|asked| asked == missed) {
            self.note(format!("`{missed}` is missing"));
        }
    }
}

impl Object for Misses {}

/// The engine's form of a JSON value that stands at `path`.
pub(super) fn value(json: Json, path: &str, misses: &Arc<Misses>) -> Value {
    match json {
        Json::Null => Value::from(()),
        Json::Bool(truth) => truth.into(),
        Json::String(text) => text.into(),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => number.into(),
            (_, Some(number)) => number.into(),
            _ => number
                .as_f64()
                .map_or_else(|| number.to_string().into(), Value::from),
        },
        Json::Array(items) => Value::from_object(List {
            items,
            path: path.to_owned(),
            misses: Arc::clone(misses),
        }),
        Json::Object(keys) => mapping(
            keys.into_iter().map(|(key, json)| (key, Some(json))),
            path,
            misses,
        ),
    }
}

/// The engine's form of a mapping; entries without a value are not there.
pub(super) fn mapping(
    entries: impl IntoIterator<Item = (String, Option<Json>)>,
    path: &str,
    misses: &Arc<Misses>,
) -> Value {
    let entries = entries.into_iter().filter_map(|(key, json)| {
        let value = value(json?, &format!("{path}.{key}"), misses);
        Some((key, value))
    });
    Value::from_object(Mapping {
        entries: entries.collect(),
        path: path.to_owned(),
        misses: Arc::clone(misses),
    })
}

/// The names that an expression sees, with their values; what it does not see is the engine's own.
pub(super) fn names(
    names: &Arc<[String]>,
    values: &serde_json::Map<String, Json>,
    misses: &Arc<Misses>,
) -> Value {
    let values = values
        .iter()
        .map(|(name, json)| (name.clone(), value(json.clone(), name, misses)));
    Value::from_object(Names {
        values: values.collect(),
        names: Arc::clone(names),
        misses: Arc::clone(misses),
    })
}

#[derive(Debug)]
struct Names {
    values: BTreeMap<String, Value>,
    names: Arc<[String]>,
    misses: Arc<Misses>,
}

impl Object for Names {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        let found = self.values.get(name).cloned();
        if found.is_none() && self.names.iter().any(|known| known == name) {
            self.misses.miss(name);
        }
        found
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
}

#[derive(Debug)]
struct Mapping {
    entries: BTreeMap<String, Value>,
    path: String,
    misses: Arc<Misses>,
}

impl Object for Mapping {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let found = key.as_str().and_then(|key| self.entries.get(key)).cloned();
        if found.is_none() {
            self.misses.miss_key(&self.path, key);
        }
        found
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let keys: Vec<Value> = self
            .entries
            .keys()
            .map(|key| Value::from(key.as_str()))
            .collect();
        Enumerator::Iter(Box::new(keys.into_iter()))
    }
}

/// A list, whose items are made the engine's own when they are looked at: most expressions ask a long
/// one for its length, or for few of them.
#[derive(Debug)]
struct List {
    items: Vec<Json>,
    path: String,
    misses: Arc<Misses>,
}

impl Object for List {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let index = key.as_usize();
        let Some((index, item)) = index.and_then(|at| Some((at, self.items.get(at)?))) else {
            self.misses.miss_key(&self.path, key);
            return None;
        };
        let path = format!("{}.{index}", self.path);
        Some(value(item.clone(), &path, &self.misses))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.items.len())
    }
}
