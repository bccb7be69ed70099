use super::*;
use crate::oauth_error::ErrorCode;
use crate::testing::{object, with};

fn for_machines() -> Object {
    object(
        r#"{"iss":"https://app.example/udap","client_name":"App","contacts":["mailto:a@app.example","https://app.example/help"],
        "grant_types":["client_credentials"],"token_endpoint_auth_method":"private_key_jwt","scope":"system/Patient.rs a"}"#,
    )
}

fn for_people() -> Object {
    object(
        r#"{"iss":"https://app.example/udap","client_name":"App","contacts":["mailto:a@app.example"],
        "grant_types":["authorization_code","refresh_token"],"token_endpoint_auth_method":"private_key_jwt",
        "scope":"user/Patient.rs openid udap","redirect_uris":["https://app.example/back?x=1"],"response_types":["code"],
        "logo_uri":"https://app.example/logo.png"}"#,
    )
}

fn code(claims: &Object) -> Option<ErrorCode> {
    match SoftwareStatement::from_claims(claims).err()? {
        ClaimError::Statement(error) => Some(error.code()),
        other => panic!("{other}"),
    }
}

/// Each of these values of the member is refused with this code.
fn refuses(claims: &Object, member: &str, values: &[&str], expected: ErrorCode) {
    for json in values {
        let error = SoftwareStatement::from_claims(&with(claims, member, Some(json)));
        let Err(ClaimError::Statement(error)) = error else {
            panic!("{member} {json}: {error:?}");
        };
        assert_eq!((error.code(), error.parameter()), (expected, member), "{json}");
    }
}

const METADATA: ErrorCode = ErrorCode::InvalidClientMetadata;

#[test]
fn reads_a_statement_for_machines() {
    let statement = SoftwareStatement::from_claims(&for_machines()).unwrap();
    assert_eq!(statement.client_uri.as_str(), "https://app.example/udap");
    assert_eq!(statement.client_name, "App");
    assert_eq!(statement.contacts.len(), 2);
    assert_eq!(statement.grant_types, RequestedGrants::ClientCredentials);
    assert_eq!(statement.scope.to_string(), "system/Patient.rs a");
    assert_eq!((statement.logo_uri, statement.as_submitted.as_str()), (None, ""));
    assert_eq!(statement.token_endpoint_auth_method.as_str(), "private_key_jwt");
}

#[test]
fn reads_a_statement_for_people() {
    let statement = SoftwareStatement::from_claims(&for_people()).unwrap();
    let redirect_uris = vec![EndpointUrl::parse("https://app.example/back?x=1").unwrap()];
    assert_eq!(statement.grant_types, RequestedGrants::AuthorizationCode { refresh: true, redirect_uris });
    assert_eq!(statement.grant_types.names(), ["authorization_code", "refresh_token"]);
    assert_eq!(statement.logo_uri.as_deref(), Some("https://app.example/logo.png"));
}

/// Shows: MOD-6
#[test]
fn an_empty_array_of_grants_is_a_cancel_and_obeys_the_other_rules() {
    let cancel = with(&for_machines(), "grant_types", Some("[]"));
    let statement = SoftwareStatement::from_claims(&cancel).unwrap();
    assert_eq!(statement.grant_types, RequestedGrants::Cancel);
    assert!(statement.grant_types.names().is_empty());
    for member in ["client_name", "contacts", "scope", "token_endpoint_auth_method"] {
        assert_eq!(code(&with(&cancel, member, None)), Some(METADATA), "{member}");
    }
}

#[test]
fn ignores_claims_it_does_not_know() {
    let claims = with(&for_machines(), "software_id", Some("7"));
    assert_eq!(code(&with(&claims, "jwks_uri", Some("null"))), None);
}

/// Shows: DCR-9
#[test]
fn refuses_a_client_name_that_is_missing_or_says_nothing() {
    assert_eq!(code(&with(&for_machines(), "client_name", None)), Some(METADATA));
    let long = format!("\"{}\"", "x".repeat(257));
    refuses(&for_machines(), "client_name", &["\"\"", "\" \"", "1", "null", "[\"App\"]", "\"a\\nb\"", &long], METADATA);
    let longest = format!("\"{}\"", "x".repeat(256));
    assert_eq!(code(&with(&for_machines(), "client_name", Some(&longest))), None);
}

/// Shows: DCR-11
#[test]
fn refuses_contacts_without_a_mail_address() {
    assert_eq!(code(&with(&for_machines(), "contacts", None)), Some(METADATA));
    let many = format!("[{}]", vec!["\"mailto:a@b.example\""; 21].join(","));
    let values = [
        "[]",
        "\"mailto:a@b.example\"",
        "[\"https://app.example\"]",
        "[\"mailto:\"]",
        "[\"mailto:a\"]",
        "[\"mailto:@b\"]",
        "[\"mailto:a@\"]",
        "[\"mailto:a@b..example\"]",
        "[\"mailto:a@b@c\"]",
        "[\"mailto:a@b_c\"]",
        "[\"a@b.example\"]",
        "[\"mailto:a@b.example\",\"x\"]",
        "[\"mailto:a@b.example\",1]",
        "[\"mailto:a b@c.example\"]",
        "null",
        "[\"mailto:?to=a@b.example\"]",
        &many,
    ];
    refuses(&for_machines(), "contacts", &values, METADATA);
    for good in ["[\"mailto:a@b\"]", "[\"https://x.example\",\"MAILTO:a.b+c@mail.example?subject=UDAP\"]"] {
        assert_eq!(code(&with(&for_machines(), "contacts", Some(good))), None, "{good}");
    }
}

