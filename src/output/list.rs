//! Instances for people: a line each for what is short, and lines below it for what is long.

use std::io;

use crate::brief;
use crate::inspect::Listing;
use crate::output::again::Again;
use crate::output::page::{Page, columns};
use crate::output::style::{CAUTION, COMMAND, FAINT, PLAIN, STRONG};
use crate::output::{escape, table, words};
use crate::report::InstanceRow;

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
    for remark in &listing.remarks {
        page.text(0, CAUTION, &escape::terminal(remark))?;
        page.blank()?;
    }
    let total = listing.rows.len();
    let shown = &listing.rows[..if limit == 0 { total } else { limit.min(total) }];
    let Some(first) = shown.first() else {
        return page.text(0, CAUTION, "no instance matches");
    };

    let one_saga = listing.rows.iter().all(|row| row.saga == first.saga);
    instances(page, shown, one_saga)?;

    page.blank()?;
    let of = if one_saga {
        format!(" of {}", escape::terminal(&first.saga))
    } else {
        String::new()
    };
    let count = format!(
        "{}{of}",
        brief::count(total as u64, "instance", "instances")
    );
    let order = "open ones first, the stalest on top";
    if shown.len() < total {
        let text = format!(
            "{count}, {order}; {} are shown, all with --limit 0 or --format jsonl",
            shown.len()
        );
        page.text(0, CAUTION, &text)?;
    } else {
        page.text(0, STRONG, &format!("{count}, {order}"))?;
    }
    let look = ["show".to_owned(), first.id.clone()];
    if let Some(command) = again.line(&look) {
        page.line(format_args!("{COMMAND}{command}{COMMAND:#}"))?;
    }
    Ok(())
}

/// A line per instance for what is short, and lines below it for what is long.
fn instances(page: &mut Page<'_>, rows: &[InstanceRow], one_saga: bool) -> io::Result<()> {
    let widest = |cell: &dyn Fn(&InstanceRow) -> String, title: &str| {
        rows.iter()
            .map(|row| columns(&cell(row)))
            .max()
            .unwrap_or(0)
            .max(title.len())
    };
    let saga_title = if one_saga { "" } else { "saga" };
    let id_width = widest(&id, "instance");
    let saga_width = widest(&|row| saga(row, one_saga), saga_title);
    let outcome_width = widest(&|row| row.outcome.label().to_owned(), "outcome");
    let line = |id: &str, saga: &str, outcome: &str, quiet: &str| {
        let pad = |text: &str, width: usize| " ".repeat(width.saturating_sub(columns(text)));
        let saga = match saga_width {
            0 => String::new(),
            width => format!("  {saga}{}", pad(saga, width)),
        };
        let (after_id, after_outcome) = (pad(id, id_width), pad(outcome, outcome_width));
        format!("{id}{after_id}{saga}  {outcome}{after_outcome}  {quiet:>9}")
    };
    let header = line("instance", saga_title, "outcome", "quiet for");
    page.line(format_args!("{FAINT}{header}{FAINT:#}"))?;
    for row in rows {
        page.line(line(
            &id(row),
            &saga(row, one_saga),
            row.outcome.label(),
            &row.age.to_string(),
        ))?;
        if let Some(whereabouts) = whereabouts(row) {
            page.text(2, FAINT, &whereabouts)?;
        }
        if let Some(to_do) = to_do(row) {
            page.labelled(2, PLAIN, "→ ", PLAIN, &to_do)?;
        }
    }
    Ok(())
}

fn id(row: &InstanceRow) -> String {
    match row.id.as_str() {
        "" => "\"\"".to_owned(),
        id => escape::terminal(id).into_owned(),
    }
}

/// Its saga, where not all are of one.
fn saga(row: &InstanceRow, one_saga: bool) -> String {
    if one_saga {
        String::new()
    } else {
        escape::terminal(&row.saga).into_owned()
    }
}

/// Where it is, unless its outcome says so already.
fn whereabouts(row: &InstanceRow) -> Option<String> {
    (row.at != row.outcome.label()).then(|| escape::terminal(&row.at).into_owned())
}

fn to_do(row: &InstanceRow) -> Option<String> {
    // In a column the order goes without saying.
    Some(words::recovery(row.next.as_ref()?)?.replace(", in this order:", ""))
}
