//! The horizon of a log: its greatest time, strays far in the future left out.
//!
//! Times that lie within the tolerance of each other form a *level*. A log whose clocks are sound
//! has one. A row that records when something will happen, or a clock that is years ahead, makes a
//! level of its own far above the one that the rows around it are on. Such a level does not move
//! the horizon unless, from its first event on, most events are on it: then it is time that has
//! moved on, over a quiet night or a restored backup, and the lower ones are stragglers.
//!
//! Only at the end is it known which levels are those of strays. Until then every level keeps the
//! events that came too late after its own: after one clock that is years ahead, nothing is late.

use crate::event::{Position, Span, Timestamp};
use crate::replay::gathered::Cut;

/// An event that came later than the declared lateness, with how late.
pub type Late = (Position, Timestamp, Span);

/// How many levels are told apart; beyond that those are taken together that the horizon is not on:
/// the lowest ones below it, else the highest above it.
const LEVELS: usize = 64;

#[derive(Debug, Clone)]
struct Level {
    least: Timestamp,
    greatest: Timestamp,
    /// Events on it.
    events: u64,
    /// Events on lower levels since its first.
    below: u64,
    listed: Cut<(Position, Timestamp)>,
    /// Events of this level and of lower ones that are late after an event of this level, and after
    /// none of a lower one.
    late: Cut<Late>,
}

/// Finds the horizon in one pass, in bounded memory.
#[derive(Debug, Clone)]
pub struct Horizon {
    tolerance: Span,
    lateness: Option<Span>,
    levels: Vec<Level>,
}

impl Horizon {
    /// For a log whose times may lie this far above those that follow them.
    pub fn new(tolerance: Span) -> Horizon {
        Horizon {
            tolerance,
            lateness: None,
            levels: Vec::new(),
        }
    }

    /// The same for a log that declares how long after younger events one may arrive.
    pub fn with_lateness(self, lateness: Option<Span>) -> Horizon {
        Horizon { lateness, ..self }
    }

    /// Takes the next event in position order.
    pub fn push(&mut self, position: Position, time: Timestamp) {
        if let Some(lateness) = self.lateness {
            self.overtake(position, time, lateness);
        }
        if let [only] = self.levels.as_mut_slice()
            && only.least <= time
            && time <= only.greatest.after(self.tolerance)
            && only.listed.is_full()
        {
            only.events += 1;
            only.greatest = only.greatest.max(time);
            return;
        }
        self.place(position, time);
    }

    fn overtake(&mut self, position: Position, time: Timestamp, lateness: Span) {
        let is_late = |level: &Level| time.after(lateness) < level.greatest;
        let Some(first) = self.levels.iter().position(is_late) else {
            return;
        };
        let youngest = self.levels[self.top().max(first)].greatest;
        let late = (position, time, youngest.since(time));
        self.levels[first].late.push(late);
    }

    fn place(&mut self, position: Position, time: Timestamp) {
        let reaches = |level: &Level| {
            time <= level.greatest.after(self.tolerance)
                && level.least <= time.after(self.tolerance)
        };
        let at = match self.levels.iter().rposition(reaches) {
            Some(at) => at,
            None => {
                let at = self.levels.partition_point(|level| level.greatest < time);
                let fresh = Level {
                    least: time,
                    greatest: time,
                    events: 0,
                    below: 0,
                    listed: Cut::default(),
                    late: Cut::default(),
                };
                self.levels.insert(at, fresh);
                at
            }
        };
        for above in &mut self.levels[at + 1..] {
            above.below += 1;
        }
        let level = &mut self.levels[at];
        level.events += 1;
        level.listed.push((position, time));
        if level.least <= time && time <= level.greatest {
            return;
        }
        level.least = level.least.min(time);
        level.greatest = level.greatest.max(time);
        self.join(at);
    }

    /// Takes levels together that have grown into each other.
    fn join(&mut self, at: usize) {
        let mut at = at;
        while at > 0 && self.is_one(at - 1) {
            at -= 1;
            self.merge(at);
        }
        while at + 1 < self.levels.len() && self.is_one(at) {
            self.merge(at);
        }
        while self.levels.len() > LEVELS {
            let crowded = if self.top() > 0 {
                0
            } else {
                self.levels.len() - 2
            };
            self.merge(crowded);
        }
    }

    /// The level that the horizon is on.
    fn top(&self) -> usize {
        let holds = |level: &Level| level.events > level.below;
        self.levels.iter().rposition(holds).unwrap_or(0)
    }

    fn is_one(&self, lower: usize) -> bool {
        self.levels[lower + 1].least <= self.levels[lower].greatest.after(self.tolerance)
    }

