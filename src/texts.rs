//! Texts stored end to end, so that what is kept of a row is plain data and costs no allocation of
//! its own.

/// Where a text stands in the [`Texts`] that gave it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text {
    start: u32,
    length: u32,
}

/// Many texts in one piece of memory.
#[derive(Debug, Clone, Default)]
pub struct Texts {
    all: String,
}

impl Texts {
    /// Keeps a copy of a text. One that no longer fits (the whole is 4 GiB) is kept empty, so
    /// whoever fills it asks [`Texts::len`] before that.
    pub fn keep(&mut self, text: &str) -> Text {
        let start = u32::try_from(self.all.len());
        match (start, u32::try_from(self.all.len() + text.len())) {
            (Ok(start), Ok(end)) => {
                self.all.push_str(text);
                Text {
                    start,
                    length: end - start,
                }
            }
            _ => Text {
                start: 0,
                length: 0,
            },
        }
    }

    /// A text that this gave out.
    pub fn get(&self, text: Text) -> &str {
        &self.all[text.start as usize..text.start as usize + text.length as usize]
    }

    /// Bytes kept.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Forgets every text; keeps no more than `most` bytes of memory.
    pub fn clear(&mut self, most: usize) {
        self.all.clear();
        self.all.shrink_to(most);
    }
}
