//! `POST` token for client credentials: authentication, the `hl7-b2b` object, scopes, the token itself.

use serde_json::{Value, json};

use crate::support::forge::{decode, now};
use crate::support::pki::{MemberOptions, ec_key, elm};
use crate::support::world::{R4, token_form};
use crate::support::{ELM, Jwt, Member, Request, World, WorldOptions};

const APP: &str = "https://app.example/client";
const SCOPE: &str = "system/Patient.rs";

async fn registered() -> (World, Member, String) {
    let world = World::start().await;
    let member = elm().member(APP);
    let client_id = world.registered(&member).await;
    (world, member, client_id)
}

/// Sends each broken assertion and expects the refusal.
async fn each_refused(world: &World, member: &Member, status: u16, code: &str, broken: Vec<(&str, Jwt)>) {
    for (what, jwt) in broken {
        let answer = world.token(&jwt.sign(&member.key), SCOPE).await;
        assert_eq!((answer.status, answer.oauth_error().as_str()), (status, code), "{what}: {}", answer.text());
    }
}

/// Shows: AUTHN-1, AUTHN-12, TOKEN-3, TOKEN-4, TOKEN-6, B2B-1
#[tokio::test]
async fn a_valid_assertion_gets_a_token_with_its_context() {
    let (world, member, client_id) = registered().await;
    let assertion = world.assertion(&member, &client_id).claim("unknown", json!({"x": 1}));
    let answer = world.token(&assertion.sign(&member.key), SCOPE).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), (Some("no-store"), Some("no-cache")));
    let body = answer.json();
    assert_eq!((&body["token_type"], &body["scope"]), (&json!("Bearer"), &json!(SCOPE)));
    assert!(body.get("refresh_token").is_none());
    let lifetime = body["expires_in"].as_u64().unwrap();
    assert!((60..=3600).contains(&lifetime));
    let (header, claims) = decode(body["access_token"].as_str().unwrap());
    assert_eq!((&header["typ"], &header["alg"]), (&json!("at+jwt"), &json!("ES256")));
    assert_eq!((&claims["iss"], &claims["aud"], &claims["client_id"]), (&json!(R4), &json!(R4), &json!(client_id)));
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), lifetime);
    assert_eq!(claims["extensions"]["hl7-b2b"]["purpose_of_use"], json!(["urn:oid:2.16.840.1.113883.5.8#TREAT"]));
    assert_eq!((&claims["community"], &claims["client_uri"]), (&json!(ELM), &json!(APP)));
    let jwks = world.get("/oauth/r4/jwks").await.json();
    assert!(jwks["keys"].as_array().unwrap().iter().any(|key| key["kid"] == header["kid"]));
}

/// Shows: AUTHN-2, AUTHN-3, AUTHN-11, AUTHN-14, JWT-10, JWT-11
#[tokio::test]
async fn an_assertion_names_the_client_and_the_endpoint() {
    let (world, member, client_id) = registered().await;
    let valid = || world.assertion(&member, &client_id);
    let broken = vec![
        ("unknown client", valid().claim("iss", "nobody").claim("sub", "nobody")),
        ("sub differs", valid().claim("sub", "nobody")),
        ("iss differs", valid().claim("iss", "nobody")),
        ("the client URI", valid().claim("iss", APP).claim("sub", APP)),
        ("no iss", valid().without("iss")),
        ("no sub", valid().without("sub")),
        ("iss a number", valid().claim("iss", 7)),
        ("another endpoint", valid().claim("aud", "https://holder.example/oauth/r4b/token")),
        ("the registration endpoint", valid().claim("aud", world.registration_endpoint())),
        ("the base", valid().claim("aud", R4)),
        ("upper-case host", valid().claim("aud", "https://HOLDER.example/oauth/r4/token")),
        ("upper-case scheme", valid().claim("aud", "HTTPS://holder.example/oauth/r4/token")),
        ("default port", valid().claim("aud", "https://holder.example:443/oauth/r4/token")),
        ("percent-encoding", valid().claim("aud", "https://holder.example/oauth/r4/t%6Fken")),
        ("a slash more", valid().claim("aud", format!("{}/", world.token_endpoint()))),
        ("two audiences", valid().claim("aud", json!([world.token_endpoint(), R4]))),
        ("no audience", valid().without("aud")),
    ];
    each_refused(&world, &member, 401, "invalid_client", broken).await;
    let assertion = valid().sign(&member.key);
    let mut form = token_form(&assertion, SCOPE);
    form.push(("client_id", "somebody-else"));
    world.send(&Request::form("/oauth/r4/token", &form)).await.assert_refused(401, "invalid_client");
    let one = valid().claim("aud", json!([world.token_endpoint()])).sign(&member.key);
    assert_eq!(world.token(&one, SCOPE).await.status, 200, "an array of exactly one is that one");
}

