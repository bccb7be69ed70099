mod late;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};
use tessera_jose::json::{Limits, read};
use tessera_jose::jwk::Jwk;
use tessera_jose::jws::{HeaderTemplate, sign};
use tessera_jose::key::{KeyKind, SigningKey, SoftwareKey};
use tessera_trust::UnixTime;
use tessera_trust::certificate::CertificateDigest;
use tessera_trust::community::CommunityId;
use tessera_udap::access_token::{ACCESS_TOKEN_TYPE, AccessTokenClaims};
use tessera_udap::extensions::b2b::B2bExtension;
use tessera_udap::ids::{BaseUrl, ClientId, ClientUri, Jti};
use tessera_udap::scope::ScopeSet;

use super::*;
use crate::audit::RefusalRecord;
use crate::body::empty;
use crate::ports::{RecorderUnavailable, TokenReference, TokenStatus, TokenStatusError, UpstreamError};
use crate::testing::{BASE_URL, base, chunks, text_of, text_of_body};

const NOW: u64 = 1_800_000_000;
const PATIENT: &str = r#"{"resourceType":"Patient","id":"1"}"#;

/// What reached upstream.
#[derive(Debug, Clone)]
struct Sent {
    method: Method,
    uri: String,
    headers: HeaderMap,
    body: String,
}

type Answer = Box<dyn Fn() -> Result<Response<Body>, UpstreamError> + Send + Sync>;

/// A gateway between a client and an upstream that answers what a test says.
struct World {
    key: SoftwareKey,
    answer: Mutex<Answer>,
    sent: Mutex<Vec<Sent>>,
    status: Mutex<Option<TokenStatus>>,
    /// How often somebody asked whether a token lives.
    asked: AtomicUsize,
    records: Mutex<Vec<AuditRecord>>,
    /// Upstream never answers.
    hangs: AtomicBool,
    /// The audit log takes nothing.
    full: AtomicBool,
}

#[async_trait::async_trait]
impl Upstream for World {
    async fn send(&self, request: Request<Body>) -> Result<Response<Body>, UpstreamError> {
        let (parts, body) = request.into_parts();
        let body = text_of_body(body).await;
        let sent = Sent { method: parts.method, uri: parts.uri.to_string(), headers: parts.headers, body };
        self.sent.lock().unwrap().push(sent);
        if self.hangs.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        (self.answer.lock().unwrap())()
    }
}

#[async_trait::async_trait]
impl TokenStatusSource for World {
    async fn token_status(&self, token: &TokenReference) -> Result<TokenStatus, TokenStatusError> {
        assert_eq!((token.jti.as_str(), token.registration_version), ("t1", 3));
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.status.lock().unwrap().ok_or_else(|| TokenStatusError::new("the database is gone"))
    }
}

impl AuditSink for World {
    fn record(&self, record: AuditRecord) -> Result<(), RecorderUnavailable> {
        if self.full.load(Ordering::Relaxed) {
            return Err(RecorderUnavailable);
        }
        self.records.lock().unwrap().push(record);
        Ok(())
    }
}

fn json(status: u16, headers: &[(&str, &str)], body: &'static str) -> Result<Response<Body>, UpstreamError> {
    let mut response = Response::builder().status(status).header(CONTENT_TYPE, "application/fhir+json; charset=utf-8");
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    Ok(response.body(chunks(&[body])).unwrap())
}

