//! Recovery by hand: a [`plan`] is decided as a value that can be read and refused, then applied
//! under a permit, journal first, then verified against the log.
//!
//! Deliberately absent: any judgement of what is wrong. Which instances call for a recovery, and
//! which way, is what the rules and [`crate::saga::course`] say, so that what is found and what is
//! repaired cannot disagree.

mod action;
pub mod apply;
mod clock;
pub mod document;
pub mod item;
pub mod journal;
pub mod permit;
pub mod plan;
pub mod record;
pub mod refused;
mod request;
pub mod select;
pub mod verify;
pub mod watch;

pub use clock::Clock;
pub use document::PlanV1;
