//! The stored rows against the ledger: which are exact, and what becomes of those that are not.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashSet;

use crate::absent::Absent;
use crate::event::{Position, Span, Timestamp};
use crate::log::{Log, LogError};
use crate::projection::clues::{Clues, DeadLetters, Repeats};
use crate::projection::compare::Raw;
use crate::projection::fold::Fold;
use crate::projection::held::{Held, Whole};
use crate::projection::history::{BUDGET, History};
use crate::projection::ledger::{Entry, Keyless, Ledger};
use crate::projection::manner::Manners;
use crate::projection::stored::{Mark, ReadModels};
use crate::projection::suspects::Suspects;
use crate::projection::verdict::{Standing, Verdict, judge};
use crate::share::Share;

/// How many searches of the greatest size there is time for.
const SEARCHES: usize = 125;

/// The stored rows of every projection held against the ledger, with the histories of the suspects
/// among them.
#[derive(Debug)]
pub struct Audit {
    held: Vec<Held>,
    suspects: Suspects,
}

/// What of a log was not seen.
#[derive(Debug, Clone, Copy)]
pub struct Unseen<'a> {
    /// Its beginning was removed.
    pub is_cut: bool,
    /// Some stream has a version 0.
    pub counts_from_zero: bool,
    /// The rows that cannot be judged.
    pub absent: &'a Absent,
    /// The greatest position read, theirs included.
    pub head: Option<Position>,
}

impl Unseen<'_> {
    /// Whether events of a key may have been removed with the beginning of the log.
    pub fn may_lack_beginning(self, entry: Option<&Entry>) -> bool {
        self.is_cut && !entry.is_some_and(|entry| entry.is_whole(self.counts_from_zero))
    }

    /// Why nothing can be said of a key, whatever its row holds.
    pub(super) fn of(self, projection: usize, key: &str, entry: Option<&Entry>) -> Option<String> {
        if self.may_lack_beginning(entry) {
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
    /// The checkpoint and the last position of the log that it lies beyond, where it has any.
    pub ahead: Option<(i64, Option<Position>)>,
    /// How far the consumer says that it has come.
    pub mark: Mark,
    /// The keys of which nothing says that.
    pub untold: Untold,
    /// The events that the consumer gave up on.
    pub letters: DeadLetters,
    /// Columns of the read model that nothing is compared with and nobody ignores.
    pub uncompared: Vec<String>,
    /// Events of which the key could not be told.
    pub keyless: Keyless,
    /// The events and rows of the keys that were looked into, and the rows of those without events.
    pub histories: Vec<History>,
    /// What tells that the rows are kept by the whole names of their streams.
    pub whole: Option<Whole>,
    /// How many rows may be events of any key.
    pub strays: u64,
    /// A key as the table holds it.
    pub sample_key: Option<Raw>,
    /// How the table holds values.
    pub manners: Manners,
}

/// Keys of which neither a checkpoint nor a version tells how far their consumer has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Untold {
    /// How many may be ahead of the log for that.
    pub ahead: u64,
    /// How many of them look slow or wrong, and may lack events that their consumer has passed.
    pub skipped: u64,
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
                manners: Manners::default(),
                strangers: Vec::new(),
                suspects: Vec::new(),
                dead: HashSet::default(),
                dark: HashSet::default(),
                strays: 0,
                mute: HashSet::default(),
                mute_exact: 0,
                is_met: false,
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
            held.marry();
            let found = std::mem::take(&mut held.suspects);
            let whose = (at, held.projection);
            for other in self.suspects.add(whose, &held.fold, found) {
                held.unseen(&other);
            }
        }
        (!self.suspects.histories.is_empty()).then_some(&mut self.suspects)
    }

    /// Judges every key, as of a horizon; `head` is the greatest position of the log.
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
            let any = strays.keyless + held.keyless.unread > 0;
            history.learn(any || strays.has(history.key()), head, clues);
        }
        let mut budget = SEARCHES * BUDGET;
        for (history, held_by) in suspects.histories.iter().zip(&suspects.held_by) {
            if let Some(held) = held.get_mut(*held_by) {
                let claimed = match held.mark {
                    Mark::At(position) => Some(position),
                    Mark::Undeclared | Mark::Absent(_) | Mark::Unreadable(_) => None,
                };
                let standing = judge(history, claimed, horizon, &mut budget);
                if !held.is_told(history.row().is_some(), history.is_versioned()) {
                    held.add_mute(&standing);
                }
                held.add(standing);
            }
        }
        for held in &mut held {
            let strays = absent.of_state(held.projection).keyless;
            held.doubt(strays + held.keyless.unread);
            held.lead(head);
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