impl World {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            key: SoftwareKey::generate(KeyKind::P256).unwrap(),
            answer: Mutex::new(Box::new(|| json(200, &[], PATIENT))),
            sent: Mutex::default(),
            status: Mutex::new(Some(TokenStatus::Live)),
            asked: AtomicUsize::default(),
            records: Mutex::default(),
            hangs: AtomicBool::default(),
            full: AtomicBool::default(),
        })
    }

    fn answering(answer: impl Fn() -> Result<Response<Body>, UpstreamError> + Send + Sync + 'static) -> Arc<Self> {
        let world = Self::new();
        *world.answer.lock().unwrap() = Box::new(answer);
        world
    }

    fn gateway(self: &Arc<Self>, base: GatewayBase) -> Gateway {
        let mut keys = TokenKeys::default();
        keys.add(self.key.public_key(), self.key.algorithm()).unwrap();
        let settings = GatewaySettings::new(vec![base]).unwrap();
        Gateway::new(settings, keys, self.clone(), self.clone(), self.clone())
    }

    fn token(&self, claims: &AccessTokenClaims) -> String {
        let kid = Jwk::from_signing_key(&self.key).unwrap();
        let header = HeaderTemplate::new(self.key.algorithm()).typ(ACCESS_TOKEN_TYPE).kid(kid.kid()).build();
        format!("Bearer {}", sign(&header, &claims.to_json(), &self.key).unwrap())
    }

    /// Asks with a good token for everything.
    async fn ask(self: &Arc<Self>, method: &str, path: &str) -> Response<Body> {
        self.ask_with(request(method, path, &[("authorization", &self.token(&claims()))], empty())).await
    }

    async fn ask_with(self: &Arc<Self>, request: Request<Body>) -> Response<Body> {
        self.gateway(base()).handle("clinic", request, &context()).await
    }

    async fn write(self: &Arc<Self>, method: &str, path: &str, body: &'static str) -> Response<Body> {
        let headers = [("authorization", &*self.token(&claims())), ("content-type", "application/fhir+json")];
        self.ask_with(request(method, path, &headers, full(Bytes::from_static(body.as_bytes())))).await
    }

    fn only_sent(&self) -> Sent {
        let sent = self.sent.lock().unwrap();
        assert_eq!(sent.len(), 1);
        sent[0].clone()
    }

    fn upstream_saw_nothing(&self) -> bool {
        self.sent.lock().unwrap().is_empty()
    }

    fn last_record(&self) -> AuditRecord {
        self.records.lock().unwrap().last().unwrap().clone()
    }

    fn refusal(&self) -> RefusalRecord {
        match self.last_record().outcome {
            AuditOutcome::Refused(refusal) | AuditOutcome::Failed(refusal) => refusal,
            AuditOutcome::Undecided | AuditOutcome::Granted => panic!("it was not refused"),
        }
    }
}

fn context() -> GatewayContext {
    GatewayContext { now: UnixTime::from_secs(NOW), correlation_id: "c-1".to_owned(), peer: None }
}

fn request(method: &str, path: &str, headers: &[(&str, &str)], body: Body) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(format!("/fhir{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body).unwrap()
}

fn claims() -> AccessTokenClaims {
    let b2b = r#"{"version":"1","organization_id":"https://org.example","purpose_of_use":["urn:p#TREAT"]}"#;
    let b2b = read(b2b.as_bytes(), &Limits::new(1024)).unwrap();
    AccessTokenClaims {
        iss: BaseUrl::parse(BASE_URL).unwrap(),
        aud: BaseUrl::parse(BASE_URL).unwrap(),
        sub: ClientId::parse("client-1").unwrap(),
        client_id: ClientId::parse("client-1").unwrap(),
        iat: UnixTime::from_secs(NOW - 60),
        exp: UnixTime::from_secs(NOW + 840),
        jti: Jti::parse("t1").unwrap(),
        scope: ScopeSet::parse("system/*.cruds").unwrap(),
        b2b: Some(B2bExtension::read(&b2b).unwrap()),
        community: CommunityId::parse("urn:example:community").unwrap(),
        client_uri: ClientUri::parse("https://app.example/").unwrap(),
        signer: CertificateDigest::of(b"certificate"),
        registration_version: 3,
    }
}

/// An edge may move a request's work between threads.
#[test]
fn the_work_can_be_sent() {
    fn is_send<T: Send>(_: T) {}
    let gateway = World::new().gateway(base());
    is_send(gateway.handle("clinic", request("GET", "/Patient", &[], empty()), &context()));
}

#[tokio::test]
async fn a_read_goes_upstream_built_anew() {
    let world = World::new();
    let token = world.token(&claims());
    let headers = [
        ("authorization", token.as_str()),
        ("host", "attacker.example"),
        ("cookie", "a=b"),
        ("x-forwarded-for", "1.2.3.4"),
        ("accept", "application/json"),
        ("if-none-match", "W/\"1\""),
    ];
    let response = world.ask_with(request("GET", "/%50atient/1?_elements=id", &headers, empty())).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()[CONTENT_TYPE], "application/fhir+json");
    assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
    assert_eq!(text_of(response).await, PATIENT);
    let sent = world.only_sent();
    assert_eq!((sent.method, sent.uri.as_str()), (Method::GET, "http://10.0.0.5:8080/r4/Patient/1?_elements=id"));
    let mut names: Vec<&str> = sent.headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "accept-encoding", "if-none-match", "x-request-id"]);
    assert_eq!(sent.headers["x-request-id"], "c-1");
    assert_eq!(sent.headers["accept"], "application/fhir+json");
    assert_eq!(sent.body, "");
}

