//! What holds for every interaction.

use crate::server::{Server, patient};

#[tokio::test]
async fn unknown_paths_types_and_ids_are_not_found() {
    let server = Server::with_sample_data();
    for path in [
        "/",
        "/Bundle",
        "/AuditEvent/1",
        "/patient",
        "/Patient/p01/",
        "/Patient/_history",
        "/_history",
        "/Patient/$everything",
        "/Patient/p01/Observation",
        "/Patient/p%301",
        "/Patient/..%2Fp01",
        "/Patient/p01/_history/1/more",
    ] {
        server.get(path).await.refused(404, "not-supported");
    }
}

#[tokio::test]
async fn other_methods_are_not_allowed_and_the_answer_says_which_are() {
    let server = Server::with_sample_data();
    for (method, path, allow) in [
        ("PATCH", "/Patient/p01", "GET, HEAD, PUT, DELETE"),
        ("POST", "/Patient/p01", "GET, HEAD, PUT, DELETE"),
        ("PUT", "/Patient", "GET, HEAD, POST"),
        ("DELETE", "/Patient", "GET, HEAD, POST"),
        ("GET", "/Patient/_search", "POST"),
        ("DELETE", "/Patient/p01/_history", "GET, HEAD"),
        ("OPTIONS", "/Patient", "GET, HEAD, POST"),
    ] {
        let answer = server.call(method, path, &[]).await;
        answer.refused(405, "not-supported");
        assert_eq!(answer.header("allow"), allow);
    }
}

#[tokio::test]
async fn only_json_is_served() {
    let server = Server::with_sample_data();
    let accept = |value| [("accept", value)];
    server.call("GET", "/Patient/p01", &accept("application/fhir+xml")).await.refused(406, "not-supported");
    server.get("/Patient/p01?_format=xml").await.refused(406, "not-supported");
    server.call("GET", "/Patient/p01?_format=json", &accept("application/fhir+xml")).await.is(200);
    server.call("GET", "/Patient/p01", &accept("text/html,*/*;q=0.1")).await.is(200);
}

#[tokio::test]
async fn parameters_of_other_interactions_are_refused_unless_lenient() {
    let server = Server::with_sample_data();
    server.get("/Patient/p01?_elements=name").await.refused(400, "not-supported");
    server.get("/Patient/p01?_pretty=true").await.is(200);
    server.call("GET", "/Patient/p01?_elements=name", &[("prefer", "handling=lenient")]).await.is(200);
}

#[tokio::test]
async fn sizes_are_limited_before_anything_is_read() {
    let server = Server::empty();
    let long = "x".repeat(300 * 1024);
    server.write("POST", "/Patient", &[], &patient(None, &long)).await.refused(413, "too-long");
    server.write("PUT", "/Patient/a", &[], &patient(Some("a"), &long)).await.refused(413, "too-long");
    server.get(&format!("/Patient?name={}", &long[..9_000])).await.refused(414, "too-long");
    server.get(&format!("/Patient?{}", "name=a&".repeat(65))).await.refused(400, "invalid");
    server.get("/Patient?name=%FF").await.refused(400, "invalid");
}

#[tokio::test]
async fn bodies_must_be_resources_in_json() {
    let server = Server::empty();
    server.call("POST", "/Patient", &[("content-type", "application/fhir+xml")]).await.refused(415, "not-supported");
    server.call("PUT", "/Patient/a", &[]).await.refused(415, "not-supported");
    for (body, code) in [
        ("", "structure"),
        ("{", "structure"),
        ("[]", "structure"),
        (r#"{"resourceType":"Patient"} x"#, "structure"),
        (r#"{"resourceType":"Patient","gender":"a","gender":"b"}"#, "structure"),
        (r#"{"resourceType":"Patient","birthDate":"soon"}"#, "structure"),
        (r#"{"resourceType":"Observation"}"#, "invalid"),
        (r#"{"id":"a"}"#, "invalid"),
    ] {
        server.write("POST", "/Patient", &[], body).await.refused(400, code);
        server.write("PUT", "/Patient/a", &[], body).await.refused(400, code);
    }
    server.write("POST", "/Condition", &[], r#"{"resourceType":"Condition"}"#).await.refused(400, "required");
    let deep = format!(r#"{{"resourceType":"Patient","x":{}{}}}"#, "[".repeat(50_000), "]".repeat(50_000));
    server.write("POST", "/Patient", &[], &deep).await.refused(400, "structure");
    assert_eq!(server.get("/Patient").await.total(), 0);
}
