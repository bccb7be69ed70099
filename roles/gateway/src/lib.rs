//! The resource server's door: a FHIR request goes upstream with a permit or not at all.
//!
//! The walk of a request, which [`Gateway::handle`] tells:
//!
//! 1. `request` reads it by our own grammar into type, id, interaction and parameters; what it does not understand is
//!    refused.
//! 2. `token` verifies the access token in the Authorization header and asks whether it still lives.
//! 3. [`permit`] judges scope, purpose of use and written body, asks again when a body had to be read, and makes the
//!    [`permit::AccessPermit`], which is recorded.
//! 4. `forward` builds the request anew for upstream, and lets the answer pass by lists, its links rewritten as they
//!    stream by.
//!
//! A refusal is an `OperationOutcome`, an audit record and a log line. The alternative, a proxy with a filter in front,
//! forwards whatever its filter did not think of.
//!
//! What is understood today is one type at a time: read, vread, history of an instance, search, create, update, delete.
//! Batches, operations, includes, chains, compartments and conditional writes are refused until each of their parts is
//! judged by itself.
//!
//! Source: FAST Security STU2 §5.2.4; security invariants 39 to 44
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::allow_attributes, reason = "tests")
)]

pub mod audit;
mod body;
mod capability;
pub mod context;
mod forward;
mod gateway;
mod outcome;
pub mod permit;
pub mod ports;
mod rejection;
mod request;
mod rewrite;
pub mod scope;
pub mod settings;
mod statements;
#[cfg(test)]
mod testing;
mod token;
mod upstream_outcome;
mod write_watch;
mod written;

pub use context::GatewayContext;
pub use gateway::{AnsweredRefusal, Gateway};
pub use ports::{Body, BodyError};
pub use settings::GatewaySettings;
