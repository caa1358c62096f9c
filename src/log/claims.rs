//! What status columns say of saga instances.

use super::error::LogError;
use super::open::Database;
use super::table::{self, Wanted};
use super::{ClaimRow, value};
use crate::definition::log::Claims;

/// The rows of one claims document, or of one instance in it; a row without an id or a status claims
/// nothing.
pub(crate) fn read(
    database: &Database,
    claims: &Claims,
    only: Option<&str>,
    visit: &mut dyn FnMut(ClaimRow),
) -> Result<(), LogError> {
    let about = format!("the claims about `{}`, {}", claims.saga, claims.place);
    let forms = only.and_then(value::stored_forms);
    let wanted = Wanted {
        relation: &claims.relation,
        condition: None,
        among: forms.as_deref().map(|forms| (0, forms)),
        columns: &[("id", &claims.id), ("status", &claims.status)],
        most: table::MOST_ROWS,
        about: &about,
    };
    table::read(database, wanted, &mut |row| {
        let text = |index| -> rusqlite::Result<Option<String>> {
            let mut scratch = String::new();
            let value = row.get_ref(index)?;
            Ok(value::text(value, &mut scratch).map(str::to_owned))
        };
        let mut kept = 0;
        if let (Some(id), Some(status)) = (text(0)?, text(1)?)
            && only.is_none_or(|only| only == id)
        {
            kept = (size_of::<ClaimRow>() + id.len() + status.len()) as u64;
            visit(ClaimRow { id, status });
        }
        Ok(kept)
    })
}
