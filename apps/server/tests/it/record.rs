//! What is left behind by requests that were not even read, and by those whose caller did not wait.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::support::pki::elm;
use crate::support::{Answer, Request, World};

fn text_of<'a>(event: &'a Value, name: &str) -> Option<&'a str> {
    let details = event["entity"].as_array()?.iter().flat_map(|entity| entity["detail"].as_array()).flatten();
    details.filter(|detail| detail["type"] == name).find_map(|detail| detail["valueString"].as_str())
}

/// Shows: AUTHN-7, DCR-17
#[tokio::test]
async fn a_request_that_cannot_be_read_leaves_its_record_too() {
    let world = World::start().await;
    let form = |target: &str| Request::form(target, &[("udap", "1")]);
    let large = "x=".to_owned() + &"y".repeat(100_000);
    let cases: [(Request, u16, &str, &str); 8] = [
        (
            Request::form("/oauth/r4/token", &[("udap", "1"), ("udap", "1")]),
            400,
            "invalid_request",
            "parameter-repeated",
        ),
        (form("/oauth/r4/token?scope=x"), 400, "invalid_request", "parameters-in-url"),
        (Request::json("/oauth/r4/token", &json!({})), 400, "invalid_request", "media-type"),
        (form("/oauth/r4/introspect").body("%zz=1"), 400, "invalid_request", "form-malformed"),
        (form("/oauth/r4/revoke").without_header("content-type"), 400, "invalid_request", "media-type"),
        (form("/oauth/r4/token").body(large), 413, "invalid_request", "body-too-large"),
        (form("/oauth/main/register"), 400, "invalid_client_metadata", "media-type"),
        (
            Request::json("/oauth/main/register", &json!({"padding": "x".repeat(300_000)})),
            413,
            "invalid_client_metadata",
            "body-too-large",
        ),
    ];
    for (request, status, code, reason) in cases {
        let answer: Answer = world.send(&request).await;
        answer.assert_refused(status, code);
        let event = world.audit_of(&answer).await;
        assert_eq!(text_of(&event, "reason"), Some(reason), "{event}");
        assert_ne!(event["outcome"], "0", "{event}");
    }
}

#[tokio::test]
async fn a_decision_is_recorded_although_its_caller_left() {
    let world = World::start().await;
    for number in 0..20 {
        let member = elm().member(&format!("https://hasty.example/{number}"));
        let body = json!({"software_statement": world.statement(&member).sign(&member.key), "udap": "1"}).to_string();
        let head = format!(
            "POST /oauth/main/register HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        // Early, amid and late in the decision.
        tokio::time::sleep(Duration::from_micros(number * 400)).await;
        drop(stream);
    }
    // Whoever asks again afterwards is known exactly when there is an event that says so.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let log = std::fs::read_to_string(world.folder.path().join("audit.jsonl")).unwrap();
    for number in 0..20 {
        let uri = format!("https://hasty.example/{number}");
        let member = elm().member(&uri);
        let again = world.register(&world.statement(&member).sign(&member.key)).await;
        let is_recorded =
            log.lines().any(|line| line.contains(&format!("{uri}\"")) && line.contains("registration-created"));
        assert_eq!(again.status == 200, is_recorded, "{uri}: {}", again.text());
    }
}

/// Shows: TOKEN-12
#[tokio::test]
async fn a_token_is_revoked_at_any_base_of_its_group() {
    let world = World::start().await;
    let member = elm().member("https://app.example/client");
    let id = world.registered(&member).await;
    let token = world.granted(&member, &id, "system/Patient.rs").await;
    let read = |token: &str| Request::get("/fhir/r4/Patient?_count=1").bearer(token);
    assert_eq!(world.send(&read(&token)).await.status, 200);

    let endpoint = "https://holder.example/oauth/r4b/revoke";
    let assertion = crate::support::Jwt::assertion(&member, &id, endpoint).sign(&member.key);
    let form = [
        ("token", token.as_str()),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", assertion.as_str()),
        ("udap", "1"),
    ];
    assert_eq!(world.send(&Request::form("/oauth/r4b/revoke", &form)).await.status, 200);
    assert_eq!(world.send(&read(&token)).await.status, 401);
}

/// Shows: TOKEN-11
#[tokio::test]
async fn the_token_endpoint_is_an_audience_everywhere_and_no_other_is_there() {
    let world = World::start().await;
    let member = elm().member("https://app.example/client");
    let id = world.registered(&member).await;
    let token = world.granted(&member, &id, "system/Patient.rs").await;
    let ask = async |path: &str, audience: &str| {
        let assertion = crate::support::Jwt::assertion(&member, &id, audience).sign(&member.key);
        let form = [
            ("token", token.as_str()),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", assertion.as_str()),
            ("udap", "1"),
        ];
        world.send(&Request::form(path, &form)).await
    };
    let token_endpoint = world.token_endpoint();
    assert_eq!(ask("/oauth/r4/introspect", &token_endpoint).await.json()["active"], true);
    let other = ask("/oauth/r4/introspect", "https://holder.example/oauth/r4/revoke").await;
    other.assert_refused(401, "invalid_client");
    let introspection = "https://holder.example/oauth/r4/introspect";
    let assertion = crate::support::Jwt::assertion(&member, &id, introspection).sign(&member.key);
    world.token(&assertion, "system/Patient.rs").await.assert_refused(401, "invalid_client");
    assert_eq!(ask("/oauth/r4/revoke", &token_endpoint).await.status, 200);
}

#[tokio::test]
async fn a_request_with_unclear_bounds_is_refused() {
    let world = World::start().await;
    for head in [
        "GET /fhir/r4/metadata HTTP/1.1\r\n",
        "GET /fhir/r4/metadata HTTP/1.1\r\nHost: a\r\nHost: b\r\n",
        "GET /fhir/r4/metadata HTTP/1.1\r\nHost: a@b\r\n",
        "POST /oauth/r4/token HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n",
        "POST /oauth/r4/token HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n",
    ] {
        let bytes = format!("{head}Connection: close\r\n\r\n0\r\n\r\n");
        let answer = crate::support::http::send_raw(world.address, bytes.as_bytes()).await;
        assert_eq!(answer.status, 400, "{head}");
    }
}
