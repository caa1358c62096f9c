//! The rows of one projection against its ledger: which are exact at a glance, and which have to be
//! looked into.

mod doubt;
mod whole;

use std::collections::BTreeMap;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashSet;

use crate::brief;
use crate::definition::projection::Counts;
use crate::event::Position;
use crate::log::{Log, LogError};
use crate::projection::audit::{Conclusion, Unseen, Untold};
use crate::projection::clues::DeadLetters;
use crate::projection::compare::{Likeness, Raw, Row, compare};
use crate::projection::fold::Fold;
use crate::projection::history::History;
use crate::projection::ledger::{Entry, Keyless, Ledger};
use crate::projection::manner::Manners;
use crate::projection::spelling::{self, Pairs};
use crate::projection::stored::{self, Mark, ReadModels};
use crate::projection::suspects::Suspect;
use crate::projection::verdict::{Standing, Verdict};
use crate::share::Share;

pub use whole::Whole;

/// What a projection's stored rows look like before any history is known.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) projection: usize,
    pub(super) mark: Mark,
    pub(super) letters: DeadLetters,
    pub(super) counts: BTreeMap<Verdict, u64>,
    /// Judged without a look at the key's events.
    pub(super) standings: Vec<Standing>,
    pub(super) uncompared: Vec<String>,
    pub(super) keyless: Keyless,
    pub(super) sample_key: Option<Raw>,
    pub(super) manners: Manners,
    /// The rows of keys without events.
    pub(super) strangers: Vec<History>,
    /// Those whose events have to be looked into.
    pub(super) suspects: Vec<Suspect>,
    /// What keys come to that are deleted and have no row, see [`spelling::forms`].
    pub(super) dead: HashSet<String, FixedState>,
    /// The same of keys and rows of which it cannot be told what they are.
    pub(super) dark: HashSet<String, FixedState>,
    /// How many rows may be events of any key.
    pub(super) strays: u64,
    /// Keys that were looked into and of which nothing tells how far their consumer has come.
    pub(super) mute: HashSet<String, FixedState>,
    /// How many more of these are exact.
    pub(super) mute_exact: u64,
    /// Whether some row has the key of events.
    pub(super) is_met: bool,
    pub(super) fold: Arc<Fold>,
}

impl Held {
    fn count(&mut self, verdict: Verdict) {
        *self.counts.entry(verdict).or_default() += 1;
    }

    pub(super) fn add(&mut self, standing: Standing) {
        self.count(standing.verdict);
        if standing.verdict != Verdict::Exact {
            self.standings.push(standing);
        }
    }

    fn at_once(&mut self, key: &str, verdict: Verdict, reason: impl Into<Option<String>>) {
        self.add(Standing::at_once(key, verdict, reason.into()));
    }

    /// Whether anything tells how far the consumer has come with a key that has a row or none, and a
    /// version in it or none. What is not there claims nothing, and that is told.
    pub(super) fn is_told(&self, has_row: bool, is_versioned: bool) -> bool {
        match &self.mark {
            Mark::At(_) => true,
            _ if is_versioned => true,
            Mark::Undeclared => !has_row,
            Mark::Absent(_) => !has_row && self.mark.is_of_positions(),
            Mark::Unreadable(_) => false,
        }
    }

    /// Takes note of a key of which nothing tells that.
    pub(super) fn add_mute(&mut self, standing: &Standing) {
        match standing.verdict {
            Verdict::Exact => self.mute_exact += 1,
            _ => _ = self.mute.insert(standing.key.clone()),
        }
    }

