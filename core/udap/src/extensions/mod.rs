//! Extension objects: what a client says about the context of its request, inside its Authentication Token.
//!
//! An unknown object is ignored; a malformed known one is a refusal.
//!
//! Source: FAST Security STU2 §5.2.1

pub mod b2b;