#[tokio::test]
async fn a_decision_is_recorded_with_who_for_whom_and_what() {
    let world = World::new();
    let _ = world.ask("GET", "/Patient/1").await;
    let record = world.last_record();
    assert_eq!(record.outcome, AuditOutcome::Granted);
    assert_eq!((record.base.as_str(), record.correlation_id.as_str()), ("clinic", "c-1"));
    let client = record.client.unwrap();
    assert_eq!(client.client_id.as_str(), "client-1");
    assert_eq!(client.client_uri.as_str(), "https://app.example/");
    assert_eq!(client.community.as_str(), "urn:example:community");
    assert_eq!(record.purpose.unwrap().organization_id, "https://org.example");
    assert_eq!(record.request.interaction, Some("read"));
    assert_eq!((record.request.resource_type, record.request.id.as_deref()), (Some("Patient"), Some("1")));
}

#[tokio::test]
async fn a_search_by_post_sends_its_form_built_anew() {
    let world = World::new();
    let headers = [("authorization", &*world.token(&claims())), ("content-type", "application/x-www-form-urlencoded")];
    let form = || full(Bytes::from_static(b"name=a+b&_format=json"));
    let response = world.ask_with(request("POST", "/Patient/_search?_count=2", &headers, form())).await;
    assert_eq!(response.status(), 200);
    let sent = world.only_sent();
    assert_eq!(sent.uri, "http://10.0.0.5:8080/r4/Patient/_search");
    assert_eq!(sent.body, "_count=2&name=a%20b");
    assert_eq!(sent.headers[CONTENT_TYPE], "application/x-www-form-urlencoded");
    let bad = full(Bytes::from_static(b"_include=*"));
    let response = world.ask_with(request("POST", "/Patient/_search", &headers, bad)).await;
    assert_eq!((response.status(), world.refusal().reason_code), (StatusCode::FORBIDDEN, "include"));
    let large = full(Bytes::from(format!("a={}", "x".repeat(70_000))));
    let response = world.ask_with(request("POST", "/Patient/_search", &headers, large)).await;
    assert_eq!(response.status(), 413);
}

#[tokio::test]
async fn a_write_sends_the_bytes_that_were_judged() {
    let world = World::answering(|| {
        json(201, &[("location", "http://10.0.0.5:8080/r4/Patient/1/_history/1"), ("etag", "W/\"1\"")], PATIENT)
    });
    let body = r#"{ "resourceType": "Patient", "x": 1.0100 }"#;
    let response = world.write("POST", "/Patient", body).await;
    assert_eq!(response.status(), 201);
    assert_eq!(response.headers()["location"], "https://data.example/fhir/Patient/1/_history/1");
    assert_eq!(response.headers()["etag"], "W/\"1\"");
    assert_eq!(world.only_sent().body, body);
    let response = world.write("PUT", "/Patient/2", PATIENT).await;
    assert_eq!((response.status(), world.refusal().reason_code), (StatusCode::BAD_REQUEST, "body"));
    let response = world.write("PUT", "/Observation/1", PATIENT).await;
    assert_eq!(response.status(), 400);
    let _ = world.only_sent();
}

#[tokio::test]
async fn a_body_that_is_too_large_or_breaks_off_is_refused() {
    let world = World::new();
    let headers = [("authorization", &*world.token(&claims())), ("content-type", "application/fhir+json")];
    let large = full(Bytes::from(vec![b' '; 2 * 1024 * 1024 + 1]));
    let response = world.ask_with(request("POST", "/Patient", &headers, large)).await;
    assert_eq!(response.status(), 413);
    assert!(world.upstream_saw_nothing());
}

/// Shows: TOKEN-3
#[tokio::test]
async fn a_token_that_has_ended_opens_nothing() {
    let world = World::new();
    let gateway = world.gateway(base());
    let token = world.token(&claims());
    for (age, status) in [(839, 200), (840, 401), (100_000, 401)] {
        let later = GatewayContext { now: UnixTime::from_secs(NOW).plus(Duration::from_secs(age)), ..context() };
        let asked = request("GET", "/Patient/1", &[("authorization", &token)], empty());
        let response = gateway.handle("clinic", asked, &later).await;
        assert_eq!(response.status(), status, "after {age} s");
        if status == 401 {
            let challenge = response.headers()["www-authenticate"].to_str().unwrap();
            assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
            assert_eq!(world.refusal().reason_code, "token-expired");
        }
    }
    let long = AccessTokenClaims { exp: UnixTime::from_secs(NOW - 60 + 3601), ..claims() };
    let asked = request("GET", "/Patient/1", &[("authorization", &world.token(&long))], empty());
    assert_eq!(world.ask_with(asked).await.status(), 401);
    let _ = world.only_sent();
}

