//! What would make a stored row what its events give: pure data, to be written down as SQL.
//!
//! A row is brought to where its consumer is: to the fold of the events up to the checkpoint, so
//! that nothing is applied twice once the consumer goes on; to the fold of all events where the row
//! carries a version of its own, which is brought up too. A consumer whose checkpoint stands nowhere
//! or cannot be read may be anywhere, and its rows are left alone. A row that is merely behind is left
//! to its consumer, and so is one that is there before the events that bring it into being: what it
//! holds beside them would be lost with it.

use std::collections::BTreeMap;

use crate::definition::projection::{Blank, Column, Stored};
use crate::log::has_mark;
use crate::projection::audit::Conclusion;
use crate::projection::compare::{Likeness, Raw, Row, likenesses};
use crate::projection::explanation::Explanation;
use crate::projection::history::History;
use crate::projection::manner::Manner;
use crate::projection::number::Number;
use crate::projection::refusal::Refusal;
use crate::projection::spelling;
use crate::projection::state::{Cell, State};
use crate::projection::stored::Mark;
use crate::projection::value::Value;
use crate::projection::verdict::{Standing, Verdict, passed};

/// A change of one stored row.
#[derive(Debug, Clone, PartialEq)]
pub struct Repair {
    /// The row's key, as the table holds keys.
    pub key: Raw,
    /// What it has to hold still: every column that is known of it. A row that was written since was
    /// right then, whatever its writer left as it was.
    pub holds: Vec<(String, Raw)>,
    /// What becomes of it.
    pub change: Change,
}

/// What becomes of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// These columns get these values.
    Update(Vec<(String, Raw)>),
    /// It is made.
    Insert(Vec<(String, Raw)>),
    /// It goes.
    Delete,
}

/// The repairs of one projection, and the keys that are left alone, each with why.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Repairs {
    /// By key, those that remove rows first.
    pub repairs: Vec<Repair>,
    /// By key.
    pub left: Vec<(String, String)>,
    /// What should be known before they are made.
    pub remark: Option<&'static str>,
}

impl Repairs {
    /// What would repair the rows that were found wrong.
    /// Only those of `wanted` keys are told; what stands for several is looked for among all.
    pub fn of(
        conclusion: &Conclusion,
        refusal: &Refusal,
        wanted: impl Fn(&str) -> bool,
    ) -> Repairs {
        let mut repairs = Repairs::default();
        if conclusion.whole.is_some() {
            repairs.remark = Some(
                "nothing is proposed: the rows are kept by the whole names of their streams, and \
                 not by keys as the definition has them",
            );
            return repairs;
        }
        let histories = conclusion.histories.iter();
        let histories: BTreeMap<&str, &History> =
            histories.map(|history| (history.key(), history)).collect();
        let history = |key: &str| histories.get(key).copied();
        let mut forms: BTreeMap<String, u32> = BTreeMap::new();
        for standing in &conclusion.standings {
            let history = history(&standing.key);
            let key = table_key(conclusion, refusal, &standing.key, history);
            *forms.entry(form(&key)).or_default() += 1;
        }
        let mut found: Vec<(&Standing, Repair)> = Vec::new();
        let standings = conclusion.standings.iter();
        for standing in standings.filter(|standing| wanted(&standing.key)) {
            match repair(conclusion, refusal, standing, history(&standing.key)) {
                Ok(Some(Repair { key, .. })) if forms.get(&form(&key)) > Some(&1) => {
                    let why = format!(
                        "{}: the table holds its key as {key}, which stands for another one, too",
                        standing.verdict.label()
                    );
                    repairs.left.push((standing.key.clone(), why));
                }
                Ok(Some(repair)) => found.push((standing, repair)),
                Ok(None) => {}
                Err(why) => repairs.left.push((standing.key.clone(), why)),
            }
        }
        let all: Vec<&Repair> = found.iter().map(|(_, repair)| repair).collect();
        let reasons = refusal.reasons(&all);
        for ((standing, repair), reason) in found.into_iter().zip(reasons) {
            match reason {
                None => repairs.repairs.push(repair),
                Some(why) => {
                    let why = format!("{}: {why}", standing.verdict.label());
                    repairs.left.push((standing.key.clone(), why));
                }
            }
        }
        repairs.left.sort_by(|(one, why), (other, other_why)| {
            spelling::in_order(one, other).then_with(|| why.cmp(other_why))
        });
        repairs.remark = refusal.remark(&repairs.repairs);
        // What goes is gone before anything is made that a column may take for the same key.
        let is_last = |repair: &Repair| repair.change != Change::Delete;
        repairs.repairs.sort_by_key(is_last);
        repairs
    }
}

