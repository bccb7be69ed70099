use crate::server::{BASE, Server, patient};

#[tokio::test]
async fn tells_what_happened_newest_first() {
    let server = Server::empty();
    server.put_patient("a", "Old").await.is(201);
    server.put_patient("a", "New").await.is(200);
    server.call("DELETE", "/Patient/a", &[]).await.is(204);

    let history = server.get("/Patient/a/_history").await;
    assert_eq!(history.is(200).body["type"], "history");
    assert_eq!(history.total(), 3);
    assert_eq!(history.link("self").unwrap(), format!("{BASE}/Patient/a/_history"));
    let told: Vec<_> = history
        .entries()
        .iter()
        .map(|entry| {
            assert_eq!(entry["fullUrl"], format!("{BASE}/Patient/a"));
            (
                entry["request"]["method"].as_str().unwrap(),
                entry["response"]["status"].as_str().unwrap(),
                entry["response"]["etag"].as_str().unwrap(),
                entry["resource"]["name"][0]["family"].as_str(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("DELETE", "204 No Content", "W/\"3\"", None),
            ("PUT", "200 OK", "W/\"2\"", Some("New")),
            ("PUT", "201 Created", "W/\"1\"", Some("Old")),
        ]
    );
}

#[tokio::test]
async fn a_created_resource_was_posted_to_its_type() {
    let server = Server::empty();
    let id = server.write("POST", "/Patient", &[], &patient(None, "A")).await.body["id"].as_str().unwrap().to_owned();
    let history = server.get(&format!("/Patient/{id}/_history")).await;
    assert_eq!(history.entries()[0]["request"]["method"], "POST");
    assert_eq!(history.entries()[0]["request"]["url"], "Patient");
}

#[tokio::test]
async fn is_bounded() {
    let server = Server::empty();
    for _ in 0..30 {
        server.put_patient("a", "A").await;
    }
    let history = server.get("/Patient/a/_history").await;
    assert_eq!(history.total(), 20);
    assert_eq!(history.entries()[0]["resource"]["meta"]["versionId"], "30");
    server.get("/Patient/a/_history/10").await.refused(404, "not-found");
}

#[tokio::test]
async fn of_an_unknown_resource_there_is_none() {
    Server::with_sample_data().get("/Patient/nobody/_history").await.refused(404, "not-found");
}
