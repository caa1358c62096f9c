//! Brings the events of all instances into the order in which they arrive, and gives them
//! positions, ids, versions and data.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use crate::definition::saga::Saga;
use crate::event::Span;
use crate::generate::faults::Claim;
use crate::generate::ids::{id, uuid};
use crate::generate::label::{Label, Subject};
use crate::generate::log_faults::{LogFault, Twist};
use crate::generate::payload;
use crate::generate::plan::{Ids, Plan, Planned, foreign};
use crate::generate::random::Random;
use crate::generate::status::status;
use crate::generate::walk::DraftEvent;
use crate::generate::write::{Insert, Row, Time, WriteError};

/// A run that is going on: of a saga, or of a system that has nothing to do with sagas.
#[derive(Debug)]
struct Active {
    /// The saga's index.
    saga: Option<usize>,
    number: u64,
    correlation: Option<String>,
    /// What its streams are called after; empty if they have none.
    suffix: String,
    start: i64,
    /// How long its events take to arrive.
    lag: i64,
    events: Vec<DraftEvent>,
    next: usize,
    counters: Vec<Counter>,
    previous: i64,
    claim: Claim,
    /// Which row says something else than what happened, and the fault if that is one.
    twist: Option<(usize, Twist, Option<LogFault>)>,
}

/// How far one stream of a run is numbered.
#[derive(Debug)]
struct Counter {
    /// A type of its events; its first word names the stream.
    kind: Arc<str>,
    last: i64,
    /// A version that was left out and comes next.
    hole: Option<i64>,
}

/// Texts that are written again for every event.
#[derive(Debug, Default)]
struct Texts {
    id: String,
    cause: String,
    stream: String,
    payload: String,
}

/// Plays a plan into a log.
#[derive(Debug)]
pub(super) struct Play<'a> {
    plan: Plan<'a>,
    heap: BinaryHeap<Reverse<(i64, usize, usize)>>,
    active: Vec<Active>,
    free: Vec<usize>,
    order: usize,
    planned: u64,
    position: i64,
    /// How many events of the future there were. Each is earlier than the one before it, or that
    /// one would not be later than all that follow it.
    futures: i64,
    /// The greatest time so far, those of the future left out.
    youngest: Option<i64>,
    texts: Texts,
    labels: Vec<Label>,
}

