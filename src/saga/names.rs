//! Names of errors and stray event types, each held once.

use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

/// Names met in a log, each with the number that stands for it in a [`Moment`](crate::saga::Moment).
#[derive(Debug, Clone, Default)]
pub struct Names {
    ids: HashMap<Arc<str>, u32, FixedState>,
    texts: Vec<Arc<str>>,
}

impl Names {
    /// The number that stands for `text` from now on.
    pub fn intern(&mut self, text: &str) -> u32 {
        if let Some(id) = self.ids.get(text) {
            return *id;
        }
        let id = self.texts.len() as u32;
        let text: Arc<str> = text.into();
        self.texts.push(text.clone());
        self.ids.insert(text, id);
        id
    }

    /// The name with this number.
    pub fn text(&self, id: u32) -> &str {
        self.texts.get(id as usize).map_or("", |text| text)
    }
}
