use crate::server::{BASE, Server, patient};

#[tokio::test]
async fn makes_the_next_version() {
    let server = Server::with_sample_data();
    let updated = server.put_patient("p01", "Changed").await;
    assert_eq!(updated.is(200).body["meta"]["versionId"], "2");
    assert_eq!(updated.header("etag"), "W/\"2\"");
    assert_eq!(updated.header("location"), format!("{BASE}/Patient/p01/_history/2"));
    assert_eq!(server.get("/Patient/p01").await.body, updated.body);
    assert_eq!(server.get("/Patient?family=changed").await.ids(), ["p01"]);
    assert_eq!(server.get("/Patient?_id=p01&family=Dummett").await.total(), 0);
}

#[tokio::test]
async fn creates_what_does_not_exist_or_no_longer() {
    let server = Server::empty();
    assert_eq!(server.put_patient("a", "A").await.is(201).body["id"], "a");
    server.call("DELETE", "/Patient/a", &[]).await.is(204);
    let back = server.put_patient("a", "B").await;
    assert_eq!(back.is(201).header("etag"), "W/\"3\"");
    server.get("/Patient/a").await.is(200);
}

#[tokio::test]
async fn if_match_guards_against_lost_updates() {
    let server = Server::empty();
    let put =
        async |headers: &[(&str, &str)]| server.write("PUT", "/Patient/a", headers, &patient(Some("a"), "A")).await;
    put(&[("if-match", "W/\"1\"")]).await.refused(412, "conflict");
    server.get("/Patient/a").await.refused(404, "not-found");
    put(&[]).await.is(201);
    put(&[("if-match", "W/\"1\"")]).await.is(200);
    put(&[("if-match", "W/\"1\"")]).await.refused(412, "conflict");
    put(&[("if-match", "1")]).await.refused(400, "invalid");
    put(&[("if-none-match", "*")]).await.refused(412, "conflict");
    put(&[("if-match", "*")]).await.is(200);
    assert_eq!(server.get("/Patient/a").await.header("etag"), "W/\"3\"");
}

/// Of many who update the same version at once, one wins.
#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_with_the_same_version_wins() {
    let server = std::sync::Arc::new(Server::empty());
    server.put_patient("a", "A").await.is(201);
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let server = std::sync::Arc::clone(&server);
            tokio::spawn(async move {
                server.write("PUT", "/Patient/a", &[("if-match", "W/\"1\"")], &patient(Some("a"), "B")).await.status
            })
        })
        .collect();
    let mut won = 0;
    for task in tasks {
        let status = task.await.unwrap().as_u16();
        assert!(status == 200 || status == 412);
        won += u32::from(status == 200);
    }
    assert_eq!(won, 1);
}

#[tokio::test]
async fn the_id_of_the_body_is_the_id_of_the_path() {
    let server = Server::empty();
    for body in [patient(Some("b"), "A"), patient(None, "A")] {
        server.write("PUT", "/Patient/a", &[], &body).await.refused(400, "invalid");
    }
    server.get("/Patient/a").await.refused(404, "not-found");
}
