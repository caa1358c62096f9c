//! An instance's steps as a graph: what stands where, what leads where, which way was taken.
//! Mermaid and Graphviz only spell it.

use crate::inspect::{InstanceView, StepView};
use crate::output::escape;

/// How a step looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Nothing happened to it.
    Idle,
    /// It is going on.
    Running,
    /// It took effect.
    Done,
    /// It failed, was rejected, or its attempts are used up.
    Failed,
    /// It took effect and was undone.
    Undone,
    /// Its effect stands and has to be undone.
    InForce,
}

impl Mood {
    pub(crate) const ALL: [Mood; 6] = [
        Mood::Idle,
        Mood::Running,
        Mood::Done,
        Mood::Failed,
        Mood::Undone,
        Mood::InForce,
    ];

    /// The word for it in legends and class names.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Mood::Idle => "idle",
            Mood::Running => "running",
            Mood::Done => "done",
            Mood::Failed => "failed",
            Mood::Undone => "undone",
            Mood::InForce => "inforce",
        }
    }

    /// Fill and line colours.
    pub(crate) const fn colours(self) -> (&'static str, &'static str) {
        match self {
            Mood::Idle => ("#ffffff", "#999999"),
            Mood::Running => ("#dbeafe", "#1d4ed8"),
            Mood::Done => ("#dcfce7", "#15803d"),
            Mood::Failed => ("#fee2e2", "#b91c1c"),
            Mood::Undone => ("#f3f4f6", "#6b7280"),
            Mood::InForce => ("#ffedd5", "#c2410c"),
        }
    }
}

/// A step.
pub(crate) struct Node {
    /// Lines of text, escaped for a terminal but not for a format.
    pub(crate) lines: Vec<String>,
    /// How it looks.
    pub(crate) mood: Mood,
}

/// One step leads to another; by index.
pub(crate) struct Edge {
    /// From here.
    pub(crate) from: usize,
    /// To there.
    pub(crate) to: usize,
    /// What kind of way it is.
    pub(crate) way: Way,
}

/// What kind of way an edge is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Declared, not gone.
    Declared,
    /// Declared and gone.
    Taken,
    /// Gone backward: the first was undone, then the second.
    Back,
}

/// The whole graph.
pub(crate) struct Graph {
    /// What it is of: id, saga, headline.
    pub(crate) title: Vec<String>,
    /// The steps, as declared.
    pub(crate) nodes: Vec<Node>,
    /// The ways between them.
    pub(crate) edges: Vec<Edge>,
}

/// The graph of an instance.
pub(crate) fn of(view: &InstanceView) -> Graph {
    let started = |step: usize| {
        view.steps
            .get(step)
            .is_some_and(|step| mood(step) != Mood::Idle)
    };
    let mut edges = Vec::new();
    for (to, step) in view.saga.steps.iter().enumerate() {
        for from in step.after.iter() {
            let taken = started(from) && started(to);
            edges.push(Edge {
                from,
                to,
                way: if taken { Way::Taken } else { Way::Declared },
            });
        }
    }
    let mut undone: Vec<(i64, usize)> = view
        .steps
        .iter()
        .enumerate()
        .filter_map(|(at, step)| Some((step.positions[1]?.0, at)))
        .collect();
    undone.sort_unstable();
    for pair in undone.windows(2) {
        if let [(_, from), (_, to)] = pair {
            edges.push(Edge {
                from: *from,
                to: *to,
                way: Way::Back,
            });
        }
    }
    Graph {
        title: vec![
            format!(
                "{} of {}, {}",
                escape::terminal(&view.row.id),
                escape::terminal(&view.saga.name),
                view.row.outcome.label()
            ),
            escape::terminal(&view.headline).into_owned(),
        ],
        nodes: view.steps.iter().map(node).collect(),
        edges,
    }
}

fn node(step: &StepView) -> Node {
    let mut lines = vec![escape::terminal(&step.name).into_owned()];
    if !step.role.is_empty() {
        lines.push(step.role.to_owned());
    }
    let [forward, undo] = step.positions;
    let at = |position: Option<crate::event::Position>| match position {
        Some(position) => format!(" at {position}"),
        None => String::new(),
    };
    lines.push(format!("{}{}", step.forward, at(forward)));
    if step.undo != "none" {
        lines.push(format!("{}{}", step.undo, at(undo)));
    }
    if step.in_force {
        lines.push("IN FORCE".to_owned());
    }
    Node {
        lines,
        mood: mood(step),
    }
}

/// The states' labels are words of their own, so they are told apart by them.
fn mood(step: &StepView) -> Mood {
    match (step.in_force, step.undo, step.forward) {
        (true, _, _) => Mood::InForce,
        (_, "undone", _) => Mood::Undone,
        (_, _, "failed" | "exhausted" | "rejected") => Mood::Failed,
        (_, _, "succeeded") => Mood::Done,
        (_, _, "running") => Mood::Running,
        _ => Mood::Idle,
    }
}
