//! FHIR requests through the gateway: what a token opens, and how it is recorded.

mod behind;
mod ended;
mod refused;

use std::time::Duration;

use serde_json::{Value, json};
use tessera_authorization_server::ports::{MassRevocation, OperatorStore as _, RevocationStore as _};
use tessera_store::sqlite::{SqliteSettings, SqliteStore};
use tessera_trust::{CommunityId, UnixTime};
use tessera_udap::ids::ClientId;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::forge::now;
use crate::support::pki::elm;
use crate::support::world::{ORIGIN, R4};
use crate::support::{Answer, ELM, Member, Request, Upstream, World, WorldOptions};

const APP: &str = "https://app.example/client";
const TREAT: &str = "urn:oid:2.16.840.1.113883.5.8#TREAT";
const HPAYMT: &str = "urn:oid:2.16.840.1.113883.5.8#HPAYMT";
const FHIR_JSON: &str = "application/fhir+json";

/// A node, the FHIR server behind it, and a registered member.
struct Clinic {
    world: World,
    upstream: Upstream,
    member: Member,
    client_id: String,
}

impl Clinic {
    async fn start() -> Self {
        Self::over(Upstream::sample().await, WorldOptions::default()).await
    }

    async fn over(upstream: Upstream, options: WorldOptions) -> Self {
        let world = World::start_with(WorldOptions { upstream: Some(upstream.address), ..options }).await;
        let member = elm().member(APP);
        let client_id = world.registered_for(&member, "system/Patient.cruds system/*.rs system/*.read").await;
        Self { world, upstream, member, client_id }
    }

    async fn token(&self, scope: &str) -> String {
        self.world.granted(&self.member, &self.client_id, scope).await
    }

    async fn get(&self, token: &str, below: &str) -> Answer {
        self.world.send(&Request::get(&format!("/fhir/r4{below}")).bearer(token)).await
    }

    async fn write(&self, token: &str, method: &str, below: &str, resource: &Value) -> Answer {
        let request = Request::new(method, &format!("/fhir/r4{below}")).bearer(token);
        self.world.send(&request.header("Content-Type", FHIR_JSON).body(resource.to_string())).await
    }

    /// The store, opened a second time as an operator's command does it.
    fn store(&self) -> SqliteStore {
        SqliteStore::open(
            &self.world.folder.path().join("node.db"),
            &SqliteSettings::default(),
            tessera_server::surroundings::now(),
        )
        .unwrap()
    }

