//! The edits of a key's events that a search looks for, and what it found.

/// An edit of events, which are told by their index.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::projection) enum Edit {
    /// These are left out.
    LeftOut(Vec<usize>),
    /// This one is applied twice in a row; these, the last of those claimed, are lost.
    Twice(usize, Vec<usize>),
    /// This one and the next are swapped; these, the last of those claimed, are lost.
    Swapped(usize, Vec<usize>),
    /// From this one on so many are applied and then applied again.
    Again(usize, usize),
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::projection) struct Found {
    /// All edits of the least cost; some, where `reach` says that not all were tried.
    pub(in crate::projection) edits: Vec<Edit>,
    /// How far the search came.
    pub(in crate::projection) reach: Reach,
    /// Why it cannot be told of some edit whether it gives the row.
    pub(in crate::projection) doubt: Option<String>,
}

/// How far a search came before its budget ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::projection) enum Reach {
    /// To its end.
    Whole,
    /// Every edit of at most this cost was tried.
    Cost(usize),
}
