//! What readers make of rows, on its way to the judge, many rows at a time.
//!
//! A row is reduced where it is read, on as many threads as there are readers, to what some
//! definition or rule needs of it: its *notes*. They are plain data; their texts stand end to end.

use std::sync::Arc;

use crate::absent;
use crate::causation;
use crate::event::{Position, Timestamp};
use crate::log::BadRow;
use crate::replay::families::Notes;
use crate::replay::instances::{Blank, Doubt, Link};
use crate::saga::{Meaning, Moment};
use crate::texts::{Text, Texts};

/// How many rows travel together.
const ROWS: usize = 1024;
/// How many bytes of texts travel together; one row may have more.
const BYTES: usize = 4 << 20;

/// An event that concerns a saga instance.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sighting {
    /// Of the instance, see [`Instances::hash`](crate::replay::Instances::hash).
    pub(super) hash: u64,
    /// The correlation value.
    pub(super) id: Text,
    /// Index of the saga.
    pub(super) saga: u16,
    /// The index of its doubt in [`Batch::doubts`], where its meaning is not certain.
    pub(super) doubt: Option<u32>,
    /// What it means, or one of the things that it may mean. Its `detail` is that of
    /// [`Batch::details`], counted from 1.
    pub(super) moment: Moment,
}

/// Everything that an event may mean whose meaning could not be told.
#[derive(Debug, Clone)]
pub(super) struct Options {
    /// `None` is nothing at all.
    pub(super) meanings: Vec<Option<Meaning>>,
    /// What else of it could not be told.
    pub(super) blank: Blank,
    /// Why it could not be told.
    pub(super) reason: String,
}

impl Options {
    /// An event with one of these meanings.
    pub(super) fn of(self, moment: Moment, link: Link) -> Doubt {
        Doubt {
            moment,
            link,
            options: self.meanings,
            blank: self.blank,
            reason: self.reason,
        }
    }
}

/// An event that may be of any instance of a saga.
#[derive(Debug)]
pub(super) struct Stray {
    /// Index of the saga.
    pub(super) saga: u16,
    /// As in a [`Sighting`].
    pub(super) moment: Moment,
    /// What orders it where its position does not.
    pub(super) link: Link,
    /// What it may be.
    pub(super) options: Options,
    /// It is among the rows that are not judged.
    pub(super) is_hidden: bool,
}

/// What of an event concerns its stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct StreamNote {
    /// Of the stream, see [`stamp`](crate::replay::streams::stamp).
    pub(super) stamp: u64,
    pub(super) stream: Text,
    pub(super) version: Option<i64>,
    pub(super) position: Position,
    /// `None` where that cannot be read.
    pub(super) time: Option<Timestamp>,
    pub(super) is_tombstone: bool,
}

/// The notes of some rows, each list in reading order.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Rows read, of whatever kind.
    pub(super) seen: u64,
    /// Position and time of every row that can be judged and lies within the horizon.
    pub(super) rows: Vec<(Position, Timestamp)>,
    /// How many of them some definition knows.
    pub(super) matched: u64,
    /// Rows later than the horizon that was asked for.
    pub(super) beyond: u64,
    /// Rows of sagas without a correlation value.
    pub(super) unattributed: u64,
    /// Some row has a version 0, or one below it.
    pub(super) counts_from_zero: bool,
    pub(super) bad: Vec<BadRow>,
    /// How many of them are events all the same.
    pub(super) partial: u64,
    pub(super) sightings: Vec<Sighting>,
    /// In step with the sightings, in a log in which the position does not order; else empty.
    pub(super) links: Vec<Link>,
    pub(super) doubts: Vec<Options>,
    pub(super) astray: Vec<Stray>,
    /// Names of errors and stray types, by the number that a moment's `detail` holds, from 1.
    pub(super) details: Vec<Text>,
    pub(super) families: Notes,
    pub(super) streams: Vec<StreamNote>,
    /// Of events whose version cannot be read, the stamps of their streams.
    pub(super) unversioned: Vec<u64>,
    /// Of rows whose place is not known, the stamps of their streams and their versions.
    pub(super) unplaced: Vec<(u64, i64)>,
    /// Rows that may be of any stream.
    pub(super) streamless: u64,
    /// Ids and causes.
    pub(super) ids: Vec<causation::Note>,
    /// Ids, where nobody asks for causes.
    pub(super) bare_ids: Vec<(u64, Position)>,
    /// Rows that are not judged, where somebody asks for causes.
    pub(super) hidden: Vec<causation::Hidden>,
    /// Rows that are not judged, where somebody asks for families.
    pub(super) absent: Vec<absent::Hidden>,
    /// Types that this reader had not met before.
    pub(super) types: Vec<Arc<str>>,
    pub(super) texts: Texts,
    /// Nothing follows in this range of positions.
    pub(super) is_last: bool,
}

impl Batch {
    /// Whether it is time to hand it on.
    pub(super) fn is_full(&self) -> bool {
        self.seen as usize >= ROWS || self.texts.len() >= BYTES
    }

    /// Makes it empty, keeping its memory unless that grew huge.
    pub(super) fn clear(&mut self) {
        let Batch {
            seen,
            rows,
            matched,
            beyond,
            unattributed,
            counts_from_zero,
            bad,
            partial,
            sightings,
            links,
            doubts,
            astray,
            details,
            families,
            streams,
            unversioned,
            unplaced,
            streamless,
            ids,
            bare_ids,
            hidden,
            absent,
            types,
            texts,
            is_last,
        } = self;
        *seen = 0;
        rows.clear();
        *matched = 0;
        *beyond = 0;
        *unattributed = 0;
        *counts_from_zero = false;
        bad.clear();
        *partial = 0;
        sightings.clear();
        links.clear();
        doubts.clear();
        astray.clear();
        details.clear();
        families.clear();
        streams.clear();
        unversioned.clear();
        unplaced.clear();
        *streamless = 0;
        ids.clear();
        bare_ids.clear();
        hidden.clear();
        absent.clear();
        types.clear();
        texts.clear(BYTES * 2);
        *is_last = false;
    }
}
