//! A plan for people, and as the document that `apply` takes.

use std::io::{self, Write};

use crate::brief;
use crate::finding::Direction;
use crate::output::page::Page;
use crate::output::style::{ALARM, CAUTION, FAINT, PLAIN, STRONG};
use crate::output::{escape, json};
use crate::recovery::document::{ActionV1, InstanceV1, LeftAloneV1, PlanV1, Reason, RequestV1};

/// Writes the plan as a document.
///
/// # Errors
/// When it cannot be written.
pub fn document(out: &mut dyn Write, plan: &PlanV1) -> io::Result<()> {
    json::document_to(out, plan)
}

/// Writes the plan for people: each instance with what is done and what is left alone.
///
/// # Errors
/// When the page cannot be written.
pub fn write(page: &mut Page<'_>, plan: &PlanV1) -> io::Result<()> {
    for log in &plan.logs {
        let mut line = format!("log {} ({})", log.name, log.path);
        if let Some(head) = log.head_position {
            line.push_str(&format!(", up to position {head}"));
        }
        if let Some(horizon) = &log.horizon {
            line.push_str(&format!(", as of {horizon}"));
        }
        page.text(0, FAINT, &escape::terminal(&line))?;
    }
    for instance in &plan.instances {
        page.blank()?;
        one(page, instance)?;
    }
    if !plan.refused.is_empty() {
        page.blank()?;
        page.text(0, CAUTION, "cannot be driven:")?;
    }
    for refused in &plan.refused {
        let mut line = format!(
            "{} of {}: {}",
            refused.id,
            refused.saga,
            refused.reason.label()
        );
        if let Some(detail) = &refused.detail {
            line.push_str(&format!(": {detail}"));
        }
        page.text(2, PLAIN, &escape::terminal(&line))?;
    }
    page.blank()?;
    page.text(0, STRONG, &summary(plan))
}

/// How much there is to do, in one line.
pub fn summary(plan: &PlanV1) -> String {
    let count = |number: usize, one, many| brief::count(number as u64, one, many);
    let mut text = format!(
        "{} on {}",
        count(plan.actions(), "action", "actions"),
        count(plan.instances.len(), "instance", "instances")
    );
    if !plan.refused.is_empty() {
        text.push_str(&format!(", {} cannot be driven", plan.refused.len()));
    }
    let unread = plan.instances.iter().filter(|one| one.unread.is_some());
    match unread.count() {
        0 => {}
        doubtful => text.push_str(&format!(
            ", {doubtful} with rows of which nobody knows whose they are"
        )),
    }
    if plan.left_out > 0 {
        text.push_str(&format!("; {} more are left out, see --max", plan.left_out));
    }
    text
}

fn one(page: &mut Page<'_>, instance: &InstanceV1) -> io::Result<()> {
    let line = format!(
        "{} of {} ({}, last event at position {}) goes {}",
        instance.id,
        instance.saga,
        instance.outcome,
        instance.last_position,
        Direction::from(instance.direction).label()
    );
    page.text(0, STRONG, &escape::terminal(&line))?;
    for (number, action) in instance.actions.iter().enumerate() {
        let verb = match Direction::from(action.direction) {
            Direction::Backward => "undo",
            Direction::Forward => "retry",
        };
        let mut head = format!("{verb} {}", action.step);
        if !action.waits_for.is_empty() {
            head.push_str(&format!(", after {}", action.waits_for.join(", ")));
        }
        let label = format!("{}. ", number + 1);
        page.labelled(2, PLAIN, &label, PLAIN, &escape::terminal(&head))?;
        page.text(5, FAINT, &escape::terminal(&request(action)))?;
        let again = if action.idempotent {
            ""
        } else {
            ", not idempotent"
        };
        page.text(5, FAINT, &format!("key {}{again}", action.key))?;
        if let Some(kind) = &action.appends {
            let line = format!("then {kind} is appended to the log");
            page.text(5, PLAIN, &escape::terminal(&line))?;
        }
    }
    if let Some(unread) = instance.unread {
        let line = format!(
            "{}: one may be an event of this instance, so that this may have happened already",
            unread.in_words()
        );
        page.text(2, ALARM, &escape::terminal(&line))?;
    }
    for LeftAloneV1 { step, why } in &instance.left_alone {
        let line = format!("{step} is left alone: {}", why.label());
        let style = match why {
            Reason::NoCompensation | Reason::NoActionDeclared => ALARM,
            _ => FAINT,
        };
        page.text(2, style, &escape::terminal(&line))?;
    }
    Ok(())
}

/// What is sent, on one line.
fn request(action: &ActionV1) -> String {
    match &action.request {
        RequestV1::Http {
            method,
            url,
            headers,
            body,
        } => {
            let mut text = format!("{method} {url}");
            for (name, value) in headers {
                text.push_str(&format!(" {name}: {value}"));
            }
            if let Some(body) = body {
                text.push_str(&format!(" {body}"));
            }
            text
        }
        RequestV1::Exec { arguments } => {
            let quoted: Vec<String> = arguments
                .iter()
                .map(|argument| match shlex::try_quote(argument) {
                    Ok(quoted) => quoted.into_owned(),
                    Err(_) => format!("{argument:?}"),
                })
                .collect();
            format!("run {}", quoted.join(" "))
        }
        RequestV1::Outbox {
            database,
            table,
            columns,
        } => {
            let columns: Vec<String> = columns
                .iter()
                .map(|(name, value)| format!("{name}: {value}"))
                .collect();
            format!("insert into {table} of {database}: {}", columns.join(", "))
        }
    }
}
