//! One definitions file as text: read with bounds, and every byte of it can be named by its line
//! and column.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::definition::fault::{self, Fault, Place};

/// Larger files are refused: nobody wrote them by hand.
pub(crate) const MAX_BYTES: usize = 16 * 1024 * 1024;

/// A file's text with what is needed to name places in it.
#[derive(Debug, Clone)]
pub(crate) struct SourceFile {
    /// The file as it was found from where the tool runs.
    pub(crate) path: Arc<PathBuf>,
    /// Its text; invalid bytes, which are a fault, are replaced.
    pub(crate) text: Arc<str>,
    line_starts: Vec<usize>,
    /// How many characters begin before each [`BLOCK`] of bytes: a hostile line may be megabytes
    /// long, and counting it for every place in it would take hours.
    characters: Vec<usize>,
}

const BLOCK: usize = 256;

impl SourceFile {
    /// A file with this text.
    pub(crate) fn new(path: &Path, text: &str) -> SourceFile {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let mut total = 0;
        let characters = text.as_bytes().chunks(BLOCK).map(|block| {
            let before = total;
            total += starts(block);
            before
        });
        SourceFile {
            path: Arc::new(path.to_owned()),
            characters: characters.collect(),
            line_starts: std::iter::once(0)
                .chain(breaks.map(|(at, _)| at + 1))
                .collect(),
            text: text.into(),
        }
    }

    /// Reads a file; what cannot be read is a fault beside an empty or repaired text.
    pub(crate) fn read(path: &Path) -> (SourceFile, Option<Fault>) {
        match read_bytes(path) {
            Err(error) => {
                let message = format!("cannot read `{}`: {}", path.display(), reason(&error));
                (
                    SourceFile::new(path, ""),
                    Some(Fault::fatal(fault::UNREADABLE, None, message)),
                )
            }
            Ok(bytes) => match String::from_utf8(bytes) {
                Ok(text) => {
                    let file = SourceFile::new(path, &text);
                    let fault = file.check();
                    (file, fault)
                }
                Err(error) => {
                    let valid = error.utf8_error().valid_up_to();
                    let file = SourceFile::new(path, &String::from_utf8_lossy(error.as_bytes()));
                    let place = file.place(valid..valid + '\u{fffd}'.len_utf8());
                    let fault = Fault::fatal(fault::SYNTAX, place, "the file is not UTF-8")
                        .label("this byte is not part of a character")
                        .help("save the file as UTF-8".to_owned());
                    (file, Some(fault))
                }
            },
        }
    }

    /// What is wrong with the text before any YAML is read.
    pub(crate) fn check(&self) -> Option<Fault> {
        if self.text.len() > MAX_BYTES {
            let message = format!("`{}` is larger than 16 MiB", self.path.display());
            return Some(Fault::fatal(fault::TOO_LARGE, None, message));
        }
        let (at, control) = self.text.char_indices().find(|(_, letter)| {
            letter.is_control() && !matches!(letter, '\t' | '\n' | '\r' | '\u{85}')
        })?;
        let message = format!(
            "the control character U+{:04X} is not text",
            u32::from(control)
        );
        Some(
            Fault::fatal(
                fault::SYNTAX,
                self.place(at..at + control.len_utf8()),
                message,
            )
            .label("here")
            .help("write it as an escape in a double-quoted text, or remove it".to_owned()),
        )
    }

    /// The place of these bytes; a range over several lines is cut at the end of its first.
    pub(crate) fn place(&self, range: Range<usize>) -> Place {
        let start = floor_boundary(&self.text, range.start);
        let line = self.line_starts.partition_point(|first| *first <= start);
        let line_start = self
            .line_starts
            .get(line.saturating_sub(1))
            .copied()
            .unwrap_or(0);
        let line_end = self
            .line_starts
            .get(line)
            .map_or(self.text.len(), |next| next - 1);
        let end = floor_boundary(&self.text, range.end).clamp(start, line_end.max(start));
        let marked = self.text[start..end].trim_end().len();
        let mark = usize::from(line == 1 && start > 0 && self.text.starts_with('\u{feff}'));
        Place {
            file: Arc::clone(&self.path),
            line,
            column: self.characters(start) - self.characters(line_start) + 1 - mark,
            start,
            end: start + marked,
        }
    }
}

impl SourceFile {
    /// How many characters begin before this byte.
    fn characters(&self, at: usize) -> usize {
        let block = at / BLOCK;
        let counted = self.characters.get(block).copied().unwrap_or(0);
        counted + starts(&self.text.as_bytes()[(block * BLOCK).min(at)..at])
    }
}

/// How many characters begin in these bytes.
fn starts(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .filter(|byte| **byte & 0b1100_0000 != 0b1000_0000)
        .count()
}

/// The last character boundary at or before `at`.
fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_BYTES).map_or(u64::MAX, |limit| limit.saturating_add(1));
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What the system says, in words that name the cure.
pub(crate) fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file or folder".to_owned(),
        io::ErrorKind::PermissionDenied => "reading it is not permitted".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        _ => error.to_string().to_lowercase(),
    }
}
