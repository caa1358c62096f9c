//! The one test binary.

mod oracle;
