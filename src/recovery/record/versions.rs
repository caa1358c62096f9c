//! The versions that streams have come to, in a log that has no index to tell: found before a
//! transaction begins, so that no other writer waits for a scan, and kept up with what comes.
//!
//! Only the streams of the instances that a plan is about are kept. The log is scanned once for all of
//! them; after that each look reads what came since, wherever that can stand (see [`Vacant`]). Only the
//! rowid is known to be unique: in a log with positions of another kind a version is asked for each
//! time.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;
use rusqlite::types::{Value as Cell, ValueRef};

use crate::inspect::Vacant;
use crate::log::column_text;
use crate::recovery::record::RecordError;
use crate::recovery::watch::Stops;

/// How many rows are read between two looks whether to go on.
const ROWS: u64 = 1 << 16;

/// What the applying of one plan knows of its streams.
pub(in crate::recovery) struct Versions<'a> {
    /// The correlation values of its instances.
    instances: HashSet<String>,
    /// Asked while the log is scanned.
    stops: Stops<'a>,
    logs: Mutex<HashMap<String, Known>>,
    kept_open: Mutex<Vec<Connection>>,
}

#[derive(Debug)]
struct Known {
    /// Where the log holds no row that was read.
    vacant: Vacant,
    /// By the stream as an SQL literal, which tells the text 1 from the number.
    greatest: HashMap<String, Greatest>,
}

/// The greatest version of a stream, as SQLite's `max` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Greatest {
    /// There is none.
    Absent,
    /// A whole number.
    Number(i64),
    /// Something that has no next.
    Other,
}

/// How young what is known has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// As the connection sees the log now.
    Now,
    /// As it was when it was last looked at, if it ever was.
    Before,
}

/// Where a log keeps what is looked for: its name, and its table and columns as SQL.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) log: &'a str,
    pub(super) table: &'a str,
    pub(super) position: &'a str,
    pub(super) correlation: &'a str,
    pub(super) stream: &'a str,
    pub(super) version: &'a str,
}

impl Greatest {
    /// The greater of two.
    pub(super) fn max(self, other: Greatest) -> Greatest {
        match (self, other) {
            (Greatest::Absent, only) | (only, Greatest::Absent) => only,
            (Greatest::Other, _) | (_, Greatest::Other) => Greatest::Other,
            (Greatest::Number(one), Greatest::Number(other)) => Greatest::Number(one.max(other)),
        }
    }
}

impl From<ValueRef<'_>> for Greatest {
    fn from(version: ValueRef<'_>) -> Greatest {
        match version {
            ValueRef::Null => Greatest::Absent,
            ValueRef::Integer(number) => Greatest::Number(number),
            _ => Greatest::Other,
        }
    }
}

impl<'a> Versions<'a> {
    /// Of the streams of these instances; nothing is read yet.
    pub(in crate::recovery) fn new(
        instances: impl IntoIterator<Item = String>,
        stops: Stops<'a>,
    ) -> Versions<'a> {
        Versions {
            instances: instances.into_iter().collect(),
            stops,
            logs: Mutex::new(HashMap::new()),
            kept_open: Mutex::new(Vec::new()),
        }
    }

    /// Keeps a log open until the plan is applied: one in WAL mode that nobody has open is read as it
    /// lies there, and a reader would be put out by the first event that another driver appends.
    pub(super) fn keep_open(&self, connection: Connection) {
        let kept_open = self.kept_open.lock();
        kept_open
            .unwrap_or_else(PoisonError::into_inner)
            .push(connection);
    }

    /// The greatest version of a stream; `None` where an index tells it at once, or where it is none of
    /// the plan's streams.
    pub(super) fn of(
        &self,
        connection: &Connection,
        place: Place<'_>,
        (stream, look): (&Cell, Look),
    ) -> Result<Option<Greatest>, RecordError> {
        if is_looked_up(connection, place)? {
            return Ok(None);
        }
        let stream: String =
            connection.query_row("SELECT quote(?1)", [stream], |row| row.get(0))?;
        // What is known is replaced as a whole, so whoever panicked left it whole.
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = logs.contains_key(place.log);
        let mut known = match logs.remove(place.log) {
            Some(known) => known,
            None => Known {
                vacant: Vacant::default(),
                greatest: self.streams(connection, place)?,
            },
        };
        if look == Look::Now || !is_known {
            self.read_on(&mut known, connection, place)?;
        }
        let found = known.greatest.get(&stream).copied();
        logs.insert(place.log.to_owned(), known);
        Ok(found)
    }

    /// The streams that events of the plan's instances belong to.
    fn streams(
        &self,
        connection: &Connection,
        place: Place<'_>,
    ) -> Result<HashMap<String, Greatest>, RecordError> {
        let sql = format!(
            "SELECT {}, quote({}) FROM {}",
            place.correlation, place.stream, place.table
        );
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        let mut found = HashMap::new();
        let mut scratch = String::new();
        let mut read = 0;
        while let Some(row) = rows.next()? {
            self.count(&mut read)?;
            let instance = column_text(row.get_ref(0)?, &mut scratch);
            if instance.is_some_and(|instance| self.instances.contains(instance)) {
                found.insert(row.get(1)?, Greatest::Absent);
            }
        }
        Ok(found)
    }

    /// Reads what came since.
    fn read_on(
        &self,
        known: &mut Known,
        connection: &Connection,
        place: Place<'_>,
    ) -> Result<(), RecordError> {
        if known.vacant.is_all() {
            let all = known.greatest.values_mut();
            all.for_each(|greatest| *greatest = Greatest::Absent);
        }
        let sql = format!(
            "SELECT {0}, quote({1}), {2} FROM {3} WHERE {0} BETWEEN ?1 AND ?2 ORDER BY {0}",
            place.position, place.stream, place.version, place.table
        );
        let mut statement = connection.prepare(&sql)?;
        let greatest = &mut known.greatest;
        let mut read = 0;
        known.vacant = known.vacant.look(|range, taken| {
            let mut rows = statement.query(range)?;
            while let Some(row) = rows.next()? {
                self.count(&mut read)?;
                taken(row.get(0)?);
                let ValueRef::Text(stream) = row.get_ref(1)? else {
                    continue;
                };
                let known = str::from_utf8(stream).ok();
                if let Some(greatest) = known.and_then(|stream| greatest.get_mut(stream)) {
                    *greatest = greatest.max(Greatest::from(row.get_ref(2)?));
                }
            }
            Ok::<(), RecordError>(())
        })?;
        Ok(())
    }

    /// Counts a row, and now and then asks whether to go on. Few rows are always read, so that what was
    /// begun comes to its end.
    fn count(&self, read: &mut u64) -> Result<(), RecordError> {
        *read += 1;
        if read.is_multiple_of(ROWS) {
            self.go_on()?;
        }
        Ok(())
    }

    /// Whether to go on.
    pub(super) fn go_on(&self) -> Result<(), RecordError> {
        if (self.stops)() {
            return Err(RecordError::Interrupted);
        }
        Ok(())
    }
}

