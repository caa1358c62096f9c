//! The audit's screen for people: what was read, what is wrong and what to type next, what was
//! looked at.
//!
//! The totals stand last, next to the prompt, since that is where the eye is.

use std::collections::BTreeMap;
use std::io;

use crate::brief;
use crate::finding::{Finding, Severity};
use crate::output::again::Again;
use crate::output::page::{Page, columns};
use crate::output::style::{ALARM, CALM, CAUTION, COMMAND, FAINT, PLAIN, STRONG};
use crate::output::{escape, style, words};
use crate::projection::Verdict;
use crate::report::{DefinitionsSummary, LogSummary, Report, RuleCount};
use crate::rules;
use crate::saga::Outcome;

/// How an audit is shown.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// What the next commands have to repeat.
    pub again: &'a Again,
    /// How many findings are shown at most; 0 is all of them.
    pub limit: usize,
}

/// Writes the whole screen.
///
/// # Errors
/// When the page cannot be written.
pub fn write(page: &mut Page<'_>, report: &Report, frame: Frame<'_>) -> io::Result<()> {
    head(page, report)?;
    let shown = match frame.limit {
        0 => report.findings.len(),
        limit => limit.min(report.findings.len()),
    };
    let (findings, rest) = report.findings.split_at(shown);
    groups(page, findings, report, frame.again)?;
    hidden(page, rest, shown)?;
    unlisted(page, report)?;
    looked_at(page, &report.rules)?;
    instances(page, report)?;
    projections(page, report)?;
    if !report.remarks.is_empty() {
        page.blank()?;
        page.line(heading("remarks"))?;
        for remark in &report.remarks {
            page.labelled(2, PLAIN, "- ", PLAIN, &escape::terminal(remark))?;
        }
    }
    page.blank()?;
    verdict(page, report)
}

fn heading(text: &str) -> String {
    format!("{STRONG}{text}{STRONG:#}")
}

fn head(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    page.line(heading(&report.tool))?;
    for summary in &report.logs {
        log(page, summary)?;
    }
    if report.logs.is_empty() {
        page.labelled(0, FAINT, "log          ", CAUTION, "none was read")?;
    }
    definitions(page, &report.definitions)
}

/// The lines that say which log was read, how far and as of when.
pub(crate) fn log(page: &mut Page<'_>, log: &LogSummary) -> io::Result<()> {
    let name = format!(
        "{}  {}",
        escape::terminal(&log.name),
        words::path(&log.path)
    );
    page.labelled(0, FAINT, "log          ", PLAIN, &name)?;
    let Some((first, last)) = log.positions else {
        return page.text(13, CAUTION, "it holds no events");
    };
    let read = format!(
        "positions {first}..{last}, {}, {} of them matched",
        brief::count(log.events, "event", "events"),
        brief::grouped(log.matched),
    );
    page.text(13, PLAIN, &read)?;
    if let Some(as_of) = log.as_of {
        let behind = match log.behind {
            Some(span) => format!(", where the log ends, {span} ago"),
            None => String::new(),
        };
        page.text(
            13,
            PLAIN,
            &format!("as of {}{behind}", words::instant(as_of)),
        )?;
    }
    Ok(())
}

fn definitions(page: &mut Page<'_>, definitions: &DefinitionsSummary) -> io::Result<()> {
    let hash: String = definitions.hash.chars().take(12).collect();
    let text = format!("{}, hash {hash}", words::files(&definitions.files));
    page.labelled(0, FAINT, "definitions  ", PLAIN, &text)
}

fn groups(
    page: &mut Page<'_>,
    shown: &[Finding],
    report: &Report,
    again: &Again,
) -> io::Result<()> {
    let alike = |a: &Finding, b: &Finding| a.rule == b.rule && a.severity == b.severity;
    for group in shown.chunk_by(alike) {
        let Some(first) = group.first() else { continue };
        let listed = report.findings.iter();
        let listed = listed.filter(|finding| alike(finding, first)).count() as u64;
        let of_rule = report.rules.iter().find(|count| count.rule == first.rule);
        let total = listed + of_rule.map_or(0, |count| count.unlisted_of(first.severity));
        let count = if total == group.len() as u64 {
            brief::count(total, "finding", "findings")
        } else {
            let shown = brief::grouped(group.len() as u64);
            format!("{shown} of {} findings", brief::grouped(total))
        };
        let severity = style::severity(first.severity);
        page.blank()?;
        page.line(format_args!(
            "{severity}{}{severity:#}  {STRONG}{}{STRONG:#}  {FAINT}{count}{FAINT:#}",
            first.severity, first.rule
        ))?;
        if let Some(info) = rules::find(first.rule) {
            page.text(0, FAINT, info.summary)?;
        }
        for one in group {
            page.blank()?;
            finding(page, one)?;
            let Some(next) = &one.next else { continue };
            if let Some(command) = again.next(next) {
                page.line(format_args!("    {COMMAND}{command}{COMMAND:#}"))?;
            }
            if let Some(recovery) = words::recovery(next) {
                let text = if words::drives(next) {
                    format!("to {recovery}; it acts only with --write")
                } else {
                    format!("then {recovery}")
                };
                page.text(4, PLAIN, &text)?;
            }
        }
    }
    Ok(())
}

