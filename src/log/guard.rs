//! What keeps a connection from doing anything but read.
//!
//! Definitions and views of the log hold SQL that somebody else wrote. It runs with writing,
//! attaching and loading switched off one by one, and under a deadline, since nothing else stops a
//! query that never ends. One that gives rows without end meets no deadline: whoever reads them
//! counts, see [`Wanted`](super::table::Wanted).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

/// How long a query may work on one row.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// How long to wait for a lock that another process holds.
pub(crate) const LOCK_WAIT: Duration = Duration::from_secs(3);

const STEPS_BETWEEN_LOOKS: i32 = 20_000;

/// Schema pragmas behind the table-valued functions that `schema` reads.
const SCHEMA_PRAGMAS: [&str; 4] = ["table_xinfo", "table_list", "index_list", "index_xinfo"];

/// `load_extension` and the tokenizer run foreign code; the others make two runs differ.
const REFUSED_FUNCTIONS: [&str; 4] = ["load_extension", "fts3_tokenizer", "random", "randomblob"];

/// Counts the rows that a query gave, so that its deadline starts anew with each.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pulse(Arc<State>);

#[derive(Debug, Default)]
struct State {
    watched: AtomicBool,
    beats: AtomicU64,
}

impl Pulse {
    /// Starts the deadline, until the returned guard is dropped.
    pub(crate) fn watch(&self) -> Watch<'_> {
        self.beat();
        self.0.watched.store(true, Ordering::Relaxed);
        Watch(self)
    }

    /// A row came.
    pub(crate) fn beat(&self) {
        self.0.beats.fetch_add(1, Ordering::Relaxed);
    }
}

/// While it lives, a query that gives no row in time is stopped.
#[derive(Debug)]
pub(crate) struct Watch<'a>(&'a Pulse);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.0.0.watched.store(false, Ordering::Relaxed);
    }
}

/// No writes, and few pages kept: a scan never comes back to one, and what it has no room for in the
/// processor's cache is what the replay needs there.
const QUIET: &str = "PRAGMA query_only = ON; PRAGMA cache_size = -1000";

/// Switches off whatever a statement could do beside reading.
pub(crate) fn harden(
    connection: &mut Connection,
    pulse: &Pulse,
    patience: Duration,
) -> rusqlite::Result<()> {
    for (config, on) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_CREATE, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_WRITE, false),
        // A double-quoted name that is no column would be read as a text.
        (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
    ] {
        connection.set_db_config(config, on)?;
    }
    connection.execute_batch(QUIET)?;
    let state = Arc::clone(&pulse.0);
    let mut seen = 0;
    let mut since = Instant::now();
    connection.progress_handler(
        STEPS_BETWEEN_LOOKS,
        Some(move || {
            let now = state.beats.load(Ordering::Relaxed);
            if now != seen {
                seen = now;
                since = Instant::now();
            }
            state.watched.load(Ordering::Relaxed) && since.elapsed() > patience
        }),
    )
}

/// Lets only reading statements be prepared from here on; to be called inside the transaction, since
/// it refuses BEGIN too.
pub(crate) fn only_reads(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.authorizer(Some(|context: AuthContext<'_>| match context.action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => {
            Authorization::Allow
        }
        AuthAction::Function { function_name }
            if !REFUSED_FUNCTIONS
                .iter()
                .any(|name| name.eq_ignore_ascii_case(function_name)) =>
        {
            Authorization::Allow
        }
        AuthAction::Pragma { pragma_name, .. } if SCHEMA_PRAGMAS.contains(&pragma_name) => {
            Authorization::Allow
        }
        _ => Authorization::Deny,
    }))
}
