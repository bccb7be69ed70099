use tessera_jose::algorithm::Algorithm;
use tessera_jose::json::Object;

use super::*;
use crate::edition::Edition;
use crate::testing::{object, with};

fn document() -> Object {
    object(
        r#"{"udap_versions_supported":["1"],"udap_profiles_supported":["udap_dcr","udap_authn","udap_authz"],
        "udap_authorization_extensions_supported":["hl7-b2b"],"udap_authorization_extensions_required":["hl7-b2b"],
        "udap_certifications_supported":[],"grant_types_supported":["client_credentials"],
        "scopes_supported":["system/*.rs"],"token_endpoint":"https://data.example/token",
        "token_endpoint_auth_methods_supported":["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported":["RS256","ES256"],
        "registration_endpoint":"https://data.example/register",
        "registration_endpoint_jwt_signing_alg_values_supported":["RS256","ES256"],"signed_metadata":"a.b.c"}"#,
    )
}

fn findings(document: &Object, edition: Edition) -> Vec<(&'static str, Severity)> {
    let findings = UdapMetadata::read(document, edition).findings;
    findings.iter().map(|finding| (finding.requirement, finding.severity)).collect()
}

/// What the element with this JSON, or without it, leads to under STU2.
fn changed(element: &str, json: Option<&str>) -> Vec<(&'static str, Severity)> {
    findings(&with(&document(), element, json), Edition::Stu2)
}

fn stops(requirement: &'static str) -> Vec<(&'static str, Severity)> {
    vec![(requirement, Severity::Stop)]
}

fn warns(requirement: &'static str) -> Vec<(&'static str, Severity)> {
    vec![(requirement, Severity::Warn)]
}

/// Shows: DISC-9
#[test]
fn a_good_document_has_no_findings_and_is_written_as_it_was_read() {
    let more = with(&document(), "x_other", Some("{\"a\":[null]}"));
    let reading = UdapMetadata::read(&more, Edition::Stu2);
    assert_eq!(reading.findings, []);
    assert_eq!(serde_json::to_string(&reading.metadata).unwrap(), document().to_json());
}

/// Shows: META-1
#[test]
fn version_1_must_be_listed() {
    for json in ["[]", "[\"2\"]", "[\"01\"]", "\"1\"", "[1]", "null"] {
        assert_eq!(changed("udap_versions_supported", Some(json)), stops("META-1"), "{json}");
    }
    assert_eq!(changed("udap_versions_supported", None), stops("META-1"));
    assert_eq!(changed("udap_versions_supported", Some("[\"1\",\"2\"]")), warns("META-1"));
}

/// Shows: META-2
#[test]
fn registration_and_authentication_must_be_listed() {
    assert_eq!(changed("udap_profiles_supported", None), stops("META-2"));
    for json in ["[\"udap_dcr\",\"udap_authz\"]", "[\"udap_authn\",\"udap_authz\"]"] {
        assert_eq!(changed("udap_profiles_supported", Some(json)), stops("META-2"), "{json}");
    }
}

/// Shows: META-3
#[test]
fn udap_authz_goes_with_client_credentials() {
    let without = with(&document(), "udap_profiles_supported", Some("[\"udap_dcr\",\"udap_authn\"]"));
    assert_eq!(findings(&without, Edition::Stu2), warns("META-3"));
    let code = with(&without, "grant_types_supported", Some("[\"authorization_code\"]"));
    let code = with(&code, "authorization_endpoint", Some("\"https://data.example/authorize\""));
    assert_eq!(findings(&code, Edition::Stu2), []);
}

/// Shows: META-5, META-6, META-8, META-9
#[test]
fn extension_and_certification_lists_must_be_there() {
    assert_eq!(changed("udap_authorization_extensions_required", None), warns("META-6"));
    assert_eq!(changed("udap_certifications_supported", None), warns("META-8"));
    assert_eq!(changed("udap_certifications_supported", Some("[\"https://cert.example/x\"]")), warns("META-9"));
    let without = with(&document(), "udap_authorization_extensions_supported", None);
    assert_eq!(findings(&without, Edition::Stu1), warns("META-5"));
    let none = with(
        &with(&document(), "udap_authorization_extensions_supported", Some("[]")),
        "udap_authorization_extensions_required",
        None,
    );
    assert_eq!(findings(&none, Edition::Stu2), []);
}

/// Shows: META-7, META-10
#[test]
fn what_is_required_must_be_supported() {
    let extensions = with(&document(), "udap_authorization_extensions_required", Some("[\"hl7-b2b\",\"other\"]"));
    assert_eq!(findings(&extensions, Edition::Stu2), warns("META-7"));
    assert_eq!(findings(&extensions, Edition::Stu1_1), []);
    let certifications = with(&document(), "udap_certifications_required", Some("[\"https://cert.example/x\"]"));
    assert_eq!(findings(&certifications, Edition::Stu2), warns("META-10"));
}

/// Shows: META-11, DISC-7
#[test]
fn a_grant_must_be_listed_and_refresh_tokens_need_the_code_grant() {
    assert_eq!(changed("grant_types_supported", None), stops("META-11"));
    assert_eq!(changed("grant_types_supported", Some("[]")), stops("META-11"));
    assert_eq!(changed("grant_types_supported", Some("[\"client_credentials\",\"refresh_token\"]")), warns("META-11"));
}

