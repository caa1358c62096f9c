//! `sagactl journal`

use std::path::PathBuf;

use anyhow::bail;

use crate::cli::recovery::{JournalArgs, JournalCommand, JournalSource};
use crate::commands::session;
use crate::commands::terminal::{Target, Terminal};
use crate::exit::Exit;
use crate::output::{journal as page_of, recovered};
use crate::recovery::journal::{Journal, beside};

/// Prints what the journal holds.
pub(super) fn run(args: &JournalArgs, terminal: &Terminal) -> anyhow::Result<Exit> {
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
            let entries = journal.entries(Some(*apply))?;
            terminal.page(&target, |page| page_of::entries(page, &entries))
        }
        JournalCommand::Export(source) => {
            let entries = open(source, terminal)?.entries(None)?;
            terminal.deliver(&target, |out| recovered::jsonl(out, &entries))
        }
    }?;
    Ok(Exit::Clean)
}

fn open(source: &JournalSource, terminal: &Terminal) -> anyhow::Result<Journal> {
    let path = match (&source.journal, &source.log) {
        (Some(journal), _) => journal.clone(),
        (None, Some(log)) => beside(log),
        (None, None) => default(source, terminal)?,
    };
    Ok(Journal::read(&path)?)
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
