//! The `CapabilityStatement`: upstream's own, cut to what goes through here, with a security section that names our
//! endpoints.
//!
//! What the gateway refuses - batches, operations, includes, compartments, conditional writes, other forms than JSON - is
//! taken out, so that a client that believes the statement is not refused. The lists are those of the grammar in
//! `request`.
//!
//! Source: FHIR R4 "CapabilityStatement"; FAST Security STU2 §2.1; SMART App Launch 1.0 "OAuth URIs in conformance"

use bytes::Bytes;
use tessera_jose::json::{Limits, Object, Value, read_object};

use crate::rejection::Rejection;
use crate::request::media::FHIR_JSON;
use crate::request::parameters::is_search_parameter;
use crate::request::resource_type::ResourceType;
use crate::settings::{GatewayBase, PublishedEndpoints};

/// The largest statement of upstream's, in bytes.
pub(crate) const MAX_STATEMENT_BYTES: usize = 4 * 1024 * 1024;
/// Servers that list every search parameter of every type have some 50 000 values in theirs.
const LIMITS: Limits = Limits { nodes: 200_000, ..Limits::new(MAX_STATEMENT_BYTES) };
/// The interactions with a type that the grammar understands.
const INTERACTIONS: [&str; 7] = ["read", "vread", "history-instance", "search-type", "create", "update", "delete"];

/// The system and code of the UDAP security service.
///
/// Source: FAST Security STU2, code system `capability-rest-security-service`
const UDAP_SERVICE: (&str, &str) = ("http://fhir.udap.org/CodeSystem/capability-rest-security-service", "UDAP");
/// SMART's extension that names OAuth endpoints.
const OAUTH_URIS: &str = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris";

const WRONG: Rejection = Rejection::UpstreamAnswer { what: "its metadata is no CapabilityStatement" };

/// Upstream's statement, in which its address is ours already, as ours.
pub(crate) fn published(statement: &[u8], base: &GatewayBase) -> Result<Bytes, Rejection> {
    let mut statement = read_object(statement, &LIMITS).map_err(|_| WRONG)?;
    if statement.get("resourceType").and_then(Value::as_str) != Some("CapabilityStatement") {
        return Err(WRONG);
    }
    // The narrative describes the server as it is behind the gateway.
    for absent in ["text", "messaging", "document", "patchFormat"] {
        statement.remove(absent);
    }
    statement.insert("format", vec![FHIR_JSON, "json"]);
    if let Some(Value::Object(mut implementation)) = statement.remove("implementation") {
        implementation.insert("url", base.base_url());
        statement.insert("implementation", implementation);
    }
    let mut rest: Vec<Object> = Vec::new();
    for part in elements(statement.remove("rest"))? {
        let Value::Object(part) = part else { return Err(WRONG) };
        // What it can do as a client of others is nobody's business here.
        if part.get("mode").and_then(Value::as_str) != Some("client") {
            rest.push(offered(part)?);
        }
    }
    if rest.is_empty() {
        rest.push(object([("mode", "server".into())]));
    }
    for part in &mut rest {
        part.insert("security", security(&base.endpoints));
    }
    statement.insert("rest", rest);
    Ok(Bytes::from(statement.to_json()))
}

/// A `rest` element without what the gateway refuses.
fn offered(mut part: Object) -> Result<Object, Rejection> {
    // Its own interactions and operations are those with the whole server: batch, transaction, system history and search.
    for absent in ["interaction", "operation", "compartment"] {
        part.remove(absent);
    }
    keep_search_parameters(&mut part)?;
    let mut resources: Vec<Object> = Vec::new();
    for resource in elements(part.remove("resource"))? {
        let Value::Object(resource) = resource else { return Err(WRONG) };
        let resource_type = resource.get("type").and_then(Value::as_str).and_then(ResourceType::parse);
        if let Some(resource_type) = resource_type {
            resources.push(offered_resource(resource, resource_type)?);
        }
    }
    if !resources.is_empty() {
        part.insert("resource", resources);
    }
    Ok(part)
}

