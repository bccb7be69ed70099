//! What happens to every request before and after its handler.

pub(crate) mod correlation;
pub(crate) mod framing;
pub(crate) mod header_size;
pub(crate) mod overload;
pub(crate) mod panics;
