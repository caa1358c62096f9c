//! How results look. Each format is one file that gets data and a writer and knows nothing else;
//! what a terminal must not see goes through [`escape`].
//!
//! Styles are always written; whoever owns the stream strips them where colour is not wanted.

pub mod again;
pub mod against;
pub mod cases;
pub mod check;
pub mod diagnostic;
pub mod diff;
pub mod dot;
pub mod escape;
pub mod explain;
pub mod journal;
pub mod json;
pub mod json_view;
pub mod jsonl;
pub mod list;
pub mod log;
pub mod mermaid;
pub mod plan;
pub mod recovered;
pub mod repair;
pub mod show;
pub mod state;
pub mod table;

mod graph;
mod grid;
mod page;
mod style;
mod words;

pub use page::Page;
