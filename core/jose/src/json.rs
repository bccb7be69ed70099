//! JSON from outside, read once, strictly and within bounds.
//!
//! [`read`] looks at the size first, then at the encoding, and counts values and nesting while it reads. A member that
//! occurs twice is refused at any depth, because two readers could otherwise see two different objects in one signed
//! text. Numbers with a fraction or an exponent are never integers, not even `1.0`: times are compared exactly.
//!
//! `serde_json::Value` was the alternative; it keeps the last of two equal members and says nothing.
//!
//! Source: RFC 8259; RFC 7493 §2.3; RFC 7519 §4

mod members;
mod reader;
mod value;

pub use members::MemberError;
pub use reader::{JsonError, Limits, read, read_object};
pub use value::{Object, Value};
