//! The store over HTTP, one module per interaction of `http.html`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::allow_attributes, reason = "tests")]

mod capabilities;
mod create;
mod delete;
mod general;
mod history;
mod read;
mod search;
mod server;
mod update;
