//! The scan: rows out of one source, or of several put into one order, one by one.

use std::ops::ControlFlow;

use rusqlite::fallible_streaming_iterator::FallibleStreamingIterator;
use rusqlite::types::Value;
use rusqlite::{Rows, Statement, params_from_iter};

use super::error::{LogError, extended_code};
use super::guard::Watch;
use super::layout::Layout;
use super::mapping::{Numbering, Plan};
use super::open::Database;
use super::types::Interner;
use super::{BadRow, Fields, Filter, Row, value};
use crate::definition::log::Merge;
use crate::event::Position;

/// What a scan reads from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sources<'a> {
    pub(crate) databases: &'a [Database],
    pub(crate) plans: &'a [Plan],
    pub(crate) merge: Merge,
    pub(crate) interner: &'a Interner,
}

/// Which source a row came from and its position there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) source: usize,
    pub(crate) position: Option<i64>,
}

/// What a scan does with each row.
pub(crate) trait Visit: FnMut(Origin, Result<Row<'_>, BadRow>) -> ControlFlow<()> {}
impl<F: FnMut(Origin, Result<Row<'_>, BadRow>) -> ControlFlow<()>> Visit for F {}

/// Hands out the rows in the log's order.
pub(crate) fn walk(
    sources: Sources<'_>,
    mut fields: Fields,
    filter: Filter<'_>,
    visit: &mut impl Visit,
) -> Result<(), LogError> {
    if let Filter::Correlation(_) = filter {
        fields.correlation = true;
        if sources.plans.iter().all(|plan| plan.correlation.is_none()) {
            return Ok(());
        }
    }
    match (sources.plans, filter) {
        ([plan], Filter::Positions(positions)) if looks_up(plan) => {
            look_up(sources, plan, fields, positions, visit)?;
        }
        ([plan], _) => single(sources, plan, fields, filter, visit)?,
        _ => merged(sources, fields, filter, visit)?,
    }
    sources.databases.iter().try_for_each(Database::verify)
}

/// Hands out the rows from the last one back, with their times; `false` where the log has no order that
/// can be read backwards.
pub(crate) fn backwards(
    sources: Sources<'_>,
    visit: &mut dyn FnMut(Result<Row<'_>, BadRow>) -> ControlFlow<()>,
) -> Result<bool, LogError> {
    let [plan] = sources.plans else {
        return Ok(false);
    };
    let Numbering::Column {
        descending,
        indexed: true,
        ..
    } = &plan.numbering
    else {
        return Ok(false);
    };
    let database = &sources.databases[plan.database];
    let fields = Fields {
        time: true,
        ..Fields::default()
    };
    let mut layout = Layout::new(plan, fields, false);
    let sql = format!(
        "SELECT {} FROM {} ORDER BY {descending}",
        layout.selected(),
        plan.from
    );
    let failure = |error| stopped(database, plan, None, &error);
    let mut statement = prepare(database, plan, &sql)?;
    let mut rows = statement.query([]).map_err(failure)?;
    while let Some(row) = rows.next().map_err(failure)? {
        let read = layout.read(row, None, None, sources.interner).transpose();
        if read.is_some_and(|row| visit(row).is_break()) {
            break;
        }
    }
    database.verify()?;
    Ok(true)
}

fn looks_up(plan: &Plan) -> bool {
    matches!(plan.numbering, Numbering::Column { indexed: true, .. })
}

/// The statement that gives a source's rows in its own order.
fn select(plan: &Plan, layout: &Layout<'_>, condition: &str) -> String {
    let order = match &plan.numbering {
        Numbering::Column { ascending, .. } => format!(" ORDER BY {ascending}"),
        Numbering::Running { order: Some(order) } => format!(" ORDER BY {order}"),
        Numbering::Running { order: None } => String::new(),
    };
    // A query's own columns may all be left out: it still has to give its rows.
    let columns = match layout.selected() {
        empty if empty.is_empty() => "1".to_owned(),
        columns => columns,
    };
    format!("SELECT {columns} FROM {}{condition}{order}", plan.from)
}

/// A condition that lets at least the rows of this correlation through, with its parameters.
fn narrow(plan: &Plan, filter: Filter<'_>) -> Option<(String, Vec<Value>)> {
    let wanted = match filter {
        Filter::Correlation(wanted) => wanted,
        Filter::Range(first, last) => {
            let Numbering::Column { column, .. } = &plan.numbering else {
                return None;
            };
            let ends = vec![Value::Integer(first.0), Value::Integer(last.0)];
            return Some((format!(" WHERE {column} BETWEEN ? AND ?"), ends));
        }
        Filter::All | Filter::Positions(_) => return None,
    };
    let slot = plan.correlation.as_ref().filter(|slot| slot.is_plain())?;
    if matches!(plan.numbering, Numbering::Running { .. }) {
        return None;
    }
    let values = value::stored_forms(wanted)?;
    let marks = vec!["?"; values.len()].join(", ");
    Some((format!(" WHERE {} IN ({marks})", slot.column), values))
}

/// Which rows the visitor gets of those that were read.
struct Sieve<'a> {
    correlation: Option<&'a str>,
    positions: Option<&'a [Position]>,
}

impl<'a> Sieve<'a> {
    fn new(filter: Filter<'a>) -> Sieve<'a> {
        match filter {
            Filter::All | Filter::Range(..) => Sieve {
                correlation: None,
                positions: None,
            },
            Filter::Correlation(wanted) => Sieve {
                correlation: Some(wanted),
                positions: None,
            },
            Filter::Positions(wanted) => Sieve {
                correlation: None,
                positions: Some(wanted),
            },
        }
    }

    fn lets_through(&self, position: Option<i64>) -> bool {
        match (self.positions, position) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(wanted), Some(position)) => wanted.binary_search(&Position(position)).is_ok(),
        }
    }
}

fn single(
    sources: Sources<'_>,
    plan: &Plan,
    fields: Fields,
    filter: Filter<'_>,
    visit: &mut impl Visit,
) -> Result<(), LogError> {
    let database = &sources.databases[plan.database];
    let mut layout = Layout::new(plan, fields, false);
    let (condition, values) = narrow(plan, filter).unwrap_or_default();
    let sql = select(plan, &layout, &condition);
    let mut statement = prepare(database, plan, &sql)?;
    let mut rows = statement
        .query(params_from_iter(values))
        .map_err(|error| database.failure(&error))?;
    let counts = matches!(plan.numbering, Numbering::Running { .. });
    let sieve = Sieve::new(filter);
    let watch = plan.watched.then(|| database.pulse().watch());
    let mut number = 0;
    let mut last = None;
    loop {
        let row = match rows.next() {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(()),
            Err(error) => return Err(stopped(database, plan, last, &error)),
        };
        beat(database, watch.as_ref());
        number += 1;
        if sieve.positions.is_some() {
            let position = if counts {
                Some(number)
            } else {
                layout.position(row)
            };
            if !sieve.lets_through(position) {
                last = position.or(last);
                continue;
            }
        }
        let read = layout.read(
            row,
            counts.then_some(number),
            sieve.correlation,
            sources.interner,
        );
        let origin = |position: Option<Position>| Origin {
            source: 0,
            position: position.map(|position| position.0),
        };
        let flow = match read {
            Ok(Some(row)) => {
                last = Some(row.position.0);
                visit(origin(Some(row.position)), Ok(row))
            }
            Ok(None) => continue,
            Err(bad) => visit(origin(bad.position), Err(bad)),
        };
        if flow.is_break() {
            return Ok(());
        }
    }
}

fn look_up(
    sources: Sources<'_>,
    plan: &Plan,
    fields: Fields,
    positions: &[Position],
    visit: &mut impl Visit,
) -> Result<(), LogError> {
    let database = &sources.databases[plan.database];
    let mut layout = Layout::new(plan, fields, false);
    let Numbering::Column { column, .. } = &plan.numbering else {
        return Ok(());
    };
    let sql = select(plan, &layout, &format!(" WHERE {column} = ?1"));
    let mut statement = prepare(database, plan, &sql)?;
    for position in positions {
        let failure = |error| stopped(database, plan, Some(position.0), &error);
        let mut rows = statement.query([position.0]).map_err(failure)?;
        while let Some(row) = rows.next().map_err(failure)? {
            let origin = Origin {
                source: 0,
                position: Some(position.0),
            };
            let flow = match layout.read(row, None, None, sources.interner) {
                Ok(Some(row)) => visit(origin, Ok(row)),
                Ok(None) => continue,
                Err(bad) => visit(origin, Err(bad)),
            };
            if flow.is_break() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// One source of several, standing at its next row.
struct Cursor<'s, 'p> {
    rows: Rows<'s>,
    layout: Layout<'p>,
    plan: &'p Plan,
    database: &'p Database,
    /// Where the next row belongs in the merged order; `None` after the last.
    place: Option<i64>,
    number: i64,
    last: Option<i64>,
}

impl Cursor<'_, '_> {
    fn advance(&mut self, merge: Merge) -> Result<(), LogError> {
        let watch = self.plan.watched.then(|| self.database.pulse().watch());
        if let Err(error) = self.rows.advance() {
            return Err(stopped(self.database, self.plan, self.last, &error));
        }
        beat(self.database, watch.as_ref());
        let Some(row) = self.rows.get() else {
            self.place = None;
            return Ok(());
        };
        self.number += 1;
        self.layout.open(row);
        let place = match merge {
            Merge::Time => self.layout.time(row).map(|time| time.as_nanos()),
            Merge::Position => self.layout.position(row),
        };
        // What cannot be read stays behind the row before it.
        self.place = Some(place.or(self.place).unwrap_or(i64::MIN));
        Ok(())
    }
}

fn merged(
    sources: Sources<'_>,
    fields: Fields,
    filter: Filter<'_>,
    visit: &mut impl Visit,
) -> Result<(), LogError> {
    let by_time = sources.merge == Merge::Time;
    let layouts: Vec<Layout<'_>> = sources
        .plans
        .iter()
        .map(|plan| Layout::new(plan, fields, by_time))
        .collect();
    let mut statements: Vec<(Statement<'_>, Vec<Value>)> = Vec::with_capacity(layouts.len());
    for (plan, layout) in sources.plans.iter().zip(&layouts) {
        // Running numbers count every row, so every row has to be read for them.
        let narrowed = if by_time { None } else { narrow(plan, filter) };
        let (condition, values) = narrowed.unwrap_or_default();
        let sql = select(plan, layout, &condition);
        statements.push((
            prepare(&sources.databases[plan.database], plan, &sql)?,
            values,
        ));
    }
    let mut cursors = Vec::with_capacity(layouts.len());
    for (((statement, values), layout), plan) in
        statements.iter_mut().zip(layouts).zip(sources.plans)
    {
        let database = &sources.databases[plan.database];
        let rows = statement
            .query(params_from_iter(std::mem::take(values)))
            .map_err(|error| database.failure(&error))?;
        let mut cursor = Cursor {
            rows,
            layout,
            plan,
            database,
            place: None,
            number: 0,
            last: None,
        };
        cursor.advance(sources.merge)?;
        cursors.push(cursor);
    }
    let sieve = Sieve::new(filter);
    let mut number = 0;
    loop {
        let next = cursors
            .iter()
            .enumerate()
            .filter_map(|(index, cursor)| cursor.place.map(|place| (place, index)))
            .min();
        let Some((_, index)) = next else {
            return Ok(());
        };
        let cursor = &mut cursors[index];
        number += 1;
        if let Some(row) = cursor.rows.get() {
            let own = match cursor.plan.numbering {
                Numbering::Column { .. } => cursor.layout.position(row),
                Numbering::Running { .. } => Some(cursor.number),
            };
            cursor.last = own.or(cursor.last);
            let origin = Origin {
                source: index,
                position: own,
            };
            if sieve.lets_through(if by_time { Some(number) } else { own }) {
                let number = by_time.then_some(number);
                let flow =
                    match cursor
                        .layout
                        .read_again(row, number, sieve.correlation, sources.interner)
                    {
                        Ok(Some(row)) => visit(origin, Ok(row)),
                        Ok(None) => ControlFlow::Continue(()),
                        Err(bad) => visit(origin, Err(bad)),
                    };
                if flow.is_break() {
                    return Ok(());
                }
            }
        }
        cursor.advance(sources.merge)?;
    }
}

fn prepare<'a>(database: &'a Database, plan: &Plan, sql: &str) -> Result<Statement<'a>, LogError> {
    database.connection().prepare(sql).map_err(|error| {
        let failure = database.failure(&error);
        match extended_code(&error) & 0xff {
            rusqlite::ffi::SQLITE_ERROR => LogError::new(format!(
                "{}: `{}` cannot be read: {}",
                database.path().display(),
                plan.name,
                super::error::said(&error)
            )),
            _ => failure,
        }
    })
}

fn beat(database: &Database, watch: Option<&Watch<'_>>) {
    if watch.is_some() {
        database.pulse().beat();
    }
}

fn stopped(
    database: &Database,
    plan: &Plan,
    last: Option<i64>,
    error: &rusqlite::Error,
) -> LogError {
    let failure = database.failure(error);
    let at = match last {
        Some(position) => format!("after position {position}"),
        None => "before its first row".to_owned(),
    };
    LogError::new(format!("{failure}; reading `{}` stopped {at}", plan.name))
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