/// A key as the table holds it, or would; as it is asked to where it would not take it.
fn table_key(
    conclusion: &Conclusion,
    refusal: &Refusal,
    key: &str,
    history: Option<&History>,
) -> Raw {
    if let Some(row) = history.and_then(History::row) {
        return row.key.clone();
    }
    let asked = spelled(key, conclusion.sample_key.as_ref());
    let stored = conclusion.fold.definition().stored.as_ref();
    let held = stored.and_then(|stored| refusal.held(&stored.key, &asked).ok());
    held.unwrap_or(asked)
}

/// Why a missing key cannot be put into the table so that it is the key that stands there.
fn unkeyed(conclusion: &Conclusion, refusal: &Refusal, key: &str) -> Option<String> {
    let stored = conclusion.fold.definition().stored.as_ref()?;
    let sample = conclusion.sample_key.as_ref();
    if has_mark(key) {
        return Some(
            "its key is not UTF-8, or looks like what is told of one that is not".to_owned(),
        );
    }
    let asked = spelled(key, sample);
    if !is_spelled(&asked, key, sample) {
        return Some("how the table would hold its key is not known".to_owned());
    }
    let held = match refusal.held(&stored.key, &asked) {
        Ok(held) => held,
        Err(why) => return Some(why),
    };
    // What is no text there is the key only where it is spelled as the key is.
    let is_key = match asked {
        Raw::Text(_) => held == asked || spelling::stored(&held).is_some_and(|held| held == key),
        _ => is_spelled(&held, key, sample),
    };
    (!is_key).then(|| format!("`{}` would hold its key as {held}", stored.key))
}

/// What all spellings of a key have in common.
fn form(key: &Raw) -> String {
    spelling::stored(key).unwrap_or_else(|| key.to_string())
}

