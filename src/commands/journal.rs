//! `sagactl journal`

use std::path::PathBuf;

use anyhow::{anyhow, bail};

use crate::cli::recovery::{ConsentArgs, JournalArgs, JournalCommand, JournalSource};
use crate::commands::terminal::{Target, Terminal};
use crate::commands::{consent, session};
use crate::event::Timestamp;
use crate::exit::Exit;
use crate::output::{journal as page_of, recovered};
use crate::recovery::journal::{Done, Finding, Journal, Owner, Settled, Wanted, beside};

/// Prints what the journal holds, or adds to it what a person found out.
pub(super) fn run(args: &JournalArgs, terminal: &Terminal, now: Timestamp) -> anyhow::Result<Exit> {
    let target = Target::default();
    match &args.what {
        JournalCommand::List(source) => {
            let applies = open(source, terminal)?.applies()?;
            terminal.page(&target, |page| page_of::applies(page, &applies))
        }
        JournalCommand::Show { apply, source } => {
            let journal = open(source, terminal)?;
            if !journal.applies()?.iter().any(|one| one.apply == *apply) {
                bail!("the journal has no apply {apply}; see `sagactl journal list`");
            }
            let entries = journal.entries(Wanted {
                apply: Some(*apply),
                ..Wanted::default()
            })?;
            terminal.page(&target, |page| page_of::entries(page, &entries))
        }
        JournalCommand::Export(source) => {
            let entries = open(source, terminal)?.entries(Wanted::default())?;
            terminal.deliver(&target, |out| recovered::jsonl(out, &entries))
        }
        JournalCommand::Settle {
            key,
            done,
            not_done,
            consent,
            source,
        } => {
            let finding = match (done, not_done) {
                (true, _) => Some(Finding::Done),
                (_, true) => Some(Finding::NotDone),
                (false, false) => None,
            };
            return settle(key, finding, (consent, source), terminal, now);
        }
    }?;
    Ok(Exit::Clean)
}

/// Shows what is known of an action, and adds what was found out about it.
fn settle(
    key: &str,
    finding: Option<Finding>,
    (args, source): (&ConsentArgs, &JournalSource),
    terminal: &Terminal,
    now: Timestamp,
) -> anyhow::Result<Exit> {
    if args.write && finding.is_none() {
        bail!("say what to write: --done or --not-done");
    }
    let path = place(source, terminal)?;
    let show = |journal: &Journal| {
        let entries = journal.entries(Wanted {
            key: Some(key),
            ..Wanted::default()
        })?;
        terminal.page(&Target::default(), |page| page_of::entries(page, &entries))
    };
    let journal = Journal::read(&path)?;
    match journal.known(key)? {
        None => {
            bail!("the journal has no action with the key `{key}`; see `sagactl journal export`")
        }
        Some(known @ (Done::Done | Done::Failed)) => {
            show(&journal)?;
            terminal.note(format_args!("it is known: {}", known.label()));
            return Ok(match finding {
                None => Exit::Clean,
                Some(_) => Exit::Refused,
            });
        }
        Some(Done::Unknown) => {}
    }
    let Some(finding) = finding else {
        show(&journal)?;
        terminal.note(
            "nobody knows whether it was done; find out, then add --done or --not-done, with \
             --write and --reason",
        );
        return Ok(Exit::Clean);
    };
    let actor = consent::actor();
    let about = || match finding {
        Finding::Done => format!("say that {key} was done"),
        Finding::NotDone => format!("say that {key} was not done, so that it may be sent again"),
    };
    let permit = match consent::permit(args, &actor, terminal, about) {
        Ok(Some(permit)) => permit,
        Ok(None) => {
            show(&journal)?;
            terminal.note("nothing was written; add --write and --reason");
            return Ok(Exit::Clean);
        }
        Err(denied) => {
            terminal.error(&anyhow!(denied));
            return Ok(Exit::Refused);
        }
    };
    drop(journal);
    let mut journal = Journal::open(&path, &permit)?;
    let settled = journal.settle(&permit, (key, finding), &Owner::here(&actor), now)?;
    show(&journal)?;
    let refusal = match settled {
        Settled::Written => return Ok(Exit::Clean),
        Settled::Known(known) => format!("it is known meanwhile: {}", known.label()),
        Settled::Held(holder) => format!("{holder}, and may be at this very action"),
        Settled::NoSuchKey => format!("the journal has no action with the key `{key}` any more"),
    };
    terminal.error(&anyhow!(refusal));
    Ok(Exit::Refused)
}

fn open(source: &JournalSource, terminal: &Terminal) -> anyhow::Result<Journal> {
    Ok(Journal::read(&place(source, terminal)?)?)
}

/// Where the journal is.
fn place(source: &JournalSource, terminal: &Terminal) -> anyhow::Result<PathBuf> {
    match (&source.journal, &source.log) {
        (Some(journal), _) => Ok(journal.clone()),
        (None, Some(log)) => Ok(beside(log)),
        (None, None) => default(source, terminal),
    }
}

/// The journal beside the only log that the definitions name.
fn default(source: &JournalSource, terminal: &Terminal) -> anyhow::Result<PathBuf> {
    let definitions = session::load(&source.paths.or_default(), terminal)?;
    let mut logs = definitions
        .scopes
        .iter()
        .filter_map(|scope| scope.log.as_ref()?.database.as_deref());
    match (logs.next(), logs.next()) {
        (Some(log), None) => Ok(beside(log)),
        (Some(_), Some(_)) => bail!("the definitions name several logs; name one with --log"),
        (None, _) => bail!("the definitions name no log; name the journal with --journal"),
    }
}
