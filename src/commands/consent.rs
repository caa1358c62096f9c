//! Who acts, why, and whether it is meant.

use std::env;
use std::io::{self, IsTerminal};

use crate::cli::recovery::ConsentArgs;
use crate::commands::progress::is_interrupted;
use crate::commands::terminal::Terminal;
use crate::recovery::permit::{Answer, Denied, Permit, Wish};

/// Who is at the keyboard, as far as the environment tells.
pub(super) fn actor() -> String {
    let actor = env::var("USER").or_else(|_| env::var("LOGNAME"));
    actor.unwrap_or_else(|_| "unknown".to_owned())
}

/// The permit to do what `about` says, where it was asked for; on a terminal a person confirms it.
///
/// # Errors
/// See [`Denied`].
pub(super) fn permit(
    args: &ConsentArgs,
    actor: &str,
    terminal: &Terminal,
    about: impl FnOnce() -> String,
) -> Result<Option<Permit>, Denied> {
    let wish = Wish {
        write: args.write,
        yes: args.yes,
        reason: args.reason.as_deref(),
        actor,
    };
    Permit::grant(wish, || ask(terminal, about))
}

/// Shows what is about to happen, and asks.
fn ask(terminal: &Terminal, about: impl FnOnce() -> String) -> Answer {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Answer::NobodyThere;
    }
    terminal.drawn(&format!("about to {}. Type yes to go on:", about()));
    let mut typed = String::new();
    match io::stdin().read_line(&mut typed) {
        // Whoever pressed Ctrl-C here did not mean what was typed after it.
        Ok(_) if typed.trim() == "yes" && !is_interrupted() => Answer::Yes,
        _ => Answer::No,
    }
}
