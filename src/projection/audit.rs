//! The stored rows against the ledger: which are exact, and what becomes of those that are not.

use std::collections::BTreeMap;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};

use crate::absent::Absent;
use crate::definition::projection::Counts;
use crate::event::{Position, Span, Timestamp};
use crate::log::{Log, LogError};
use crate::projection::clues::{Clues, DeadLetters, Repeats};
use crate::projection::compare::{Likeness, Raw, Row, compare};
use crate::projection::fold::Fold;
use crate::projection::history::{BUDGET, History};
use crate::projection::ledger::{Assembly, Entry, Keyless, Ledger};
use crate::projection::note::Note;
use crate::projection::stored::{Mark, ReadModels};
use crate::projection::verdict::{Standing, Verdict, judge};
use crate::share::Share;
use crate::texts::Texts;

/// How many searches of the greatest size there is time for.
const SEARCHES: usize = 125;
/// How many events of suspects are gathered at most; further suspects stay unknown.
const MOST_EVENTS: u64 = 2_000_000;

/// What a projection's stored rows look like before any history is known.
#[derive(Debug)]
struct Held {
    projection: usize,
    mark: Mark,
    letters: DeadLetters,
    counts: BTreeMap<Verdict, u64>,
    /// Judged without a look at the key's events.
    standings: Vec<Standing>,
    uncompared: Vec<String>,
    keyless: Keyless,
    sample_key: Option<Raw>,
    /// The rows of keys without events.
    strangers: Vec<History>,
    /// Those whose events have to be looked into.
    suspects: Vec<Suspect>,
    fold: Arc<Fold>,
}

/// The stored rows of every projection held against the ledger, with the histories of the suspects
/// among them.
#[derive(Debug)]
pub struct Audit {
    held: Vec<Held>,
    suspects: Suspects,
}

/// Keys whose row is not the fold of all their events.
#[derive(Debug, Default)]
pub struct Suspects {
    histories: Vec<History>,
    /// The number of each one's projection among the held ones.
    held_by: Vec<usize>,
    /// By projection, the number of each key's history.
    index: BTreeMap<usize, HashMap<String, usize, FixedState>>,
    assembly: Assembly,
}

/// What of a log was not seen.
#[derive(Debug, Clone, Copy)]
pub struct Unseen<'a> {
    /// Its beginning was removed.
    pub is_cut: bool,
    /// The rows that cannot be judged.
    pub absent: &'a Absent,
}

impl Unseen<'_> {
    /// Why nothing can be said of a key, whatever its row holds.
    fn of(self, projection: usize, key: &str, entry: Option<&Entry>) -> Option<String> {
        if self.is_cut && entry.is_none_or(|entry| !entry.is_whole) {
            let events = match entry {
                Some(_) => "its first events",
                None => "its events",
            };
            return Some(format!("{events} may have been cut off"));
        }
        if self.absent.of_state(projection).has(key) {
            return Some("an event of it stands in a row that cannot be judged".to_owned());
        }
        entry?.state.doubt().map(str::to_owned)
    }
}

/// What was found of one projection.
#[derive(Debug)]
pub struct Conclusion {
    /// What it was judged by.
    pub fold: Arc<Fold>,
    /// How many keys have each verdict.
    pub counts: BTreeMap<Verdict, u64>,
    /// Every key that is not exact, by key.
    pub standings: Vec<Standing>,
    /// The longest time that an event waits to be applied, of the keys that are slow.
    pub greatest_lag: Option<Span>,
    /// The checkpoint and the last position of the log that it lies beyond.
    pub ahead: Option<(i64, Position)>,
    /// How far the consumer says that it has come.
    pub mark: Mark,
    /// The events that the consumer gave up on.
    pub letters: DeadLetters,
    /// Columns of the read model that nothing is compared with and nobody ignores.
    pub uncompared: Vec<String>,
    /// Events of which the key could not be told.
    pub keyless: Keyless,
    /// The events and rows of the keys that were looked into, and the rows of those without events.
    pub histories: Vec<History>,
    /// A key as the table holds it.
    pub sample_key: Option<Raw>,
}

