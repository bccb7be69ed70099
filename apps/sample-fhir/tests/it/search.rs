use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::Request;

use crate::server::{Answer, BASE, Server};

async fn total(server: &Server, search: &str) -> u64 {
    let answer = server.get(search).await;
    assert_eq!(answer.status, 200, "{search}: {}", answer.body);
    answer.total()
}

#[tokio::test]
async fn finds_all_sixty_patients() {
    let answer = Server::with_sample_data().get("/Patient?_count=200").await;
    assert_eq!((answer.is(200).total(), answer.entries().len()), (60, 60));
    assert_eq!(answer.body["type"], "searchset");
    let first = &answer.entries()[0];
    assert_eq!(first["fullUrl"], format!("{BASE}/Patient/p01"));
    assert_eq!(first["search"]["mode"], "match");
    assert_eq!(answer.link("self").unwrap(), format!("{BASE}/Patient?_count=200"));
    assert_eq!(answer.link("next"), None);
}

#[tokio::test]
async fn pages_by_links_cover_everything_once() {
    let server = Server::with_sample_data();
    let mut seen = BTreeSet::new();
    let mut next = Some("/Observation?patient=p01&_count=10".to_owned());
    let mut pages = 0;
    while let Some(path) = next {
        let page = server.get(&path).await;
        assert_eq!(page.is(200).total(), 34);
        assert!(page.entries().len() <= 10);
        for id in page.ids() {
            assert!(seen.insert(id.to_owned()), "{id} comes twice");
        }
        next = page.link("next").map(|url| url.strip_prefix(BASE).unwrap().to_owned());
        pages += 1;
    }
    assert_eq!((pages, seen.len()), (4, 34));
}

#[tokio::test]
async fn a_count_of_zero_only_counts() {
    let answer = Server::with_sample_data().get("/Patient?_count=0").await;
    assert_eq!((answer.total(), answer.entries().len(), answer.link("next")), (60, 0, None));
}

#[tokio::test]
async fn patients_by_demographics() {
    let server = Server::with_sample_data();
    for (search, expected) in [
        ("/Patient?_id=p01,p02,nobody", 2),
        ("/Patient?name=DUMM", 5),
        ("/Patient?name=ives", 5),
        ("/Patient?family=Dummett&given=Ives", 1),
        ("/Patient?family:exact=dummett", 0),
        ("/Patient?family:exact=Dummett", 5),
        ("/Patient?family:contains=umme", 5),
        ("/Patient?family=ummett", 0),
        ("/Patient?gender=female", 30),
        ("/Patient?gender=female,male", 60),
        ("/Patient?gender=http://hl7.org/fhir/administrative-gender%7Cfemale", 30),
        ("/Patient?gender=Female", 0),
        ("/Patient?gender=female&gender=male", 0),
        ("/Patient?identifier=6D367230", 1),
        ("/Patient?identifier=urn:uuid:6f2a1d3e-9c47-5b8a-a1f0-2d4e6c8b0a17%7C6D367230", 1),
        ("/Patient?identifier=urn:other%7C6D367230", 0),
        ("/Patient?identifier=%7C6D367230", 0),
        ("/Patient?birthdate=1939-06-22", 1),
        ("/Patient?birthdate=1939", 2),
        ("/Patient?birthdate=ge1939-06&birthdate=le1939-06", 1),
        ("/Patient?birthdate=ne1939", 58),
        ("/Patient?birthdate=lt1939&birthdate=gt1939", 0),
        ("/Patient?birthdate=sa2005", 1),
        ("/Patient?birthdate=eb1938", 1),
    ] {
        assert_eq!(total(&server, search).await, expected, "{search}");
    }
}