/// One finding: who and for how long, what, the proof.
pub(crate) fn finding(page: &mut Page<'_>, finding: &Finding) -> io::Result<()> {
    let id = words::subject(finding);
    let step = finding.step.as_deref().map(escape::terminal);
    let step = step.map(|step| format!("  {step}")).unwrap_or_default();
    let age = finding
        .age
        .map(|age| format!("  for {age}"))
        .unwrap_or_default();
    if 2 + columns(&id) + columns(&step) + columns(&age) <= page.width() {
        page.line(format_args!(
            "  {STRONG}{id}{STRONG:#}{step}{CAUTION}{age}{CAUTION:#}"
        ))?;
    } else {
        page.text(2, STRONG, &id)?;
        page.text(4, PLAIN, format!("{step}{age}").trim_start())?;
    }
    page.text(4, PLAIN, &escape::terminal(&finding.message))?;
    page.text(4, FAINT, &provenance(finding))
}

fn provenance(finding: &Finding) -> String {
    let origin = finding.origin.as_ref().filter(|origin| origin.is_shared);
    let log = origin.map(|origin| origin.log.to_string());
    let mut parts = vec![escape::terminal(&finding.subject.definition).into_owned()];
    parts.extend(log.map(|log| escape::terminal(&log).into_owned()));
    parts.extend(words::evidence(&finding.evidence));
    parts.extend(
        finding
            .since
            .map(|since| format!("since {}", words::instant(since))),
    );
    parts.join(", ")
}

/// The findings that are in the report and not on the page.
fn hidden(page: &mut Page<'_>, rest: &[Finding], shown: usize) -> io::Result<()> {
    if rest.is_empty() {
        return Ok(());
    }
    let mut counts: BTreeMap<(std::cmp::Reverse<Severity>, &str), u64> = BTreeMap::new();
    for finding in rest {
        *counts
            .entry((std::cmp::Reverse(finding.severity), finding.rule))
            .or_default() += 1;
    }
    let counts: Vec<String> = counts
        .iter()
        .map(|((_, rule), count)| format!("{} {rule}", brief::grouped(*count)))
        .collect();
    let text = format!(
        "{} more than the {} above: {}. See them with --limit 0, --rule RULE or --format jsonl",
        brief::count(rest.len() as u64, "finding", "findings"),
        brief::grouped(shown as u64),
        counts.join(", "),
    );
    page.blank()?;
    page.text(0, CAUTION, &text)
}

/// The findings that are in no list, neither here nor in another format.
fn unlisted(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    let rules = report.rules.iter();
    let counts = rules.map(|count| (count.rule, count.unlisted.iter().sum::<u64>()));
    let counts: Vec<(&str, u64)> = counts.filter(|(_, count)| *count > 0).collect();
    if counts.is_empty() {
        return Ok(());
    }
    let sum = counts.iter().map(|(_, count)| count).sum();
    let each = counts.iter();
    let each = each.map(|(rule, count)| format!("{} {rule}", brief::grouped(*count)));
    let each: Vec<String> = each.collect();
    let text = format!(
        "{} more are counted and not listed: {}; see the remarks",
        brief::count(sum, "finding", "findings"),
        each.join(", "),
    );
    page.blank()?;
    page.text(0, CAUTION, &text)
}

/// Every rule's denominator. What a rule did not look at is never passed over as fine.
fn looked_at(page: &mut Page<'_>, rules: &[RuleCount]) -> io::Result<()> {
    let (idle, ran): (Vec<_>, Vec<_>) = rules.iter().partition(|count| count.idle.is_some());
    if !ran.is_empty() {
        page.blank()?;
        counted(page, &ran)?;
    }
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for count in idle {
        let reason = count.idle.unwrap_or_default();
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, rules)) => rules.push(count.rule),
            None => reasons.push((reason, vec![count.rule])),
        }
    }
    if !reasons.is_empty() {
        page.blank()?;
        page.line(heading("not looked at"))?;
        for (reason, idle) in reasons {
            let names = in_families(&idle).join(", ");
            page.text(2, PLAIN, &format!("{names}: {reason}"))?;
        }
    }
    Ok(())
}

/// These rules, with `family/*` instead of all of a family.
fn in_families(these: &[&str]) -> Vec<String> {
    let family = |rule: &str| rule.split('/').next().unwrap_or_default().to_owned();
    let all = rules::names();
    let mut named: Vec<String> = Vec::new();
    for rule in these {
        let own = family(rule);
        let mut of_family = all.iter().filter(|one| family(one) == own);
        let name = match of_family.all(|one| these.contains(one)) {
            true => format!("{own}/*"),
            false => (*rule).to_owned(),
        };
        if !named.contains(&name) {
            named.push(name);
        }
    }
    named
}

