//! The sandbox as a whole, in this process and over real sockets.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::allow_attributes, reason = "tests")
)]

mod control;
mod page;
mod publication;
mod support;
mod visit;
