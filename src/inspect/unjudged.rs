//! What the reader of one projection should know of rows that are in the log and not in its states.

use crate::brief;
use crate::inspect::run::Run;
use crate::projection::Keyless;

impl Run<'_> {
    /// Of the rows that cannot be judged: how many there are, and which of them may be events of a
    /// projection, or of one key of it. Of the others: those later than the horizon.
    pub(super) fn unjudged(&self, projection: usize, key: Option<&str>) -> Vec<String> {
        let log = &self.definition.name;
        let mut remarks = Vec::new();
        if self.gathered.beyond > 0 {
            remarks.push(match self.gathered.beyond {
                1 => format!("log {log}: 1 event later than the horizon was not read"),
                events => {
                    format!("log {log}: {events} events later than the horizon were not read")
                }
            });
        }
        let bad = self.gathered.bad.total;
        if bad > 0 {
            let rows = match bad {
                1 => "1 row".to_owned(),
                bad => format!("{bad} rows"),
            };
            remarks.push(format!(
                "log {log}: {rows} cannot be judged; see `sagactl audit --rule log/bad-row`"
            ));
        }
        let strays = self.gathered.absent.of_state(projection);
        if key.is_some_and(|key| strays.has(key)) {
            remarks.push(
                "an event of this key stands in a row that cannot be judged, and is not applied"
                    .to_owned(),
            );
        }
        if strays.keyless > 0 {
            let whose = match key {
                Some(_) => "of this key",
                None => "of any key",
            };
            remarks.push(match strays.keyless {
                1 => format!("1 of these rows may be an event {whose}"),
                rows => format!("{rows} of these rows may be events {whose}"),
            });
        }
        remarks
    }

    /// The rows that cannot be judged and may be events of a projection, in words.
    pub(super) fn strays(&self, projection: usize) -> Option<String> {
        let strays = self.gathered.absent.of_state(projection);
        let of_any = match strays.keyless {
            0 => None,
            1 => Some("1 row that cannot be judged may be an event of any key".to_owned()),
            rows => Some(format!(
                "{rows} rows that cannot be judged may be events of any key"
            )),
        };
        let of_some = match strays.known() {
            0 => None,
            1 => Some("events of 1 key stand in rows that cannot be judged".to_owned()),
            keys => Some(format!(
                "events of {keys} keys stand in rows that cannot be judged"
            )),
        };
        let said: Vec<String> = of_some.into_iter().chain(of_any).collect();
        (!said.is_empty()).then(|| said.join(", "))
    }

    /// The events of a projection of which the key cannot be told, in words.
    pub(super) fn keyless(&self, projection: usize) -> Option<String> {
        in_words(self.gathered.ledgers.projections.keyless(projection)?)
    }
}

/// The same of what a ledger knows of them.
pub(super) fn in_words(keyless: &Keyless) -> Option<String> {
    const REASON: usize = 200;
    let (position, reason) = keyless.first.as_ref()?;
    let reason = brief::one(reason, REASON);
    Some(match keyless.count {
        1 => format!("1 event does not tell its key, at position {position}: {reason}"),
        count => {
            format!("{count} events do not tell their key, first at position {position}: {reason}")
        }
    })
}
