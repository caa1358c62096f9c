//! What a table would not take of its repairs, so that a script with them would come to nothing.

use std::collections::{BTreeMap, BTreeSet};

use crate::log::{Demands, Log, LogError};
use crate::projection::audit::Conclusion;
use crate::projection::compare::Raw;
use crate::projection::repair::{Change, Repair};
use crate::projection::stored::ReadModels;
use crate::projection::trial::Trial;
use crate::projection::verdict::Verdict;

/// A table as far as it may refuse a row.
#[derive(Debug)]
pub struct Refusal {
    demands: Demands,
    trial: Trial,
    /// By what a key is told from others there, the keys of rows that may stand in the way of a
    /// missing one.
    keys: BTreeMap<(Fold, String), BTreeSet<String>>,
}

/// A collation that takes several texts for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fold {
    Capitals,
    Trailing,
}

impl Fold {
    /// One that comes with SQLite; what others take for the same is not known.
    fn named(collation: &str) -> Option<Fold> {
        match () {
            () if collation.eq_ignore_ascii_case("NOCASE") => Some(Fold::Capitals),
            () if collation.eq_ignore_ascii_case("RTRIM") => Some(Fold::Trailing),
            () => None,
        }
    }

    fn of(self, key: &str) -> (Fold, String) {
        let folded = match self {
            Fold::Capitals => key.to_ascii_lowercase(),
            Fold::Trailing => key.trim_end_matches(' ').to_owned(),
        };
        (self, folded)
    }
}

impl Refusal {
    /// What the table of a projection may refuse.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(
        conclusion: &Conclusion,
        models: &ReadModels,
        log: &Log,
    ) -> Result<Refusal, LogError> {
        let definition = conclusion.fold.definition();
        let demands = models.demands(definition, log)?;
        let mut refusal = Refusal {
            trial: Trial::of(&demands)?,
            demands,
            keys: BTreeMap::new(),
        };
        let folds = refusal.folds();
        let standings = conclusion.standings.iter();
        let missing = standings.filter(|one| one.verdict == Verdict::Missing);
        for one in missing {
            for fold in &folds {
                refusal.keys.entry(fold.of(&one.key)).or_default();
            }
        }
        if refusal.keys.is_empty() {
            return Ok(refusal);
        }
        let keys = &mut refusal.keys;
        models.rows(definition, log, &mut |_, row| {
            let Raw::Text(key) = row.key else { return };
            for fold in &folds {
                if let Some(known) = keys.get_mut(&fold.of(&key)) {
                    known.insert(key.clone());
                }
            }
        })?;
        Ok(refusal)
    }

    fn folds(&self) -> Vec<Fold> {
        let collations = self.demands.collations.iter();
        collations.filter_map(|name| Fold::named(name)).collect()
    }

    /// Why each of these repairs, which are all there are, would not be taken; `None` where it would.
    pub(super) fn reasons(&self, repairs: &[&Repair]) -> Vec<Option<String>> {
        let mut keys = self.keys.clone();
        for repair in repairs {
            let Raw::Text(key) = &repair.key else {
                continue;
            };
            for fold in self.folds() {
                let known = keys.entry(fold.of(key)).or_default();
                match &repair.change {
                    Change::Delete => _ = known.remove(key),
                    Change::Insert(_) => _ = known.insert(key.clone()),
                    Change::Update(_) => {}
                }
            }
        }
        let each = repairs.iter();
        each.map(|repair| self.taken(repair, &keys)).collect()
    }

    /// That another row has the key of one that is to be made, as the table sees it.
    fn taken(
        &self,
        repair: &Repair,
        keys: &BTreeMap<(Fold, String), BTreeSet<String>>,
    ) -> Option<String> {
        let (Raw::Text(key), Change::Insert(_)) = (&repair.key, &repair.change) else {
            return None;
        };
        let folds = self.folds().into_iter();
        let mut others = folds.filter_map(|fold| keys.get(&fold.of(key))).flatten();
        let other = others.find(|other| *other != key)?;
        Some(format!(
            "its table takes its key for that of another row, `{other}`"
        ))
    }

    /// What a column would hold of a value.
    ///
    /// # Errors
    /// That it does not take it.
    pub(super) fn held(&self, column: &str, value: &Raw) -> Result<Raw, String> {
        self.trial.held(column, value).ok_or_else(|| {
            let declared = self.demands.column(column).map(|field| &field.declared);
            let declared = declared.map_or("", String::as_str);
            let place = match self.demands.is_strict {
                true => format!("{declared} in a STRICT table"),
                false => format!("{declared} PRIMARY KEY"),
            };
            format!("`{column}` is {place}, which does not take {value}")
        })
    }
}
