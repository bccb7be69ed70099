//! `POST` registration: the statement's rules, one broken at a time; changes, cancels, communities.

use serde_json::{Value, json};

use crate::support::forge::{fresh_jti, now, sign_segments};
use crate::support::pki::{self, MemberOptions, ec_key, elm, oak};
use crate::support::{Jwt, Member, Request, World, WorldOptions};

const APP: &str = "https://app.example/client";

async fn world_and_member() -> (World, Member) {
    (World::start().await, elm().member(APP))
}

/// Sends each broken statement and expects the refusal; afterwards the valid one is still *new*, so nothing was stored.
async fn each_refused(world: &World, member: &Member, code: &str, broken: Vec<(&str, Jwt)>) {
    for (what, jwt) in broken {
        let answer = world.register(&jwt.sign(&member.key)).await;
        assert_eq!((answer.status, answer.oauth_error().as_str()), (400, code), "{what}: {}", answer.text());
    }
    let valid = world.register(&world.statement(member).sign(&member.key)).await;
    assert_eq!(valid.status, 201, "nothing of a refused request is left: {}", valid.text());
}

/// Shows: DCR-2, DCR-3, DCR-19, DCR-21, DCR-22, JWT-3
#[tokio::test]
async fn a_valid_statement_registers() {
    let (world, member) = world_and_member().await;
    let statement = world.statement(&member).sign(&member.key);
    let answer = world.register(&statement).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("pragma"), Some("no-cache"));
    let body = answer.json();
    assert_eq!(body["software_statement"], statement);
    assert!(body["client_id"].as_str().is_some_and(|id| id.len() >= 22));
    assert_eq!(body["client_name"], "Test app");
    assert_eq!(body["contacts"], json!(["mailto:tester@example.com"]));
    assert_eq!(body["grant_types"], json!(["client_credentials"]));
    assert_eq!(body["token_endpoint_auth_method"], "private_key_jwt");
    assert_eq!(body["scope"], "system/Patient.rs system/Observation.rs");
    for absent in ["iss", "sub", "aud", "exp", "iat", "jti", "redirect_uris", "response_types", "logo_uri"] {
        assert!(body.get(absent).is_none(), "{absent}: {body}");
    }
    assert!(body.as_object().unwrap().values().all(|value| !value.is_null() && value != ""), "{body}");
}

/// Shows: JWT-2
#[tokio::test]
async fn an_rsa_member_registers_with_rs256() {
    let world = World::start().await;
    let member = elm().member_with(pki::shared_rsa_key(), &MemberOptions::new(APP));
    world.registered(&member).await;
}

/// Shows: DCR-4, DCR-5, DCR-6, JWT-10
#[tokio::test]
async fn parties_and_audience_are_compared_as_they_are_written() {
    let (world, member) = world_and_member().await;
    let valid = || world.statement(&member);
    let endpoint = world.registration_endpoint();
    let both = |uri: &str| valid().claim("iss", uri).claim("sub", uri);
    let broken = vec![
        ("another URI", both("https://other.example/client")),
        ("other case", both("https://APP.example/client")),
        ("a slash more", both("https://app.example/client/")),
        ("default port", both("https://app.example:443/client")),
        ("percent-encoding", both("https://app.example/%63lient")),
        ("sub differs", valid().claim("sub", "https://other.example/client")),
        ("no sub", valid().without("sub")),
        ("the token endpoint", valid().claim("aud", world.token_endpoint())),
        ("a prefix", valid().claim("aud", "https://holder.example/oauth/main")),
        ("a slash more", valid().claim("aud", format!("{endpoint}/"))),
        ("two audiences", valid().claim("aud", json!([endpoint, "https://other.example"]))),
        ("no audience", valid().without("aud")),
        ("an object", valid().claim("aud", json!({"a": 1}))),
    ];
    each_refused(&world, &member, "invalid_software_statement", broken).await;
}

/// Shows: DCR-4
#[tokio::test]
async fn one_of_several_uri_names_is_enough() {
    let world = World::start().await;
    let options =
        MemberOptions { uris: vec!["https://first.example/a".to_owned(), APP.to_owned()], ..MemberOptions::new(APP) };
    let member = Member { uri: APP.to_owned(), ..elm().member_with(ec_key(), &options) };
    world.registered(&member).await;
}

