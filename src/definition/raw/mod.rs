//! What the YAML says, before anybody asked whether it makes sense. The JSON Schema of these types
//! is what `sagactl schema` prints and what every document is checked against first.

pub(crate) mod idempotency;
pub(crate) mod invariant;
pub(crate) mod log;
pub(crate) mod projection;
pub(crate) mod reaction;
pub(crate) mod requirement;
pub(crate) mod saga;
pub(crate) mod settings;
pub(crate) mod shape;
pub(crate) mod transaction;
pub(crate) mod written;