/// The repair of one key; nothing where its row is what it should be at this point; or why it is
/// left alone.
fn repair(
    conclusion: &Conclusion,
    refusal: &Refusal,
    standing: &Standing,
    history: Option<&History>,
) -> Result<Option<Repair>, String> {
    let label = standing.verdict.label();
    match standing.verdict {
        Verdict::Exact => return Ok(None),
        Verdict::Skipped | Verdict::Divergent | Verdict::Missing | Verdict::Orphan => {}
        Verdict::Converging | Verdict::Late => {
            return Err(format!("{label}: its consumer has yet to apply events"));
        }
        Verdict::Ahead | Verdict::Unreadable | Verdict::Unknown => {
            let reason = standing.reason.as_deref().unwrap_or("look at it by hand");
            return Err(format!("{label}: {reason}"));
        }
    }
    if conclusion.strays > 0 {
        return Err(format!(
            "{label}: a row of which nobody knows whose it is may be one of its events"
        ));
    }
    if let Some([one, other]) = standing.explanation.as_ref().and_then(Explanation::twice) {
        return Err(format!(
            "{label}: positions {one} and {other} have one id; if they are one event, the row is right \
             to count it once"
        ));
    }
    let definition = conclusion.fold.definition();
    let stored = definition.stored.as_ref().ok_or("it is stored nowhere")?;
    let history = history.ok_or_else(|| format!("{label}: its row was not looked into"))?;
    let (state, applied) =
        target(history, &conclusion.mark).map_err(|why| format!("{label}: {why}"))?;
    if let Some(doubt) = state.doubt() {
        return Err(format!("{label}: {doubt}"));
    }
    let key = table_key(conclusion, refusal, &standing.key, Some(history));
    let ahead = || format!("{label}: its consumer has yet to come to what is wrong with it");
    let change = match (history.row(), state.is_alive()) {
        (None, false) => return Err(ahead()),
        (Some(_), false) if history.fold(0..history.touches().len()).is_alive() => {
            return Err(format!(
                "{label}: its consumer has yet to come to the events that bring it into being"
            ));
        }
        (Some(_), false) => Change::Delete,
        (None, true) => {
            if let Some(why) = unkeyed(conclusion, refusal, &standing.key) {
                return Err(format!("{label}: {why}"));
            }
            let version = version(history, applied);
            let inserted = inserted(conclusion, stored, &state, version);
            Change::Insert(inserted.map_err(|why| format!("{label}: {why}"))?)
        }
        (Some(row), true) => {
            let version = version(history, applied);
            let changed = changed(conclusion, &state, row, version)
                .map_err(|why| format!("{label}: {why}"))?;
            if changed.is_empty() {
                return Err(ahead());
            }
            if let Some(column) = unheld(stored, row, &changed) {
                return Err(format!(
                    "{label}: `{column}` holds numbers, of which none has all the digits of what it \
                     should hold"
                ));
            }
            Change::Update(changed)
        }
    };
    if let Some(why) = refusal.unkept(conclusion, &state, history.row(), &change) {
        return Err(format!("{label}: {why}"));
    }
    let holds = history.row().map(|row| holds(stored, row));
    Ok(Some(Repair {
        key,
        holds: holds.unwrap_or_default(),
        change,
    }))
}

/// The state that a row should hold, and how many events it takes; or why that cannot be told.
fn target(history: &History, mark: &Mark) -> Result<(State, usize), &'static str> {
    let all = history.touches().len();
    let applied = match mark {
        _ if all == 0 || history.is_versioned() => all,
        Mark::Undeclared => all,
        Mark::At(position) => passed(history, Some(*position)).unwrap_or(all),
        Mark::Absent(_) => return Err("its checkpoint tells nothing"),
        Mark::Unreadable(_) => return Err("its checkpoint cannot be read"),
    };
    Ok((history.fold(0..applied), applied))
}

/// What the version column holds after so many events: the greatest, for a later event may have a
/// lower version.
fn version(history: &History, applied: usize) -> Option<i64> {
    let counts = (0..applied).filter_map(|at| history.count(at));
    counts.max()
}

/// A key as the table spells its keys.
fn spelled(key: &str, sample: Option<&Raw>) -> Raw {
    let other = match sample {
        Some(Raw::Integer(_)) => key.parse().ok().map(Raw::Integer),
        Some(Raw::Real(_)) => key.parse().ok().map(Raw::Real),
        Some(Raw::Blob(_)) => bytes(key).map(Raw::Blob),
        _ => None,
    };
    other.unwrap_or_else(|| Raw::Text(key.to_owned()))
}

/// Whether a key as a table would hold it is the key and no other, in a table with such keys.
fn is_spelled(held: &Raw, key: &str, sample: Option<&Raw>) -> bool {
    match (held, sample) {
        (Raw::Text(_), None | Some(Raw::Text(_) | Raw::Garbled(_) | Raw::Null)) => true,
        (Raw::Text(_), Some(_)) => false,
        (Raw::Integer(_) | Raw::Real(_) | Raw::Blob(_), _) => {
            let mut forms = spelling::forms(key);
            let form = spelling::stored(held);
            form.is_some_and(|form| forms.any(|other| other == form))
        }
        (Raw::Null | Raw::Garbled(_), _) => false,
    }
}

