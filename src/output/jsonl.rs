//! One object a line, for pipes: findings as in the `json` document, instances as in `list`'s.

use std::io::{self, Write};

use crate::inspect::Listing;
use crate::output::again::Again;
use crate::output::{json, json_view};
use crate::report::Report;

/// Writes every finding.
///
/// # Errors
/// When it cannot be written.
pub fn findings(out: &mut dyn Write, report: &Report, frame: json::Frame<'_>) -> io::Result<()> {
    report
        .findings
        .iter()
        .try_for_each(|one| json::line_to(out, &json::finding(one, frame)))
}

/// Writes every instance.
///
/// # Errors
/// When it cannot be written.
pub fn instances(out: &mut dyn Write, listing: &Listing, again: &Again) -> io::Result<()> {
    listing
        .rows
        .iter()
        .try_for_each(|row| json::line_to(out, &json_view::row(row, again)))
}
