use super::*;
use crate::testing::{BASE, World, base, response};

#[test]
fn references_stay_below_the_base() {
    let url = |reference: &str| below_base(&base(), reference);
    for (reference, expected) in [
        ("Patient/1", format!("{BASE}/Patient/1")),
        ("Patient?name=a%20b&_count=5", format!("{BASE}/Patient?name=a%20b&_count=5")),
        ("?page=2", format!("{BASE}/?page=2")),
        (
            "Patient?birthdate=ge2000-01-01T10:00:00Z&x=../..",
            format!("{BASE}/Patient?birthdate=ge2000-01-01T10:00:00Z&x=../.."),
        ),
        ("https://fhir.example/r4/Patient?page=2", format!("{BASE}/Patient?page=2")),
    ] {
        assert_eq!(url(reference).unwrap(), expected);
    }
    for reference in [
        "https://evil.example/Patient",
        "//evil.example/Patient",
        "/Patient",
        "https://fhir.example/r4x/Patient",
        "https://fhir.example/",
        "../admin",
        "Patient/../../admin",
        "Patient/%2e%2E/x",
        "./x",
        "Patient/a b",
        "Patient\\..",
        "javascript:x",
        "Patient/1\r\nx: y",
        "Patient#x",
        "https://fhir.example/r4/https://evil.example/",
    ] {
        assert!(url(reference).is_err(), "{reference}");
    }
}

#[tokio::test]
async fn the_token_goes_along_and_refusals_tell_their_reason() {
    let mut world = World::new();
    let client = world.client();
    let token = AccessToken::new("abc").unwrap();
    world.http.always(&format!("{BASE}/Patient/1"), 200, "{}");
    client.get(&base(), "Patient/1", &token).await.unwrap();
    let sent = world.http.last();
    assert!(sent.headers.contains(&("authorization", "Bearer abc".to_owned())));
    assert!(!format!("{sent:?}").contains("abc"));

    let outcome = r#"{"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "forbidden", "diagnostics": "no scope"}]}"#;
    world.http.on(&format!("{BASE}/Patient/2"), move |_| response(403, outcome));
    let error = client.get(&base(), "Patient/2", &token).await.unwrap_err();
    assert!(error.to_string().contains("no scope"));
    assert!(error.advice().contains("scopes"));

    let details = r#"{"resourceType": "OperationOutcome", "issue": [
        {"severity": "error", "code": "invalid", "details": {"text": "unknown \u001b[2J parameter"}, "diagnostics": "nmae"},
        {"severity": "error", "code": "invalid", "diagnostics": "brithdate"}]}"#;
    let mut answer = response(400, details);
    answer.headers.push(("retry-after".to_owned(), "7".to_owned()));
    world.http.on(&format!("{BASE}/Patient?nmae=x"), move |_| answer.clone());
    let ClientError::Refused(refusal) = client.get(&base(), "Patient?nmae=x", &token).await.unwrap_err() else {
        panic!("it was refused")
    };
    assert_eq!(refusal.description.as_deref(), Some("unknown \u{fffd}[2J parameter; nmae; brithdate"));
    assert_eq!(refusal.retry_after.as_deref(), Some("7"));

    let before = world.http.sent().len();
    let error = client.get(&base(), "/Patient/1", &token).await.unwrap_err();
    assert!(error.code() == "outside-base" && error.advice().contains("slash at the beginning"), "{error}");
    assert_eq!(client.get(&base(), "https://evil.example/", &token).await.unwrap_err().code(), "outside-base");
    assert_eq!(world.http.sent().len(), before);
}
