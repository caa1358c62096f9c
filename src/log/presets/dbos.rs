//! DBOS Transact on SQLite: a status row for each workflow and a row for each finished step, turned
//! into events.
//!
//! - A workflow gives `WorkflowEnqueued` where it went through a queue, `WorkflowStarted`, and one
//!   of `WorkflowSucceeded`, `WorkflowFailed`, `WorkflowCancelled`, `WorkflowDeadLettered`.
//! - A step gives an event of its function's name, with `:failed` behind it where it recorded an
//!   error. `DBOS.sleep` stands at its start: what it records as its end is when it means to wake.
//!
//! Inputs, outputs and errors may be pickled and are never decoded. Workflow rows are stamped in
//! whole seconds, rounded down, so that a workflow seems to end before its last step: its end is
//! taken to be at its last step then. Steps are copied into a fork with their times. Status rows are
//! overwritten, so the events are what is known now: positions, numbered by time, may shift as the
//! log grows.

use super::{Preset, field, filled, kind, time};
use crate::definition::log::{Relation, Source, TimeUnit};
use crate::log::error::LogError;
use crate::log::open::Database;
use crate::log::recognise::Evidence;
use crate::log::schema::{self, Shape};

pub(super) const PRESET: Preset = Preset {
    name: "dbos",
    complete,
    recognise,
};

const WORKFLOWS: &str = "workflow_status";
const STEPS: &str = "operation_outputs";

fn complete(database: &Database, source: &Source) -> Result<Vec<Source>, LogError> {
    let workflows = Shape::of(database, &Relation::Table(WORKFLOWS.to_owned()))?;
    let steps = Shape::of(database, &Relation::Table(STEPS.to_owned()))?;
    let known = Source {
        relation: Some(Relation::Query(query(&workflows, &steps))),
        position: Some(field("position")),
        time: time("time", TimeUnit::Milliseconds),
        kind: kind("type", None),
        stream: Some(field("workflow_uuid")),
        id: Some(field("id")),
        correlation: Some(field("workflow_uuid")),
        data: Some(field("data")),
        ..Source::blank()
    };
    Ok(vec![filled(source, known)])
}

fn recognise(database: &Database) -> Result<Option<Evidence>, LogError> {
    let tables = schema::tables(database)?;
    if ![WORKFLOWS, STEPS]
        .iter()
        .all(|table| tables.iter().any(|name| name == table))
    {
        return Ok(None);
    }
    let workflows = Shape::of(database, &Relation::Table(WORKFLOWS.to_owned()))?;
    if !["workflow_uuid", "status", "created_at"]
        .iter()
        .all(|c| workflows.column(c).is_some())
    {
        return Ok(None);
    }
    Ok(Some(Evidence {
        reasons: vec![format!(
            "tables `{WORKFLOWS}` and `{STEPS}` of DBOS Transact"
        )],
        sources: vec![Source {
            preset: Some(PRESET.name.to_owned()),
            ..Source::blank()
        }],
    }))
}

/// The first of the columns that there is, else the default.
fn either(shape: &Shape, alias: &str, names: &[&str], default: &str) -> String {
    let found: Vec<String> = names
        .iter()
        .filter(|name| shape.column(name).is_some())
        .map(|name| format!("{alias}.{name}"))
        .collect();
    match found.as_slice() {
        [] => default.to_owned(),
        [only] if default == "NULL" => only.clone(),
        some => format!("coalesce({}, {default})", some.join(", ")),
    }
}

