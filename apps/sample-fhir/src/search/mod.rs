//! Search: what can be asked, what is kept to answer it, and how one meets the other.

pub(crate) mod criterion;
pub(crate) mod index;
pub(crate) mod parameter;
pub(crate) mod period;
pub(crate) mod query;
