//! The words every other room speaks: positions, instants, lengths of time and one recorded event.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

/// Where an event stands in its log. Positions order events; they need not be contiguous.
///
/// A log that merges several sources has no column to take a position from; there it is the
/// running number, from 1, of the merged order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub i64);

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An instant, in nanoseconds since 1970-01-01T00:00:00Z.
///
/// The range is the one that 64 bits give, from the year 1677 to 2262. A recorded time outside of
/// it is a bad row, never a wrapped number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A length of time in nanoseconds, never negative, at most 292 years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(i64);

/// Why a text is not a usable instant or length of time: a lower-case fragment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TimeError(pub String);

impl Timestamp {
    /// The earliest instant that can be held.
    pub const MIN: Timestamp = Timestamp(i64::MIN);
    /// The latest instant that can be held.
    pub const MAX: Timestamp = Timestamp(i64::MAX);

    /// The instant `nanos` nanoseconds after the Unix epoch.
    pub const fn from_nanos(nanos: i64) -> Timestamp {
        Timestamp(nanos)
    }

    /// The instant `count` units of `nanos_per_unit` nanoseconds after the epoch; `None` outside
    /// the range.
    pub fn from_units(count: i64, nanos_per_unit: i64) -> Option<Timestamp> {
        count.checked_mul(nanos_per_unit).map(Timestamp)
    }

    /// Nanoseconds since the Unix epoch.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// The time that passed from `earlier` to `self`; zero where the clock ran backwards, since an
    /// age is never negative.
    pub fn since(self, earlier: Timestamp) -> Span {
        Span(self.0.saturating_sub(earlier.0).max(0))
    }

    /// `self` moved `span` into the future, held at the end of the range.
    pub fn after(self, span: Span) -> Timestamp {
        Timestamp(self.0.saturating_add(span.0))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC, with as many fractional digits as the instant has.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_nanosecond(i128::from(self.0)) {
            Ok(instant) => instant.fmt(f),
            Err(_) => write!(f, "{} ns", self.0),
        }
    }
}

impl FromStr for Timestamp {
    type Err = TimeError;

    /// Reads an RFC 3339 instant; the offset is required, a space for the `T` is accepted.
    fn from_str(text: &str) -> Result<Timestamp, TimeError> {
        let instant: jiff::Timestamp = text
            .parse()
            .map_err(|_| TimeError(format!("`{text}` is not an RFC 3339 instant")))?;
        i64::try_from(instant.as_nanosecond())
            .map(Timestamp)
            .map_err(|_| TimeError(format!("`{text}` lies outside the years 1677 to 2262")))
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Span = Span(0);

    /// A span of `nanos` nanoseconds; a negative number is held at zero.
    pub const fn from_nanos(nanos: i64) -> Span {
        Span(if nanos < 0 { 0 } else { nanos })
    }

    /// A span of `seconds` seconds, held at the end of the range.
    pub const fn from_secs(seconds: i64) -> Span {
        Span::from_nanos(seconds.saturating_mul(1_000_000_000))
    }

    /// Both, one after the other, held at the end of the range.
    pub const fn and(self, other: Span) -> Span {
        Span(self.0.saturating_add(other.0))
    }

    /// It in words, which is longer than a limit: also where both print alike.
    pub fn beyond(self, limit: Span) -> String {
        let (own, limit) = (self.to_string(), limit.to_string());
        match own == limit {
            true => format!("more than {limit}"),
            false => own,
        }
    }

    /// Its length in nanoseconds.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Its length in whole seconds, rounded down.
    pub const fn as_secs(self) -> i64 {
        self.0 / 1_000_000_000
    }
}

impl fmt::Display for Span {
    /// For people: the two greatest units, `2d 3h`, `7m 5s`, `340ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(i64, &str); 7] = [
            (86_400_000_000_000, "d"),
            (3_600_000_000_000, "h"),
            (60_000_000_000, "m"),
            (1_000_000_000, "s"),
            (1_000_000, "ms"),
            (1_000, "us"),
            (1, "ns"),
        ];
        let Some(first) = UNITS.iter().position(|(size, _)| self.0 >= *size) else {
            return f.pad("0s");
        };
        let (size, unit) = UNITS[first];
        let mut text = format!("{}{unit}", self.0 / size);
        let (minor, minor_unit) = UNITS[(first + 1).min(UNITS.len() - 1)];
        let rest = self.0 % size / minor;
        if first < 3 && rest > 0 {
            text.push_str(&format!(" {rest}{minor_unit}"));
        }
        f.pad(&text)
    }
}

