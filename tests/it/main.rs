//! The one test binary.

mod agree;
mod cases;
mod fixture;
mod golden;
mod labels;
mod oracle;
mod output;
mod readme;
mod recorded;
