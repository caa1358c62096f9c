//! What each command does, as functions over the library.

pub mod check;
pub mod schema;