    /// Holds the stored rows of a share of the keys against the ledger.
    pub(super) fn read(
        &mut self,
        ledger: &Ledger,
        models: &ReadModels,
        log: &Log,
        unseen: Unseen<'_>,
        share: Share,
    ) -> Result<(), LogError> {
        let mut rows: Vec<u32> = Vec::new();
        let mut strangers: BTreeMap<String, (Row, u32)> = BTreeMap::new();
        let mut nameless = 0_u64;
        let fold = Arc::clone(&self.fold);
        let keys = ledger.entries(self.projection).count() as u64;
        let most = stored::most_rows(keys).saturating_mul(share.of().into());
        models.rows(fold.definition(), log, most, &mut |key, row| {
            self.sample_key.get_or_insert_with(|| row.key.clone());
            let Some(key) = key else {
                nameless += 1;
                return 0;
            };
            if !share.has_key(key) {
                return 0;
            }
            let Some(number) = ledger.find(self.projection, key) else {
                let bytes = (row.bytes() + key.len()) as u64;
                let first = strangers.entry(key.to_owned()).or_insert((row, 0));
                first.1 += 1;
                return if first.1 == 1 { bytes } else { 0 };
            };
            self.is_met = true;
            let at = number as usize;
            if rows.len() <= at {
                rows.resize(at + 1, 0);
            }
            rows[at] = rows[at].saturating_add(1);
            if rows[at] == 1
                && let Some((_, entry)) = ledger.entry(self.projection, number)
            {
                self.hold(key, entry, row, unseen);
            }
            0
        })?;
        if nameless > 0 && share.is_first() {
            let reason = format!("{} no key", brief::count(nameless, "row has", "rows have"));
            self.at_once("", Verdict::Unreadable, reason);
        }
        let of_key = |number: usize| rows.get(number).copied().unwrap_or_default();
        let mut rowless: Vec<(&str, &Entry)> = Vec::new();
        let mut several = BTreeMap::new();
        for (number, (key, entry)) in ledger.entries(self.projection).enumerate() {
            match of_key(number) {
                0 => rowless.push((key, entry)),
                1 => {}
                rows => _ = several.insert(key, format!("it has {rows} rows")),
            }
        }
        self.retract(&several, Verdict::Unreadable);
        for (key, (row, rows)) in strangers {
            let form = spelling::stored(&row.key);
            match form {
                _ if rows == 1 => self.stranger(&key, row, unseen),
                None => self.at_once(&key, Verdict::Orphan, format!("it has {rows} rows")),
                Some(form) => {
                    self.dark.insert(form);
                    self.at_once(&key, Verdict::Unreadable, format!("it has {rows} rows"));
                }
            }
        }
        for (key, entry) in rowless {
            self.without_row(key, entry, unseen);
        }
        Ok(())
    }

    /// Says something else of keys than what was said, with a reason for each.
    fn retract(&mut self, keys: &BTreeMap<&str, String>, verdict: Verdict) {
        if keys.is_empty() {
            return;
        }
        let mut said: BTreeMap<&str, Verdict> =
            keys.keys().map(|key| (*key, Verdict::Exact)).collect();
        for standing in &self.standings {
            if let Some(said) = said.get_mut(standing.key.as_str()) {
                *said = standing.verdict;
            }
        }
        for suspect in &self.suspects {
            said.remove(suspect.key.as_str());
        }
        for verdict in said.into_values() {
            let count = self.counts.entry(verdict).or_default();
            *count = count.saturating_sub(1);
        }
        let is_other = |key: &str| !keys.contains_key(key);
        self.standings.retain(|standing| is_other(&standing.key));
        self.suspects.retain(|suspect| is_other(&suspect.key));
        self.strangers.retain(|history| is_other(history.key()));
        for (key, reason) in keys {
            self.at_once(key, verdict, reason.clone());
        }
    }

