//! Tables without lines: a faint header, aligned columns, the width given and never asked for.

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, TableStyle, Width};

/// A column of a grid.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    title: &'static str,
    align: CellAlignment,
    room: Room,
}

#[derive(Debug, Clone, Copy)]
enum Room {
    /// Broken where there is no room.
    Any,
    /// Broken, but not to less than this.
    AtLeast(u16),
    /// Never broken: a name or number that is cut in two is neither read nor copied.
    Whole,
}

/// Text that may be broken where there is no room.
pub(crate) const fn text(title: &'static str) -> Column {
    Column {
        title,
        align: CellAlignment::Left,
        room: Room::Any,
    }
}

/// Text that keeps this much room if it needs it.
pub(crate) const fn roomy_text(title: &'static str, least: u16) -> Column {
    Column {
        title,
        align: CellAlignment::Left,
        room: Room::AtLeast(least),
    }
}

/// A word that stays whole.
pub(crate) const fn word(title: &'static str) -> Column {
    Column {
        title,
        align: CellAlignment::Left,
        room: Room::Whole,
    }
}

/// A number or length of time, to the right, whole.
pub(crate) const fn quantity(title: &'static str) -> Column {
    Column {
        title,
        align: CellAlignment::Right,
        room: Room::Whole,
    }
}

/// Lays rows out in at most `width` columns; the first line is the header. Cells are escaped
/// already; a line break in one is kept.
///
/// A column that is empty in every row is left out.
pub(crate) fn lay_out(columns: &[Column], rows: &[Vec<String>], width: usize) -> Vec<String> {
    let used: Vec<usize> = (0..columns.len())
        .filter(|at| {
            rows.iter()
                .any(|row| row.get(*at).is_some_and(|cell| !cell.is_empty()))
        })
        .collect();
    let mut table = Table::new();
    table
        .load_style(TableStyle::new())
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(width).unwrap_or(u16::MAX))
        .set_header(used.iter().map(|at| columns[*at].title));
    for row in rows {
        table.add_row(used.iter().map(|at| &row[*at]));
    }
    for (column, at) in table.column_iter_mut().zip(&used) {
        column.set_cell_alignment(columns[*at].align);
        column.set_padding((0, 2));
        match columns[*at].room {
            Room::Any => {}
            Room::AtLeast(least) => {
                column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(least)));
            }
            Room::Whole => {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
    }
    table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect()
}
