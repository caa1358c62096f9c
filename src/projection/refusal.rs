//! What a table would not take of its repairs, so that a script with them would come to nothing.

use std::collections::{BTreeMap, BTreeSet};

use crate::log::{Demands, Gives, Log, LogError, Unique};
use crate::projection::audit::Conclusion;
use crate::projection::compare::{Known, Likeness, Raw, Row, likenesses};
use crate::projection::repair::{Change, Repair};
use crate::projection::state::State;
use crate::projection::stored::ReadModels;
use crate::projection::trial::Trial;
use crate::projection::verdict::Verdict;

/// A table as far as it may refuse a row.
#[derive(Debug)]
pub struct Refusal {
    demands: Demands,
    trial: Trial,
    /// The column of the key.
    key: String,
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
            key: match &definition.stored {
                Some(stored) => stored.key.clone(),
                None => String::new(),
            },
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
        // They were counted when they were read.
        models.rows(definition, log, u64::MAX, &mut |_, row| {
            let Raw::Text(key) = row.key else { return 0 };
            for fold in &folds {
                if let Some(known) = keys.get_mut(&fold.of(&key)) {
                    known.insert(key.clone());
                }
            }
            0
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
        each.map(|repair| {
            let unforeseen = self.demands.unforeseen.clone();
            unforeseen
                .or_else(|| self.untaken(repair))
                .or_else(|| self.taken(repair, &keys))
        })
        .collect()
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

    /// That the table cannot take a row, or may not.
    fn untaken(&self, repair: &Repair) -> Option<String> {
        let (columns, is_new) = match &repair.change {
            Change::Delete => return None,
            Change::Update(columns) => (columns, false),
            Change::Insert(columns) => (columns, true),
        };
        let given = |name: &str| {
            let is_key = is_new && name.eq_ignore_ascii_case(&self.key);
            let mut columns = columns.iter();
            let given = columns.find(|(column, _)| column.eq_ignore_ascii_case(name));
            given
                .map(|(_, value)| value)
                .or(is_key.then_some(&repair.key))
        };
        for field in &self.demands.columns {
            let name = &field.name;
            let is_empty = match given(name) {
                Some(_) if field.gives == Gives::Calculated => {
                    return Some(format!("`{name}` is calculated by its table"));
                }
                Some(value) => *value == Raw::Null,
                None => is_new && field.gives == Gives::Null && !field.is_rowid,
            };
            if is_empty && field.is_required {
                return Some(format!("`{name}` is NOT NULL, and would be left empty"));
            }
        }
        // A column that a new row leaves to its table may hold there what all others hold.
        let is_filled = |name: &str| match (given(name), self.demands.column(name)) {
            (Some(value), _) => *value != Raw::Null,
            (None, Some(field)) => is_new && field.gives != Gives::Null,
            (None, None) => false,
        };
        let is_touched = |unique: &Unique| {
            let mut columns = unique.columns.iter();
            columns.any(|column| column.as_deref().is_none_or(is_filled))
        };
        let unique = self
            .demands
            .uniques
            .iter()
            .find(|unique| is_touched(unique));
        if let Some(unique) = unique {
            let columns = unique.columns.iter();
            let columns: Vec<String> = columns
                .map(|column| match column {
                    Some(column) => format!("`{column}`"),
                    None => "an expression".to_owned(),
                })
                .collect();
            return Some(format!(
                "another row may hold the same in {}, which has to be unique",
                columns.join(", ")
            ));
        }
        let mut collations = self.demands.collations.iter();
        let unknown = collations.find(|name| {
            is_new && Fold::named(name).is_none() && !name.eq_ignore_ascii_case("BINARY")
        })?;
        Some(format!(
            "which keys are one by the collation {unknown} is not known"
        ))
    }

    /// Why a row would not be what it should be after a change: a column that does not take its value,
    /// or makes something else of it.
    pub(super) fn unkept(
        &self,
        conclusion: &Conclusion,
        state: &State,
        row: Option<&Row>,
        change: &Change,
    ) -> Option<String> {
        let (Change::Update(columns) | Change::Insert(columns)) = change else {
            return None;
        };
        let definition = conclusion.fold.definition();
        let stored = definition.stored.as_ref()?;
        let mut after = Row {
            key: Raw::Null,
            version: None,
            stamp: None,
            values: match row {
                Some(row) => row.values.clone(),
                None => vec![Raw::Null; stored.columns.len()],
            },
            known: Known::default(),
        };
        for (column, value) in columns {
            let held = match self.held(column, value) {
                Ok(held) => held,
                Err(why) => return Some(why),
            };
            let all = stored.columns.iter().zip(&mut after.values);
            for (_, place) in all.filter(|(one, _)| one.name == *column) {
                *place = held.clone();
            }
        }
        let written = |name: &str| columns.iter().find(|(column, _)| column == name);
        let all = stored.columns.iter().zip(&after.values);
        let mut unlike = all
            .zip(likenesses(definition, state, &after))
            .filter(|(_, likeness)| *likeness != Likeness::Same)
            .filter_map(|((column, held), _)| Some((written(&column.name)?, held)));
        let ((column, value), held) = unlike.next()?;
        Some(format!("`{column}` would hold {held} instead of {value}"))
    }

    /// What should be known of all changes of rows.
    pub(super) fn remark(&self, repairs: &[Repair]) -> Option<&'static str> {
        let mut repairs = repairs.iter();
        let is_checked =
            self.demands.has_checks && repairs.any(|repair| repair.change != Change::Delete);
        is_checked.then_some(
            "its table has CHECK constraints, which may refuse a statement: see that none fails",
        )
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
