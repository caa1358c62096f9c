//! Expressions that need the engine: compiled once, evaluated with a limit on their work.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use minijinja::value::{ObjectRepr, Value};
use minijinja::{Environment, ErrorKind, UndefinedBehavior};
use serde_json::{Map, Value as Json};

use crate::expression::document::{self, Misses};
use crate::expression::words::{self, Path, Word};
use crate::expression::{
    ExpressionError, Scope, Undetermined, bytes, comparisons, factors, not_json, sides,
};
use crate::json;
use crate::suggest::closest;

/// Longer sources are refused: nobody wrote them by hand, and the parser recurses.
const MAX_SOURCE: usize = 4096;
/// Signs in a row, or brackets within each other, beyond which a source is refused.
const MAX_NESTING: usize = 64;
/// How much work one evaluation may be, in the engine's instructions.
const FUEL: u64 = 100_000;
/// How many items and keys a value may have, those within others too, and pieces of text of
/// [`PIECE`] bytes: the engine's limit does not count what is only looked at later.
const LARGEST: usize = 1_000_000;
/// Bytes of text that count as one item.
const PIECE: usize = 32;
/// What the engine would let be called and is of no use, or tells of its own inside.
const INTERNALS: [&str; 3] = ["debug", "dict", "namespace"];

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_debug(false);
    for internal in INTERNALS {
        environment.remove_global(internal);
    }
    factors::teach(&mut environment);
    sides::teach(&mut environment);
    environment
});

/// A compiled expression.
pub(super) struct Program {
    code: minijinja::Expression<'static, 'static>,
    paths: Vec<Path>,
    data: Need,
    metadata: Need,
    event: bool,
    asked_for: Arc<[String]>,
}

/// How much of a document an expression looks at.
enum Need {
    Nothing,
    Keys(Vec<String>),
    Whole,
}

impl Need {
    fn of(root: &str, paths: &[Path]) -> Need {
        let mut keys = Vec::new();
        for path in paths.iter().filter(|path| path.root() == root) {
            match path.keys().first() {
                Some(key) if key.parse::<usize>().is_err() => keys.push(key.clone()),
                _ => return Need::Whole,
            }
        }
        if keys.is_empty() {
            Need::Nothing
        } else {
            Need::Keys(keys)
        }
    }
}

impl Program {
    /// An expression that sees these names.
    pub(super) fn compile(source: &str, roots: &[&str]) -> Result<Program, ExpressionError> {
        let words = words::words(source);
        let code = compile(source, &words)?;
        let mut paths = Vec::new();
        for name in names(source, &code, Nested::Told)? {
            match Path::below(&name, roots) {
                Some(path) => {
                    words::check_field(&path)?;
                    paths.push(path);
                }
                None => check_name(name.split('.').next().unwrap_or(&name), roots)?,
            }
        }
        Ok(Program {
            data: Need::of("data", &paths),
            metadata: Need::of("metadata", &paths),
            event: paths.iter().any(|path| path.root() == "event"),
            asked_for: words::asked_for(&words, roots).into(),
            paths,
            code,
        })
    }

    /// What it refers to.
    pub(super) fn paths(&self) -> &[Path] {
        &self.paths
    }

    pub(super) fn evaluate(&self, scope: &Scope<'_>) -> Result<Json, Undetermined> {
        let misses = Misses::new(&self.asked_for);
        let mut context = BTreeMap::new();
        if self.event {
            let fields = Scope::FIELDS
                .iter()
                .map(|field| ((*field).to_owned(), scope.field(field)));
            context.insert("event", document::mapping(fields, "event", &misses));
        }
        for (root, need) in [("data", &self.data), ("metadata", &self.metadata)] {
            if let Some(value) = load(root, need, scope, &misses)? {
                context.insert(root, value);
            }
        }
        evaluate(&self.code, context, &misses)
    }

    /// What it looks at of an event, kept for [`Program::evaluate_over`].
    pub(super) fn gather(&self, scope: &Scope<'_>) -> Result<Json, Undetermined> {
        let mut parts = Map::new();
        if self.event {
            let fields = Scope::FIELDS
                .iter()
                .filter_map(|field| Some(((*field).to_owned(), scope.field(field)?)));
            parts.insert("event".to_owned(), Json::Object(fields.collect()));
        }
        for (root, need) in [("data", &self.data), ("metadata", &self.metadata)] {
            if let Some(part) = read(root, need, scope)? {
                parts.insert(root.to_owned(), part);
            }
        }
        Ok(Json::Object(parts))
    }

    /// Its value for what was gathered of an event and for this state.
    pub(super) fn evaluate_over(
        &self,
        gathered: Json,
        state: Map<String, Json>,
    ) -> Result<Json, Undetermined> {
        let misses = Misses::new(&self.asked_for);
        let parts = match gathered {
            Json::Object(parts) => parts,
            _ => Map::new(),
        };
        let mut context: BTreeMap<&str, Value> = parts
            .into_iter()
            .filter_map(|(root, part)| {
                let root = words::EVENT.into_iter().find(|known| *known == root)?;
                Some((root, document::value(part, root, &misses)))
            })
            .collect();
        context.insert(
            "state",
            document::value(Json::Object(state), "state", &misses),
        );
        evaluate(&self.code, context, &misses)
    }

