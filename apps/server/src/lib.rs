//! From a node's configuration to a running node; the only reader of a node's configuration.
//!
//! [`config`] reads and judges the file, [`node`] wires the roles to the edges and serves, `jobs` does what is due beside
//! the requests.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::allow_attributes, reason = "tests")
)]

pub mod audit_log;
pub mod audit_sink;
pub mod config;
mod jobs;
mod metrics;
pub mod node;
mod outgoing;
pub mod surroundings;

pub use node::RunningNode;
