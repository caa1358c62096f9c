//! Instances of one saga that could be judged in part only, as told to the reader.

use crate::brief;
use crate::event::Position;
use crate::replay::Doubt;

/// How many there are, and the one whose doubtful event stands first.
#[derive(Debug, Default)]
pub(super) struct Doubtful {
    count: u64,
    first: Option<First>,
}

#[derive(Debug)]
struct First {
    position: Position,
    id: String,
    reason: String,
}

impl Doubtful {
    /// Takes one more, with the first of its events of which not everything could be told.
    pub(super) fn take(&mut self, id: &str, doubt: &Doubt) {
        self.count += 1;
        let position = doubt.moment.position;
        let place = (position, id);
        let known = self.first.as_ref();
        if known.is_some_and(|known| (known.position, known.id.as_str()) <= place) {
            return;
        }
        let whose = match doubt.blank.position {
            true => "of a row whose position cannot be read".to_owned(),
            false => format!("at position {position}"),
        };
        self.first = Some(First {
            position,
            id: id.to_owned(),
            reason: format!("{whose}, {}", doubt.reason),
        });
    }

    /// What there is to say.
    pub(super) fn in_words(&self) -> String {
        let Some(First { id, reason, .. }) = &self.first else {
            return String::new();
        };
        let id = brief::one(id, brief::IN_A_SENTENCE);
        let reason = brief::one(reason, brief::IN_A_TABLE);
        match self.count {
            1 => format!("{id} cannot be judged fully: {reason}"),
            count => {
                let instances = brief::grouped(count);
                format!("{instances} instances cannot be judged fully, first {id}: {reason}")
            }
        }
    }
}