/// Shows: DCR-7
#[tokio::test]
async fn a_statement_lives_for_five_minutes_at_most() {
    let (world, member) = world_and_member().await;
    let now = now();
    let times = |iat: Value, exp: Value| world.statement(&member).claim("iat", iat).claim("exp", exp);
    let broken = vec![
        ("301 seconds", times(json!(now), json!(now + 301))),
        ("expired", times(json!(now - 400), json!(now - 101))),
        ("issued in the future", times(json!(now + 120), json!(now + 300))),
        ("exp before iat", times(json!(now), json!(now - 1))),
        ("strings", times(json!(now.to_string()), json!((now + 300).to_string()))),
        ("fractions", times(json!(now as f64 + 0.5), json!(now as f64 + 299.5))),
        ("an exponent", times(json!(now), json!(1e300))),
        ("no exp", world.statement(&member).without("exp")),
        ("no iat", world.statement(&member).without("iat")),
        ("negative", times(json!(-5), json!(100))),
    ];
    each_refused(&world, &member, "invalid_software_statement", broken).await;
}

/// Shows: DCR-8, JWT-7, JWT-8
#[tokio::test]
async fn a_statement_is_used_once() {
    let (mut world, member) = world_and_member().await;
    let statement = world.statement(&member).sign(&member.key);
    assert_eq!(world.register(&statement).await.status, 201);
    world.register(&statement).await.assert_refused(400, "invalid_software_statement");
    world.restart().await;
    world.register(&statement).await.assert_refused(400, "invalid_software_statement");
    let broken = vec![
        ("missing", world.statement(&member).without("jti")),
        ("empty", world.statement(&member).claim("jti", "")),
        ("a number", world.statement(&member).claim("jti", 7)),
    ];
    for (what, jwt) in broken {
        let answer = world.register(&jwt.sign(&member.key)).await;
        assert_eq!(answer.oauth_error(), "invalid_software_statement", "{what}");
    }
}

/// Shows: DCR-8
#[tokio::test]
async fn of_many_uses_at_once_one_counts() {
    let (world, member) = world_and_member().await;
    let statement = world.statement(&member).sign(&member.key);
    let body = json!({"software_statement": statement, "udap": "1"});
    let mut uses = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (request, address) = (Request::json("/oauth/main/register", &body), world.address);
        uses.spawn(async move { request.send(address).await.status });
    }
    let mut statuses = uses.join_all().await;
    statuses.sort_unstable();
    assert_eq!((statuses[0], &statuses[1..]), (201, &[400; 19][..]));
}

/// Shows: DCR-9, DCR-11, DCR-12, DCR-13, DCR-15, DCR-16
#[tokio::test]
async fn metadata_that_breaks_a_rule_is_refused() {
    let (world, member) = world_and_member().await;
    let with = |name: &str, value: Value| world.statement(&member).claim(name, value);
    let without = |name: &str| world.statement(&member).without(name);
    let broken = vec![
        ("no name", without("client_name")),
        ("empty name", with("client_name", json!(""))),
        ("name not a string", with("client_name", json!(7))),
        ("no contacts", without("contacts")),
        ("empty contacts", with("contacts", json!([]))),
        ("only https", with("contacts", json!(["https://example.com"]))),
        ("mailto without address", with("contacts", json!(["mailto:"]))),
        ("contacts not an array", with("contacts", json!("mailto:a@example.com"))),
        ("http logo", with("logo_uri", json!("http://app.example/logo.png"))),
        ("logo of another kind", with("logo_uri", json!("https://app.example/logo.svg"))),
        ("no grant types", without("grant_types")),
        ("unknown grant", with("grant_types", json!(["password"]))),
        ("both grants", with("grant_types", json!(["authorization_code", "client_credentials"]))),
        ("refresh alone", with("grant_types", json!(["refresh_token"]))),
        ("refresh with client credentials", with("grant_types", json!(["client_credentials", "refresh_token"]))),
        ("twice", with("grant_types", json!(["client_credentials", "client_credentials"]))),
        ("no method", without("token_endpoint_auth_method")),
        ("another method", with("token_endpoint_auth_method", json!("client_secret_basic"))),
        ("no scope", without("scope")),
        ("empty scope", with("scope", json!(""))),
        ("bad characters", with("scope", json!("system/Patient.rs \"x\""))),
        ("redirects", with("redirect_uris", json!(["https://app.example/back"]))),
        ("response types", with("response_types", json!(["code"]))),
    ];
    each_refused(&world, &member, "invalid_client_metadata", broken).await;
}

