//! One instance for a tired reader.

use std::io;

use crate::event::Position;
use crate::inspect::{InstanceView, StepView, TimelineRow};
use crate::output::again::Again;
use crate::output::page::Page;
use crate::output::style::{ALARM, CAUTION, COMMAND, FAINT, PLAIN, STRONG};
use crate::output::{escape, grid, style, table, words};

/// Stands before the rules that an event is evidence for.
const MARK: char = '◀';

/// Writes the whole screen, below `above` others.
///
/// # Errors
/// When the page cannot be written.
pub fn write(
    page: &mut Page<'_>,
    view: &InstanceView,
    again: &Again,
    above: usize,
) -> io::Result<()> {
    if above > 0 {
        page.blank()?;
        page.line("─".repeat(page.width()))?;
    }
    let id = escape::terminal(&view.row.id);
    let saga = escape::terminal(&view.saga.name);
    let outcome = style::outcome(view.row.outcome);
    let label = view.row.outcome.label();
    page.line(format_args!(
        "{STRONG}{id}{STRONG:#}  {saga}  {outcome}{label}{outcome:#}"
    ))?;
    page.text(0, STRONG, &escape::terminal(&view.headline))?;
    if let Some(about) = &view.saga.about {
        page.text(
            0,
            FAINT,
            &escape::terminal(about.trim()).replace("\\u{a}", " "),
        )?;
    }

    page.blank()?;
    timeline(page, &view.timeline)?;
    page.blank()?;
    steps(page, &view.steps)?;
    page.blank()?;
    standing(page, view)?;

    for finding in &view.findings {
        page.blank()?;
        let severity = style::severity(finding.severity);
        page.line(format_args!(
            "{severity}{}{severity:#}  {STRONG}{}{STRONG:#}",
            finding.severity, finding.rule
        ))?;
        let explain = Again::default().line(&["explain".to_owned(), finding.rule.to_owned()]);
        table::finding(page, finding, explain.as_deref())?;
    }

    page.blank()?;
    table::log(page, &view.log)?;
    next(page, view, again)
}

fn timeline(page: &mut Page<'_>, rows: &[TimelineRow]) -> io::Result<()> {
    let columns = [
        grid::quantity("position"),
        grid::text("time"),
        grid::quantity("gap"),
        grid::text("event"),
        grid::text("meaning"),
        grid::text("evidence"),
    ];
    let cells: Vec<Vec<String>> = rows.iter().map(event).collect();
    let lines = grid::lay_out(&columns, &cells, page.width());
    lined(page, &lines)
}

fn event(row: &TimelineRow) -> Vec<String> {
    let attempt = match row.attempt {
        Some(attempt) if attempt > 1 => format!(", attempt {attempt}"),
        _ => String::new(),
    };
    let meaning = match &row.step {
        Some(step) => format!("{step} {}{attempt}", row.meaning),
        None => row.meaning.to_owned(),
    };
    let marks: Vec<String> = row
        .evidence
        .iter()
        .map(|rule| format!("{MARK} {rule}"))
        .collect();
    vec![
        row.event.position.to_string(),
        words::instant(row.event.time),
        row.gap.map(|gap| format!("+{gap}")).unwrap_or_default(),
        row.event.kind.clone(),
        meaning,
        marks.join(" "),
    ]
}

fn steps(page: &mut Page<'_>, steps: &[StepView]) -> io::Result<()> {
    let columns = [
        grid::text("step"),
        grid::text("role"),
        grid::text("forward"),
        grid::quantity("tries"),
        grid::text("undo"),
        grid::quantity("tries"),
        grid::text("effect"),
    ];
    let cells: Vec<Vec<String>> = steps.iter().map(step).collect();
    let lines = grid::lay_out(&columns, &cells, page.width());
    lined(page, &lines)
}

fn step(step: &StepView) -> Vec<String> {
    let at = |state: &str, position: Option<Position>| match position {
        Some(position) => format!("{state} at {position}"),
        None => state.to_owned(),
    };
    let tries = |count: u32| {
        if count > 0 {
            count.to_string()
        } else {
            String::new()
        }
    };
    let [forward, undo] = step.positions;
    vec![
        step.name.to_string(),
        step.role.to_owned(),
        at(step.forward, forward),
        tries(step.attempts),
        at(step.undo, undo),
        tries(step.undo_attempts),
        if step.in_force {
            format!("{MARK} in force")
        } else {
            String::new()
        },
    ]
}

/// A header line, then rows whose marks stand out.
fn lined(page: &mut Page<'_>, lines: &[String]) -> io::Result<()> {
    let Some((header, rows)) = lines.split_first() else {
        return Ok(());
    };
    page.line(format_args!("{FAINT}{header}{FAINT:#}"))?;
    for row in rows {
        match row.find(MARK) {
            Some(at) => {
                let (plain, marked) = row.split_at(at);
                page.line(format_args!("{plain}{ALARM}{marked}{ALARM:#}"))?;
            }
            None => page.line(row)?,
        }
    }
    Ok(())
}

/// What is in force and what the instance's own status says.
fn standing(page: &mut Page<'_>, view: &InstanceView) -> io::Result<()> {
    let effects = match view.row.in_force.as_slice() {
        [] => "nothing has to be undone".to_owned(),
        steps => format!(
            "{}, to be undone in this order",
            escape::terminal(&steps.join(", "))
        ),
    };
    let tone = if view.row.in_force.is_empty() {
        PLAIN
    } else {
        CAUTION
    };
    page.labelled(0, FAINT, "in force     ", tone, &effects)?;
    if let Some(claim) = &view.claim {
        let claim = format!("the status column says `{}`", escape::terminal(claim));
        page.labelled(0, FAINT, "claim        ", PLAIN, &claim)?;
    }
    let last = format!(
        "{}, {} before the horizon",
        words::instant(view.row.since),
        view.row.age
    );
    page.labelled(0, FAINT, "last event   ", PLAIN, &last)
}

fn next(page: &mut Page<'_>, view: &InstanceView, again: &Again) -> io::Result<()> {
    page.blank()?;
    let Some(next) = &view.next else {
        return page.text(0, STRONG, "nothing to do");
    };
    if let Some(recovery) = words::recovery(next) {
        page.text(0, STRONG, &recovery)?;
    }
    // The reader is looking at `show` already.
    if next
        .arguments
        .first()
        .is_some_and(|command| command != "show")
        && let Some(command) = again.line(&next.arguments)
    {
        page.line(format_args!("{COMMAND}{command}{COMMAND:#}"))?;
    }
    Ok(())
}