/// Shows: AUTHN-4, JWT-7
#[tokio::test]
async fn an_assertion_lives_for_five_minutes_at_most() {
    let (world, member, client_id) = registered().await;
    let now = now();
    let times = |iat: Value, exp: Value| world.assertion(&member, &client_id).claim("iat", iat).claim("exp", exp);
    let broken = vec![
        ("301 seconds", times(json!(now), json!(now + 301))),
        ("expired", times(json!(now - 400), json!(now - 101))),
        ("in the future", times(json!(now + 120), json!(now + 300))),
        ("iat a string", times(json!(now.to_string()), json!(now + 200))),
        ("exp a string", times(json!(now), json!((now + 200).to_string()))),
        ("iat a fraction", times(json!(now as f64 + 0.5), json!(now + 200))),
        ("iat a whole number written as a fraction", times(json!(now as f64), json!(now + 200))),
        ("exp a fraction", times(json!(now), json!(now as f64 + 200.5))),
        ("exp a whole number written as a fraction", times(json!(now), json!(now as f64 + 200.0))),
        ("exp before iat", times(json!(now), json!(now - 1))),
        ("no exp", world.assertion(&member, &client_id).without("exp")),
        ("no iat", world.assertion(&member, &client_id).without("iat")),
        ("no jti", world.assertion(&member, &client_id).without("jti")),
    ];
    each_refused(&world, &member, 401, "invalid_client", broken).await;
}

/// Shows: AUTHN-5, JWT-8
#[tokio::test]
async fn an_assertion_is_used_once_also_at_once_and_after_a_restart() {
    let (mut world, member, client_id) = registered().await;
    let assertion = world.assertion(&member, &client_id).sign(&member.key);
    let mut uses = tokio::task::JoinSet::new();
    for _ in 0..30 {
        let (request, address) = (Request::form("/oauth/r4/token", &token_form(&assertion, SCOPE)), world.address);
        uses.spawn(async move { request.send(address).await.status });
    }
    let mut statuses = uses.join_all().await;
    statuses.sort_unstable();
    assert_eq!((statuses[0], &statuses[1..]), (200, &[401; 29][..]));
    world.restart().await;
    world.token(&assertion, SCOPE).await.assert_refused(401, "invalid_client");
}

/// Shows: AUTHN-5
#[tokio::test]
async fn an_assertion_that_did_not_hold_has_not_spent_its_jti() {
    let (world, member, client_id) = registered().await;
    let valid = world.assertion(&member, &client_id);
    let thief = elm().member("https://thief.example/client");
    let stolen = Jwt { header: Jwt::by(&thief, json!({})).header, claims: valid.claims.clone() };
    world.token(&stolen.sign(&thief.key), SCOPE).await.assert_refused(401, "invalid_client");
    world.token(&valid.clone().claim("aud", R4).sign(&member.key), SCOPE).await.assert_refused(401, "invalid_client");
    assert_eq!(world.token(&valid.sign(&member.key), SCOPE).await.status, 200);
}

