use super::*;
use crate::testing::{Manner, RudeServer, answer};
use crate::tls::{TlsRoots, client_config};
use http_body_util::{BodyExt, Empty, Full};

fn upstream(change: impl FnOnce(&mut UpstreamLimits)) -> FhirUpstream {
    let mut limits = UpstreamLimits::default();
    change(&mut limits);
    FhirUpstream::new(client_config(TlsRoots::Only(Vec::new())).unwrap(), limits)
}

fn get(url: &str) -> Request<Body> {
    let body: Body = Box::pin(Empty::new().map_err(|never| match never {}));
    Request::builder().uri(url).body(body).unwrap()
}

async fn text(response: Response<Body>) -> Result<Bytes, BodyError> {
    Ok(response.into_body().collect().await?.to_bytes())
}

#[tokio::test]
async fn passes_the_request_on_as_it_is() {
    let server =
        RudeServer::start(Manner::Says(answer("200 OK", "content-type: application/fhir+json\r\n", b"{}"))).await;
    let body: Body = Box::pin(Full::new(Bytes::from_static(b"{\"a\":1}")).map_err(|never| match never {}));
    let request =
        Request::post(server.url("/fhir/Patient?x=1%20y")).header("prefer", "return=minimal").body(body).unwrap();
    let response = upstream(|_| {}).send(request).await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/fhir+json");
    assert_eq!(text(response).await.unwrap(), "{}");

    let sent = server.requests().remove(0).to_ascii_lowercase();
    assert!(sent.starts_with("post /fhir/patient?x=1%20y http/1.1\r\n"), "{sent}");
    let mut names: Vec<_> = sent
        .lines()
        .skip(1)
        .filter_map(|line| Some(line.split_once(':')?.0))
        .filter(|name| !name.contains('{'))
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["content-length", "host", "prefer"], "nothing is added but host and framing");
}

#[tokio::test]
async fn redirects_and_errors_are_answers() {
    let elsewhere = RudeServer::start(Manner::Says(answer("200 OK", "", b"secret"))).await;
    for status in ["302 Found", "307 Temporary", "404 Not Found", "500 Oops"] {
        let location = format!("location: {}\r\ncontent-encoding: gzip\r\n", elsewhere.url("/"));
        let server = RudeServer::start(Manner::Says(answer(status, &location, b"as it is"))).await;
        let response = upstream(|_| {}).send(get(&server.url("/"))).await.unwrap();
        assert!(status.starts_with(response.status().as_str()));
        assert_eq!(text(response).await.unwrap(), "as it is");
    }
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn a_server_that_does_not_answer_or_is_not_there_is_told_apart() {
    let silent = RudeServer::start(Manner::Silent).await;
    let short = upstream(|limits| limits.head = Duration::from_millis(200));
    assert!(matches!(short.send(get(&silent.url("/"))).await, Err(UpstreamError::TimedOut)));
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert!(matches!(upstream(|_| {}).send(get(&format!("http://{free}/"))).await, Err(UpstreamError::Unreachable(_))));
    // Whoever closed after the connection stood may have read the request.
    let rude = RudeServer::start(Manner::Says(b"".to_vec())).await;
    assert!(matches!(upstream(|_| {}).send(get(&rude.url("/"))).await, Err(UpstreamError::Broken(_))));
    let plain = RudeServer::start(Manner::Says(answer("200 OK", "", b""))).await;
    let with_tls = plain.url("/").replace("http:", "https:");
    let short = upstream(|limits| limits.connect = Duration::from_millis(200));
    assert!(matches!(short.send(get(&with_tls)).await, Err(UpstreamError::Unreachable(_) | UpstreamError::TimedOut)));
}

#[tokio::test]
async fn a_body_without_progress_ends_with_an_error_and_a_slow_one_does_not() {
    let stuck = RudeServer::start(Manner::Stalls("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc")).await;
    let response =
        upstream(|limits| limits.idle = Duration::from_millis(100)).send(get(&stuck.url("/"))).await.unwrap();
    assert!(text(response).await.is_err());
    let slow = RudeServer::start(Manner::Drips("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n")).await;
    let patient = upstream(|limits| limits.head = Duration::from_millis(150));
    let response = patient.send(get(&slow.url("/"))).await.unwrap();
    assert_eq!(text(response).await.unwrap(), "xxxxxxxxxx", "200 ms, with progress all the time");
}

#[tokio::test]
async fn a_place_is_held_until_the_body_is_through() {
    let server = RudeServer::start(Manner::Says(answer("200 OK", "", b"{}"))).await;
    let upstream = upstream(|limits| limits.in_flight = 1);
    let first = upstream.send(get(&server.url("/"))).await.unwrap();
    assert!(matches!(upstream.send(get(&server.url("/"))).await, Err(UpstreamError::Busy)));
    drop(first);
    assert!(upstream.send(get(&server.url("/"))).await.is_ok());
}

#[tokio::test]
async fn only_absolute_uris_go_out() {
    for uri in ["/Patient", "ftp://x/", "example.org:80"] {
        assert!(matches!(upstream(|_| {}).send(get(uri)).await, Err(UpstreamError::Unreachable(_))), "{uri}");
    }
}
