//! Opening a database for reading so that its folder stays byte for byte as it was and no committed
//! event is missed.
//!
//! What SQLite needs for that depends on what lies beside the file:
//!
//! | found | read |
//! |---|---|
//! | rollback journal, none hot | in place, `mode=ro` |
//! | a hot journal | a private copy, in which it is rolled back |
//! | WAL, with `-wal` and `-shm` | in place, `readonly_shm=1`: the shared index is read, never written |
//! | WAL frames without `-shm` | a private copy |
//! | WAL, closed | in place, `immutable=1`, and proof after each scan that nobody wrote meanwhile |
//!
//! `immutable` alone would silently miss frames that a writer adds; a plain `mode=ro` would leave
//! `-wal` and `-shm` files behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, ffi};
use tempfile::TempDir;

use super::error::{LogError, extended_code};
use super::guard::{self, Pulse};
use super::snapshot::{self, Stamp, beside};

/// A writer that waits for this reader to end would wait for its twin as well.
const NO_WAIT: Duration = Duration::ZERO;

const MAGIC: &[u8] = b"SQLite format 3\0";

/// One open file in one read transaction.
#[derive(Debug)]
pub(crate) struct Database {
    connection: Connection,
    path: PathBuf,
    real: PathBuf,
    remark: Option<String>,
    still: Option<Stamp>,
    /// How a second connection sees the same instant, where that is certain.
    twin: Option<Way>,
    pulse: Pulse,
    /// Removed after the connection is closed, so it stands last.
    _copy: Option<TempDir>,
}

/// How a file has to be opened, see the module's table.
#[derive(Debug, Clone, Copy)]
enum Way {
    ReadOnly,
    SharedIndex,
    Immutable,
    Copy(&'static str),
}

/// Why a way of opening did not work.
enum Refused {
    BySqlite(rusqlite::Error),
    Otherwise(LogError),
}

impl From<rusqlite::Error> for Refused {
    fn from(error: rusqlite::Error) -> Refused {
        Refused::BySqlite(error)
    }
}

impl From<LogError> for Refused {
    fn from(error: LogError) -> Refused {
        Refused::Otherwise(error)
    }
}

impl Database {
    /// Opens the file at `path` and begins its read transaction.
    pub(crate) fn open(path: &Path) -> Result<Database, LogError> {
        Database::open_patiently(path, guard::PATIENCE)
    }

    fn open_patiently(path: &Path, patience: Duration) -> Result<Database, LogError> {
        let real = find(path)?;
        let way = choose(path, &real)?;
        match Database::begin(path, &real, &way, patience, guard::LOCK_WAIT) {
            Ok(database) => Ok(database),
            Err(refused) => match fallback(&way, &refused) {
                Some(way) => Database::begin(path, &real, &way, patience, guard::LOCK_WAIT)
                    .map_err(|refused| explain(path, &real, refused)),
                None => Err(explain(path, &real, refused)),
            },
        }
    }

    /// Wraps an in-memory database that was filled from `path`.
    pub(crate) fn loaded(path: &Path, mut connection: Connection) -> rusqlite::Result<Database> {
        let pulse = Pulse::default();
        guard::harden(&mut connection, &pulse, guard::PATIENCE)?;
        connection.execute_batch("BEGIN")?;
        guard::only_reads(&mut connection)?;
        Ok(Database {
            connection,
            path: path.to_owned(),
            real: path.to_owned(),
            remark: None,
            still: None,
            twin: None,
            pulse,
            _copy: None,
        })
    }