/// Shows: TOKEN-12
#[tokio::test]
async fn a_dead_token_opens_nothing() {
    for status in [
        TokenStatus::Revoked,
        TokenStatus::ClientGone,
        TokenStatus::ClientBlocked,
        TokenStatus::Superseded,
        TokenStatus::RevokedInBulk,
    ] {
        let world = World::new();
        *world.status.lock().unwrap() = Some(status);
        let response = world.ask("GET", "/Patient/1").await;
        assert_eq!(response.status(), 401, "{status:?}");
        assert_eq!(world.refusal().reason_code, status.code());
        assert!(world.last_record().client.is_some());
        assert!(world.upstream_saw_nothing());
    }
}

#[tokio::test]
async fn when_nobody_can_tell_whether_a_token_lives_upstream_sees_nothing() {
    let world = World::new();
    *world.status.lock().unwrap() = None;
    let response = world.ask("GET", "/Patient/1").await;
    assert_eq!(response.status(), 503);
    assert!(world.upstream_saw_nothing());
    assert!(matches!(world.last_record().outcome, AuditOutcome::Failed(_)));
    assert!(world.refusal().detail.contains("the database is gone"));
    assert!(!text_of(response).await.contains("database"));
}

#[tokio::test]
async fn without_a_good_token_nothing_is_opened() {
    let world = World::new();
    let other_base = AccessTokenClaims { aud: BaseUrl::parse("https://other.example/fhir").unwrap(), ..claims() };
    let foreign = World::new().token(&claims());
    for (authorization, status, reason) in [
        (None, 401, "token-missing"),
        (Some(world.token(&other_base)), 401, "token-audience"),
        (Some(foreign), 401, "token-key-unknown"),
        (Some("Bearer abc".to_owned()), 401, "token-form"),
        (Some("Basic YTpi".to_owned()), 401, "token-missing"),
        (Some("Bearer a b".to_owned()), 400, "token-placement"),
    ] {
        let headers: Vec<(&str, &str)> = authorization.iter().map(|value| ("authorization", &**value)).collect();
        let response = world.ask_with(request("GET", "/Patient/1", &headers, empty())).await;
        assert_eq!((response.status().as_u16(), world.refusal().reason_code), (status, reason));
        assert!(response.headers()["www-authenticate"].to_str().unwrap().starts_with("Bearer realm="));
        assert!(world.last_record().client.is_none());
    }
    // Without a token not even the grammar's refusals are told.
    let response = world.ask_with(request("GET", "/Nonsense", &[], empty())).await;
    assert_eq!(response.status(), 401);
    let token = world.token(&claims());
    let asked = request("GET", "/Patient/1?access_token=x", &[("authorization", &token)], empty());
    assert_eq!(world.ask_with(asked).await.status(), 400);
    assert!(world.upstream_saw_nothing());
}

#[tokio::test]
async fn scopes_are_judged_before_the_body_is_read() {
    let world = World::new();
    let reader = AccessTokenClaims { scope: ScopeSet::parse("system/Patient.rs").unwrap(), ..claims() };
    let token = world.token(&reader);
    let headers = [("authorization", &*token), ("content-type", "application/json")];
    let response = world.ask_with(request("POST", "/Patient", &headers, chunks(&["never", "read"]))).await;
    assert_eq!((response.status(), world.refusal().reason_code), (StatusCode::FORBIDDEN, "scope"));
    let challenge = response.headers()["www-authenticate"].to_str().unwrap();
    assert!(challenge.contains("error=\"insufficient_scope\""));
    assert!(challenge.contains("scope=\"system/Patient.c\""));
    assert_eq!(world.refusal().evidence[1], ("scope held", "system/Patient.rs".to_owned()));
    assert!(world.upstream_saw_nothing());
}

