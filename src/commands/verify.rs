//! `sagactl verify`

use std::thread;
use std::time::{Duration, Instant};

use crate::cli::ReportFormat;
use crate::cli::recovery::VerifyArgs;
use crate::commands::apply::{journal_of, read, refuse};
use crate::commands::session::Session;
use crate::commands::terminal::{Target, Terminal};
use crate::event::Timestamp;
use crate::exit::Exit;
use crate::inspect::RunError;
use crate::output::recovered;
use crate::recovery::journal::Journal;
use crate::recovery::verify::{self, Verdict, VerifyError};
use crate::recovery::watch::Watch;

/// How often it looks again.
const LOOK: Duration = Duration::from_millis(500);

/// Tells whether a plan took.
pub(super) fn run(args: &VerifyArgs, terminal: &Terminal, now: Timestamp) -> anyhow::Result<Exit> {
    let plan = match read(&args.plan)? {
        Ok(plan) => plan,
        Err(refused) => {
            let target = Target::to(args.source.output.as_deref());
            return refuse(&refused, args.format, &target, terminal);
        }
    };
    let mut session = Session::open(&args.paths, &args.source, terminal, now)?;
    session.protect(&args.plan);
    if plan.definitions != session.definitions.hash {
        terminal.note("the definitions changed since the plan was made");
    }
    session.target().prepare()?;
    let found = journal_of(&plan, &session, args.journal.as_ref()).and_then(|path| {
        let journal = match args.journal {
            None => Journal::found(&path)?,
            Some(_) => Some(Journal::read(&path)?),
        };
        Ok((path, journal))
    });
    let (path, journal) = match found {
        Ok(found) => found,
        Err(refused) => return refuse(&refused, args.format, &session.target(), terminal),
    };
    let within = args.within.map_or(0, |span| span.as_nanos());
    let within = Duration::from_nanos(u64::try_from(within).unwrap_or(0));
    let source = (&session.definitions, &session.options);
    let start = Instant::now();
    let (verified, is_interrupted) = session.over_plan(&plan, |watch: Watch<'_>| {
        let mut before = None;
        loop {
            let verified = match verify::verify(&plan, source, journal.as_ref(), watch) {
                // What was seen a moment ago is worth more than nothing.
                Err(VerifyError::Log(RunError::Interrupted(at))) => {
                    return before.ok_or(VerifyError::Log(RunError::Interrupted(at)));
                }
                verified => verified?,
            };
            let waits = verified.iter().any(|item| item.verdict.may_settle());
            if !waits || start.elapsed() >= within || (watch.stops)() {
                return Ok(verified);
            }
            before = Some(verified);
            thread::sleep(LOOK);
        }
    })?;
    let verified = verified?;
    let target = session.target();
    let settling = |key: &str| session.again.settle(key, &path);
    match args.format {
        ReportFormat::Table => terminal.page(&target, |page| {
            recovered::verified(page, &verified, &settling)
        }),
        ReportFormat::Json => terminal.deliver(&target, |out| recovered::document(out, &verified)),
        ReportFormat::Jsonl => terminal.deliver(&target, |out| recovered::jsonl(out, &verified)),
    }?;
    if is_interrupted {
        terminal.note("interrupted; this is what the log said last");
    }
    let is_confirmed = verified
        .iter()
        .all(|item| item.verdict == Verdict::Confirmed);
    Ok(if is_confirmed {
        Exit::Clean
    } else {
        Exit::Findings
    })
}
