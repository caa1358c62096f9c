//! Recorded times of every unit, and what is wrong with those that cannot be read.

use super::*;

fn text(text: &str) -> ValueRef<'_> {
    ValueRef::Text(text.as_bytes())
}

fn shown(value: ValueRef<'_>, unit: TimeUnit) -> String {
    match read(value, unit) {
        Ok(time) => time.to_string(),
        Err(reason) => reason,
    }
}

#[test]
fn every_unit_is_exact() {
    use TimeUnit::{Microseconds, Milliseconds, Nanoseconds, Rfc3339, Seconds, Sqlite};
    for (value, unit, expected) in [
        (
            ValueRef::Integer(1_717_326_120),
            Seconds,
            "2024-06-02T11:02:00Z",
        ),
        (ValueRef::Integer(-1), Seconds, "1969-12-31T23:59:59Z"),
        (
            ValueRef::Real(1_709_280_090.316_405),
            Seconds,
            "2024-03-01T08:01:30.316405Z",
        ),
        (ValueRef::Real(-0.5), Seconds, "1969-12-31T23:59:59.5Z"),
        (
            text("1709280090.316405123456"),
            Seconds,
            "2024-03-01T08:01:30.316405123Z",
        ),
        (text(" 1.5e9 "), Seconds, "2017-07-14T02:40:00Z"),
        (
            ValueRef::Integer(1_717_326_120_250),
            Milliseconds,
            "2024-06-02T11:02:00.25Z",
        ),
        (
            text("1717326120250"),
            Milliseconds,
            "2024-06-02T11:02:00.25Z",
        ),
        (
            ValueRef::Real(1_717_326_120_250.125),
            Milliseconds,
            "2024-06-02T11:02:00.250125Z",
        ),
        (
            ValueRef::Integer(1_717_326_120_250_001),
            Microseconds,
            "2024-06-02T11:02:00.250001Z",
        ),
        (
            ValueRef::Integer(1_717_326_120_250_001_009),
            Nanoseconds,
            "2024-06-02T11:02:00.250001009Z",
        ),
        (
            text("2024-06-02T11:02:00.25Z"),
            Rfc3339,
            "2024-06-02T11:02:00.25Z",
        ),
        (
            text("2024-06-02t13:02:00,25+02:00"),
            Rfc3339,
            "2024-06-02T11:02:00.25Z",
        ),
        (
            text("2024-06-02 11:02:00.250000+00"),
            Rfc3339,
            "2024-06-02T11:02:00.25Z",
        ),
        (text("2024-06-02T11:02"), Rfc3339, "2024-06-02T11:02:00Z"),
        (text("2024-02-29"), Rfc3339, "2024-02-29T00:00:00Z"),
        (
            text("2016-12-31T23:59:60Z"),
            Rfc3339,
            "2016-12-31T23:59:59Z",
        ),
        (
            text("1969-12-31T16:00:00-0800"),
            Rfc3339,
            "1970-01-01T00:00:00Z",
        ),
        (text("2024-06-02 11:02:00"), Sqlite, "2024-06-02T11:02:00Z"),
        (
            ValueRef::Real(2_460_463.959_722_222),
            Sqlite,
            "2024-06-02T11:02:00Z",
        ),
        (text("2460463.959722222"), Sqlite, "2024-06-02T11:02:00Z"),
        (ValueRef::Integer(2_440_588), Sqlite, "1970-01-01T12:00:00Z"),
    ] {
        assert_eq!(shown(value, unit), expected, "{value:?} {unit:?}");
    }
}

#[test]
fn what_cannot_be_an_instant_is_shown_with_a_cure() {
    for (value, unit, expected) in [
        (ValueRef::Null, TimeUnit::Seconds, "time is null"),
        (
            ValueRef::Integer(9_467_085_000_000_000),
            TimeUnit::Milliseconds,
            "time `9467085000000000` ms lies outside the years 1677 to 2262",
        ),
        (
            ValueRef::Real(f64::NAN),
            TimeUnit::Seconds,
            "time `NaN` s lies outside the years 1677 to 2262",
        ),
        (
            ValueRef::Real(1e300),
            TimeUnit::Seconds,
            "time `1e300` s lies outside the years 1677 to 2262",
        ),
        (
            text("2024-06-02T11:02:00Z"),
            TimeUnit::Milliseconds,
            "time `2024-06-02T11:02:00Z` is not a number of ms; its unit looks like rfc3339",
        ),
        (
            text("300000-01-01T00:00:00Z"),
            TimeUnit::Rfc3339,
            "time `300000-01-01T00:00:00Z` is not a date and time of the years 1677 to 2262",
        ),
        (
            ValueRef::Integer(1_717_326_120),
            TimeUnit::Rfc3339,
            "time `1717326120` is a number where RFC 3339 text was expected; is its unit s, ms, us or ns?",
        ),
        (
            ValueRef::Integer(1_717_326_120),
            TimeUnit::Sqlite,
            "time `1717326120` is no Julian day of the years 1677 to 2262; is its unit s, ms, us or ns?",
        ),
        (
            ValueRef::Blob(&[0, 1]),
            TimeUnit::Seconds,
            "time `x'0001'` (2 bytes) is not a number of s",
        ),
    ] {
        assert_eq!(shown(value, unit), expected);
    }
    for bad in [
        "2024-02-30T00:00:00Z",
        "2024-06-02T24:00:00Z",
        "2024-06-02T11:02:00+0",
        "2024-6-2",
        "2024-06-02T11:02:00.",
    ] {
        assert!(calendar(bad.as_bytes()).is_none(), "{bad}");
    }
}

#[test]
fn every_day_agrees_with_the_calendar_of_another_crate() {
    for day in (-106_000..106_000).step_by(7) {
        let instant = Timestamp::from_units(day * 86_400 + 3_661, 1_000_000_000);
        let text = instant.map(|time| time.to_string()).unwrap_or_default();
        assert_eq!(calendar(text.as_bytes()), instant, "{text}");
    }
}
