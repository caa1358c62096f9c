//! What instances and events are called.

use std::fmt::Write as _;

use crate::generate::plan::{Ids, Options};
use crate::generate::random::Random;

/// Writes the id of the event that was at `position` when it got it.
pub(super) fn id(text: &mut String, options: &Options, position: i64) {
    text.clear();
    match options.ids {
        Ids::Uuid => write_uuid(text, options.seed ^ 4, position as u64),
        Ids::Numbered => {
            let written = write!(text, "e-{position}");
            debug_assert!(written.is_ok(), "writing to a string cannot fail");
        }
    }
}

/// 36 characters that look like a UUID, the same for the same seed and index.
pub(super) fn uuid(seed: u64, index: u64) -> String {
    let mut text = String::with_capacity(36);
    write_uuid(&mut text, seed, index);
    text
}

fn write_uuid(text: &mut String, seed: u64, index: u64) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut random = Random::of(seed, index);
    let bits = u128::from(random.bits()) << 64 | u128::from(random.bits());
    for place in 0..32 {
        if matches!(place, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        let digit = match place {
            12 => 4,
            16 => 8 + (bits >> 60 & 3) as usize,
            _ => (bits >> (4 * place) & 15) as usize,
        };
        text.push(char::from(DIGITS[digit]));
    }
}
