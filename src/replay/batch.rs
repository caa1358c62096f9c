//! Rows on their way from the reader to the judge, many at a time.

use std::sync::Arc;

use crate::event::{Position, Timestamp};
use crate::log::{BadRow, Row, TypeId};

/// How many rows travel together.
const ROWS: usize = 1024;
/// How many bytes of ids and data travel together; one row may be larger.
const BYTES: usize = 4 << 20;

/// A text of a row inside its batch.
#[derive(Debug, Clone, Copy)]
struct Text {
    start: u32,
    length: u32,
}

const ABSENT: Text = Text {
    start: u32::MAX,
    length: 0,
};

#[derive(Debug, Clone, Copy)]
struct Slim {
    position: Position,
    time: Timestamp,
    version: Option<i64>,
    kind: TypeId,
    correlation: Text,
    key: Text,
    stream: Text,
    id: Text,
    causation: Text,
    data: Text,
    metadata: Text,
}

/// A row as it left the reader.
#[derive(Debug)]
pub enum Item<'a> {
    /// A readable one.
    Row(Row<'a>),
    /// One that cannot be judged.
    Bad(&'a BadRow),
}

/// Rows in reading order, with the type names that were met for the first time.
#[derive(Debug, Default)]
pub struct Batch {
    rows: Vec<Result<Slim, BadRow>>,
    text: String,
    bytes: Vec<u8>,
    /// Types that no earlier batch held.
    pub new_types: Vec<(TypeId, Arc<str>)>,
}

/// Which texts of a row are needed further on.
#[derive(Debug, Clone, Copy)]
pub struct Keep {
    /// The payload.
    pub data: bool,
    /// The headers.
    pub metadata: bool,
}

impl Batch {
    /// Whether it is time to hand it on.
    pub fn is_full(&self) -> bool {
        self.rows.len() >= ROWS || self.text.len() + self.bytes.len() >= BYTES
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.new_types.is_empty()
    }

    /// How many rows it holds.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Makes it empty, keeping its memory unless that grew huge.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.new_types.clear();
        self.text.clear();
        self.text.shrink_to(BYTES * 2);
        self.bytes.clear();
        self.bytes.shrink_to(BYTES * 2);
    }

    /// Takes a row along. A row whose texts would not fit becomes a bad row.
    pub fn push(&mut self, row: &Row<'_>, keep: Keep) {
        let start = self.text.len().max(self.bytes.len());
        let data = row.data.filter(|_| keep.data);
        let metadata = row.metadata.filter(|_| keep.metadata);
        let texts = [row.correlation, row.key, row.stream, row.id, row.causation];
        let size = texts.iter().flatten().map(|text| text.len()).sum::<usize>()
            + data.map_or(0, <[u8]>::len)
            + metadata.map_or(0, <[u8]>::len);
        if start + size >= u32::MAX as usize {
            self.rows.push(Err(BadRow {
                position: Some(row.position),
                reason: format!("the row holds {size} bytes, more than can be judged at once"),
            }));
            return;
        }
        let [correlation, key, stream, id, causation] =
            texts.map(|text| text.map_or(ABSENT, |text| self.keep_text(text)));
        let data = data.map_or(ABSENT, |bytes| self.keep_bytes(bytes));
        let metadata = metadata.map_or(ABSENT, |bytes| self.keep_bytes(bytes));
        self.rows.push(Ok(Slim {
            position: row.position,
            time: row.time,
            version: row.version,
            kind: row.kind,
            correlation,
            key,
            stream,
            id,
            causation,
            data,
            metadata,
        }));
    }

    /// Takes a row along that cannot be judged.
    pub fn push_bad(&mut self, bad: BadRow) {
        self.rows.push(Err(bad));
    }

    fn keep_text(&mut self, text: &str) -> Text {
        let start = self.text.len() as u32;
        self.text.push_str(text);
        Text { start, length: text.len() as u32 }
    }

    fn keep_bytes(&mut self, bytes: &[u8]) -> Text {
        let start = self.bytes.len() as u32;
        self.bytes.extend_from_slice(bytes);
        Text { start, length: bytes.len() as u32 }
    }

    fn bytes(&self, text: Text) -> Option<&[u8]> {
        let range = text.start as usize..text.start as usize + text.length as usize;
        (text.start != u32::MAX).then(|| &self.bytes[range])
    }

    fn str(&self, text: Text) -> Option<&str> {
        let range = text.start as usize..text.start as usize + text.length as usize;
        (text.start != u32::MAX).then(|| &self.text[range])
    }

    /// What the rows are looked up by, in order: type, time and correlation; `None` for those that
    /// cannot be judged.
    pub fn keys(&self) -> impl Iterator<Item = Option<(TypeId, Timestamp, Option<&str>)>> {
        self.rows.iter().map(|row| {
            let slim = row.as_ref().ok()?;
            Some((slim.kind, slim.time, self.str(slim.correlation)))
        })
    }

    /// The rows, in order.
    pub fn items(&self) -> impl Iterator<Item = Item<'_>> {
        self.rows.iter().map(|row| match row {
            Err(bad) => Item::Bad(bad),
            Ok(slim) => Item::Row(Row {
                position: slim.position,
                kind: slim.kind,
                time: slim.time,
                stream: self.str(slim.stream),
                version: slim.version,
                id: self.str(slim.id),
                correlation: self.str(slim.correlation),
                causation: self.str(slim.causation),
                key: self.str(slim.key),
                data: self.bytes(slim.data),
                metadata: self.bytes(slim.metadata),
            }),
        })
    }
}
