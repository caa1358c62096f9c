//! Something of a few fields of one key. Most events write to one or two, so that a list takes a
//! fraction of a tree's memory, which has room for eleven, and that of one field none of its own.

use smallvec::SmallVec;

/// By the field's index, in order.
#[derive(Debug)]
pub(super) struct ByField<T>(SmallVec<[(usize, T); 1]>);

impl<T> Default for ByField<T> {
    fn default() -> ByField<T> {
        ByField(SmallVec::new())
    }
}

impl<T> ByField<T> {
    fn find(&self, field: usize) -> Result<usize, usize> {
        self.0.binary_search_by_key(&field, |(field, _)| *field)
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// That of a field.
    pub(super) fn get(&self, field: usize) -> Option<&T> {
        let at = self.find(field).ok()?;
        Some(&self.0[at].1)
    }

    /// The same, to be changed.
    pub(super) fn get_mut(&mut self, field: usize) -> Option<&mut T> {
        let at = self.find(field).ok()?;
        Some(&mut self.0[at].1)
    }

    /// The same, made where there is none.
    pub(super) fn get_or_default(&mut self, field: usize) -> &mut T
    where
        T: Default,
    {
        let at = self.find(field).unwrap_or_else(|at| {
            self.0.insert(at, (field, T::default()));
            at
        });
        &mut self.0[at].1
    }

    /// Puts one in the place of what is there, and answers that.
    pub(super) fn insert(&mut self, field: usize, value: T) -> Option<T> {
        match self.find(field) {
            Ok(at) => Some(std::mem::replace(&mut self.0[at].1, value)),
            Err(at) => {
                self.0.insert(at, (field, value));
                None
            }
        }
    }

    /// Takes that of a field out.
    pub(super) fn remove(&mut self, field: usize) -> Option<T> {
        let at = self.find(field).ok()?;
        Some(self.0.remove(at).1)
    }

    /// All of them, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &T)> {
        self.0.iter().map(|(field, value)| (*field, value))
    }

    /// The same, to be changed.
    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut().map(|(_, value)| value)
    }
}
