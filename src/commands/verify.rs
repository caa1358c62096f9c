//! `sagactl verify`

use std::thread;
use std::time::{Duration, Instant};

use anyhow::anyhow;

use crate::cli::ReportFormat;
use crate::cli::recovery::VerifyArgs;
use crate::commands::apply::{journal_of, read};
use crate::commands::session::Session;
use crate::commands::terminal::Terminal;
use crate::event::Timestamp;
use crate::exit::Exit;
use crate::output::recovered;
use crate::recovery::journal::{Journal, JournalError};
use crate::recovery::verify::{self, Verdict, VerifyError};
use crate::recovery::watch::Watch;

/// How often it looks again.
const LOOK: Duration = Duration::from_millis(500);

/// Tells whether a plan took.
pub(super) fn run(args: &VerifyArgs, terminal: &Terminal, now: Timestamp) -> anyhow::Result<Exit> {
    let plan = read(&args.plan)?.map_err(|unfit| anyhow!("{}: {unfit}", args.plan.display()))?;
    let mut session = Session::open(&args.paths, &args.source, terminal, now)?;
    session.protect(&args.plan);
    if plan.definitions != session.definitions.hash {
        terminal.note("the definitions changed since the plan was made");
    }
    let path = journal_of(&plan, &session, args.journal.as_ref())?;
    let journal = match Journal::read(&path) {
        Ok(journal) => Some(journal),
        Err(JournalError::Missing(_)) if args.journal.is_none() => None,
        Err(error) => return Err(error.into()),
    };
    let within = args.within.map_or(0, |span| span.as_nanos());
    let within = Duration::from_nanos(u64::try_from(within).unwrap_or(0));
    let source = (&session.definitions, &session.options);
    let start = Instant::now();
    let (verified, _) = session.over_plan(|watch: Watch<'_>| {
        loop {
            let verified = verify::verify(&plan, source, journal.as_ref(), watch)?;
            let waits = verified.iter().any(|item| item.verdict.may_settle());
            if !waits || start.elapsed() >= within || (watch.stops)() {
                return Ok::<_, VerifyError>(verified);
            }
            thread::sleep(LOOK);
        }
    })?;
    let verified = verified?;
    let target = session.target();
    match args.format {
        ReportFormat::Table => terminal.page(&target, |page| recovered::verified(page, &verified)),
        ReportFormat::Json => terminal.deliver(&target, |out| recovered::json(out, &verified)),
        ReportFormat::Jsonl => terminal.deliver(&target, |out| recovered::jsonl(out, &verified)),
    }?;
    let is_confirmed = verified
        .iter()
        .all(|item| item.verdict == Verdict::Confirmed);
    Ok(if is_confirmed {
        Exit::Clean
    } else {
        Exit::Findings
    })
}
