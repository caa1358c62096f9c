//! Reading a log in as many passes as a cap on memory asks for.
//!
//! Each pass reads all of it and keeps the state of a share of the keys. How many shares there have
//! to be is found out: where the first pass keeps more than it may, it begins anew with smaller
//! ones, as many as what it kept so far calls for. All of it happens in the one transaction in which
//! the log was opened.
//!
//! What joins many keys cannot be divided and is kept as a whole in the first pass. Circles of causes
//! join many keys, too, but they are rare: where a cause stands after its effect, the ids are read
//! once more, all of them.

use std::sync::Arc;

use crate::definition::invariant::{Invariant, Total};
use crate::definition::requirement::Requirement;
use crate::definition::settings::AsOf;
use crate::idempotency;
use crate::inspect::claims::claim_of;
use crate::inspect::judge::Judge;
use crate::inspect::run::{Run, drive};
use crate::inspect::{RunError, Watch};
use crate::isolation;
use crate::log::Filter;
use crate::projection::{Audit, Repeats};
use crate::replay::{Divisible, Entry, Gatherer, Held, Ledgers, Limit, Reading};
use crate::report::{Beyond, Memory};
use crate::rules;
use crate::saga::Names;
use crate::share::Share;

/// More passes than this take too long to be of use.
const MOST: u32 = 256;