fn counted(page: &mut Page<'_>, ran: &[&RuleCount]) -> io::Result<()> {
    const NUMBERS: usize = 9;
    const GAP: usize = 4;
    let name = ran
        .iter()
        .map(|count| count.rule.len())
        .max()
        .unwrap_or(0)
        .max("looked at".len());
    let cell = name + 3 * NUMBERS + 2;
    let across = ((page.width() + GAP) / (cell + GAP))
        .clamp(1, 2)
        .min(ran.len());
    let title = format!(
        "{STRONG}{:<w$}{STRONG:#}{FAINT}{:>NUMBERS$}{:>NUMBERS$}{:>NUMBERS$}{FAINT:#}",
        "looked at",
        "checked",
        "found",
        "unknown",
        w = name + 2,
    );
    page.line(vec![title; across].join(&" ".repeat(GAP)))?;
    let down = ran.len().div_ceil(across);
    for row in 0..down {
        let cells: Vec<String> = (0..across)
            .filter_map(|column| ran.get(column * down + row))
            .map(|count| {
                let found = if count.found > 0 { STRONG } else { FAINT };
                let unknown = if count.unknown > 0 { CAUTION } else { FAINT };
                format!(
                    "  {:<name$}{:>NUMBERS$}{found}{:>NUMBERS$}{found:#}{unknown}{:>NUMBERS$}{unknown:#}",
                    count.rule,
                    brief::grouped(count.checked),
                    brief::grouped(count.found),
                    brief::grouped(count.unknown),
                )
            })
            .collect();
        page.line(cells.join(&" ".repeat(GAP)))?;
    }
    Ok(())
}

fn instances(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    if report.sagas.is_empty() {
        return Ok(());
    }
    page.blank()?;
    page.line(heading("instances"))?;
    for saga in &report.sagas {
        let total: u64 = saga.outcomes.iter().sum();
        let parts: Vec<String> = Outcome::ALL
            .iter()
            .zip(saga.outcomes)
            .filter(|(_, count)| *count > 0)
            .map(|(outcome, count)| format!("{} {}", brief::grouped(count), outcome.label()))
            .collect();
        let text = match parts.as_slice() {
            [] => "none in the log".to_owned(),
            parts => format!("{}: {}", brief::grouped(total), parts.join(", ")),
        };
        page.labelled(
            2,
            PLAIN,
            &format!("{}  ", escape::terminal(&saga.saga)),
            PLAIN,
            &text,
        )?;
    }
    Ok(())
}

fn projections(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    if report.projections.is_empty() {
        return Ok(());
    }
    page.blank()?;
    page.line(heading("projections"))?;
    for projection in &report.projections {
        let total: u64 = projection.verdicts.iter().sum();
        let parts: Vec<String> = Verdict::ALL
            .iter()
            .zip(projection.verdicts)
            .filter(|(_, count)| *count > 0)
            .map(|(verdict, count)| format!("{} {}", brief::grouped(count), verdict.label()))
            .collect();
        let lag = projection
            .lag
            .map(|lag| format!("; up to {lag} behind"))
            .unwrap_or_default();
        let text = match parts.as_slice() {
            [] => "neither keys nor rows".to_owned(),
            parts => format!("{}: {}{lag}", brief::grouped(total), parts.join(", ")),
        };
        let name = format!("{}  ", escape::terminal(&projection.projection));
        page.labelled(2, PLAIN, &name, PLAIN, &text)?;
    }
    Ok(())
}

fn verdict(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    let mut parts: Vec<String> = Severity::ALL
        .iter()
        .map(|severity| (report.count(*severity), *severity))
        .filter(|(count, _)| *count > 0)
        .map(|(count, severity)| words::severities(count, severity))
        .collect();
    let worst = report.worst();
    let matched: u64 = report.logs.iter().map(|log| log.matched).sum();
    let style = match worst {
        Some(severity) => style::severity(severity),
        None if matched == 0 => ALARM,
        None => CALM,
    };
    if matched == 0 {
        parts.push("nothing was inspected: no event matched any definition".to_owned());
    } else if parts.is_empty() {
        let ran = report
            .rules
            .iter()
            .filter(|count| count.idle.is_none() && count.checked > 0);
        let rules = brief::count(ran.count() as u64, "rule", "rules");
        parts.push(format!("nothing found by {rules}"));
    }
    if report.accepted > 0 {
        parts.push(format!("{} accepted", report.accepted));
    }
    let unknown: u64 = report.rules.iter().map(|count| count.unknown).sum();
    if unknown > 0 {
        parts.push(format!("{} unknown", brief::grouped(unknown)));
    }
    page.text(0, style, &parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_named_once_where_all_of_it_is_meant() {
        let all = rules::names().into_iter();
        let mut these: Vec<&str> = all.filter(|one| one.starts_with("causation/")).collect();
        these.push("log/gap");
        assert_eq!(in_families(&these), ["causation/*", "log/gap"]);
        these.remove(0);
        assert!(in_families(&these).iter().all(|one| !one.ends_with("/*")));
    }
}
