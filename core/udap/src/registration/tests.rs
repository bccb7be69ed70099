use tessera_jose::json::Object;

use super::*;
use crate::testing::{object, with};

fn body() -> Object {
    object(r#"{"software_statement":"a.b.c","certifications":["d.e.f"],"udap":"1"}"#)
}

fn read(body: &Object) -> Result<RegistrationRequest, RegistrationRequestError> {
    RegistrationRequest::read(body.to_json().as_bytes())
}

#[test]
fn is_written_as_it_was_read() {
    let request = read(&body()).unwrap();
    assert_eq!(request.software_statement, "a.b.c");
    assert_eq!(request.certifications.len(), 1);
    assert_eq!(serde_json::to_string(&request).unwrap(), body().to_json());
    assert!(!format!("{:?}", request.certifications).contains("d.e.f"));
}

/// Shows: DCR-17
#[test]
fn refuses_a_body_without_statement_or_udap_1() {
    for udap in [None, Some("1"), Some("\"2\""), Some("\"\""), Some("null"), Some("\"1 \"")] {
        assert!(read(&with(&body(), "udap", udap)).is_err(), "{udap:?}");
    }
    for statement in [None, Some("1"), Some("null"), Some("[\"a.b.c\"]")] {
        assert!(read(&with(&body(), "software_statement", statement)).is_err(), "{statement:?}");
    }
    let others = ["software_statement=a.b.c&udap=1", "", "[]", "\"a.b.c\"", "{\"udap\":\"1\",\"udap\":\"1\"}"];
    for other in others {
        let error = RegistrationRequest::read(other.as_bytes()).unwrap_err();
        assert_eq!(error.reason_code(), "registration-body", "{other}");
    }
    let large = format!(r#"{{"software_statement":"{}","udap":"1"}}"#, "x".repeat(MAX_REGISTRATION_BYTES));
    assert!(matches!(
        RegistrationRequest::read(large.as_bytes()),
        Err(RegistrationRequestError::Json(JsonError::TooLarge { .. }))
    ));
}

#[test]
fn counts_certifications() {
    let jwts = |count: usize| format!("[{}]", vec!["\"a.b.c\""; count].join(","));
    assert_eq!(read(&with(&body(), "certifications", Some(&jwts(10)))).unwrap().certifications.len(), 10);
    assert!(read(&with(&body(), "certifications", None)).unwrap().certifications.is_empty());
    for bad in [jwts(11).as_str(), "\"a.b.c\"", "[1]", "[\"\"]", "null"] {
        assert!(read(&with(&body(), "certifications", Some(bad))).is_err(), "{bad}");
    }
}

/// Shows: DCR-26
#[test]
fn ignores_parameters_beside_the_statement() {
    let beside = with(&body(), "client_name", Some("\"Mallory\""));
    let beside = with(&beside, "scope", Some("7"));
    assert_eq!(read(&beside), read(&body()));
}

fn response() -> RegistrationResponse {
    RegistrationResponse {
        client_id: ClientId::parse("c1").unwrap(),
        software_statement: "a.b.c".to_owned(),
        client_name: "App".to_owned(),
        contacts: vec!["mailto:a@app.example".to_owned()],
        grant_types: vec!["client_credentials".to_owned()],
        logo_uri: None,
        scope: ScopeSet::parse("system/Patient.rs").unwrap(),
    }
}

/// Shows: DCR-19, DCR-21, DCR-22
#[test]
fn the_answer_says_what_holds_and_nothing_unset() {
    insta::assert_snapshot!(serde_json::to_string(&response()).unwrap(), @r#"{"client_id":"c1","software_statement":"a.b.c","client_name":"App","contacts":["mailto:a@app.example"],"grant_types":["client_credentials"],"token_endpoint_auth_method":"private_key_jwt","scope":"system/Patient.rs"}"#);
    let bare = RegistrationResponse {
        client_name: String::new(),
        contacts: Vec::new(),
        grant_types: Vec::new(),
        logo_uri: Some(String::new()),
        scope: ScopeSet::default(),
        ..response()
    };
    insta::assert_snapshot!(serde_json::to_string(&bare).unwrap(), @r#"{"client_id":"c1","software_statement":"a.b.c","grant_types":[],"token_endpoint_auth_method":"private_key_jwt"}"#);
}