impl Run<'_> {
    /// Reads the log.
    pub fn pass(&mut self, watch: Watch<'_>) -> Result<(), RunError> {
        self.read_claims(None, u64::MAX)?;
        self.gather(Filter::All, None, watch)?;
        self.complete(watch)
    }

    /// Reads the log; where that would keep more than the options have it, for the first share of its
    /// keys.
    pub fn pass_first(&mut self, watch: Watch<'_>) -> Result<(), RunError> {
        let divisible = self.divisible();
        let mut before: Option<Rate> = None;
        loop {
            let is_last_try = self.is_skewed || self.share.of() >= MOST;
            let cap = |cap| if is_last_try { u64::MAX } else { cap };
            let limit = self.options.memory;
            let limit = limit.map(|bytes| Limit::new(cap(bytes), divisible));
            let room = limit.filter(|_| divisible.instances);
            let room = room.map_or(u64::MAX, |limit| limit.room(0));
            self.read_claims(None, room)?;
            if self.claimed > room {
                let wanted = self.claimed.saturating_mul(u64::from(self.share.of()));
                self.share = Share::first(more(wanted.div_ceil(room), self.share.of()));
                continue;
            }
            let kept = self.gather(Filter::All, limit, watch)?;
            let Some(kept) = kept.filter(Limit::is_passed) else {
                break;
            };
            let rate = Rate::of(&kept, self.share);
            match before {
                Some(before) if rate.is_of_one_key(before) => {
                    self.is_skewed = true;
                    self.share = Share::first(before.shares);
                }
                _ => {
                    before.get_or_insert(rate);
                    self.share = Share::first(smaller(&kept, self.share.of(), self.log.estimate()));
                }
            }
        }
        self.complete(watch)
    }

    /// Whether the log has to be read once more, for all instances: rows that may be of any of them may
    /// account for what is wrong with those asked for, unless more are wrong than there are such rows.
    pub fn widen(&mut self) -> bool {
        let is_narrow = !self.options.instances.is_empty() && !self.is_wide;
        self.is_wide = is_narrow && !self.gathered.astray.is_empty();
        self.is_wide
    }

    /// Reads the log for the next share of its keys, if there is one.
    pub fn pass_next(&mut self, watch: Watch<'_>) -> Result<bool, RunError> {
        let Some(share) = self.share.after() else {
            return Ok(false);
        };
        self.share = share;
        self.read_claims(None, u64::MAX)?;
        let limit = Limit::new(u64::MAX, self.divisible());
        self.gather(Filter::All, Some(limit), watch)?;
        self.complete(watch)?;
        Ok(true)
    }

    /// What of the state can be divided by keys. What sagas do to each other's effects is told from
    /// instances and states together, and invariants with look-ups and totals from the states of many
    /// keys.
    fn divisible(&self) -> Divisible {
        let looks_up = |one: &Arc<Requirement>| !one.lookups.is_empty();
        let adds_up = |one: &Arc<Invariant>| matches!(one.total, Total::States(_));
        let isolation = self.follows_effects();
        let joins_states = self.scope.requirements.iter().any(looks_up)
            || self.scope.invariants.iter().any(adds_up);
        Divisible {
            instances: !isolation,
            states: !isolation && !joins_states,
        }
    }

    /// The share of the instances that was read last.
    pub(super) fn share_of_instances(&self) -> Option<Share> {
        self.share.of_something(self.divisible().instances)
    }

    fn follows_effects(&self) -> bool {
        self.isolates
            && self.selection.sagas
            && self.selection.families
            && isolation::is_possible(&self.scope.sagas, &self.scope.projections)
    }

    /// What the cap came to, where there is one.
    pub(super) fn memory(&self) -> Option<Memory> {
        self.options.memory.map(|cap| Memory {
            cap,
            held: self.held.total(),
            passes: self.share.of(),
            beyond: match self.held {
                held if held.total() <= cap => None,
                Held { divided, whole } if whole >= divided => Some(Beyond::Whole),
                _ if self.share.of() >= MOST => Some(Beyond::Passes),
                _ => Some(Beyond::Keys),
            },
        })
    }

    /// Reads the share, stopped where that keeps too much; answers how much it kept, where it was
    /// looked at.
    pub(super) fn gather(
        &mut self,
        filter: Filter<'_>,
        limit: Option<Limit>,
        watch: Watch<'_>,
    ) -> Result<Option<Limit>, RunError> {
        let (share, divisible, until) = (self.share, self.divisible(), self.until());
        let claims = Held {
            divided: if divisible.instances { self.claimed } else { 0 },
            whole: if divisible.instances { 0 } else { self.claimed },
        };
        let limit = limit.map(|limit| limit.beside(claims));
        let readers = self.readers.of_share(share, divisible);
        let mut ledgers = match self.follows_effects() {
            true => Ledgers::new(self.scope),
            false => Ledgers::without_isolation(self.scope),
        };
        let off = idempotency::Wrong::ALL.into_iter().filter(|wrong| {
            let info = rules::idempotency::info(*wrong);
            self.off.contains(&info.name)
        });
        ledgers.idempotency = ledgers.idempotency.without(off.collect());
        let before = std::mem::take(&mut self.gathered);
        let Run {
            scope,
            definition,
            options,
            claims,
            ..
        } = self;
        let mut judge = Judge::new(definition, &scope.sagas, &self.off);
        let mut settle = |names: &Names, entry: &Entry, id: &str| {
            let saga = usize::from(entry.saga);
            let claim = claim_of(claims, saga, id);
            let outcome = judge.settled(saga, &entry.moments, claim, names)?;
            // Claims are forgotten where anything later than the horizon turns up.
            match until.and(claim) {
                None => Some(outcome),
                Some(_) => judge.settled(saga, &entry.moments, None, names),
            }
        };
        let gatherer = if share.is_first() {
            drop(before);
            Gatherer::new(definition, ledgers, &mut settle)
        } else {
            Gatherer::next(definition, ledgers, &mut settle, before)
        }
        .within(limit)
        .telling_all(self.tells_all);
        let reading = Reading::new(definition, &self.router, &readers, self.selection, until)
            .about(if self.is_wide {
                &[]
            } else {
                &options.instances
            })
            .of_share(share, divisible);
        let threads = options.threads;
        let log = &mut self.log;
        let stretch = (share, watch);
        let (gathered, limit, outcome) = drive(log, reading, filter, threads, gatherer, stretch);
        self.gathered = gathered;
        outcome?;
        self.keep_greatest(limit);
        Ok(limit)
    }

    fn keep_greatest(&mut self, limit: Option<Limit>) {
        let held = limit.map_or(Held::default(), |limit| limit.held());
        // What was stopped for keeping too much was not kept.
        if held.total() > self.held.total() && limit.is_some_and(|limit| !limit.is_passed()) {
            self.held = held;
        }
    }

    /// What is left to do once a share is read.
    fn complete(&mut self, watch: Watch<'_>) -> Result<(), RunError> {
        if !self.is_whole() {
            self.forget_claims();
        }
        if self.gathered.instances.reopened().next().is_some() {
            self.gather_again(watch)?;
        }
        self.horizon = match self.as_of() {
            AsOf::End => self.gathered.end,
            AsOf::Now => self.gathered.positions.map(|_| self.options.now),
            AsOf::Instant(instant) => self.gathered.positions.map(|_| instant),
        };
        if self.selection.families && self.is_whole() {
            self.hold_projections()?;
        }
        Ok(())
    }

    /// Reads the instances again of which events came after theirs had been dropped.
    fn gather_again(&mut self, watch: Watch<'_>) -> Result<(), RunError> {
        let mut never = |_: &Names, _: &Entry, _: &str| None;
        let gathered = std::mem::take(&mut self.gathered);
        let gatherer = Gatherer::again(self.definition, &mut never, gathered);
        let (share, divisible, until) = (self.share, self.divisible(), self.until());
        let (router, readers) = (&self.router, &self.readers);
        let reading = Reading::new(self.definition, router, readers, self.selection, until)
            .of_share(share, divisible)
            .again();
        let (log, threads) = (&mut self.log, self.options.threads);
        let stretch = (Share::WHOLE, watch);
        let (gathered, _, outcome) = drive(log, reading, Filter::All, threads, gatherer, stretch);
        self.gathered = gathered;
        outcome
    }

    /// Reads all ids once more where there may be circles of causes, which join many of them.
    pub fn find_circles(&mut self, watch: Watch<'_>) -> Result<(), RunError> {
        if self.share.of() == 1 || !(self.selection.causes && self.sum.ids.goes_back) {
            return Ok(());
        }
        let mut never = |_: &Names, _: &Entry, _: &str| None;
        let gathered = std::mem::take(&mut self.gathered);
        let gatherer = Gatherer::next(self.definition, Ledgers::default(), &mut never, gathered)
            .within(Some(Limit::new(u64::MAX, self.divisible())));
        let (router, readers, until) = (&self.router, &self.readers, self.until());
        let reading = Reading::new(self.definition, router, readers, self.selection, until).ids();
        let (log, threads) = (&mut self.log, self.options.threads);
        let stretch = (Share::WHOLE, watch);
        let (gathered, limit, outcome) =
            drive(log, reading, Filter::All, threads, gatherer, stretch);
        self.gathered = gathered;
        outcome?;
        self.keep_greatest(limit);
        let register = &mut self.gathered.register;
        self.sum.ids = register.conclude(self.definition.order, Share::WHOLE, threads);
        Ok(())
    }

    /// Holds stored rows against the folded states of the share that was read last.
    fn hold_projections(&mut self) -> Result<(), RunError> {
        let own = self.share.of_something(self.divisible().states);
        let mut audit = match self.audit.take() {
            Some(audit) => audit,
            None => Audit::new(self.readers.folds(), &self.models, &self.log)?,
        };
        if let Some(share) = own {
            let ledger = &self.gathered.ledgers.projections;
            let unseen = self.gathered.unseen(self.definition.cut);
            audit.read(ledger, &self.models, &self.log, unseen, share)?;
        }
        self.audit = Some(audit);
        Ok(())
    }

    /// Looks into the histories of the stored rows that differ, once all shares are read and added
    /// up.
    pub fn look_into_rows(&mut self, watch: Watch<'_>) -> Result<(), RunError> {
        let Some(mut audit) = self.audit.take() else {
            return Ok(());
        };
        // Of a log without events nothing has an age.
        let horizon = self.horizon.or(self.until()).unwrap_or(self.options.now);
        let mut repeats = Repeats::default();
        if let Some(suspects) = audit.suspects() {
            self.follow(watch, &mut |note, texts| suspects.take(note, texts))?;
            repeats = Repeats::of(&self.sum.ids.same_id);
            if let Some(mut versions) = suspects.overtaken() {
                self.read_versions(watch, &mut versions)?;
                suspects.learn(&versions);
            }
        }
        let head = self.gathered.head;
        let absent = &self.gathered.absent;
        self.projections = audit.conclude(horizon, head, absent, repeats);
        Ok(())
    }
}

