//! Recorded event types as small numbers.

use std::cell::RefCell;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::TypeId;

/// Every type name met or asked for, numbered from 0.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    inner: RefCell<Names>,
}

#[derive(Debug, Default)]
struct Names {
    names: Vec<Arc<str>>,
    ids: HashMap<Arc<str>, TypeId, FixedState>,
}

impl Interner {
    pub(crate) fn intern(&self, name: &str) -> TypeId {
        let mut inner = self.inner.borrow_mut();
        if let Some(id) = inner.ids.get(name) {
            return *id;
        }
        // 2^32 names of one byte would not fit into memory either.
        let id = TypeId(u32::try_from(inner.names.len()).unwrap_or(u32::MAX));
        let name: Arc<str> = name.into();
        inner.names.push(Arc::clone(&name));
        inner.ids.insert(name, id);
        id
    }

    /// The name of an id that this interner gave out; empty for a foreign one.
    pub(crate) fn name(&self, id: TypeId) -> Arc<str> {
        match self.inner.borrow().names.get(id.0 as usize) {
            Some(name) => Arc::clone(name),
            None => Arc::from(""),
        }
    }

    pub(crate) fn all(&self) -> Vec<(TypeId, Arc<str>)> {
        (0..)
            .map(TypeId)
            .zip(self.inner.borrow().names.iter().map(Arc::clone))
            .collect()
    }
}