    /// Its value for these values of its names, of which some may be missing.
    pub(super) fn evaluate_among(
        &self,
        names: &Arc<[String]>,
        values: &Map<String, Json>,
    ) -> Result<Json, Undetermined> {
        let misses = Misses::new(&self.asked_for);
        let context = document::names(names, values, &misses);
        evaluate(&self.code, context, &misses)
    }
}

/// The engine's form of an expression, once it is known to be harmless.
pub(super) fn compile(
    source: &str,
    words: &[Word<'_>],
) -> Result<minijinja::Expression<'static, 'static>, ExpressionError> {
    let error = |message: &str| ExpressionError {
        message: message.to_owned(),
        help: None,
    };
    if source.trim().is_empty() {
        return Err(error("an expression cannot be empty"));
    }
    if source.len() > MAX_SOURCE {
        return Err(error("the expression is longer than 4096 bytes"));
    }
    if nesting(words) > MAX_NESTING {
        return Err(error("the expression is nested too deeply"));
    }
    let code = ENVIRONMENT
        .compile_expression_owned(factors::guarded(source))
        .map_err(|error| {
            let detail = error.detail().unwrap_or("it cannot be read");
            ExpressionError {
                message: format!("not an expression: {detail}"),
                help: hint(source).or_else(|| in_brackets(words)),
            }
        })?;
    check_calls(words)?;
    let guarded = comparisons::guarded(source);
    if guarded == source {
        return Ok(code);
    }
    // Its faults were told of the source as written; what remains is how deep the engine reads.
    ENVIRONMENT
        .compile_expression_owned(factors::guarded(&guarded))
        .map_err(|_| error("the expression is nested too deeply"))
}

/// Whether names are told with the fields that are looked at below them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nested {
    Told,
    LeftOut,
}

/// The names that an expression looks at, in order.
pub(super) fn names(
    source: &str,
    code: &minijinja::Expression<'_, '_>,
    nested: Nested,
) -> Result<Vec<String>, ExpressionError> {
    let unsliced = words::unsliced(source).map(|it| ENVIRONMENT.compile_expression_owned(it));
    let unsliced = unsliced.transpose().map_err(|_| ExpressionError {
        message: "what the slice is taken of cannot be told".to_owned(),
        help: Some("put its ends in parentheses".to_owned()),
    })?;
    let is_told = nested == Nested::Told;
    let names = match &unsliced {
        Some(unsliced) => unsliced.undeclared_variables(is_told),
        None => code.undeclared_variables(is_told),
    };
    let mut names: Vec<String> = names.into_iter().collect();
    names.sort();
    Ok(names)
}

/// Its value, unless something was missed on the way, or had no order with what it was compared with.
pub(super) fn evaluate(
    code: &minijinja::Expression<'_, '_>,
    context: impl Into<Value>,
    misses: &Arc<Misses>,
) -> Result<Json, Undetermined> {
    let result = code.eval(sides::context(context.into(), misses));
    if let Some(reason) = misses.first() {
        return Err(Undetermined(reason.to_owned()));
    }
    let value = result.map_err(|error| {
        let detail = error
            .detail()
            .map_or_else(|| error.kind().to_string(), str::to_owned);
        Undetermined(format!("cannot be evaluated: {detail}"))
    })?;
    let finite = f64::try_from(value.clone()).map_or(true, f64::is_finite);
    if value.is_undefined() || value.is_number() && !finite {
        return Err(Undetermined("has no value".to_owned()));
    }
    if size(&value, LARGEST).is_none() {
        return Err(Undetermined("has too large a value".to_owned()));
    }
    serde_json::to_value(&value)
        .map_err(|error| Undetermined(format!("has a value that is not JSON: {error}")))
}

/// How many items and keys a value has, and pieces of text; `None` where there are more than `most`.
fn size(value: &Value, most: usize) -> Option<usize> {
    if let Some(text) = value.as_str() {
        return Some(1 + text.len() / PIECE).filter(|size| *size <= most);
    }
    let (Some(object), Some(items)) = (value.as_object(), value.try_iter().ok()) else {
        return Some(1).filter(|size| *size <= most);
    };
    let is_mapping = object.repr() == ObjectRepr::Map;
    let mut sum = 1;
    for item in items {
        sum += size(&item, most.checked_sub(sum)?)?;
        if is_mapping && let Some(held) = object.get_value(&item) {
            sum += size(&held, most.checked_sub(sum)?)?;
        }
    }
    Some(sum).filter(|sum| *sum <= most)
}

/// Whether the engine itself knows a name.
pub(super) fn is_global(name: &str) -> bool {
    ENVIRONMENT.globals().any(|(global, _)| global == name)
}