fn offered_resource(mut resource: Object, resource_type: ResourceType) -> Result<Object, Rejection> {
    for absent in ["operation", "searchInclude", "searchRevInclude"] {
        resource.remove(absent);
    }
    keep(&mut resource, "interaction", |interaction| {
        let code = interaction.get("code").and_then(Value::as_str).unwrap_or_default();
        let is_refused = resource_type.sends_data_elsewhere() && matches!(code, "create" | "update");
        INTERACTIONS.contains(&code) && !is_refused
    })?;
    keep_search_parameters(&mut resource)?;
    resource.insert("conditionalCreate", false);
    resource.insert("conditionalUpdate", false);
    resource.insert("conditionalDelete", "not-supported");
    Ok(resource)
}

fn keep_search_parameters(object: &mut Object) -> Result<(), Rejection> {
    keep(object, "searchParam", |parameter| {
        parameter.get("name").and_then(Value::as_str).is_some_and(is_search_parameter)
    })
}

/// Keeps of an array the objects that fit; an array of which nothing is left goes.
fn keep(object: &mut Object, name: &str, fits: impl Fn(&Object) -> bool) -> Result<(), Rejection> {
    let mut kept = elements(object.remove(name))?;
    kept.retain(|element| element.as_object().is_some_and(&fits));
    if !kept.is_empty() {
        object.insert(name, Value::Array(kept));
    }
    Ok(())
}

/// The elements of an array; none when it is not there.
fn elements(value: Option<Value>) -> Result<Vec<Value>, Rejection> {
    match value {
        None => Ok(Vec::new()),
        Some(Value::Array(elements)) => Ok(elements),
        Some(_) => Err(WRONG),
    }
}

fn security(endpoints: &PublishedEndpoints) -> Object {
    let uri = |name: &str, value: &str| object([("url", name.into()), ("valueUri", value.into())]);
    let uris = vec![uri("token", endpoints.token.as_str()), uri("register", endpoints.registration.as_str())];
    let (system, code) = UDAP_SERVICE;
    let coding = object([("system", system.into()), ("code", code.into()), ("display", "UDAP".into())]);
    let service = object([("coding", vec![coding].into()), ("text", "UDAP".into())]);
    let description = format!("Clients register and take tokens by UDAP; see {}", endpoints.udap_metadata);
    object([
        ("extension", vec![object([("url", OAUTH_URIS.into()), ("extension", uris.into())])].into()),
        ("service", vec![service].into()),
        ("description", description.into()),
    ])
}

