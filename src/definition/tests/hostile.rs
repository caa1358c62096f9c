//! YAML that means harm ends in faults, soon and without a crash.

use std::path::Path;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{faults, lines};
use crate::definition::{fault, load_text};
use crate::sampling::sampled;

fn laughs() -> String {
    let mut text = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (name, before) in ('b'..='i').zip('a'..='h') {
        text += &format!(
            "{name}: &{name} [{}]\n",
            vec![format!("*{before}"); 10].join(", ")
        );
    }
    text
}

#[test]
fn each_kind_of_hostile_yaml_has_its_fault() {
    for (name, text, expected) in [
        ("laughs", laughs(), "5:"),
        (
            "flow",
            "[".repeat(100_000),
            "1:256 too-large: values are nested more than 64 deep",
        ),
        ("maps", "{a: ".repeat(100_000), "1:"),
        (
            "block",
            (0..1000)
                .map(|depth| format!("{}a:\n", " ".repeat(depth)))
                .collect(),
            "65:",
        ),
        ("dashes", format!("a: \n  {}", "- ".repeat(10_000)), "2:"),
        (
            "self",
            "saga: &a [*a]\n".to_owned(),
            "1:11 syntax: an anchor cannot hold its own alias",
        ),
        (
            "nul",
            "saga: a\0b\n".to_owned(),
            "1:8 syntax: the control character U+0000 is not text",
        ),
        ("tab", "saga: a\nsteps:\n\t- step: x\n".to_owned(), "3:"),
        (
            "twice",
            "saga: a\nsaga: b\n".to_owned(),
            "2:1 duplicate-key: `saga` stands here twice | again | it stands first at line 1: keep one",
        ),
        ("tag", "saga: !evil x\n".to_owned(), "1:"),
        ("odd key", "saga: x\n? [a, b]\n: y\n".to_owned(), "2:"),
        (
            "template",
            "saga: x\nabout: {{ data.x }}\n".to_owned(),
            "2:",
        ),
        (
            "alias",
            "saga: x\nabout: *nowhere\n".to_owned(),
            "2:8 syntax",
        ),
        ("open", "saga: \"x\n".to_owned(), ""),
        (
            "wide",
            format!("saga: x\nabout: [{}]\n", "a,".repeat(1_100_000)),
            "2:",
        ),
    ] {
        let start = Instant::now();
        let said = lines(&faults(&text));
        assert!(start.elapsed() < Duration::from_secs(10), "{name}");
        assert!(
            said.iter().any(|line| line.starts_with(expected)),
            "{name}: {said:?}"
        );
    }
}

#[test]
fn large_files_of_little_sense_are_read_in_time_and_stop_after_many_faults() {
    const MIB: usize = 1024 * 1024;
    let numbered = |line: &dyn Fn(usize) -> String| (0..60_000).map(line).collect::<String>();
    for (name, text) in [
        ("documents", "---\na\n".repeat(100_000)),
        (
            "keys",
            format!("saga: x\n{}", numbered(&|n| format!("key{n}: 1\n"))),
        ),
        ("twice", format!("saga: x\n{}", "a: 1\n".repeat(100_000))),
        (
            "anchors",
            format!("saga: x\nb: [{}]\n", numbered(&|n| format!("&a{n} x, "))),
        ),
        (
            "aliases",
            format!("saga: &a x\nb: [{}]\n", "*a, ".repeat(90_000)),
        ),
        ("plain", format!("saga: {}\n", "x ".repeat(2 * MIB))),
        ("quoted", format!("saga: \"{}\"\n", "\\n".repeat(2 * MIB))),
        ("comments", "# x\n".repeat(MIB)),
        ("block", format!("saga: |\n{}", "  x\n".repeat(MIB))),
        ("braces", format!("saga: [{}]\n", "{}, ".repeat(100_000))),
        ("questions", "? x\n".repeat(100_000)),
        ("spaces", format!("saga:{}x\n", " ".repeat(4 * MIB))),
        ("breaks", "\n".repeat(4 * MIB)),
        ("colons", ":".repeat(4 * MIB)),
        ("flow keys", format!("{{{}", "a: b, ".repeat(100_000))),
        ("tags", "!a ".repeat(100_000)),
        (
            "one line",
            format!(
                "{{saga: é, starts: [{}], steps: [{{step: s, succeeds: B}}]}}",
                "A, ".repeat(200_000)
            ),
        ),
        (
            "statuses",
            format!(
                "{{log: x, claims: {{saga: a, table: t, id: i, status: {{column: c, completed: [{}]}}}}}}",
                numbered(&|n| format!("é{n}, "))
            ),
        ),
        ("larger", " ".repeat(17 * MIB)),
    ] {
        let start = Instant::now();
        let found = faults(&text);
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "{name}: {:?}",
            start.elapsed()
        );
        assert!(found.len() <= fault::MOST + 2, "{name}: {}", found.len());
    }
}

proptest! {
    #![proptest_config(sampled(400))]

    #[test]
    fn no_text_makes_it_panic_and_every_place_lies_within_the_text(
        pieces in prop::collection::vec(piece(), 0..40)
    ) {
        within(&pieces.concat())?;
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        within(&String::from_utf8_lossy(&bytes))?;
    }
}

fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "saga: ",
            "log: x\n",
            "settings:\n",
            "steps:\n",
            "  - step: ",
            "    succeeds: ",
            "\n",
            " ",
            "  ",
            "- ",
            ": ",
            "? ",
            "{",
            "}",
            "[",
            "]",
            ", ",
            "&a ",
            "*a",
            "!!str ",
            "| \n",
            "> \n",
            "---\n",
            "...\n",
            "\"",
            "'",
            "\\",
            "#",
            "%",
            "@",
            "\t",
            "\r\n",
            "é",
            "日本",
            "\u{feff}",
            "\u{85}",
            "\u{2028}",
            "null",
            "yes",
            "5",
            "rules: ",
            "after: ",
            "events: ",
            "type: ",
            "time: ",
            "correlate: ",
            "where: data.x",
            "deadline: 5m",
            "starts: A\n",
        ])
        .prop_map(str::to_owned),
        "[a-z]{1,5}",
        any::<char>().prop_map(String::from),
    ]
}

fn within(text: &str) -> Result<(), TestCaseError> {
    let found = match load_text(Path::new("x.yaml"), text, &[]) {
        Ok(definitions) => definitions.lints,
        Err(unusable) => unusable.faults,
    };
    for fault in found {
        let Some(place) = &fault.place else { continue };
        prop_assert!(
            place.start <= place.end && place.end <= text.len(),
            "{fault:?}"
        );
        prop_assert!(text.get(place.start..place.end).is_some(), "{fault:?}");
        let before = &text[..place.start];
        prop_assert_eq!(place.line, before.matches('\n').count() + 1);
        let drawn = crate::output::diagnostic::render(&fault, Some(text), false, 80);
        let escapes = drawn.contains('\u{1b}');
        prop_assert!(!escapes, "{drawn:?}");
    }
    Ok(())
}
