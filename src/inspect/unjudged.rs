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
            remarks.push(self.beyond());
        }
        let bad = self.gathered.bad.total;
        if bad > 0 {
            let rows = brief::count(bad, "row", "rows");
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
            let rows = brief::count(
                strays.keyless,
                "of these rows may be an event",
                "of these rows may be events",
            );
            remarks.push(format!("{rows} {whose}"));
        }
        remarks
    }

    /// That events are later than the horizon, in words.
    pub(super) fn beyond(&self) -> String {
        let events = brief::count(
            self.gathered.beyond,
            "event later than the horizon was",
            "events later than the horizon were",
        );
        format!("log {}: {events} not read", self.definition.name)
    }

    /// The rows that cannot be judged and may be events of a projection, in words.
    pub(super) fn strays(&self, projection: usize) -> Option<String> {
        let strays = self.gathered.absent.of_state(projection);
        let of_any = (strays.keyless > 0).then(|| {
            brief::count(
                strays.keyless,
                "row that cannot be judged may be an event of any key",
                "rows that cannot be judged may be events of any key",
            )
        });
        let of_some = (strays.known() > 0).then(|| {
            let keys = brief::count(strays.known() as u64, "key", "keys");
            format!("events of {keys} stand in rows that cannot be judged")
        });
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
    let events = brief::count(
        keyless.count,
        "event does not tell its key,",
        "events do not tell their key, first",
    );
    Some(format!("{events} at position {position}: {reason}"))
}