/// The bytes that a text spells in hexadecimal digits.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|letter| *letter != '-')
        .map(|letter| letter.to_digit(16).map(|digit| digit as u8))
        .collect::<Option<_>>()?;
    let pairs = digits.chunks_exact(2);
    pairs
        .remainder()
        .is_empty()
        .then(|| pairs.map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// Everything that is known of a row.
fn holds(stored: &Stored, row: &Row) -> Vec<(String, Raw)> {
    let columns = stored.columns.iter().zip(&row.values);
    let mut known: Vec<(String, Raw)> = columns
        .map(|(column, raw)| (column.name.clone(), raw.clone()))
        .collect();
    if let (Some(version), Some(stamp)) = (&stored.version, &row.stamp)
        && !known.iter().any(|(name, _)| *name == version.column)
    {
        known.push((version.column.clone(), stamp.clone()));
    }
    known
}

fn inserted(
    conclusion: &Conclusion,
    stored: &Stored,
    state: &State,
    version: Option<i64>,
) -> Result<Vec<(String, Raw)>, String> {
    let mut all = Vec::new();
    for (at, column) in stored.columns.iter().enumerate() {
        let wanted = wanted(conclusion, (at, column), state, None)?;
        all.push((column.name.clone(), wanted));
    }
    if let (Some(column), Some(version)) = (&stored.version, version) {
        let is_own = all.iter().any(|(name, _)| *name == column.column);
        if !is_own {
            all.push((column.column.clone(), Raw::Integer(version)));
        }
    }
    Ok(all)
}

fn changed(
    conclusion: &Conclusion,
    state: &State,
    row: &Row,
    version: Option<i64>,
) -> Result<Vec<(String, Raw)>, String> {
    let definition = conclusion.fold.definition();
    let Some(stored) = &definition.stored else {
        return Ok(Vec::new());
    };
    let mut all = Vec::new();
    let columns = stored.columns.iter().zip(&row.values).enumerate();
    for ((at, (column, raw)), likeness) in columns.zip(likenesses(definition, state, row)) {
        if likeness == Likeness::Same {
            continue;
        }
        let wanted = wanted(conclusion, (at, column), state, Some(raw))?;
        all.push((column.name.clone(), wanted));
    }
    if let (Some(column), Some(version), Some(_)) = (&stored.version, version, &row.stamp) {
        let is_own = all.iter().any(|(name, ..)| *name == column.column);
        let is_behind = match &row.version {
            Some(Ok(known)) => *known < version,
            Some(Err(_)) => false,
            None => !all.is_empty(),
        };
        if !is_own && is_behind {
            all.push((column.column.clone(), Raw::Integer(version)));
        }
    }
    Ok(all)
}

/// A column that would hold the same number as before: what it should hold has more digits than it
/// keeps.
fn unheld<'c>(stored: &Stored, row: &Row, changed: &'c [(String, Raw)]) -> Option<&'c str> {
    let stands = |name: &str| {
        let at = stored.columns.iter().position(|column| column.name == name);
        at.and_then(|at| row.values.get(at))
    };
    let is_same = |now: &Raw, then: &Raw| match (now, then) {
        (Raw::Real(now), Raw::Real(then)) => now.to_bits() == then.to_bits(),
        #[expect(
            clippy::cast_precision_loss,
            reason = "a whole number as SQLite holds it among others"
        )]
        (Raw::Integer(now), Raw::Real(then)) => *now as f64 == *then,
        _ => false,
    };
    let mut changed = changed.iter();
    let unheld = changed.find(|(name, then)| stands(name).is_some_and(|now| is_same(now, then)));
    unheld.map(|(name, _)| name.as_str())
}

