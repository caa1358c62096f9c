//! What every command that reads a log does first: load the definitions, settle the options.

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::anyhow;

use crate::brief;
use crate::cli::{PathArgs, Size, SourceArgs};
use crate::commands::check;
use crate::commands::progress::{Counts, Meter};
use crate::commands::terminal::{Target, Terminal};
use crate::definition::{self, Definitions, Unusable};
use crate::event::{Span, Timestamp};
use crate::inspect::{self, Options, Progress, RunError};
use crate::output::again::Again;
use crate::recovery::PlanV1;
use crate::recovery::watch::Watch;
use crate::report::{Beyond, LogSummary, Memory};
use crate::rules;

/// What was measured; more would take more of the machine than an audit may ask for unbidden.
const MOST_THREADS: usize = 2;
/// A read this long is worth a word: it keeps a live log's WAL from shrinking.
const LONG_READ: Duration = Duration::from_secs(10);

/// A run about to begin.
#[derive(Debug)]
pub(super) struct Session {
    /// What to judge by.
    pub(super) definitions: Definitions,
    /// How.
    pub(super) options: Options,
    /// How to type it again.
    pub(super) again: Again,
    /// The files that the run reads, never to be overwritten.
    inputs: Vec<PathBuf>,
    output: Option<PathBuf>,
    draws: bool,
}

impl Session {
    /// Loads the definitions; filters are the command's to set.
    pub(super) fn open(
        paths: &PathArgs,
        source: &SourceArgs,
        terminal: &Terminal,
        now: Timestamp,
    ) -> anyhow::Result<Session> {
        let given = paths.or_default();
        let definitions = load(&given, terminal)?;
        for file in &definitions.files {
            terminal.detail(format_args!("read {}", file.display()));
        }
        if !definitions.lints.is_empty() {
            terminal.note(format_args!(
                "{} about the definitions themselves: see `sagactl check`",
                brief::count(definitions.lints.len() as u64, "remark", "remarks")
            ));
        }
        let logs = definitions
            .scopes
            .iter()
            .filter_map(|scope| scope.log.as_ref()?.database.clone());
        Ok(Session {
            inputs: definitions
                .files
                .iter()
                .cloned()
                .chain(logs)
                .chain(source.log.clone())
                .collect(),
            options: Options {
                log: source.log.clone(),
                as_of: source.as_of,
                threads: source.threads.unwrap_or_else(available),
                ..Options::new(now)
            },
            again: Again {
                paths: paths.paths.clone(),
                log: source.log.clone(),
                as_of: source.as_of,
            },
            output: source.output.clone(),
            draws: terminal.draws() && !source.no_progress,
            definitions,
        })
    }

    /// Makes sure that the steps that were typed are some saga's.
    pub(super) fn knows_steps(&self, steps: &[String]) -> Result<(), RunError> {
        inspect::steps(&self.definitions, &self.options, steps)
    }

    /// Keeps a file that the command reads beside definitions and logs from being overwritten.
    pub(super) fn protect(&mut self, file: &Path) {
        self.inputs.push(file.to_owned());
    }

    /// Where the result goes.
    pub(super) fn target(&self) -> Target<'_> {
        Target {
            file: self.output.as_deref(),
            inputs: &self.inputs,
        }
    }

    /// Where something else is written.
    pub(super) fn target_at<'a>(&'a self, file: &'a Path) -> Target<'a> {
        Target {
            file: Some(file),
            inputs: &self.inputs,
        }
    }

    /// Runs what reads the log, with a progress bar and an ear for Ctrl-C.
    pub(super) fn run<T>(
        &self,
        terminal: &Terminal,
        work: impl FnOnce(&Definitions, &Options, inspect::Watch<'_>) -> Result<T, RunError>,
    ) -> anyhow::Result<T> {
        let meter = Meter::start(self.draws, Counts::Events)?;
        let result = work(&self.definitions, &self.options, &|progress: Progress| {
            meter.tell(progress)
        });
        let took = meter.finish();
        let span = Span::from_nanos(i64::try_from(took.as_nanos()).unwrap_or(i64::MAX));
        if took >= LONG_READ {
            terminal.note(format_args!(
                "the log was read for {span}; a live log's WAL cannot shrink meanwhile"
            ));
        } else {
            terminal.detail(format_args!("the log was read in {span}"));
        }
        Ok(result?)
    }

    /// Does what sees to the instances of a plan one after the other, with the same bar and ear;
    /// answers whether it was interrupted, too.
    pub(super) fn over_plan<T>(
        &self,
        plan: &PlanV1,
        work: impl FnOnce(Watch<'_>) -> T,
    ) -> anyhow::Result<(T, bool)> {
        let meter = Meter::start(self.draws, Counts::Instances(plan.instances.len()))?;
        let (ended, end) = mpsc::channel();
        let result = thread::scope(|scope| {
            scope.spawn(|| {
                let end = end;
                meter.keep_drawn(&end);
            });
            let _ended = ended;
            work(Watch {
                stops: &|| meter.stops(),
                told: &|progress| meter.tell_of_plan(progress),
            })
        });
        meter.finish();
        Ok((result, meter.stops()))
    }
}

/// Tells how a cap on memory was held.
pub(super) fn tell_passes<'l>(logs: impl IntoIterator<Item = &'l LogSummary>, terminal: &Terminal) {
    for log in logs {
        let Some(Memory {
            cap,
            held,
            passes,
            beyond,
        }) = log.memory
        else {
            continue;
        };
        let (name, cap, kept) = (&log.name, Size(cap), Size(held));
        let times = brief::count(passes.into(), "pass", "passes");
        let reason = beyond.map(|beyond| match beyond {
            Beyond::Whole => "what joins many keys cannot be divided",
            Beyond::Keys => "what belongs to one key cannot be divided",
            Beyond::Passes => "that is the most in which a log is read",
        });
        if let Some(reason) = reason {
            terminal.note(format_args!(
                "log {name}: {kept} were kept at once, more than {cap}, in {times}: {reason}"
            ));
        } else if passes > 1 {
            terminal.note(format_args!(
                "log {name}: read in {passes} passes to keep no more than {cap} at once"
            ));
        } else {
            terminal.detail(format_args!("log {name}: {kept} were kept at once"));
        }
    }
}

/// The definitions; or everything that is wrong with them, drawn on stderr.
pub(super) fn load(paths: &[PathBuf], terminal: &Terminal) -> anyhow::Result<Definitions> {
    definition::load(paths, &rules::names()).map_err(|unusable| {
        let Unusable {
            faults,
            files,
            texts,
        } = unusable;
        terminal.drawn(&check::render(
            &faults,
            &files,
            &texts,
            true,
            terminal.width(),
        ));
        anyhow!("the definitions cannot be used; mend what is marked above")
    })
}

fn available() -> usize {
    thread::available_parallelism()
        .map_or(1, usize::from)
        .min(MOST_THREADS)
}
