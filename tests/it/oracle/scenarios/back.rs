//! Compensations.

use super::*;

#[test]
fn backward_faults_and_near_misses() {
    use Outcome::{Compensated, Compensating, Completed};
    check([
        scenario(
            "two effects in force",
            timed(),
            "start b0 s0 b1 s1 @1 aborts",
            6,
            Compensating,
            &["compensation/uncompensated 1 [3, 5, 6]"],
        ),
        scenario("not due yet", timed(), "start b0 s0 b1 s1 @1 aborts", 5, Compensating, &[]),
        scenario(
            "the first waits for the second",
            timed(),
            "start b0 s0 b1 s1 aborts ub1 @4 us1",
            8,
            Compensating,
            &[],
        ),
        scenario(
            "an effect that may exist",
            timed(),
            "start b0 aborts",
            5,
            Compensating,
            &["compensation/uncompensated 0 [2, 3]"],
        ),
        scenario(
            "an effect that may exist and does not count",
            with(1, |saga| saga.undo_ambiguous = false),
            "start b0 aborts",
            5,
            Compensated,
            &[],
        ),
        scenario(
            "an undo hangs",
            timed(),
            "start b0 s0 aborts @1 ub0",
            6,
            Compensating,
            &["compensation/stuck 0 [5]"],
        ),
        scenario("an undo is under way", timed(), "start b0 s0 aborts ub0", 4, Compensating, &[]),
        scenario(
            "an undo has no attempts left",
            timed(),
            "start b0 s0 b1 s1 aborts ub1 uf1",
            99,
            Compensating,
            &["compensation/failed 1 [8]"],
        ),
        scenario(
            "undone in the wrong order",
            timed(),
            "start b0 s0 b1 s1 aborts us0 us1 compensated",
            0,
            Compensated,
            &["compensation/out-of-order 0 [7, 8]"],
        ),
        scenario(
            "parallel steps undone in any order",
            parallel(),
            "start b0 s0 b1 s1 us0 us1 compensated",
            0,
            Compensated,
            &[],
        ),
        scenario(
            "parallel steps where the observed order counts",
            with(2, |saga| {
                saga.steps[1].after = StepSet::EMPTY;
                saga.strict_reverse = true;
            }),
            "start b0 s0 b1 s1 us0 us1 compensated",
            0,
            Compensated,
            &["compensation/out-of-order 0 [6, 7]"],
        ),
        scenario(
            "undone twice",
            timed(),
            "start b0 s0 aborts us0#a us0#b",
            0,
            Compensated,
            &["compensation/double 0 [5, 6]"],
        ),
        scenario(
            "the undo delivered twice",
            timed(),
            "start b0 s0 aborts us0#a us0#a",
            0,
            Compensated,
            &["compensation/double 0 [5, 6] note"],
        ),
        scenario(
            "nothing to undo",
            timed(),
            "start aborts us0",
            0,
            Compensated,
            &["compensation/empty 0 [3]"],
        ),
        scenario(
            "nothing to undo, twice",
            timed(),
            "start aborts us0 us0",
            0,
            Compensated,
            &["compensation/empty 0 [3]"],
        ),
        scenario(
            "nothing to undo, legally",
            with(1, |saga| saga.null_compensation = true),
            "start aborts us0",
            0,
            Compensated,
            &[],
        ),
        scenario(
            "it came back",
            timed(),
            "start b0 aborts us0 s0",
            0,
            Compensated,
            &["compensation/dangling-step 0 [4, 5]"],
        ),
        scenario(
            "no way back",
            pivoted(),
            "start b0 s0 b1 s1 us0",
            0,
            Compensated,
            &["compensation/past-pivot 0 [5, 6]"],
        ),
        scenario("the pivot was only begun", pivoted(), "start b0 s0 b1 us0", 0, Compensated, &[]),
        scenario(
            "past the pivot after completion",
            pivoted(),
            "start b0 s0 b1 s1 completes us0",
            0,
            Outcome::Contradictory,
            &["compensation/past-pivot 0 [5, 7]"],
        ),
        scenario("forward only", pivoted(), "start b0 s0 b1 s1 completes", 99, Completed, &[]),
    ]);
}
