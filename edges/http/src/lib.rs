//! The one place that knows HTTP on the serving side: the accept loop, the addresses, status codes and headers.
//!
//! A request's way: [`server`] accepts the connection, [`routes`] finds the handler, `middleware/` names the request, sheds
//! load and contains panics, `endpoints/` reads the request within its limits and asks the role that decides, and
//! `error_response` gives a refusal its form.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::allow_attributes, reason = "tests")
)]

pub mod body;
mod decision;
pub mod endpoints;
mod error_response;
mod middleware;
pub mod routes;
pub mod server;
pub mod state;
mod write_deadline;
