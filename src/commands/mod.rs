//! What each command does, one file per command.

pub mod log;
