//! The `CapabilityStatement`, written from the same tables that the interactions use.
//!
//! Source: FHIR R4 `capabilitystatement.html`, `http.html#capabilities`

use axum::body::Bytes;
use serde_json::{Value, json};

use crate::resource_type::ResourceType;
use crate::search::parameter::{Kind, SearchParameter};

/// The day on which what is stated here last changed.
const DATE: &str = "2026-01-01";

/// The statement of a server that is known as `base`.
pub(super) fn statement(base: &str) -> Bytes {
    let resources: Vec<Value> = ResourceType::ALL.into_iter().map(resource).collect();
    let statement = json!({
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": DATE,
        "kind": "instance",
        "software": { "name": "Tessera sample FHIR store", "version": env!("CARGO_PKG_VERSION") },
        "implementation": { "description": "Synthetic patients in memory; no real person", "url": base },
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json"],
        "rest": [{
            "mode": "server",
            "documentation": "Unknown search parameters are refused unless the client prefers lenient handling. \
                Resources are forgotten when the process ends; of each the last versions are kept. \
                No access control of its own: it stands behind a gateway.",
            "resource": resources,
        }],
    });
    statement.to_string().into()
}

fn resource(kind: ResourceType) -> Value {
    let interactions = ["read", "vread", "update", "delete", "history-instance", "create", "search-type"];
    let general = [
        json!({ "name": "_id", "type": "token" }),
        json!({ "name": "_lastUpdated", "type": "date", "documentation": DATE_PREFIXES }),
    ];
    let parameters: Vec<Value> = general.into_iter().chain(kind.search_parameters().iter().map(parameter)).collect();
    json!({
        "type": kind.name(),
        "interaction": interactions.map(|code| json!({ "code": code })),
        "versioning": "versioned",
        "readHistory": true,
        "updateCreate": true,
        "conditionalCreate": false,
        "conditionalRead": "full-support",
        "conditionalUpdate": false,
        "conditionalDelete": "not-supported",
        "searchParam": parameters,
    })
}

const DATE_PREFIXES: &str = "Prefixes eq, ne, gt, lt, ge, le, sa, eb";

fn parameter(parameter: &SearchParameter) -> Value {
    let mut stated = json!({ "name": parameter.name, "type": parameter.kind.search_type() });
    let documentation = match parameter.kind {
        Kind::Date => Some(DATE_PREFIXES.to_owned()),
        Kind::Text => Some("Modifiers :exact, :contains".to_owned()),
        Kind::Reference(target) => Some(format!("References to {target} only")),
        Kind::Concept | Kind::Coding | Kind::Code(_) | Kind::Identifier => None,
    };
    if let (Some(members), Some(documentation)) = (stated.as_object_mut(), documentation) {
        members.insert("documentation".to_owned(), documentation.into());
    }
    stated
}
