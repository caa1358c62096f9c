//! What the status column says of a run.

use crate::definition::saga::Saga;
use crate::generate::faults::Claim;
use crate::generate::walk::{DraftEvent, Happening, Role};

/// The status of an instance of which these events were recorded; `None` where it has no row.
pub fn status(saga: &Saga, events: &[DraftEvent], claim: Claim) -> Option<&'static str> {
    match claim {
        Claim::Silent => return None,
        Claim::Completed => return Some("DONE"),
        Claim::Compensated => return Some("ROLLED_BACK"),
        Claim::Running => return Some("RUNNING"),
        Claim::Honest => {}
    }
    for event in events {
        match event.role {
            Role::Completes => return Some("DONE"),
            Role::Compensated => return Some("ROLLED_BACK"),
            // The definitions have no status for it, so a row would only be a riddle.
            Role::Abandons => return None,
            _ => {}
        }
    }
    let is_going_back = events
        .iter()
        .any(|event| matches!(event.role, Role::Aborts | Role::Undo(..)) || failed(event));
    match is_going_back {
        false => Some("RUNNING"),
        // Between the last undo and the word that all is undone a coordinator still says that it
        // is unwinding. Whether that is a false claim is a matter of taste, so nothing is claimed.
        true => stands(saga, events).then_some("UNWINDING"),
    }
}

fn failed(event: &DraftEvent) -> bool {
    matches!(
        event.role,
        Role::Step(_, Happening::Failure | Happening::Rejection)
    )
}

/// Whether anything would have to be undone if the run went back.
fn stands(saga: &Saga, events: &[DraftEvent]) -> bool {
    saga.steps
        .iter()
        .enumerate()
        .filter(|(_, step)| step.compensation.is_some())
        .any(|(step, _)| {
            let mut has_effect = false;
            let mut stands = false;
            for event in events {
                match event.role {
                    Role::Step(of, happening) if of == step => match happening {
                        Happening::Success => (has_effect, stands) = (true, true),
                        Happening::Begin => stands = has_effect || saga.undo_ambiguous,
                        Happening::Failure | Happening::Rejection => {
                            stands = has_effect || saga.undo_failed
                        }
                    },
                    Role::Undo(of, Happening::Success) if of == step => {
                        (has_effect, stands) = (false, false)
                    }
                    _ => {}
                }
            }
            stands
        })
}
