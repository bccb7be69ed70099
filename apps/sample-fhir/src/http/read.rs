//! Read, version read and the history of one resource.
//!
//! Source: FHIR R4 `http.html#read`, `#vread`, `#history`

use axum::response::Response;
use http::StatusCode;
use http::header::HeaderMap;
use jiff::Timestamp;

use super::bundle::{Bundle, Entry, EntryRequest, EntryResponse, Link, embedded};
use super::outcome::Refusal;
use super::{Service, conditional, respond};
use crate::identifier::ResourceId;
use crate::resource_type::ResourceType;
use crate::store::{Change, Lookup, Version};

impl Service {
    pub(super) fn read(&self, kind: ResourceType, id: &ResourceId, headers: &HeaderMap) -> Result<Response, Refusal> {
        match self.stored().read(kind, id) {
            Lookup::Found(version) => unless_known(version, headers),
            Lookup::Deleted(mark) => Err(Refusal::deleted(mark)),
            Lookup::Unknown => Err(Refusal::unknown_resource()),
        }
    }

    pub(super) fn version_read(
        &self,
        kind: ResourceType,
        id: &ResourceId,
        number: u32,
        headers: &HeaderMap,
    ) -> Result<Response, Refusal> {
        match self.stored().version(kind, id, number) {
            Lookup::Found(version) => unless_known(version, headers),
            Lookup::Deleted(mark) => Err(Refusal::deleted(mark)),
            Lookup::Unknown => Err(Refusal::unknown_version()),
        }
    }

    /// All versions that are kept on one page, newest first; their number is bounded by the store.
    pub(super) fn history_instance(&self, kind: ResourceType, id: &ResourceId) -> Result<Response, Refusal> {
        let versions = self.stored().history(kind, id);
        if versions.is_empty() {
            return Err(Refusal::unknown_resource());
        }
        let instance = format!("{}/{}/{id}", self.base, kind.name());
        let entry = versions.iter().map(|version| history_entry(&instance, kind, id, version));
        let bundle = Bundle {
            resource_type: "Bundle",
            kind: "history",
            total: versions.len(),
            link: vec![Link { relation: "self", url: format!("{instance}/_history") }],
            entry: entry.collect::<Result<_, _>>()?,
        };
        Ok(respond::resource(StatusCode::OK, bundle.to_bytes()?))
    }
}

fn unless_known(version: &Version, headers: &HeaderMap) -> Result<Response, Refusal> {
    if conditional::is_not_modified(headers, version)? {
        return Ok(respond::bare(StatusCode::NOT_MODIFIED, version));
    }
    Ok(respond::version(StatusCode::OK, version, version.body.clone()))
}

fn history_entry<'a>(
    instance: &str,
    kind: ResourceType,
    id: &ResourceId,
    version: &'a Version,
) -> Result<Entry<'a>, Refusal> {
    let (method, status) = match version.change {
        Change::Created => ("POST", "201 Created"),
        Change::CreatedByUpdate => ("PUT", "201 Created"),
        Change::Updated => ("PUT", "200 OK"),
        Change::Deleted => ("DELETE", "204 No Content"),
    };
    let url = if method == "POST" { kind.name().to_owned() } else { format!("{}/{id}", kind.name()) };
    Ok(Entry {
        full_url: instance.to_owned(),
        resource: if version.is_deleted() { None } else { Some(embedded(&version.body)?) },
        search: None,
        request: Some(EntryRequest { method, url }),
        response: Some(EntryResponse {
            status,
            etag: format!("W/\"{}\"", version.number),
            last_modified: Timestamp::from_millisecond(version.updated).ok().map(|updated| updated.to_string()),
        }),
    })
}
