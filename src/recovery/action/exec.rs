//! Runs a program: no shell, the instance as JSON on its stdin, killed with its children when its
//! time is up.
//!
//! Two things outlive that: a child that moved to a process group of its own (`setsid`) is not reached
//! by the kill, and a program whose tool was itself killed (`kill -9`) runs on with nobody to see it. On
//! Unix only code between fork and exec could tie the one to the other, and none of that is safe Rust.
//! So both end as unknown: what is not idempotent is never run again unasked, and what is declared so
//! has to bear a second run beside the first.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

#[cfg(windows)]
use process_wrap::std::JobObject;
#[cfg(unix)]
use process_wrap::std::ProcessGroup;
use process_wrap::std::{ChildWrapper, CommandWrap};

use crate::expression::template::Secrets;
use crate::finding::Direction;
use crate::recovery::action::secret::{self, MOST_ANSWER};
use crate::recovery::action::{Attempt, Order, duration};

/// The exit code that asks to be tried again: `EX_TEMPFAIL` of `sysexits.h`.
const TRY_AGAIN: i32 = 75;
/// The longest pause between two looks whether it ended.
const LOOK: Duration = Duration::from_millis(20);

/// Runs `arguments` in `folder`.
pub(super) fn run(order: Order<'_>, arguments: &[String], folder: &Path) -> Attempt {
    let Some((program, rest)) = arguments.split_first() else {
        return Attempt::Failed("no program is named".to_owned());
    };
    // Files and not pipes: a child left behind that keeps a pipe open cannot hold anything up.
    let (mut child, mut output) = match start(order, program, rest, folder) {
        Ok(started) => started,
        Err(error) => return Attempt::Failed(format!("cannot run `{program}`: {error}")),
    };
    let limit = duration(order.action.timeout);
    let ended = wait(child.as_mut(), limit);
    let printed = printed(&mut output, order.secrets).unwrap_or_default();
    let told = |what: String| match printed.trim() {
        "" => what,
        printed => format!("{what}: {printed}"),
    };
    match ended {
        Ok(Some(status)) => match status.code() {
            Some(0) => Attempt::Done(told("exit 0".to_owned())),
            Some(TRY_AGAIN) => Attempt::Again {
                why: told(format!("exit {TRY_AGAIN}")),
                pause: None,
            },
            Some(code) => Attempt::Failed(told(format!("exit {code}"))),
            None => Attempt::Unknown(told(format!("ended by a signal ({status})"))),
        },
        Ok(None) => {
            let limit = order.action.timeout;
            Attempt::Unknown(told(format!("killed after {limit}")))
        }
        Err(error) => Attempt::Unknown(told(format!("it cannot be waited for: {error}"))),
    }
}

fn start(
    order: Order<'_>,
    program: &str,
    rest: &[String],
    folder: &Path,
) -> io::Result<(Box<dyn ChildWrapper>, File)> {
    let mut input = tempfile::tempfile()?;
    input.write_all(order.context.to_string().as_bytes())?;
    input.seek(SeekFrom::Start(0))?;
    let output = tempfile::tempfile()?;
    let (out, err) = (output.try_clone()?, output.try_clone()?);
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let program = if program.contains('/') {
        std::path::absolute(folder.join(program))?
    } else {
        program.into()
    };
    let mut command = CommandWrap::with_new(program, |command| {
        command
            .args(rest)
            .current_dir(folder)
            .env("SAGACTL_SAGA", &order.instance.saga)
            .env("SAGACTL_INSTANCE", &order.instance.id)
            .env("SAGACTL_STEP", &order.planned.step)
            .env(
                "SAGACTL_DIRECTION",
                Direction::from(order.planned.direction).label(),
            )
            .env("SAGACTL_KEY", &order.planned.key)
            .stdin(Stdio::from(input))
            .stdout(Stdio::from(out))
            .stderr(Stdio::from(err));
    });
    #[cfg(unix)]
    command.wrap(ProcessGroup::leader());
    #[cfg(windows)]
    command.wrap(JobObject);
    Ok((command.spawn()?, output))
}

/// Waits for the end; `None` where it had to be killed.
fn wait(child: &mut dyn ChildWrapper, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let start = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() >= limit {
            child.start_kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(LOOK);
    }
}

fn printed(output: &mut File, secrets: &Secrets) -> io::Result<String> {
    let mut bytes = Vec::new();
    output.seek(SeekFrom::Start(0))?;
    output.take(MOST_ANSWER).read_to_end(&mut bytes)?;
    Ok(secret::text(&bytes, secrets))
}