#[tokio::test]
async fn a_good_statement_for_the_code_grant_is_refused_until_that_grant_exists() {
    let (world, member) = world_and_member().await;
    let code = world
        .statement(&member)
        .claim("grant_types", json!(["authorization_code"]))
        .claim("redirect_uris", json!(["https://app.example/back"]))
        .claim("response_types", json!(["code"]))
        .claim("logo_uri", "https://app.example/logo.png")
        .claim("scope", "user/Patient.rs");
    each_refused(&world, &member, "invalid_client_metadata", vec![("the code grant", code)]).await;
}

/// Shows: DCR-17, DCR-23
#[tokio::test]
async fn the_body_is_one_json_object_with_udap_1() {
    let (world, member) = world_and_member().await;
    let statement = || world.statement(&member).sign(&member.key);
    let post = |body: String| {
        Request::new("POST", "/oauth/main/register").header("Content-Type", "application/json").body(body)
    };
    let refused = [
        ("no udap", json!({"software_statement": statement()}).to_string()),
        ("udap 2", json!({"software_statement": statement(), "udap": "2"}).to_string()),
        ("udap as a number", json!({"software_statement": statement(), "udap": 1}).to_string()),
        ("no statement", json!({"udap": "1"}).to_string()),
        ("statement not a string", json!({"software_statement": {}, "udap": "1"}).to_string()),
        ("an array", json!([statement()]).to_string()),
        ("not JSON", "software_statement=x".to_owned()),
        ("empty", String::new()),
        ("something behind", format!("{} x", json!({"software_statement": statement(), "udap": "1"}))),
        (
            "twice",
            format!(r#"{{"udap":"1","software_statement":"{}","software_statement":"{}"}}"#, statement(), statement()),
        ),
    ];
    for (what, body) in refused {
        let answer = world.send(&post(body)).await;
        assert_eq!((answer.status, answer.oauth_error().as_str()), (400, "invalid_client_metadata"), "{what}");
    }
    let form = statement();
    let form = Request::form("/oauth/main/register", &[("software_statement", &form), ("udap", "1")]);
    world.send(&form).await.assert_refused(400, "invalid_client_metadata");
    let large = post(format!("{{\"udap\":\"1\",\"x\":\"{}\"}}", "x".repeat(300 * 1024)));
    assert_eq!(world.send(&large).await.status, 413);
    assert_eq!(world.register(&statement()).await.status, 201);
}

/// Shows: DCR-26
#[tokio::test]
async fn what_stands_beside_the_statement_is_ignored() {
    let (world, member) = world_and_member().await;
    let body = json!({
        "software_statement": world.statement(&member).sign(&member.key), "udap": "1",
        "client_name": "Beside", "scope": "system/*.rs", "redirect_uris": ["https://evil.example"],
    });
    let answer = world.send(&Request::json("/oauth/main/register", &body)).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.json()["client_name"], "Test app");
    assert_eq!(answer.json()["scope"], "system/Patient.rs system/Observation.rs");
    assert!(answer.json().get("redirect_uris").is_none());
}

