//! sagactl: a saga and consistency inspector.

pub mod commands;
pub mod definition;
pub mod event;
pub mod expression;
pub mod finding;
pub mod json;
pub mod log;
pub mod output;
pub mod report;
pub mod saga;
pub mod suggest;
