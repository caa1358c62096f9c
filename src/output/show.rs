//! One instance for a tired reader.

use std::io;

use crate::brief;
use crate::event::{Event, Position};
use crate::finding::Next;
use crate::inspect::{InstanceView, StepView, TimelineRow};
use crate::output::again::Again;
use crate::output::page::Page;
use crate::output::style::{ALARM, CAUTION, COMMAND, FAINT, PLAIN, STRONG};
use crate::output::{escape, grid, style, table, words};

/// Narrower pages show the evidence marks below the meaning.
const ROOMY: usize = 110;
/// What position, time and gap leave to others.
const OTHERS: usize = 34;
/// More events than these are only counted where they are not of the saga.
const MOST_OTHERS: usize = 20;
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
    page.blank()?;
    timeline(page, &view.timeline)?;
    others(page, &view.others)?;
    for row in &view.hidden {
        let row = escape::terminal(row);
        page.labelled(0, STRONG, "not judged   ", STRONG, &row)?;
    }
    if !view.unknown.is_empty() {
        let rules = view.unknown.join(", ");
        page.labelled(0, STRONG, "cannot tell  ", STRONG, &rules)?;
    }
    page.blank()?;
    steps(page, view)?;
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
        table::finding(page, finding)?;
        if let Some(explain) = explain {
            page.line(format_args!("    {COMMAND}{explain}{COMMAND:#}"))?;
        }
    }

    page.blank()?;
    table::log(page, &view.log)?;
    let beside = Next {
        options: vec![("--key", view.row.id.clone())],
        ..Next::command(["audit"])
    };
    let beside = view.is_looked_at_beside.then(|| again.next(&beside));
    if let Some(command) = beside.flatten() {
        page.line(format_args!(
            "{FAINT}elsewhere    what other definitions find about this id:{FAINT:#}"
        ))?;
        page.line(format_args!("             {COMMAND}{command}{COMMAND:#}"))?;
    }
    if let Some(about) = &view.saga.about {
        let about = about.split_whitespace().collect::<Vec<_>>().join(" ");
        page.labelled(0, FAINT, "saga         ", FAINT, &escape::terminal(&about))?;
    }
    next(page, view, again)
}

fn timeline(page: &mut Page<'_>, rows: &[TimelineRow]) -> io::Result<()> {
    let roomy = page.width() >= ROOMY;
    let longest = rows
        .iter()
        .flat_map(|row| &row.evidence)
        .map(|rule| rule.len() + 4)
        .max();
    let narrow = page.width().saturating_sub(OTHERS) / 2;
    let marks = u16::try_from(longest.unwrap_or(0).min(narrow)).unwrap_or(0);
    let columns = [
        grid::quantity(if roomy { "position" } else { "pos" }),
        grid::word("time (UTC)"),
        grid::quantity("gap"),
        grid::text("event"),
        if roomy {
            grid::text("meaning")
        } else {
            grid::roomy_text("meaning", marks)
        },
        grid::word("evidence"),
    ];
    let mut cells = Vec::new();
    let mut day = String::new();
    for row in rows {
        let instant = words::instant(row.event.time);
        let (date, time) = instant.split_once('T').unwrap_or(("", &instant));
        if date != day {
            day = date.to_owned();
            cells.push(vec![String::new(), day.clone()]);
        }
        cells.push(event(row, time.trim_end_matches('Z'), roomy));
    }
    cells
        .iter_mut()
        .for_each(|row| row.resize(columns.len(), String::new()));
    let lines = grid::lay_out(&columns, &cells, page.width());
    lined(page, &lines)
}

/// What else stands under the correlation value, after the timeline, since it has no part in it.
fn others(page: &mut Page<'_>, events: &[Event]) -> io::Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    page.blank()?;
    let columns = [
        grid::quantity("position"),
        grid::word("time (UTC)"),
        grid::text("not of this saga"),
        grid::text("stream"),
    ];
    let row = |event: &Event| {
        vec![
            event.position.to_string(),
            words::instant(event.time),
            escape::terminal(&event.kind).into_owned(),
            escape::terminal(event.stream.as_deref().unwrap_or_default()).into_owned(),
        ]
    };
    let cells: Vec<Vec<String>> = events.iter().take(MOST_OTHERS).map(row).collect();
    for line in grid::lay_out(&columns, &cells, page.width()) {
        page.line(format_args!("{FAINT}{line}{FAINT:#}"))?;
    }
    let more = events.len().saturating_sub(MOST_OTHERS) as u64;
    if more > 0 {
        let more = brief::count(more, "more event", "more events");
        let line = format!("and {more} under the same correlation value; --format json has them");
        page.text(0, FAINT, &line)?;
    }
    Ok(())
}