/// Shows: DCR-18, DCR-24, JWT-1, JWT-5, JWT-6, JWT-13
#[tokio::test]
async fn a_statement_whose_form_or_signature_does_not_hold_is_invalid() {
    let (world, member) = world_and_member().await;
    let valid = world.statement(&member).sign(&member.key);
    let parts: Vec<&str> = valid.split('.').collect();
    let last = parts[2].chars().next_back().unwrap();
    let other_key = ec_key();
    let header = |name: &str, value: Value| world.statement(&member).header(name, value).sign(&member.key);
    let x5c = world.statement(&member).header["x5c"].clone();
    let reversed: Vec<Value> = x5c.as_array().unwrap().iter().rev().cloned().collect();
    let urlsafe: Vec<Value> = x5c
        .as_array()
        .unwrap()
        .iter()
        .map(|text| json!(text.as_str().unwrap().replace('+', "-").replace('/', "_").replace('=', "")))
        .collect();
    let duplicate_claims = {
        let text = serde_json::to_string(&world.statement(&member).claims).unwrap().replacen('{', "{\"sub\":\"x\",", 1);
        use base64::Engine as _;
        let encode = |text: String| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
        sign_segments(
            &encode(serde_json::to_string(&world.statement(&member).header).unwrap()),
            &encode(text),
            &member.key,
        )
    };
    let broken = [
        ("two segments", format!("{}.{}", parts[0], parts[1])),
        ("four segments", format!("{valid}.x")),
        ("padding", format!("{}=.{}.{}", parts[0], parts[1], parts[2])),
        (
            "non-canonical base64url",
            format!(
                "{}.{}.{}{}",
                parts[0],
                parts[1],
                &parts[2][..parts[2].len() - 1],
                if last == 'A' { 'B' } else { 'A' }
            ),
        ),
        ("JSON serialization", json!({"payload": parts[1], "protected": parts[0], "signature": parts[2]}).to_string()),
        ("another key signed", world.statement(&member).sign(&other_key)),
        (
            "another payload",
            format!(
                "{}.{}.{}",
                parts[0],
                world.statement(&member).claim("client_name", "X").sign(&member.key).split('.').nth(1).unwrap(),
                parts[2]
            ),
        ),
        ("no x5c", world.statement(&member).without_header("x5c").sign(&member.key)),
        ("empty x5c", header("x5c", json!([]))),
        ("x5c a string", header("x5c", x5c[0].clone())),
        ("x5c in the wrong order", header("x5c", json!(reversed))),
        ("x5c base64url", header("x5c", json!(urlsafe))),
        ("alg none", header("alg", json!("none"))),
        ("alg HS256", header("alg", json!("HS256"))),
        ("alg PS256", header("alg", json!("PS256"))),
        ("alg of another key", header("alg", json!("RS256"))),
        ("alg of another curve", header("alg", json!("ES384"))),
        ("no alg", world.statement(&member).without_header("alg").sign(&member.key)),
        ("crit", header("crit", json!(["exp"]))),
        ("b64", header("b64", json!(true))),
        ("zip", header("zip", json!("DEF"))),
        ("a claim twice", duplicate_claims),
    ];
    for (what, jwt) in broken {
        let answer = world.register(&jwt).await;
        assert_eq!(
            (answer.status, answer.oauth_error().as_str()),
            (400, "invalid_software_statement"),
            "{what}: {}",
            answer.text()
        );
    }
    assert_eq!(world.register(&valid).await.status, 201, "none of these has spent the jti");
}

/// Shows: CHAIN-1, CHAIN-2, DCR-24, JWT-12
#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_unapproved() {
    let revoked = elm().member("https://revoked.example/client");
    let world = World::start_with(WorldOptions { revoked: vec![revoked.clone()], ..WorldOptions::default() }).await;
    let stranger = pki::TestCommunity::new("stranger").member(APP);
    let mut lonely = elm().member(APP);
    lonely.chain.truncate(1);
    let expired = elm().member_with(
        ec_key(),
        &MemberOptions { not_before: now() - 7200, not_after: now() - 60, ..MemberOptions::new(APP) },
    );
    let early = elm().member_with(ec_key(), &MemberOptions { not_before: now() + 3600, ..MemberOptions::new(APP) });
    let mut mixed = oak().member(APP);
    mixed.chain.truncate(1);
    mixed.chain.push(elm().issuing.certificate().to_vec());
    for (what, member) in [
        ("stranger", stranger),
        ("intermediate missing", lonely),
        ("expired", expired),
        ("not yet valid", early),
        ("another community's intermediate", mixed),
        ("revoked", revoked),
    ] {
        let answer = world.register(&world.statement(&member).sign(&member.key)).await;
        assert_eq!(
            (answer.status, answer.oauth_error().as_str()),
            (400, "unapproved_software_statement"),
            "{what}: {}",
            answer.text()
        );
    }
}

