//! The documents beside the UDAP metadata: SMART, RFC 8414 and the keys.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tessera_jose::json::{Limits, read_object};

use crate::support::forge::decode;
use crate::support::pki::elm;
use crate::support::world::{ORIGIN, R4, metadata_target};
use crate::support::{ELM, OAK, Request, World, WorldOptions};

const SMART: &str = "/fhir/r4/.well-known/smart-configuration";
const OAUTH: &str = "/.well-known/oauth-authorization-server/fhir/r4";
const JWKS: &str = "/oauth/r4/jwks";

/// A document by the strict reader.
async fn document(world: &World, target: &str) -> Value {
    let answer = world.get(target).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")), "{target}");
    read_object(&answer.body, &Limits::new(64 * 1024)).unwrap();
    answer.json()
}

fn texts(list: &Value) -> BTreeSet<&str> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

/// Shows: DISC-2, DISC-8
#[tokio::test]
async fn the_three_formats_say_the_same_of_a_base() {
    let elm = "scopes = [\"system/Patient.rs\", \"system/Encounter.rs\"]\nalgorithms = [\"RS256\"]";
    let world = World::start_with(WorldOptions { elm: Some(elm.to_owned()), ..WorldOptions::default() }).await;
    let (smart, oauth) = (document(&world, SMART).await, document(&world, OAUTH).await);
    let (of_elm, of_oak) =
        (document(&world, &metadata_target("r4", ELM)).await, document(&world, &metadata_target("r4", OAK)).await);
    for other in [&smart, &oauth] {
        assert_eq!((&other["issuer"], &other["jwks_uri"]), (&json!(R4), &json!(format!("{ORIGIN}{JWKS}"))));
        for member in [
            "token_endpoint",
            "registration_endpoint",
            "grant_types_supported",
            "token_endpoint_auth_methods_supported",
        ] {
            assert_eq!((&other[member], &of_oak[member]), (&of_elm[member], &of_elm[member]), "{member}");
        }
        // These formats know no communities, so they tell what any of them gets.
        for member in ["scopes_supported", "token_endpoint_auth_signing_alg_values_supported"] {
            let either: BTreeSet<&str> = texts(&of_elm[member]).union(&texts(&of_oak[member])).copied().collect();
            assert_eq!(texts(&other[member]), either, "{member}");
            assert_ne!(texts(&of_elm[member]), either, "the communities differ");
        }
        for absent in ["authorization_endpoint", "response_types_supported", "signed_metadata"] {
            assert_eq!(other.get(absent), None);
        }
        for (member, path) in [("introspection_endpoint", "introspect"), ("revocation_endpoint", "revoke")] {
            assert_eq!(other[member], format!("{ORIGIN}/oauth/r4/{path}"));
            let empty = Request::form(&format!("/oauth/r4/{path}"), &[]);
            world.send(&empty).await.assert_refused(400, "invalid_request");
        }
    }
    assert_eq!(smart["capabilities"], json!(["permission-v1", "permission-v2"]));
    assert_eq!(smart["code_challenge_methods_supported"], json!(["S256"]));
    for endpoint in ["introspection", "revocation"] {
        let member = |what: &str| &oauth[format!("{endpoint}_endpoint_auth_{what}_supported")];
        assert_eq!(member("methods"), &oauth["token_endpoint_auth_methods_supported"]);
        assert_eq!(member("signing_alg_values"), &oauth["token_endpoint_auth_signing_alg_values_supported"]);
    }
}

#[tokio::test]
async fn every_document_can_be_kept_and_asked_for_again() {
    let mut world = World::start().await;
    for target in [SMART, OAUTH, JWKS, &metadata_target("r4", OAK)] {
        let answer = world.get(target).await;
        let etag = answer.header("etag").unwrap().to_owned();
        let kept_for = answer.header("cache-control").unwrap().strip_prefix("public, max-age=").unwrap();
        assert!((1..=3600).contains(&kept_for.parse::<u64>().unwrap()), "{target}: {kept_for}");
        for known in [etag.clone(), format!("W/{etag}"), format!("\"other\", {etag}"), "*".to_owned()] {
            let again = world.send(&Request::get(target).header("If-None-Match", &known)).await;
            assert_eq!(
                (again.status, again.body.len(), again.header("etag")),
                (304, 0, Some(etag.as_str())),
                "{known}"
            );
            assert_eq!(again.header("cache-control"), answer.header("cache-control"));
        }
        let other = world.send(&Request::get(target).header("If-None-Match", "\"other\"")).await;
        assert_eq!((other.status, &other.body), (200, &answer.body));
        let written = world.send(&Request::form(target, &[])).await;
        assert_eq!((written.status, written.header("allow")), (405, Some("GET")), "{target}");
    }
    let before = world.get(JWKS).await;
    world.restart().await;
    let known = before.header("etag").unwrap();
    let after = world.send(&Request::get(JWKS).header("If-None-Match", known)).await;
    assert_eq!(after.status, 304, "the keys are the same after a restart, and so is their name");
}

/// Whoever reads the keys verifies a token with them, and learns nothing else.
#[tokio::test]
async fn the_keys_verify_tokens_and_hold_no_secret() {
    let world = World::start().await;
    let member = elm().member("https://app.example/client");
    let client_id = world.registered(&member).await;
    let token = world.granted(&member, &client_id, "system/Patient.rs").await;
    let jwks = document(&world, JWKS).await;
    assert_eq!(jwks.as_object().unwrap().len(), 1);
    let [key] = jwks["keys"].as_array().unwrap().as_slice() else { panic!("one key: {jwks}") };
    let names: BTreeSet<&str> = key.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, BTreeSet::from(["kty", "crv", "x", "y", "use", "alg", "kid"]));
    let (header, _) = decode(&token);
    assert_eq!((&header["alg"], &header["kid"], &key["use"]), (&key["alg"], &key["kid"], &json!("sig")));
    let coordinate = |name: &str| URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap();
    let point = [&[4], coordinate("x").as_slice(), coordinate("y").as_slice()].concat();
    let key = aws_lc_rs::signature::UnparsedPublicKey::new(&aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED, point);
    let (signed, signature) = token.rsplit_once('.').unwrap();
    key.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
}