/// Shows: TOKEN-10
#[tokio::test]
async fn the_purpose_in_the_token_is_checked_at_the_base() {
    let allowing = |purposes: &[&str]| GatewayBase {
        allowed_purposes: Some(purposes.iter().map(|&purpose| purpose.to_owned()).collect()),
        ..base()
    };
    let two = r#"{"version":"1","organization_id":"urn:x:y","purpose_of_use":["urn:p#TREAT","urn:p#HMARKT"]}"#;
    let two = B2bExtension::read(&read(two.as_bytes(), &Limits::new(1024)).unwrap()).unwrap();
    let both = AccessTokenClaims { b2b: Some(two), ..claims() };
    let none = AccessTokenClaims { b2b: None, ..claims() };
    for (allowed, claims, status, reason) in [
        (allowing(&["urn:p#TREAT"]), claims(), 200, ""),
        (allowing(&["urn:p#HPAYMT", "urn:p#TREAT"]), claims(), 200, ""),
        (allowing(&["urn:p#HPAYMT"]), claims(), 403, "purpose"),
        (allowing(&["urn:p#treat"]), claims(), 403, "purpose"),
        (allowing(&[]), claims(), 403, "purpose"),
        (allowing(&["urn:p#TREAT"]), both, 403, "purpose"),
        (allowing(&["urn:p#TREAT"]), none.clone(), 403, "purpose-missing"),
        (base(), none, 200, ""),
    ] {
        let world = World::new();
        let asked = request("GET", "/Patient/1", &[("authorization", &world.token(&claims))], empty());
        let response = world.gateway(allowed).handle("clinic", asked, &context()).await;
        assert_eq!(response.status(), status);
        if status == 403 {
            assert_eq!(world.refusal().reason_code, reason);
            assert!(world.upstream_saw_nothing());
        }
    }
}

#[tokio::test]
async fn what_is_not_understood_is_not_forwarded() {
    let world = World::new();
    for (method, path, status) in [
        ("GET", "/Patient%2f1", 400),
        ("GET", "/Nonsense", 404),
        ("GET", "/Patient/1/$everything", 403),
        ("GET", "/Patient?_include=*", 403),
        ("PATCH", "/Patient/1", 405),
        ("POST", "", 403),
        ("GET", "/Patient?_unknown=1", 400),
    ] {
        let response = world.ask(method, path).await;
        assert_eq!(response.status(), status, "{method} {path}");
        assert!(text_of(response).await.contains("OperationOutcome"));
        assert!(matches!(world.last_record().outcome, AuditOutcome::Refused(_)));
    }
    let token = world.token(&claims());
    let headers = [("authorization", &*token), ("x-http-method-override", "DELETE")];
    assert_eq!(world.ask_with(request("GET", "/Patient/1", &headers, empty())).await.status(), 400);
    let unknown = request("GET", "/Patient/1", &[("authorization", &token)], empty());
    assert_eq!(world.gateway(base()).handle("other", unknown, &context()).await.status(), 404);
    assert!(world.upstream_saw_nothing());
}

#[tokio::test]
async fn links_of_the_answer_are_ours() {
    let world = World::answering(|| {
        json(
            200,
            &[("x-powered-by", "secret"), ("set-cookie", "a=b"), ("server", "internal"), ("last-modified", "then")],
            r#"{"resourceType":"Bundle","link":[{"relation":"next","url":"http://10.0.0.5:8080/r4/Patient?_cursor=p2"}]}"#,
        )
    });
    let response = world.ask("GET", "/Patient").await;
    let mut names: Vec<&str> = response.headers().keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["cache-control", "content-type", "last-modified"]);
    assert!(text_of(response).await.contains("\"https://data.example/fhir/Patient?_cursor=p2\""));
}

#[tokio::test]
async fn heads_and_empty_answers_pass_without_a_body() {
    for (method, status) in [("GET", 304), ("DELETE", 204), ("HEAD", 200)] {
        let world = World::answering(move || Ok(Response::builder().status(status).body(empty()).unwrap()));
        let response = world.ask(method, "/Patient/1").await;
        assert_eq!(response.status(), status);
        assert_eq!(world.only_sent().method.as_str(), method);
        assert_eq!(text_of(response).await, "");
    }
}

