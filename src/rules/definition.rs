//! What is wrong with the definitions themselves.

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