/// As much of `data` or `metadata` as is needed.
fn load(
    root: &str,
    need: &Need,
    scope: &Scope<'_>,
    misses: &Arc<Misses>,
) -> Result<Option<Value>, Undetermined> {
    Ok(read(root, need, scope)?.map(|part| document::value(part, root, misses)))
}

/// The same as JSON.
fn read(root: &str, need: &Need, scope: &Scope<'_>) -> Result<Option<Json>, Undetermined> {
    match need {
        Need::Nothing => Ok(None),
        Need::Whole => {
            let whole = serde_json::from_slice(bytes(scope, root)?);
            whole.map(Some).map_err(|error| not_json(root, &error))
        }
        Need::Keys(keys) => {
            let picked = json::pick(bytes(scope, root)?, keys);
            let picked = picked.map_err(|error| not_json(root, &error))?;
            let there = keys.iter().cloned().zip(picked);
            let there = there.filter_map(|(key, value)| Some((key, value?)));
            Ok(Some(Json::Object(there.collect())))
        }
    }
}

/// How deep brackets stand in each other and signs and `not` in a row, whichever is more.
fn nesting(words: &[Word<'_>]) -> usize {
    let (mut open, mut row, mut most) = (0usize, 0usize, 0usize);
    for word in words {
        match word {
            Word::Sign('(' | '[' | '{') => open += 1,
            Word::Sign(')' | ']' | '}') => open = open.saturating_sub(1),
            Word::Name("not" | "if" | "else") | Word::Sign('-' | '+' | '*' | '~') => row += 1,
            Word::Name(_) | Word::Text(_) | Word::Sign(_) => row = 0,
        }
        most = most.max(open + row);
    }
    most
}

fn hint(source: &str) -> Option<String> {
    let source = source.trim();
    if source.starts_with("{{") {
        Some("an expression is written bare: leave the braces out".to_owned())
    } else if source.contains("&&") || source.contains("||") {
        Some("write `and` and `or`".to_owned())
    } else if source.contains(" = ") {
        Some("write `==` to compare".to_owned())
    } else {
        None
    }
}

/// How a field is written whose name has letters that the engine reads in quotes only.
fn in_brackets(words: &[Word<'_>]) -> Option<String> {
    let foreign = words
        .windows(2)
        .position(|two| matches!(two, [Word::Sign('.'), Word::Name(name)] if !name.is_ascii()))?;
    let field = match words[foreign + 1] {
        Word::Name(name) => name,
        Word::Text(_) | Word::Sign(_) => return None,
    };
    let mut path = Vec::new();
    for word in words[..foreign].iter().rev() {
        match word {
            Word::Name(name) => path.push((*name).to_owned()),
            Word::Sign('.') => path.push(".".to_owned()),
            Word::Text(_) | Word::Sign(_) => break,
        }
    }
    path.reverse();
    Some(format!("write `{}['{field}']`", path.concat()))
}

/// Whether a name that is no path can be seen: the engine's own functions can.
fn check_name(name: &str, roots: &[&str]) -> Result<(), ExpressionError> {
    if roots.contains(&name) || is_global(name) {
        return Ok(());
    }
    let help = match closest(name, roots.iter().copied()) {
        Some(root) => format!("did you mean `{root}`?"),
        None if matches!(name, "null" | "None" | "nil") => "nothing is called `none`".to_owned(),
        None if Scope::FIELDS.contains(&name) && roots.contains(&"event") => {
            format!("did you mean `event.{name}` or `data.{name}`?")
        }
        None => {
            let seen = match roots {
                [only] => format!("only `{only}` can be seen"),
                [others @ .., last] => {
                    format!("`{}` and `{last}` can be seen", others.join("`, `"))
                }
                [] => "nothing can be seen".to_owned(),
            };
            match roots.contains(&"data") {
                true => format!("did you mean `data.{name}`? {seen}"),
                false => seen,
            }
        }
    };
    Err(ExpressionError {
        message: format!("`{name}` cannot be seen here"),
        help: Some(help),
    })
}

/// Whether every filter and test exists: the engine itself finds out only when it runs.
fn check_calls(words: &[Word<'_>]) -> Result<(), ExpressionError> {
    for (index, word) in words.iter().enumerate() {
        let called = match (word, &words[index + 1..]) {
            (Word::Sign('|'), [Word::Name(filter), ..]) => (*filter, "filter", "|"),
            (Word::Name("is"), [Word::Name("not"), Word::Name(test), ..])
            | (Word::Name("is"), [Word::Name(test), ..]) => (*test, "test", " is "),
            _ => continue,
        };
        let (name, kind, joint) = called;
        let probe = ENVIRONMENT
            .compile_expression_owned(format!("0{joint}{name}"))
            .and_then(|probe| probe.eval(()));
        let unknown = probe.is_err_and(|error| {
            matches!(
                error.kind(),
                ErrorKind::UnknownFilter | ErrorKind::UnknownTest
            )
        });
        if unknown {
            let message = format!("there is no {kind} `{name}`");
            return Err(ExpressionError {
                message,
                help: None,
            });
        }
    }
    Ok(())
}