    fn begin(
        path: &Path,
        real: &Path,
        way: &Way,
        patience: Duration,
        lock_wait: Duration,
    ) -> Result<Database, Refused> {
        let mut still = None;
        let mut copy = None;
        let mut remark = None;
        let read_only = OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_URI
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = match way {
            Way::ReadOnly => Connection::open_with_flags(uri(real, "mode=ro"), read_only)?,
            Way::SharedIndex => {
                Connection::open_with_flags(uri(real, "mode=ro&readonly_shm=1"), read_only)?
            }
            Way::Immutable => {
                still = Some(Stamp::settled(real).map_err(|error| {
                    LogError::new(format!("{} cannot be read: {error}", path.display()))
                })?);
                Connection::open_with_flags(uri(real, "mode=ro&immutable=1"), read_only)?
            }
            Way::Copy(why) => {
                let (folder, target) = snapshot::copy(path, real)?;
                remark = Some(format!(
                    "a private copy of {} was read: {why}; its own files were left alone",
                    path.display()
                ));
                let connection = Connection::open_with_flags(
                    &target,
                    OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
                )?;
                copy = Some(folder);
                connection
            }
        };
        connection.busy_timeout(lock_wait)?;
        let pulse = Pulse::default();
        if copy.is_some() {
            // Recovery writes; it has to happen before the connection is kept from writing.
            first_read(&connection)?;
        }
        guard::harden(&mut connection, &pulse, patience)?;
        connection.execute_batch("BEGIN")?;
        first_read(&connection)?;
        guard::only_reads(&mut connection)?;
        Ok(Database {
            connection,
            path: path.to_owned(),
            real: real.to_owned(),
            remark,
            still,
            // The lock that a reader holds on a rollback journal's database keeps writers out.
            twin: matches!(way, Way::ReadOnly | Way::Immutable).then_some(*way),
            pulse,
            _copy: copy,
        })
    }

    /// A second connection that sees what this one sees; `None` where nothing proves that.
    pub(crate) fn twin(&self) -> Option<Database> {
        let twin = Database::begin(
            &self.path,
            &self.real,
            &self.twin?,
            guard::PATIENCE,
            NO_WAIT,
        );
        twin.ok().filter(|_| self.verify().is_ok())
    }

    /// The connection, inside the read transaction.
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The file as it was named.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The file as the system knows it.
    pub(crate) fn real(&self) -> &Path {
        &self.real
    }

    /// What the reader should know about how it was opened.
    pub(crate) fn remark(&self) -> Option<&str> {
        self.remark.as_deref()
    }

    /// The deadline of queries.
    pub(crate) fn pulse(&self) -> &Pulse {
        &self.pulse
    }

    /// Proves that what was read in place, without locks, is what was there at the opening.
    pub(crate) fn verify(&self) -> Result<(), LogError> {
        let Some(before) = &self.still else {
            return Ok(());
        };
        match Stamp::of(&self.real) {
            Ok(now) if now == *before => Ok(()),
            _ => Err(LogError::moved(&self.path)),
        }
    }

    /// What to say of a failure while reading: a file changed under a reader without locks looks
    /// damaged and is not.
    pub(crate) fn failure(&self, error: &rusqlite::Error) -> LogError {
        match self.verify() {
            Ok(()) => LogError::sqlite(&self.path, error),
            Err(changed) => changed,
        }
    }
}

/// Takes the lock and reads the schema, so that the transaction stands at one instant from here on.
fn first_read(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
}

fn find(path: &Path) -> Result<PathBuf, LogError> {
    let file = path.display();
    let meta = fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => LogError::no_file(path),
        _ => LogError::new(format!("{file} cannot be read: {error}")),
    })?;
    if meta.is_dir() {
        return Err(LogError::new(format!(
            "{file} is a folder; name the database file inside it"
        )));
    }
    if meta.len() == 0 {
        return Err(LogError::new(format!(
            "{file} is empty (0 bytes), so it holds nothing; check that its writer uses this path"
        )));
    }
    fs::canonicalize(path).map_err(|error| LogError::new(format!("{file} cannot be read: {error}")))
}

