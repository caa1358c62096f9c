//! All transactions of a log, and what is wrong with them at a horizon.
//!
//! A transaction that is over, and all of whose participants ended as was decided, is *settled*: its
//! participants are forgotten, but for how long they were held. Only one that ends the other way
//! afterwards is still told. In a log that is ordered by time nothing is settled, since what arrives
//! late may have happened before.

use std::collections::BTreeMap;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::absent::{Absent, Hint, Parts};
use crate::definition::log::Order;
use crate::definition::transaction::Transaction;
use crate::event::{Span, Timestamp};
use crate::texts::{Keys, Texts, room};
use crate::transaction::entry::Entry;
use crate::transaction::fault::{Fault, What};
use crate::transaction::maybe::Maybe;
use crate::transaction::note::{Meaning, Note};
use crate::transaction::order::keep_first;
use crate::transaction::state::Happening;

/// Follows transactions.
#[derive(Debug, Default)]
pub struct Ledger {
    definitions: Vec<Arc<Transaction>>,
    order: Option<Order>,
    books: Vec<Book>,
}

/// The transactions of one definition.
#[derive(Debug, Default)]
struct Book {
    ids: Keys,
    /// By the number of the id.
    entries: Vec<Entry>,
    astray: u64,
    unread: Strays,
    /// How long the participants of settled transactions were held.
    held: Vec<Span>,
}

/// How many events of unknown transactions there are, by what they may be to these.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Strays(BTreeMap<Parts, u64>);

impl Strays {
    /// Those that are not judged, and may be of a transaction of the definition with this index.
    fn of_absent(absent: &Absent, index: usize) -> Strays {
        let mut strays = Strays::default();
        for (hint, rows) in absent.of_transactions(index as u16) {
            strays.take(hint.may_be, rows.keyless);
        }
        strays
    }

    fn take(&mut self, may_be: Parts, count: u64) {
        if count > 0 {
            *self.0.entry(may_be).or_default() += count;
        }
    }

    fn add(&mut self, other: &Strays) {
        for (parts, count) in &other.0 {
            self.take(*parts, *count);
        }
    }

    /// All of them.
    pub fn all(&self) -> u64 {
        self.0.values().sum()
    }

    /// How many of them may be what a transaction lacks of which this is wrong with so many
    /// participants: a vote or an end is that of one of them.
    pub fn may_mend(&self, what: What, participants: usize) -> u64 {
        let (all, one) = what.mended_by();
        let count = |is: &dyn Fn(&Parts) -> bool| {
            let own = self.0.iter().filter(|(parts, _)| is(parts));
            own.map(|(_, count)| *count).sum::<u64>()
        };
        let for_all = count(&|parts| parts.meets(all));
        let for_one = count(&|parts| parts.meets(one) && !parts.meets(all));
        match for_all > 0 || for_one >= participants as u64 {
            true => for_all + for_one,
            false => 0,
        }
    }
}

/// What was found of one definition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Conclusion {
    /// What is wrong, by transaction in the order of first events.
    pub faults: Vec<Fault>,
    /// Transactions looked at.
    pub transactions: u64,
    /// Of them, those of which it cannot be told.
    pub unknown: u64,
    /// Those of which a row cannot be judged.
    pub hidden: u64,
    /// What is wrong with these whatever that row says.
    pub proven: Vec<What>,
    /// What is wrong with further ones in some of the orders in which they may have happened.
    pub doubtful: Vec<What>,
    /// Events of which the transaction cannot be told.
    pub astray: u64,
    /// Of them, those that cannot be read: they may be of any transaction.
    pub unread: Strays,
    /// How long participants were held from their vote to their end.
    pub held: Vec<Span>,
    /// How long those have been held that still are.
    pub holding: Vec<Span>,
}

/// What is known when transactions are judged.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The instant against which ages are judged.
    pub horizon: Timestamp,
    /// The log's beginning was removed: a transaction whose beginning is not in it may have been voted
    /// on before.
    pub is_cut: bool,
    /// Rows that are not judged.
    pub absent: &'a Absent,
    /// What nobody wants to know.
    pub off: &'a [What],
}

impl Conclusion {
    /// Adds what was found of other transactions of the definition.
    pub fn add(&mut self, other: Conclusion) {
        self.transactions += other.transactions;
        self.unknown += other.unknown;
        self.astray += other.astray;
        self.hidden += other.hidden;
        self.unread.add(&other.unread);
        self.faults.extend(other.faults);
        self.proven.extend(other.proven);
        self.doubtful.extend(other.doubtful);
        self.held.extend(other.held);
        self.holding.extend(other.holding);
    }

    /// The rows and events that may be of any transaction of the definition with this index.
    pub fn strays(&self, absent: &Absent, index: usize) -> Strays {
        let mut strays = Strays::of_absent(absent, index);
        strays.add(&self.unread);
        strays
    }
}

