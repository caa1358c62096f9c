//! `sagactl apply`, `sagactl retry` and `sagactl compensate`

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};

use crate::cli::ReportFormat;
use crate::cli::recovery::{ApplyArgs, OneArgs, WriteArgs};
use crate::commands::progress::is_interrupted;
use crate::commands::session::Session;
use crate::commands::terminal::Terminal;
use crate::event::Timestamp;
use crate::exit::Exit;
use crate::expression::template::Secrets;
use crate::finding::Direction;
use crate::output::{plan, recovered};
use crate::recovery::apply::{self, Applied, Pace, Refused, World};
use crate::recovery::document::{LogV1, Unfit};
use crate::recovery::item::{Item, Outcome};
use crate::recovery::journal::{self, Journal, Owner};
use crate::recovery::permit::{Answer, Permit, Wish};
use crate::recovery::plan::Ask;
use crate::recovery::select::{self, Selection};
use crate::recovery::watch::Watch;
use crate::recovery::{Clock, PlanV1};

/// Applies a plan from a file.
pub(super) fn run(args: &ApplyArgs, terminal: &Terminal, now: Timestamp) -> anyhow::Result<Exit> {
    let plan = match read(&args.plan)? {
        Ok(plan) => plan,
        Err(unfit) => {
            terminal.error(&anyhow!("{}: {unfit}", args.plan.display()));
            return Ok(match unfit {
                Unfit::Edited => Exit::Refused,
                Unfit::NoPlan(_) | Unfit::Newer(_) => Exit::Failed,
            });
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
        if made.refused.is_empty() {
            terminal.note(format_args!("no instance has the id `{}`", args.id));
            return Ok(Exit::NothingInspected);
        }
        let target = session.target();
        match args.format {
            ReportFormat::Table => terminal.page(&target, |page| plan::write(page, &made)),
            ReportFormat::Json => terminal.deliver(&target, |out| plan::document(out, &made)),
            ReportFormat::Jsonl => {
                terminal.deliver(&target, |out| recovered::jsonl(out, &made.refused))
            }
        }?;
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

/// The plan in a file, or why it is none.
pub(super) fn read(path: &PathBuf) -> anyhow::Result<Result<PlanV1, Unfit>> {
    let text = fs::read_to_string(path)
        .with_context(|| format!("the plan `{}` cannot be read", path.display()))?;
    Ok(PlanV1::read(&text))
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
) -> anyhow::Result<PathBuf> {
    if let Some(named) = named {
        return Ok(named.clone());
    }
    let driven: BTreeSet<&str> = plan.instances.iter().map(|one| one.log.as_str()).collect();
    if driven.len() > 1 {
        bail!(
            "its instances stand in several logs ({}), each with a journal of its own; narrow the \
             plan with --saga, or name one journal for all with --journal",
            driven.into_iter().collect::<Vec<_>>().join(", ")
        );
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
    let log = log.unwrap_or_default();
    let is_link = fs::symlink_metadata(&log).is_ok_and(|it| it.is_symlink());
    let real = if is_link {
        log.canonicalize()
    } else {
        Ok(log.clone())
    };
    Ok(journal::beside(&real.unwrap_or(log)))
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
        let actor = env::var("USER").or_else(|_| env::var("LOGNAME"));
        let actor = actor.unwrap_or_else(|_| "unknown".to_owned());
        let wish = Wish {
            write: self.write.write,
            yes: self.write.yes,
            reason: self.write.reason.as_deref(),
            actor: &actor,
        };
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
        match Permit::grant(wish, || self.ask(plan)) {
            Ok(None) => self.rehearse(plan, world),
            Ok(Some(permit)) => self.act(plan, world, &permit),
            Err(denied) => Ok(self.refuse(anyhow!(denied))),
        }
    }

    fn refuse(&self, why: anyhow::Error) -> Exit {
        self.terminal.error(&why);
        Exit::Refused
    }

    /// Shows what is about to happen, and asks.
    fn ask(&self, plan: &PlanV1) -> Answer {
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Answer::NobodyThere;
        }
        self.terminal.drawn(&format!(
            "about to do: {}. Type yes to go on:",
            plan::summary(plan)
        ));
        let mut typed = String::new();
        match io::stdin().read_line(&mut typed) {
            // Whoever pressed Ctrl-C here did not mean what was typed after it.
            Ok(_) if typed.trim() == "yes" && !is_interrupted() => Answer::Yes,
            _ => Answer::No,
        }
    }

    /// The dry run.
    fn rehearse(&self, plan: &PlanV1, world: World<'_>) -> anyhow::Result<Exit> {
        if plan.definitions != world.definitions.hash {
            return Ok(self.refuse(anyhow!(Refused::Stale)));
        }
        let rehearsed = |watch: Watch<'_>| apply::rehearse(plan, world, watch);
        let moved = self.session.over_plan(rehearsed)?.0?;
        let target = self.session.target();
        match self.format {
            ReportFormat::Table => self.terminal.page(&target, |page| {
                plan::write(page, plan)?;
                if moved.is_empty() {
                    Ok(())
                } else {
                    recovered::items(page, &moved)
                }
            }),
            ReportFormat::Json => self
                .terminal
                .deliver(&target, |out| plan::document(out, plan)),
            ReportFormat::Jsonl => self
                .terminal
                .deliver(&target, |out| recovered::jsonl(out, &plan.instances)),
        }?;
        self.terminal
            .note("nothing was done; add --write and --reason to act");
        for item in moved.iter().filter(|_| self.format != ReportFormat::Table) {
            self.terminal
                .note(format_args!("{} has moved: {}", item.id, item.detail));
        }
        Ok(if moved.is_empty() {
            Exit::Clean
        } else {
            Exit::Refused
        })
    }

    fn act(&self, plan: &PlanV1, world: World<'_>, permit: &Permit) -> anyhow::Result<Exit> {
        let path = journal_of(plan, &self.session, self.write.journal.as_ref())?;
        let pace = Pace {
            resume: self.resume,
            stop_after: self
                .write
                .stop_after
                .map(|most| usize::try_from(most).unwrap_or(usize::MAX)),
            every: self.write.rate.unwrap_or(Duration::ZERO),
            drivers: self.write.concurrency,
        };
        let admitted = apply::check(plan, world).and_then(|()| {
            let journal = Journal::open(&path, permit)?;
            apply::admit(plan, &journal, pace)?;
            Ok(journal)
        });
        let journal = match admitted {
            Ok(journal) => journal,
            Err(refused @ (Refused::Stale | Refused::Begun(_))) => {
                return Ok(self.refuse(anyhow!(refused)));
            }
            Err(
                error @ (Refused::NoSecret(_) | Refused::Unrecordable(..) | Refused::Journal(_)),
            ) => return Err(error.into()),
        };
        let applied = |watch: Watch<'_>| apply::apply(plan, world, &journal, permit, pace, watch);
        let (Applied { items, stopped }, is_interrupted) = self.session.over_plan(applied)?;
        self.print(&items)?;
        if let Some(stopped) = stopped {
            return Ok(self.refuse(anyhow!(stopped)));
        }
        if is_interrupted {
            self.terminal.note(format_args!(
                "interrupted; what was begun is finished, the rest {}",
                self.resumed_by
            ));
        }
        let is_done = |item: &Item| item.outcome == Outcome::Done;
        Ok(if items.iter().all(is_done) {
            Exit::Clean
        } else {
            Exit::Refused
        })
    }

    fn print(&self, items: &[Item]) -> anyhow::Result<()> {
        let target = self.session.target();
        match self.format {
            ReportFormat::Table => self
                .terminal
                .page(&target, |page| recovered::items(page, items)),
            ReportFormat::Json => self
                .terminal
                .deliver(&target, |out| recovered::json(out, items)),
            ReportFormat::Jsonl => self
                .terminal
                .deliver(&target, |out| recovered::jsonl(out, items)),
        }
    }
}