/// Shows: META-12, META-18
#[test]
fn scopes_and_registration_algorithms_are_required_since_stu2() {
    for (element, requirement) in
        [("scopes_supported", "META-12"), ("registration_endpoint_jwt_signing_alg_values_supported", "META-18")]
    {
        assert_eq!(changed(element, None), warns(requirement));
        assert_eq!(findings(&with(&document(), element, None), Edition::Stu1_1), []);
        assert_eq!(changed(element, Some("\"RS256\"")), stops(requirement));
    }
    assert_eq!(changed("registration_endpoint_jwt_signing_alg_values_supported", Some("[]")), stops("META-18"));
}

/// Shows: META-13
#[test]
fn the_code_grant_needs_an_authorization_endpoint() {
    let code = with(&document(), "grant_types_supported", Some("[\"client_credentials\",\"authorization_code\"]"));
    assert_eq!(findings(&code, Edition::Stu2), warns("META-13"));
    assert_eq!(changed("authorization_endpoint", Some("\"/authorize\"")), warns("META-13"));
}

/// Shows: META-14, META-17
#[test]
fn endpoints_must_be_absolute_urls() {
    for (element, requirement) in [("token_endpoint", "META-14"), ("registration_endpoint", "META-17")] {
        for json in [
            None,
            Some("\"\""),
            Some("\"/token\""),
            Some("\"urn:x:y\""),
            Some("1"),
            Some("null"),
            Some("\"https://a.example\\\\x\""),
        ] {
            assert_eq!(changed(element, json), stops(requirement), "{element} {json:?}");
        }
    }
}

/// Shows: META-15
#[test]
fn private_key_jwt_must_be_the_only_client_authentication() {
    let element = "token_endpoint_auth_methods_supported";
    for json in ["[]", "[\"client_secret_basic\"]", "\"private_key_jwt\""] {
        assert_eq!(changed(element, Some(json)), stops("META-15"), "{json}");
    }
    assert_eq!(changed(element, Some("[\"private_key_jwt\",\"client_secret_basic\"]")), warns("META-15"));
    assert_eq!(changed(element, None), warns("META-15"));
}

/// Shows: META-16, DISC-7
#[test]
fn rs256_must_be_among_the_algorithms() {
    let element = "token_endpoint_auth_signing_alg_values_supported";
    assert_eq!(changed(element, Some("[]")), stops("META-16"));
    assert_eq!(changed(element, Some("[\"ES256\"]")), warns("META-16"));
    assert_eq!(changed(element, None), warns("META-16"));
}

/// Shows: META-19
#[test]
fn the_signed_part_must_be_there() {
    for json in [None, Some("\"\""), Some("null"), Some("{}")] {
        assert_eq!(changed("signed_metadata", json), stops("META-19"), "{json:?}");
    }
}

#[test]
fn every_fault_is_told_at_once() {
    let reading = UdapMetadata::read(&Object::new(), Edition::Stu2);
    let requirements: Vec<_> = reading.findings.iter().map(|finding| finding.requirement).collect();
    for expected in [
        "META-1", "META-2", "META-5", "META-8", "META-11", "META-12", "META-14", "META-15", "META-16", "META-17",
        "META-18", "META-19",
    ] {
        assert_eq!(requirements.iter().filter(|id| **id == expected).count(), 1, "{expected}");
    }
    assert_eq!(reading.stops().count(), 6);
    let first = reading.findings.first().unwrap();
    assert_eq!(first.to_string(), "udap_versions_supported is missing (META-1)");
}

const NEEDS: ClientNeeds<'_> = ClientNeeds {
    grant_type: "client_credentials",
    algorithm: Algorithm::Es256,
    extensions: &["hl7-b2b"],
    certifications: &[],
};

fn lacks(document: &Object, needs: &ClientNeeds<'_>) -> Vec<(&'static str, Severity)> {
    let metadata = UdapMetadata::read(document, Edition::Stu2).metadata;
    metadata.lacks(needs).iter().map(|finding| (finding.element, finding.severity)).collect()
}

/// Shows: DISC-7, DISC-11
#[test]
fn a_client_stops_where_what_it_needs_is_not_listed() {
    assert_eq!(lacks(&document(), &NEEDS), []);
    let stops_at = |element: &'static str, json: &str| {
        let found = lacks(&with(&document(), element, Some(json)), &NEEDS);
        assert_eq!(found, [(element, Severity::Stop)], "{json}");
    };
    for json in ["[]", "[\"authorization_code\"]"] {
        stops_at("grant_types_supported", json);
    }
    for element in
        ["token_endpoint_auth_signing_alg_values_supported", "registration_endpoint_jwt_signing_alg_values_supported"]
    {
        stops_at(element, "[]");
        stops_at(element, "[\"RS256\"]");
    }
    // Left out, it says nothing.
    let silent = with(&document(), "registration_endpoint_jwt_signing_alg_values_supported", None);
    assert_eq!(lacks(&silent, &NEEDS), []);
}

#[test]
fn a_client_stops_at_a_demand_that_it_cannot_meet() {
    let bare = ClientNeeds { extensions: &[], ..NEEDS };
    assert_eq!(lacks(&document(), &bare), [("udap_authorization_extensions_required", Severity::Stop)]);
    let certified = with(&document(), "udap_certifications_required", Some("[\"https://cert.example/x\"]"));
    assert_eq!(lacks(&certified, &NEEDS), [("udap_certifications_required", Severity::Stop)]);
    let holder = ClientNeeds { certifications: &["https://cert.example/x"], ..NEEDS };
    assert_eq!(lacks(&certified, &holder), []);
    let silent = with(&document(), "udap_authorization_extensions_supported", Some("[]"));
    assert_eq!(lacks(&silent, &NEEDS), [("udap_authorization_extensions_supported", Severity::Warn)]);
}
