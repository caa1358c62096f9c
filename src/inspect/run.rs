//! One log judged by its definitions: the pass, the verdicts, the findings.

use hashbrown::HashMap;

use crate::beside;
use crate::brief;
use crate::definition::Scope;
use crate::definition::log::LogDefinition;
use crate::definition::settings::AsOf;
use crate::event::{Position, Span, Timestamp};
use crate::finding::Finding;
use crate::inspect::claims::ClaimTable;
use crate::inspect::sum::Sum;
use crate::inspect::tally::Tally;
use crate::inspect::{Go, Options, Progress, RunError, Watch, Whereabouts, rows};
use crate::log::{Fields, Filter, Log, LogError, OpenOptions};
use crate::projection::{Audit, Conclusion, Note, ReadModels, Versions};
use crate::replay::{
    Continue, Gathered, Gatherer, Held, Horizon, Limit, Readers, Reading, Router, Selection,
    histories, pass,
};
use crate::report::{LogSummary, Report};
use crate::rules;
use crate::share::Share;
use crate::texts::Texts;

/// From how old a log's end is on a report says so.
const OLD: Span = Span::from_secs(3600);
/// How many of the last rows tell the horizon where only one instance is read.
const TAIL: usize = 10_000;
/// Between how many rows somebody may stop a pass.
const LOOKED_AT: u64 = 10_000;

/// A run over one log.
#[derive(Debug)]
pub struct Run<'s> {
    pub(super) scope: &'s Scope,
    pub(super) definition: &'s LogDefinition,
    pub(super) options: &'s Options,
    pub(super) log: Log,
    pub(super) router: Router,
    pub(super) readers: Readers,
    pub(super) selection: Selection,
    /// Every instance is told of, not only those that something is found of.
    pub(super) tells_all: bool,
    /// All instances are read, although only some are asked for.
    pub(super) is_wide: bool,
    pub(super) off: Vec<&'static str>,
    pub(super) claims: ClaimTable,
    /// Bytes that the claims of the share take.
    pub(super) claimed: u64,
    pub(super) gathered: Gathered,
    pub(super) models: ReadModels,
    pub(super) projections: Vec<Conclusion>,
    pub(super) horizon: Option<Timestamp>,
    pub(super) findings: Vec<Finding>,
    /// Whether anybody asks what sagas do to each other's effects.
    pub(super) isolates: bool,
    /// The share of the keys that is being read.
    pub(super) share: Share,
    /// The most that was kept at once, where there is a cap on it.
    pub(super) held: Held,
    /// One key has more than the cap allows, so that dividing the others is of no use.
    pub(super) is_skewed: bool,
    /// Of the shares before the last one.
    pub(super) audit: Option<Audit>,
    pub(super) sum: Sum,
    /// Which entries of the settings' `allow` were of use.
    pub(super) used: Vec<bool>,
}

