//! The one test binary.

mod agree;
mod casefile;
mod command;
mod fixture;
mod golden;
mod house;
mod imports;
mod labels;
mod oracle;
mod output;
mod recorded;
