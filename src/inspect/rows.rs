//! Findings about the log itself, from what a pass noted.

use std::sync::Arc;

use crate::brief;
use crate::definition::log::{LogDefinition, Order};
use crate::event::{Position, Timestamp};
use crate::finding::{Finding, Next, Subject, SubjectKind};
use crate::inspect::strays::Strays;
use crate::inspect::sum::Sum;
use crate::inspect::tally::Tally;
use crate::log::{Fields, Log};
use crate::replay::{Gathered, Noticed, Observation, Observations};
use crate::rules::{Info, log as rules};

/// Everything that is wrong with the log's rows, and what was looked at for it.
pub fn findings(
    log: &Log,
    definition: &LogDefinition,
    gathered: &mut Gathered,
    sum: &mut Sum,
    horizon: Option<Timestamp>,
    tally: &mut Tally,
) -> Vec<Finding> {
    let judge = Rows {
        name: &definition.name,
        horizon,
    };
    let maps = log.maps();
    let mut found = Vec::new();
    count(log, definition, gathered, sum.streams, maps, tally);
    let Observations {
        noticed,
        unread,
        untold,
        untimed,
    } = std::mem::take(&mut sum.observations);
    let is_gap = |one: &Observation| matches!(one.what, Noticed::Gap(..));
    let (gaps, others): (Vec<Observation>, Vec<Observation>) =
        noticed.into_iter().partition(is_gap);
    let strays = Strays::one_each(gathered.streamless, gaps.len() as u64);
    strays.report(
        gaps.into_iter().map(|gap| judge.observation(gap)),
        &mut found,
    );
    found.extend(others.into_iter().map(|one| judge.observation(one)));
    let unsure = |streams: u64| (streams + gathered.streamless).min(sum.streams);
    if maps.stream && maps.version {
        tally.unknown(rules::GAP.name, untold + strays.untold(sum.streams));
        tally.unknown(rules::DUPLICATE_VERSION.name, unsure(unread));
        if definition.order == Order::Position {
            tally.unknown(rules::VERSION_BACKWARDS.name, unsure(unread));
        }
        if tally.wants(rules::GAP.name) {
            let whose = format!("streams of {}", definition.name);
            strays.remark(&whose, ["gap", "gaps"], tally);
        }
    }
    if maps.stream {
        tally.unknown(rules::TIME_BACKWARDS.name, unsure(untimed));
    }
    for bad in &gathered.bad.listed {
        let id = bad
            .position
            .map_or_else(|| "unknown".to_owned(), |position| position.to_string());
        let mut finding = judge.finding(
            &rules::BAD_ROW,
            (SubjectKind::Event, id),
            None,
            bad.position.into_iter().collect(),
            bad.reason.clone(),
        );
        if bad.position.is_none() {
            finding.facet = Some(bad.reason.clone());
        }
        found.push(finding);
    }
    for (position, time, late) in &gathered.too_late.listed {
        found.push(judge.finding(
            &rules::TOO_LATE,
            (SubjectKind::Event, position.to_string()),
            Some(*time),
            vec![*position],
            format!("arrived {late} after a younger event"),
        ));
    }
    for &(position, time) in &gathered.future.listed {
        found.push(judge.finding(
            &rules::FUTURE_TIME,
            (SubjectKind::Event, position.to_string()),
            Some(time),
            vec![position],
            format!("its time {time} is far later than that of the events after it; it does not move the horizon"),
        ));
    }
    for source in log.facts() {
        let removed = source
            .sequence
            .map(|sequence| (sequence, source.greatest.unwrap_or(0)))
            .filter(|(sequence, last)| sequence > last);
        let message = match removed {
            Some((sequence, last)) => format!(
                "{}: positions were given up to {sequence}, the last row has {last}: rows were deleted, or never committed",
                source.name
            ),
            None if source.position_reuse => format!(
                "{}: the position of a deleted last row can be given again (no AUTOINCREMENT)",
                source.name
            ),
            None => continue,
        };
        let mut finding = judge.finding(
            &rules::POSITION_REUSE,
            (SubjectKind::Log, definition.name.to_string()),
            None,
            vec![],
            message,
        );
        finding.facet = Some(source.name.clone());
        found.push(finding);
    }
    found.retain(|finding| tally.wants(finding.rule));
    found
}

