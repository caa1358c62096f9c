//! A depot made from a seed, in which sagas meet on keys that they share: vans, which are set, and
//! stocks, which are added to and taken from.
//!
//! Deliveries take a van and pieces of a stock, many at a time. Most of them drive off, the others
//! give everything back. Some give back something else than they took, and some take a van that is
//! not free; beside these there are those that look alike and are well.

mod delivery;

use std::path::Path;

use crate::generate::random::Random;
use crate::generate::write::{LogFile, Row, Time};
use crate::generate::{Label, Layout, Made, Subject, WriteError};
use delivery::{Delivery, Script};

/// What goes wrong with a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It gives back less than it took.
    TooLittle,
    /// It gives back more than it took.
    TooMuch,
    /// It gives back pieces of another stock; where a count puts its own one right, it does not the
    /// other one.
    OtherStock,
    /// It gives back another van.
    OtherVan,
    /// The stock is counted anew before it gives back what the count has already.
    CountedBetween,
    /// Another delivery drives off with its van before it gives that back.
    VanTaken,
    /// The same, and the other one gives the van back, too.
    VanTakenInVain,
}

impl Fault {
    const ALL: [Fault; 7] = [
        Fault::TooLittle,
        Fault::TooMuch,
        Fault::OtherStock,
        Fault::OtherVan,
        Fault::CountedBetween,
        Fault::VanTaken,
        Fault::VanTakenInVain,
    ];
}

/// What looks like a fault and is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NearMiss {
    /// It gives back less than it took, and a count puts that right.
    CountedAfter,
    /// It gives back another van, and other deliveries take both.
    VanTakenAfter,
    /// Another delivery takes its van before it drives off, and it does drive off.
    VanOfCompleted,
    /// Another delivery takes its van between its driving off and its end.
    VanOfDeparted,
    /// Its van is washed, which is no matter of drivers, before it gives that back.
    VanWashed,
}

impl NearMiss {
    const ALL: [NearMiss; 5] = [
        NearMiss::CountedAfter,
        NearMiss::VanTakenAfter,
        NearMiss::VanOfCompleted,
        NearMiss::VanOfDeparted,
        NearMiss::VanWashed,
    ];
}

/// What becomes of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    /// It drives off.
    Completed,
    /// It gives back its van and what it took.
    Undone,
    /// It gives back its van before it takes anything else.
    UndoneEarly,
    Faulty(Fault),
    Nearly(NearMiss),
}

/// What to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The same seed makes the same log, byte for byte.
    pub seed: u64,
    /// How many deliveries.
    pub deliveries: u64,
    /// With so many of a thousand deliveries something goes wrong; `None` is each fault once.
    pub faults: Option<u32>,
    /// Milliseconds between two deliveries, about.
    pub spacing: i64,
    /// When the first one is asked for, in milliseconds since the epoch.
    pub start: i64,
}

/// An event before it has a place.
#[derive(Debug)]
struct Event {
    time: i64,
    kind: &'static str,
    delivery: Option<String>,
    data: String,
}

/// Whose step it is that a finding must name.
type Draft = (&'static str, String, &'static str);

const SAGA: &str = "van-delivery";
const DIRTY_TOUCH: &str = "isolation/dirty-touch";
const RESIDUE: &str = "compensation/residue";
const VAN: &str = "assign-van";
const STOCK: &str = "reserve-stock";

/// Stocks that all deliveries share.
const STOCKS: u64 = 4;

/// Makes a depot's log at `path`.
///
/// # Errors
/// When the file cannot be written.
pub fn depot(options: Options, path: &Path) -> Result<Made, WriteError> {
    let mut random = Random::new(options.seed);
    let mut events: Vec<Event> = (0..STOCKS)
        .map(|stock| delivery::counted(options.start - 60_000, &format!("s{stock}")))
        .collect();
    let mut drafts: Vec<Draft> = Vec::new();
    let mut vans = Vans::default();
    for number in 0..options.deliveries {
        let at =
            options.start + number as i64 * options.spacing + random.between(0, options.spacing);
        let course = course(number, options, &mut random);
        let van = vans.free(at);
        let delivery = Delivery {
            id: number.to_string(),
            van: format!("v{van}"),
            stock: format!("s{}", random.below(STOCKS)),
            count: random.between(2, 9),
        };
        let mut script = Script::new(at, &mut random, &mut events, &mut drafts);
        let given_back = script.play(course, &delivery);
        vans.free_from[van] = given_back;
    }
    let last = events.iter().map(|event| event.time).max();
    let end = last.unwrap_or(options.start) + 3_600_000;
    let faults = options.faults != Some(0);
    delivery::under_way(end, faults, &mut random, &mut events, &mut drafts);
    events.sort_by_key(|event| event.time);
    write(&events, path)?;
    let labels = drafts.into_iter().map(|(rule, id, step)| Label {
        rule,
        subject: Subject {
            kind: "instance",
            definition: SAGA.to_owned(),
            id,
        },
        step: Some(step.to_owned()),
    });
    Ok(Made {
        events: events.len() as u64,
        labels: labels.collect(),
    })
}

fn course(number: u64, options: Options, random: &mut Random) -> Course {
    let fault = match options.faults {
        None => Fault::ALL.get(number as usize).copied(),
        Some(rate) if random.below(1000) < u64::from(rate) => random.one_of(&Fault::ALL).copied(),
        Some(_) => None,
    };
    let near_miss = random.one_of(&NearMiss::ALL).copied();
    match (fault, near_miss, random.below(10)) {
        (Some(fault), ..) => Course::Faulty(fault),
        (None, Some(near_miss), 0..3) => Course::Nearly(near_miss),
        (.., 3..6) => Course::Undone,
        (.., 6) => Course::UndoneEarly,
        _ => Course::Completed,
    }
}

/// From when on each van belongs to nobody: it is taken again as soon as it may be.
#[derive(Debug, Default)]
struct Vans {
    free_from: Vec<i64>,
}

impl Vans {
    /// A van that is free at that instant.
    fn free(&mut self, at: i64) -> usize {
        let free = self.free_from.iter().position(|from| *from < at);
        free.unwrap_or_else(|| {
            self.free_from.push(at);
            self.free_from.len() - 1
        })
    }
}

fn write(events: &[Event], path: &Path) -> Result<(), WriteError> {
    let file = LogFile::create(path, Layout::SOUND)?;
    let mut insert = file.insert()?;
    for (index, event) in events.iter().enumerate() {
        let position = index as i64 + 1;
        insert.event(&Row {
            position,
            id: &format!("e-{position}"),
            stream: None,
            version: None,
            kind: Some(event.kind),
            time: Time::Millis(event.time),
            correlation: event.delivery.as_deref(),
            causation: None,
            key: None,
            payload: &event.data,
            headers: None,
        })?;
    }
    drop(insert);
    file.finish()
}
