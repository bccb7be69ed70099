//! Black-box tests: a node started from a configuration file, spoken to over HTTP.
//!
//! Each test has its own node, database and members; what is shared are the keys, for making them costs time. Every test
//! makes a valid request, breaks one property of it, and names the requirement that it shows.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::allow_attributes,
    missing_docs,
    unreachable_pub,
    dead_code,
    unused_imports,
    reason = "tests; the support is shared with the durability test of apps/cli"
)]

mod support;

mod audit;
mod chain;
mod configuration;
mod discovery;
mod documents;
mod editions;
mod fhir;
mod metadata;
mod operator;
mod record;
mod registration;
mod registration_change;
mod silence;
mod token;
mod token_keys;
mod token_status;
