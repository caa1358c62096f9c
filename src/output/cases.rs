//! How cases ended.

use std::io::{self, Write};

use serde::Serialize;

use crate::casefile::{Case, CaseResult};
use crate::definition::fault::Place;
use crate::output::page::Page;
use crate::output::style::{ALARM, CALM, CAUTION, FAINT, PLAIN, STRONG};
use crate::output::{escape, json, words};

/// A case and how it ended; `Err` where it could not be run, and why.
pub type Ended<'a> = (&'a Case, Result<CaseResult, String>);

#[derive(Debug, Serialize)]
struct DocumentV1<'a> {
    version: u32,
    passed: usize,
    failed: usize,
    cases: Vec<CaseV1<'a>>,
}

#[derive(Debug, Serialize)]
struct CaseV1<'a> {
    file: String,
    line: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    about: Option<&'a str>,
    passed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing: Vec<MissingV1>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unexpected: Vec<UnexpectedV1<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    mismatches: Vec<MismatchV1<'a>>,
}

#[derive(Debug, Serialize)]
struct MissingV1 {
    line: usize,
    expected: String,
}

#[derive(Debug, Serialize)]
struct UnexpectedV1<'a> {
    found: &'a str,
    message: &'a str,
}

#[derive(Debug, Serialize)]
struct MismatchV1<'a> {
    line: usize,
    message: &'a str,
}

fn passed(result: &Result<CaseResult, String>) -> bool {
    result.as_ref().is_ok_and(CaseResult::passed)
}

/// Writes every case that did not pass, and the count.
///
/// # Errors
/// When the page cannot be written.
pub fn write(page: &mut Page<'_>, ended: &[Ended<'_>]) -> io::Result<()> {
    for (case, result) in ended.iter().filter(|(_, result)| !passed(result)) {
        failed(page, case, result)?;
        page.blank()?;
    }
    let total = ended.len();
    let good = ended.iter().filter(|(_, result)| passed(result)).count();
    match (total, total - good) {
        (0, _) => page.text(0, CAUTION, "no case was found"),
        (_, 0) => page.text(0, CALM, &format!("{good} passed")),
        (_, bad) => page.text(0, ALARM, &format!("{good} passed, {bad} failed")),
    }
}

fn failed(page: &mut Page<'_>, case: &Case, result: &Result<CaseResult, String>) -> io::Result<()> {
    page.line(format_args!(
        "{ALARM}failed{ALARM:#}  {STRONG}{}{STRONG:#}",
        at(&case.place)
    ))?;
    if let Some(about) = &case.about {
        let about = about.split_whitespace().collect::<Vec<_>>().join(" ");
        page.text(2, FAINT, &escape::terminal(&about))?;
    }
    let result = match result {
        Ok(result) => result,
        Err(error) => {
            return page.text(
                2,
                ALARM,
                &format!("could not be run: {}", escape::terminal(error)),
            );
        }
    };
    if !result.missing.is_empty() {
        page.line("  expected and missing")?;
        for expected in &result.missing {
            page.line(format_args!("    {FAINT}{}{FAINT:#}", at(&expected.place)))?;
            page.line(format_args!("    - {}", escape::terminal(&expected.text())))?;
        }
    }
    if !result.unexpected.is_empty() {
        page.line("  found and not expected")?;
        for found in &result.unexpected {
            page.line(format_args!("    - {}", escape::terminal(&found.text)))?;
            page.text(6, FAINT, &escape::terminal(&found.message))?;
        }
    }
    if !result.mismatches.is_empty() {
        page.line("  not as expected")?;
    }
    for mismatch in &result.mismatches {
        page.line(format_args!("    {FAINT}{}{FAINT:#}", at(&mismatch.place)))?;
        page.text(4, PLAIN, &escape::terminal(&mismatch.message))?;
    }
    Ok(())
}

fn at(place: &Place) -> String {
    format!("{}:{}", words::path(&place.file), place.line)
}

/// Writes every case as one document.
///
/// # Errors
/// When it cannot be written.
pub fn json(out: &mut dyn Write, ended: &[Ended<'_>]) -> io::Result<()> {
    let good = ended.iter().filter(|(_, result)| passed(result)).count();
    let document = DocumentV1 {
        version: json::VERSION,
        passed: good,
        failed: ended.len() - good,
        cases: ended
            .iter()
            .map(|(case, result)| one(case, result))
            .collect(),
    };
    json::document_to(out, &document)
}

fn one<'a>(case: &'a Case, result: &'a Result<CaseResult, String>) -> CaseV1<'a> {
    let empty = CaseV1 {
        file: json::text(&case.place.file),
        line: case.place.line,
        about: case.about.as_deref(),
        passed: passed(result),
        error: None,
        missing: Vec::new(),
        unexpected: Vec::new(),
        mismatches: Vec::new(),
    };
    match result {
        Err(error) => CaseV1 {
            error: Some(error),
            ..empty
        },
        Ok(result) => CaseV1 {
            missing: result
                .missing
                .iter()
                .map(|one| MissingV1 {
                    line: one.place.line,
                    expected: one.text(),
                })
                .collect(),
            unexpected: result
                .unexpected
                .iter()
                .map(|one| UnexpectedV1 {
                    found: &one.text,
                    message: &one.message,
                })
                .collect(),
            mismatches: result
                .mismatches
                .iter()
                .map(|one| MismatchV1 {
                    line: one.place.line,
                    message: &one.message,
                })
                .collect(),
            ..empty
        },
    }
}
