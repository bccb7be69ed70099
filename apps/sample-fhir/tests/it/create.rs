use crate::server::{BASE, Server, patient};

#[tokio::test]
async fn names_and_keeps_the_resource() {
    let server = Server::empty();
    let created = server.write("POST", "/Patient", &[], &patient(Some("theirs"), "Made")).await;
    let id = created.is(201).body["id"].as_str().unwrap();
    assert_ne!(id, "theirs");
    assert_eq!(created.header("location"), format!("{BASE}/Patient/{id}/_history/1"));
    assert_eq!(created.header("etag"), "W/\"1\"");
    assert!(!created.header("last-modified").is_empty());
    assert_eq!(server.get(&format!("/Patient/{id}")).await.body, created.body);
    assert_eq!(server.get("/Patient?family=made").await.ids(), [id]);

    let second = server.write("POST", "/Patient", &[], &patient(None, "Made")).await;
    assert_ne!(second.body["id"], created.body["id"]);
}

#[tokio::test]
async fn answers_with_what_the_client_prefers() {
    let server = Server::empty();
    let minimal = server.write("POST", "/Patient", &[("prefer", "return=minimal")], &patient(None, "A")).await;
    assert!(minimal.is(201).body.is_null() && !minimal.header("location").is_empty());
    let outcome = server.write("POST", "/Patient", &[("prefer", "return=OperationOutcome")], &patient(None, "A")).await;
    assert_eq!(outcome.is(201).body["issue"][0]["severity"], "information");
}

#[tokio::test]
async fn conditional_create_is_refused_rather_than_ignored() {
    let server = Server::empty();
    let header = [("if-none-exist", "family=A")];
    server.write("POST", "/Patient", &header, &patient(None, "A")).await.refused(501, "not-supported");
    assert_eq!(server.get("/Patient").await.total(), 0);
}

/// A decimal states its precision by its digits.
#[tokio::test]
async fn keeps_decimals_as_they_are_written() {
    let server = Server::empty();
    let body = r#"{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":1.50}}"#;
    let created = server.write("POST", "/Observation", &[], body).await;
    let path = format!("/Observation/{}", created.is(201).body["id"].as_str().unwrap());
    let response = server.raw(&path).await;
    assert!(response.contains(r#""value":1.50}"#), "{response}");
}

#[tokio::test]
async fn more_searchable_values_than_are_kept_are_refused() {
    let given = vec![r#""a""#; 300].join(",");
    let body = format!(r#"{{"resourceType":"Patient","name":[{{"given":[{given}]}}]}}"#);
    Server::empty().write("POST", "/Patient", &[], &body).await.refused(422, "too-long");
}

/// The bytes of the store are bounded: 32 MiB, of which each of these takes a quarter of one.
#[tokio::test]
async fn a_full_store_refuses_and_has_room_again_after_deletions() {
    let server = Server::empty();
    let body = patient(None, &"x".repeat(250 * 1024));
    let mut kept = Vec::new();
    let refused = loop {
        let answer = server.write("POST", "/Practitioner", &[], &body.replace("Patient", "Practitioner")).await;
        if answer.status != 201 {
            break answer;
        }
        kept.push(answer.body["id"].as_str().unwrap().to_owned());
        assert!(kept.len() < 200);
    };
    refused.refused(507, "too-costly");
    server.call("DELETE", &format!("/Practitioner/{}", kept[0]), &[]).await.is(204);
    server.write("POST", "/Patient", &[], &body).await.is(201);
}
