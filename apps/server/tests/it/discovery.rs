//! `GET {base}/.well-known/udap` and its siblings.

use crate::support::forge::decode;
use crate::support::world::{ORIGIN, R4};
use crate::support::{ELM, OAK, Request, World, WorldOptions};

const UDAP: &str = "/fhir/r4/.well-known/udap";

fn with_community(community: &str) -> String {
    format!("{UDAP}?community={}", community.replace(':', "%3A").replace('/', "%2F"))
}

/// Shows: DISC-1, DISC-3, DISC-10
#[tokio::test]
async fn answers_anybody_for_each_base_with_one_json_object() {
    let world = World::start().await;
    for (path, base) in [("/fhir/r4", R4.to_owned()), ("/fhir/r4b", format!("{R4}b"))] {
        let target = format!("{path}/.well-known/udap");
        let answer = world.get(&target).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        let (_, claims) = decode(answer.json()["signed_metadata"].as_str().unwrap());
        assert_eq!(claims["iss"], base);
        let bogus = world.send(&Request::get(&target).bearer("bogus")).await;
        assert_eq!((bogus.status, bogus.body), (200, answer.body));
    }
}

/// Shows: DISC-5
#[tokio::test]
async fn is_not_found_where_there_is_no_udap() {
    let world = World::start().await;
    for target in [
        "/fhir/plain/.well-known/udap",
        "/fhir/nothing/.well-known/udap",
        "/.well-known/udap",
        "/fhir/plain/.well-known/smart-configuration",
    ] {
        assert_eq!(world.get(target).await.status, 404, "{target}");
    }
}

/// Shows: COMM-3, COMM-4, SMD-5
#[tokio::test]
async fn each_community_gets_a_document_of_its_own() {
    let world = World::start().await;
    let mut seen = Vec::new();
    for community in [ELM, OAK] {
        let answer = world.get(&with_community(community)).await;
        assert_eq!(answer.status, 200);
        let (header, claims) = decode(answer.json()["signed_metadata"].as_str().unwrap());
        seen.push((header["x5c"][0].clone(), claims["jti"].clone()));
    }
    assert_ne!(seen[0].0, seen[1].0);
    assert_ne!(seen[0].1, seen[1].1);
    // The first community is the default, and a document keeps its jti as long as it is the same document.
    let (header, claims) = decode(world.get(UDAP).await.json()["signed_metadata"].as_str().unwrap());
    assert_eq!((header["x5c"][0].clone(), claims["jti"].clone()), seen[0]);
}

/// Shows: COMM-6, COMM-8
#[tokio::test]
async fn an_unknown_community_gets_what_the_base_is_set_to() {
    for (setting, status) in [("default", 200), ("no-content", 204), ("not-found", 404)] {
        let r4 = format!("unknown_community = {setting:?}");
        let world = World::start_with(WorldOptions { r4, ..WorldOptions::default() }).await;
        for community in ["https://unknown.example", "", "not a uri"] {
            let target = format!("{UDAP}?community={}", community.replace(' ', "%20"));
            let answer = world.get(&target).await;
            assert_eq!(answer.status, status, "{setting} {community:?}");
            assert!(answer.status != 204 || answer.body.is_empty());
        }
    }
    let world = World::start().await;
    let twice = format!("{}&community=x", with_community(ELM));
    world.get(&twice).await.assert_refused(400, "invalid_request");
}

/// Shows: DISC-2
#[tokio::test]
async fn every_endpoint_named_answers_its_protocol() {
    let world = World::start().await;
    let metadata = world.get(UDAP).await.json();
    for (member, code) in [("token_endpoint", "invalid_request"), ("registration_endpoint", "invalid_client_metadata")]
    {
        let path = metadata[member].as_str().unwrap().strip_prefix(ORIGIN).unwrap().to_owned();
        let empty = Request::form(&path, &[]);
        world.send(&empty).await.assert_refused(400, code);
        assert_eq!(world.get(&path).await.status, 405);
    }
}

#[tokio::test]
async fn a_document_can_be_kept_and_asked_for_again() {
    let world = World::start().await;
    let answer = world.get(UDAP).await;
    let etag = answer.header("etag").unwrap();
    assert!(answer.header("cache-control").unwrap().starts_with("public, max-age="));
    let again = world.send(&Request::get(UDAP).header("If-None-Match", etag)).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    let other = world.send(&Request::get(UDAP).header("If-None-Match", "\"other\"")).await;
    assert_eq!(other.status, 200);
}
