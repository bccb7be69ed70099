//! The `CapabilityStatement`: upstream's own, with a security section that names our endpoints.
//!
//! It is public, so it is kept for a short while: what anybody may ask must not become as many requests upstream.
//!
//! Source: FHIR R4 "CapabilityStatement"; FAST Security STU2 §2.1; SMART App Launch 1.0 "OAuth URIs in conformance"

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tessera_jose::json::{Limits, Object, Value, read_object};
use tessera_trust::UnixTime;

use crate::rejection::Rejection;
use crate::rewrite::Rewriter;
use crate::settings::{GatewayBase, PublishedEndpoints};

/// The largest statement of upstream's, in bytes.
pub(crate) const MAX_STATEMENT_BYTES: usize = 4 * 1024 * 1024;
/// Servers that list every search parameter of every type have some 50 000 values in theirs.
const LIMITS: Limits = Limits { nodes: 200_000, ..Limits::new(MAX_STATEMENT_BYTES) };
/// How long a statement is kept.
const KEPT: Duration = Duration::from_secs(30);

/// The system and code of the UDAP security service.
///
/// Source: FAST Security STU2, code system `capability-rest-security-service`
const UDAP_SERVICE: (&str, &str) = ("http://fhir.udap.org/CodeSystem/capability-rest-security-service", "UDAP");
/// SMART's extension that names OAuth endpoints.
const OAUTH_URIS: &str = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris";

/// Statements as they were answered, by base; one for each base at most.
#[derive(Debug, Default)]
pub(crate) struct Statements(Mutex<HashMap<String, (UnixTime, Bytes)>>);

impl Statements {
    /// The statement of a base, unless it is older than half a minute or from the future.
    pub(crate) fn kept(&self, base: &GatewayBase, now: UnixTime) -> Option<Bytes> {
        let statements = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, statement) = statements.get(&base.name)?;
        (*since <= now && now < since.plus(KEPT)).then(|| statement.clone())
    }

    /// Keeps a statement in place of an earlier one.
    pub(crate) fn keep(&self, base: &GatewayBase, statement: Bytes, now: UnixTime) {
        let mut statements = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        statements.insert(base.name.clone(), (now, statement));
    }
}

/// Upstream's statement as ours.
pub(crate) fn published(statement: &[u8], base: &GatewayBase) -> Result<Bytes, Rejection> {
    const WRONG: Rejection = Rejection::UpstreamAnswer { what: "its metadata is no CapabilityStatement" };
    let mut statement = read_object(statement, &LIMITS).map_err(|_| WRONG)?;
    if statement.get("resourceType").and_then(Value::as_str) != Some("CapabilityStatement") {
        return Err(WRONG);
    }
    let mut rest = match statement.remove("rest") {
        None => Vec::new(),
        Some(Value::Array(rest)) => rest,
        Some(_) => return Err(WRONG),
    };
    if rest.is_empty() {
        let mut server = Object::new();
        server.insert("mode", "server");
        rest.push(Value::Object(server));
    }
    for part in &mut rest {
        let Value::Object(part) = part else { return Err(WRONG) };
        part.insert("security", security(&base.endpoints));
    }
    statement.insert("rest", Value::Array(rest));
    let mut rewriter = Rewriter::new(base);
    let mut text = rewriter.push(Bytes::from(statement.to_json())).to_vec();
    text.extend_from_slice(&rewriter.finish());
    Ok(Bytes::from(text))
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
    fn a_statement_is_kept_for_half_a_minute() {
        let statements = Statements::default();
        let now = UnixTime::from_secs(1000);
        assert_eq!(statements.kept(&base(), now), None);
        statements.keep(&base(), Bytes::from_static(b"x"), now);
        assert!(statements.kept(&base(), now.plus(Duration::from_secs(29))).is_some());
        assert_eq!(statements.kept(&base(), now.plus(KEPT)), None);
        assert_eq!(statements.kept(&base(), now.minus(Duration::from_secs(1))), None);
    }
}
