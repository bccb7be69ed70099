//! The sandbox's small FHIR R4 store: somebody else's FHIR server, played in memory.
//!
//! It keeps the synthetic patients of `data/` as compact JSON bytes with a small index beside each, so that a few
//! thousand resources cost a few megabytes, and answers the RESTful interactions that its `CapabilityStatement` lists.
//! It knows neither users nor tokens: a gateway stands in front of it. It is sample data's home and never grows into a
//! general FHIR server; for more, put the gateway before a real one.
//!
//! One handler serves every path: the paths of FHIR are a grammar of their own (`http/interaction.rs`), and reading
//! them ourselves makes every refusal an `OperationOutcome`, which a router's own extractors would not.
//!
//! Source: FHIR R4 (4.0.1) `http.html`, `search.html`
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::allow_attributes, reason = "tests")
)]

mod http;
mod identifier;
mod resource;
mod resource_type;
mod sample_data;
mod search;
mod store;

pub use self::sample_data::SampleFhir;