impl<'s> Run<'s> {
    /// Opens the log of a scope, which `filter::scopes` has made sure it has, and tells the scope what
    /// only an open log can.
    pub fn open(
        scope: &'s mut Scope,
        options: &'s Options,
        rules: &[&'static str],
    ) -> Result<Run<'s>, RunError> {
        let is_wanted_family = |rule: &rules::Rule| {
            matches!(rule.judge, rules::Judge::Family) && rules.contains(&rule.info.name)
        };
        let families = !options.narrowed() && rules::TABLE.iter().any(is_wanted_family);
        let models = match families {
            true => ReadModels::open(&scope.projections)?,
            false => ReadModels::default(),
        };
        let definition = scope.log.as_mut().ok_or(RunError::NoLog)?;
        let log = Log::open(
            definition,
            &OpenOptions {
                path: options.log.clone(),
            },
        )?;
        let maps = log.maps();
        definition.names_no_key = !maps.key;
        let scope: &'s Scope = scope;
        let definition = scope.log.as_ref().ok_or(RunError::NoLog)?;
        let wants = |wanted: &[&rules::Info]| wanted.iter().any(|info| rules.contains(&info.name));
        let proven = !log.facts().is_empty() && log.facts().iter().all(|source| source.unique_id);
        use rules::log as log_rules;
        let causes = maps.id && maps.causation && wants(&rules::causation::ALL);
        let compares = families && scope.projections.iter().any(|it| it.stored.is_some());
        let asks_for_ids = compares || wants(&[&log_rules::DUPLICATE_ID]);
        let selection = Selection {
            sagas: rules.iter().any(|rule| rules::needs_instances(rule)),
            streams: maps.stream
                && wants(&[
                    &log_rules::GAP,
                    &log_rules::DUPLICATE_VERSION,
                    &log_rules::VERSION_BACKWARDS,
                    &log_rules::TIME_BACKWARDS,
                ]),
            ids: maps.id && (causes || (!proven && asks_for_ids)),
            causes,
            data: maps.data && wants(&[&log_rules::BAD_ROW]),
            families,
        };
        let off: Vec<&'static str> = scope
            .settings
            .rules
            .iter()
            .filter(|(_, level)| level.is_none())
            .map(|(rule, _)| *rule)
            .collect();
        let effects = [&rules::isolation::DIRTY_TOUCH, &rules::isolation::RESIDUE];
        let is_on = |info: &&rules::Info| rules.contains(&info.name) && !off.contains(&info.name);
        let isolates = effects.iter().any(is_on);
        Ok(Run {
            scope,
            definition,
            options,
            log,
            router: Router::new(&scope.sagas),
            readers: Readers::new(scope),
            selection,
            tells_all: false,
            is_wide: false,
            off,
            claims: scope.sagas.iter().map(|_| HashMap::default()).collect(),
            claimed: 0,
            gathered: Gathered::default(),
            models,
            projections: Vec::new(),
            horizon: None,
            findings: Vec::new(),
            isolates,
            share: Share::WHOLE,
            held: Held::default(),
            is_skewed: false,
            audit: None,
            sum: Sum::default(),
            used: vec![false; scope.settings.allow.len()],
        })
    }

    /// Leaves out what only the log's own rules need, and tells of every instance.
    pub fn only_instances(&mut self) {
        self.selection = Selection::SAGAS;
        self.tells_all = true;
    }

    pub(super) fn as_of(&self) -> AsOf {
        self.options
            .as_of
            .or(self.scope.settings.as_of)
            .unwrap_or(AsOf::End)
    }

    /// Leaves out what projections do not need.
    pub fn only_projections(&mut self) {
        self.selection = Selection {
            ids: self.selection.ids,
            ..Selection::FAMILIES
        };
        self.readers = self.readers.of_projections();
    }

    pub(super) fn until(&self) -> Option<Timestamp> {
        match self.as_of() {
            AsOf::Instant(instant) => Some(instant),
            AsOf::End | AsOf::Now => None,
        }
    }

    /// Whether nothing that was read is later than the horizon, so that the log is judged as it stands
    /// now: what tells of now, status columns and stored rows, can be held against it.
    pub(super) fn is_whole(&self) -> bool {
        self.until().is_none() || self.gathered.beyond == 0
    }

    /// Hands out what the events say of projections, in position order.
    pub(super) fn follow(
        &mut self,
        watch: Watch<'_>,
        take: &mut dyn FnMut(&Note, &Texts),
    ) -> Result<(), RunError> {
        let readers = self.readers.of_histories();
        let reading = Reading::new(
            self.definition,
            &self.router,
            &readers,
            self.selection,
            self.until(),
        )
        .histories();
        let threads = self.options.threads;
        told(self.log.estimate(), (Share::WHOLE, watch), |go_on| {
            histories(&mut self.log, reading, threads, take, go_on)
        })
    }

