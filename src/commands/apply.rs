//! `sagactl apply`, `sagactl retry` and `sagactl compensate`

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};

use crate::cli::ReportFormat;
use crate::cli::recovery::{ApplyArgs, OneArgs, WriteArgs};
use crate::commands::consent;
use crate::commands::session::Session;
use crate::commands::terminal::{Target, Terminal};
use crate::event::Timestamp;
use crate::exit::Exit;
use crate::expression::template::Secrets;
use crate::finding::Direction;
use crate::output::{plan, recovered};
use crate::recovery::apply::{self, Applied, Pace, Stopped, World};
use crate::recovery::document::{LogV1, RehearsalV1, Unfit};
use crate::recovery::item::{Item, Outcome};
use crate::recovery::journal::{self, Journal, Owner};
use crate::recovery::permit::Permit;
use crate::recovery::plan::Ask;
use crate::recovery::refused::Refused;
use crate::recovery::select::{self, Selection};
use crate::recovery::watch::Watch;
use crate::recovery::{Clock, PlanV1};

/// Applies a plan from a file.
pub(super) fn run(args: &ApplyArgs, terminal: &Terminal, now: Timestamp) -> anyhow::Result<Exit> {
    let plan = match read(&args.plan)? {
        Ok(plan) => plan,
        Err(refused) => {
            let target = Target::to(args.source.output.as_deref());
            return refuse(&refused, args.format, &target, terminal);
        }
    };
    let mut session = Session::open(&args.paths, &args.source, terminal, now)?;
    session.protect(&args.plan);
    let acting = Acting {
        session,
        write: &args.write,
        resume: args.resume,
        resumed_by: "with --resume",
        format: args.format,
        terminal,
        now,
    };
    acting.carry_out(&plan)
}

/// Plans for one instance, and applies that.
pub(super) fn one(
    args: &OneArgs,
    direction: Direction,
    terminal: &Terminal,
    now: Timestamp,
) -> anyhow::Result<Exit> {
    let mut session = Session::open(&args.paths, &args.source, terminal, now)?;
    session.options.sagas.clone_from(&args.saga);
    session.knows_steps(args.step.as_slice())?;
    let selection = Selection {
        ids: BTreeSet::from([args.id.clone()]),
        ..Selection::default()
    };
    let ask = Ask {
        direction: Some(direction),
        step: args.step.as_deref(),
    };
    let made = session.run(terminal, |definitions, options, watch| {
        select::plan(definitions, options, watch, &selection, ask, usize::MAX)
    })?;
    if made.instances.is_empty() {
        let is_unknown = made.refused.is_empty();
        let target = session.target();
        match args.format {
            ReportFormat::Table if is_unknown => Ok(()),
            ReportFormat::Table => terminal.page(&target, |page| plan::write(page, &made)),
            ReportFormat::Json => terminal.deliver(&target, |out| plan::document(out, &made)),
            ReportFormat::Jsonl => {
                terminal.deliver(&target, |out| recovered::jsonl(out, &made.refused))
            }
        }?;
        if is_unknown {
            terminal.note(format_args!("no instance has the id `{}`", args.id));
            return Ok(Exit::NothingInspected);
        }
        return Ok(Exit::Refused);
    }
    if let [one, other, ..] = made.instances.as_slice() {
        bail!(
            "`{}` is an instance of {} and of {}; name one with --saga",
            args.id,
            one.saga,
            other.saga
        );
    }
    let acting = Acting {
        session,
        write: &args.write,
        // What was begun by an earlier command has the same keys; it is finished, not repeated.
        resume: true,
        resumed_by: "with the same command",
        format: args.format,
        terminal,
        now,
    };
    acting.carry_out(&made)
}

/// The plan in a file, or why it is not applied.
///
/// # Errors
/// When the file is none that this program can read.
pub(super) fn read(path: &PathBuf) -> anyhow::Result<Result<PlanV1, Refused>> {
    let text = fs::read_to_string(path)
        .with_context(|| format!("the plan `{}` cannot be read", path.display()))?;
    match PlanV1::read(&text) {
        Ok(plan) => Ok(Ok(plan)),
        Err(Unfit::Edited) => Ok(Err(Refused::Edited(path.clone()))),
        Err(unfit @ (Unfit::NoPlan(_) | Unfit::Newer(_))) => {
            bail!("{}: {unfit}", path.display())
        }
    }
}