/// What each rule looked at, or why it had nothing to look at.
fn count(
    log: &Log,
    definition: &LogDefinition,
    gathered: &Gathered,
    streams: u64,
    maps: Fields,
    tally: &mut Tally,
) {
    for rule in [
        &rules::GAP,
        &rules::DUPLICATE_VERSION,
        &rules::VERSION_BACKWARDS,
        &rules::TIME_BACKWARDS,
    ] {
        if rule == &rules::VERSION_BACKWARDS && definition.order != Order::Position {
            tally.idle(rule.name, "the log is not ordered by position");
        } else if !maps.stream {
            tally.idle(rule.name, "the mapping names no stream");
        } else if !maps.version && rule != &rules::TIME_BACKWARDS {
            tally.idle(rule.name, "the mapping names no version");
        } else {
            tally.checked(rule.name, streams);
        }
    }
    tally.checked(rules::POSITION_REUSE.name, log.facts().len() as u64);
    tally.checked(
        rules::BAD_ROW.name,
        gathered.events + gathered.bad.total - gathered.partial,
    );
    tally.checked(rules::FUTURE_TIME.name, gathered.events);
    match definition.order {
        Order::Position => tally.idle(rules::TOO_LATE.name, "the log is ordered by position"),
        Order::Time { .. } => tally.checked(rules::TOO_LATE.name, gathered.events),
    }
}

/// The rows of which so many are wrong that they are only counted.
pub fn unlisted(gathered: &Gathered) -> [(&'static Info, u64); 3] {
    let (bad, late, future) = (&gathered.bad, &gathered.too_late, &gathered.future);
    [
        (&rules::BAD_ROW, bad.total - bad.listed.len() as u64),
        (&rules::TOO_LATE, late.total - late.listed.len() as u64),
        (
            &rules::FUTURE_TIME,
            future.total - future.listed.len() as u64,
        ),
    ]
}

struct Rows<'a> {
    name: &'a Arc<str>,
    horizon: Option<Timestamp>,
}

impl Rows<'_> {
    fn finding(
        &self,
        info: &Info,
        (kind, id): (SubjectKind, String),
        since: Option<Timestamp>,
        evidence: Vec<Position>,
        message: String,
    ) -> Finding {
        Finding {
            rule: info.name,
            severity: info.severity,
            subject: Subject {
                kind,
                definition: self.name.clone(),
                id,
            },
            step: None,
            facet: None,
            origin: None,
            key: None,
            evidence,
            since,
            age: since
                .zip(self.horizon)
                .map(|(since, horizon)| horizon.since(since)),
            message,
            next: Some(Next::command(["explain", info.name])),
        }
    }

    fn observation(&self, observation: Observation) -> Finding {
        let stream = (SubjectKind::Stream, observation.stream);
        match observation.what {
            Noticed::Gap(missing, before, after, unread) => {
                let (from, to) = missing.into_inner();
                let what = if from == to {
                    format!("version {from} is missing")
                } else {
                    format!("versions {from} to {to} are missing")
                };
                let what = match unread {
                    0 => what,
                    unread => {
                        let have = ["event of the stream has", "events of the stream have"];
                        let unread = brief::count(unread, have[0], have[1]);
                        format!(
                            "{what}; {unread} a version that cannot be read, fewer than are missing"
                        )
                    }
                };
                let gap = self.finding(&rules::GAP, stream, None, Vec::new(), what);
                Finding {
                    facet: Some(format!("{from}..{to}")),
                    ..gap.shown_by(before.into_iter().chain([after]))
                }
            }
            Noticed::DuplicateVersion(version, first, again) => {
                let evidence = first.into_iter().chain([again]).collect();
                let message = format!("version {version} stands again at position {again}");
                let repeat =
                    self.finding(&rules::DUPLICATE_VERSION, stream, None, evidence, message);
                Finding {
                    facet: Some(version.to_string()),
                    ..repeat
                }
            }
            Noticed::VersionBackwards(version, higher, position) => {
                let message = format!("version {version} stands after a higher one");
                let evidence = vec![higher, position];
                let back = self.finding(&rules::VERSION_BACKWARDS, stream, None, evidence, message);
                Finding {
                    facet: Some(version.to_string()),
                    ..back
                }
            }
            Noticed::TimeBackwards(times, between, at) => {
                let message = if times == 1 {
                    "its time goes back once".to_owned()
                } else {
                    format!("its time goes back {times} times, first here")
                };
                self.finding(
                    &rules::TIME_BACKWARDS,
                    stream,
                    Some(at),
                    between.to_vec(),
                    message,
                )
            }
        }
    }
}