/// Shows: CHAIN-6
#[tokio::test]
async fn a_configured_intermediate_completes_the_chain() {
    let lines = r#"
scopes = ["system/Patient.rs", "system/Observation.rs"]
intermediates = ["issuing.pem"]
"#;
    let issuing = pki::pem("CERTIFICATE", elm().issuing.certificate());
    let options = WorldOptions {
        elm: Some(lines.to_owned()),
        files: vec![("issuing.pem".to_owned(), issuing)],
        ..WorldOptions::default()
    };
    let world = World::start_with(options).await;
    let mut lonely = elm().member(APP);
    lonely.chain.truncate(1);
    world.registered(&lonely).await;
}

/// Shows: MOD-2, MOD-4, MOD-1, MOD-10
#[tokio::test]
async fn a_change_replaces_everything_and_keeps_the_client_id() {
    let (world, member) = world_and_member().await;
    let first = world.statement(&member).claim("logo_uri", "https://app.example/logo.png");
    let client_id = world.register(&first.sign(&member.key)).await.json()["client_id"].clone();
    let same = world.register(&first.clone().claim("jti", fresh_jti()).sign(&member.key)).await;
    assert_eq!((same.status, &same.json()["client_id"]), (200, &client_id));
    let second = world.statement(&member).claim("client_name", "Renamed").claim("scope", "system/Patient.rs");
    let changed = world.register(&second.sign(&member.key)).await;
    assert_eq!(changed.status, 200);
    let body = changed.json();
    assert_eq!(
        (&body["client_id"], &body["client_name"], &body["scope"]),
        (&client_id, &json!("Renamed"), &json!("system/Patient.rs"))
    );
    assert!(body.get("logo_uri").is_none(), "what the change leaves out is gone");
}

/// Shows: MOD-3, CHAIN-7
#[tokio::test]
async fn the_same_uri_in_another_community_is_another_registration() {
    let world = World::start().await;
    let (here, there) = (elm().member(APP), oak().member(APP));
    let first = world.registered(&here).await;
    let second = world.registered(&there).await;
    assert_ne!(first, second);
    let cancel = world.statement(&there).claim("grant_types", json!([]));
    assert_eq!(world.register(&cancel.sign(&there.key)).await.status, 200);
    world.granted(&here, &first, "system/Patient.rs").await;
    let assertion = world.assertion(&there, &first).sign(&there.key);
    world.token(&assertion, "system/Patient.rs").await.assert_refused(401, "invalid_client");
}

