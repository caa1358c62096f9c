//! What looks wrong of a key and need not be, for what nobody knows of the log.

use crate::event::Position;
use crate::projection::held::Held;
use crate::projection::verdict::{Standing, Verdict};

impl Held {
    /// Takes note of so many rows of which nobody knows whose events they are: each may account for
    /// one key that is not what its events give. Where there are no more of these, none is certain.
    pub(in crate::projection) fn doubt(&mut self, strays: u64) {
        self.strays = strays;
        let wrong = self.standings.iter().filter(|it| it.may_lack()).count();
        if strays == 0 || wrong as u64 > strays {
            return;
        }
        self.soften("which may come of a row of which nobody knows whose it is");
    }

    /// What looks wrong is unknown where the consumer has come further than the log: it may have
    /// applied events that the log has lost.
    pub(in crate::projection) fn lead(&mut self, head: Option<Position>) {
        if self.mark.beyond(head).is_some() {
            self.soften(
                "which may come of events that the log has lost: the checkpoint is ahead of it",
            );
        }
    }

    /// Says of the keys that look wrong that they may look so for this reason.
    fn soften(&mut self, why: &str) {
        for standing in self.standings.iter_mut().filter(|it| it.may_lack()) {
            let looks = standing.verdict.label();
            *self.counts.entry(standing.verdict).or_default() -= 1;
            *self.counts.entry(Verdict::Unknown).or_default() += 1;
            let reason = format!("it looks {looks}, {why}");
            *standing = Standing::at_once(&standing.key, Verdict::Unknown, Some(reason));
        }
    }
}
