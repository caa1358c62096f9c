//! What is wrong with the definitions themselves.

use crate::definition::fault;
use crate::finding::Severity;
use crate::rules::Info;

/// `definition/unused-allow`
pub const UNUSED_ALLOW: Info = Info {
    name: "definition/unused-allow",
    severity: Severity::Warning,
    summary: "an `allow` that matches no finding",
    explanation: "\
Finds entries of `settings: allow:` that accepted nothing in this run.

What was wrong is repaired, or the entry names the wrong subject. Left standing, it will hide the \
next fault of the same kind.

Take it out.

Example: an allow for order-0042, which was compensated by hand last week.",
};

/// `definition/expired-allow`
pub const EXPIRED_ALLOW: Info = Info {
    name: "definition/expired-allow",
    severity: Severity::Warning,
    summary: "an `allow` past its date",
    explanation: "\
Finds entries of `settings: allow:` whose `until` lies at or before the horizon. They accept nothing \
any more.

Somebody promised to look again by then.

Look again: repair what it allowed, or set a new date with a reason.

Example: `until: 2026-01-31`, horizon 2026-02-03.",
};

const fn fatal(name: &'static str, summary: &'static str, explanation: &'static str) -> Info {
    Info {
        name,
        severity: Severity::Error,
        summary,
        explanation,
    }
}

const fn lint(name: &'static str, summary: &'static str, explanation: &'static str) -> Info {
    Info {
        name,
        severity: Severity::Warning,
        summary,
        explanation,
    }
}

/// `definition/unseen-event`
pub const UNSEEN_EVENT: Info = lint(
    "definition/unseen-event",
    "an event type that the log does not hold (`check --log`)",
    "\
Finds event types that a definition names and that stand nowhere in the log given with `--log`: of a \
saga, a projection, an invariant, a reaction, an idempotency rule or a transaction.

A misspelt type is never seen: its step can never succeed, so that every instance will look stuck; a \
projection folds less than its consumer did; a rule finds nothing wrong, as it looks at nothing.

Correct the name, or the `types:` of the log document. A type that is only rare is nothing to mend.

Example: `succeeds: StockReservd`.",
);

