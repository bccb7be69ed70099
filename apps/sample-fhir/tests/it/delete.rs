use crate::server::Server;

#[tokio::test]
async fn takes_the_resource_out_of_reads_and_searches() {
    let server = Server::with_sample_data();
    let before = server.get("/Patient").await.total();
    let deleted = server.call("DELETE", "/Patient/p01", &[]).await;
    assert!(deleted.is(204).body.is_null());
    assert_eq!(deleted.header("etag"), "W/\"2\"");
    server.get("/Patient/p01").await.refused(410, "deleted");
    assert_eq!(server.get("/Patient").await.total(), before - 1);
    assert_eq!(server.get("/Patient?_id=p01").await.total(), 0);
}

#[tokio::test]
async fn what_is_not_there_is_deleted_already() {
    let server = Server::with_sample_data();
    server.call("DELETE", "/Patient/nobody", &[]).await.is(204);
    server.get("/Patient/nobody").await.refused(404, "not-found");
    server.call("DELETE", "/Patient/p01", &[]).await.is(204);
    server.call("DELETE", "/Patient/p01", &[]).await.is(204);
    assert_eq!(server.get("/Patient/p01/_history").await.total(), 2);
}

#[tokio::test]
async fn heeds_if_match() {
    let server = Server::with_sample_data();
    server.call("DELETE", "/Patient/p01", &[("if-match", "W/\"2\"")]).await.refused(412, "conflict");
    server.get("/Patient/p01").await.is(200);
    server.call("DELETE", "/Patient/p01", &[("if-match", "W/\"1\"")]).await.is(204);
}
