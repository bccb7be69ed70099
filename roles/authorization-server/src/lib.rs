//! The authorization server of the FAST Security (UDAP) guide, without HTTP and without SQL.
//!
//! It decides: what the metadata says, who may register, who gets a token, what a token is still worth. What it needs of the
//! world it asks for through the small traits of [`ports`]; the time and chance of a request come in as [`context`].

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::allow_attributes,
        reason = "tests"
    )
)]

pub mod audit;
pub mod context;
pub mod policy;
pub mod ports;
pub mod registered;
pub mod settings;
