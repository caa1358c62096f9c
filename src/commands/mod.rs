//! One file per command: it takes what was typed, calls the library and hands the result to a
//! format. Nothing is judged here.

mod apply;
mod audit;
mod check;
mod completions;
mod condition;
mod consent;
mod diff;
mod explain;
mod generate;
mod journal;
mod list;
mod log;
mod plan;
mod progress;
mod schema;
mod session;
mod show;
mod state;
mod terminal;
mod test;
mod verify;

use std::ffi::OsString;
use std::io::ErrorKind;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::event::Timestamp;
use crate::exit::Exit;
use crate::finding::Direction;
use terminal::Terminal;

/// Does what the arguments ask for; everything that is printed is printed from here.
pub fn main(arguments: impl IntoIterator<Item = OsString>, now: Timestamp) -> Exit {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let asked_for = error.exit_code() == 0;
            return match error.print() {
                Err(failed) if failed.kind() != ErrorKind::BrokenPipe => Exit::Failed,
                _ if asked_for => Exit::Clean,
                _ => Exit::Failed,
            };
        }
    };
    let terminal = Terminal::new(&cli.global);
    match run(&cli.command, &terminal, now) {
        Ok(exit) => exit,
        Err(error) => {
            terminal.error(&error);
            Exit::Failed
        }
    }
}

fn run(command: &Command, terminal: &Terminal, now: Timestamp) -> anyhow::Result<Exit> {
    match command {
        Command::Audit(args) => audit::run(args, terminal, now),
        Command::List(args) => list::run(args, terminal, now),
        Command::Show(args) => show::run(args, terminal, now),
        Command::Diff(args) => diff::run(args, terminal, now),
        Command::State(args) => state::run(args, terminal, now),
        Command::Plan(args) => plan::run(args, terminal, now),
        Command::Apply(args) => apply::run(args, terminal, now),
        Command::Retry(args) => apply::one(args, Direction::Forward, terminal, now),
        Command::Compensate(args) => apply::one(args, Direction::Backward, terminal, now),
        Command::Verify(args) => verify::run(args, terminal, now),
        Command::Journal(args) => journal::run(args, terminal, now),
        Command::Test(args) => test::run(args, terminal),
        Command::Explain(args) => explain::run(args, terminal),
        Command::Completions(args) => completions::run(args, terminal),
        Command::Check(args) => check::command(args, terminal, now),
        Command::Log(args) => log::run(args, terminal),
        Command::Schema(args) => schema::run(args, terminal),
        Command::Generate(args) => {
            terminal.note(generate::run(args)?);
            Ok(Exit::Clean)
        }
    }
}
