//! Bundles of resources whose bytes are put in as they are kept.
//!
//! Source: FHIR R4 `bundle.html`

use axum::body::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;

use super::outcome::Refusal;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Bundle<'a> {
    pub(super) resource_type: &'static str,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) total: usize,
    pub(super) link: Vec<Link>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) entry: Vec<Entry<'a>>,
}

#[derive(Serialize)]
pub(super) struct Link {
    pub(super) relation: &'static str,
    pub(super) url: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry<'a> {
    pub(super) full_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) resource: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) search: Option<Found>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) request: Option<EntryRequest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) response: Option<EntryResponse>,
}

/// Why a search has the entry.
#[derive(Serialize)]
pub(super) struct Found {
    pub(super) mode: &'static str,
}

/// What made a version.
#[derive(Serialize)]
pub(super) struct EntryRequest {
    pub(super) method: &'static str,
    pub(super) url: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EntryResponse {
    pub(super) status: &'static str,
    pub(super) etag: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_modified: Option<String>,
}

impl Bundle<'_> {
    pub(super) fn to_bytes(&self) -> Result<Bytes, Refusal> {
        serde_json::to_vec(self).map(Bytes::from).map_err(|_error| Refusal::internal())
    }
}

/// The bytes of a kept resource as a part of a larger text.
pub(super) fn embedded(body: &Bytes) -> Result<&RawValue, Refusal> {
    serde_json::from_slice(body).map_err(|_error| Refusal::internal())
}