    /// The second event of an answer: what became of a request that had been granted.
    async fn last_audit_of(&self, answer: &Answer) -> Value {
        let id = answer.header("x-correlation-id").unwrap();
        for _ in 0..200 {
            let text = std::fs::read_to_string(self.world.folder.path().join("audit.jsonl")).unwrap();
            if let Some(line) = text.lines().filter(|line| line.contains(id)).nth(1) {
                return serde_json::from_str(line).unwrap();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no second audit event for {id}");
    }

    /// No answer may tell where the FHIR server stands.
    #[track_caller]
    fn hides_upstream(&self, answer: &Answer) {
        let address = self.upstream.address.to_string();
        assert!(!answer.text().replace("\\/", "/").contains(&address), "{}", answer.text());
        assert!(answer.headers.iter().all(|(_, value)| !value.contains(&address)), "{:?}", answer.headers);
    }
}

fn patient(id: Option<&str>, family: &str) -> Value {
    let mut patient = json!({"resourceType": "Patient", "name": [{"family": family}]});
    if let Some(id) = id {
        patient["id"] = json!(id);
    }
    patient
}

/// Checks what holds for every refusal of the gateway, and gives the issue's code.
#[track_caller]
fn refused(answer: &Answer, status: u16) -> String {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some(FHIR_JSON));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let outcome = answer.json();
    assert_eq!(outcome["resourceType"], "OperationOutcome", "{outcome}");
    let issue = &outcome["issue"][0];
    let id = answer.header("x-correlation-id").unwrap();
    assert!(issue["diagnostics"].as_str().unwrap().contains(id), "{outcome}");
    issue["code"].as_str().unwrap().to_owned()
}

fn path_of(url: &str) -> &str {
    url.strip_prefix(ORIGIN).unwrap_or_else(|| panic!("{url} is not ours"))
}

#[tokio::test]
async fn reads_versions_histories_and_searches() {
    let clinic = Clinic::start().await;
    let token = clinic.token("system/Patient.cruds").await;
    let read = clinic.get(&token, "/Patient/p01").await;
    assert_eq!((read.status, read.header("content-type")), (200, Some(FHIR_JSON)), "{}", read.text());
    assert_eq!((&read.json()["resourceType"], &read.json()["id"]), (&json!("Patient"), &json!("p01")));
    let version = read.header("etag").unwrap().trim_matches(['W', '/', '"']).to_owned();
    let vread = clinic.get(&token, &format!("/Patient/p01/_history/{version}")).await;
    assert_eq!((vread.status, vread.json()), (200, read.json()));
    let history = clinic.get(&token, "/Patient/p01/_history").await;
    assert_eq!((history.status, &history.json()["type"]), (200, &json!("history")));
    let unchanged =
        Request::get("/fhir/r4/Patient/p01").bearer(&token).header("If-None-Match", &format!("W/\"{version}\""));
    assert_eq!(clinic.world.send(&unchanged).await.status, 304);
    let by_get = clinic.get(&token, "/Patient?_id=p01").await;
    assert_eq!((by_get.status, &by_get.json()["total"]), (200, &json!(1)));
    let form = Request::form("/fhir/r4/Patient/_search", &[("_id", "p01")]).bearer(&token);
    let by_post = clinic.world.send(&form).await;
    assert_eq!((by_post.status, &by_post.json()["entry"]), (200, &by_get.json()["entry"]));
    assert_eq!(by_get.json()["entry"][0]["fullUrl"], format!("{R4}/Patient/p01"));
    for answer in [&read, &history, &by_get, &by_post] {
        clinic.hides_upstream(answer);
    }
    assert_eq!(
        clinic.upstream.seen(),
        [
            "GET /fhir/Patient/p01".to_owned(),
            format!("GET /fhir/Patient/p01/_history/{version}"),
            "GET /fhir/Patient/p01/_history".to_owned(),
            "GET /fhir/Patient/p01".to_owned(),
            "GET /fhir/Patient?_id=p01".to_owned(),
            "POST /fhir/Patient/_search".to_owned(),
        ]
    );
}

#[tokio::test]
async fn pages_are_followed_through_the_gateway_to_the_last() {
    let clinic = Clinic::start().await;
    let token = clinic.token("system/Patient.rs").await;
    let total = clinic.get(&token, "/Patient?_count=1").await.json()["total"].as_u64().unwrap();
    let mut target = "/fhir/r4/Patient?_count=4".to_owned();
    let mut seen = std::collections::BTreeSet::new();
    loop {
        let answer = clinic.world.send(&Request::get(&target).bearer(&token)).await;
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
        clinic.hides_upstream(&answer);
        let bundle = answer.json();
        for entry in bundle["entry"].as_array().unwrap() {
            assert!(seen.insert(entry["fullUrl"].as_str().unwrap().to_owned()), "{entry} came twice");
        }
        let links = bundle["link"].as_array().unwrap();
        let Some(next) = links.iter().find(|link| link["relation"] == "next") else { break };
        target = path_of(next["url"].as_str().unwrap()).to_owned();
    }
    assert!(total > 4, "one page shows nothing");
    assert_eq!(seen.len() as u64, total);
}

#[tokio::test]
async fn creates_updates_under_a_condition_and_deletes() {
    let clinic = Clinic::start().await;
    let token = clinic.token("system/Patient.cruds").await;
    let created = clinic.write(&token, "POST", "/Patient", &patient(None, "Made")).await;
    assert_eq!(created.status, 201, "{}", created.text());
    let location = path_of(created.header("location").unwrap()).to_owned();
    let id = location.split('/').nth(4).unwrap().to_owned();
    assert_eq!(location, format!("/fhir/r4/Patient/{id}/_history/1"));
    let below = format!("/Patient/{id}");
    let update = |etag: &str, family: &str| {
        Request::new("PUT", &format!("/fhir/r4{below}"))
            .bearer(&token)
            .header("Content-Type", FHIR_JSON)
            .header("If-Match", etag)
            .body(patient(Some(&id), family).to_string())
    };
    let updated = clinic.world.send(&update("W/\"1\"", "Changed")).await;
    assert_eq!((updated.status, updated.header("etag")), (200, Some("W/\"2\"")), "{}", updated.text());
    let late = clinic.world.send(&update("W/\"1\"", "Lost")).await;
    let _ = refused(&late, 412);
    assert_eq!(clinic.get(&token, &below).await.json()["name"][0]["family"], "Changed");
    // The body is what the address says, or nothing is sent.
    let before = clinic.upstream.seen().len();
    let _ = refused(&clinic.write(&token, "PUT", &below, &patient(Some("other"), "X")).await, 400);
    let _ = refused(&clinic.write(&token, "PUT", &below, &json!({"resourceType": "Observation", "id": id})).await, 400);
    assert_eq!(clinic.upstream.seen().len(), before);
    let delete = Request::new("DELETE", &format!("/fhir/r4{below}")).bearer(&token);
    assert_eq!(clinic.world.send(&delete).await.status, 204);
    assert_eq!(refused(&clinic.get(&token, &below).await, 410), "deleted");
}

/// Shows: SCOPE-3
#[tokio::test]
async fn what_the_token_answer_returns_as_scope_holds() {
    let clinic = Clinic::start().await;
    for (scope, opens_patients, opens_observations, opens_writes) in [
        ("system/Patient.read", true, false, false),
        ("system/Patient.rs", true, false, false),
        ("system/Patient.cruds", true, false, true),
        ("system/Observation.rs", false, true, false),
        ("system/*.read", true, true, false),
        ("system/*.rs", true, true, false),
    ] {
        let member = elm().member(&format!("{APP}/{}", scope.replace(['*', '/'], "-")));
        let client_id = clinic.world.registered_for(&member, scope).await;
        let assertion = clinic.world.assertion(&member, &client_id).sign(&member.key);
        let answer = clinic.world.token(&assertion, scope).await.json();
        assert_eq!(answer["scope"], scope);
        let token = answer["access_token"].as_str().unwrap();
        for (below, opens) in [
            ("/Patient/p01", opens_patients),
            ("/Patient?_count=1", opens_patients),
            ("/Observation?_count=1", opens_observations),
        ] {
            let answer = clinic.get(token, below).await;
            assert_eq!(answer.status, if opens { 200 } else { 403 }, "{scope} {below}: {}", answer.text());
        }
        let before = clinic.upstream.seen().len();
        let write = clinic.write(token, "POST", "/Patient", &patient(None, "Made")).await;
        if opens_writes {
            assert_eq!(write.status, 201, "{scope}");
            continue;
        }
        assert_eq!(refused(&write, 403), "forbidden");
        let challenge = write.header("www-authenticate").unwrap();
        assert!(challenge.contains("error=\"insufficient_scope\""), "{challenge}");
        assert!(challenge.contains("scope=\"system/Patient.c\""), "{challenge}");
        assert_eq!(clinic.upstream.seen().len(), before, "{scope}");
    }
}

#[tokio::test]
async fn the_capability_statement_is_public_names_our_endpoints_and_what_goes_through() {
    let clinic = Clinic::start().await;
    for _ in 0..3 {
        let answer = clinic.world.get("/fhir/r4/metadata").await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(FHIR_JSON)));
        clinic.hides_upstream(&answer);
        let statement = answer.json();
        assert_eq!(statement["implementation"]["url"], R4);
        let rest = &statement["rest"][0];
        let security = &rest["security"];
        assert_eq!(security["service"][0]["coding"][0]["code"], "UDAP");
        assert_eq!(
            security["extension"][0]["extension"],
            json!([
                {"url": "token", "valueUri": clinic.world.token_endpoint()},
                {"url": "register", "valueUri": clinic.world.registration_endpoint()},
            ])
        );
        assert_eq!(rest.get("interaction"), None);
        let patients =
            rest["resource"].as_array().unwrap().iter().find(|resource| resource["type"] == "Patient").unwrap();
        let codes: Vec<&str> =
            patients["interaction"].as_array().unwrap().iter().map(|part| part["code"].as_str().unwrap()).collect();
        assert_eq!(codes, ["read", "vread", "update", "delete", "history-instance", "create", "search-type"]);
        assert_eq!(patients["conditionalCreate"], false);
    }
    assert_eq!(clinic.upstream.seen(), ["GET /fhir/metadata"]);
}

