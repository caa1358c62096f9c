//! Instances in a table for people.

use std::io;

use crate::inspect::Listing;
use crate::output::again::Again;
use crate::output::page::{Page, columns as columns_of};
use crate::output::style::{CAUTION, COMMAND, FAINT, STRONG};
use crate::output::{escape, grid, table, words};
use crate::report::InstanceRow;

/// Narrower pages say what to do below where the instance is, and leave the effects in force to it.
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
    // An id is copied, so it stays whole unless nothing else would fit.
    let longest = shown
        .iter()
        .map(|row| columns_of(&row.id))
        .max()
        .unwrap_or(0);
    let short_ids = longest <= page.width() / 2;
    let columns = [
        if short_ids {
            grid::word("instance")
        } else {
            grid::text("instance")
        },
        grid::word("saga"),
        grid::word("outcome"),
        grid::text("where it is"),
        grid::quantity("quiet for"),
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
    if shown.iter().any(|row| row.outcome.is_over()) {
        page.text(
            0,
            FAINT,
            "only those that are not over: --outcome running,compensating,abandoned,contradictory",
        )?;
    }
    let look = ["show".to_owned(), first.id.clone()];
    if let Some(command) = again.line(&look) {
        page.line(format_args!("{COMMAND}{command}{COMMAND:#}"))?;
    }
    Ok(())
}

fn cells(row: &InstanceRow, one_saga: bool, roomy: bool) -> Vec<String> {
    let text = |text: &str| escape::terminal(text).into_owned();
    let to_do = row
        .next
        .as_ref()
        .and_then(words::recovery)
        .unwrap_or_default();
    // In a column the order goes without saying.
    let to_do = to_do.replace(", in this order:", "");
    let (at, in_force, to_do) = match (roomy, to_do.is_empty()) {
        (true, _) => (text(&row.at), text(&row.in_force.join(", ")), to_do),
        (false, true) => (text(&row.at), String::new(), to_do),
        (false, false) => (
            format!("{}\n→ {to_do}", text(&row.at)),
            String::new(),
            String::new(),
        ),
    };
    vec![
        if row.id.is_empty() {
            "\"\"".to_owned()
        } else {
            text(&row.id)
        },
        if one_saga {
            String::new()
        } else {
            text(&row.saga)
        },
        row.outcome.label().to_owned(),
        at,
        row.age.to_string(),
        in_force,
        to_do,
    ]
}
