//! Recorded times to instants, by exact integer arithmetic.
//!
//! A fraction in a floating-point number is taken as the shortest decimal number that reads back as
//! the same: `1709280090.316405` stored as a REAL is that many seconds, without the noise of binary
//! fractions below the microsecond.

use std::fmt::Write;

use rusqlite::types::ValueRef;

use super::value::excerpt;
use crate::definition::log::TimeUnit;
use crate::event::Timestamp;

/// Reads one recorded time.
///
/// The error is a lower-case fragment that shows the raw value.
#[inline(always)]
pub(crate) fn read(value: ValueRef<'_>, unit: TimeUnit) -> Result<Timestamp, String> {
    if let (ValueRef::Integer(count), Some(nanos)) = (value, scale(unit))
        && let Some(time) = Timestamp::from_units(count, nanos)
    {
        return Ok(time);
    }
    any(value, unit)
}

#[inline(never)]
fn any(value: ValueRef<'_>, unit: TimeUnit) -> Result<Timestamp, String> {
    let read = match (value, scale(unit)) {
        (ValueRef::Null, _) => return Err("time is null".to_owned()),
        (ValueRef::Integer(count), Some(nanos)) => Timestamp::from_units(count, nanos),
        (ValueRef::Real(number), Some(nanos)) => real(number, nanos),
        (ValueRef::Text(text) | ValueRef::Blob(text), Some(nanos)) => {
            match decimal(text.trim_ascii(), nanos) {
                Decimal::Is(time) => Some(time),
                Decimal::OutOfRange => None,
                Decimal::NotANumber => return Err(not_a_number(value, unit)),
            }
        }
        (ValueRef::Text(text) | ValueRef::Blob(text), None) => {
            return calendar(text.trim_ascii())
                .or_else(|| match unit {
                    TimeUnit::Sqlite => {
                        julian(std::str::from_utf8(text).ok()?.trim().parse().ok()?)
                    }
                    _ => None,
                })
                .ok_or_else(|| unreadable_date(value, text));
        }
        (ValueRef::Integer(number), None) if unit == TimeUnit::Sqlite => {
            #[expect(clippy::cast_precision_loss, reason = "Julian days are small numbers")]
            return julian(number as f64).ok_or_else(|| not_julian(value));
        }
        (ValueRef::Real(number), None) if unit == TimeUnit::Sqlite => {
            return julian(number).ok_or_else(|| not_julian(value));
        }
        (_, None) => {
            return Err(format!(
                "time {} is a number where RFC 3339 text was expected; is its unit s, ms, us or ns?",
                excerpt(value)
            ));
        }
    };
    read.ok_or_else(|| {
        format!(
            "time {} {} lies outside the years 1677 to 2262",
            excerpt(value),
            label(unit)
        )
    })
}

/// The unit as definitions write it.
pub(crate) const fn label(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Seconds => "s",
        TimeUnit::Milliseconds => "ms",
        TimeUnit::Microseconds => "us",
        TimeUnit::Nanoseconds => "ns",
        TimeUnit::Rfc3339 => "rfc3339",
        TimeUnit::Sqlite => "sqlite",
    }
}

/// Nanoseconds in one of the unit; `None` for those that are not counts.
const fn scale(unit: TimeUnit) -> Option<i64> {
    match unit {
        TimeUnit::Seconds => Some(1_000_000_000),
        TimeUnit::Milliseconds => Some(1_000_000),
        TimeUnit::Microseconds => Some(1_000),
        TimeUnit::Nanoseconds => Some(1),
        TimeUnit::Rfc3339 | TimeUnit::Sqlite => None,
    }
}

fn not_a_number(value: ValueRef<'_>, unit: TimeUnit) -> String {
    let cure = match value {
        ValueRef::Text(text) if calendar(text.trim_ascii()).is_some() => {
            "; its unit looks like rfc3339"
        }
        _ => "",
    };
    format!(
        "time {} is not a number of {}{cure}",
        excerpt(value),
        label(unit)
    )
}

fn unreadable_date(value: ValueRef<'_>, text: &[u8]) -> String {
    let cure = match decimal(text.trim_ascii(), 1) {
        Decimal::NotANumber => "",
        _ => "; is its unit s, ms, us or ns?",
    };
    format!(
        "time {} is not a date and time of the years 1677 to 2262{cure}",
        excerpt(value)
    )
}

fn not_julian(value: ValueRef<'_>) -> String {
    format!(
        "time {} is no Julian day of the years 1677 to 2262; is its unit s, ms, us or ns?",
        excerpt(value)
    )
}

fn real(number: f64, nanos_per_unit: i64) -> Option<Timestamp> {
    // Beyond this no unit is in range, and the decimal text would be hundreds of digits long.
    if !number.is_finite() || number.abs() > 1e19 {
        return None;
    }
    let mut digits = Digits {
        bytes: [0; 400],
        len: 0,
    };
    write!(digits, "{number}").ok()?;
    match decimal(&digits.bytes[..digits.len], nanos_per_unit) {
        Decimal::Is(time) => Some(time),
        Decimal::OutOfRange | Decimal::NotANumber => None,
    }
}

/// Room for the longest decimal text of a finite number, on the stack.
struct Digits {
    bytes: [u8; 400],
    len: usize,
}

