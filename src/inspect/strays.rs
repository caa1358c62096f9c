//! What rows and events of which nobody knows whose they are may account for.
//!
//! Each may make one subject right that looks wrong, or wrong that looks right, and no more than one
//! (or than look at one key). Where more subjects are wrong than that, some are wrong whatever these
//! rows say: all of them are reported, and say so. Where not, none is certain.

use crate::finding::Finding;
use crate::inspect::tally::Tally;

/// Rows that cannot be judged, or tell no subject, and may be events of any of some subjects.
#[derive(Debug, Clone, Copy)]
pub(super) struct Strays {
    /// How many there are.
    pub(super) rows: u64,
    /// How many subjects one of them may make right, or wrong.
    pub(super) each: u64,
    /// How many subjects are wrong.
    pub(super) wrong: u64,
}

impl Strays {
    /// How many subjects may be other than they look, at most.
    pub(super) fn most(self) -> u64 {
        self.rows.saturating_mul(self.each.max(1))
    }

    /// The same of so many subjects.
    pub(super) fn at_most(self, subjects: u64) -> u64 {
        self.most().min(subjects)
    }

    /// Whether all that is wrong may come of them, so that nothing of it is certain.
    pub(super) fn explain_all(self) -> bool {
        self.rows > 0 && self.wrong <= self.most()
    }

    /// Tells of them; `whose` subjects, and `what` so many of these do.
    pub(super) fn remark(self, whose: &str, what: &str, tally: &mut Tally) {
        let Strays { rows, wrong, .. } = self;
        if rows == 0 {
            return;
        }
        let rows = match rows {
            1 => "1 row of which nobody knows whose it is".to_owned(),
            rows => format!("{rows} rows of which nobody knows whose they are"),
        };
        tally.remark(match (wrong, self.explain_all()) {
            (0, _) => format!("{whose}: {rows} may be of any of its subjects"),
            (_, true) => format!("{whose}: {wrong} {what}, which may come of {rows}"),
            (_, false) => format!(
                "{whose}: {wrong} {what}, of which at most {} may come of {rows}",
                self.most()
            ),
        });
    }

    /// A finding that may be one of those which come of such rows, and says so.
    pub(super) fn beside(self, finding: Finding) -> Finding {
        if self.rows == 0 {
            return finding;
        }
        let message = format!(
            "{}; rows of which nobody knows whose they are may account for {} of {} such findings",
            finding.message,
            self.most(),
            self.wrong
        );
        Finding { message, ..finding }
    }
}
