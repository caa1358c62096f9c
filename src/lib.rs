//! sagactl: a saga and consistency inspector.

pub mod baseline;
pub mod casefile;
pub mod cli;
pub mod commands;
pub mod definition;
pub mod event;
pub mod exit;
pub mod expression;
pub mod finding;
pub mod generate;
pub mod inspect;
pub mod json;
pub mod log;
pub mod output;
pub mod replay;
pub mod report;
pub mod rules;
pub mod saga;
pub mod suggest;