impl Audit {
    /// An audit of every projection that has stored rows, none of which is read yet.
    ///
    /// # Errors
    /// When a read model cannot be read.
    pub fn new(folds: &[Arc<Fold>], models: &ReadModels, log: &Log) -> Result<Audit, LogError> {
        let mut audit = Audit {
            held: Vec::new(),
            suspects: Suspects::default(),
        };
        for (projection, fold) in folds.iter().enumerate() {
            if fold.definition().stored.is_none() {
                continue;
            }
            audit.held.push(Held {
                projection,
                mark: models.mark(fold.definition(), log)?,
                letters: models.dead_letters(fold.definition(), log)?,
                counts: BTreeMap::new(),
                standings: Vec::new(),
                uncompared: models.uncompared(fold.definition(), log)?,
                keyless: Keyless::default(),
                sample_key: None,
                strangers: Vec::new(),
                suspects: Vec::new(),
                fold: Arc::clone(fold),
            });
        }
        Ok(audit)
    }

    /// Reads the stored rows of a share of the keys, of which the ledger holds the states.
    ///
    /// # Errors
    /// When a read model cannot be read.
    pub fn read(
        &mut self,
        ledger: &Ledger,
        models: &ReadModels,
        log: &Log,
        unseen: Unseen<'_>,
        share: Share,
    ) -> Result<(), LogError> {
        for held in &mut self.held {
            if share.is_first() {
                let keyless = ledger.keyless(held.projection);
                held.keyless = keyless.cloned().unwrap_or_default();
            }
            held.read(ledger, models, log, unseen, share)?;
        }
        Ok(())
    }

    /// The suspects once all rows are read, whose events another pass over the log has to gather;
    /// `None` where there are none.
    pub fn suspects(&mut self) -> Option<&mut Suspects> {
        for (at, held) in self.held.iter_mut().enumerate() {
            let mut found = std::mem::take(&mut held.suspects);
            found.sort_by(|one, other| one.key.cmp(&other.key));
            self.suspects.add(at, held, found);
        }
        (!self.suspects.histories.is_empty()).then_some(&mut self.suspects)
    }

    /// Judges every key, as of a horizon; `head` is the last position of the log.
    pub fn conclude(
        self,
        horizon: Timestamp,
        head: Option<Position>,
        absent: &Absent,
        repeats: Repeats,
    ) -> Vec<Conclusion> {
        let Audit {
            mut held,
            mut suspects,
        } = self;
        let repeats = Arc::new(repeats);
        let clues = held.iter().map(|held| {
            let clues = Clues::new(held.letters.clone(), Arc::clone(&repeats));
            Arc::new(clues)
        });
        let clues: Vec<Arc<Clues>> = clues.collect();
        for (history, held_by) in suspects.histories.iter_mut().zip(&suspects.held_by) {
            let (held, clues) = (&held[*held_by], &clues[*held_by]);
            let strays = absent.of_state(held.projection);
            let any = strays.keyless + held.keyless.count > 0;
            history.learn(any || strays.has(history.key()), clues);
        }
        let mut budget = SEARCHES * BUDGET;
        for (history, held_by) in suspects.histories.iter().zip(&suspects.held_by) {
            if let Some(held) = held.get_mut(*held_by) {
                let claimed = match held.mark {
                    Mark::At(position) => Some(position),
                    Mark::Undeclared | Mark::Absent(_) | Mark::Unreadable(_) => None,
                };
                held.add(judge(history, claimed, horizon, &mut budget));
            }
        }
        let mut conclusions: Vec<Conclusion> =
            held.into_iter().map(|held| held.conclude(head)).collect();
        let histories = suspects.histories.into_iter().zip(suspects.held_by);
        for (history, held_by) in histories {
            if let Some(conclusion) = conclusions.get_mut(held_by) {
                conclusion.histories.push(history);
            }
        }
        conclusions
    }
}