/// Shows: DCR-13
#[test]
fn refuses_grants_that_the_guide_does_not_combine() {
    assert_eq!(code(&with(&for_machines(), "grant_types", None)), Some(METADATA));
    let values = [
        "[\"client_credentials\",\"client_credentials\"]",
        "[\"client_credentials\",\"refresh_token\"]",
        "[\"refresh_token\"]",
        "[\"client_credentials\",\"authorization_code\"]",
        "[\"password\"]",
        "[\"client_credentials\",\"password\"]",
        "[\"\"]",
        "[\"CLIENT_CREDENTIALS\"]",
        "\"client_credentials\"",
        "[1]",
        "null",
        "{}",
    ];
    refuses(&for_machines(), "grant_types", &values, METADATA);
    let values = [
        "[\"authorization_code\",\"authorization_code\"]",
        "[\"authorization_code\",\"refresh_token\",\"refresh_token\"]",
        "[\"authorization_code\",\"client_credentials\",\"refresh_token\"]",
        "[\"authorization_code\",\"implicit\"]",
    ];
    refuses(&for_people(), "grant_types", &values, METADATA);
    for good in ["[\"authorization_code\"]", "[\"refresh_token\",\"authorization_code\"]"] {
        assert_eq!(code(&with(&for_people(), "grant_types", Some(good))), None, "{good}");
    }
}

/// Shows: DCR-10
#[test]
fn redirect_uris_go_with_the_code_grant_and_are_exact_https() {
    let invalid = ErrorCode::InvalidRedirectUri;
    assert_eq!(code(&with(&for_people(), "redirect_uris", None)), Some(invalid));
    let uri = |text: &str| format!("[\"{text}\"]");
    let long = uri(&format!("https://app.example/{}", "x".repeat(2048)));
    let many = format!("[{}]", vec!["\"https://app.example/back\""; 101].join(","));
    let values = [
        "[]",
        "\"https://app.example/back\"",
        "[1]",
        "null",
        "[\"http://app.example/back\"]",
        "[\"app:/back\"]",
        "[\"/back\"]",
        "[\"https://app.example/back#f\"]",
        "[\"https://app.example/back#\"]",
        "[\"https://*.app.example/back\"]",
        "[\"https://app.example/*\"]",
        "[\"https://u@app.example/back\"]",
        "[\"https:///back\"]",
        "[\"https://app.example\\\\back\"]",
        "[\"https://app.example/a/../b\"]",
        "[\"https://app.example/back\",\"http://app.example/\"]",
        "[\"\"]",
        &long,
        &many,
    ];
    refuses(&for_people(), "redirect_uris", &values, invalid);
    refuses(&for_machines(), "redirect_uris", &["[\"https://app.example/back\"]", "[]", "null"], METADATA);
}

/// Shows: DCR-14
#[test]
fn response_types_go_with_the_code_grant() {
    assert_eq!(code(&with(&for_people(), "response_types", None)), Some(METADATA));
    let values = ["[]", "[\"token\"]", "[\"code\",\"token\"]", "[\"code\",\"code\"]", "\"code\"", "null", "[\"CODE\"]"];
    refuses(&for_people(), "response_types", &values, METADATA);
    refuses(&for_machines(), "response_types", &["[\"code\"]", "[]", "null"], METADATA);
}

/// Shows: DCR-12
#[test]
fn a_logo_is_an_https_image_and_belongs_to_the_code_grant() {
    assert_eq!(code(&with(&for_people(), "logo_uri", None)), Some(METADATA));
    assert_eq!(code(&with(&for_machines(), "logo_uri", None)), None);
    let values = [
        "\"\"",
        "\"http://app.example/logo.png\"",
        "\"https://app.example/logo.svg\"",
        "\"https://app.example/logo\"",
        "\"https://app.example/.png\"",
        "\"https://app.example/png\"",
        "\"https://app.example/logo?x=.png\"",
        "\"https://logo.png\"",
        "\"/logo.png\"",
        "\"data:image/png;base64,AA\"",
        "\"https://app.example/logo.png#x\"",
        "1",
        "null",
    ];
    for claims in [for_machines(), for_people()] {
        refuses(&claims, "logo_uri", &values, METADATA);
        for ending in ["png", "jpg", "jpeg", "gif", "PNG", "png?v=2"] {
            let url = format!("\"https://app.example/img/logo.{ending}\"");
            assert_eq!(code(&with(&claims, "logo_uri", Some(&url))), None, "{url}");
        }
    }
}

/// Shows: DCR-15
#[test]
fn refuses_another_client_authentication() {
    let name = "token_endpoint_auth_method";
    assert_eq!(code(&with(&for_machines(), name, None)), Some(METADATA));
    refuses(
        &for_machines(),
        name,
        &["\"client_secret_basic\"", "\"none\"", "\"\"", "[\"private_key_jwt\"]", "null"],
        METADATA,
    );
}

/// Shows: DCR-16
#[test]
fn refuses_a_scope_that_is_missing_or_malformed() {
    assert_eq!(code(&with(&for_machines(), "scope", None)), Some(METADATA));
    let many = format!("\"{}\"", (0..201).map(|n| format!("s{n}")).collect::<Vec<_>>().join(" "));
    let values =
        ["\"\"", "\" \"", "\"a  b\"", "\"a\\tb\"", "\"a\\\"b\"", "\"a\\\\b\"", "\"\\u00e4\"", "[\"a\"]", "null", &many];
    refuses(&for_machines(), "scope", &values, METADATA);
}
