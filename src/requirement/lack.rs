//! What may be missing of the keys that a subject looks at, or looked at when it was wrong.
//!
//! Where a row stands that cannot be judged is known when the log is at its end. What is shown by the
//! events before it is certain all the same; what only later ones show may be otherwise, though the
//! subject looks at something else by then.

use crate::event::Position;
use crate::lapse::Shown;
use crate::projection::{self, Unseen};
use crate::requirement::book::Book;
use crate::requirement::subject::Subject;

const ROW: &str = "an event of what it looks at stands in a row that cannot be judged";
const BEGINNING: &str = "the first events of what it looks at may have been cut off";
const ROW_THEN: &str = "an event of what it looked at then stands in a row that cannot be judged";
const BEGINNING_THEN: &str = "the first events of what it looked at then may have been cut off";

/// What may be missing of a key.
#[derive(Debug, Clone, Copy)]
enum Lack {
    Row,
    Beginning,
}

/// One subject, as the log stands at its end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sight<'a> {
    pub(super) book: &'a Book,
    /// Its number and its key.
    pub(super) own: (u32, &'a str),
    pub(super) subject: &'a Subject,
    pub(super) states: &'a projection::Ledger,
    pub(super) unseen: Unseen<'a>,
    /// The log is ordered by time, so that a row stands before others wherever it is.
    pub(super) by_time: bool,
}

impl Sight<'_> {
    /// Why the events of something that it looks at are not all there, if some may not be.
    pub(super) fn lack(self) -> Option<&'static str> {
        let lack = self.of_all(&self.subject.looks_at, None)?;
        Some(match lack {
            Lack::Row => ROW,
            Lack::Beginning => BEGINNING,
        })
    }

    /// The same of what it looked at before and looks at no more.
    pub(super) fn lacked(self) -> Option<&'static str> {
        let mut past = self.subject.past.iter().filter_map(|past| {
            let lookup = past.lookup as usize;
            self.of_lookup(lookup, past.key?, Some(past.until))
        });
        Some(match past.next()? {
            Lack::Row => ROW_THEN,
            Lack::Beginning => BEGINNING_THEN,
        })
    }

    /// Whether it did not hold, whatever the rows say that cannot be judged.
    pub(super) fn is_sure(self, shown: Shown) -> bool {
        let looked_at = self.subject.looked_at(shown.ground);
        self.of_all(&looked_at, Some(shown.position)).is_none()
    }

    fn of_all(self, looked_at: &[Option<u32>], until: Option<Position>) -> Option<Lack> {
        let (number, key) = self.own;
        let own = self.of((self.book.each, key, Some(number)), until);
        let looked_at = looked_at.iter().enumerate();
        let others = looked_at.filter_map(|(lookup, key)| self.of_lookup(lookup, (*key)?, until));
        let all = own.into_iter().chain(others);
        all.min_by_key(|lack| *lack as u8)
    }

    fn of_lookup(self, lookup: usize, key: u32, until: Option<Position>) -> Option<Lack> {
        let projection = self.book.looked_up[lookup];
        let key = self.book.watched[lookup].keys.text(key);
        self.of((projection, key, self.states.find(projection, key)), until)
    }

    fn of(
        self,
        (projection, key, number): (usize, &str, Option<u32>),
        until: Option<Position>,
    ) -> Option<Lack> {
        let strays = self.unseen.absent.of_state(projection);
        let has_stray = match until.filter(|_| !self.by_time) {
            Some(until) => strays.has_until(key, until),
            None => strays.has(key),
        };
        if has_stray {
            return Some(Lack::Row);
        }
        let entry = number.and_then(|number| self.states.entry(projection, number));
        // What is known to have begun later was not told from the beginning.
        let told = entry.filter(|(_, entry)| entry.is_whole(false));
        let is_beheaded =
            told.is_some_and(|(_, entry)| self.unseen.may_lack_beginning(Some(entry)));
        is_beheaded.then_some(Lack::Beginning)
    }
}
