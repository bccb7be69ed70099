//! `POST` registration: the statement's rules, one broken at a time.

use serde_json::{Value, json};
use tessera_jose::jwk::Jwk;

use crate::support::forge::{fresh_jti, now, sign_segments};
use crate::support::pki::{self, MemberOptions, ec_key, elm};
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

/// Shows: DCR-4, DCR-5, DCR-6, JWT-10, JWT-11
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
        ("upper-case host", valid().claim("aud", "https://HOLDER.example/oauth/main/register")),
        ("default port", valid().claim("aud", "https://holder.example:443/oauth/main/register")),
        ("percent-encoding", valid().claim("aud", "https://holder.example/oauth/main/regi%73ter")),
        ("dot segment", valid().claim("aud", "https://holder.example/oauth/./main/register")),
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
        ("iat a string", times(json!(now.to_string()), json!(now + 300))),
        ("exp a string", times(json!(now), json!((now + 300).to_string()))),
        ("iat a fraction", times(json!(now as f64 + 0.5), json!(now + 300))),
        ("iat a whole number written as a fraction", times(json!(now as f64), json!(now + 300))),
        ("exp a fraction", times(json!(now), json!(now as f64 + 299.5))),
        ("exp a whole number written as a fraction", times(json!(now), json!(now as f64 + 300.0))),
        ("an exponent", times(json!(now), json!(1e300))),
        ("no exp", world.statement(&member).without("exp")),
        ("no iat", world.statement(&member).without("iat")),
        ("iat null", times(Value::Null, json!(now + 300))),
        ("exp null", times(json!(now), Value::Null)),
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
    let pem: Vec<Value> = member.chain.iter().map(|der| json!(pki::pem("CERTIFICATE", der))).collect();
    let wrapped: Vec<Value> = pem
        .iter()
        .map(|text| {
            json!(text.as_str().unwrap().lines().filter(|line| !line.starts_with('-')).collect::<Vec<_>>().join("\n"))
        })
        .collect();
    let second = elm().member(APP);
    let two_leaves = {
        let mut chain = x5c.as_array().unwrap().clone();
        chain.insert(1, world.statement(&second).header["x5c"][0].clone());
        world.statement(&member).header("x5c", json!(chain))
    };
    let jwk = Jwk::from_signing_key(second.key.as_ref()).unwrap();
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
        ("the issuing CA signed", world.statement(&member).sign(&elm().issuing_key)),
        ("a second leaf in x5c signed", two_leaves.sign(&second.key)),
        (
            "the key in jwk signed",
            world.statement(&member).header("jwk", serde_json::to_value(&jwk).unwrap()).sign(&second.key),
        ),
        ("the key of kid signed", world.statement(&member).header("kid", jwk.kid()).sign(&second.key)),
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
        ("x5c in PEM", header("x5c", json!(pem))),
        ("x5c with line breaks", header("x5c", json!(wrapped))),
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
    let wildcards = ["system/*.cruds", "system/Patient.rs system/*.cruds", "system/*.* system/Patient.rs"];
    let none = ["system/Observation.rs", "system/Nothing.rs", "user/Patient.rs"];
    for none in none.into_iter().chain(wildcards) {
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