    /// Looks up how far some streams go.
    pub(super) fn read_versions(
        &self,
        watch: Watch<'_>,
        versions: &mut Versions,
    ) -> Result<(), RunError> {
        let fields = Fields {
            stream: true,
            version: true,
            ..Fields::default()
        };
        let mut rows = 0_u64;
        told(self.log.estimate(), (Share::WHOLE, watch), |go_on| {
            self.log.scan(fields, Filter::All, &mut |row| {
                versions.see(row.as_ref());
                rows += 1;
                match rows.is_multiple_of(LOOKED_AT) {
                    true => go_on(rows),
                    false => Continue::Continue(()),
                }
            })
        })
    }

    /// Reads what concerns one instance: by the index on its correlation column where there is one.
    pub fn pass_instance(&mut self, id: &str, watch: Watch<'_>) -> Result<(), RunError> {
        if !(self.is_indexed()? && self.router.uses_log_correlation()) {
            return self.pass(watch);
        }
        self.pass_some(id, Filter::Correlation(id), watch)
    }

    /// The same, once more: without an index by where its rows stand, as far as that is known.
    pub fn pass_again(
        &mut self,
        id: &str,
        whereabouts: Option<&Whereabouts>,
        watch: Watch<'_>,
    ) -> Result<(), RunError> {
        let known = match whereabouts {
            Some(whereabouts) if self.router.uses_log_correlation() && !self.is_indexed()? => {
                whereabouts.of(&self.definition.name, &self.log, id, watch)?
            }
            _ => None,
        };
        match known {
            Some(positions) => self.pass_some(id, Filter::Positions(&positions), watch),
            None => self.pass_instance(id, watch),
        }
    }

    /// Whether the rows of an instance, and those that may be of any, are found by an index.
    fn is_indexed(&self) -> Result<bool, RunError> {
        let facts = self.log.facts();
        let is_indexed = facts.len() == 1 && facts.iter().all(|source| source.indexed_correlation);
        Ok(is_indexed && !self.log.has_broken_lines()?)
    }

    /// Reads the rows of one instance; its horizon is that of the log's end all the same.
    fn pass_some(
        &mut self,
        id: &str,
        filter: Filter<'_>,
        watch: Watch<'_>,
    ) -> Result<(), RunError> {
        self.read_claims(Some(id), u64::MAX)?;
        self.gather(filter, None, watch)?;
        self.horizon = match self.as_of() {
            AsOf::Now => Some(self.options.now),
            AsOf::Instant(instant) => {
                if self.claimed > 0 && self.is_cut(instant, watch)? {
                    self.forget_claims();
                }
                Some(instant)
            }
            AsOf::End => {
                let mut horizon = Horizon::new(self.definition.future_tolerance);
                for (position, time) in self.log.tail(TAIL)? {
                    horizon.push(position, time);
                }
                let own = self.gathered.end;
                horizon.settle().0.or(own)
            }
        };
        Ok(())
    }

    /// Whether some row of the log is later than an instant: it is likely one of those that were read
    /// or of the last ones, and else may be any.
    fn is_cut(&self, instant: Timestamp, watch: Watch<'_>) -> Result<bool, RunError> {
        let is_later = |(_, time): &(Position, Timestamp)| *time > instant;
        if !self.is_whole() || self.log.tail(TAIL)?.iter().any(is_later) {
            return Ok(true);
        }
        let fields = Fields {
            time: true,
            ..Fields::default()
        };
        let (mut rows, mut is_cut) = (0_u64, false);
        told(self.log.estimate(), (Share::WHOLE, watch), |go_on| {
            self.log.scan(fields, Filter::All, &mut |row| {
                let time = row.map_or_else(|bad| bad.rest.time, |row| Some(row.time));
                is_cut = time.is_some_and(|time| time > instant);
                rows += 1;
                match is_cut {
                    true => Continue::Break(()),
                    false if rows.is_multiple_of(LOOKED_AT) => go_on(rows),
                    false => Continue::Continue(()),
                }
            })
        })?;
        Ok(is_cut)
    }

