//! The HL7 FAST Security (UDAP Security) guide in Rust: its objects, its words and its rules, for every role alike.
//!
//! Text and time go in, typed objects and refusals come out; nothing here fetches, stores or decides whom to trust.
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

pub mod edition;
pub mod form;
pub mod ids;
pub mod negotiation;
pub mod oauth_error;
pub mod scope;
