//! The HL7 FAST Security (UDAP Security) guide in Rust: its objects, its words and its rules, for every role alike.
//!
//! Text and time go in, typed objects and refusals come out; nothing here fetches, stores or decides whom to trust.
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::allow_attributes, reason = "tests")
)]

pub mod access_token;
pub mod audit_event;
pub mod authentication_token;
pub mod certification;
pub mod edition;
pub mod extensions;
mod foreign_text;
pub mod form;
pub mod ids;
pub mod metadata;
pub mod negotiation;
pub mod oauth_error;
pub mod registration;
pub mod scope;
pub mod signed;
pub mod signed_metadata;
pub mod software_statement;
#[cfg(test)]
mod testing;
pub mod token;

pub use self::foreign_text::foreign_text;