/// What a column should hold, written as what it holds now is, or as other rows write it.
fn wanted(
    conclusion: &Conclusion,
    (at, column): (usize, &Column),
    state: &State,
    now: Option<&Raw>,
) -> Result<Raw, String> {
    let definition = conclusion.fold.definition();
    let value = match state.cell(column.field) {
        Cell::Blank => {
            return Ok(match definition.fields[column.field].blank {
                Blank::Nothing => Raw::Null,
                Blank::Zero => Raw::Integer(0),
                Blank::Empty => Raw::Text("[]".to_owned()),
            });
        }
        Cell::Unknown(reason) => return Err(format!("`{}` cannot be told: {reason}", column.name)),
        Cell::Known(value) => value,
    };
    let manner = match now {
        Some(now @ (Raw::Text(_) | Raw::Integer(_) | Raw::Real(_))) => Manner::of(value, now),
        None | Some(Raw::Null | Raw::Blob(_) | Raw::Garbled(_)) => conclusion.manners.of(at, value),
    };
    let number = match value {
        Value::Number(number) => Some(*number),
        Value::Text(_) if column.scale > 0 => value.number(),
        Value::Text(text) if manner == Some(Manner::Number) => {
            let number = value.number();
            // What a number would not spell the same is one only where the row itself says so.
            let is_spelled = |number: &Number| number.to_string() == **text;
            number.filter(|number| is_spelled(number) || now.is_some_and(|now| *now != Raw::Null))
        }
        _ => None,
    };
    if let Some(number) = number {
        let scaled = number
            .scaled(column.scale)
            .ok_or("it is too great to be written")?;
        return Ok(numeral(scaled, manner));
    }
    Ok(match value {
        Value::Null => Raw::Null,
        Value::Bool(truth) if manner == Some(Manner::Text) => Raw::Text(truth.to_string()),
        Value::Bool(truth) => Raw::Integer(i64::from(*truth)),
        Value::Text(text) if has_mark(text) => {
            let column = &column.name;
            return Err(format!(
                "what `{column}` should hold is not UTF-8, or looks like what is told of that"
            ));
        }
        Value::Text(text) => match (manner, now) {
            (Some(Manner::Bytes), _) => Raw::Blob(text.as_bytes().to_owned()),
            (Some(Manner::Spelled), _) => in_bytes(text),
            (None, Some(Raw::Blob(now))) => like(now, text)
                .ok_or_else(|| format!("how `{}` holds text is not known", column.name))?,
            _ => Raw::Text(text.to_string()),
        },
        Value::List(_) | Value::Object(_) | Value::Number(_) => Raw::Text(value.to_string()),
    })
}

/// A number as a column writes it. Where that is not known, one with more digits than floating
/// point keeps is text: in a column of numbers it becomes one, and in any other it has all of them.
fn numeral(number: Number, manner: Option<Manner>) -> Raw {
    const KEPT: usize = 15;
    let text = number.to_string();
    let digits = text.bytes().filter(u8::is_ascii_digit);
    let is_long = digits.skip_while(|digit| *digit == b'0').count() > KEPT;
    let is_lossy = is_long && !number.is_float() && manner.is_none();
    match text.parse() {
        _ if manner == Some(Manner::Text) => Raw::Text(text),
        Ok(whole) => Raw::Integer(whole),
        Err(_) if is_lossy => Raw::Text(text),
        Err(_) => text.parse().map_or_else(|_| Raw::Text(text), Raw::Real),
    }
}

/// The bytes that a text spells; itself where it spells none.
fn in_bytes(text: &str) -> Raw {
    bytes(text).map_or_else(|| Raw::Text(text.to_owned()), Raw::Blob)
}

/// A text in bytes as the bytes that are there now are those of a text, or are spelled by one;
/// `None` where they may be either.
fn like(now: &[u8], text: &str) -> Option<Raw> {
    let readable = std::str::from_utf8(now).ok();
    let is_readable = readable.is_some_and(|now| !now.contains(char::is_control));
    let is_spelled = bytes(text).is_some_and(|bytes| bytes.len() == now.len());
    match (is_readable, is_spelled || now.is_empty()) {
        (true, true) => None,
        (true, false) => Some(Raw::Blob(text.as_bytes().to_owned())),
        (false, _) => Some(in_bytes(text)),
    }
}
