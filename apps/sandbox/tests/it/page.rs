//! The start page over HTTP.

use crate::support::{send, start, visit};

#[tokio::test(flavor = "multi_thread")]
async fn the_start_page_shows_the_world_and_runs_no_foreign_code() {
    let sandbox = start(None).await;
    let get = "GET / HTTP/1.1\r\nHost: localhost:{port}";
    let (status, _, before) = send(&sandbox, get, "").await;
    assert!(status == 200 && before.contains("No visit has run yet"), "{before}");

    visit(&sandbox, false).await;
    let (status, head, page) = send(&sandbox, get, "").await;
    assert_eq!(status, 200);
    for header in [
        "content-security-policy: default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        "x-content-type-options: nosniff",
        "referrer-policy: no-referrer",
        "cache-control: no-store",
        "content-type: text/html; charset=utf-8",
    ] {
        assert!(head.contains(header), "{header} is missing in {head}");
    }
    assert!(!page.contains("<script") && !page.contains("style="), "nothing inline");
    let guide = sandbox.guide();
    for text in ["all 5 steps passed", "discover", "Elm trust community", "https://stranger.example/app"] {
        assert!(page.contains(text), "{text} is missing in {page}");
    }
    assert!(page.contains(&guide.location.base));
    // Quotes are escaped, so that the shell's words cannot leave their element.
    assert!(page.contains("&#39;Patient?_count=5&#39;"), "{page}");

    for (path, media_type) in [("/style.css", "text/css"), ("/mark.svg", "image/svg+xml")] {
        let head = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{{port}}");
        let (status, head, _) = send(&sandbox, &head, "").await;
        assert!(status == 200 && head.contains(media_type), "{path}: {head}");
    }
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_name_for_this_machine_gets_nothing() {
    let sandbox = start(None).await;
    for path in ["/", "/style.css", "/control/location", "/nowhere"] {
        let head = format!("GET {path} HTTP/1.1\r\nHost: evil.example:{{port}}");
        let (status, head, body) = send(&sandbox, &head, "").await;
        assert_eq!(status, 421, "{path}");
        assert!(head.contains("content-security-policy") && body.len() < 100, "{path}");
    }
    sandbox.stop().await;
}
