//! What readers keep of the texts of one row, which several definitions look at.

use std::ptr;

use super::{Keys, Text, Texts, named};

/// The texts that most definitions look at: the correlation value and the event's id.
const SHARED: usize = 2;

#[derive(Debug, Clone, Copy, Default)]
struct Made {
    hash: Option<u64>,
    kept: Option<Text>,
}

/// Where the texts of one row are kept, with what was learned of them on the way, so that nobody has
/// to do it again.
#[derive(Debug)]
pub struct Desk<'r> {
    texts: Texts,
    shared: [Option<&'r str>; SHARED],
    made: [Made; SHARED],
    is_json: bool,
}

impl<'r> Desk<'r> {
    /// A desk for a row with this correlation value and this id, and what was kept of others.
    pub fn new(texts: Texts, correlation: Option<&'r str>, id: Option<&'r str>) -> Desk<'r> {
        Desk {
            texts,
            shared: [correlation, id],
            made: [Made::default(); SHARED],
            is_json: false,
        }
    }

    /// What was kept.
    pub fn close(self) -> Texts {
        self.texts
    }

    /// What a text is looked up by, see [`Keys::hash`].
    pub fn hash(&mut self, text: &str) -> u64 {
        match self.made(text) {
            Some((made, _)) => *made.hash.get_or_insert_with(|| Keys::hash(text)),
            None => Keys::hash(text),
        }
    }

    /// The hash of what something is named, see [`Keys::hash_of_name`].
    pub fn hash_of_name(&mut self, text: Option<&str>) -> u64 {
        named(text).map_or(0, |text| self.hash(text) | 1)
    }

    /// Keeps a copy of a text, see [`Texts::keep`].
    pub fn keep(&mut self, text: &str) -> Text {
        match self.made(text) {
            Some((made, texts)) => *made.kept.get_or_insert_with(|| texts.keep(text)),
            None => self.texts.keep(text),
        }
    }

    /// Takes note that the data of the row was read, and is JSON.
    pub fn has_read_data(&mut self) {
        self.is_json = true;
    }

    /// Whether the data of the row is known to be JSON.
    pub const fn is_json(&self) -> bool {
        self.is_json
    }

    /// What was made of this very text. To compare the letters would cost what a hash does.
    fn made(&mut self, text: &str) -> Option<(&mut Made, &mut Texts)> {
        let is_it = |own: &Option<&str>| own.is_some_and(|own| ptr::eq(own, text));
        let at = self.shared.iter().position(is_it)?;
        Some((&mut self.made[at], &mut self.texts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shared_is_kept_once_and_anything_else_each_time() {
        let [value, twin, id] = ["a-7", "a-7", "e-1"].map(str::to_owned);
        let mut desk = Desk::new(Texts::default(), Some(&value), Some(&id));
        let (first, other, third) = (desk.keep(&value), desk.keep(&twin), desk.keep(&id));
        assert_ne!(first, other);
        assert_ne!(desk.keep(&value[1..]), first);
        for text in [&value, &twin, &id] {
            assert_eq!(desk.hash(text), Keys::hash(text));
            assert_eq!(
                desk.hash_of_name(Some(text)),
                Keys::hash_of_name(Some(text))
            );
        }
        assert_eq!(desk.hash_of_name(Some(" ")), 0);
        assert_eq!((desk.keep(&value), desk.keep(&id)), (first, third));
        let texts = desk.close();
        let kept = [first, other, third].map(|text| texts.get(text));
        assert_eq!(kept, ["a-7", "a-7", "e-1"]);
    }
}
