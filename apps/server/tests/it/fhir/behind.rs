//! A server behind the gateway that fails, breaks off or tells too much.

use super::*;

#[tokio::test]
async fn a_statement_that_cannot_be_had_is_not_fetched_for_everyone() {
    let clinic = Clinic::over(Upstream::closing().await, WorldOptions::default()).await;
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (request, address) = (Request::get("/fhir/r4/metadata"), clinic.world.address);
        asking.spawn(async move { request.send(address).await });
    }
    for answer in asking.join_all().await {
        assert!(matches!(answer.status, 502 | 503), "{}", answer.text());
        let _ = refused(&answer, answer.status);
    }
    assert_eq!(clinic.upstream.seen().len(), 1);
}

#[tokio::test]
async fn a_write_without_an_answer_is_audited_as_open() {
    let clinic = Clinic::over(Upstream::closing().await, WorldOptions::default()).await;
    let token = clinic.token("system/Patient.cruds").await;
    let answer = clinic.write(&token, "PUT", "/Patient/x", &patient(Some("x"), "X")).await;
    let _ = refused(&answer, 502);
    assert!(answer.text().contains("before you send it again"), "{}", answer.text());
    assert_eq!(clinic.upstream.seen(), ["PUT /fhir/Patient/x HTTP/1.1"]);
    let event = clinic.last_audit_of(&answer).await;
    assert_eq!((&event["outcome"], &event["outcomeDesc"]), (&json!("8"), &json!("write-outcome-unknown")));
}

#[tokio::test]
async fn what_the_server_behind_lets_slip_stays_behind() {
    const LEAK: &str = r#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"conflict",
        "diagnostics":"java.lang.Exception at com.internal.Db(Db.java:7) {upstream}/Patient"}]}"#;
    let clinic =
        Clinic::over(Upstream::answering(409, &[("content-type", FHIR_JSON)], LEAK).await, WorldOptions::default())
            .await;
    let token = clinic.token("system/Patient.cruds").await;
    let answer = clinic.get(&token, "/Patient/p01").await;
    assert_eq!(refused(&answer, 409), "conflict");
    clinic.hides_upstream(&answer);
    assert!(!answer.text().contains("java"), "{}", answer.text());

    const BODY: &str = r#"{"resourceType":"Patient","id":"p01","text":{"div":"<a href=\"{upstream}/Patient/p01\">see {upstream}</a>"}}"#;
    let headers = [("content-type", FHIR_JSON), ("server", "internal/1.0"), ("set-cookie", "a=b"), ("x-trace", "db")];
    let clinic = Clinic::over(Upstream::answering(200, &headers, BODY).await, WorldOptions::default()).await;
    let token = clinic.token("system/Patient.cruds").await;
    let answer = clinic.get(&token, "/Patient/p01").await;
    assert_eq!(answer.status, 200);
    clinic.hides_upstream(&answer);
    assert!(answer.text().contains(&format!("see {R4}<")), "{}", answer.text());
    for name in ["server", "set-cookie", "x-trace"] {
        assert_eq!(answer.header(name), None);
    }

    for (status, headers) in [
        (302, [("location", "http://10.0.0.9/"), ("content-type", FHIR_JSON)]),
        (500, [("x-trace", "db"), ("content-type", "text/html")]),
        (401, [("www-authenticate", "Basic realm=\"internal\""), ("content-type", FHIR_JSON)]),
        (200, [("x-trace", "db"), ("content-type", "text/html")]),
    ] {
        let clinic = Clinic::over(Upstream::answering(status, &headers, "secret").await, WorldOptions::default()).await;
        let token = clinic.token("system/Patient.cruds").await;
        let answer = clinic.get(&token, "/Patient/p01").await;
        let _ = refused(&answer, 502);
        assert!(!answer.text().contains("secret"));
        assert_eq!((answer.header("location"), answer.header("www-authenticate")), (None, None));
    }
}
