//! sagactl: a saga and consistency inspector.

pub mod commands;
pub mod definition;
pub mod event;
pub mod expression;
pub mod finding;
pub mod log;
pub mod report;
pub mod saga;