/// Says why nothing is done: to people, and where a program reads the result, to it as well.
pub(super) fn refuse(
    refused: &Refused,
    format: ReportFormat,
    target: &Target<'_>,
    terminal: &Terminal,
) -> anyhow::Result<Exit> {
    match format {
        ReportFormat::Table => Ok(()),
        ReportFormat::Json => {
            terminal.deliver(target, |out| recovered::document(out, &refused.document()))
        }
        ReportFormat::Jsonl => {
            terminal.deliver(target, |out| recovered::jsonl(out, &[refused.document()]))
        }
    }?;
    terminal.error(&anyhow!(refused.to_string()));
    Ok(Exit::Refused)
}

/// The journal of a plan: the one that was named, or the one beside the log that its instances stand
/// in, so that whoever drives one of them finds what was done before.
///
/// # Errors
/// When they stand in several logs and none was named.
pub(super) fn journal_of(
    plan: &PlanV1,
    session: &Session,
    named: Option<&PathBuf>,
) -> Result<PathBuf, Refused> {
    if let Some(named) = named {
        return Ok(named.clone());
    }
    let driven: BTreeSet<&str> = plan.instances.iter().map(|one| one.log.as_str()).collect();
    if driven.len() > 1 {
        let names = driven.into_iter().collect::<Vec<_>>().join(", ");
        return Err(Refused::SeveralLogs(names));
    }
    let is_meant = |log: &&LogV1| driven.is_empty() || driven.contains(log.name.as_str());
    let log = session.options.log.clone().or_else(|| {
        let meant = plan.logs.iter().find(is_meant)?;
        let mut logs = session.definitions.scopes.iter();
        let declared = logs.find_map(|scope| {
            let log = scope.log.as_ref()?;
            (*log.name == *meant.name).then(|| log.database.clone())?
        });
        Some(declared.unwrap_or_else(|| PathBuf::from(&meant.path)))
    });
    Ok(journal::beside(&log.unwrap_or_default()))
}

struct Acting<'a> {
    session: Session,
    write: &'a WriteArgs,
    resume: bool,
    /// What the user types to go on after an interruption.
    resumed_by: &'static str,
    format: ReportFormat,
    terminal: &'a Terminal,
    now: Timestamp,
}