impl FromStr for Span {
    type Err = TimeError;

    /// Reads `90s`, `5m`, `1h 30m` and ISO 8601 durations such as `PT1H30M`.
    fn from_str(text: &str) -> Result<Span, TimeError> {
        let refuse = || {
            TimeError(format!(
                "`{text}` is not a duration: write `90s`, `5m`, `1h 30m`, `2d 4h` or `PT1H30M`"
            ))
        };
        let written: jiff::Span = text.trim().parse().map_err(|_| refuse())?;
        let parsed = written
            .to_duration(jiff::SpanRelativeTo::days_are_24_hours())
            .map_err(|_| refuse())?;
        if parsed.is_negative() {
            return Err(TimeError(format!("`{text}` is negative")));
        }
        i64::try_from(parsed.as_nanos())
            .map(Span)
            .map_err(|_| TimeError(format!("`{text}` is longer than 292 years")))
    }
}

/// One recorded event with everything that the log's mapping gives of it.
///
/// The replay does not build these: it works on borrowed rows. They are made for the few events a
/// person looks at.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its place in the log.
    pub position: Position,
    /// Which of several merged sources it came from, with its position there: `bank_events:17`.
    pub source: Option<String>,
    /// The event's own id.
    pub id: Option<String>,
    /// The aggregate's stream.
    pub stream: Option<String>,
    /// Its number within the stream.
    pub version: Option<i64>,
    /// The event type after the mapping's renames.
    pub kind: String,
    /// When it happened, as recorded.
    pub time: Timestamp,
    /// What ties the events of one saga instance together.
    pub correlation: Option<String>,
    /// The id of the event that caused this one.
    pub causation: Option<String>,
    /// The idempotency key it was sent with.
    pub key: Option<String>,
    /// The payload, where it is JSON.
    pub data: Option<Value>,
    /// The headers, where they are JSON.
    pub metadata: Option<Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_as_people_and_iso_write_them() {
        for (text, seconds) in [
            ("90s", 90),
            ("5m", 300),
            ("1h 30m", 5400),
            ("2d 4h", 187_200),
            ("PT1H30M", 5400),
            ("0s", 0),
        ] {
            assert_eq!(
                text.parse::<Span>().map(Span::as_secs),
                Ok(seconds),
                "{text}"
            );
        }
        for bad in ["", "5", "-5m", "5 parsecs", "1y", "999999999999h"] {
            assert!(bad.parse::<Span>().is_err(), "{bad}");
        }
    }

    #[test]
    fn spans_print_their_two_greatest_units() {
        for (nanos, text) in [
            (0, "0s"),
            (340_000_000, "340ms"),
            (65_000_000_000, "1m 5s"),
            (3_600_000_000_000, "1h"),
            (183_900_000_000_000, "2d 3h"),
        ] {
            assert_eq!(Span::from_nanos(nanos).to_string(), text);
        }
    }

    #[test]
    fn a_span_beyond_a_limit_is_not_said_to_be_as_long() {
        let limit = Span::from_secs(10);
        let beyond = |millis: i64| Span::from_nanos(millis * 1_000_000).beyond(limit);
        assert_eq!(beyond(10_001), "more than 10s");
        assert_eq!(beyond(11_001), "11s");
    }

    #[test]
    fn an_age_is_never_negative() {
        let early = Timestamp::from_nanos(5);
        let late = Timestamp::from_nanos(9);
        assert_eq!(early.since(late), Span::ZERO);
        assert_eq!(late.since(early), Span::from_nanos(4));
        assert_eq!(Timestamp::MAX.since(Timestamp::MIN).as_nanos(), i64::MAX);
    }

    #[test]
    fn instants_outside_the_range_are_refused() {
        assert!("2400-01-01T00:00:00Z".parse::<Timestamp>().is_err());
        assert!(Timestamp::from_units(9_400_000_000_000_000, 1_000_000).is_none());
        let text = "2024-06-02T11:02:00.25Z";
        assert_eq!(
            text.parse::<Timestamp>().map(|t| t.to_string()),
            Ok(text.to_owned())
        );
    }
}
