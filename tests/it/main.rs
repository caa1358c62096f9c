//! The project's tests from outside.

mod labels;
