//! What happens when: which instance is of which saga, when it starts and what goes wrong with it.
//! Everything here follows from the seed and the instance's number alone.

use std::collections::HashMap;
use std::sync::Arc;

use crate::definition::saga::Saga;
use crate::event::{Span, Timestamp};
use crate::generate::faults::{Claim, Fault, Faulty};
use crate::generate::legal::legal_run;
use crate::generate::log_faults::LogFault;
use crate::generate::random::Random;
use crate::generate::walk::{DraftEvent, Role};

/// Something that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wrong {
    /// In a saga instance.
    Run(Fault),
    /// In the log itself.
    Log(LogFault),
}

impl Wrong {
    /// Everything that can go wrong in a log with or without unique ids, and with this lateness.
    pub fn all(unique_ids: bool, lateness: Option<Span>) -> Vec<Wrong> {
        let log = LogFault::ALL.into_iter().filter(|fault| match fault {
            LogFault::DuplicateId => !unique_ids,
            LogFault::TooLate => lateness.is_some(),
            // Where arrival is no order, versions may arrive in any.
            LogFault::VersionBackwards => lateness.is_none(),
            _ => true,
        });
        Fault::ALL
            .into_iter()
            .map(Wrong::Run)
            .chain(log.map(Wrong::Log))
            .collect()
    }

    /// The rule that finds it.
    pub const fn rule(self) -> &'static str {
        match self {
            Wrong::Run(fault) => fault.rule(),
            Wrong::Log(fault) => fault.rule(),
        }
    }
}

/// How much goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Faults {
    /// Nothing.
    None,
    /// With so many of a thousand instances something does.
    PerMille(u32),
    /// Exactly these things, spread over the log.
    Each(Vec<Wrong>),
}

/// How instances and events are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ids {
    /// `order-1007`, `e-12`: short and easy to say.
    Numbered,
    /// 36 characters that look like UUIDs, as most systems have them.
    Uuid,
}

/// What log to make.
#[derive(Debug, Clone)]
pub struct Options {
    /// How the definitions call the log.
    pub log: String,
    /// The same seed makes the same log, byte for byte.
    pub seed: u64,
    /// How many saga instances.
    pub instances: u64,
    /// What goes wrong.
    pub faults: Faults,
    /// How long after younger ones an event may arrive, in a log that is declared to be ordered by
    /// time: two minutes or more, since some faults are of rows that are older than they should be.
    pub lateness: Option<Span>,
    /// The mean time between two starts: the shorter, the more instances are interleaved.
    pub spacing: Span,
    /// When the first instance starts.
    pub start: Timestamp,
    /// About how many bytes of data an event has; 0 is as few as it needs.
    pub payload: usize,
    /// How instances and events are called.
    pub ids: Ids,
    /// For measurements: sagas only, without events of other systems, status, keys, causes and
    /// headers.
    pub plain: bool,
}

impl Options {
    /// The log that is shipped beside the example's definitions: a morning and a noon of a small
    /// shop on which a dozen things went wrong.
    pub fn example(log: String) -> Options {
        let wrongs = [
            Wrong::Run(Fault::StuckRunning),
            Wrong::Run(Fault::Uncompensated),
            Wrong::Run(Fault::Swallowed),
            Wrong::Run(Fault::DoubleEffect),
            Wrong::Run(Fault::UndoFailed),
            Wrong::Run(Fault::StuckSaga),
            Wrong::Run(Fault::ClaimsCompensated),
            Wrong::Run(Fault::Wedged),
            Wrong::Run(Fault::LateStep),
            Wrong::Run(Fault::DanglingStep),
            Wrong::Log(LogFault::Gap),
        ];
        Options {
            log,
            seed: 2027,
            instances: 90,
            faults: Faults::Each(wrongs.to_vec()),
            lateness: None,
            spacing: Span::from_secs(300),
            // 2026-03-02T06:00:00Z
            start: Timestamp::from_nanos(1_772_431_200 * 1_000_000_000),
            payload: 0,
            ids: Ids::Numbered,
            plain: false,
        }
    }
}

/// When and what everything is.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    pub(super) sagas: &'a [Arc<Saga>],
    pub(super) options: &'a Options,
    /// The last instant of the log, in milliseconds since the epoch.
    pub(super) end: i64,
    /// The instances before this one start early enough for a fault to show by the end.
    settled: u64,
    /// The instances from this one on start after a quiet time in which the others settle.
    late: u64,
    quiet: i64,
    wrongs: Vec<Wrong>,
    each: HashMap<u64, Vec<Wrong>>,
}

/// One instance of the plan.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) saga: usize,
    /// Milliseconds since the epoch.
    pub(super) start: i64,
    pub(super) events: Vec<DraftEvent>,
    pub(super) claim: Claim,
    /// What went wrong with it, and the step.
    pub(super) fault: Option<(Fault, Option<usize>)>,
    /// What went wrong with the log just then.
    pub(super) log_faults: Vec<LogFault>,
    /// A fault that no saga here can have.
    pub(super) impossible: Option<Fault>,
}

fn millis(span: Span) -> i64 {
    span.as_nanos() / 1_000_000
}

