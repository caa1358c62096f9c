//! What is wanted of every row of a pass.

use crate::definition::log::{LogDefinition, Order};
use crate::event::Timestamp;
use crate::log::Fields;
use crate::replay::families::Readers;
use crate::replay::gathered::Selection;
use crate::replay::memory::Divisible;
use crate::replay::reader::Reader;
use crate::replay::route::Router;
use crate::share::Share;

/// What is wanted of every row.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    pub(super) definition: &'a LogDefinition,
    pub(super) router: &'a Router,
    pub(super) readers: &'a Readers,
    pub(super) selection: Selection,
    pub(super) until: Option<Timestamp>,
    pub(super) about: Option<&'a [String]>,
    pub(super) share: Share,
    /// The share of the instances.
    pub(super) instances: Share,
    pub(super) again: bool,
}

impl<'a> Reading<'a> {
    /// A reading of rows up to `until`.
    pub fn new(
        definition: &'a LogDefinition,
        router: &'a Router,
        readers: &'a Readers,
        selection: Selection,
        until: Option<Timestamp>,
    ) -> Reading<'a> {
        Reading {
            definition,
            router,
            readers,
            selection,
            until,
            about: None,
            share: Share::WHOLE,
            instances: Share::WHOLE,
            again: false,
        }
    }

    /// Of saga instances, only those with these ids are wanted; all, where there are none.
    pub fn about(self, ids: &'a [String]) -> Reading<'a> {
        Reading {
            about: (!ids.is_empty()).then_some(ids),
            ..self
        }
    }

    /// Only what belongs to a share of the keys is wanted, and what has no key with the first share.
    pub fn of_share(self, share: Share, divisible: Divisible) -> Reading<'a> {
        let instances = share.of_something(divisible.instances);
        let selection = Selection {
            sagas: self.selection.sagas && instances.is_some(),
            data: self.selection.data && share.is_first(),
            ..self.selection
        };
        Reading {
            selection,
            share,
            instances: instances.unwrap_or(share),
            again: self.again || !share.is_first(),
            ..self
        }
    }

    /// Only ids and causes are wanted, once more.
    pub fn ids(self) -> Reading<'a> {
        Reading {
            selection: Selection::IDS,
            again: true,
            ..self
        }
    }

    /// Only sightings of instances are wanted: whatever else the rows tell is known already.
    pub fn again(self) -> Reading<'a> {
        Reading {
            selection: Selection::SAGAS,
            again: true,
            ..self
        }
    }

    /// Only notes of projections are wanted, for a look into the histories of some keys.
    pub fn histories(self) -> Reading<'a> {
        Reading {
            selection: Selection::FAMILIES,
            again: true,
            ..self
        }
    }

    /// The sagas' router.
    pub(super) fn router(&self) -> &'a Router {
        self.router
    }

    /// The columns to read.
    pub fn fields(&self) -> Fields {
        let Selection {
            sagas,
            streams,
            ids,
            causes,
            data,
            families,
        } = self.selection;
        let mut fields = if sagas {
            self.router.fields()
        } else {
            Fields::default()
        };
        if families {
            fields = fields.with(self.readers.fields());
        }
        fields.time = true;
        fields.stream |= streams;
        fields.version |= streams;
        fields.id |= ids;
        fields.causation |= causes;
        fields.correlation |= causes;
        // Whether a row can be read is asked of all of it.
        if data {
            fields = Fields::ALL;
        }
        fields.with(self.orders_by())
    }

    /// The columns that tell, beside times, what came before what within an instance.
    pub(super) fn orders_by(&self) -> Fields {
        let by_time = self.definition.order != Order::Position;
        Fields {
            stream: by_time,
            version: by_time,
            id: by_time,
            causation: by_time,
            ..Fields::default()
        }
    }

    /// A reader of one log, or of one part of it.
    pub(super) fn reader(self) -> Reader<'a> {
        Reader::new(self)
    }
}
