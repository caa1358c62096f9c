//! Private copies of databases that cannot be read in place, and proof that a file stood still.

use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::error::LogError;

/// File systems stamp changes with a clock that ticks this slowly: a file changed more recently
/// could change again without its stamp changing.
const CLOCK_TICK: Duration = Duration::from_millis(25);

const ATTEMPTS: usize = 5;

/// What a database file looked like at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamp {
    len: u64,
    modified: Option<SystemTime>,
    header: Vec<u8>,
    companions: [Option<(u64, Option<SystemTime>)>; 2],
}

impl Stamp {
    /// Looks at the file, after waiting until its last change is old enough to be told from the
    /// next one.
    pub(crate) fn settled(database: &Path) -> io::Result<Stamp> {
        let mut stamp = Stamp::of(database)?;
        for _ in 0..4 {
            let newest = stamp
                .companions
                .iter()
                .flatten()
                .filter_map(|(_, modified)| *modified)
                .chain(stamp.modified)
                .max();
            let fresh = newest
                .and_then(|modified| SystemTime::now().duration_since(modified).ok())
                .is_some_and(|age| age < CLOCK_TICK);
            if !fresh {
                break;
            }
            std::thread::sleep(CLOCK_TICK);
            stamp = Stamp::of(database)?;
        }
        Ok(stamp)
    }

    /// Looks at the file now.
    pub(crate) fn of(database: &Path) -> io::Result<Stamp> {
        let meta = fs::metadata(database)?;
        let header = header(database)?;
        let companion = |suffix| {
            fs::metadata(beside(database, suffix))
                .ok()
                .filter(|meta| meta.len() > 0)
                .map(|meta| (meta.len(), meta.modified().ok()))
        };
        Ok(Stamp {
            len: meta.len(),
            modified: meta.modified().ok(),
            header,
            companions: [companion("-wal"), companion("-journal")],
        })
    }
}

/// The first 100 bytes of the file, or all of a shorter one.
pub(crate) fn header(database: &Path) -> io::Result<Vec<u8>> {
    let read = |mut file: &File| {
        let mut header = Vec::with_capacity(100);
        file.rewind()?;
        file.take(100).read_to_end(&mut header)?;
        Ok(header)
    };
    kept::with(database, read)
}

/// POSIX drops every lock that a process holds on a file as soon as it closes any of its handles to
/// that file, so that looking at a header could unlock a database that SQLite is reading. The
/// handles for that are therefore kept open, one for each file that still exists.
#[cfg(unix)]
mod kept {
    use std::fs::{self, File};
    use std::io;
    use std::os::unix::fs::MetadataExt;
    use std::path::Path;
    use std::sync::{Mutex, PoisonError};

    static FILES: Mutex<Vec<File>> = Mutex::new(Vec::new());

    pub(super) fn with<T>(path: &Path, read: impl Fn(&File) -> io::Result<T>) -> io::Result<T> {
        let mut files = FILES.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = fs::metadata(path)?;
        let same = |file: &File| {
            file.metadata()
                .is_ok_and(|known| (known.dev(), known.ino()) == (wanted.dev(), wanted.ino()))
        };
        if let Some(file) = files.iter().find(|file| same(file)) {
            return read(file);
        }
        files.retain(|file| file.metadata().is_ok_and(|known| known.nlink() > 0));
        let file = File::open(path)?;
        let result = read(&file);
        files.push(file);
        result
    }
}

#[cfg(not(unix))]
mod kept {
    use std::fs::File;
    use std::io;
    use std::path::Path;

    pub(super) fn with<T>(path: &Path, read: impl Fn(&File) -> io::Result<T>) -> io::Result<T> {
        read(&File::open(path)?)
    }
}

/// The file that SQLite keeps beside `database` under its name and `suffix`.
pub(crate) fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Copies the database and its `-wal` and `-journal` into a folder of our own; only a copy during
/// which nothing changed is given back.
pub(crate) fn copy(shown: &Path, database: &Path) -> Result<(TempDir, PathBuf), LogError> {
    let file = shown.display();
    let failed = |error: io::Error| {
        LogError::new(format!(
            "{file} must be copied to be read, which failed ({error}); point TMPDIR at a folder \
             with enough room"
        ))
    };
    let folder = tempfile::Builder::new()
        .prefix("sagactl-")
        .tempdir()
        .map_err(failed)?;
    let target = folder.path().join("log.db");
    for _ in 0..ATTEMPTS {
        let before = Stamp::settled(database).map_err(failed)?;
        fs::copy(database, &target).map_err(failed)?;
        for suffix in ["-wal", "-journal"] {
            let copied = beside(&target, suffix);
            match fs::copy(beside(database, suffix), &copied) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    match fs::remove_file(&copied) {
                        Err(error) if error.kind() != io::ErrorKind::NotFound => {
                            return Err(failed(error));
                        }
                        _ => {}
                    }
                }
                Err(error) => return Err(failed(error)),
            }
        }
        if Stamp::of(database).map_err(failed)? == before {
            make_writable(&target).map_err(failed)?;
            return Ok((folder, target));
        }
    }
    Err(LogError::new(format!(
        "{file} changed each time while it was copied: its writer keeps it locked for itself; \
         run again when that has stopped, or read a copy made with `sqlite3 {file} .backup`"
    )))
}

/// The copy takes over the permissions of a file that may be read-only; recovery has to write.
fn make_writable(copied: &Path) -> io::Result<()> {
    for suffix in ["", "-wal", "-journal"] {
        let path = beside(copied, suffix);
        if path.exists() {
            let contents = fs::OpenOptions::new().write(true).open(&path);
            if contents.is_err() {
                let mut permissions = fs::metadata(&path)?.permissions();
                set_owner_writable(&mut permissions);
                fs::set_permissions(&path, permissions)?;
            }
        }
    }
    Ok(())
}

#[cfg(unix)]
fn set_owner_writable(permissions: &mut fs::Permissions) {
    use std::os::unix::fs::PermissionsExt;
    permissions.set_mode(0o600);
}

#[cfg(not(unix))]
#[expect(
    clippy::permissions_set_readonly_false,
    reason = "it is our own temporary copy"
)]
fn set_owner_writable(permissions: &mut fs::Permissions) {
    permissions.set_readonly(false);
}
