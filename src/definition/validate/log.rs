//! From a log document as written to the checked log.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::definition::document::At;
use crate::definition::fault::{self, Fault};
use crate::definition::log::{
    Claims, Encoding, Field, LogDefinition, Merge, Order, Relation, Source, TimeField, TimeUnit,
    TypeField,
};
use crate::definition::raw::log as raw;
use crate::definition::raw::shape::{OneOrMany, Short};
use crate::definition::raw::written::{Name, Text};
use crate::definition::structure::shown;
use crate::event::Span;

/// The checked log; `None` where something fatal is wrong with it.
pub(crate) fn check(raw: raw::Log, at: At<'_>, faults: &mut Vec<Fault>) -> Option<LogDefinition> {
    let from = faults.len();
    let preset = raw.preset.map(|text| text.0.to_string());
    let sources = match raw.events {
        Some(OneOrMany(events)) => {
            if events.is_empty() {
                let place = at.key("events").place();
                faults.push(
                    Fault::fatal(fault::BAD_VALUE, place, "`events` cannot be empty")
                        .label("no source")
                        .help("leave `events` out to have them recognised in the file".to_owned()),
                );
            }
            let mut sources = Vec::new();
            for (index, raw) in events.into_iter().enumerate() {
                if faults.len() - from >= fault::MOST {
                    break;
                }
                sources.push(source(raw, &preset, at.key("events").item(index), faults));
            }
            sources
        }
        None => preset
            .map(|preset| bare_source(preset, at.key("preset")))
            .into_iter()
            .collect(),
    };
    let claims = raw.claims.unwrap_or_default().0.into_iter().enumerate();
    let log = LogDefinition {
        name: raw.log.0.0,
        apart: None,
        place: Some(at.key("log").place()),
        database: raw.database.map(|path| at.folder().join(&*path.0.0)),
        sources,
        merge: match raw.merge {
            None | Some(raw::Merge::Time) => Merge::Time,
            Some(raw::Merge::Position) => Merge::Position,
        },
        cut: raw.cut,
        order: match raw.order.and_then(|order| order.0.time) {
            None => Order::Position,
            Some(time) => Order::Time {
                skew: time.skew.map_or(Span::ZERO, |text| text.0),
                lateness: time.lateness.map_or(Span::ZERO, |text| text.0),
            },
        },
        future_tolerance: raw
            .future_tolerance
            .map_or(Span::from_secs(3600), |text| text.0),
        tombstones: raw
            .tombstones
            .unwrap_or_default()
            .0
            .into_iter()
            .map(|text| text.0.0)
            .collect(),
        claims: claims
            .filter_map(|(index, raw)| claim(raw, at.key("claims").item(index), faults))
            .collect(),
        names_no_key: false,
    };
    (!faults[from..].iter().any(|fault| fault.fatal)).then_some(log)
}

fn bare_source(preset: String, at: At<'_>) -> Source {
    Source {
        place: Some(at.place()),
        preset: Some(preset),
        ..Source::blank()
    }
}

