//! The one pass over a log: rows are routed by their type, gathered by their instance, and what the
//! rows tell of the log itself is noted on the way.
//!
//! Readers, several where the log can be divided, reduce each row to notes: what it means, told from
//! the row alone. The judge, on a thread of its own where there is one, takes the notes in the log's
//! order and keeps state. The result does not depend on how many threads there are.
//!
//! Nothing here reads a clock.

mod astray;
mod batch;
mod families;
mod gather;
mod gathered;
mod horizon;
mod instances;
mod memory;
mod pass;
mod reader;
mod reading;
mod route;
mod spoilt;
mod streams;

pub use astray::{Astray, OfAny};
pub use families::{Ledgers, Readers};
pub use gather::Gatherer;
pub use gathered::{Cut, Gathered, Selection};
pub use horizon::Horizon;
pub use instances::{Blank, Doubt, Entry, Instances, Link, Stage};
pub use memory::{Divisible, Held, Limit};
pub use pass::{Continue, histories, pass};
pub use reading::Reading;
pub use route::{Candidate, Route, Router, Use};
pub use streams::{Noticed, Observation, Observations, StreamEvent, Streams};