/// Shows: AUTHN-6, AUTHN-7, AUTHN-13
#[tokio::test]
async fn a_form_that_is_not_in_order_is_an_invalid_request() {
    let (world, member, client_id) = registered().await;
    let assertion = world.assertion(&member, &client_id).sign(&member.key);
    let form = token_form(&assertion, SCOPE);
    let without = |name: &str| form.iter().copied().filter(|(other, _)| *other != name).collect::<Vec<_>>();
    let with = |name: &'static str, value: &'static str| {
        let mut fields = without(name);
        fields.push((name, value));
        fields
    };
    let twice = |name: &'static str, value: &'static str| {
        let mut fields = form.clone();
        fields.push((name, value));
        fields
    };
    let broken = vec![
        ("no grant type", without("grant_type")),
        ("no assertion type", without("client_assertion_type")),
        (
            "another assertion type",
            with("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"),
        ),
        ("no assertion", without("client_assertion")),
        ("no udap", without("udap")),
        ("udap 2", with("udap", "2")),
        ("a secret", twice("client_secret", "s3cret")),
        ("an empty secret", twice("client_secret", "")),
        ("grant type twice", twice("grant_type", "client_credentials")),
        ("scope twice", twice("scope", SCOPE)),
        ("udap twice", twice("udap", "1")),
        ("unknown twice", {
            let mut fields = twice("x", "1");
            fields.push(("x", "2"));
            fields
        }),
    ];
    for (what, fields) in broken {
        let answer = world.send(&Request::form("/oauth/r4/token", &fields)).await;
        assert_eq!(
            (answer.status, answer.oauth_error().as_str()),
            (400, "invalid_request"),
            "{what}: {}",
            answer.text()
        );
    }
    let request = Request::form("/oauth/r4/token", &form);
    world.send(&request.clone().header("Authorization", "Basic eDp5")).await.assert_refused(400, "invalid_request");
    let as_json = request.clone().without_header("Content-Type").header("Content-Type", "application/json");
    world.send(&as_json).await.assert_refused(400, "invalid_request");
    let unknown = Request::form("/oauth/r4/token", &with("grant_type", "password"));
    world.send(&unknown).await.assert_refused(400, "unsupported_grant_type");
    assert_eq!(world.send(&request).await.status, 200, "none of these has spent the jti");
}

/// Shows: AUTHN-8, AUTHN-9, AUTHN-10, JWT-6
#[tokio::test]
async fn only_the_registered_client_can_sign() {
    let revoked = elm().member(APP);
    let world = World::start_with(WorldOptions { revoked: vec![revoked.clone()], ..WorldOptions::default() }).await;
    let member = elm().member(APP);
    let client_id = world.registered(&member).await;
    let other = elm().member("https://other.example/client");
    let expired = elm().member_with(
        ec_key(),
        &MemberOptions { not_before: now() - 7200, not_after: now() - 60, ..MemberOptions::new(APP) },
    );
    let stranger = crate::support::pki::TestCommunity::new("stranger").member(APP);
    for (what, signer) in
        [("another member", &other), ("expired", &expired), ("a stranger", &stranger), ("revoked", &revoked)]
    {
        let answer = world.token(&world.assertion(signer, &client_id).sign(&signer.key), SCOPE).await;
        assert_eq!((answer.status, answer.oauth_error().as_str()), (401, "invalid_client"), "{what}");
    }
    let by_another_key = world.assertion(&member, &client_id).sign(&other.key);
    world.token(&by_another_key, SCOPE).await.assert_refused(401, "invalid_client");
    for alg in ["none", "HS256", "PS256", "ES512"] {
        let jwt = world.assertion(&member, &client_id).header("alg", alg).sign(&member.key);
        world.token(&jwt, SCOPE).await.assert_refused(401, "invalid_client");
    }
}

/// Shows: B2B-2, B2B-3, B2B-4, B2B-8, B2B-9, B2B-11, META-6
#[tokio::test]
async fn the_b2b_object_is_demanded_and_judged() {
    let (world, member, client_id) = registered().await;
    let valid = || world.assertion(&member, &client_id);
    let with = |name: &str, value: Value| valid().b2b(name, value);
    let broken = vec![
        ("no extensions", valid().without("extensions")),
        ("extensions without hl7-b2b", valid().claim("extensions", json!({"other": {}}))),
        ("hl7-b2b a string", valid().claim("extensions", json!({"hl7-b2b": "x"}))),
        ("no version", with("version", Value::Null)),
        ("version 2", with("version", json!("2"))),
        ("version a number", with("version", json!(1))),
        ("empty subject name", with("subject_name", json!(""))),
        ("no organization", with("organization_id", Value::Null)),
        ("relative organization", with("organization_id", json!("Organization/1"))),
        ("organization of another scheme", with("organization_id", json!("ftp://org.example"))),
        ("no purpose", with("purpose_of_use", Value::Null)),
        ("empty purposes", with("purpose_of_use", json!([]))),
        ("purpose a string", with("purpose_of_use", json!("urn:oid:2.16.840.1.113883.5.8#TREAT"))),
        ("purpose outside the list", with("purpose_of_use", json!(["urn:oid:2.16.840.1.113883.5.8#HMARKT"]))),
        ("one purpose outside the list", with("purpose_of_use", json!(["urn:oid:2.16.840.1.113883.5.8#TREAT", "x"]))),
        ("reference without policy", with("consent_reference", json!(["https://c.example/Consent/1"]))),
        (
            "relative reference",
            with("consent_policy", json!(["urn:x:y"])).b2b("consent_reference", json!(["Consent/1"])),
        ),
        (
            "reference of another type",
            with("consent_policy", json!(["urn:x:y"])).b2b("consent_reference", json!(["https://c.example/Patient/1"])),
        ),
    ];
    each_refused(&world, &member, 400, "invalid_grant", broken).await;
    // A claim of the wrong type is a fault of the JWT, before it is one of the extension.
    let answer = world.token(&valid().claim("extensions", "x").sign(&member.key), SCOPE).await;
    answer.assert_refused(401, "invalid_client");
    let good = with("consent_policy", json!(["urn:x:y"]))
        .b2b("consent_reference", json!(["https://c.example/Consent/1"]))
        .b2b("subject_name", json!("Dr Test"))
        .b2b("organization_name", json!("Org"));
    assert_eq!(world.token(&good.sign(&member.key), SCOPE).await.status, 200);
}

