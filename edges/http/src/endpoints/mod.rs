//! The endpoints for machines, one file each.

pub(crate) mod discovery;
pub(crate) mod fhir;
pub mod operator;
pub(crate) mod registration;
pub(crate) mod token;
pub(crate) mod token_status;
