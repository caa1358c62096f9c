//! The bytes of a JSON column as JSON text: inflated, decoded from JSONB, or borrowed as they are.

use std::io::Read;

use flate2::read::ZlibDecoder;
use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::{jsonb, value};
use crate::definition::log::Encoding;

/// More than this is not unpacked: a small hostile value can stand for gigabytes.
const UNPACKED_LIMIT: u64 = 256 << 20;

/// How many values are kept from the unpacking of a row until its cells are read.
const KEPT: usize = 2;

/// A row whose packed columns are unpacked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Open<'a> {
    row: &'a Row<'a>,
    unpacked: &'a [Unpacked],
    /// What stands in the first of the packed columns: to ask SQLite again costs as much as to read
    /// any other cell.
    raw: [Option<ValueRef<'a>>; KEPT],
}

impl<'a> Open<'a> {
    /// A row of which each column was unpacked before.
    pub(crate) fn again(row: &'a Row<'_>, unpacked: &'a [Unpacked]) -> Open<'a> {
        Open {
            row,
            unpacked,
            raw: [None; KEPT],
        }
    }

    /// Unpacks the columns of a row; with the first reason why one cannot be.
    #[inline(always)]
    pub(crate) fn new(
        row: &'a Row<'_>,
        unpacked: &'a mut [Unpacked],
    ) -> (Open<'a>, Option<String>) {
        let mut raw = [None; KEPT];
        let mut trouble = None;
        for (index, column) in unpacked.iter_mut().enumerate() {
            let value = get(row, column.column);
            if let Err(reason) = column.load(value) {
                trouble.get_or_insert(reason);
            }
            if let Some(kept) = raw.get_mut(index) {
                *kept = Some(value);
            }
        }
        let open = Open { row, unpacked, raw };
        (open, trouble)
    }

    /// What stands in a column.
    #[inline(always)]
    pub(crate) fn get(&self, column: usize) -> ValueRef<'a> {
        get(self.row, column)
    }

    /// Whether a packed column could not be unpacked.
    pub(crate) fn is_broken(&self, index: usize) -> bool {
        self.unpacked[index].is_broken
    }

    /// The JSON text of a packed column; `None` for NULL.
    #[inline(always)]
    pub(crate) fn json(&self, index: usize) -> Option<&'a [u8]> {
        let unpacked = &self.unpacked[index];
        if unpacked.buffered {
            return Some(&unpacked.buffer);
        }
        let raw = self.raw.get(index).copied().flatten();
        match raw.unwrap_or_else(|| self.get(unpacked.column)) {
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(bytes),
            _ => None,
        }
    }
}

/// One packed column of a row.
#[derive(Debug)]
pub(crate) struct Unpacked {
    column: usize,
    encoding: Encoding,
    buffer: Vec<u8>,
    buffered: bool,
    is_broken: bool,
}

impl Unpacked {
    pub(crate) fn new(column: usize, encoding: Encoding) -> Unpacked {
        Unpacked {
            column,
            encoding,
            buffer: Vec::new(),
            buffered: false,
            is_broken: false,
        }
    }

    pub(crate) fn is(&self, column: usize, encoding: Encoding) -> bool {
        self.column == column && self.encoding == encoding
    }

    /// Unpacks what stands in the column of a new row; a lower-case fragment where it cannot be.
    #[inline(always)]
    fn load(&mut self, raw: ValueRef<'_>) -> Result<(), String> {
        self.buffered = false;
        self.is_broken = false;
        match (raw, self.encoding) {
            (ValueRef::Text(_), Encoding::Plain) | (ValueRef::Null, _) => Ok(()),
            _ => self.unpack(raw),
        }
    }

    fn unpack(&mut self, raw: ValueRef<'_>) -> Result<(), String> {
        let bytes = match raw {
            ValueRef::Null => return Ok(()),
            ValueRef::Integer(_) | ValueRef::Real(_) => {
                let mut text = String::new();
                if let Some(text) = value::text(raw, &mut text) {
                    self.buffer.clear();
                    self.buffer.extend_from_slice(text.as_bytes());
                    self.buffered = true;
                }
                return Ok(());
            }
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes,
        };
        if self.encoding == Encoding::Zlib && is_zlib(bytes) {
            // Nothing of a value that cannot be unpacked whole is handed out.
            self.buffered = true;
            if let Err(reason) = inflate(bytes, &mut self.buffer) {
                self.buffer.clear();
                self.is_broken = true;
                return Err(format!("{} {reason}", value::excerpt(raw)));
            }
        } else if matches!(raw, ValueRef::Blob(_)) && jsonb::looks_like(bytes) {
            self.buffer.clear();
            self.buffered = jsonb::write_text(bytes, &mut self.buffer).is_some();
        }
        Ok(())
    }
}

fn inflate(bytes: &[u8], buffer: &mut Vec<u8>) -> Result<(), String> {
    buffer.clear();
    ZlibDecoder::new(bytes)
        .take(UNPACKED_LIMIT + 1)
        .read_to_end(buffer)
        .map_err(|error| format!("cannot be inflated: {error}"))?;
    if buffer.len() as u64 > UNPACKED_LIMIT {
        *buffer = Vec::new();
        return Err(format!(
            "inflates to more than {} MiB",
            UNPACKED_LIMIT >> 20
        ));
    }
    Ok(())
}

/// A column of the row; the layout that selected the columns knows which there are.
#[inline]
pub(crate) fn get<'a>(row: &'a Row<'_>, column: usize) -> ValueRef<'a> {
    row.get_ref(column).unwrap_or(ValueRef::Null)
}

/// The two bytes every zlib stream begins with: the method and a check over both.
pub(crate) fn is_zlib(bytes: &[u8]) -> bool {
    match bytes {
        [first, second, ..] => {
            first & 0x0f == 8 && (u16::from(*first) << 8 | u16::from(*second)) % 31 == 0
        }
        _ => false,
    }
}