    fn merge(&mut self, lower: usize) {
        let upper = self.levels.remove(lower + 1);
        let level = &mut self.levels[lower];
        level.greatest = level.greatest.max(upper.greatest);
        level.events += upper.events;
        level.below = level.below.max(upper.below);
        level.listed.append(upper.listed);
        level.late.append(upper.late);
    }

    /// The horizon, and the events too far above it to move it, in position order.
    pub fn settle(&self) -> (Option<Timestamp>, Cut<(Position, Timestamp)>) {
        let top = self.top();
        let horizon = self.levels.get(top).map(|level| level.greatest);
        let mut future = Cut::default();
        for level in self.levels.iter().skip(top + 1) {
            future.append(Cut {
                listed: level.listed.listed.clone(),
                total: level.events,
            });
        }
        (horizon, future)
    }

    /// The events that came too late after others that are no strays, in position order.
    pub fn too_late(&self) -> Cut<Late> {
        let mut late = Cut::default();
        for level in self.levels.iter().take(self.top() + 1) {
            late.append(level.late.clone());
        }
        late
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settle(times: &[i64]) -> (Option<i64>, Vec<i64>) {
        let mut horizon = Horizon::new(Span::from_nanos(10));
        for (index, time) in times.iter().enumerate() {
            horizon.push(Position(index as i64 + 1), Timestamp::from_nanos(*time));
        }
        let (end, future) = horizon.settle();
        (
            end.map(Timestamp::as_nanos),
            future
                .listed
                .iter()
                .map(|(position, _)| position.0)
                .collect(),
        )
    }

    /// The positions of those that are later than 3, with how late.
    fn too_late(times: &[i64]) -> Vec<(i64, i64)> {
        let lateness = Some(Span::from_nanos(3));
        let mut horizon = Horizon::new(Span::from_nanos(10)).with_lateness(lateness);
        for (index, time) in times.iter().enumerate() {
            horizon.push(Position(index as i64 + 1), Timestamp::from_nanos(*time));
        }
        let late = horizon.too_late();
        assert_eq!(late.total, late.listed.len() as u64);
        let late = late.listed.into_iter();
        late.map(|(position, _, span)| (position.0, span.as_nanos()))
            .collect()
    }

    #[test]
    fn what_comes_too_late_after_a_stray_only_is_in_time() {
        assert_eq!(too_late(&[]), []);
        assert_eq!(too_late(&[1, 9, 6, 5, 10]), [(4, 4)]);
        assert_eq!(too_late(&[1, 900, 2, 9, 3, 9]), [(5, 6)]);
        assert_eq!(too_late(&[900, 901, 1, 2, 3, 4]), []);
        assert_eq!(too_late(&[1, 2, 900, 3, 901, 902, 903, 904]), [(4, 897)]);
        assert_eq!(
            too_late(&[1, 30, 9, 17, 20, 25]),
            [(3, 21), (4, 13), (5, 10), (6, 5)]
        );
    }

    #[test]
    fn the_greatest_time_counts_unless_what_follows_is_far_below() {
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
    fn several_strays_do_not_vouch_for_each_other() {
        assert_eq!(settle(&[800, 900, 1, 2, 3]), (Some(3), vec![1, 2]));
        assert_eq!(
            settle(&[1, 800, 2, 800, 3, 800, 4]),
            (Some(4), vec![2, 4, 6])
        );
    }

    #[test]
    fn a_straggler_at_the_end_does_not_turn_the_log_into_strays() {
        assert_eq!(settle(&[100, 101, 102, 3]), (Some(102), vec![]));
    }

    #[test]
    fn time_moves_on_over_a_quiet_night() {
        assert_eq!(
            settle(&[1, 2, 3, 500, 501, 502, 3, 503]),
            (Some(503), vec![])
        );
    }

    #[test]
    fn a_level_that_time_catches_up_with_is_no_stray() {
        assert_eq!(settle(&[1, 30, 9, 17, 20, 25]), (Some(30), vec![]));
    }

    #[test]
    fn endless_strays_are_taken_together_above_the_horizon() {
        let times: Vec<i64> = (0..500)
            .flat_map(|step| [step % 7, 1_000_000 - step * 100])
            .chain([8])
            .collect();
        let (end, strays) = settle(&times);
        assert_eq!((end, strays.len()), (Some(8), 500));
    }

    #[test]
    fn endless_levels_are_taken_together() {
        let times: Vec<i64> = (0..500).map(|step| step * 100).collect();
        assert_eq!(settle(&times).0, Some(49_900));
    }
}
