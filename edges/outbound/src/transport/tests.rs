use super::*;
use crate::testing::{Manner, RecordingDialler, RudeServer, TableResolver, answer};
use crate::tls::{TlsRoots, client_config};
use std::sync::Arc;

struct Bench {
    transport: ClientTransport,
    dialler: Arc<RecordingDialler>,
}

fn bench(typed: &[&str], allow: &[&str]) -> Bench {
    let dialler = Arc::new(RecordingDialler::default());
    let resolver = TableResolver::new(&[("internal.example", &["10.0.0.1"]), ("meta.example", &["169.254.169.254"])]);
    let tls = client_config(TlsRoots::Only(Vec::new())).unwrap();
    let connector = Connector::new(resolver, dialler.clone(), tls, Duration::from_secs(2));
    let mut transport = ClientTransport::new(connector, AllowList::parse(allow.iter().copied()).unwrap());
    for url in typed {
        transport = transport.trusting(url).unwrap();
    }
    Bench { transport, dialler }
}

fn request(method: Method, url: &str) -> HttpRequest {
    let headers = vec![("accept", "application/json".to_owned()), ("authorization", "Bearer abc".to_owned())];
    HttpRequest { method, url: url.to_owned(), headers, body: b"a=b".to_vec(), answer_limit: 100 }
}

#[tokio::test]
async fn a_typed_host_may_be_private_and_only_on_its_own_origin() {
    let server = RudeServer::start(Manner::Says(answer("201 Created", "x-correlation-id: abc\r\n", b"{}"))).await;
    let typed = server.url("/fhir");
    let bench = bench(&[&typed], &[]);
    let response = bench.transport.send(request(Method::Post, &server.url("/register"))).await.unwrap();
    assert_eq!((response.status, response.header("x-correlation-id")), (201, Some("abc")));
    assert_eq!(response.body, b"{}");
    let sent = server.requests().remove(0).to_ascii_lowercase();
    assert!(sent.starts_with("post /register http/1.1\r\n"));
    assert!(sent.contains("accept: application/json\r\n") && sent.contains("content-length: 3\r\n"));

    let other = RudeServer::start(Manner::Says(answer("200 OK", "", b""))).await;
    for url in
        [other.url("/"), server.url("/").replace("http:", "https:"), server.url("/").replace("127.0.0.1", "127.0.0.2")]
    {
        assert!(matches!(bench.transport.send(request(Method::Get, &url)).await, Err(HttpError::Refused(_))), "{url}");
    }
    assert!(other.requests().is_empty());
}

#[tokio::test]
async fn a_learnt_endpoint_is_judged_and_never_plain() {
    let bench = bench(&["https://fhir.example/r4"], &[]);
    for url in [
        "http://as.example/token",
        "https://127.0.0.1/token",
        "https://internal.example/token",
        "https://meta.example/token",
        "https://[::1]/token",
        "https://as.example:8443/token",
        "https://user@as.example/",
        "https://2130706433/",
        "not a url",
    ] {
        assert!(matches!(bench.transport.send(request(Method::Post, url)).await, Err(HttpError::Refused(_))), "{url}");
    }
    assert!(bench.dialler.dialled.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_allow_list_opens_a_learnt_endpoint() {
    let bench = bench(&[], &["10.0.0.0/8:443"]);
    let error = bench.transport.send(request(Method::Get, "https://internal.example/token")).await.unwrap_err();
    assert!(matches!(error, HttpError::Unreachable(_)), "the test's dialler goes no further: {error}");
    assert_eq!(*bench.dialler.dialled.lock().unwrap(), ["10.0.0.1:443".parse().unwrap()]);
}

#[tokio::test]
async fn redirects_are_answers_and_bounds_hold() {
    let elsewhere = RudeServer::start(Manner::Says(answer("200 OK", "", b""))).await;
    let location = format!("location: {}\r\n", elsewhere.url("/"));
    let server = RudeServer::start(Manner::Says(answer("307 Temporary", &location, b""))).await;
    let (url, other) = (server.url("/"), elsewhere.url("/"));
    let response = bench(&[&url, &other], &[]).transport.send(request(Method::Post, &url)).await.unwrap();
    assert_eq!(response.status, 307);
    assert!(elsewhere.requests().is_empty());

    for (manner, expected) in [
        (Manner::Endless("HTTP/1.1 200 OK\r\n\r\n"), HttpError::TooLarge(100)),
        (Manner::Silent, HttpError::TimedOut),
        (Manner::Drips("HTTP/1.1 200 OK\r\n\r\n"), HttpError::TimedOut),
    ] {
        let server = RudeServer::start(manner).await;
        let url = server.url("/");
        let short = bench(&[&url], &[]).transport.within(Duration::from_millis(300));
        assert_eq!(short.send(request(Method::Get, &url)).await.unwrap_err(), expected);
    }
    let gzip = RudeServer::start(Manner::Says(answer("200 OK", "content-encoding: gzip\r\n", b"x"))).await;
    let url = gzip.url("/");
    assert!(matches!(
        bench(&[&url], &[]).transport.send(request(Method::Get, &url)).await,
        Err(HttpError::Protocol(_))
    ));
}
