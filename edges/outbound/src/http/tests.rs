use super::*;
use crate::guard::AllowList;
use crate::testing::{Manner, RecordingDialler, RudeServer, TableResolver, answer};
use crate::tls::{TlsRoots, client_config};
use std::net::SocketAddr;
use std::sync::Arc;

struct Bench {
    fetcher: Arc<Fetcher>,
    resolver: Arc<TableResolver>,
    dialler: Arc<RecordingDialler>,
}

fn bench(names: &[(&'static str, &[&str])], instead: Option<SocketAddr>) -> Bench {
    bench_within(Duration::from_secs(5), names, instead)
}

fn bench_within(whole: Duration, names: &[(&'static str, &[&str])], instead: Option<SocketAddr>) -> Bench {
    let resolver = TableResolver::new(names);
    let dialler = Arc::new(RecordingDialler { instead, ..RecordingDialler::default() });
    let tls = client_config(TlsRoots::Only(Vec::new())).unwrap();
    let connector = Connector::new(resolver.clone(), dialler.clone(), tls, whole);
    let limits = FetchLimits { whole, ..FetchLimits::default() };
    Bench { fetcher: Arc::new(Fetcher::new(connector, limits)), resolver, dialler }
}

fn opened_for(server: &RudeServer) -> Guard {
    Guard::new(AllowList::parse([format!("127.0.0.1/32:{}", server.address.port()).as_str()]).unwrap())
}

async fn get_from(manner: Manner, limit: usize) -> Result<Bytes, FetchError> {
    let server = RudeServer::start(manner).await;
    bench(&[], None).fetcher.get(&server.url("/"), &opened_for(&server), limit).await
}

#[tokio::test]
async fn fetches_a_document_with_a_plain_request() {
    let server = RudeServer::start(Manner::Says(answer("200 OK", "", b"a CRL"))).await;
    let bench = bench(&[], None);
    assert_eq!(bench.fetcher.get(&server.url("/a.crl?b=c"), &opened_for(&server), 100).await.unwrap(), "a CRL");

    let request = server.requests().remove(0).to_ascii_lowercase();
    assert!(request.starts_with("get /a.crl?b=c http/1.1\r\n"));
    assert!(request.contains(&format!("host: {}\r\n", server.address)));
    assert!(request.contains("accept-encoding: identity\r\n"));
    for never in ["authorization", "cookie", "referer"] {
        assert!(!request.contains(never));
    }
}

#[tokio::test]
async fn a_name_that_resolves_to_private_addresses_is_not_dialled() {
    let names: &[(&'static str, &[&str])] = &[
        (
            "rebound.example",
            &["127.0.0.1", "::1", "10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "64:ff9b::7f00:1"],
        ),
        ("nowhere.example", &[]),
    ];
    let bench = bench(names, None);
    for name in ["rebound", "nowhere", "unknown"] {
        assert!(bench.fetcher.get(&format!("http://{name}.example/"), &Guard::default(), 100).await.is_err());
    }
    assert_eq!(bench.resolver.asked.lock().unwrap().len(), 3);
    assert!(bench.dialler.dialled.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_literal_address_asks_no_resolver_and_is_judged_all_the_same() {
    let bench = bench(&[], None);
    for url in
        ["http://127.0.0.1/", "http://[::ffff:10.0.0.1]/", "http://2130706433/", "http://0x7f.1/", "file:///etc/passwd"]
    {
        assert!(matches!(bench.fetcher.get(url, &Guard::default(), 100).await, Err(FetchError::Refused(_))), "{url}");
    }
    assert!(bench.resolver.asked.lock().unwrap().is_empty());
    assert!(bench.dialler.dialled.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_was_judged_is_what_is_dialled() {
    let server = RudeServer::start(Manner::Says(answer("200 OK", "", b"public"))).await;
    let names: &[(&'static str, &[&str])] = &[("mixed.example", &["10.0.0.1", "93.184.215.14", "169.254.169.254"])];
    let bench = bench(names, Some(server.address));
    assert_eq!(bench.fetcher.get("http://mixed.example/", &Guard::default(), 100).await.unwrap(), "public");
    assert_eq!(bench.resolver.asked.lock().unwrap().len(), 1, "resolved once, so that a second answer cannot differ");
    assert_eq!(*bench.dialler.dialled.lock().unwrap(), ["93.184.215.14:80".parse().unwrap()]);
}

#[tokio::test]
async fn redirects_are_an_answer_and_not_followed() {
    let elsewhere = RudeServer::start(Manner::Says(answer("200 OK", "", b"secret"))).await;
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"] {
        let location = format!("location: {}\r\n", elsewhere.url("/"));
        let error = get_from(Manner::Says(answer(status, &location, b"")), 100).await.unwrap_err();
        assert!(matches!(error, FetchError::Redirected(_)), "{error}");
    }
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn too_much_is_refused_however_it_comes() {
    let declared = Manner::Says(answer("200 OK", "", &[0; 101]));
    let until_closed = Manner::Says([b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), &[0; 101]].concat());
    let chunked = Manner::Endless("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nFFFFFF\r\n");
    let endless = Manner::Endless("HTTP/1.1 200 OK\r\n\r\n");
    let boast = Manner::Says(b"HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551615\r\n\r\n".to_vec());
    for manner in [declared, until_closed, chunked, endless] {
        assert!(matches!(get_from(manner, 100).await, Err(FetchError::TooLarge(100))));
    }
    assert!(get_from(boast, 100).await.is_err());
    assert_eq!(get_from(Manner::Says(answer("200 OK", "", &[0; 100])), 100).await.unwrap().len(), 100);
}

#[tokio::test]
async fn an_endless_header_block_is_refused() {
    for head in ["HTTP/1.1 200 OK\r\nx: ", "HTTP/1.1 "] {
        assert!(matches!(get_from(Manner::Endless(head), 100).await, Err(FetchError::Protocol(_))));
    }
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(101));
    assert!(matches!(get_from(Manner::Says(many.into_bytes()), 100).await, Err(FetchError::Protocol(_))));
}

#[tokio::test]
async fn compressed_answers_are_refused() {
    for encoding in ["gzip", "br", "deflate, gzip", "identity, gzip"] {
        let header = format!("content-encoding: {encoding}\r\n");
        assert!(matches!(get_from(Manner::Says(answer("200 OK", &header, b"x")), 100).await, Err(FetchError::Encoded)));
    }
    assert!(get_from(Manner::Says(answer("200 OK", "content-encoding: identity\r\n", b"x")), 100).await.is_ok());
}

#[tokio::test]
async fn slow_peers_end_with_the_deadline() {
    for manner in [
        Manner::Silent,
        Manner::Drips("HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n"),
        Manner::Drips("HTTP/1.1 200 OK\r\n"),
    ] {
        let server = RudeServer::start(manner).await;
        let bench = bench_within(Duration::from_millis(300), &[], None);
        assert!(matches!(
            bench.fetcher.get(&server.url("/"), &opened_for(&server), 100).await,
            Err(FetchError::TimedOut(_))
        ));
    }
}

#[tokio::test]
async fn a_short_answer_is_not_taken_for_a_whole_one() {
    let short = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc".to_vec();
    assert!(matches!(get_from(Manner::Says(short), 100).await, Err(FetchError::Protocol(_))));
}

#[tokio::test]
async fn other_statuses_bring_nothing() {
    for status in ["204 No Content", "206 Partial", "404 Not Found", "500 Oops"] {
        assert!(matches!(get_from(Manner::Says(answer(status, "", b"")), 100).await, Err(FetchError::Status(_))));
    }
}

#[tokio::test]
async fn two_hundred_askers_share_one_fetch() {
    let server = RudeServer::start(Manner::Waits(Duration::from_millis(100), answer("200 OK", "", b"one"))).await;
    let bench = bench(&[], None);
    let tasks: Vec<_> = (0..200)
        .map(|_| {
            let (fetcher, url, guard) = (bench.fetcher.clone(), server.url("/crl"), opened_for(&server));
            tokio::spawn(async move { fetcher.get(&url, &guard, 100).await })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap(), "one");
    }
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn when_the_first_asker_gives_up_the_others_still_get_an_answer() {
    let server = RudeServer::start(Manner::Waits(Duration::from_millis(50), answer("200 OK", "", b"one"))).await;
    let bench = bench(&[], None);
    let guard = opened_for(&server);
    let url = server.url("/crl");
    let first = tokio::time::timeout(Duration::from_millis(10), bench.fetcher.get(&url, &guard, 100));
    let (first, second) = tokio::join!(first, bench.fetcher.get(&url, &guard, 100));
    assert!(first.is_err());
    assert_eq!(second.unwrap(), "one");
}

#[tokio::test]
async fn a_failure_is_remembered_for_its_guard_alone() {
    let server = RudeServer::start(Manner::Says(answer("404 Not Found", "", b""))).await;
    let bench = bench(&[], None);
    let url = server.url("/crl");
    for _ in 0..5 {
        assert!(bench.fetcher.get(&url, &opened_for(&server), 100).await.is_err());
    }
    assert_eq!(server.requests().len(), 1);
    let other = Guard::new(AllowList::parse([format!("127.0.0.0/8:{}", server.address.port()).as_str()]).unwrap());
    assert!(bench.fetcher.get(&url, &other, 100).await.is_err());
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn being_busy_is_not_held_against_the_peer() {
    let server = RudeServer::start(Manner::Silent).await;
    let resolver = TableResolver::new(&[]);
    let tls = client_config(TlsRoots::Only(Vec::new())).unwrap();
    let connector = Connector::new(resolver, Arc::new(RecordingDialler::default()), tls, Duration::from_millis(300));
    let limits = FetchLimits { whole: Duration::from_millis(400), per_host: 1, ..FetchLimits::default() };
    let fetcher = Fetcher::new(connector, limits);
    let guard = opened_for(&server);
    let (one, two) = (server.url("/one"), server.url("/two"));
    let (first, second) = tokio::join!(fetcher.get(&one, &guard, 100), fetcher.get(&two, &guard, 100));
    assert!(matches!(first, Err(FetchError::TimedOut(_))));
    assert!(matches!(second, Err(FetchError::Busy)));
    assert_eq!(fetcher.failures.iter().count(), 1);
}

#[tokio::test]
async fn https_needs_a_certificate_that_is_believed() {
    let server = RudeServer::start(Manner::Says(answer("200 OK", "", b""))).await;
    let url = format!("https://{}/", server.address);
    let bench = bench_within(Duration::from_millis(300), &[], None);
    let error = bench.fetcher.get(&url, &opened_for(&server), 100).await.unwrap_err();
    let not_reached =
        matches!(error, FetchError::NotReached(DialError::Tls(_) | DialError::TimedOut(_)) | FetchError::TimedOut(_));
    assert!(not_reached, "{error:?}");
}
