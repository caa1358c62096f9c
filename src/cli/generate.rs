//! What `generate` can be told.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::event::{Span, Timestamp};

/// What log to make.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  sagactl generate sagas/shop/shop.db --example
  sagactl generate sagas/bank/bank.db --bank --each --instances 60
  sagactl generate /tmp/all.db --each --labels /tmp/all.json
  sagactl generate /tmp/big.db --instances 600000 --spacing 20ms --plain --ids uuid --payload 200")]
pub struct GenerateArgs {
    /// The SQLite file to write; what stands there is replaced
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The sagas to make instances of; they and the log must be in one folder
    #[arg(long, value_name = "PATH", default_value = "sagas/shop")]
    pub definitions: PathBuf,
    /// The same seed makes the same file, byte for byte
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// How many saga instances
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub instances: u64,
    /// With so many of a thousand instances something goes wrong
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub faults: u32,
    /// Everything that can go wrong does, once
    #[arg(long, conflicts_with = "faults")]
    pub each: bool,
    /// The shipped example: its seed, size, time and faults
    #[arg(long, conflicts_with_all = ["faults", "each", "seed", "instances", "spacing", "start", "plain", "ids"])]
    pub example: bool,
    /// A bank instead of a shop: read models, invariants, reactions and the like go wrong
    #[arg(long, conflicts_with_all = ["example", "plain", "ids", "payload"])]
    pub bank: bool,
    /// The mean time between two starts
    #[arg(long, value_name = "DURATION", default_value = "2m")]
    pub spacing: Span,
    /// When the first instance starts
    #[arg(long, value_name = "INSTANT", default_value = "2026-03-02T06:00:00Z")]
    pub start: Timestamp,
    /// About how many bytes of data an event has
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    pub payload: usize,
    /// How instances and events are called
    #[arg(long, value_enum, default_value_t = IdStyle::Numbered)]
    pub ids: IdStyle,
    /// Sagas only: no other systems, status, keys, causes and headers
    #[arg(long)]
    pub plain: bool,
    /// Leave the file in write-ahead mode
    #[arg(long)]
    pub wal: bool,
    /// Let positions be given again (no AUTOINCREMENT)
    #[arg(long)]
    pub position_reuse: bool,
    /// Without the UNIQUE index on ids, so that they can repeat
    #[arg(long)]
    pub repeatable_ids: bool,
    /// Without the index on the correlation column
    #[arg(long)]
    pub unindexed: bool,
    /// Write what must be found in it here, as JSON
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
}

/// How instances and events are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum IdStyle {
    /// `order-1007`, `e-12`.
    Numbered,
    /// 36 characters that look like UUIDs.
    Uuid,
}