/// A key that has to be looked into.
#[derive(Debug)]
struct Suspect {
    key: String,
    row: Option<Row>,
    events: u64,
}

impl Held {
    fn count(&mut self, verdict: Verdict) {
        *self.counts.entry(verdict).or_default() += 1;
    }

    fn add(&mut self, standing: Standing) {
        self.count(standing.verdict);
        if standing.verdict != Verdict::Exact {
            self.standings.push(standing);
        }
    }

    fn at_once(&mut self, key: &str, verdict: Verdict, reason: impl Into<Option<String>>) {
        self.add(Standing::at_once(key, verdict, reason.into()));
    }

    /// Holds the stored rows of a share of the keys against the ledger.
    fn read(
        &mut self,
        ledger: &Ledger,
        models: &ReadModels,
        log: &Log,
        unseen: Unseen<'_>,
        share: Share,
    ) -> Result<(), LogError> {
        let mut seen: Vec<bool> = Vec::new();
        let mut suspects = Vec::new();
        let mut strangers: HashSet<String, FixedState> = HashSet::default();
        let fold = Arc::clone(&self.fold);
        models.rows(fold.definition(), log, &mut |key, row| {
            self.sample_key.get_or_insert_with(|| row.key.clone());
            let Some(key) = key else {
                if share.is_first() {
                    self.at_once("", Verdict::Unreadable, "a row has no key".to_owned());
                }
                return;
            };
            if !share.has_key(key) {
                return;
            }
            let Some(number) = ledger.find(self.projection, key) else {
                // A second row of a stranger is no second orphan.
                if strangers.insert(key.to_owned()) {
                    self.stranger(key, row, unseen);
                }
                return;
            };
            let at = number as usize;
            if seen.len() <= at {
                seen.resize(at + 1, false);
            }
            if std::mem::replace(&mut seen[at], true) {
                self.at_once(key, Verdict::Unreadable, "it has several rows".to_owned());
            } else if let Some((_, entry)) = ledger.entry(self.projection, number) {
                suspects.extend(self.hold(key, entry, row, unseen));
            }
        })?;
        for (number, (key, entry)) in ledger.entries(self.projection).enumerate() {
            if !seen.get(number).copied().unwrap_or_default() {
                suspects.extend(self.without_row(key, entry, unseen));
            }
        }
        self.suspects.extend(suspects);
        Ok(())
    }

    /// A row whose key has no events.
    fn stranger(&mut self, key: &str, row: Row, unseen: Unseen<'_>) {
        if let Some(reason) = unseen.of(self.projection, key, None) {
            self.at_once(key, Verdict::Unknown, reason);
        } else {
            self.at_once(key, Verdict::Orphan, None);
            let history = History::new(&self.fold, key.to_owned(), Some(row));
            self.strangers.push(history);
        }
    }

    /// A row whose key has events.
    fn hold(&mut self, key: &str, entry: &Entry, row: Row, unseen: Unseen<'_>) -> Option<Suspect> {
        if let Some(reason) = unseen.of(self.projection, key, Some(entry)) {
            self.at_once(key, Verdict::Unknown, reason);
            return None;
        }
        if let Some(Err(found)) = &row.version {
            let reason = format!("its version is {found}");
            self.at_once(key, Verdict::Unreadable, reason);
            return None;
        }
        let fold = Arc::clone(&self.fold);
        if entry.state.is_alive() {
            match compare(fold.definition(), &entry.state, &row) {
                Likeness::Same if !is_ahead(&fold, entry, &row) => {
                    self.count(Verdict::Exact);
                    return None;
                }
                Likeness::Unreadable(reason) => {
                    self.at_once(key, Verdict::Unreadable, reason);
                    return None;
                }
                Likeness::Unknown(reason) => {
                    self.at_once(key, Verdict::Unknown, reason);
                    return None;
                }
                Likeness::Same | Likeness::Different => {}
            }
        }
        Some(Suspect {
            key: key.to_owned(),
            row: Some(row),
            events: u64::from(entry.events),
        })
    }