impl Ledger {
    /// The names of the transactions, by the index of the definition.
    pub fn names(&self) -> impl Iterator<Item = &Keys> {
        self.books.iter().map(|book| &book.ids)
    }

    /// A ledger for these definitions in a log of this order; by position where it is not declared.
    pub fn new(definitions: &[Arc<Transaction>], order: Option<Order>) -> Ledger {
        Ledger {
            definitions: definitions.to_vec(),
            order,
            books: definitions.iter().map(|_| Default::default()).collect(),
        }
    }

    /// Takes the next event in the log's order.
    pub fn take(&mut self, note: &Note, texts: &Texts) {
        let order = self.order.unwrap_or(Order::Position);
        let book = &mut self.books[usize::from(note.definition)];
        let Some((hash, id)) = note.id else {
            book.astray += 1;
            book.unread.take(note.may_be, u64::from(note.is_bad));
            return;
        };
        let number = book.ids.number(hash, texts.get(id)) as usize;
        if number == book.entries.len() {
            book.entries.push(Entry::default());
        }
        let entry = &mut book.entries[number];
        let at = (note.position, note.time);
        match note.meaning {
            None => {
                let who = note.participant.map(|name| Keys::hash(texts.get(name)));
                let hint = Hint {
                    may_be: note.may_be,
                    who,
                    is_sure: false,
                };
                entry.maybe().take(hint, 1);
            }
            Some(Meaning::Commit) => keep_first(order, &mut entry.commit, at),
            Some(Meaning::Abort) => keep_first(order, &mut entry.abort, at),
            Some(Meaning::Of(happening)) => {
                entry.begun |= happening == Happening::Joins;
                match note.participant {
                    Some(name) => entry.happen(texts.get(name), happening, at, order),
                    // A transaction may begin before anybody takes part.
                    None if happening == Happening::Joins => {}
                    None => entry.maybe().take_nameless(note.may_be, at, order),
                }
            }
        }
        if entry.may_settle(order) {
            book.held.extend(entry.held());
            entry.settle();
        }
    }

    /// Bytes kept.
    pub fn bytes(&self) -> usize {
        let own = |book: &Book| {
            let entries = book.entries.iter().map(Entry::bytes);
            let tables = book.ids.bytes() + room(&book.entries) + room(&book.held);
            tables + entries.sum::<usize>()
        };
        self.books.iter().map(own).sum()
    }

    /// What is wrong. A transaction of which an absent row is an event, or one of which something cannot
    /// be told, is unknown, unless what is wrong with it stays wrong whatever that says.
    pub fn conclude(&self, view: View<'_>) -> Vec<Conclusion> {
        let each = self.definitions.iter().zip(&self.books).enumerate();
        each.map(|(index, (definition, book))| self.judge(index as u16, definition, book, view))
            .collect()
    }

    fn judge(&self, index: u16, of: &Transaction, book: &Book, view: View<'_>) -> Conclusion {
        let order = self.order.unwrap_or(Order::Position);
        let mut conclusion = Conclusion {
            transactions: book.ids.len() as u64,
            astray: book.astray,
            unread: book.unread.clone(),
            held: book.held.clone(),
            ..Conclusion::default()
        };
        let mut absent: HashMap<u64, Maybe, FixedState> = HashMap::default();
        for (hint, rows) in view.absent.of_transactions(index) {
            for (id, count) in rows.keys() {
                absent.entry(id).or_default().take(hint, count);
            }
        }
        for (number, entry) in book.entries.iter().enumerate() {
            let id = book.ids.text(number as u32);
            let rows = match absent.is_empty() {
                true => None,
                false => absent.get(&Keys::hash(id)),
            };
            let maybe = entry.maybe_with(rows, order);
            let is_cut = view.is_cut && !entry.has_beginning();
            let (faults, doubtful) = entry.judge(of, id, order, (view.horizon, view.off), &maybe);
            if is_cut || entry.has_doubt() || rows.is_some() {
                let sure =
                    faults
                        .into_iter()
                        .filter_map(|fault| match fault.is_certain || !is_cut {
                            true => Some(fault),
                            false => fault.instead.map(|instead| *instead),
                        });
                let faults: Vec<Fault> = sure.collect();
                match is_cut || entry.has_doubt() {
                    true => conclusion.unknown += 1,
                    false => conclusion.hidden += 1,
                }
                conclusion
                    .proven
                    .extend(faults.iter().map(|fault| fault.what));
                conclusion.faults.extend(faults);
                continue;
            }
            conclusion.held.extend(entry.held());
            let holding = entry.holding(order, view.horizon);
            conclusion.holding.extend(holding);
            conclusion.faults.extend(faults);
            conclusion.doubtful.extend(doubtful);
        }
        conclusion
    }
}
