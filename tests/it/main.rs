//! The one test binary.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod agree;
mod alone;
mod anchors;
mod asked;
mod casefile;
mod cases;
mod causes;
mod checked;
mod claims;
mod clues;
mod command;
mod fixture;
mod folds;
mod garbled;
mod golden;
mod hidden;
mod house;
mod imports;
mod isolation;
mod keys;
mod labels;
mod limits;
mod logs;
mod manners;
mod many;
mod memory;
mod oracle;
mod output;
mod readme;
mod readmodels;
mod recorded;
mod recovery;
mod refusals;
mod reopened;
mod repairs;
mod repeated;
mod requirements;
mod residues;
mod rows;
mod shadows;
mod shown;
mod sums;
mod totals;
mod undetermined;