/// Shows: MOD-6, MOD-9
#[tokio::test]
async fn a_cancel_ends_the_registration_and_its_tokens() {
    let (world, member) = world_and_member().await;
    let cancel = || world.statement(&member).claim("grant_types", json!([])).without("scope").sign(&member.key);
    world.register(&cancel()).await.assert_refused(400, "invalid_client_metadata");
    let client_id = world.registered(&member).await;
    let token = world.granted(&member, &client_id, "system/Patient.rs").await;
    let read = Request::get("/fhir/r4/Patient?_count=1").bearer(&token);
    assert_eq!(world.send(&read).await.status, 200);
    let answer = world.register(&world.statement(&member).claim("grant_types", json!([])).sign(&member.key)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!((&answer.json()["client_id"], &answer.json()["grant_types"]), (&json!(client_id), &json!([])));
    assert_eq!(world.send(&read).await.status, 401);
    let assertion = world.assertion(&member, &client_id).sign(&member.key);
    world.token(&assertion, "system/Patient.rs").await.assert_refused(401, "invalid_client");
    let again = world.register(&world.statement(&member).claim("grant_types", json!([])).sign(&member.key)).await;
    again.assert_refused(400, "invalid_client_metadata");
    assert_ne!(world.registered(&member).await, client_id);
}

/// Shows: DCR-27
#[tokio::test]
async fn a_renewed_certificate_needs_no_new_registration() {
    let (world, member) = world_and_member().await;
    let client_id = world.registered(&member).await;
    let renewed = elm().member(APP);
    world.granted(&renewed, &client_id, "system/Patient.rs").await;
    let other = elm().member("https://app.example/another");
    let assertion = world.assertion(&other, &client_id).sign(&other.key);
    world.token(&assertion, "system/Patient.rs").await.assert_refused(401, "invalid_client");
}

/// Shows: DCR-20, SCOPE-4, SCOPE-5, SCOPE-7, SCOPE-8, DCR-29
#[tokio::test]
async fn scopes_are_negotiated_and_what_is_returned_holds() {
    let lines = r#"
scopes = ["system/Patient.rs", "system/Observation.rs", "system/*.rs"]
granted_scopes = ["system/Patient.rs"]
granted_scopes_by_client = { "https://wide.example/client" = ["system/*.rs"] }
"#;
    let world = World::start_with(WorldOptions { elm: Some(lines.to_owned()), ..WorldOptions::default() }).await;
    let member = elm().member(APP);
    let ask = |member: &Member, scope: &str| world.statement(member).claim("scope", scope).sign(&member.key);
    let answer = world
        .register(&ask(&member, "system/Patient.rs system/Observation.rs system/Unknown.rs user/Patient.rs"))
        .await;
    assert_eq!(answer.json()["scope"], "system/Patient.rs");
    let client_id = answer.json()["client_id"].as_str().unwrap().to_owned();
    let assertion = world.assertion(&member, &client_id).sign(&member.key);
    world.token(&assertion, "system/Observation.rs").await.assert_refused(400, "invalid_scope");
    for none in ["system/Observation.rs", "system/Nothing.rs", "user/Patient.rs", "system/*.cruds"] {
        world.register(&ask(&member, none)).await.assert_refused(400, "invalid_client_metadata");
    }
    let wide = elm().member("https://wide.example/client");
    assert_eq!(world.register(&ask(&wide, "system/*.rs")).await.json()["scope"], "system/*.rs");
}

/// Shows: CERT-1
#[tokio::test]
async fn certifications_that_are_not_supported_are_ignored() {
    let (world, member) = world_and_member().await;
    let body = json!({"software_statement": world.statement(&member).sign(&member.key), "udap": "1", "certifications": ["not.a.jwt", "x"]});
    let answer = world.send(&Request::json("/oauth/main/register", &body)).await;
    assert_eq!(
        (answer.status, answer.json()["scope"].clone()),
        (201, json!("system/Patient.rs system/Observation.rs"))
    );
}

/// Shows: META-21
#[tokio::test]
async fn one_registration_holds_for_the_bases_of_a_group() {
    let (world, member) = world_and_member().await;
    let client_id = world.registered(&member).await;
    let endpoint = "https://holder.example/oauth/r4b/token";
    let assertion = Jwt::assertion(&member, &client_id, endpoint).sign(&member.key);
    let form = crate::support::world::token_form(&assertion, "system/Patient.rs");
    let answer = world.send(&Request::form("/oauth/r4b/token", &form)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(world.send(&Request::get("/fhir/r4b/Patient?_count=1").bearer(&token)).await.status, 200);
    assert_eq!(
        world.send(&Request::get("/fhir/r4/Patient?_count=1").bearer(&token)).await.status,
        401,
        "for one base alone"
    );
}

#[tokio::test]
async fn a_refusal_is_told_to_the_operator_under_its_correlation_id() {
    let (world, member) = world_and_member().await;
    let answer =
        world.register(&world.statement(&member).claim("sub", "https://other.example").sign(&member.key)).await;
    let event = world.audit_of(&answer).await;
    assert_eq!(event["resourceType"], "AuditEvent");
    assert_ne!(event["outcome"], "0");
    let text = event.to_string();
    assert!(
        !text.contains(&member.chain[0].len().to_string().repeat(9)) && !text.contains("eyJ"),
        "no JWT in the audit: {text}"
    );
}
