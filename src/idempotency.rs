//! One key, one effect: what became of the idempotency keys of a log.
//!
//! A key is *used* by every event that carries it, effects and attempts alike. Of each event type a
//! key has a first use; whatever follows under the same type is a repeat:
//!
//! - with the same event id as a use before it, it is one event delivered twice, which is the
//!   business of `log/duplicate-id`;
//! - an effect, or any attempt under a key that was used before, later than the retention after the
//!   key's first use, is *expired*: the receiver had forgotten the key, and keeps it from then on, as
//!   one of which it knows nothing. An effect of a type that the key had only before that is expired,
//!   too. An attempt of such a type is none of these;
//! - with another fingerprint than the first use that tells its own since the receiver keeps the key,
//!   it is a *conflict*: the key was given to two different things;
//! - an effect with the fingerprint of any use of its type since then is a *double* effect, whether or
//!   not it is in conflict with the first. So is one that is not in conflict because its own
//!   fingerprint or those before it cannot be told: whether it is the same thing twice or two things,
//!   one key had two effects;
//! - an attempt otherwise is a healthy repeat, and so is any number of attempts that had no effect.
//!
//! One fault, one finding: once per key and type, for what each use is by the first of these that fits;
//! only what is twice the same and something else than before is told as both.
//!
//! Where a condition or a fingerprint cannot be evaluated, the key is *unknown*; an event that may
//! or may not use the key is no use that a later one repeats. An event whose key is null or empty has
//! none; one whose key cannot be computed may have any, and is counted.
//!
//! A row that cannot be judged takes back nothing that is wrong with a key, but that it is expired:
//! there may be more uses of it, not fewer, and one between two others may have renewed it. (One before
//! both may have been forgotten between them. Then the later one is expired instead of a double or a
//! conflict, which is no less wrong.) It makes unknown the key that it tells, or else one at most of all
//! keys. A use with a clock that is ahead of the horizon does not tell when the key was forgotten,
//! either.
//!
//! In a log that is ordered by time, uses are kept and judged in the end.

mod ledger;
mod note;
mod uses;

pub use ledger::{Count, Keyless, Ledger, Misuse, Wrong};
pub use note::{Note, Reader, Route};