    /// What was read.
    pub fn summary(&self) -> LogSummary {
        let behind = match (self.as_of(), self.horizon) {
            (AsOf::End, Some(horizon)) => {
                Some(self.options.now.since(horizon)).filter(|age| *age >= OLD)
            }
            _ => None,
        };
        LogSummary {
            name: self.definition.name.clone(),
            path: self.log.path().to_path_buf(),
            positions: self.gathered.positions,
            events: self.gathered.events,
            matched: self.gathered.matched,
            as_of: self.horizon,
            behind,
            memory: self.memory(),
        }
    }

    /// Adds what this log showed to the report.
    pub fn conclude(mut self, tally: &mut Tally, report: &mut Report) {
        let summary = self.summary();
        let mut findings = self.instances(tally);
        for remark in self.log.remarks() {
            tally.remark(format!("log {}: {remark}", self.definition.name));
        }
        if self.gathered.unattributed > 0 {
            let events = brief::count(
                self.gathered.unattributed,
                "event of a saga type carries no correlation value and was",
                "events of saga types carry no correlation value and were",
            );
            tally.remark(format!("log {}: {events} not judged", self.definition.name));
        }
        if self.gathered.beyond > 0 {
            tally.remark(self.beyond());
        }
        if !self.is_whole() && !self.definition.claims.is_empty() {
            tally.remark(format!(
                "log {}: status columns tell of now and were not compared with an earlier horizon",
                self.definition.name
            ));
        }
        if self.selection.families {
            findings.extend(self.families(tally));
        }
        if !self.options.asks_for_ids() {
            let (settings, horizon) = (&self.scope.settings, self.horizon);
            for counted in rows::unlisted(&self.gathered) {
                tally.count_only(counted, settings, horizon, &mut self.used);
            }
            findings.extend(self.ids(tally));
            findings.extend(rows::findings(
                &self.log,
                self.definition,
                &mut self.gathered,
                &mut self.sum,
                self.horizon,
                tally,
            ));
        }
        let (settings, horizon) = (&self.scope.settings, self.horizon);
        tally.take(findings, settings, horizon, &mut self.used);
        tally.allowed(settings, &self.used, &self.definition.name, horizon);
        report.logs.push(summary);
        beside::give_back(std::mem::take(&mut self.gathered));
    }
}

/// One pass over a log, with its progress told: what it learned, also where it was stopped or failed,
/// and how much it kept, where that was looked at.
pub(super) fn drive(
    log: &mut Log,
    reading: Reading<'_>,
    filter: Filter<'_>,
    threads: usize,
    mut gatherer: Gatherer<'_>,
    (share, watch): (Share, Watch<'_>),
) -> (Gathered, Option<Limit>, Result<(), RunError>) {
    let outcome = told(log.estimate(), (share, watch), |go_on| {
        pass(log, reading, filter, threads, &mut gatherer, go_on)
    });
    let limit = gatherer.limit();
    (gatherer.finish(), limit, outcome)
}

/// Tells the progress of a pass over about `of` rows, for one of the shares of the keys, and stops it
/// where that is wanted.
fn told(
    of: u64,
    (share, watch): (Share, Watch<'_>),
    pass: impl FnOnce(&mut dyn FnMut(u64) -> Continue) -> Result<(), LogError>,
) -> Result<(), RunError> {
    let mut stopped = None;
    pass(&mut |rows| {
        let progress = Progress {
            rows: rows.saturating_add(of.saturating_mul(u64::from(share.index()))),
            of: of.saturating_mul(u64::from(share.of())),
        };
        match watch(progress) {
            Go::On => Continue::Continue(()),
            Go::Stop => {
                stopped = Some(progress);
                Continue::Break(())
            }
        }
    })?;
    stopped.map_or(Ok(()), |progress| Err(RunError::Interrupted(progress)))
}