/// What `sagactl check` finds without a log; the first ones keep the definitions from being used.
pub const STATIC: [Info; 27] = [
    fatal(
        fault::UNREADABLE,
        "a file or folder cannot be read",
        "The file does not exist, is not UTF-8, or may not be read. Nothing is judged by half of the definitions.",
    ),
    fatal(
        fault::SYNTAX,
        "not YAML, or YAML that definitions have no use for",
        "The text is not YAML, or uses tags, merge keys or complex keys. The mark shows where reading stopped making sense.",
    ),
    fatal(
        fault::DUPLICATE_KEY,
        "one key twice in one mapping",
        "YAML readers differ in which one counts, so neither does. Remove one.",
    ),
    fatal(
        fault::TOO_LARGE,
        "a file, its aliases or its nesting beyond what is read",
        "Aliases that stand for more than the file is worth, nesting deeper than anyone writes, or a file of many megabytes: not definitions, but an accident or an attack.",
    ),
    fatal(
        fault::UNKNOWN_KEY,
        "a key that means nothing where it stands",
        "A misspelt key would silently do nothing, so it is an error. The help names the nearest key there is.",
    ),
    fatal(
        fault::MISSING_KEY,
        "a key that has to be there is not",
        "For example a saga without `starts`, or a step without `succeeds`: nothing could be judged.",
    ),
    fatal(
        fault::WRONG_TYPE,
        "a list where a word is wanted, and the like",
        "Plain `no`, `on`, `~` and numbers are no names: other YAML readers take them for something else. Put them in quotes.",
    ),
    fatal(
        fault::BAD_VALUE,
        "a value that cannot be used",
        "A duration, date, glob or number that is not one, or is out of range. The message says what is accepted.",
    ),
    fatal(
        fault::BAD_EXPRESSION,
        "not an expression, or one about what it cannot see",
        "Expressions see `event`, `data` and `metadata`. Comparison is `==`, text stands in quotes.",
    ),
    fatal(
        fault::UNKNOWN_STEP,
        "`after` names no step of the saga",
        "The help names the nearest step there is.",
    ),
    fatal(
        fault::UNKNOWN_FIELD,
        "a field that no event changes is compared or looked at",
        "A column would be compared with nothing, and every row would look wrong; an invariant would look at nothing. The help names the nearest field there is.",
    ),
    fatal(
        fault::UNKNOWN_RULE,
        "settings name a rule that does not exist",
        "`sagactl explain` lists the rules.",
    ),
    fatal(
        fault::UNKNOWN_SAGA,
        "claims about a saga that is not defined for this log",
        "The status column would be compared with nothing.",
    ),
    fatal(
        fault::UNKNOWN_PROJECTION,
        "an invariant about a projection that is not defined for this log",
        "There would be no states to hold it against. The help names the nearest projection there is.",
    ),
    fatal(
        fault::DUPLICATE_NAME,
        "two things of one kind and one name",
        "Two sagas, steps or logs of one name could not be told apart in any report.",
    ),
    fatal(
        fault::CYCLE,
        "steps that wait for each other",
        "None of them could ever begin. The message shows the circle.",
    ),
    fatal(
        fault::TWO_MEANINGS,
        "one event type means two things in one saga",
        "An event drives one state of one step. Tell the meanings apart with `{ event: …, when: … }` on all but one of them.",
    ),
    fatal(
        fault::TWO_PIVOTS,
        "two pivots, one before the other",
        "The first is the point of no return already. What comes after it can only be retriable.",
    ),
    lint(
        fault::NO_COMPENSATION,
        "a step before the pivot without a compensation",
        "If the saga goes back, nothing says how this step is undone, so its effect is never reported as in force. If it has none, as a look-up has, switch the rule off or mark the step `optional`.",
    ),
    lint(
        fault::COMPENSATION_AFTER_PIVOT,
        "a compensation behind the point of no return",
        "It can never be called for legally: from the pivot on the saga goes forward. Either the pivot stands in the wrong place, or the compensation is not one.",
    ),
    lint(
        fault::TIMEOUT_BEYOND_DEADLINE,
        "a timeout that the saga's deadline always comes before",
        "The step can never be found stuck by itself. One of the two is wrong.",
    ),
    lint(
        fault::NO_TIMEOUT,
        "nothing says when a step is overdue",
        "Without a `timeout` on the step or a `deadline` on the saga it can stand still for ever and never be found stuck.",
    ),
    Info {
        name: fault::UNSAFE_RETRY,
        severity: Severity::Error,
        summary: "an action that is retried although a second one has a second effect",
        explanation: "The step has `retries`, its action is not `idempotent: true`. A lost answer then means two effects. Make the action idempotent under its key, or set `retries: 0`.",
    },
    lint(
        fault::UNANCHORED_PROJECTION,
        "stored rows of which nothing says how far they have come",
        "Without the consumer's `checkpoint` or a `version` in each row, an event that was lost looks like one that is still on its way. Name one of the two.",
    ),
    lint(
        fault::UNMAPPED_FIELD,
        "a field that a definition needs and the log does not map",
        "A saga without `correlate:` finds its instances by the log's `correlation`, and so does a reaction its effects, unless it matches by something else: with `match: causation` by `id` and `causation`. An idempotency rule without `key:` looks at `idempotency`, a projection with `stream:` at `stream`. Where no source under `events:` maps that field, nothing is ever judged, as if nothing were wrong. Map it, or say what to look at instead.",
    ),
    lint(
        fault::KEY_HORIZON,
        "an idempotency key is forgotten before its step is given up",
        "The receiver remembers a key for its `retention`. A step or compensation that may still be tried after that, until its attempts, with the `backoff` of its action between them, those of the action itself, or the saga's deadline are over, would take effect a second time under the same key. Remember keys longer, or give up earlier.",
    ),
    UNSEEN_EVENT,
];