#[tokio::test]
async fn clinical_data_by_patient_code_status_and_date() {
    let server = Server::with_sample_data();
    for (search, expected) in [
        ("/Observation?patient=p01", 34),
        ("/Observation?patient=Patient/p01", 34),
        ("/Observation?subject=https://data.example/fhir/Patient/p01", 34),
        ("/Observation?subject:Patient=p01", 34),
        ("/Observation?subject=https://elsewhere.example/fhir/Patient/p01", 0),
        ("/Observation?patient=nobody", 0),
        ("/Observation?encounter=p01-visit", 34),
        ("/Observation?patient=p01,p02&code=2951-2", 2),
        ("/Observation?code=http://loinc.org%7C2951-2", 60),
        ("/Observation?code=http://snomed.info/sct%7C2951-2", 0),
        ("/Observation?category=vital-signs&patient=p01", 8),
        ("/Observation?status=final", 2040),
        ("/Observation?status=preliminary", 0),
        ("/Observation?code=2951-2&date=2025", 50),
        ("/Observation?code=2951-2&date=ge2026-01-01", 10),
        ("/Observation?code=2951-2&date=2025-01-14T09:00Z", 10),
        ("/Encounter?patient=p01", 1),
        ("/Encounter?date=2025-01-14", 10),
        ("/Encounter?status=finished&class=AMB", 60),
        ("/Condition?patient=p01&clinical-status=active", 2),
        ("/Condition?code=E66.9&patient=p01", 1),
        ("/Condition?encounter=Encounter/p01-visit&category=problem-list-item", 2),
        ("/MedicationRequest?status=active&intent=order", 82),
        ("/MedicationRequest?code=http://www.nlm.nih.gov/research/umls/rxnorm%7C&authoredon=2026", 21),
        ("/DiagnosticReport?patient=p01&category=LAB", 5),
        ("/AllergyIntolerance?clinical-status=active", 10),
        ("/Practitioner?_id=p01-practitioner", 1),
        ("/Patient?_lastUpdated=2025-01-14", 10),
        ("/Patient?_lastUpdated=gt2025-12-31", 10),
    ] {
        assert_eq!(total(&server, search).await, expected, "{search}");
    }
}

#[tokio::test]
async fn what_is_not_understood_is_refused() {
    let server = Server::with_sample_data();
    for (search, code) in [
        ("/Patient?shoe-size=44", "not-supported"),
        ("/Patient?_include=Patient:organization", "not-supported"),
        ("/Patient?_sort=birthdate", "not-supported"),
        ("/Patient?_has:Observation:patient:code=x", "not-supported"),
        ("/Observation?patient.name=x", "not-supported"),
        ("/Patient?name:phonetic=x", "not-supported"),
        ("/Observation?subject:Group=x", "not-supported"),
        ("/Patient?birthdate=yesterday", "value"),
        ("/Patient?birthdate=ap2000", "value"),
        ("/Patient?name=", "value"),
        ("/Patient?_count=x", "value"),
        ("/Patient?_count=1&_count=2", "value"),
        ("/Patient?_cursor=a%2Fb", "value"),
        ("/Observation?patient=Group/g", "value"),
        ("/Patient?identifier=a%7Cb%7Cc", "value"),
    ] {
        server.get(search).await.refused(400, code);
    }
    let many = vec!["a"; 200].join(",");
    server.get(&format!("/Patient?name={many}")).await.refused(400, "too-costly");
}

#[tokio::test]
async fn a_lenient_client_is_told_what_was_used() {
    let server = Server::with_sample_data();
    let lenient = [("prefer", "handling=lenient")];
    let answer = server.call("GET", "/Patient?shoe-size=44&gender=female", &lenient).await;
    assert_eq!(answer.is(200).total(), 30);
    assert_eq!(answer.link("self").unwrap(), format!("{BASE}/Patient?gender=female"));
    // A modifier that is not understood turns the meaning around: never ignored.
    server.call("GET", "/Patient?gender:not=female", &lenient).await.refused(400, "not-supported");
}

async fn post(server: &Server, path: &str, content_type: &str, form: &str) -> Answer {
    let request = Request::post(path).header("content-type", content_type).body(Body::from(form.to_owned()));
    server.send(request.unwrap()).await
}

#[tokio::test]
async fn a_form_searches_as_a_query_does() {
    let server = Server::with_sample_data();
    let form = "application/x-www-form-urlencoded";
    let answer = post(&server, "/Patient/_search?gender=female", form, "family=Dummett&_count=1").await;
    assert_eq!((answer.is(200).total(), answer.entries().len()), (5, 1));
    assert_eq!(answer.link("self").unwrap(), format!("{BASE}/Patient?gender=female&family=Dummett&_count=1"));
    assert!(answer.link("next").unwrap().starts_with(&format!("{BASE}/Patient?")));

    post(&server, "/Patient/_search", "application/fhir+json", "{}").await.refused(415, "not-supported");
    post(&server, "/Patient/_search", form, "shoe-size=44").await.refused(400, "not-supported");
    post(&server, "/Patient/_search", form, &"a".repeat(9_000)).await.refused(413, "too-long");
    post(&server, "/Bundle/_search", form, "").await.refused(404, "not-supported");
}

/// A resource that is written is found by what it says now, not by what it said.
#[tokio::test]
async fn follows_every_write() {
    let server = Server::empty();
    server.put_patient("a", "First").await.is(201);
    assert_eq!(total(&server, "/Patient?family=first").await, 1);
    server.put_patient("a", "Second").await.is(200);
    assert_eq!(total(&server, "/Patient?family=first").await, 0);
    assert_eq!(total(&server, "/Patient?family=second").await, 1);
    server.call("DELETE", "/Patient/a", &[]).await.is(204);
    assert_eq!(total(&server, "/Patient?family=second").await, 0);
}