impl Acting<'_> {
    fn carry_out(&self, plan: &PlanV1) -> anyhow::Result<Exit> {
        let actor = consent::actor();
        let secrets = apply::secrets(&self.session.definitions, plan);
        let secrets: Secrets = secrets
            .into_iter()
            .filter_map(|name| {
                let value = env::var(&name).ok();
                value
                    .filter(|value| !value.is_empty())
                    .map(|value| (name, value))
            })
            .collect();
        let owner = Owner::here(&actor);
        let world = World {
            definitions: &self.session.definitions,
            options: &self.session.options,
            secrets: &secrets,
            clock: Clock::starting(self.now),
            owner: &owner,
        };
        // Whoever has acted wants to see what came of it.
        self.session.target().prepare()?;
        let permitted = apply::check(plan, world).and_then(|()| {
            if self.write.consent.write {
                self.ready(plan, world)?;
            }
            let path = journal_of(plan, &self.session, self.write.journal.as_ref())?;
            let about = || format!("do: {}", plan::summary(plan));
            let permit = consent::permit(&self.write.consent, &actor, self.terminal, about)?;
            Ok((permit, path))
        });
        let carried_out = permitted.and_then(|(permit, path)| match permit {
            Some(permit) => {
                let journal = Journal::open(&path, &permit)?;
                apply::admit(plan, &journal, self.resume)?;
                Ok(self.act(plan, world, (&journal, &path), &permit))
            }
            None => {
                let journal = Journal::found(&path)?;
                if let Some(journal) = &journal {
                    apply::admit(plan, journal, self.resume)?;
                }
                Ok(self.rehearse(plan, world, (journal.as_ref(), &path)))
            }
        });
        carried_out.unwrap_or_else(|refused| {
            refuse(&refused, self.format, &self.session.target(), self.terminal)
        })
    }

    /// Whether all is there that the plan needs, and nothing that it may do again.
    fn ready(&self, plan: &PlanV1, world: World<'_>) -> Result<(), Refused> {
        if !self.write.despite_unread_rows {
            apply::accounted_for(plan)?;
        }
        apply::furnished(plan, world)
    }

    /// The dry run.
    fn rehearse(
        &self,
        plan: &PlanV1,
        world: World<'_>,
        (journal, path): (Option<&Journal>, &Path),
    ) -> anyhow::Result<Exit> {
        let rehearsed = |watch: Watch<'_>| apply::rehearse(plan, world, journal, watch);
        let otherwise = self.session.over_plan(plan, rehearsed)?.0?;
        let refused = self.ready(plan, world).err();
        let refused = refused.map(|refused| refused.document());
        let target = self.session.target();
        match self.format {
            ReportFormat::Table => self.terminal.page(&target, |page| {
                plan::write(page, plan)?;
                if !otherwise.is_empty() {
                    recovered::otherwise(page, &otherwise, &|key| self.settling(key, path))?;
                }
                let mut refused = refused.iter();
                refused.try_for_each(|refused| recovered::refused(page, refused))
            }),
            ReportFormat::Json => self.terminal.deliver(&target, |out| {
                recovered::document(
                    out,
                    &RehearsalV1 {
                        plan,
                        otherwise: &otherwise,
                        not_begun: refused.as_ref(),
                    },
                )
            }),
            ReportFormat::Jsonl => self.terminal.deliver(&target, |out| {
                recovered::jsonl(out, &plan.instances)?;
                recovered::jsonl(out, &otherwise)?;
                recovered::jsonl(out, refused.as_slice())
            }),
        }?;
        self.terminal
            .note("nothing was done; add --write and --reason to act");
        Ok(match refused {
            Some(_) => Exit::Refused,
            None => self.exit(&otherwise),
        })
    }

    fn act(
        &self,
        plan: &PlanV1,
        world: World<'_>,
        (journal, path): (&Journal, &Path),
        permit: &Permit,
    ) -> anyhow::Result<Exit> {
        let pace = Pace {
            stop_after: self
                .write
                .stop_after
                .map(|most| usize::try_from(most).unwrap_or(usize::MAX)),
            every: self.write.rate.unwrap_or(Duration::ZERO),
            drivers: self.write.concurrency,
        };
        let applied = |watch: Watch<'_>| apply::apply(plan, world, journal, permit, pace, watch);
        let (Applied { items, stopped }, is_interrupted) = self.session.over_plan(plan, applied)?;
        if let Some(Stopped::Unrecordable(refused)) = &stopped {
            return refuse(refused, self.format, &self.session.target(), self.terminal);
        }
        self.print(&items, path)?;
        if let Some(stopped) = stopped {
            self.terminal.error(&anyhow!(stopped));
            return Ok(Exit::Refused);
        }
        if is_interrupted {
            self.terminal.note(format_args!(
                "interrupted; what was begun is finished, the rest {}",
                self.resumed_by
            ));
        }
        Ok(self.exit(&items))
    }

    fn exit(&self, items: &[Item]) -> Exit {
        let is_done = |item: &Item| item.outcome == Outcome::Done;
        if items.iter().all(is_done) {
            Exit::Clean
        } else {
            Exit::Refused
        }
    }

    /// The command by which a person says whether an action was done.
    fn settling(&self, key: &str, journal: &Path) -> Option<String> {
        self.session.again.settle(key, journal)
    }

    fn print(&self, items: &[Item], journal: &Path) -> anyhow::Result<()> {
        let target = self.session.target();
        match self.format {
            ReportFormat::Table => self.terminal.page(&target, |page| {
                recovered::items(page, items, &|key| self.settling(key, journal))
            }),
            ReportFormat::Json => self
                .terminal
                .deliver(&target, |out| recovered::document(out, &items)),
            ReportFormat::Jsonl => self
                .terminal
                .deliver(&target, |out| recovered::jsonl(out, items)),
        }
    }
}
