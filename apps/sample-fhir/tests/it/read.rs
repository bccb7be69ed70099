use crate::server::Server;

#[tokio::test]
async fn reads_with_version_headers() {
    let answer = Server::with_sample_data().get("/Patient/p01").await;
    answer.is(200);
    assert_eq!(answer.header("content-type"), "application/fhir+json");
    assert_eq!(answer.header("etag"), "W/\"1\"");
    assert_eq!(answer.header("last-modified"), "Tue, 14 Jan 2025 09:30:00 GMT");
    assert_eq!(answer.body["id"], "p01");
    assert_eq!(answer.body["meta"]["versionId"], "1");
}

#[tokio::test]
async fn unknown_is_404_and_deleted_is_410() {
    let server = Server::with_sample_data();
    server.get("/Patient/nobody").await.refused(404, "not-found");
    server.get("/Observation/p01").await.refused(404, "not-found");
    server.call("DELETE", "/Patient/p01", &[]).await.is(204);
    let gone = server.get("/Patient/p01").await;
    gone.refused(410, "deleted");
    assert_eq!(gone.header("etag"), "W/\"2\"");
}

#[tokio::test]
async fn what_the_reader_has_is_not_sent_again() {
    let server = Server::with_sample_data();
    for header in
        [("if-none-match", "W/\"1\""), ("if-none-match", "*"), ("if-modified-since", "Tue, 14 Jan 2025 09:30:00 GMT")]
    {
        let answer = server.call("GET", "/Patient/p01", &[header]).await;
        answer.is(304);
        assert!(answer.body.is_null());
        assert_eq!(answer.header("etag"), "W/\"1\"");
    }
}

#[tokio::test]
async fn what_the_reader_does_not_have_is_sent() {
    let server = Server::with_sample_data();
    for header in [
        ("if-none-match", "W/\"2\""),
        ("if-modified-since", "Tue, 14 Jan 2025 09:29:59 GMT"),
        ("if-modified-since", "not a date"),
    ] {
        server.call("GET", "/Patient/p01", &[header]).await.is(200);
    }
    server.call("GET", "/Patient/p01", &[("if-none-match", "1")]).await.refused(400, "invalid");
}

#[tokio::test]
async fn reads_a_version() {
    let server = Server::empty();
    server.put_patient("a", "Old").await.is(201);
    server.put_patient("a", "New").await.is(200);
    let old = server.get("/Patient/a/_history/1").await;
    assert_eq!((old.is(200).body["name"][0]["family"].as_str(), old.header("etag")), (Some("Old"), "W/\"1\""));
    assert_eq!(server.get("/Patient/a/_history/2").await.body["name"][0]["family"], "New");
    for path in ["/Patient/a/_history/3", "/Patient/a/_history/0", "/Patient/a/_history/x", "/Patient/b/_history/1"] {
        server.get(path).await.refused(404, "not-found");
    }
    server.call("DELETE", "/Patient/a", &[]).await.is(204);
    server.get("/Patient/a/_history/3").await.refused(410, "deleted");
    server.get("/Patient/a/_history/2").await.is(200);
}
