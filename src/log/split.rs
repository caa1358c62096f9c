//! One log read by several readers, each over its own range of positions.
//!
//! Only a log of one table that is numbered by its rowid can be divided so, and only one whose file
//! several connections see at the same instant: one that is read without locks and proven not to
//! change, or one whose lock keeps writers out. A live WAL moves between two openings.

use super::mapping::Numbering;
use super::opened::Log;
use super::types::Interner;
use crate::event::Position;

/// More ranges than this are not made, however far the positions lie apart.
const MOST: u64 = 1 << 16;

impl Log {
    /// Ranges of positions that together hold every row, in order, of about `rows` rows each where
    /// the positions run without holes. A log that cannot be divided has none.
    pub fn parts(&self, rows: u64) -> Vec<(Position, Position)> {
        let [plan] = self.plans.as_slice() else {
            return Vec::new();
        };
        let Numbering::Column {
            column,
            rowid: true,
            ..
        } = &plan.numbering
        else {
            return Vec::new();
        };
        if plan.watched {
            return Vec::new();
        }
        let from = &plan.from;
        let sql = format!(
            "SELECT (SELECT min({column}) FROM {from}), (SELECT max({column}) FROM {from})"
        );
        let ends = self.databases[plan.database]
            .connection()
            .query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?)));
        let Ok((Some(least), Some(greatest))) = ends else {
            return Vec::new();
        };
        divide(least, greatest, rows)
    }

    /// A second reader of the same rows at the same instant, which may be used on another thread;
    /// `None` where that cannot be had. It gives out type ids of its own.
    pub fn twin(&self) -> Option<Log> {
        let [database] = self.databases.as_slice() else {
            return None;
        };
        Some(Log {
            path: self.path.clone(),
            remarks: Vec::new(),
            databases: vec![database.twin()?],
            plans: self.plans.clone(),
            facts: self.facts.clone(),
            merge: self.merge,
            claims: Vec::new(),
            interner: Interner::default(),
        })
    }
}

fn divide(least: i64, greatest: i64, rows: u64) -> Vec<(Position, Position)> {
    let step = (greatest.abs_diff(least) / MOST + 1).max(rows);
    let mut parts = Vec::new();
    let mut first = least;
    loop {
        let last = first.saturating_add_unsigned(step - 1).min(greatest);
        parts.push((Position(first), Position(last)));
        if last == greatest {
            return parts;
        }
        first = last + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_meet_and_hold_every_position() {
        for (least, greatest) in [
            (1, 1),
            (1, 10),
            (-3, 4),
            (5, 1_000_000),
            (i64::MIN, i64::MAX),
            (i64::MAX - 1, i64::MAX),
        ] {
            let parts = divide(least, greatest, 4);
            assert_eq!(parts.first().map(|part| part.0.0), Some(least));
            assert_eq!(parts.last().map(|part| part.1.0), Some(greatest));
            for pair in parts.windows(2) {
                assert_eq!(pair[0].1.0 + 1, pair[1].0.0);
            }
            assert!(parts.len() as u64 <= MOST + 1);
        }
    }
}
