//! Instances in a table for people.

use std::io;

use crate::finding::Direction;
use crate::inspect::Listing;
use crate::output::again::Again;
use crate::output::page::Page;
use crate::output::style::{CAUTION, COMMAND, FAINT, STRONG};
use crate::output::{escape, grid, table, words};
use crate::report::InstanceRow;

/// Narrower pages do without a column for the steps in force: what to do names them.
const ROOMY: usize = 110;

/// Writes the first `limit` instances; 0 is all of them.
///
/// # Errors
/// When the page cannot be written.
pub fn write(
    page: &mut Page<'_>,
    listing: &Listing,
    again: &Again,
    limit: usize,
) -> io::Result<()> {
    for log in &listing.logs {
        table::log(page, log)?;
    }
    page.blank()?;
    let total = listing.rows.len();
    let shown = &listing.rows[..if limit == 0 { total } else { limit.min(total) }];
    let Some(first) = shown.first() else {
        return page.text(0, CAUTION, "no instance matches");
    };

    let one_saga = listing.rows.iter().all(|row| row.saga == first.saga);
    let roomy = page.width() >= ROOMY;
    let columns = [
        grid::text("instance"),
        grid::text("saga"),
        grid::text("outcome"),
        grid::text("where it is"),
        grid::quantity("last event"),
        grid::text("in force"),
        grid::text("to do"),
    ];
    let rows: Vec<Vec<String>> = shown
        .iter()
        .map(|row| cells(row, one_saga, roomy))
        .collect();
    let mut lines = grid::lay_out(&columns, &rows, page.width()).into_iter();
    if let Some(header) = lines.next() {
        page.line(format_args!("{FAINT}{header}{FAINT:#}"))?;
    }
    for line in lines {
        page.line(line)?;
    }

    page.blank()?;
    let of = if one_saga {
        format!(" of {}", escape::terminal(&first.saga))
    } else {
        String::new()
    };
    let count = format!(
        "{}{of}",
        words::count(total as u64, "instance", "instances")
    );
    if shown.len() < total {
        let text = format!(
            "{count}, the {} stalest are shown; see all with --limit 0 or --format jsonl",
            shown.len()
        );
        page.text(0, CAUTION, &text)?;
    } else {
        page.text(0, STRONG, &format!("{count}, the stalest first"))?;
    }
    let look = ["show".to_owned(), first.id.clone()];
    if let Some(command) = again.line(&look) {
        page.line(format_args!("{COMMAND}{command}{COMMAND:#}"))?;
    }
    Ok(())
}

fn cells(row: &InstanceRow, one_saga: bool, roomy: bool) -> Vec<String> {
    let join = |steps: &[std::sync::Arc<str>]| steps.join(", ");
    vec![
        if row.id.is_empty() {
            "\"\"".to_owned()
        } else {
            row.id.clone()
        },
        if one_saga {
            String::new()
        } else {
            row.saga.to_string()
        },
        row.outcome.label().to_owned(),
        row.at.clone(),
        format!("{} ago", row.age),
        if roomy {
            join(&row.in_force)
        } else {
            String::new()
        },
        to_do(row),
    ]
}

/// What a person reads in a column: `undo reserve-stock`, `retry ship`, `look`.
fn to_do(row: &InstanceRow) -> String {
    let Some(next) = &row.next else {
        return String::new();
    };
    let steps = next.steps.join(", ");
    let by_hand = if next.by_hand { " by hand" } else { "" };
    match next.direction {
        Some(Direction::Backward) => format!("undo {steps}{by_hand}"),
        Some(Direction::Forward) => format!("retry {steps}{by_hand}"),
        None => "look".to_owned(),
    }
}
