//! What is said of the rules.

use std::io::{self, Write};

use serde::Serialize;

use crate::output::page::Page;
use crate::output::style::{COMMAND, FAINT, PLAIN, STRONG};
use crate::output::{grid, json, style};
use crate::rules::{self, Info};

#[derive(Debug, Serialize)]
struct RuleV1 {
    rule: &'static str,
    severity: &'static str,
    summary: &'static str,
    explanation: &'static str,
}

/// Everything about one rule.
///
/// # Errors
/// When the page cannot be written.
pub fn one(page: &mut Page<'_>, info: &Info) -> io::Result<()> {
    let severity = style::severity(info.severity);
    page.line(format_args!(
        "{STRONG}{}{STRONG:#}  {severity}{}{severity:#}",
        info.name, info.severity
    ))?;
    page.text(0, STRONG, info.summary)?;
    for paragraph in info.explanation.trim().split("\n\n") {
        page.blank()?;
        if paragraph.lines().all(|line| line.starts_with("  ")) {
            paragraph.lines().try_for_each(|line| page.line(line))?;
        } else {
            let flowing: Vec<&str> = paragraph.lines().map(str::trim).collect();
            page.text(0, PLAIN, &flowing.join(" "))?;
        }
    }
    Ok(())
}

/// The table of all rules.
///
/// # Errors
/// When the page cannot be written.
pub fn all(page: &mut Page<'_>) -> io::Result<()> {
    let columns = [
        grid::text("rule"),
        grid::text("severity"),
        grid::text("what it finds"),
    ];
    let rows: Vec<Vec<String>> = rules::table()
        .chain(rules::static_table())
        .map(|info| {
            vec![
                info.name.to_owned(),
                info.severity.label().to_owned(),
                info.summary.to_owned(),
            ]
        })
        .collect();
    for (number, line) in grid::lay_out(&columns, &rows, page.width())
        .iter()
        .enumerate()
    {
        match number {
            0 => page.line(format_args!("{FAINT}{line}{FAINT:#}"))?,
            _ => page.line(line)?,
        }
    }
    page.blank()?;
    page.line(format_args!("{COMMAND}sagactl explain RULE{COMMAND:#}"))
}

/// One rule or all of them as JSON.
///
/// # Errors
/// When it cannot be written.
pub fn json<'a>(out: &mut dyn Write, infos: impl IntoIterator<Item = &'a Info>) -> io::Result<()> {
    let rules: Vec<RuleV1> = infos
        .into_iter()
        .map(|info| RuleV1 {
            rule: info.name,
            severity: info.severity.label(),
            summary: info.summary,
            explanation: info.explanation,
        })
        .collect();
    json::document_to(out, &rules)
}
