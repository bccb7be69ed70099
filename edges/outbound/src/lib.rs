//! Every contact that Tessera seeks: what it fetches, whom it dials, and what it believes about the answer.
//!
//! Two kinds of destination are kept apart. What was *learnt from a peer* (a CRL's place in a certificate, an endpoint in
//! metadata) passes the [`guard`] before it is dialled ([`http`]). What the *operator wrote down* (the upstream FHIR
//! server, the base URL typed after `tessera discover`) has limits of its own and may be private ([`upstream`],
//! [`transport`]). [`trust`] drives the path search of `tessera_trust` and brings it what it asks for.
//!
//! Source: security invariants 16 to 22
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::allow_attributes, reason = "tests")
)]

mod cache;
pub mod crl_store;
pub mod dial;
mod exchange;
pub mod guard;
pub mod http;
mod in_flight;
#[cfg(test)]
mod testing;
pub mod tls;
pub mod transport;
pub mod trust;
pub mod upstream;
