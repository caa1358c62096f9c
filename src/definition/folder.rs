//! Which files hold definitions: `*.yaml` and `*.yml` under the given paths, in order of their
//! paths, each once however it is reached.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::definition::fault::{self, Fault};
use crate::definition::file::reason;

/// A definitions file.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// As reached from where the tool runs.
    pub(crate) path: PathBuf,
    /// Relative to the folder that was given, with `/` between the parts.
    pub(crate) relative: String,
    /// Its folder with every link resolved, by which scopes are told apart.
    pub(crate) folder: PathBuf,
}

/// Every definitions file under these paths, and what could not be looked into.
pub(crate) fn find(paths: &[PathBuf]) -> (Vec<Found>, Vec<Fault>) {
    let mut search = Search::default();
    for path in paths {
        match fs::metadata(path) {
            Err(error) => search.unreadable(path, &error),
            Ok(facts) if facts.is_dir() => search.folder(path, ""),
            Ok(_) => {
                let name = path
                    .file_name()
                    .unwrap_or(path.as_os_str())
                    .to_string_lossy();
                search.file(path, &name);
            }
        }
    }
    search.found.sort_by(|one, other| one.path.cmp(&other.path));
    (search.found, search.faults)
}

#[derive(Default)]
struct Search {
    found: Vec<Found>,
    faults: Vec<Fault>,
    /// Files and folders met, links resolved; what leads back into one is not followed again.
    met: BTreeSet<PathBuf>,
}

impl Search {
    fn folder(&mut self, path: &Path, relative: &str) {
        match fs::canonicalize(path) {
            Ok(real) => {
                if !self.met.insert(real) {
                    return;
                }
            }
            Err(error) => return self.unreadable(path, &error),
        }
        let entries = match fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>) {
            Ok(entries) => entries,
            Err(error) => return self.unreadable(path, &error),
        };
        let mut names: Vec<_> = entries.into_iter().map(|entry| entry.file_name()).collect();
        names.sort();
        for name in names {
            let label = name.to_string_lossy();
            if label.starts_with('.') {
                continue;
            }
            let path = path.join(&name);
            let relative = if relative.is_empty() {
                label.to_string()
            } else {
                format!("{relative}/{label}")
            };
            match fs::metadata(&path) {
                Ok(facts) if facts.is_dir() => self.folder(&path, &relative),
                Ok(facts) if facts.is_file() && is_yaml(&path) => self.file(&path, &relative),
                Ok(_) => {}
                Err(error) if is_yaml(&path) => self.unreadable(&path, &error),
                // A link that leads nowhere concerns the definitions only if it looks like one.
                Err(_) => {}
            }
        }
    }

    fn file(&mut self, path: &Path, relative: &str) {
        if relative.ends_with(".case.yaml") || relative.ends_with(".case.yml") {
            return;
        }
        match fs::canonicalize(path) {
            Ok(real) => {
                let folder = real.parent().unwrap_or(Path::new("")).to_owned();
                if self.met.insert(real) {
                    let relative = relative.to_owned();
                    self.found.push(Found {
                        path: path.to_owned(),
                        relative,
                        folder,
                    });
                }
            }
            Err(error) => self.unreadable(path, &error),
        }
    }

    fn unreadable(&mut self, path: &Path, error: &std::io::Error) {
        let message = format!("cannot read `{}`: {}", path.display(), reason(error));
        self.faults
            .push(Fault::fatal(fault::UNREADABLE, None, message));
    }
}

fn is_yaml(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "yaml" || extension == "yml")
}
