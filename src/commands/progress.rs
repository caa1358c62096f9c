//! How far a run has come, and whether it shall go on.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context;
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use signal_hook::consts::SIGINT;

use crate::inspect::{Go, Progress};
use crate::recovery::watch;

/// Work that is over sooner draws nothing.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often a bar is drawn anew while nothing is told.
const TICK: Duration = Duration::from_millis(250);

/// A bar on stderr that appears when the work takes long, and the ear for Ctrl-C.
#[derive(Debug)]
pub(super) struct Meter {
    bar: ProgressBar,
    draws: bool,
    drawn: AtomicBool,
    interrupted: Arc<AtomicBool>,
}

/// What a bar counts.
#[derive(Debug, Clone, Copy)]
pub(super) enum Counts {
    /// Rows of a log, of which there are about so many.
    Events,
    /// So many instances of a plan.
    Instances(usize),
}

impl Counts {
    const fn template(self) -> &'static str {
        match self {
            Counts::Events => {
                "{bar:30} {percent:>3}%  {human_pos} of about {human_len} events  {per_sec}  {eta} left"
            }
            Counts::Instances(_) => {
                "{bar:30} {percent:>3}%  {human_pos} of {human_len} instances  {msg}{elapsed}{left}"
            }
        }
    }
}

/// The flag that the process's first Ctrl-C raises; there is one, as there is one user.
static RAISED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// That flag; from here on the first Ctrl-C raises it and the second one kills.
fn listen() -> anyhow::Result<Arc<AtomicBool>> {
    if let Some(raised) = RAISED.get() {
        return Ok(Arc::clone(raised));
    }
    let raised = Arc::new(AtomicBool::new(false));
    // In this order: the first signal finds the flag down.
    signal_hook::flag::register_conditional_default(SIGINT, Arc::clone(&raised))
        .and_then(|_| signal_hook::flag::register(SIGINT, Arc::clone(&raised)))
        .context("cannot listen for Ctrl-C")?;
    Ok(Arc::clone(RAISED.get_or_init(|| raised)))
}

/// Whether the user pressed Ctrl-C, in whatever part of the work it was.
pub(super) fn is_interrupted() -> bool {
    let raised = RAISED.get();
    raised.is_some_and(|raised| raised.load(Ordering::Relaxed))
}

impl Meter {
    /// Starts counting the time; from here on the first Ctrl-C stops the run in an orderly way and
    /// the second one kills.
    pub(super) fn start(draws: bool, counts: Counts) -> anyhow::Result<Meter> {
        let interrupted = listen()?;
        let style = ProgressStyle::with_template(counts.template())?.with_key(
            "left",
            |state: &ProgressState, text: &mut dyn fmt::Write| {
                // Before anything is done nobody knows, and the bar cannot say so.
                if state.pos() > 0 {
                    let _: fmt::Result = write!(text, ", {:#} left", HumanDuration(state.eta()));
                }
            },
        );
        let length = match counts {
            Counts::Events => None,
            Counts::Instances(of) => Some(of as u64),
        };
        let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::hidden());
        bar.set_style(style);
        Ok(Meter {
            bar,
            draws,
            drawn: AtomicBool::new(false),
            interrupted,
        })
    }

    /// Takes note of the progress; the answer is the user's.
    pub(super) fn tell(&self, progress: Progress) -> Go {
        self.draw(progress.rows, progress.of.max(progress.rows));
        if self.stops() { Go::Stop } else { Go::On }
    }

    /// Takes note of how far a plan has come.
    pub(super) fn tell_of_plan(&self, progress: watch::Progress) {
        let watch::Progress {
            instances,
            of,
            done,
            other,
        } = progress;
        let mut message = String::new();
        if done + other > 0 {
            message.push_str(&format!("actions done: {done}  "));
        }
        if other > 0 {
            message.push_str(&format!("not done: {other}  "));
        }
        self.bar.set_message(message);
        self.draw(instances as u64, of as u64);
    }

    /// Draws the bar once the work takes long, though nothing be told of it, until `end` is closed.
    pub(super) fn keep_drawn(&self, end: &Receiver<()>) {
        let is_long = end.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout);
        if self.draws && is_long {
            self.appear();
            while end.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                self.bar.tick();
            }
        }
    }

    /// Whether the user wants it to stop.
    pub(super) fn stops(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    fn draw(&self, position: u64, length: u64) {
        if self.draws && self.bar.elapsed() >= PATIENCE {
            self.bar.set_length(length);
            self.bar.set_position(position);
            self.appear();
        }
    }

    fn appear(&self) {
        if !self.drawn.swap(true, Ordering::Relaxed) {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }

    /// Takes the bar away; answers how long it took.
    pub(super) fn finish(&self) -> Duration {
        self.bar.finish_and_clear();
        self.bar.elapsed()
    }
}