/// How much a reading for one of so many shares kept for each row.
#[derive(Debug, Clone, Copy)]
struct Rate {
    shares: u32,
    bytes: u64,
    rows: u64,
}

impl Rate {
    fn of(kept: &Limit, share: Share) -> Rate {
        Rate {
            shares: share.of(),
            bytes: kept.held().divided,
            rows: kept.rows().max(1),
        }
    }

    /// Whether several times as many shares did not make it much less: what is kept is mostly of one
    /// key, which cannot be divided.
    fn is_of_one_key(self, before: Rate) -> bool {
        let now = u128::from(self.bytes) * u128::from(before.rows);
        let then = u128::from(before.bytes) * u128::from(self.rows);
        self.shares >= before.shares.saturating_mul(4) && now * 2 > then
    }
}

/// How many shares there have to be, more than there are, after a look at what one of so many kept.
/// What was kept of the rows read is taken to go on growing with those that are left.
fn smaller(kept: &Limit, shares: u32, rows: u64) -> u32 {
    let read = u128::from(kept.rows().max(1));
    let rows = u128::from(rows).max(read);
    let at_end = |bytes: u64| u128::from(bytes) * rows / read;
    let whole = u64::try_from(at_end(kept.held().whole)).unwrap_or(u64::MAX);
    let wanted = at_end(kept.held().divided) * u128::from(shares);
    let of = wanted.div_ceil(u128::from(kept.room(whole).max(1)));
    more(u64::try_from(of).unwrap_or(u64::MAX), shares)
}

/// At least so many shares, more than there are, with some to spare: tables grow by doubling, and
/// shares are not quite even.
fn more(wanted: u64, shares: u32) -> u32 {
    let wanted = u32::try_from(wanted.saturating_mul(3).div_ceil(2)).unwrap_or(MOST);
    wanted.clamp(shares + 1, MOST)
}
