//! What status columns say of saga instances.

use super::error::LogError;
use super::open::Database;
use super::table::{self, Wanted};
use super::{ClaimRow, value};
use crate::definition::log::Claims;

/// The rows of one claims document; a row without an id or a status claims nothing.
pub(crate) fn read(database: &Database, claims: &Claims) -> Result<Vec<ClaimRow>, LogError> {
    let about = format!(
        "the claims about `{}`, {}:{}:{}",
        claims.saga,
        claims.place.file.display(),
        claims.place.line,
        claims.place.column
    );
    let wanted = Wanted {
        relation: &claims.relation,
        condition: None,
        columns: &[("id", &claims.id), ("status", &claims.status)],
        about: &about,
    };
    let mut found = Vec::new();
    table::read(database, wanted, &mut |row| {
        let text = |index| -> rusqlite::Result<Option<String>> {
            let mut scratch = String::new();
            let value = row.get_ref(index)?;
            Ok(value::text(value, &mut scratch).map(str::to_owned))
        };
        if let (Some(id), Some(status)) = (text(0)?, text(1)?) {
            found.push(ClaimRow { id, status });
        }
        Ok(())
    })?;
    Ok(found)
}