fn object<const N: usize>(members: [(&str, Value); N]) -> Object {
    let mut object = Object::new();
    for (name, value) in members {
        object.insert(name, value);
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{UPSTREAM_URL, base};

    fn published_from(text: &str) -> Result<serde_json::Value, &'static str> {
        let published = published(text.as_bytes(), &base()).map_err(|refused| refused.rule().reason_code)?;
        Ok(serde_json::from_slice(&published).unwrap())
    }

    #[test]
    fn names_our_endpoints_and_no_other() {
        let upstream = format!(
            r#"{{"resourceType":"CapabilityStatement","implementation":{{"url":"{UPSTREAM_URL}"}},
            "rest":[{{"mode":"server","security":{{"cors":true,"extension":[{{"url":"{OAUTH_URIS}",
            "extension":[{{"url":"token","valueUri":"http://10.0.0.5/token"}}]}}]}},"resource":[{{"type":"Patient"}}]}}]}}"#
        );
        let published = published_from(&upstream).unwrap();
        assert_eq!(published["implementation"]["url"], "https://data.example/fhir");
        let rest = &published["rest"][0];
        assert_eq!(rest["resource"][0]["type"], "Patient");
        let uris = &rest["security"]["extension"];
        assert_eq!(uris.as_array().unwrap().len(), 1);
        assert_eq!(uris[0]["url"], OAUTH_URIS);
        assert_eq!(
            uris[0]["extension"],
            serde_json::json!([
                { "url": "token", "valueUri": "https://data.example/token" },
                { "url": "register", "valueUri": "https://data.example/register" },
            ])
        );
        assert_eq!(rest["security"]["service"][0]["coding"][0]["code"], "UDAP");
        assert!(rest["security"]["description"].as_str().unwrap().contains("/fhir/.well-known/udap"));
        assert!(!published.to_string().contains("10.0.0.5"));
    }

    #[test]
    fn adds_the_section_where_there_is_none() {
        for upstream in
            [r#"{"resourceType":"CapabilityStatement"}"#, r#"{"resourceType":"CapabilityStatement","rest":[]}"#]
        {
            assert!(published_from(upstream).unwrap()["rest"][0]["security"].is_object());
        }
    }

    #[test]
    fn refuses_what_is_no_statement() {
        for text in [
            "",
            "<CapabilityStatement/>",
            r#"{"resourceType":"Patient"}"#,
            r#"{"resourceType":"CapabilityStatement","rest":{}}"#,
            r#"{"resourceType":"CapabilityStatement","rest":[1]}"#,
        ] {
            assert_eq!(published_from(text).unwrap_err(), "upstream-answer", "{text}");
        }
    }

    #[test]
    fn advertises_what_goes_through_and_nothing_else() {
        let upstream = r#"{"resourceType":"CapabilityStatement","text":{"div":"x"},"messaging":[{}],"document":[{}],
            "format":["xml","json"],"patchFormat":["application/json-patch+json"],
            "rest":[{"mode":"client"},{"mode":"server","operation":[{"name":"export"}],"compartment":["x"],
              "interaction":[{"code":"transaction"},{"code":"batch"},{"code":"search-system"},{"code":"history-system"}],
              "searchParam":[{"name":"_id"},{"name":"_has"},{"name":"_filter"}],
              "resource":[
                {"type":"Patient","operation":[{"name":"everything"}],"searchInclude":["*"],"searchRevInclude":["x"],
                 "versioning":"versioned-update","readHistory":true,"updateCreate":true,"conditionalRead":"full-support",
                 "conditionalCreate":true,"conditionalUpdate":true,"conditionalDelete":"multiple",
                 "interaction":[{"code":"read"},{"code":"vread"},{"code":"update"},{"code":"patch"},{"code":"delete"},
                   {"code":"history-instance"},{"code":"history-type"},{"code":"create"},{"code":"search-type"}],
                 "searchParam":[{"name":"name"},{"name":"general-practitioner.name"},{"name":"_list"}]},
                {"type":"Subscription","interaction":[{"code":"create"},{"code":"read"}]},
                {"type":"Unheard"}]}]}"#;
        let published = published_from(upstream).unwrap();
        assert_eq!(published["format"], serde_json::json!(["application/fhir+json", "json"]));
        for absent in ["text", "messaging", "document", "patchFormat"] {
            assert_eq!(published.get(absent), None, "{absent}");
        }
        assert_eq!(published["rest"].as_array().unwrap().len(), 1);
        let mut rest = published["rest"][0].clone();
        rest.as_object_mut().unwrap().remove("security");
        let expected = serde_json::json!({
            "mode": "server",
            "searchParam": [{ "name": "_id" }],
            "resource": [
                { "type": "Patient", "versioning": "versioned-update", "readHistory": true, "updateCreate": true,
                  "conditionalRead": "full-support", "conditionalCreate": false, "conditionalUpdate": false,
                  "conditionalDelete": "not-supported",
                  "interaction": [{ "code": "read" }, { "code": "vread" }, { "code": "update" }, { "code": "delete" },
                    { "code": "history-instance" }, { "code": "create" }, { "code": "search-type" }],
                  "searchParam": [{ "name": "name" }] },
                { "type": "Subscription", "conditionalCreate": false, "conditionalUpdate": false,
                  "conditionalDelete": "not-supported", "interaction": [{ "code": "read" }] },
            ],
        });
        assert_eq!(rest, expected);
    }
}
