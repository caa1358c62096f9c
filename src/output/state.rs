//! What events make of one key, for people and for machines.

use std::io::{self, Write};
use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::brief;
use crate::inspect::{After, Step, TOOL, Telling, Told};
use crate::output::json::{LogV1, VERSION, document_to, log};
use crate::output::page::{Page, columns};
use crate::output::style::{CAUTION, FAINT, PLAIN, STRONG};
use crate::output::{escape, table, words};
use crate::projection::Cell;

/// How many characters of a field are shown where a state is all that is.
const ALONE: usize = 5 * brief::IN_A_TABLE;
/// A field's name keeps at most this much room.
const NAME: usize = 24;

/// Writes the state of a key, or what each of its events made of it.
///
/// # Errors
/// When the page cannot be written.
pub fn write(page: &mut Page<'_>, told: &Told) -> io::Result<()> {
    table::log(page, &told.log)?;
    page.blank()?;
    let label = format!(
        "{} {}  ",
        escape::terminal(&told.projection.name),
        words::key(&told.key)
    );
    let events = brief::count(told.events() as u64, "event", "events");
    let later = match told.later {
        0 => String::new(),
        later => format!(", {later} later ones not"),
    };
    page.labelled(
        0,
        STRONG,
        &label,
        PLAIN,
        &format!("{events} applied{later}"),
    )?;
    let mut is_cut = words::is_cut(&told.key);
    if told.telling == Telling::History {
        page.blank()?;
        let mut before = None;
        for (step, after) in told.steps() {
            is_cut |= changes(page, step, &after, before.as_ref())?;
            before = Some(after);
        }
    }
    page.blank()?;
    match told.end() {
        None if told.later > 0 => page.text(0, CAUTION, "it has no event by then")?,
        None => page.text(0, CAUTION, "no event has this key")?,
        Some(end) => is_cut |= fields(page, &end)?,
    }
    for remark in &told.remarks {
        page.blank()?;
        page.text(0, CAUTION, &escape::terminal(remark))?;
    }
    if is_cut {
        page.blank()?;
        page.text(0, FAINT, words::CUT)?;
    }
    Ok(())
}

/// One event, and what it changed; answers whether something was cut.
fn changes(
    page: &mut Page<'_>,
    step: Step<'_>,
    after: &After,
    before: Option<&After>,
) -> io::Result<bool> {
    page.line(format_args!(
        "{:>8}  {}  {}",
        step.position.to_string(),
        words::instant(step.time),
        escape::terminal(step.kind)
    ))?;
    let Some(state) = &after.state else {
        page.text(10, PLAIN, "deleted")?;
        return Ok(false);
    };
    let mut is_cut = false;
    let before = before.and_then(|before| before.state.as_ref());
    for (index, (name, cell)) in state.iter().enumerate() {
        let old = before.and_then(|before| before.get(index));
        let old = old.map_or_else(|| Cell::Blank.to_string(), |(_, cell)| cell.to_string());
        let new = cell.to_string();
        if old != new {
            is_cut |= words::is_cut(&old) || words::is_cut(&new);
            let [old, new] = brief::pair(&old, &new, brief::IN_A_TABLE);
            let change = format!("{name}: {old} -> {new}");
            page.text(10, PLAIN, &escape::terminal(&change))?;
        }
    }
    Ok(is_cut)
}

/// The fields of a state; answers whether something was cut.
fn fields(page: &mut Page<'_>, after: &After) -> io::Result<bool> {
    if let Some(doubt) = &after.doubt {
        let text = format!("it cannot be told which events belong to it: {doubt}");
        page.text(0, CAUTION, &escape::terminal(&text))?;
    }
    let Some(state) = &after.state else {
        page.text(0, PLAIN, "deleted")?;
        return Ok(false);
    };
    let names = state
        .iter()
        .map(|(name, _)| columns(&escape::terminal(name)));
    let wide = names.max().unwrap_or(0).min(NAME);
    let mut is_cut = false;
    for (name, cell) in state {
        let name = escape::terminal(name);
        let rest = " ".repeat(wide.saturating_sub(columns(&name)));
        let value = cell.to_string();
        is_cut |= value.chars().nth(ALONE).is_some();
        let value = brief::one(&value, ALONE);
        let label = format!("{name}{rest}  ");
        page.labelled(0, FAINT, &label, PLAIN, &escape::terminal(&value))?;
    }
    Ok(is_cut)
}

#[derive(Debug, Serialize)]
struct DocumentV1<'a> {
    version: u32,
    tool: &'static str,
    states: Vec<StateV1<'a>>,
}

#[derive(Debug, Serialize)]
struct StateV1<'a> {
    projection: &'a str,
    key: &'a str,
    log: LogV1,
    events: usize,
    later: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<Vec<FieldV1>>,
    #[serde(skip_serializing_if = "HistoryV1::is_empty")]
    history: HistoryV1<'a>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    remarks: &'a [String],
}

/// Each event with the state after it, one at a time.
#[derive(Debug)]
struct HistoryV1<'a>(&'a Told);

impl HistoryV1<'_> {
    fn is_empty(&self) -> bool {
        self.0.telling == Telling::State || self.0.events() == 0
    }
}

impl Serialize for HistoryV1<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.steps().map(step_v1))
    }
}

#[derive(Debug, Serialize)]
struct StepV1<'a> {
    position: i64,
    time: String,
    r#type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<Vec<FieldV1>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    doubt: Option<String>,
}

/// A field with its value; nothing was done to it where it has neither a value nor a reason why
/// that cannot be told.
#[derive(Debug, Serialize)]
struct FieldV1 {
    field: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown: Option<String>,
}

/// Writes all states as one document, or each event with the state after it; nothing is cut.
///
/// # Errors
/// When it cannot be written.
pub fn json(out: &mut dyn Write, told: &[Told]) -> io::Result<()> {
    let states = told.iter().map(|told| StateV1 {
        projection: &told.projection.name,
        key: &told.key,
        log: log(&told.log),
        events: told.events(),
        later: told.later,
        state: told.end().and_then(|end| fields_v1(end.state)),
        history: HistoryV1(told),
        remarks: &told.remarks,
    });
    let document = DocumentV1 {
        version: VERSION,
        tool: TOOL,
        states: states.collect(),
    };
    document_to(out, &document)
}

fn step_v1((step, after): (Step<'_>, After)) -> StepV1<'_> {
    StepV1 {
        position: step.position.0,
        time: step.time.to_string(),
        r#type: step.kind,
        state: fields_v1(after.state),
        doubt: after.doubt,
    }
}

fn fields_v1(cells: Option<Vec<(Arc<str>, Cell)>>) -> Option<Vec<FieldV1>> {
    let field = |(name, cell): (Arc<str>, Cell)| match cell {
        Cell::Known(value) => FieldV1 {
            field: name.to_string(),
            value: RawValue::from_string(value.to_string()).ok(),
            unknown: None,
        },
        Cell::Unknown(reason) => FieldV1 {
            field: name.to_string(),
            value: None,
            unknown: Some(reason.to_string()),
        },
        Cell::Blank => FieldV1 {
            field: name.to_string(),
            value: None,
            unknown: None,
        },
    };
    Some(cells?.into_iter().map(field).collect())
}