    /// Brings rows without events and keys without rows together that are one key, spelled in two
    /// ways, and leaves those unknown that may be one of several.
    pub(super) fn marry(&mut self) {
        let of_stranger =
            |history: &History| history.row().map_or(Raw::Null, |row| row.key.clone());
        let rows: Vec<Raw> = self.strangers.iter().map(of_stranger).collect();
        let rowless = self.suspects.iter().enumerate();
        let rowless: Vec<usize> = rowless
            .filter(|(_, suspect)| suspect.row.is_none())
            .map(|(at, _)| at)
            .collect();
        let keys = rowless.iter().map(|at| self.suspects[*at].key.as_str());
        let Pairs { pairs, mut unclear } = Pairs::of(rows.iter(), keys);
        let form = |at: usize| spelling::stored(&rows[at]);
        let is_dark =
            |form: &Option<String>| form.as_ref().is_some_and(|it| self.dark.contains(it));
        let is_dead =
            |form: &Option<String>| form.as_ref().is_some_and(|it| self.dead.contains(it));
        let (pairs, odd): (Vec<_>, Vec<_>) = pairs.into_iter().partition(|(stranger, _)| {
            let form = form(*stranger);
            !is_dark(&form) && !is_dead(&form)
        });
        unclear.extend(
            odd.into_iter()
                .map(|(stranger, key)| (vec![stranger], vec![key])),
        );
        if !self.dark.is_empty() {
            let odd = (0..rows.len()).filter(|at| is_dark(&form(*at)));
            unclear.extend(odd.map(|at| (vec![at], Vec::new())));
            let is_odd = |at: &usize| {
                let mut forms = spelling::forms(&self.suspects[rowless[*at]].key);
                forms.any(|form| self.dark.contains(&form))
            };
            let odd = (0..rowless.len()).filter(is_odd);
            unclear.extend(odd.map(|at| (Vec::new(), vec![at])));
        }
        self.is_met |= !pairs.is_empty();
        let mut gone = BTreeMap::new();
        for (stranger, key) in pairs {
            let history = &self.strangers[stranger];
            gone.insert(history.key().to_owned(), None);
            self.suspects[rowless[key]].row = history.row().cloned();
        }
        for (strangers, keys) in unclear {
            let rows = strangers
                .iter()
                .map(|at| self.strangers[*at].key().to_owned());
            let keys = keys
                .iter()
                .map(|at| self.suspects[rowless[*at]].key.clone());
            let reason = "a row and its events may be of several keys that are spelled alike";
            gone.extend(rows.chain(keys).map(|key| (key, Some(reason))));
        }
        let unclear = gone
            .iter()
            .filter_map(|(key, why)| Some((key.as_str(), (*why)?.to_owned())));
        self.retract(&unclear.collect(), Verdict::Unknown);
        self.forget(|key| gone.get(key) == Some(&None));
    }

    /// Forgets the rows without events of some keys, which turned out to be those of others.
    fn forget(&mut self, is_gone: impl Fn(&str) -> bool) {
        let before = self.strangers.len();
        self.strangers.retain(|history| !is_gone(history.key()));
        let gone = (before - self.strangers.len()) as u64;
        let is_orphan =
            |standing: &Standing| standing.verdict == Verdict::Orphan && is_gone(&standing.key);
        self.standings.retain(|standing| !is_orphan(standing));
        if gone > 0 {
            let count = self.counts.entry(Verdict::Orphan).or_default();
            *count = count.saturating_sub(gone);
        }
    }

    /// A suspect whose events are too many to be gathered.
    pub(super) fn unseen(&mut self, suspect: &Suspect) {
        match &suspect.unreadable {
            Some(clash) => self.add(Standing::unreadable(&suspect.key, clash.clone())),
            None => {
                let reason = "more rows differ than can be looked into at once".to_owned();
                self.at_once(&suspect.key, Verdict::Unknown, reason);
            }
        }
    }

    /// A row whose key has no events.
    fn stranger(&mut self, key: &str, row: Row, unseen: Unseen<'_>) {
        if let Some(reason) = unseen.of(self.projection, key, None) {
            self.dark.extend(spelling::stored(&row.key));
            self.at_once(key, Verdict::Unknown, reason);
        } else {
            let is_garbled = matches!(row.key, Raw::Garbled(_));
            let reason = is_garbled.then(|| "its key is not UTF-8".to_owned());
            self.at_once(key, Verdict::Orphan, reason);
            let history = History::new(&self.fold, key.to_owned(), Some(row));
            self.strangers.push(history);
        }
    }