fn query(workflows: &Shape, steps: &Shape) -> String {
    let created = either(workflows, "w", &["created_at"], "0");
    let dequeued = either(workflows, "w", &["started_at_epoch_ms"], "NULL");
    let ended = either(
        workflows,
        "w",
        &["completed_at", "updated_at", "created_at"],
        "0",
    );
    let queue = either(workflows, "w", &["queue_name"], "NULL");
    let name = either(workflows, "w", &["name"], "NULL");
    let executor = either(workflows, "w", &["executor_id"], "NULL");
    let attempts = either(workflows, "w", &["recovery_attempts"], "NULL");
    let forked = either(workflows, "w", &["forked_from"], "NULL");
    let parent = either(workflows, "w", &["parent_workflow_id"], "NULL");
    let function = either(steps, "o", &["function_name"], "''");
    let child = either(steps, "o", &["child_workflow_id"], "NULL");
    let error = either(steps, "o", &["error"], "NULL");
    let begun = either(
        steps,
        "o",
        &["started_at_epoch_ms", "completed_at_epoch_ms"],
        &created,
    );
    let done = either(
        steps,
        "o",
        &["completed_at_epoch_ms", "started_at_epoch_ms"],
        &created,
    );
    let workflow = format!(
        "json_object('name', {name}, 'workflow', {name}, 'status', w.status, 'executor', {executor}, 'queue', {queue}, \
         'attempts', {attempts}, 'forked_from', {forked}, 'parent', {parent})"
    );
    format!(
        "WITH steps AS (
           SELECT o.workflow_uuid, o.function_id, {function} AS name, {error} IS NOT NULL AS failed,
             CASE {function} WHEN 'DBOS.sleep' THEN {begun} ELSE {done} END AS time,
             {begun} AS begun,
             json_object('name', {function}, 'function_id', o.function_id, 'child', {child},
               'workflow', {name}, 'status', w.status, 'executor', {executor}, 'queue', {queue},
               'attempts', {attempts}, 'forked_from', {forked}) AS data
           FROM operation_outputs o LEFT JOIN workflow_status w USING (workflow_uuid)),
         bounds AS (
           SELECT workflow_uuid, min(begun) AS first, max(time) AS last FROM steps GROUP BY 1),
         facts AS (
           SELECT w.workflow_uuid, 0 AS rank, 0 AS number, 'enqueued' AS mark,
             'WorkflowEnqueued' AS type, {created} AS time, {workflow} AS data
           FROM workflow_status w
           WHERE {queue} IS NOT NULL OR w.status IN ('ENQUEUED', 'DELAYED')
           UNION ALL
           SELECT w.workflow_uuid, 1, 0, 'started', 'WorkflowStarted',
             min(coalesce({dequeued}, {created}), coalesce(b.first, 9e18)), {workflow}
           FROM workflow_status w LEFT JOIN bounds b USING (workflow_uuid)
           WHERE w.status NOT IN ('ENQUEUED', 'DELAYED')
             AND ({dequeued} IS NOT NULL OR {queue} IS NULL OR b.first IS NOT NULL
               OR w.status <> 'CANCELLED')
           UNION ALL
           SELECT workflow_uuid, 2, function_id, function_id,
             CASE WHEN failed THEN name || ':failed' ELSE name END, time, data
           FROM steps
           UNION ALL
           SELECT w.workflow_uuid, 3, 0, 'ended',
             CASE w.status WHEN 'SUCCESS' THEN 'WorkflowSucceeded' WHEN 'ERROR' THEN 'WorkflowFailed'
               WHEN 'CANCELLED' THEN 'WorkflowCancelled' ELSE 'WorkflowDeadLettered' END,
             max({ended}, coalesce(b.last, 0)), {workflow}
           FROM workflow_status w LEFT JOIN bounds b USING (workflow_uuid)
           WHERE w.status IN ('SUCCESS', 'ERROR', 'CANCELLED', 'MAX_RECOVERY_ATTEMPTS_EXCEEDED',
             'RETRIES_EXCEEDED'))
         SELECT row_number() OVER (ORDER BY time, workflow_uuid, rank, number) AS position,
           workflow_uuid, workflow_uuid || ':' || mark AS id, type, CAST(time AS INTEGER) AS time, data
         FROM facts"
    )
}
