//! Numbers by their digits, all of them, however they are written.

/// The significant digits of a number, and the power of ten of the last one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digits {
    /// It stands below zero; zero itself does not.
    pub is_negative: bool,
    /// Without zeros at either end; none where the number is zero.
    pub significant: String,
    /// The power of ten of the last of them.
    pub power: i64,
}

impl Digits {
    /// Those of a number as JSON writes it; `None` where its exponent is beyond 64 bits.
    pub fn of(number: &str) -> Option<Digits> {
        let (is_negative, rest) = match number.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, number),
        };
        let (mantissa, exponent) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}");
        let ended = digits.trim_end_matches('0');
        let significant = ended.trim_start_matches('0');
        if significant.is_empty() {
            return Some(Digits {
                is_negative: false,
                significant: String::new(),
                power: 0,
            });
        }
        let zeros = digits.len() - ended.len();
        let exponent: i64 = exponent.parse().ok()?;
        let power = exponent
            .saturating_sub(fraction.len() as i64)
            .saturating_add(zeros as i64);
        Some(Digits {
            is_negative,
            significant: significant.to_owned(),
            power,
        })
    }
}