fn event(row: &TimelineRow, time: &str, roomy: bool) -> Vec<String> {
    let attempt = match row.attempt {
        Some(attempt) if attempt > 1 => format!(", attempt {attempt}"),
        _ => String::new(),
    };
    let mut meaning = match &row.step {
        Some(step) => format!("{} {}{attempt}", escape::terminal(step), row.meaning),
        None => row.meaning.to_owned(),
    };
    let marks: Vec<String> = row
        .evidence
        .iter()
        .map(|rule| format!("{MARK} {rule}"))
        .collect();
    let mut evidence = marks.join("\n");
    if !roomy && !evidence.is_empty() {
        meaning = format!("{meaning}\n{evidence}");
        evidence.clear();
    }
    let kind = escape::terminal(&row.event.kind);
    vec![
        row.event.position.to_string(),
        time.to_owned(),
        row.gap.map(|gap| format!("+{gap}")).unwrap_or_default(),
        if roomy {
            kind.into_owned()
        } else {
            humps(&kind)
        },
        meaning,
        evidence,
    ]
}

/// A type's name on several lines, broken where a new word begins: `PaymentAuthorization` and
/// `Requested`.
fn humps(name: &str) -> String {
    const LINE: usize = 20;
    let mut lines = vec![String::new()];
    let mut word = String::new();
    let mut letters = name.chars().peekable();
    while let Some(letter) = letters.next() {
        word.push(letter);
        let ends = match letters.peek() {
            None => true,
            Some(next) => next.is_uppercase() && letter.is_lowercase() || "._:-/".contains(letter),
        };
        if ends {
            let full = lines.last().is_some_and(|line| {
                !line.is_empty() && line.chars().count() + word.chars().count() > LINE
            });
            if full {
                lines.push(String::new());
            }
            if let Some(line) = lines.last_mut() {
                line.push_str(&std::mem::take(&mut word));
            }
        }
    }
    lines.join("\n")
}

fn steps(page: &mut Page<'_>, view: &InstanceView) -> io::Result<()> {
    let columns = [
        grid::word("step"),
        grid::word("role"),
        grid::text("forward"),
        grid::quantity("tries"),
        grid::text("undo"),
        grid::quantity("tries"),
        grid::word("effect"),
    ];
    let can_undo = |step: usize| {
        view.saga
            .steps
            .get(step)
            .is_some_and(|step| step.compensation.is_some())
    };
    let steps = view.steps.iter().enumerate();
    let cells: Vec<Vec<String>> = steps.map(|(at, one)| step(one, can_undo(at))).collect();
    let lines = grid::lay_out(&columns, &cells, page.width());
    lined(page, &lines)
}

fn step(step: &StepView, can_undo: bool) -> Vec<String> {
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
    let undone = match (undo, can_undo, forward) {
        (Some(_), _, _) => at(step.undo, undo),
        (None, false, _) => "–".to_owned(),
        (None, true, Some(_)) => "not undone".to_owned(),
        (None, true, None) => String::new(),
    };
    vec![
        escape::terminal(&step.name).into_owned(),
        step.role.to_owned(),
        at(step.forward, forward),
        tries(step.attempts),
        undone,
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
    let is_final = |name: &&str| {
        let step = view.saga.step(name);
        step.is_some_and(|step| view.saga.is_final(step))
    };
    let steps = view.row.in_force.iter().map(|name| &**name);
    let (kept, undoable): (Vec<&str>, Vec<&str>) = steps.partition(is_final);
    let [kept, undoable] =
        [kept, undoable].map(|names| escape::terminal(&names.join(", ")).into_owned());
    let effects = match (undoable.is_empty(), kept.is_empty()) {
        (true, true) => "nothing has to be undone".to_owned(),
        (false, true) => format!("{undoable}, to be undone in this order"),
        (true, false) => format!("{kept}, which nothing undoes"),
        (false, false) => {
            format!("{undoable}, to be undone in this order; {kept}, which nothing undoes")
        }
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

/// The last line: what to do now that one has looked.
fn next(page: &mut Page<'_>, view: &InstanceView, again: &Again) -> io::Result<()> {
    page.blank()?;
    let nothing = match view.unknown.is_empty() {
        true => "nothing to do",
        false => "next: find out by hand what the log cannot tell; until then nothing is driven",
    };
    let Some(next) = &view.next else {
        return page.text(0, STRONG, nothing);
    };
    match words::recovery(next) {
        Some(recovery) => page.text(0, STRONG, &format!("next: {recovery}"))?,
        None if view.findings.is_empty() => page.text(0, STRONG, nothing)?,
        None if !view.row.in_force.is_empty() => page.text(
            0,
            STRONG,
            "next: by hand; it can be driven neither forward nor back",
        )?,
        None => page.text(
            0,
            STRONG,
            "next: read what was found above; nothing has to be driven",
        )?,
    }
    // The reader is looking at `show` already.
    if words::drives(next)
        && let Some(command) = again.next(next)
    {
        page.line(format_args!("{COMMAND}{command}{COMMAND:#}"))?;
    }
    Ok(())
}
