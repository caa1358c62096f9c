//! What rows of which nobody knows whose they are may account for. An event that can be read and tells
//! no subject is none of them: it is nobody's, and counted as unknown itself.
//!
//! Each may make one subject right that looks wrong, or wrong that looks right, and no more than one
//! (or than look at one key). Where more subjects are wrong than that, some are wrong whatever these
//! rows say: all of them are reported, and say so. Where not, none is certain.

use crate::brief;
use crate::finding::Finding;
use crate::inspect::tally::Tally;

/// Rows that cannot be judged and may be events of any of some subjects.
#[derive(Debug, Clone, Copy)]
pub(super) struct Strays {
    /// How many there are.
    pub(super) rows: u64,
    /// How many subjects may be other than they look for them, at most.
    pub(super) most: u64,
    /// How many subjects are wrong.
    pub(super) wrong: u64,
}

impl Strays {
    /// Rows of which each may account for one of the subjects that are wrong.
    pub(super) const fn one_each(rows: u64, wrong: u64) -> Strays {
        Strays {
            rows,
            most: rows,
            wrong,
        }
    }

    /// Of how many subjects it cannot be told for them, of so many that are judged; those that are
    /// reported all the same are not among them.
    pub(super) fn untold(self, subjects: u64) -> u64 {
        let reported = if self.explain_all() { 0 } else { self.wrong };
        self.most.min(subjects.saturating_sub(reported))
    }

    /// Whether all that is wrong may come of them, so that nothing of it is certain.
    pub(super) fn explain_all(self) -> bool {
        self.rows > 0 && self.wrong <= self.most
    }

    /// Tells of them; `whose` subjects, and what one and several of these do.
    pub(super) fn remark(self, whose: &str, [one, several]: [&str; 2], tally: &mut Tally) {
        let Strays { rows, most, wrong } = self;
        if rows == 0 {
            return;
        }
        let rows = brief::count(
            rows,
            "row of which nobody knows whose it is",
            "rows of which nobody knows whose they are",
        );
        let all = brief::count(wrong, one, several);
        tally.remark(match (wrong, self.explain_all()) {
            (0, _) => format!("{whose}: {rows} may be of any of its subjects"),
            (_, true) => format!("{whose}: {all}, which may come of {rows}"),
            (_, false) => format!("{whose}: {all}, of which at most {most} may come of {rows}"),
        });
    }

    /// Adds the findings of what is wrong, none of them where all may come of these rows.
    pub(super) fn report(
        self,
        findings: impl IntoIterator<Item = Finding>,
        found: &mut Vec<Finding>,
    ) {
        if !self.explain_all() {
            found.extend(findings.into_iter().map(|finding| self.beside(finding)));
        }
    }

    /// A finding that may be one of those which come of such rows, and says so.
    pub(super) fn beside(self, finding: Finding) -> Finding {
        if self.rows == 0 {
            return finding;
        }
        let message = format!(
            "{}; rows of which nobody knows whose they are may account for what is wrong with {} of {} such subjects",
            finding.message, self.most, self.wrong
        );
        Finding { message, ..finding }
    }
}