    /// A row whose key has events.
    fn hold(&mut self, key: &str, entry: &Entry, row: Row, unseen: Unseen<'_>) {
        if let Some(reason) = unseen.of(self.projection, key, Some(entry)) {
            return self.at_once(key, Verdict::Unknown, reason);
        }
        if let Some(Err(found)) = &row.version {
            let reason = format!("its version is {found}");
            return self.at_once(key, Verdict::Unreadable, reason);
        }
        let fold = Arc::clone(&self.fold);
        let mut unreadable = None;
        if entry.state.is_alive() {
            match compare(fold.definition(), &entry.state, &row) {
                Likeness::Same if !is_ahead(&fold, entry, &row, unseen.head) => {
                    self.manners.learn(fold.definition(), &entry.state, &row);
                    let is_versioned = row.version.is_some() && is_numbered(&fold, entry);
                    self.mute_exact += u64::from(!self.is_told(true, is_versioned));
                    return self.count(Verdict::Exact);
                }
                Likeness::Unknown(reason) => return self.at_once(key, Verdict::Unknown, reason),
                Likeness::Unreadable(clash) => unreadable = Some(clash),
                Likeness::Same | Likeness::Different => {}
            }
        }
        self.suspects.push(Suspect {
            key: key.to_owned(),
            row: Some(row),
            events: u64::from(entry.events),
            unreadable,
        });
    }

    /// A key that has events and no row.
    fn without_row(&mut self, key: &str, entry: &Entry, unseen: Unseen<'_>) {
        let is_text = matches!(self.sample_key, None | Some(Raw::Text(_)));
        let forms = || spelling::forms(key).filter(|_| !is_text);
        if let Some(reason) = unseen.of(self.projection, key, Some(entry)) {
            self.dark.extend(forms());
            return self.at_once(key, Verdict::Unknown, reason);
        }
        if !entry.state.is_alive() {
            self.dead.extend(forms());
            return self.count(Verdict::Exact);
        }
        self.suspects.push(Suspect {
            key: key.to_owned(),
            row: None,
            events: u64::from(entry.events),
            unreadable: None,
        });
    }

    pub(super) fn conclude(self, head: Option<Position>) -> Conclusion {
        let whole = Whole::of(&self);
        let Held {
            mark,
            counts,
            mut standings,
            uncompared,
            keyless,
            sample_key,
            manners,
            strangers,
            fold,
            letters,
            strays,
            mute,
            mute_exact,
            ..
        } = self;
        standings.sort_by(|one, other| {
            let keys = spelling::in_order(&one.key, &other.key);
            keys.then(one.verdict.cmp(&other.verdict))
        });
        let slow = |standing: &&Standing| {
            matches!(
                standing.verdict,
                Verdict::Converging | Verdict::Late | Verdict::Missing
            )
        };
        let mut untold = Untold {
            ahead: mute_exact.min(counts.get(&Verdict::Exact).copied().unwrap_or(0)),
            skipped: 0,
        };
        for standing in standings.iter().filter(|it| mute.contains(&it.key)) {
            use Verdict::{Converging, Divergent, Late, Missing, Orphan};
            let may_lack = matches!(standing.verdict, Converging | Late | Divergent);
            let may_lead = may_lack || matches!(standing.verdict, Missing | Orphan);
            untold.skipped += u64::from(may_lack);
            untold.ahead += u64::from(may_lead);
        }
        Conclusion {
            untold,
            greatest_lag: standings.iter().filter(slow).filter_map(|it| it.lag).max(),
            ahead: mark.beyond(head).map(|claimed| (claimed, head)),
            fold,
            counts,
            standings,
            mark,
            letters,
            uncompared,
            keyless,
            histories: strangers,
            whole,
            strays,
            sample_key,
            manners,
        }
    }
}

/// Whether the last event of a key has the number that a version in its row counts.
fn is_numbered(fold: &Fold, entry: &Entry) -> bool {
    let stored = fold.definition().stored.as_ref();
    let version = stored.and_then(|stored| stored.version.as_ref());
    version.is_some_and(|version| match version.counts {
        Counts::Version => entry.version.is_some(),
        Counts::Position => true,
    })
}

/// Whether a row may claim events that the log does not hold.
fn is_ahead(fold: &Fold, entry: &Entry, row: &Row, head: Option<Position>) -> bool {
    let stored = fold.definition().stored.as_ref();
    let counts = stored.and_then(|stored| stored.version.as_ref());
    let last = match counts.map(|version| version.counts) {
        Some(Counts::Version) => entry.version,
        Some(Counts::Position) => head.map(|head| head.0),
        None => None,
    };
    match (&row.version, last) {
        (Some(Ok(version)), Some(last)) => *version > last,
        _ => false,
    }
}
