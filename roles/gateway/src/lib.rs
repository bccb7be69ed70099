//! The resource server's door: no FHIR request goes upstream without a permit.
// In work: the whole crate (please do not start over).
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
pub mod ports;
pub mod settings;
#[cfg(test)]
mod testing;

pub use context::GatewayContext;
pub use ports::{Body, BodyError};
pub use settings::GatewaySettings;
