//! Comparison with a recorded text. `GOLDEN=overwrite` records anew; read the diff before you keep
//! it.

use std::path::Path;
use std::{env, fs};

/// Fails unless `text` is what `tests/it/golden/NAME` holds.
pub fn check(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/it/golden")
        .join(name);
    if env::var("GOLDEN").is_ok_and(|mode| mode == "overwrite") {
        fs::write(&path, text).unwrap();
    }
    let recorded = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        recorded == text,
        "{name} differs\n--- recorded\n{recorded}\n--- now\n{text}"
    );
}
