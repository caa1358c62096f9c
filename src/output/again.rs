//! The same run in other words: command lines that can be copied and typed as they stand.

use std::path::{Path, PathBuf};

use crate::definition::settings::AsOf;
use crate::finding::Next;
use crate::output::escape;

/// What was typed and has to be typed again to look at the same thing.
#[derive(Debug, Clone, Default)]
pub struct Again {
    /// The definitions' paths; empty where the default was taken.
    pub paths: Vec<PathBuf>,
    /// `--log`
    pub log: Option<PathBuf>,
    /// `--as-of`
    pub as_of: Option<AsOf>,
}

/// The commands that take paths and a log; others are typed without.
const READ_A_LOG: [&str; 8] = [
    "audit",
    "list",
    "show",
    "state",
    "diff",
    "plan",
    "retry",
    "compensate",
];

impl Again {
    fn is_empty(&self) -> bool {
        self.paths.is_empty() && self.log.is_none() && self.as_of.is_none()
    }

    /// A command line for a POSIX shell that looks at the same log; nothing in it acts on a
    /// terminal.
    ///
    /// `None` where no command line can say it: no argument can hold a NUL.
    pub fn line(&self, arguments: &[String]) -> Option<String> {
        self.with_options(arguments, &[])
    }

    /// The command line of what a finding says to do next, as [`Again::line`].
    pub fn next(&self, next: &Next) -> Option<String> {
        self.with_options(&next.arguments, &next.options)
    }

    /// The command that says whether the action with this key was done; `journal` is where it stands.
    pub fn settle(&self, key: &str, journal: &Path) -> Option<String> {
        let words = ["journal", "settle"].map(str::to_owned);
        let line = Again::default().line(&words)?;
        let (key, journal) = (quote(key.as_bytes())?, option("--journal", bytes(journal))?);
        Some(format!("{line} {key} {journal}"))
    }

    fn with_options(&self, arguments: &[String], own: &[(&'static str, String)]) -> Option<String> {
        let (command, positional) = arguments.split_first()?;
        if !READ_A_LOG.contains(&command.as_str()) && !self.is_empty() {
            return Again::default().with_options(arguments, own);
        }
        let mut options = Vec::new();
        for (name, value) in own {
            options.push(option(name, value.as_bytes())?);
        }
        if let Some(log) = &self.log {
            options.push(option("--log", bytes(log))?);
        }
        if let Some(as_of) = self.as_of {
            let when = match as_of {
                AsOf::End => "end".to_owned(),
                AsOf::Now => "now".to_owned(),
                AsOf::Instant(instant) => instant.to_string(),
            };
            options.push(option("--as-of", when.as_bytes())?);
        }
        let given: Vec<&[u8]> = positional
            .iter()
            .filter(|word| *word != "--")
            .map(String::as_bytes)
            .chain(self.paths.iter().map(|path| bytes(path)))
            .collect();
        let dashed = given.iter().any(|word| word.starts_with(b"-"));
        let given: Vec<String> = given.into_iter().map(quote).collect::<Option<_>>()?;

        let mut words = vec!["sagactl".to_owned(), quote(command.as_bytes())?];
        if dashed {
            words.extend(options);
            words.push("--".to_owned());
            words.extend(given);
        } else {
            words.extend(given);
            words.extend(options);
        }
        Some(words.join(" "))
    }
}

fn option(name: &str, value: &[u8]) -> Option<String> {
    let separator = if value.starts_with(b"-") { '=' } else { ' ' };
    Some(format!("{name}{separator}{}", quote(value)?))
}

fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

/// One word for the shell; what would act on the terminal is written as `$'\x1b'`, which bash, zsh
/// and ksh read.
fn quote(word: &[u8]) -> Option<String> {
    if word.contains(&0) {
        return None;
    }
    if let Ok(text) = std::str::from_utf8(word)
        && !text.chars().any(escape::acts)
    {
        return shlex::try_quote(text)
            .ok()
            .map(|quoted| quoted.into_owned());
    }
    let mut quoted = String::from("$'");
    for chunk in word.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\'' | '\\' => quoted.extend(['\\', character]),
                plain if !escape::acts(plain) => quoted.push(plain),
                acting => {
                    let mut buffer = [0; 4];
                    quoted.extend(acting.encode_utf8(&mut buffer).bytes().map(hexadecimal));
                }
            }
        }
        quoted.extend(chunk.invalid().iter().copied().map(hexadecimal));
    }
    quoted.push('\'');
    Some(quoted)
}

fn hexadecimal(byte: u8) -> String {
    format!("\\x{byte:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(id: &str, again: &Again) -> Option<String> {
        again.line(&["show".to_owned(), id.to_owned()])
    }

    #[test]
    fn the_run_is_repeated_word_for_word() {
        let again = Again {
            paths: vec!["sagas/my shop".into()],
            log: Some("-x.db".into()),
            as_of: Some(AsOf::Now),
        };
        assert_eq!(
            show("order-1", &again).as_deref(),
            Some("sagactl show order-1 'sagas/my shop' --log=-x.db --as-of now")
        );
        assert_eq!(
            show("-rf", &again).as_deref(),
            Some("sagactl show --log=-x.db --as-of now -- -rf 'sagas/my shop'")
        );
        assert_eq!(
            again
                .line(&["explain".to_owned(), "log/gap".to_owned()])
                .as_deref(),
            Some("sagactl explain log/gap")
        );
        assert_eq!(
            show("o", &Again::default()).as_deref(),
            Some("sagactl show o")
        );
    }

    #[test]
    fn a_hostile_id_stays_one_harmless_word() {
        let again = Again::default();
        for (id, word) in [
            ("$(reboot)", "'$(reboot)'"),
            ("it's; ls", "\"it's; ls\""),
            ("", "''"),
            ("a\nb", "$'a\\x0ab'"),
            ("\u{1b}]0;x'\\", "$'\\x1b]0;x\\'\\\\'"),
            ("a\u{202e}b", "$'a\\xe2\\x80\\xaeb'"),
        ] {
            assert_eq!(show(id, &again), Some(format!("sagactl show {word}")));
        }
        assert_eq!(show("a\0b", &again), None);
    }
}