    /// A key that has events and no row.
    fn without_row(&mut self, key: &str, entry: &Entry, unseen: Unseen<'_>) -> Option<Suspect> {
        if let Some(reason) = unseen.of(self.projection, key, Some(entry)) {
            self.at_once(key, Verdict::Unknown, reason);
            return None;
        }
        if !entry.state.is_alive() {
            self.count(Verdict::Exact);
            return None;
        }
        Some(Suspect {
            key: key.to_owned(),
            row: None,
            events: u64::from(entry.events),
        })
    }

    fn conclude(self, head: Option<Position>) -> Conclusion {
        let Held {
            mark,
            counts,
            mut standings,
            uncompared,
            keyless,
            sample_key,
            strangers,
            fold,
            letters,
            ..
        } = self;
        standings.sort_by(|one, other| (&one.key, one.verdict).cmp(&(&other.key, other.verdict)));
        let slow = |standing: &&Standing| {
            matches!(
                standing.verdict,
                Verdict::Converging | Verdict::Late | Verdict::Missing
            )
        };
        Conclusion {
            greatest_lag: standings.iter().filter(slow).filter_map(|it| it.lag).max(),
            ahead: match (&mark, head) {
                (Mark::At(claimed), Some(head)) if *claimed > head.0 => Some((*claimed, head)),
                _ => None,
            },
            fold,
            counts,
            standings,
            mark,
            letters,
            uncompared,
            keyless,
            histories: strangers,
            sample_key,
        }
    }
}

/// Whether a row claims events that the log does not hold.
fn is_ahead(fold: &Fold, entry: &Entry, row: &Row) -> bool {
    let stored = fold.definition().stored.as_ref();
    let counts = stored.and_then(|stored| stored.version.as_ref());
    let last = match counts.map(|version| version.counts) {
        Some(Counts::Version) => entry.version,
        Some(Counts::Position) => Some(entry.last.0),
        None => None,
    };
    match (&row.version, last) {
        (Some(Ok(version)), Some(last)) => *version > last,
        _ => false,
    }
}

impl Suspects {
    /// One key of the first projection, of which every event is wanted.
    pub fn of(fold: &Arc<Fold>, key: &str) -> Suspects {
        Suspects {
            histories: vec![History::new(fold, key.to_owned(), None)],
            held_by: vec![0],
            index: BTreeMap::from([(0, HashMap::from_iter([(key.to_owned(), 0)]))]),
            assembly: Assembly::default(),
        }
    }

    /// Adds the suspects of a projection as far as their events can be gathered.
    fn add(&mut self, held_by: usize, held: &mut Held, found: Vec<Suspect>) {
        let mut events = 0_u64;
        for suspect in found {
            events += suspect.events;
            if events > MOST_EVENTS {
                let reason = "more rows differ than can be looked into at once".to_owned();
                held.at_once(&suspect.key, Verdict::Unknown, reason);
                continue;
            }
            self.index
                .entry(held.projection)
                .or_default()
                .insert(suspect.key.clone(), self.histories.len());
            self.histories
                .push(History::new(&held.fold, suspect.key, suspect.row));
            self.held_by.push(held_by);
        }
    }

    /// Takes a note of the second pass, in position order.
    pub fn take(&mut self, note: &Note, texts: &Texts) {
        let Some((event, touch)) = self.assembly.take(note, texts) else {
            return;
        };
        let at = self
            .index
            .get(&usize::from(event.projection))
            .and_then(|keys| keys.get(texts.get(event.key)));
        if let Some(history) = at.and_then(|at| self.histories.get_mut(*at)) {
            history.push(touch.clone());
        }
    }

    /// The histories gathered, for whoever explains them.
    pub fn histories(&self) -> &[History] {
        &self.histories
    }
}
