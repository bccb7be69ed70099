//! The start page: who is here, which certificates there are, how the last visit went, and what to type.
//!
//! Source: security invariant 34

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::get;
use tessera_trust::UnixTime;

use crate::guide::{self, Guide};
use crate::ports::Ports;
use crate::register::Issued;
use crate::steps::{Outcome, Step};
use crate::surroundings::now;
use crate::world::World;

/// Certificates on the page; the latest are shown.
const SHOWN: usize = 50;

/// Nothing from elsewhere, nothing inline, no frame around it.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

#[derive(Template)]
#[template(path = "start.html")]
struct StartPage {
    guide: Guide,
    steps: Vec<Step>,
    summary: Option<Summary>,
    certificates: Vec<Row>,
    left_out: usize,
}

/// How the last visit went, in one line.
struct Summary {
    passed: usize,
    all: usize,
    milliseconds: u64,
}

/// One certificate.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    uri: String,
    community: String,
    until: String,
    day: String,
    status: &'static str,
}

/// The page with its style and mark.
pub(crate) fn router(world: Arc<World>) -> Router {
    const STYLE: &str = include_str!("../static/style.css");
    const MARK: &str = include_str!("../static/mark.svg");
    let file =
        |media_type: &'static str, text: &'static str| get(move || async move { ([(CONTENT_TYPE, media_type)], text) });
    Router::new()
        .route("/", get(start))
        .route("/style.css", file("text/css; charset=utf-8", STYLE))
        .route("/mark.svg", file("image/svg+xml", MARK))
        .with_state(world)
}

/// Keeps foreign sites out, whatever the path, and sets the headers that every answer has.
///
/// A name of somebody else's that resolves to this machine would make the page part of his site (DNS rebinding).
pub(crate) fn only_for_us(router: Router, ports: Ports) -> Router {
    let hosts: Arc<[String]> = ["localhost", "127.0.0.1"].map(|host| format!("{host}:{}", ports.page())).into();
    router.layer(axum::middleware::from_fn_with_state(hosts, guard))
}

async fn guard(State(hosts): State<Arc<[String]>>, request: Request, next: Next) -> Response {
    let mut response = if names_us(&request, &hosts) {
        next.run(request).await
    } else {
        (StatusCode::MISDIRECTED_REQUEST, "This is a sandbox on localhost.\n").into_response()
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn names_us(request: &Request, hosts: &[String]) -> bool {
    let mut values = request.headers().get_all(HOST).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let is_ours = |host: &[u8]| hosts.iter().any(|own| host.eq_ignore_ascii_case(own.as_bytes()));
    // A target in absolute form names a host as well.
    let target = request.uri().authority();
    is_ours(value.as_bytes()) && target.is_none_or(|target| is_ours(target.as_str().as_bytes()))
}

async fn start(State(world): State<Arc<World>>) -> Response {
    let steps = world.remembered();
    let (certificates, left_out) = rows(&world);
    let page = StartPage { guide: guide::guide(&world), summary: summary(&steps), steps, certificates, left_out };
    match page.render() {
        Ok(text) => Html(text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn summary(steps: &[Step]) -> Option<Summary> {
    let passed = steps.iter().filter(|step| step.outcome == Outcome::Passed).count();
    (!steps.is_empty()).then(|| Summary {
        passed,
        all: steps.len(),
        milliseconds: steps.iter().map(|step| step.milliseconds).sum(),
    })
}

/// The latest certificates first, and how many more there are.
fn rows(world: &World) -> (Vec<Row>, usize) {
    let now = now();
    let stranger = world.stranger.credentials.leaf();
    let mut rows = vec![Row {
        uri: world.stranger.uri.as_str().to_owned(),
        community: "none".to_owned(),
        until: stranger.not_after().to_utc_text(),
        day: day(stranger.not_after()),
        status: "stranger",
    }];
    for community in &world.communities {
        let issued = community.issued();
        rows.extend(issued.iter().map(|issued| row(issued, community.title(), now)));
    }
    let left_out = rows.len().saturating_sub(SHOWN);
    let latest = rows.into_iter().skip(left_out).rev().collect();
    (latest, left_out)
}

fn row(issued: &Issued, community: &str, now: UnixTime) -> Row {
    let until = UnixTime::from_secs(issued.until);
    let status = match issued.revoked_at {
        Some(_) => "revoked",
        None if until < now => "expired",
        None => "valid",
    };
    Row {
        uri: issued.uri.clone(),
        community: community.to_owned(),
        until: until.to_utc_text(),
        day: day(until),
        status,
    }
}

/// The day of a time: `2026-11-24`.
fn day(time: UnixTime) -> String {
    time.to_utc_text().chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn request(target: &str, hosts: &[&str]) -> Request {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = target.parse().unwrap();
        for host in hosts {
            request.headers_mut().append(HOST, host.parse().unwrap());
        }
        request
    }

    #[test]
    fn answers_to_its_own_names_only() {
        let own = ["localhost:8444".to_owned(), "127.0.0.1:8444".to_owned()];
        for (target, hosts) in [
            ("/", &["localhost:8444"][..]),
            ("/", &["LOCALHOST:8444"]),
            ("/", &["127.0.0.1:8444"]),
            ("http://localhost:8444/", &["localhost:8444"]),
        ] {
            assert!(names_us(&request(target, hosts), &own), "{target} {hosts:?}");
        }
        for (target, hosts) in [
            ("/", &[][..]),
            ("/", &["evil.example:8444"]),
            ("/", &["localhost"]),
            ("/", &["localhost:8444.evil.example"]),
            ("/", &["localhost:8444", "evil.example"]),
            ("http://evil.example/", &["localhost:8444"]),
        ] {
            assert!(!names_us(&request(target, hosts), &own), "{target} {hosts:?}");
        }
    }

    #[test]
    fn a_certificate_says_what_it_is_worth() {
        let issued = |until, revoked_at| Issued {
            uri: "https://a.example".to_owned(),
            serial: "01".to_owned(),
            until,
            revoked_at,
        };
        let now = UnixTime::from_secs(1_800_000_000);
        assert_eq!(row(&issued(1_900_000_000, None), "Elm", now).status, "valid");
        assert_eq!(row(&issued(1_700_000_000, None), "Elm", now).status, "expired");
        assert_eq!(row(&issued(1_900_000_000, Some(1)), "Elm", now).status, "revoked");
        assert_eq!(row(&issued(1_900_000_000, None), "Elm", now).day, "2030-03-17");
    }
}