#[tokio::test]
async fn what_upstream_must_not_say_is_a_bad_gateway() {
    let gzip = || json(200, &[("content-encoding", "gzip")], "x");
    let redirect = || json(302, &[("location", "http://10.0.0.9/")], "{}");
    let xml = || Ok(Response::builder().header(CONTENT_TYPE, "application/fhir+xml").body(chunks(&["<x/>"])).unwrap());
    let unlabelled = || Ok(Response::new(chunks(&["{}"])));
    let answers: [(Answer, u16, &str); 10] = [
        (Box::new(gzip), 502, "upstream-answer"),
        (Box::new(redirect), 502, "upstream-answer"),
        (Box::new(xml), 502, "upstream-answer"),
        (Box::new(unlabelled), 502, "upstream-answer"),
        (Box::new(|| json(401, &[("www-authenticate", "Basic")], "{}")), 502, "upstream-answer"),
        (
            Box::new(|| json(500, &[], r#"{"resourceType":"OperationOutcome","trace":"10.0.0.5"}"#)),
            502,
            "upstream-failed",
        ),
        (Box::new(|| json(504, &[], "{}")), 504, "upstream-timeout"),
        (Box::new(|| Err(UpstreamError::TimedOut)), 504, "upstream-timeout"),
        (Box::new(|| Err(UpstreamError::Unreachable("10.0.0.5 refused".into()))), 502, "upstream-unreachable"),
        (Box::new(|| Err(UpstreamError::Broken("10.0.0.5 reset".into()))), 502, "upstream-broken"),
    ];
    for (answer, status, reason) in answers {
        let world = World::answering(answer);
        let response = world.ask("GET", "/Patient/1").await;
        assert_eq!((response.status().as_u16(), world.refusal().reason_code), (status, reason));
        assert!(!response.headers().contains_key("location"));
        assert!(!response.headers().contains_key("www-authenticate"));
        let text = text_of(response).await;
        assert!(text.contains("OperationOutcome") && !text.contains("10.0.0."), "{text}");
        // It had been granted, and that is recorded too.
        assert_eq!(world.records.lock().unwrap()[0].outcome, AuditOutcome::Granted);
    }
}

#[tokio::test]
async fn upstreams_own_refusals_pass_in_our_words() {
    let outcome = r#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"deleted",
        "diagnostics":"org.example.Gone at db.internal, see http:\/\/10.0.0.5:8080\/r4\/logs"}]}"#;
    let world = World::answering(move || json(410, &[("location", "http://10.0.0.5/x")], outcome));
    let response = world.ask("GET", "/Patient/1").await;
    assert_eq!((response.status(), world.refusal().reason_code), (StatusCode::GONE, "upstream-refused"));
    assert!(!response.headers().contains_key("location"));
    assert_eq!(
        text_of(response).await,
        r#"{"issue":[{"code":"deleted","diagnostics":"the FHIR server refused the request with status 410 Gone (correlation id c-1)","severity":"error"}],"resourceType":"OperationOutcome"}"#
    );
    let html =
        || Ok(Response::builder().status(404).header(CONTENT_TYPE, "text/html").body(chunks(&["10.0.0.5"])).unwrap());
    let world = World::answering(html);
    let response = world.ask("GET", "/Patient/1").await;
    assert_eq!((response.status(), world.refusal().reason_code), (StatusCode::NOT_FOUND, "upstream-refused"));
    assert!(!text_of(response).await.contains("10.0.0.5"));
}

#[tokio::test]
async fn the_capability_statement_is_public_and_fetched_once() {
    let world =
        World::answering(|| json(200, &[], r#"{"resourceType":"CapabilityStatement","rest":[{"mode":"server"}]}"#));
    let gateway = world.gateway(base());
    for (method, path) in [("GET", "/metadata"), ("HEAD", "/metadata?_format=json"), ("GET", "/metadata")] {
        let response = gateway.handle("clinic", request(method, path, &[], empty()), &context()).await;
        assert_eq!(response.status(), 200);
        assert!(text_of(response).await.contains("https://data.example/token"));
    }
    let sent = world.only_sent();
    assert_eq!((sent.method, sent.uri.as_str()), (Method::GET, "http://10.0.0.5:8080/r4/metadata"));
    assert!(world.records.lock().unwrap().is_empty());
    let world = World::answering(|| Err(UpstreamError::TimedOut));
    let gateway = world.gateway(base());
    for status in [504, 503, 503] {
        let response = gateway.handle("clinic", request("GET", "/metadata", &[], empty()), &context()).await;
        assert_eq!(response.status(), status);
        assert!(text_of(response).await.contains("OperationOutcome"));
    }
    assert_eq!(world.only_sent().uri, "http://10.0.0.5:8080/r4/metadata", "a failure is not repeated at once");
}
