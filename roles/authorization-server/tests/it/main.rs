//! The authorization server over ports in memory, with frozen time.
//!
//! A builder makes a valid thing, the test breaks one property of it.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod audit;
mod discovery;
mod introspection;
mod pki;
mod ports;
mod registration;
mod revocation;
mod settings;
mod token;
mod world;
