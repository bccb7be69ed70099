//! The key that signs access tokens is changed while tokens live (security invariant 48).

use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};
use tessera_jose::key::{KeyKind, SoftwareKey};

use crate::support::forge::decode;
use crate::support::pki::elm;
use crate::support::{Jwt, Member, Request, World};

const SCOPE: &str = "system/Patient.rs";

fn write_key(world: &World, name: &str, key: &SoftwareKey) {
    let path = world.folder.path().join(name);
    std::fs::write(&path, key.to_pkcs8_pem().as_bytes()).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// Starts the node anew with this section `[tokens]`.
async fn restart_with(world: &mut World, tokens: &str) {
    let file = world.folder.path().join("node.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let (before, after) = text.split_once("[tokens]").unwrap();
    let (_, after) = after.split_once("[[").unwrap();
    std::fs::write(&file, format!("{before}[tokens]\n{tokens}\n[[{after}")).unwrap();
    world.restart().await;
}

/// The names of the published keys, the signing one first.
async fn published(world: &World) -> Vec<Value> {
    let jwks = world.get("/oauth/r4/jwks").await.json();
    jwks["keys"].as_array().unwrap().iter().map(|key| key["kid"].clone()).collect()
}

/// What the gateway and introspection say of a token.
async fn is_taken(world: &World, member: &Member, client_id: &str, token: &str) -> (u16, Value) {
    let read = Request::get("/fhir/r4/Patient?_count=1").bearer(token);
    let endpoint = "https://holder.example/oauth/r4/introspect";
    let assertion = Jwt::assertion(member, client_id, endpoint).sign(&member.key);
    let form = [
        ("token", token),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", &assertion),
        ("udap", "1"),
    ];
    let introspected = world.send(&Request::form("/oauth/r4/introspect", &form)).await;
    (world.send(&read).await.status, introspected.json()["active"].clone())
}

#[tokio::test]
async fn tokens_of_a_key_that_is_also_accepted_live_on_and_no_longer_than_it_is() {
    let mut world = World::start().await;
    let member = elm().member("https://app.example/client");
    let client_id = world.registered(&member).await;
    let former = world.granted(&member, &client_id, SCOPE).await;
    assert_eq!(is_taken(&world, &member, &client_id, &former).await, (200, json!(true)));
    let first = published(&world).await;

    write_key(&world, "second.pem", &SoftwareKey::generate(KeyKind::P384).unwrap());
    restart_with(&mut world, "key = \"second.pem\"\nalso_accept = [\"token.pem\"]").await;
    let both = published(&world).await;
    assert_eq!((both.len(), &both[1..]), (2, &first[..]));
    let latter = world.granted(&member, &client_id, SCOPE).await;
    let (header, _) = decode(&latter);
    assert_eq!((&header["kid"], &header["alg"]), (&both[0], &json!("ES384")));
    for token in [&former, &latter] {
        assert_eq!(is_taken(&world, &member, &client_id, token).await, (200, json!(true)));
    }

    restart_with(&mut world, "key = \"second.pem\"").await;
    assert_eq!(published(&world).await, both[..1]);
    assert_eq!(is_taken(&world, &member, &client_id, &former).await, (401, json!(false)));
    assert_eq!(is_taken(&world, &member, &client_id, &latter).await, (200, json!(true)));
}
