//! The real binary, as people and scripts start it.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, unreachable_pub, reason = "tests")]

mod advice;
mod answers;
mod arguments;
mod check;
mod components;
mod hostile;
mod operator;
mod profile;
mod sandbox;
mod serve;
mod support;
mod visit;