impl Write for Digits {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let end = self.len + text.len();
        self.bytes
            .get_mut(self.len..end)
            .ok_or(std::fmt::Error)?
            .copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

enum Decimal {
    Is(Timestamp),
    OutOfRange,
    NotANumber,
}

/// `[-]digits[.digits]` units; what is finer than a nanosecond is cut off. An exponent is read as
/// floating point.
fn decimal(text: &[u8], nanos_per_unit: i64) -> Decimal {
    let (negative, rest) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let mut nanos: i128 = 0;
    let mut place = i128::from(nanos_per_unit);
    let mut digits = 0;
    let mut fraction = false;
    for &byte in rest {
        match byte {
            b'0'..=b'9' if fraction => {
                place /= 10;
                nanos += i128::from(byte - b'0') * place;
                digits += 1;
            }
            b'0'..=b'9' => {
                // Held far beyond the range, so that no length of text overflows.
                nanos = (nanos * 10 + i128::from(byte - b'0') * place).min(i128::MAX / 32);
                digits += 1;
            }
            b'.' if !fraction => fraction = true,
            b'e' | b'E' if digits > 0 => return exponent(text, nanos_per_unit),
            _ => return Decimal::NotANumber,
        }
    }
    if digits == 0 {
        return Decimal::NotANumber;
    }
    match i64::try_from(if negative { -nanos } else { nanos }) {
        Ok(nanos) => Decimal::Is(Timestamp::from_nanos(nanos)),
        Err(_) => Decimal::OutOfRange,
    }
}

fn exponent(text: &[u8], nanos_per_unit: i64) -> Decimal {
    match std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse::<f64>().ok())
    {
        Some(number) => match real(number, nanos_per_unit) {
            Some(time) => Decimal::Is(time),
            None => Decimal::OutOfRange,
        },
        None => Decimal::NotANumber,
    }
}

/// A Julian day number, to the millisecond as SQLite reads it.
fn julian(day: f64) -> Option<Timestamp> {
    const UNIX_EPOCH_MILLIS: i64 = 210_866_760_000_000;
    if !(0.0..5_373_484.5).contains(&day) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the range was checked above"
    )]
    let millis = (day * 86_400_000.0 + 0.5) as i64;
    Timestamp::from_units(millis - UNIX_EPOCH_MILLIS, 1_000_000)
}

/// RFC 3339 and what SQLite writes: `2024-06-02T11:02:00.25+02:00`, a space for the `T`, without
/// seconds or without a time of day, and UTC where there is no offset.
pub(crate) fn calendar(text: &[u8]) -> Option<Timestamp> {
    let (date, rest) = text.split_at_checked(10)?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *date else {
        return None;
    };
    let year = number(&[y1, y2, y3, y4])?;
    let month = number(&[m1, m2])?;
    let day = number(&[d1, d2])?;
    if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    let mut seconds = days_from_epoch(year, month, day) * 86_400;
    let mut fraction = 0;
    let rest = match rest {
        [] => &[][..],
        [b'T' | b't' | b' ', h1, h2, b':', m1, m2, rest @ ..] => {
            let hour = number(&[*h1, *h2])?;
            let minute = number(&[*m1, *m2])?;
            let (second, rest) = match rest {
                [b':', s1, s2, rest @ ..] => (number(&[*s1, *s2])?, rest),
                rest => (0, rest),
            };
            // A leap second is held at the second before, as POSIX time does.
            if hour > 23 || minute > 59 || second > 60 {
                return None;
            }
            seconds += hour * 3600 + minute * 60 + second.min(59);
            let (nanos, rest) = fraction_of_second(rest)?;
            fraction = nanos;
            rest
        }
        _ => return None,
    };
    seconds -= offset_seconds(rest.trim_ascii_start())?;
    let nanos = i128::from(seconds) * 1_000_000_000 + i128::from(fraction);
    i64::try_from(nanos).ok().map(Timestamp::from_nanos)
}

fn fraction_of_second(text: &[u8]) -> Option<(i64, &[u8])> {
    let [b'.' | b',', rest @ ..] = text else {
        return Some((0, text));
    };
    let len = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = rest.split_at(len);
    if digits.is_empty() {
        return None;
    }
    let mut nanos = 0;
    for place in 0..9 {
        nanos = nanos * 10 + i64::from(digits.get(place).map_or(0, |byte| byte - b'0'));
    }
    Some((nanos, rest))
}

fn offset_seconds(text: &[u8]) -> Option<i64> {
    let (sign, hours, minutes) = match *text {
        [] | [b'Z' | b'z'] | [b'U', b'T', b'C'] => return Some(0),
        [sign, h1, h2, b':', m1, m2] | [sign, h1, h2, m1, m2] => (sign, [h1, h2], [m1, m2]),
        [sign, h1, h2] => (sign, [h1, h2], *b"00"),
        _ => return None,
    };
    let (hours, minutes) = (number(&hours)?, number(&minutes)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    match sign {
        b'+' => Some(hours * 3600 + minutes * 60),
        b'-' => Some(-(hours * 3600 + minutes * 60)),
        _ => None,
    }
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |sum, byte| {
        byte.is_ascii_digit()
            .then(|| sum * 10 + i64::from(byte - b'0'))
    })
}

const fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar, counted in years that begin in March.
const fn days_from_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
#[path = "time_tests.rs"]
mod tests;
