//! One key, one effect: what became of the idempotency keys of a log.
//!
//! A key is *used* by every event that carries it, effects and attempts alike. Of each event type a
//! key has a first use; whatever follows under the same type is a repeat:
//!
//! - with the same event id as a use before it, it is one event delivered twice, which is the
//!   business of `log/duplicate-id`;
//! - with another fingerprint than the first use that tells its own, it is a *conflict*: the key was
//!   given to two different things;
//! - an effect, or any attempt under a key that was used before, later than the retention after the
//!   key's first use, is *expired*: the receiver had forgotten the key, and keeps it from then on. An
//!   effect of a type that the key had only before that is expired, too;
//! - an effect otherwise is a *double* effect, though its fingerprint may be untellable: whether it
//!   is the same thing twice or two things, one key had two effects;
//! - an attempt otherwise is a healthy repeat, and so is any number of attempts that had no effect.
//!
//! One fault, one finding: the first of these that fits is what is reported, once per key and type.
//!
//! Where a condition or a fingerprint cannot be evaluated, the key is *unknown*; an event that may
//! or may not use the key is no use that a later one repeats. An event whose key is null or empty has
//! none; one whose key cannot be computed may have any, and is counted.
//!
//! A row that cannot be judged takes back nothing that is wrong with a key, but that it is expired:
//! there may be more uses of it, not fewer, and one between two others may have renewed it. It makes
//! unknown the key that it tells, or else one at most of all keys. A use with a clock that is ahead of
//! the horizon does not tell when the key was forgotten, either.
//!
//! In a log that is ordered by time, uses are kept and judged in the end.

mod ledger;
mod note;

pub use ledger::{Count, Keyless, Ledger, Misuse, Wrong};
pub use note::{Note, Reader, Route};