/// Shows: B2B-5, B2B-6, COMM-9, B2B-14
#[tokio::test]
async fn a_community_limits_identifiers_and_roles() {
    let lines = r#"
scopes = ["system/Patient.rs", "system/Observation.rs"]
[communities.b2b]
subject_roles = ["urn:oid:2.16.840.1.113883.6.101#207Q00000X"]
subject_id_prefixes = ["urn:oid:2.16.840.1.113883.4.6#"]
subject_id_is_npi = true
subject_name_required = true
"#;
    let world = World::start_with(WorldOptions { elm: Some(lines.to_owned()), ..WorldOptions::default() }).await;
    let member = elm().member(APP);
    let client_id = world.registered(&member).await;
    let good = || {
        world
            .assertion(&member, &client_id)
            .b2b("subject_name", "Dr Test")
            .b2b("subject_id", "urn:oid:2.16.840.1.113883.4.6#1234567893")
            .b2b("subject_role", "urn:oid:2.16.840.1.113883.6.101#207Q00000X")
    };
    assert_eq!(world.token(&good().sign(&member.key), SCOPE).await.status, 200);
    let broken = vec![
        ("another naming system", good().b2b("subject_id", "urn:oid:1.2.3#1234567893")),
        ("wrong check digit", good().b2b("subject_id", "urn:oid:2.16.840.1.113883.4.6#1234567890")),
        ("another role", good().b2b("subject_role", "urn:oid:2.16.840.1.113883.6.101#other")),
        ("identifier without name", good().b2b("subject_name", Value::Null)),
    ];
    each_refused(&world, &member, 400, "invalid_grant", broken).await;
}

/// Shows: TOKEN-2, SCOPE-4, SCOPE-6, SCOPE-7
#[tokio::test]
async fn scopes_at_the_token_endpoint() {
    let (world, member, client_id) = registered().await;
    let assertion = || world.assertion(&member, &client_id).sign(&member.key);
    let mixed = world.token(&assertion(), "system/Patient.rs system/Unknown.rs").await;
    assert_eq!((mixed.status, mixed.json()["scope"].clone()), (200, json!(SCOPE)));
    let wildcards = ["system/*.cruds", "system/Patient.rs system/*.cruds", "system/*.* system/Patient.rs"];
    for scope in ["system/Unknown.rs", "user/Patient.rs", "\u{1}"].into_iter().chain(wildcards) {
        world.token(&assertion(), scope).await.assert_refused(400, "invalid_scope");
    }
    let jwt = assertion();
    let form: Vec<_> = token_form(&jwt, SCOPE).into_iter().filter(|(name, _)| *name != "scope").collect();
    world.send(&Request::form("/oauth/r4/token", &form)).await.assert_refused(400, "invalid_scope");
}

#[tokio::test]
async fn large_and_malformed_bodies_are_refused_before_they_are_parsed() {
    let (world, _, _) = registered().await;
    let post = |body: Vec<u8>| {
        Request::new("POST", "/oauth/r4/token").header("Content-Type", "application/x-www-form-urlencoded").body(body)
    };
    assert_eq!(world.send(&post(vec![b'a'; 100 * 1024])).await.status, 413);
    for body in [&b"grant_type=%zz"[..], b"grant_type=\xff", b"=x", b"&&"] {
        world.send(&post(body.to_vec())).await.assert_refused(400, "invalid_request");
    }
    let header = Request::get("/fhir/r4/.well-known/udap").header("X-Large", &"x".repeat(40 * 1024));
    assert_eq!(world.send(&header).await.status, 431);
}
