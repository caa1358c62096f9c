//! `sagactl schema`: the JSON Schema of the definitions, for editors.

/// The schema as indented JSON with a final line break.
///
/// # Errors
/// Never in practice: the schema is made of plain JSON values.
pub fn run() -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(crate::definition::schema()).map(|text| text + "\n")
}
