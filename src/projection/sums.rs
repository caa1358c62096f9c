//! A column whose field is only ever added to: what an edit of the events makes of it is known
//! without applying any. Most edits cannot give what the column holds, and need no further look.

use crate::definition::projection::{Effect, Operation, Projection};
use crate::projection::history::History;
use crate::projection::number::Number;
use crate::projection::state::{Cell, State};

/// Of what a sum calculated here may be off by, relative to the greatest one.
const ROUNDING: f64 = 1e-14;

/// The sums of such a column, as it writes them.
#[derive(Debug)]
pub(super) struct Sums {
    /// After so many events.
    after: Vec<f64>,
    /// What is stored.
    stored: f64,
    /// How far a sum may be off and still be what is stored.
    slack: f64,
}

impl Sums {
    /// Those of the first column that allows it.
    pub(super) fn of(history: &History) -> Option<Sums> {
        let definition = history.definition();
        let (stored, row) = (definition.stored.as_ref()?, history.row()?);
        if !history.is_never_deleted() {
            return None;
        }
        let mut columns = stored.columns.iter().zip(&row.values);
        columns.find_map(|(column, raw)| {
            let only_added =
                history.is_independent(column.field) && is_sum(definition, column.field);
            let found = raw.number().filter(|_| only_added)?;
            let mut state = State::NONE;
            let mut is_exact = !found.is_float();
            let mut after = vec![0.0];
            for touch in history.touches() {
                history.apply(&mut state, touch);
                let number = match state.cell(column.field) {
                    Cell::Blank => Number::Integer(0),
                    Cell::Known(value) => value.number()?.scaled(column.scale)?,
                    Cell::Unknown(_) => return None,
                };
                is_exact &= !number.is_float();
                after.push(number.float());
            }
            let most = after
                .iter()
                .fold(found.float().abs(), |most, sum| most.max(sum.abs()));
            let tolerance = if is_exact { 0.0 } else { stored.tolerance };
            // An edit applies no event more than twice.
            let slack = 3.0 * most * (tolerance + ROUNDING * after.len() as f64);
            slack.is_finite().then(|| Sums {
                stored: found.float(),
                after,
                slack,
            })
        })
    }

    /// What these events add.
    pub(super) fn given(&self, events: std::ops::Range<usize>) -> f64 {
        self.after[events.end] - self.after[events.start]
    }

    /// Whether the column may hold what is stored after so many events, if an edit adds this much.
    pub(super) fn may_be(&self, change: f64, applied: usize) -> bool {
        (self.after[applied] + change - self.stored).abs() <= self.slack
    }
}

/// Whether nothing but adding is ever done to a field.
fn is_sum(definition: &Projection, field: usize) -> bool {
    let own = definition.on.values().flat_map(|effect| match effect {
        Effect::Delete => &[][..],
        Effect::Change(changes) => changes,
    });
    let mut changes = own.chain(definition.every.iter().flatten());
    changes.all(|change| {
        change.field != field || matches!(change.operation, Operation::Add | Operation::Subtract)
    })
}