impl<'a> Play<'a> {
    pub(super) fn new(plan: Plan<'a>) -> Play<'a> {
        Play {
            plan,
            heap: BinaryHeap::new(),
            active: Vec::new(),
            free: Vec::new(),
            order: 0,
            planned: 0,
            position: 0,
            futures: 0,
            youngest: None,
            texts: Texts::default(),
            labels: Vec::new(),
        }
    }

    /// Writes every event and status; the number of events and the labels of what went wrong.
    pub(super) fn run(mut self, insert: &mut Insert<'_>) -> Result<(u64, Vec<Label>), WriteError> {
        let options = self.plan.options;
        loop {
            while self.planned < options.instances && self.is_next_start() {
                self.begin_next()?;
            }
            let Some(Reverse((arrival, _, slot))) = self.heap.pop() else {
                break;
            };
            if arrival > self.plan.end {
                self.end(slot, insert)?;
                continue;
            }
            self.write(slot, insert)?;
            let active = &mut self.active[slot];
            active.next += 1;
            match active.events.get(active.next) {
                Some(event) => {
                    let arrival = active.start + active.lag + millis(event.after);
                    self.queue(arrival, slot);
                }
                None => self.end(slot, insert)?,
            }
        }
        if !options.plain && options.instances > 0 {
            let end = self.plan.end;
            let slot = self.place(stranger(
                vec![foreign("PricesPublished", Span::ZERO)],
                end,
                0,
            ));
            self.write(slot, insert)?;
        }
        Ok((self.position as u64, self.labels))
    }

    fn is_next_start(&self) -> bool {
        let start = self.plan.start_of(self.planned);
        self.heap
            .peek()
            .is_none_or(|Reverse((arrival, ..))| start <= *arrival)
    }

    fn begin_next(&mut self) -> Result<(), WriteError> {
        let index = self.planned;
        self.planned += 1;
        let planned = self.plan.instance(index);
        if let Some(fault) = planned.impossible {
            return Err(WriteError::Impossible(format!("{fault:?}")));
        }
        let options = self.plan.options;
        let mut random = Random::of(options.seed ^ 2, index);
        let lateness = options.lateness.map(millis);
        for fault in &planned.log_faults {
            let more = Random::of(options.seed ^ 5, index).between(1, 600_000);
            let behind = lateness.unwrap_or(0) + more;
            self.admit(twisted(*fault, behind, planned.start, index));
        }
        if let (Some(lateness), false) = (lateness, options.plain) {
            let mut random = Random::of(options.seed ^ 6, index);
            let behind = [0, random.between(0, lateness), lateness];
            let behind = random.one_of(&behind).copied().unwrap_or_default();
            let late = vec![foreign("NewsletterSent", Span::ZERO)];
            let mut run = stranger(late, planned.start, index);
            run.twist = Some((0, Twist::Behind(behind), None));
            self.admit(run);
        }
        if !options.plain && random.once_in(3) {
            let updates = 2 + random.below(3);
            let mut after = Span::ZERO;
            let mut events = Vec::new();
            for _ in 0..updates {
                events.push(foreign("CartUpdated", after));
                after =
                    Span::from_nanos(after.as_nanos() + random.between(900, 40_000) * 1_000_000);
            }
            let mut run = stranger(events, planned.start, index);
            run.lag = random.between(0, 3_000);
            run.suffix = format!("{}", 40_000 + index);
            run.correlation = random
                .once_in(2)
                .then(|| format!("session-{}", 40_000 + index));
            self.admit(run);
        }
        if !options.plain && random.once_in(6) {
            self.admit(stranger(
                vec![foreign("NewsletterSent", Span::ZERO)],
                planned.start,
                index,
            ));
        }
        let run = self.active_of(planned, index, random.between(0, 3_000));
        self.admit(run);
        Ok(())
    }

    fn active_of(&mut self, planned: Planned, index: u64, lag: i64) -> Active {
        let options = self.plan.options;
        let saga = &self.plan.sagas[planned.saga];
        let (id, suffix) = match options.ids {
            Ids::Uuid => {
                let id = uuid(options.seed, index);
                (id.clone(), id)
            }
            Ids::Numbered => {
                let number = 1001 + index;
                let word = saga
                    .starts
                    .first()
                    .map_or("saga", |start| first_word(&start.kind));
                (
                    format!("{}-{number}", word.to_lowercase()),
                    number.to_string(),
                )
            }
        };
        if let Some((fault, step)) = planned.fault {
            self.labels.push(Label {
                rule: fault.rule(),
                subject: Subject {
                    kind: "instance",
                    definition: saga.name.to_string(),
                    id: id.clone(),
                },
                step: step.map(|step| saga.steps[step].name.to_string()),
            });
        }
        Active {
            saga: Some(planned.saga),
            number: Random::of(options.seed ^ 3, index).bits(),
            correlation: Some(id),
            suffix,
            start: planned.start,
            lag,
            events: planned.events,
            next: 0,
            counters: Vec::new(),
            previous: 0,
            claim: planned.claim,
            twist: None,
        }
    }

    fn admit(&mut self, run: Active) {
        let arrival = run.start + run.lag;
        let slot = self.place(run);
        self.queue(arrival, slot);
    }

    fn place(&mut self, run: Active) -> usize {
        match self.free.pop() {
            Some(slot) => {
                self.active[slot] = run;
                slot
            }
            None => {
                self.active.push(run);
                self.active.len() - 1
            }
        }
    }

    fn queue(&mut self, arrival: i64, slot: usize) {
        self.order += 1;
        self.heap.push(Reverse((arrival, self.order, slot)));
    }

    /// A run has no more events, or none that the log still holds.
    fn end(&mut self, slot: usize, insert: &mut Insert<'_>) -> Result<(), WriteError> {
        let active = &self.active[slot];
        if let (Some(0), Some(id), false) =
            (active.saga, &active.correlation, self.plan.options.plain)
        {
            let saga: &Saga = &self.plan.sagas[0];
            let recorded = &active.events[..active.next];
            let state = if recorded.is_empty() {
                None
            } else {
                status(saga, recorded, active.claim)
            };
            if let Some(state) = state {
                insert.status(id, state)?;
            }
        }
        self.free.push(slot);
        Ok(())
    }

    fn write(&mut self, slot: usize, insert: &mut Insert<'_>) -> Result<(), WriteError> {
        let Play {
            plan,
            active,
            texts,
            labels,
            position,
            futures,
            youngest,
            ..
        } = self;
        let options = plan.options;
        let run = &mut active[slot];
        let Some(event) = run.events.get(run.next) else {
            return Ok(());
        };
        let saga = run.saga.map(|saga| &*plan.sagas[saga]);
        let twisted = run.twist.filter(|(at, ..)| *at == run.next);
        let twist = twisted.map(|(_, twist, _)| twist);
        let log_fault = twisted.and_then(|(.., fault)| fault);
        *position += 1;
        let named = if twist == Some(Twist::SameId) {
            run.previous
        } else {
            *position
        };
        id(&mut texts.id, options, named);
        let has_cause = run.previous > 0 && run.saga.is_some() && !options.plain;
        if has_cause {
            id(&mut texts.cause, options, run.previous);
        }
        let mut version = None;
        if !run.suffix.is_empty() {
            texts.stream.clear();
            let word = first_word(&event.kind);
            texts
                .stream
                .extend(word.chars().map(|letter| letter.to_ascii_lowercase()));
            texts.stream.push('-');
            texts.stream.push_str(&run.suffix);
            version = Some(next_version(&mut run.counters, &event.kind, twist));
        }
        payload::write(&mut texts.payload, event, run.number, options.payload);
        let happened = run.start + millis(event.after);
        let time = match twist {
            Some(Twist::BrokenTime) => Time::Text("yesterday"),
            Some(Twist::Older) => Time::Millis(happened - 90_000),
            Some(Twist::Behind(behind)) => {
                Time::Millis(youngest.map_or(happened, |youngest| youngest - behind))
            }
            Some(Twist::Later) => {
                *futures += 1;
                Time::Millis(plan.end + (3_650 - *futures).max(1) * 86_400_000)
            }
            _ => Time::Millis(happened),
        };
        if let (Time::Millis(time), false) = (time, twist == Some(Twist::Later)) {
            *youngest = (*youngest).max(Some(time));
        }
        if twist == Some(Twist::BrokenData) {
            texts.payload.truncate(texts.payload.len() / 2);
        }
        let key = match (saga, &run.correlation) {
            (Some(saga), Some(id)) if !options.plain => event.key_text(saga, id),
            _ => None,
        };
        let stream = version.is_some().then_some(texts.stream.as_str());
        insert.event(&Row {
            position: *position,
            id: &texts.id,
            stream,
            version,
            kind: (twist != Some(Twist::NoType)).then_some(&*event.kind),
            time,
            correlation: run.correlation.as_deref(),
            causation: has_cause.then_some(&*texts.cause),
            key: key.as_deref(),
            payload: &texts.payload,
            headers: (!options.plain).then_some(r#"{"schema":1}"#),
        })?;
        run.previous = *position;
        if let Some(fault) = log_fault {
            let (kind, id) = match stream {
                Some(stream) if fault.is_about_stream() => ("stream", stream.to_owned()),
                _ => ("event", position.to_string()),
            };
            let subject = Subject {
                kind,
                definition: options.log.clone(),
                id,
            };
            labels.push(Label {
                rule: fault.rule(),
                subject,
                step: None,
            });
        }
        Ok(())
    }
}

/// A run of a system that has nothing to do with sagas.
fn stranger(events: Vec<DraftEvent>, start: i64, index: u64) -> Active {
    Active {
        saga: None,
        number: index,
        correlation: None,
        suffix: String::new(),
        start,
        lag: 0,
        events,
        next: 0,
        counters: Vec::new(),
        previous: 0,
        claim: Claim::Silent,
        twist: None,
    }
}

/// Events of another system with something wrong about one of them; one that is too late is so many
/// milliseconds `behind`.
fn twisted(fault: LogFault, behind: i64, start: i64, index: u64) -> Active {
    let after = |number: i64| Span::from_nanos(number * 7_000_000_000);
    let (kind, count, at) = match fault {
        _ if fault.is_about_stream() => ("CartUpdated", 4, 1),
        LogFault::DuplicateId | LogFault::TooLate => ("NewsletterSent", 2, 1),
        _ => ("NewsletterSent", 1, 0),
    };
    let mut run = stranger(
        (0..count)
            .map(|number| foreign(kind, after(number)))
            .collect(),
        start,
        index,
    );
    if fault.is_about_stream() {
        // Far from the carts that are well, and apart from other faults of the same instant.
        run.suffix = format!("{index}-{}", fault as u64);
    }
    run.twist = Some((at, fault.twist(behind), Some(fault)));
    run
}

/// The next version of the stream that events like `kind` go to.
fn next_version(counters: &mut Vec<Counter>, kind: &Arc<str>, twist: Option<Twist>) -> i64 {
    let word = first_word(kind);
    let known = counters
        .iter()
        .position(|counter| first_word(&counter.kind) == word);
    let at = known.unwrap_or_else(|| {
        counters.push(Counter {
            kind: kind.clone(),
            last: 0,
            hole: None,
        });
        counters.len() - 1
    });
    let counter = &mut counters[at];
    if let Some(hole) = counter.hole.take() {
        return hole;
    }
    match twist {
        Some(Twist::Again) => {}
        Some(Twist::Skip) => counter.last += 2,
        Some(Twist::Swap) => {
            counter.hole = Some(counter.last + 1);
            counter.last += 2;
        }
        _ => counter.last += 1,
    }
    counter.last
}

/// The first word of a name in camel case: what the event is about.
fn first_word(kind: &str) -> &str {
    let end = kind
        .char_indices()
        .skip(1)
        .find(|(_, letter)| letter.is_uppercase());
    end.map_or(kind, |(at, _)| &kind[..at])
}

fn millis(span: Span) -> i64 {
    span.as_nanos() / 1_000_000
}
