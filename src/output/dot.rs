//! The graph of an instance's steps for Graphviz.

use std::io::{self, Write};

use crate::inspect::InstanceView;
use crate::output::graph::{self, Mood, Way};

/// Writes a digraph.
///
/// # Errors
/// When it cannot be written.
pub fn write(out: &mut dyn Write, view: &InstanceView) -> io::Result<()> {
    let graph = graph::of(view);
    writeln!(out, "digraph saga {{")?;
    writeln!(out, "  rankdir=LR;")?;
    writeln!(out, "  labelloc=t;")?;
    writeln!(out, "  label=\"{}\";", label(&graph.title))?;
    writeln!(
        out,
        "  node [shape=box, style=\"rounded,filled\", fontname=\"sans-serif\"];"
    )?;
    for (at, node) in graph.nodes.iter().enumerate() {
        let (fill, line) = node.mood.colours();
        let extra = match node.mood {
            Mood::Undone => ", style=\"rounded,filled,dashed\"",
            Mood::InForce => ", penwidth=3",
            Mood::Idle | Mood::Running | Mood::Done | Mood::Failed => "",
        };
        writeln!(
            out,
            "  s{at} [label=\"{}\", fillcolor=\"{fill}\", color=\"{line}\"{extra}];",
            label(&node.lines)
        )?;
    }
    for edge in &graph.edges {
        let look = match edge.way {
            Way::Declared => "color=\"#999999\"",
            Way::Taken => "penwidth=2",
            Way::Back => "style=dashed, color=\"#6b7280\", label=\"undo\", constraint=false",
        };
        writeln!(out, "  s{} -> s{} [{look}];", edge.from, edge.to)?;
    }
    writeln!(out, "}}")
}

/// Text inside a quoted string; a backslash there begins an escape of Graphviz's own.
fn label(lines: &[String]) -> String {
    let escaped = lines
        .iter()
        .map(|line| line.replace('\\', "\\\\").replace('"', "\\\""));
    escaped.collect::<Vec<_>>().join("\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_cannot_end_itself() {
        assert_eq!(
            label(&["a\\\"]; \\N".to_owned(), "b".to_owned()]),
            r#"a\\\"]; \\N\nb"#
        );
    }
}