impl<'a> Plan<'a> {
    pub(super) fn new(sagas: &'a [Arc<Saga>], options: &'a Options, unique_ids: bool) -> Plan<'a> {
        let spacing = millis(options.spacing);
        let span = spacing.saturating_mul(options.instances as i64);
        let settle = match options.faults {
            Faults::None => 0,
            _ => sagas.iter().map(|saga| settling(saga)).max().unwrap_or(0),
        };
        let is_roomy = span >= settle.saturating_mul(2);
        let quiet = if is_roomy { 0 } else { settle };
        let late = if is_roomy {
            options.instances
        } else {
            options.instances - options.instances / 5
        };
        let settled = if is_roomy && spacing > 0 {
            ((span - settle) / spacing) as u64
        } else {
            late
        };
        let mut each: HashMap<u64, Vec<Wrong>> = HashMap::new();
        if let Faults::Each(list) = &options.faults {
            for (index, wrong) in list.iter().enumerate() {
                let at = (index as u64 + 1) * settled / (list.len() as u64 + 1);
                each.entry(at).or_default().push(*wrong);
            }
        }
        Plan {
            sagas,
            options,
            end: options.start.as_nanos() / 1_000_000 + span + quiet,
            settled,
            late,
            quiet,
            wrongs: Wrong::all(unique_ids, options.lateness),
            each,
        }
    }

    pub(super) fn start_of(&self, index: u64) -> i64 {
        let options = self.options;
        let spacing = millis(options.spacing);
        let left = (options.instances - index) as i64;
        if !options.plain && left <= (options.instances as i64 / 25).min(40) && spacing > RECENT {
            return self.end - left * RECENT;
        }
        let jitter = Random::of(options.seed ^ 1, index).between(0, spacing - 1);
        let quiet = if index >= self.late { self.quiet } else { 0 };
        options.start.as_nanos() / 1_000_000 + spacing * index as i64 + jitter + quiet
    }

    pub(super) fn instance(&self, index: u64) -> Planned {
        let mut random = Random::of(self.options.seed, index);
        let saga = match self.sagas.len() {
            0 | 1 => 0,
            more => {
                if random.below(10) < 6 {
                    0
                } else {
                    1 + random.below(more as u64 - 1) as usize
                }
            }
        };
        let mut planned = Planned {
            saga,
            start: self.start_of(index),
            events: Vec::new(),
            claim: Claim::Honest,
            fault: None,
            log_faults: Vec::new(),
            impossible: None,
        };
        for wrong in self.wrongs_of(index, &mut random) {
            match wrong {
                Wrong::Log(fault) => planned.log_faults.push(fault),
                Wrong::Run(fault) => match self.faulty(fault, saga, &mut random) {
                    Some((saga, faulty)) => {
                        planned.saga = saga;
                        planned.fault = Some((fault, faulty.step));
                        planned.events = faulty.events;
                        planned.claim = faulty.claim;
                    }
                    None => planned.impossible = Some(fault),
                },
            }
        }
        if planned.fault.is_none() {
            planned.events = legal_run(&self.sagas[planned.saga], random.clone());
        }
        if !self.options.plain && random.once_in(6) && planned.events.len() > 1 {
            let at = 1 + random.below(planned.events.len() as u64 - 1) as usize;
            let kind = if random.once_in(2) {
                "FraudScored"
            } else {
                "LoyaltyPointsEarned"
            };
            planned
                .events
                .insert(at, foreign(kind, planned.events[at - 1].after));
        }
        planned
    }

    fn wrongs_of(&self, index: u64, random: &mut Random) -> Vec<Wrong> {
        match &self.options.faults {
            Faults::None => Vec::new(),
            Faults::Each(_) => self.each.get(&index).cloned().unwrap_or_default(),
            Faults::PerMille(rate) => {
                let is_wrong = index < self.settled && random.below(1000) < u64::from(*rate);
                is_wrong
                    .then(|| random.one_of(&self.wrongs).copied())
                    .flatten()
                    .into_iter()
                    .collect()
            }
        }
    }

    /// A faulty run of this saga, or of another one if this one cannot go wrong in this way.
    fn faulty(&self, fault: Fault, saga: usize, random: &mut Random) -> Option<(usize, Faulty)> {
        let mut tries = (0..self.sagas.len()).map(|next| (saga + next) % self.sagas.len());
        let has_status = |saga: usize| saga == 0 && !self.options.plain;
        tries.find_map(|saga| {
            (0..TRIES).find_map(|_| {
                let faulty = fault.run(
                    &self.sagas[saga],
                    has_status(saga),
                    Random::new(random.bits()),
                )?;
                Some((saga, faulty))
            })
        })
    }
}

/// How many milliseconds before the end the last instances start: some are always at work when a
/// log is looked at.
const RECENT: i64 = 6_000;

/// How often a run is drawn again if a fault did not come about in it.
const TRIES: usize = 8;

/// After so many milliseconds every fault of an instance of this saga shows.
fn settling(saga: &Saga) -> i64 {
    let timeouts = saga.steps.iter().flat_map(|step| {
        [
            step.timeout,
            step.compensation.as_ref().and_then(|undo| undo.timeout),
        ]
        .into_iter()
        .flatten()
    });
    let longest = timeouts.map(millis).max().unwrap_or(0);
    saga.deadline.map_or(0, millis) * 3 / 2 + longest * 2
}

pub(super) fn foreign(kind: &str, after: Span) -> DraftEvent {
    DraftEvent {
        kind: kind.into(),
        role: Role::Foreign,
        after,
        key: None,
        error: None,
    }
}
