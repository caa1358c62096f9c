//! Everything that looks at the program from outside, in one binary.

mod fixture;
mod golden;
mod output;
