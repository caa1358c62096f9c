//! How results look.

pub mod diagnostic;
