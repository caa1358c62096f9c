//! The graph of an instance's steps for Mermaid.

use std::io::{self, Write};

use crate::inspect::InstanceView;
use crate::output::graph::{self, Mood, Way};

/// Writes a flowchart.
///
/// # Errors
/// When it cannot be written.
pub fn write(out: &mut dyn Write, view: &InstanceView) -> io::Result<()> {
    let graph = graph::of(view);
    writeln!(out, "flowchart LR")?;
    writeln!(out, "  title[\"{}\"]", label(&graph.title))?;
    for (at, node) in graph.nodes.iter().enumerate() {
        writeln!(
            out,
            "  s{at}[\"{}\"]:::{}",
            label(&node.lines),
            node.mood.label()
        )?;
    }
    for edge in &graph.edges {
        let arrow = match edge.way {
            Way::Declared => "-->",
            Way::Taken => "==>",
            Way::Back => "-. undo .->",
        };
        writeln!(out, "  s{} {arrow} s{}", edge.from, edge.to)?;
    }
    for mood in Mood::ALL {
        let (fill, stroke) = mood.colours();
        let dash = if mood == Mood::Undone {
            ",stroke-dasharray:4 3"
        } else {
            ""
        };
        let width = if mood == Mood::InForce {
            ",stroke-width:3px"
        } else {
            ""
        };
        let name = mood.label();
        writeln!(
            out,
            "  classDef {name} fill:{fill},stroke:{stroke},color:#111827{dash}{width}"
        )?;
    }
    writeln!(out, "  style title fill:none,stroke:none,font-weight:bold")
}

/// Text inside a quoted label: everything but letters, digits and harmless signs as a character
/// reference, which is the only escape that Mermaid knows.
fn label(lines: &[String]) -> String {
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        if number > 0 {
            text.push_str("<br/>");
        }
        for character in line.chars() {
            if character.is_alphanumeric() || " -_.,:()/+'".contains(character) {
                text.push(character);
            } else {
                text.push_str(&format!("#{};", u32::from(character)));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_cannot_end_itself_or_hold_markup() {
        assert_eq!(
            label(&["a\"]; <b>#".to_owned(), "x`".to_owned()]),
            "a#34;#93;#59; #60;b#62;#35;<br/>x#96;"
        );
    }
}
