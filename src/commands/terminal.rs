//! The streams: results go to stdout or a file, everything else to stderr.

use std::env;
use std::fmt::Display;
use std::fs;
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use anstream::{AutoStream, ColorChoice, StripStream};
use anyhow::Context;
use tempfile::NamedTempFile;

use crate::cli::{Color, Global};
use crate::output::{Page, escape};

/// What a page is wide where nobody tells.
const WIDTH: usize = 100;

/// Where a command prints, and how.
#[derive(Debug)]
pub(super) struct Terminal {
    color: ColorChoice,
    width: usize,
    quiet: bool,
    verbose: bool,
}

impl Terminal {
    /// What the flags and the environment say.
    pub(super) fn new(global: &Global) -> Terminal {
        let asked = env::var("COLUMNS")
            .ok()
            .and_then(|text| text.trim().parse().ok());
        let seen =
            || terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| width.0.into());
        Terminal {
            color: match global.color {
                Color::Auto => ColorChoice::Auto,
                Color::Always => ColorChoice::Always,
                Color::Never => ColorChoice::Never,
            },
            width: asked
                .filter(|width| *width > 0)
                .or_else(seen)
                .unwrap_or(WIDTH),
            quiet: global.quiet,
            verbose: global.verbose,
        }
    }

    /// How wide a page is.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Whether a progress bar would be seen and is not unwanted.
    pub(super) fn draws(&self) -> bool {
        !self.quiet && io::stderr().is_terminal() && env::var_os("CI").is_none()
    }

    /// Prints a result to stdout, or to a file that appears complete or not at all.
    ///
    /// A reader who closed the pipe has seen what it wanted; that is no failure.
    pub(super) fn deliver(
        &self,
        target: &Target<'_>,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> anyhow::Result<()> {
        match target.file {
            Some(path) => {
                target.guard(path)?;
                let strips = self.color != ColorChoice::Always;
                write_file(path, |sink| {
                    if strips {
                        write(&mut StripStream::new(sink))
                    } else {
                        write(sink)
                    }
                })
            }
            None => {
                let stdout = io::stdout();
                let strips = match self.color {
                    ColorChoice::Auto => AutoStream::choice(&stdout) == ColorChoice::Never,
                    choice => choice == ColorChoice::Never,
                };
                let mut sink: Box<dyn Write> = Box::new(BufWriter::new(stdout.lock()));
                if strips {
                    sink = Box::new(StripStream::new(sink));
                }
                match write(&mut sink).and_then(|()| sink.flush()) {
                    Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                        Err(error).context("cannot write to stdout")
                    }
                    _ => Ok(()),
                }
            }
        }
    }

    /// The same for people: a page as wide as the terminal.
    pub(super) fn page(
        &self,
        target: &Target<'_>,
        write: impl FnOnce(&mut Page<'_>) -> io::Result<()>,
    ) -> anyhow::Result<()> {
        self.deliver(target, |out| write(&mut Page::new(out, self.width)))
    }

    /// Tells something beside the result, unless it shall be quiet.
    pub(super) fn note(&self, text: impl Display) {
        if !self.quiet {
            self.say("", &text.to_string());
        }
    }

    /// Tells what only the curious want to know.
    pub(super) fn detail(&self, text: impl Display) {
        if self.verbose {
            self.note(text);
        }
    }

    /// Tells why there is no result.
    pub(super) fn error(&self, error: &anyhow::Error) {
        let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
        self.say("error: ", &causes.join(": "));
    }

    /// Tells what was drawn already, line breaks and styles and all.
    pub(super) fn drawn(&self, text: &str) {
        let mut stderr = AutoStream::new(io::stderr(), self.color);
        // Nobody is left to tell that stderr is closed.
        let _: io::Result<()> = writeln!(stderr, "{text}");
    }

    fn say(&self, label: &str, text: &str) {
        const ALARM: anstyle::Style = anstyle::AnsiColor::Red.on_default().bold();
        let mut stderr = AutoStream::new(io::stderr(), self.color);
        // Nobody is left to tell that stderr is closed.
        let _: io::Result<()> =
            text.lines()
                .map(escape::terminal)
                .enumerate()
                .try_for_each(|(number, line)| match number {
                    0 if !label.is_empty() => writeln!(stderr, "{ALARM}{label}{ALARM:#}{line}"),
                    _ => writeln!(stderr, "{line}"),
                });
    }
}

