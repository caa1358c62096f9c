//! Instances as a whole, and which fault speaks for which.

use super::*;

#[test]
fn whole_instance_faults_and_near_misses() {
    use Outcome::{Abandoned, Compensating, Completed, Contradictory, Running};
    check([
        scenario(
            "no place for it",
            timed(),
            "start unknown b0 unknown",
            0,
            Running,
            &["saga/unknown-event [2, 4]"],
        ),
        scenario(
            "no namespace",
            with(1, |saga| saga.namespace.clear()),
            "start unknown",
            0,
            Running,
            &[],
        ),
        scenario(
            "no start",
            timed(),
            "b0 s0",
            0,
            Running,
            &["saga/no-start [1]"],
        ),
        scenario(
            "both ends",
            timed(),
            "start b0 s0 b1 s1 completes ub1 us1 ub0 us0 compensated",
            0,
            Contradictory,
            &["saga/mixed-outcome [6, 11]"],
        ),
        scenario(
            "undone after completion",
            timed(),
            "start b0 s0 b1 s1 completes us1 us0",
            0,
            Contradictory,
            &["saga/mixed-outcome [6, 7]"],
        ),
        scenario(
            "a step is missing",
            timed(),
            "start b0 s0 completes",
            99,
            Running,
            &["saga/false-claim 1 [4]"],
        ),
        claimed(
            Claim::Running,
            scenario(
                "over, whatever the column says",
                outcomes_only(),
                "start s0 s1",
                0,
                Completed,
                &["saga/false-claim [3]"],
            ),
        ),
        claimed(
            Claim::Completed,
            scenario(
                "not over, whatever the column says",
                timed(),
                "start b0",
                99,
                Running,
                &["saga/false-claim 0 [2]"],
            ),
        ),
        claimed(
            Claim::Completed,
            scenario(
                "rightly so",
                timed(),
                "start b0 s0 b1 s1 completes",
                0,
                Completed,
                &[],
            ),
        ),
        claimed(
            Claim::Compensated,
            scenario(
                "a column forgets an effect",
                timed(),
                "start b0 s0",
                0,
                Running,
                &["compensation/uncompensated 0 [3]"],
            ),
        ),
        scenario(
            "rolled back, but the pivot stands",
            pivoted(),
            "start b0 s0 b1 s1 aborts us0 compensated",
            0,
            Compensating,
            &["compensation/past-pivot 0 [5, 7]"],
        ),
        scenario(
            "a claim of rollback with an effect in force",
            timed(),
            "start b0 s0 aborts compensated",
            0,
            Compensating,
            &["compensation/uncompensated 0 [3, 4]"],
        ),
        scenario(
            "given up, nothing silenced",
            timed(),
            "start b0 s0 aborts abandons",
            0,
            Abandoned,
            &["compensation/uncompensated 0 [3, 4]"],
        ),
        scenario(
            "given up without going back",
            timed(),
            "start b0 s0 abandons b1",
            99,
            Abandoned,
            &["compensation/uncompensated 1 [3, 4, 5]"],
        ),
    ]);
}

#[test]
fn one_fault_is_one_finding() {
    use Outcome::{Compensating, Completed, Running};
    let timed_wedge = with(1, |saga| {
        saga.wedged_after = 2;
        saga.deadline = seconds(60);
        saga.steps[0].timeout = seconds(5);
    });
    let side_by_side = with(2, |saga| {
        saga.steps[1].after = StepSet::EMPTY;
        for undo in saga
            .steps
            .iter_mut()
            .filter_map(|step| step.compensation.as_mut())
        {
            undo.timeout = seconds(5);
        }
    });
    check([
        scenario(
            "a stuck step in a stuck saga",
            timed(),
            "start b0",
            99,
            Running,
            &["saga/stuck-step 0 [2]"],
        ),
        scenario(
            "a wedged step is no stuck one",
            timed_wedge,
            "start b0 f0 b0 f0",
            99,
            Running,
            &["saga/wedged 0 [3, 5]"],
        ),
        scenario(
            "an effect besides a hanging undo",
            side_by_side,
            "start b0 s0 b1 s1 aborts ub1",
            5,
            Compensating,
            &[
                "compensation/stuck 1 [7]",
                "compensation/uncompensated 0 [3, 6]",
            ],
        ),
        scenario(
            "a success that was lost",
            with(2, |_| {}),
            "start b0 b1 s1 completes",
            0,
            Running,
            &["saga/out-of-order 1 [3]"],
        ),
        scenario(
            "an effect left by a claim of completion",
            timed(),
            "start b0 s0 aborts completes",
            0,
            Compensating,
            &["compensation/uncompensated 0 [3, 4]"],
        ),
        scenario(
            "a success after the end, twice",
            timed(),
            "start b0 s0 b1 s1 completes s1#a s1#b",
            0,
            Completed,
            &["saga/double-effect 1 [5, 7, 8]"],
        ),
    ]);
}

#[test]
fn a_cut_log_may_lack_the_start() {
    let events = history("b0 s0");
    let findings = |cut| judge(&timed(), cut, &events, None, EPOCH).findings.len();
    assert_eq!((findings(false), findings(true)), (1, 0));
}
