//! Hostile bytes become signed objects here, or they become an error: strict compact JWS, bounded JSON, and keys.
//!
//! The crate knows four algorithms ([`algorithm`]), one JSON reader for everything that comes from outside ([`json`]),
//! one JWS reader and writer ([`jws`]), the keys behind both ([`key`]) and how our own public keys are published
//! ([`jwk`]). It reads no clock, opens no file and knows certificates only as opaque DER: who a key belongs to is
//! decided in `tessera_trust`, what a claim means in `tessera_udap`.
//!
//! A general JWT crate was the alternative; the ones at hand accept unknown `crit`, ignore `zip`, let the last of two
//! equal members win, or choose the algorithm from the header alone.
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::allow_attributes, reason = "tests")
)]

pub mod algorithm;
mod base64url;
pub mod json;
pub mod jwk;
pub mod jws;
pub mod key;

pub use base64url::{Base64UrlError, base64url_decode, base64url_encode};