/// Where a result goes, and what it must not overwrite.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Target<'a> {
    /// `None` is stdout.
    pub(super) file: Option<&'a Path>,
    /// The run's own logs and definitions.
    pub(super) inputs: &'a [PathBuf],
}

impl<'a> Target<'a> {
    /// Before it is known what the run reads.
    pub(super) fn to(file: Option<&'a Path>) -> Target<'a> {
        Target { file, inputs: &[] }
    }

    /// Refuses to overwrite what the run reads.
    pub(super) fn guard(&self, path: &Path) -> anyhow::Result<()> {
        let Ok(target) = path.canonicalize() else {
            return Ok(());
        };
        let clash = self
            .inputs
            .iter()
            .any(|input| input.canonicalize().is_ok_and(|input| input == target));
        if clash {
            anyhow::bail!(
                "`{}` is an input of this run and is not overwritten",
                path.display()
            );
        }
        Ok(())
    }

    /// Makes sure that the result can be written, before anything is done that has one.
    pub(super) fn prepare(&self) -> anyhow::Result<()> {
        let Some(path) = self.file else {
            return Ok(());
        };
        self.guard(path)?;
        match fs::metadata(path) {
            Ok(there) if is_device(&there) => Ok(()),
            there => draft(path, there.ok()).map(|_| ()),
        }
    }
}

/// Whether a file begins as SQLite's databases do: a log, a journal, an outbox. No result of this
/// program is worth one of them.
fn is_database(path: &Path) -> bool {
    const MAGIC: &[u8] = b"SQLite format 3\0";
    let mut start = [0; MAGIC.len()];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && start == MAGIC
}

/// Whether it is no regular file and no folder: a device, a pipe.
fn is_device(there: &fs::Metadata) -> bool {
    !there.is_file() && !there.is_dir()
}

/// Writes a file beside its place and moves it there once it is complete. What is no regular file
/// (a device, a pipe) is written to as it is.
pub(super) fn write_file(
    path: &Path,
    write: impl FnOnce(&mut (dyn Write + 'static)) -> io::Result<()>,
) -> anyhow::Result<()> {
    let cannot = || format!("cannot write `{}`", path.display());
    let there = fs::metadata(path).ok();
    if there.as_ref().is_some_and(is_device) {
        let mut device = fs::OpenOptions::new()
            .write(true)
            .open(path)
            .with_context(cannot)?;
        return match write(&mut device) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).with_context(cannot),
            _ => Ok(()),
        };
    }
    let (file, place) = draft(path, there)?;
    let mut sink = BufWriter::new(file);
    write(&mut sink)
        .and_then(|()| sink.flush())
        .with_context(cannot)?;
    let file = sink
        .into_inner()
        .map_err(io::IntoInnerError::into_error)
        .with_context(cannot)?;
    file.as_file().sync_all().with_context(cannot)?;
    file.persist(&place)
        .map_err(|error| error.error)
        .with_context(cannot)?;
    Ok(())
}

/// The empty file that is to become the one at `path`, and where that really is.
fn draft(path: &Path, there: Option<fs::Metadata>) -> anyhow::Result<(NamedTempFile, PathBuf)> {
    if there.as_ref().is_some_and(fs::Metadata::is_dir) {
        anyhow::bail!(
            "cannot write `{}`: it is a folder; name a file in it",
            path.display()
        );
    }
    if there.is_some() && is_database(path) {
        anyhow::bail!(
            "`{}` is a SQLite database and is not overwritten",
            path.display()
        );
    }
    // Behind a symbolic link the file is replaced, not the link.
    let place = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let folder = match place.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".sagactl-");
    if let Some(there) = there {
        builder.permissions(there.permissions());
    } else {
        ordinary(&mut builder);
    }
    let file = builder
        .tempfile_in(folder)
        .with_context(|| format!("cannot write `{}`", path.display()))?;
    Ok((file, place))
}

/// What any program would give a new file: all but what the umask forbids.
#[cfg(unix)]
fn ordinary(builder: &mut tempfile::Builder<'_, '_>) {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(fs::Permissions::from_mode(0o666));
}

#[cfg(not(unix))]
fn ordinary(_: &mut tempfile::Builder<'_, '_>) {}
