//! Accounts in several currencies: events that lack things, and what they make of an account.

use proptest::prelude::*;

use crate::rows::Row;

pub const PROJECTION: &str = "projection: accounts
key: data.account
where: data.booked
on:
  Opened: { set: { currency: =data.currency, open: =data.open, balance: =data.amount } }
  Moved: { add: { balance: =data.amount } }
  Noted: { set: { note: =data.amount } }
  Closed: delete
";

/// Amounts as they are written, and in thousandths; the first is none.
pub const AMOUNTS: [(&str, Option<i64>); 8] = [
    ("\"?\"", None),
    ("0", Some(0)),
    ("0.1", Some(100)),
    ("\"0.20\"", Some(200)),
    ("-0.2", Some(-200)),
    ("-1e-1", Some(-100)),
    ("\"0.300\"", Some(300)),
    ("-3e-1", Some(-300)),
];

pub const CURRENCIES: [&str; 3] = ["EUR", "CHF", "USD"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Opened,
    Moved,
    Noted,
    Closed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    Data,
    Time,
}

#[derive(Debug, Clone)]
pub struct Told {
    pub kind: Kind,
    pub account: Option<u8>,
    pub booked: Option<bool>,
    pub open: Option<bool>,
    pub currency: Option<usize>,
    /// Which of [`AMOUNTS`].
    pub amount: usize,
    pub time: i64,
}

impl Told {
    pub fn row(&self, damage: Option<Damage>) -> Row {
        let account = self.account.map(|it| format!("\"account\":\"a-{it}\""));
        let truth = |name: &str, it: Option<bool>| it.map(|it| format!("\"{name}\":{it}"));
        let currency = self
            .currency
            .map(|it| format!("\"currency\":\"{}\"", CURRENCIES[it]));
        let amount = format!("\"amount\":{}", AMOUNTS[self.amount].0);
        let parts = [
            account,
            truth("booked", self.booked),
            truth("open", self.open),
            currency,
            Some(amount),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        Row {
            time: (damage != Some(Damage::Time)).then_some(self.time),
            kind: match self.kind {
                Kind::Opened => "Opened",
                Kind::Moved => "Moved",
                Kind::Noted => "Noted",
                Kind::Closed => "Closed",
            },
            data: match damage {
                Some(Damage::Data) => "{".to_owned(),
                _ => format!("{{{}}}", parts.join(",")),
            },
            ..Row::default()
        }
    }

    /// The account that it is or may be an event of.
    pub fn concerns(&self) -> Option<u8> {
        self.account.filter(|_| self.booked != Some(false))
    }
}

/// Logs in which one of so many events lacks something.
pub fn logs(lacking: u32) -> impl Strategy<Value = Vec<Told>> {
    let kind = prop_oneof![
        4 => Just(Kind::Opened),
        5 => Just(Kind::Moved),
        1 => Just(Kind::Noted),
        1 => Just(Kind::Closed),
    ];
    let told = (
        kind,
        prop_oneof![lacking => (0..3_u8).prop_map(Some), 1 => Just(None)],
        prop_oneof![lacking => Just(Some(true)), 1 => Just(Some(false)), 1 => Just(None)],
        prop_oneof![lacking => prop::bool::weighted(0.8).prop_map(Some), 1 => Just(None)],
        prop_oneof![lacking => (0..3_usize).prop_map(Some), 1 => Just(None)],
        prop_oneof![1 => Just(0), lacking => 1..AMOUNTS.len()],
        prop_oneof![8 => 0..5_i64, 2 => 5..9_i64, 1 => -6..0_i64],
    );
    prop::collection::vec(told, 1..12).prop_map(|steps| {
        let mut now = 100;
        let tell = |(kind, account, booked, open, currency, amount, rest)| {
            now += rest;
            Told {
                kind,
                account,
                booked,
                open,
                currency,
                amount,
                time: now,
            }
        };
        steps.into_iter().map(tell).collect()
    })
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cell<T> {
    #[default]
    Blank,
    Known(T),
    Unknown,
}

impl<T> Cell<T> {
    pub fn of(given: Option<T>) -> Cell<T> {
        given.map_or(Cell::Unknown, Cell::Known)
    }
}

#[derive(Debug, Clone, Default)]
pub struct State {
    pub is_alive: bool,
    pub is_doubtful: bool,
    pub currency: Cell<usize>,
    pub open: Cell<bool>,
    /// Of no amount where it holds something else.
    pub balance: Cell<Option<i64>>,
}

pub fn fold(told: &[Told], account: u8) -> State {
    let mut state = State::default();
    for one in told.iter().filter(|one| one.concerns() == Some(account)) {
        state.is_doubtful |= one.booked.is_none();
        let amount = AMOUNTS[one.amount].1;
        state.is_alive = true;
        match one.kind {
            Kind::Opened => {
                state.currency = Cell::of(one.currency);
                state.open = Cell::of(one.open);
                state.balance = Cell::Known(amount);
            }
            Kind::Moved => {
                state.balance = match (state.balance, amount) {
                    (Cell::Blank, Some(amount)) => Cell::Known(Some(amount)),
                    (Cell::Known(Some(known)), Some(amount)) => Cell::Known(Some(known + amount)),
                    _ => Cell::Unknown,
                }
            }
            Kind::Noted => {}
            Kind::Closed => {
                state = State {
                    is_doubtful: state.is_doubtful,
                    ..State::default()
                }
            }
        }
    }
    state
}
