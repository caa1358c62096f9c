//! `sagactl show`

use crate::cli::{ShowArgs, ViewFormat};
use crate::commands::session::Session;
use crate::commands::terminal::Terminal;
use crate::event::Timestamp;
use crate::exit::Exit;
use crate::inspect;
use crate::output::{dot, json_view, mermaid, show};

/// Shows every instance with one id: one per saga that knows it.
pub(super) fn run(args: &ShowArgs, terminal: &Terminal, now: Timestamp) -> anyhow::Result<Exit> {
    let mut session = Session::open(&args.paths, &args.source, terminal, now)?;
    session.options.sagas.clone_from(&args.saga);
    let views = session.run(terminal, |definitions, options, watch| {
        inspect::show(definitions, &args.id, options, watch)
    })?;
    if views.is_empty() {
        let list = session.again.line(&["list".to_owned()]).unwrap_or_default();
        terminal.note(format_args!(
            "no instance has the id `{}`; see which there are:\n  {list}",
            args.id
        ));
        return Ok(Exit::NothingInspected);
    }
    let target = session.target();
    match args.format {
        ViewFormat::Table => terminal.page(&target, |page| {
            views
                .iter()
                .enumerate()
                .try_for_each(|(number, view)| show::write(page, view, &session.again, number))
        }),
        ViewFormat::Json => terminal.deliver(&target, |out| {
            json_view::show(out, &views, inspect::TOOL, &session.again)
        }),
        ViewFormat::Mermaid => terminal.deliver(&target, |out| {
            views.iter().try_for_each(|view| mermaid::write(out, view))
        }),
        ViewFormat::Dot => terminal.deliver(&target, |out| {
            views.iter().try_for_each(|view| dot::write(out, view))
        }),
    }?;
    Ok(Exit::Clean)
}
