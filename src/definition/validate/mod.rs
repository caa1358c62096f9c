//! Raw → checked, once: what has the right shape is asked whether it makes sense. All faults are
//! collected; nothing stops at the first.

pub(crate) mod action;
pub(crate) mod idempotency;
pub(crate) mod invariant;
pub(crate) mod lints;
pub(crate) mod log;
pub(crate) mod meanings;
pub(crate) mod order;
pub(crate) mod projection;
pub(crate) mod reaction;
pub(crate) mod record;
pub(crate) mod requirement;
pub(crate) mod saga;
pub(crate) mod settings;
pub(crate) mod states;
pub(crate) mod transaction;
pub(crate) mod unmapped;