#[tokio::test]
async fn a_read_and_a_refusal_are_audit_events() {
    let clinic = Clinic::start().await;
    let token = clinic.token("system/Patient.rs").await;
    let event = clinic.world.audit_of(&clinic.get(&token, "/Patient/p01").await).await;
    let detail = |event: &Value, name: &str| {
        let entities = event["entity"].as_array().unwrap();
        let mut details = entities.iter().flat_map(|entity| entity["detail"].as_array().into_iter().flatten());
        details.find(|detail| detail["type"] == name).map(|detail| detail["valueString"].as_str().unwrap().to_owned())
    };
    assert_eq!((&event["outcome"], &event["action"]), (&json!("0"), &json!("R")), "{event}");
    assert_eq!(event["entity"][0]["what"]["reference"], "Patient/p01", "{event}");
    assert_eq!(detail(&event, "client-uri").as_deref(), Some(APP));
    assert_eq!(detail(&event, "community").as_deref(), Some(ELM));
    assert!(event["agent"][0]["purposeOfUse"].to_string().contains("TREAT"), "{event}");
    assert!(
        event["agent"].as_array().unwrap().iter().any(|agent| agent["who"]["identifier"]["value"] == clinic.client_id)
    );
    let refusals = [
        (clinic.get(&token, "/Observation/o1").await, "scope"),
        (clinic.get(&token, "/Patient/p01/$everything").await, "operation"),
        (clinic.world.get("/fhir/r4/Patient/p01").await, "token-missing"),
        (clinic.get(&token, "/Patient/nobody").await, "upstream-refused"),
    ];
    for (answer, reason) in refusals {
        assert!(answer.status >= 400);
        let text = std::fs::read_to_string(clinic.world.folder.path().join("audit.jsonl")).unwrap();
        let event = match reason {
            // It was granted first; the refusal follows.
            "upstream-refused" => clinic.last_audit_of(&answer).await,
            _ => clinic.world.audit_of(&answer).await,
        };
        assert_eq!((&event["outcome"], &event["outcomeDesc"]), (&json!("4"), &json!(reason)), "{event}");
        assert_eq!(detail(&event, "reason").as_deref(), Some(reason));
        assert!(!text.contains(&token), "a token is no part of an event");
    }
}

#[tokio::test]
async fn a_scope_that_the_gateway_never_opens_is_a_fault_of_the_configuration() {
    use crate::support::world::prepare;
    for scope in ["system/Observation.rs?category=laboratory", "system/Patient.sr", "system/Patients.rs", "custom"] {
        let elm = format!("scopes = [\"system/Patient.rs\", {scope:?}]\n");
        let folder = prepare(&WorldOptions { elm: Some(elm), ..WorldOptions::default() }).await;
        let (config, report) =
            tessera_server::config::check(&folder.path().join("node.toml"), UnixTime::from_secs(now()));
        assert!(config.is_none(), "{scope}");
        assert!(report.to_string().contains(&format!("the scope {scope}, which opens nothing")), "{report}");
    }
}
