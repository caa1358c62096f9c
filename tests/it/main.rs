//! The one test binary.

mod agree;
mod fixture;
mod golden;
mod labels;
mod oracle;
mod output;
mod recorded;
