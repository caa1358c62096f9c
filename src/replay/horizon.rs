//! The horizon of a log: its greatest time, unless that is a stray far in the future.

use crate::event::{Position, Span, Timestamp};

/// Finds the greatest time, and the times that stand too far above all that follow them, in one
/// pass.
///
/// It keeps the times that are greater than everything after them: a decreasing stack, of which a
/// log whose times mostly grow keeps very few. Of the others only the greatest matters, since a
/// time with a greater one after it is never a stray.
#[derive(Debug, Clone, Default)]
pub struct Horizon {
    stack: Vec<(Timestamp, Position)>,
    surpassed: Option<Timestamp>,
}

impl Horizon {
    /// Takes the next event in position order.
    pub fn push(&mut self, position: Position, time: Timestamp) {
        while let Some((top, _)) = self.stack.pop_if(|(top, _)| *top <= time) {
            self.surpassed = self.surpassed.max(Some(top));
        }
        self.stack.push((time, position));
    }

    /// The horizon and the events too far above it to move it, given how far is too far.
    ///
    /// The last event of a log has nothing after it and so always counts.
    pub fn settle(&self, tolerance: Span) -> (Option<Timestamp>, Vec<(Position, Timestamp)>) {
        let mut future = Vec::new();
        for (index, (time, position)) in self.stack.iter().enumerate() {
            match self.stack.get(index + 1) {
                Some((next, _)) if *time > next.after(tolerance) => future.push((*position, *time)),
                _ => return (self.surpassed.max(Some(*time)), future),
            }
        }
        (None, future)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settle(times: &[i64]) -> (Option<i64>, Vec<i64>) {
        let mut horizon = Horizon::default();
        for (index, time) in times.iter().enumerate() {
            horizon.push(Position(index as i64 + 1), Timestamp::from_nanos(*time));
        }
        let (end, future) = horizon.settle(Span::from_nanos(10));
        (
            end.map(Timestamp::as_nanos),
            future.iter().map(|(position, _)| position.0).collect(),
        )
    }

    #[test]
    fn the_greatest_time_counts_unless_all_that_follows_is_far_below() {
        assert_eq!(settle(&[]), (None, vec![]));
        assert_eq!(settle(&[5]), (Some(5), vec![]));
        assert_eq!(settle(&[1, 9, 4]), (Some(9), vec![]));
        assert_eq!(settle(&[1, 90, 4, 7]), (Some(7), vec![2]));
        assert_eq!(settle(&[1, 900, 90, 4, 7]), (Some(7), vec![2, 3]));
        assert_eq!(settle(&[1, 4, 900]), (Some(900), vec![]));
        assert_eq!(settle(&[17, 7]), (Some(17), vec![]));
        assert_eq!(settle(&[18, 7]), (Some(7), vec![1]));
    }

    #[test]
    fn it_agrees_with_the_definition_on_every_short_log() {
        for code in 0..3_i64.pow(6) {
            let times: Vec<i64> = (0..6)
                .map(|digit| code / 3_i64.pow(digit) % 3 * 8)
                .collect();
            let is_future = |index: usize| {
                let after = &times[index + 1..];
                !after.is_empty() && after.iter().all(|later| times[index] > later + 10)
            };
            let expected = (0..6)
                .filter(|index| !is_future(*index))
                .map(|index| times[index])
                .max();
            assert_eq!(settle(&times).0, expected, "{times:?}");
        }
    }
}