fn source(
    raw: raw::Source,
    preset: &Option<String>,
    at: At<'_>,
    faults: &mut Vec<Fault>,
) -> Source {
    let preset = raw
        .preset
        .map(|text| text.0.to_string())
        .or_else(|| preset.clone());
    let told = match (&raw.table, &raw.query) {
        (Some(_), _) => at.key("table"),
        (None, Some(_)) => at.key("query"),
        (None, None) => at,
    };
    let place = Some(told.place());
    let relation = relation(raw.table, raw.query, preset.is_none(), at, faults);
    if preset.is_none() {
        for key in ["time", "type"].into_iter().filter(|key| !at.has(key)) {
            faults.push(
                Fault::fatal(
                    fault::MISSING_KEY,
                    at.place(),
                    format!("this source lacks `{key}`"),
                )
                .label(format!("`{key}` has to stand beside this"))
                .help("name its column, or a `preset` that knows".to_owned()),
            );
        }
    }
    let kind = match (raw.r#type, raw.types.is_empty()) {
        (None, true) => None,
        (r#type, _) => {
            let (column, last_segment) = r#type
                .map(|Short(full)| (full.column, full.last_segment))
                .unzip();
            Some(TypeField {
                field: column.map(|column| plain(column, at.key("type"))),
                last_segment: last_segment.flatten().map(|text| text.0.to_string()),
                renames: raw
                    .types
                    .into_iter()
                    .map(|(from, to)| (from, to.0.0))
                    .collect(),
            })
        }
    };
    let time = raw.time.map(|Short(full)| TimeField {
        field: plain(full.column, at.key("time")),
        unit: match full.unit {
            None | Some(raw::Unit::Rfc3339) => TimeUnit::Rfc3339,
            Some(raw::Unit::S) => TimeUnit::Seconds,
            Some(raw::Unit::Ms) => TimeUnit::Milliseconds,
            Some(raw::Unit::Us) => TimeUnit::Microseconds,
            Some(raw::Unit::Ns) => TimeUnit::Nanoseconds,
            Some(raw::Unit::Sqlite) => TimeUnit::Sqlite,
        },
    });
    let field = |raw: Option<Short<raw::Field>>, key: &str| {
        raw.map(|Short(full)| Field {
            encoding: match full.encoding {
                None | Some(raw::Encoding::Plain) => Encoding::Plain,
                Some(raw::Encoding::Zlib) => Encoding::Zlib,
            },
            ..plain(full.column, at.key(key))
        })
    };
    Source {
        place,
        preset,
        relation,
        attach: raw.attach.map(|path| at.folder().join(&*path.0.0)),
        position: field(raw.position, "position"),
        time,
        kind,
        stream: field(raw.stream, "stream"),
        version: field(raw.version, "version"),
        id: field(raw.id, "id"),
        correlation: field(raw.correlation, "correlation"),
        causation: field(raw.causation, "causation"),
        key: field(raw.idempotency, "idempotency"),
        data: field(raw.data, "data"),
        metadata: field(raw.metadata, "metadata"),
    }
}

fn plain(column: Text<Name>, at: At<'_>) -> Field {
    Field {
        name: column.0.to_string(),
        encoding: Encoding::Plain,
        place: Some(at.key("column").place()),
    }
}

/// The table or query of something; a fault where both are given, or none that is `needed`.
pub(super) fn relation(
    table: Option<Text<Name>>,
    query: Option<String>,
    needed: bool,
    at: At<'_>,
    faults: &mut Vec<Fault>,
) -> Option<Relation> {
    match (table, query) {
        (Some(_), Some(_)) => {
            let place = at.name_of("query").place();
            faults.push(
                Fault::fatal(
                    fault::BAD_VALUE,
                    place,
                    "rows come from `table` or `query`, not both",
                )
                .label("the second one"),
            );
            None
        }
        (Some(table), None) => Some(Relation::Table(table.0.to_string())),
        (None, Some(query)) if query.trim().is_empty() => {
            let place = at.key("query").place();
            faults.push(
                Fault::fatal(fault::BAD_VALUE, place, "`query` cannot be empty").label("here"),
            );
            None
        }
        (None, Some(query)) => Some(Relation::Query(query)),
        (None, None) => {
            if needed {
                let message = "nothing says where the rows are";
                faults.push(
                    Fault::fatal(fault::MISSING_KEY, at.place(), message)
                        .label("`table` or `query` has to stand beside this"),
                );
            }
            None
        }
    }
}

fn claim(raw: raw::Claims, at: At<'_>, faults: &mut Vec<Fault>) -> Option<Claims> {
    let status = [
        ("completed", &raw.status.completed.0),
        ("compensated", &raw.status.compensated.0),
        ("running", &raw.status.running.0),
    ];
    let from = faults.len();
    let mut known: BTreeMap<&str, &str> = BTreeMap::new();
    for (key, values) in status {
        for (index, value) in values.iter().enumerate() {
            match known.get(value.as_str()) {
                Some(_) if faults.len() - from >= fault::MOST => {}
                Some(other) => faults.push(
                    Fault::fatal(
                        fault::BAD_VALUE,
                        at.key("status").key(key).item(index).place(),
                        format!("`{}` cannot claim both {other} and {key}", shown(value)),
                    )
                    .label("a second claim"),
                ),
                None => {
                    known.insert(value, key);
                }
            }
        }
    }
    if known.is_empty() {
        faults.push(
            Fault::fatal(
                fault::MISSING_KEY,
                at.key("status").place(),
                "no value of the status claims anything",
            )
            .label("`completed`, `compensated` or `running` is needed"),
        );
    }
    Some(Claims {
        place: at.key("saga").place(),
        saga: Arc::clone(&raw.saga.0.0),
        relation: relation(raw.table, raw.query, true, at, faults)?,
        id: raw.id.0.to_string(),
        status: raw.status.column.0.to_string(),
        completed: raw.status.completed.0,
        compensated: raw.status.compensated.0,
        running: raw.status.running.0,
    })
}