/// Whether SQLite finds the rows of a stream without reading the others.
fn is_looked_up(connection: &Connection, place: Place<'_>) -> rusqlite::Result<bool> {
    let sql = format!(
        "EXPLAIN QUERY PLAN SELECT {} FROM {} WHERE {} = ?1",
        place.version, place.table, place.stream
    );
    let plan = |row: &rusqlite::Row<'_>| row.get::<_, String>("detail");
    let detail = connection.query_row(&sql, [&Cell::Null], plan)?;
    Ok(detail.starts_with("SEARCH"))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    const PLACE: Place<'_> = Place {
        log: "shop",
        table: "events",
        position: "position",
        correlation: "saga",
        stream: "stream",
        version: "version",
    };

    fn log() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(
                "CREATE TABLE events (position INTEGER PRIMARY KEY, saga, stream, version);
                 INSERT INTO events (saga, stream, version) VALUES
                     ('a', 's', 1), ('b', 's', 9), ('a', 's', 4), ('a', 1, 7), ('a', '1', NULL),
                     ('b', 'other', 3), ('a', 'odd', 'x'), ('a', 'odd', 5);",
            )
            .unwrap();
        connection
    }

    fn text(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }

    #[test]
    fn streams_of_the_plan_s_instances_are_known_whoever_wrote_to_them() {
        let (connection, versions) = (log(), Versions::new(["a".to_owned()], &|| false));
        let of = |stream: &Cell| {
            versions
                .of(&connection, PLACE, (stream, Look::Now))
                .unwrap()
        };
        assert_eq!(of(&text("s")), Some(Greatest::Number(9)));
        assert_eq!(of(&Cell::Integer(1)), Some(Greatest::Number(7)));
        assert_eq!(of(&text("1")), Some(Greatest::Absent));
        assert_eq!(of(&text("odd")), Some(Greatest::Other));
        assert_eq!(of(&text("other")), None);
    }

    #[test]
    fn what_came_since_counts_wherever_it_stands() {
        let (connection, versions) = (log(), Versions::new(["a".to_owned()], &|| false));
        connection
            .execute_batch("UPDATE events SET position = position * 10")
            .unwrap();
        let of_s = || {
            versions
                .of(&connection, PLACE, (&text("s"), Look::Now))
                .unwrap()
        };
        assert_eq!(of_s(), Some(Greatest::Number(9)));
        for (position, version, greatest) in [
            (85, 11, 11),
            (81, 12, 12),
            (25, 13, 13),
            (-1, 14, 14),
            (86, 3, 14),
        ] {
            let came = "INSERT INTO events VALUES (?1, 'c', 's', ?2)";
            connection.execute(came, [position, version]).unwrap();
            assert_eq!(of_s(), Some(Greatest::Number(greatest)), "at {position}");
        }
    }

    #[test]
    fn a_long_scan_can_be_interrupted_and_begun_again() {
        let (connection, stops) = (log(), AtomicBool::new(true));
        let rows = "WITH RECURSIVE n(n) AS (SELECT 100 UNION ALL SELECT n + 1 FROM n LIMIT ?1)
                    INSERT INTO events SELECT n, 'c', 's', n FROM n";
        connection
            .execute(rows, [i64::try_from(ROWS).unwrap()])
            .unwrap();
        let stop = || stops.load(Ordering::Relaxed);
        let versions = Versions::new(["a".to_owned()], &stop);
        let of_s = || versions.of(&connection, PLACE, (&text("s"), Look::Now));
        assert!(matches!(of_s(), Err(RecordError::Interrupted)));
        stops.store(false, Ordering::Relaxed);
        let last = i64::try_from(ROWS).unwrap() + 99;
        assert_eq!(of_s().unwrap(), Some(Greatest::Number(last)));
        stops.store(true, Ordering::Relaxed);
        assert!(of_s().is_ok(), "there is little to read now");
    }

    #[test]
    fn nothing_is_scanned_where_an_index_tells() {
        let (connection, versions) = (log(), Versions::new(["a".to_owned()], &|| false));
        let index = "CREATE INDEX by_stream ON events (stream, version)";
        connection.execute(index, []).unwrap();
        assert_eq!(
            versions
                .of(&connection, PLACE, (&text("s"), Look::Now))
                .unwrap(),
            None
        );
    }
}
