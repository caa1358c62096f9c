//! How much memory a run may take.

use std::fmt;
use std::str::FromStr;

use clap::Args;

/// A cap on memory.
#[derive(Debug, Clone, Copy, Args)]
pub struct MemoryArgs {
    /// Keep at most about this much at once (K, M, G), by reading the log in several passes
    ///
    /// What is kept of a log grows with its keys: instances, states, streams, idempotency keys. Where
    /// that is more than the cap, each pass reads the whole log and keeps a share of the keys; the
    /// result is the same. The cap is on what keys take, not on the program as a whole, which takes
    /// some megabytes besides; nor are findings counted, or the events of keys whose stored rows are
    /// looked into. Rules that join instances and states (isolation/*, compensation/residue),
    /// invariants with look-ups, totals over states, and causes that stand after their effects, whose
    /// circles are looked for, need all of those at once, whatever the cap. So does one key that is
    /// larger than it.
    #[arg(
        long,
        env = "SAGACTL_MEMORY",
        value_name = "SIZE",
        help_heading = "Source"
    )]
    pub memory: Option<Size>,
}

/// So many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

/// The units, each 1024 times the one before it.
const UNITS: [(char, u32); 3] = [('K', 10), ('M', 20), ('G', 30)];

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Size, String> {
        let refused = || "write a size from 1 on, such as 512M or 2G".to_owned();
        let unit = UNITS.into_iter().find_map(|(unit, bits)| {
            let count = text.strip_suffix([unit, unit.to_ascii_lowercase()])?;
            Some((count, bits))
        });
        let (count, bits) = unit.unwrap_or((text, 0));
        let count: u64 = count.trim_end().parse().map_err(|_| refused())?;
        match count.checked_mul(1 << bits) {
            None | Some(0) => Err(refused()),
            Some(bytes) => Ok(Size(bytes)),
        }
    }
}

impl fmt::Display for Size {
    /// In the greatest unit of which it is a multiple, else of which it has ten; rounded up.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits =
            |bits: u32| self.0 != 0 && (self.0.is_multiple_of(1 << bits) || self.0 >= 10 << bits);
        match UNITS.into_iter().rev().find(|(_, bits)| fits(*bits)) {
            Some((unit, bits)) => write!(f, "{}{unit}", self.0.div_ceil(1 << bits)),
            None => write!(f, "{} bytes", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_binary_and_come_out_as_they_are_written() {
        for text in ["1 bytes", "3K", "512M", "1G", "100G"] {
            let typed = text.trim_end_matches(" bytes");
            let size: Size = typed.parse().expect("it is a size");
            assert_eq!(size.to_string(), text);
        }
        assert_eq!("2m".parse(), Ok(Size(2 << 20)));
        assert_eq!("2 k".parse(), Ok(Size(2048)));
        assert_eq!(Size((64 << 20) + 1).to_string(), "65M");
        assert_eq!(Size((9 << 10) + 1).to_string(), "9217 bytes");
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in [
            "",
            "M",
            "0",
            "0G",
            "-1",
            "1.5G",
            "1T",
            "1 MB",
            "99999999999G",
        ] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }
}