fn choose(path: &Path, real: &Path) -> Result<Way, LogError> {
    let file = path.display();
    let header = snapshot::header(real)
        .map_err(|error| LogError::new(format!("{file} cannot be read: {error}")))?;
    if !header.starts_with(MAGIC) {
        return Err(LogError::new(not_a_database(path, &header)));
    }
    if header.len() < 100 {
        return Err(LogError::new(format!(
            "{file} is cut off after {} bytes, within the database header; read a backup",
            header.len()
        )));
    }
    let size = |suffix| fs::metadata(beside(real, suffix)).map(|meta| meta.len());
    let wal = size("-wal");
    let frames = matches!(wal, Ok(len) if len > 0);
    let journal = matches!(size("-journal"), Ok(len) if len > 0);
    let index = size("-shm").is_ok();
    let in_wal_mode = header[18] == 2 || header[19] == 2;
    Ok(match (in_wal_mode || frames, wal.is_ok() && index) {
        (false, _) => Way::ReadOnly,
        (true, true) => Way::SharedIndex,
        (true, false) if frames => Way::Copy(LONE_WAL),
        (true, false) if journal => Way::Copy(HOT_JOURNAL),
        (true, false) => Way::Immutable,
    })
}

const LONE_WAL: &str = "its -wal file holds events and the -shm index is missing";
const HOT_JOURNAL: &str = "a writer stopped in the middle of a transaction, which has to be \
                           rolled back";
const NO_INDEX: &str = "its -shm index cannot be used without writing to it";

/// The next way to try after SQLite refused one.
fn fallback(way: &Way, refused: &Refused) -> Option<Way> {
    let Refused::BySqlite(error) = refused else {
        return None;
    };
    match (way, extended_code(error)) {
        (Way::ReadOnly, ffi::SQLITE_READONLY_ROLLBACK) => Some(Way::Copy(HOT_JOURNAL)),
        (Way::SharedIndex, code)
            if matches!(code & 0xff, ffi::SQLITE_READONLY | ffi::SQLITE_CANTOPEN) =>
        {
            Some(Way::Copy(NO_INDEX))
        }
        _ => None,
    }
}

fn explain(path: &Path, real: &Path, refused: Refused) -> LogError {
    let error = match refused {
        Refused::BySqlite(error) => error,
        Refused::Otherwise(error) => return error,
    };
    let file = path.display();
    if extended_code(&error) & 0xff == ffi::SQLITE_CORRUPT
        && let Some((pages, page_size, len)) = missing_pages(real)
    {
        return LogError::new(format!(
            "{file} is cut off: its header tells of {pages} pages of {page_size} bytes, and the \
             file has only {len} bytes; copy it again, or read a backup"
        ));
    }
    LogError::sqlite(path, &error)
}

fn missing_pages(real: &Path) -> Option<(u64, u64, u64)> {
    let header = snapshot::header(real)
        .ok()
        .filter(|header| header.len() == 100)?;
    let len = fs::metadata(real).ok()?.len();
    let page_size = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        size => u64::from(size),
    };
    let pages = u64::from(u32::from_be_bytes([
        header[28], header[29], header[30], header[31],
    ]));
    (pages * page_size > len).then_some((pages, page_size, len))
}

fn not_a_database(path: &Path, header: &[u8]) -> String {
    let file = path.display();
    let begins = header.trim_ascii_start();
    if header.starts_with(&[0x1f, 0x8b]) {
        format!("{file} is compressed with gzip; unpack it first")
    } else if begins.starts_with(b"{") {
        format!("{file} is not an SQLite database but looks like JSON Lines; name it `.jsonl`")
    } else {
        format!(
            "{file} is not an SQLite database (it begins with `{}`), or it is encrypted; decrypt \
             it into a copy first",
            header[..header.len().min(16)].escape_ascii()
        )
    }
}

/// The path as an SQLite URI; every byte that has a meaning there is escaped.
fn uri(path: &Path, parameters: &str) -> String {
    let mut text = String::from("file:");
    for &byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'~' => text.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => text.push(char::from(byte)),
            byte => text.push_str(&format!("%{byte:02x}")),
        }
    }
    text.push('?');
    text.push_str(parameters);
    text
}

#[cfg(test)]
#[path = "open_tests.rs"]
mod tests;
