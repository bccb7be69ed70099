use super::*;
use crate::EndpointMismatch;
use crate::check::CheckOutcome;
use crate::testing::{
    BASE, Community, HOUR, METADATA, NOW, ONE, REGISTRATION_URL, TOKEN_URL, TWO, World, base, claims, id, read,
};
use std::sync::Arc;
use tessera_jose::algorithm::Algorithm;
use tessera_jose::json::{Object, Value};
use tessera_jose::jws::{HeaderTemplate, sign};
use tessera_jose::key::{KeyKind, SoftwareKey};
use tessera_pki::Validity;

/// The failed check of a discovery that must have failed, and sent nothing after it.
async fn failed(world: &mut World, document: &Object) -> Check {
    world.publish(document);
    let client = world.client();
    let before = world.http.sent().len();
    let discovery = client.discover(&base(), None, NOW).await;
    assert!(discovery.result.is_err(), "{:?}", discovery.checks);
    assert_eq!(world.http.sent().len(), before + 1, "nothing is sent after a failure");
    let last = discovery.checks.last().unwrap().clone();
    assert_eq!(last.outcome, CheckOutcome::Failed);
    last
}

/// The name of the reason for which the document is not believed.
async fn code_of(world: &mut World, document: &Object) -> String {
    world.publish(document);
    world.client().discover(&base(), None, NOW).await.result.unwrap_err().code().to_owned()
}

#[tokio::test]
async fn good_metadata_pass_every_check() {
    let mut world = World::new();
    world.publish(&world.document(&claims()));
    let discovery = world.client().discover(&base(), None, NOW).await;
    let holder = discovery.result.unwrap();
    assert_eq!(holder.token_endpoint().as_str(), TOKEN_URL);
    assert_eq!(holder.registration_endpoint().as_str(), REGISTRATION_URL);
    assert_eq!(holder.community(), &id(ONE));
    assert!(holder.authorization_endpoint().is_none());
    assert!(discovery.checks.iter().all(|check| check.outcome == CheckOutcome::Passed), "{:#?}", discovery.checks);
    assert!(holder.judge_for_client_credentials(Algorithm::Es256).is_ok());
}

/// Shows: COMM-1, COMM-2
#[tokio::test]
async fn asks_for_a_community_by_its_uri() {
    let mut world = World::new();
    let url = format!("{BASE}/.well-known/udap?community=https%3A%2F%2Fcommunity.example%2Fone%3Fa%3Db");
    world.http.always(&url, 200, &world.document(&claims()).to_json());
    let discovery = world.client().discover(&base(), Some(&id(ONE)), NOW).await;
    assert!(discovery.result.is_ok());
    assert_eq!(world.http.urls(), [url]);
    assert!(CommunityId::parse("my community").is_err(), "only a URI can be asked for");
}

/// Shows: DISC-6
#[tokio::test]
async fn a_404_says_that_there_is_no_udap() {
    let mut world = World::new();
    world.http.always(&format!("{BASE}/.well-known/udap"), 404, "{}");
    let discovery = world.client().discover(&base(), None, NOW).await;
    assert!(matches!(discovery.result, Err(DiscoveryError::NoUdap)));
    assert_eq!(world.http.sent().len(), 1);
}

/// Shows: DISC-6, COMM-6
#[tokio::test]
async fn in_the_first_edition_a_404_may_mean_the_community() {
    let mut world = World::new();
    let url = format!("{BASE}/.well-known/udap?community=urn%3Aoid%3A1.2.3.2");
    world.http.always(&url, 404, "");
    for (edition, code) in
        [(Edition::Stu1, "no-metadata-for-community"), (Edition::Stu1_1, "no-udap"), (Edition::Stu2, "no-udap")]
    {
        let client = world.client_with(|settings| settings.communities[1].1 = edition);
        assert_eq!(client.discover(&base(), Some(&id(TWO)), NOW).await.result.unwrap_err().code(), code, "{edition}");
    }
    // The edition is that of the community that was asked for.
    let client = world.client_with(|settings| settings.communities[0].1 = Edition::Stu1);
    assert_eq!(client.discover(&base(), Some(&id(TWO)), NOW).await.result.unwrap_err().code(), "no-udap");
    // Without a community there is nothing else that a 404 could mean.
    world.http.always(&format!("{BASE}/.well-known/udap"), 404, "");
    assert_eq!(client.discover(&base(), None, NOW).await.result.unwrap_err().code(), "no-udap");
}

#[tokio::test]
async fn other_statuses_stop_with_their_own_reason() {
    let mut world = World::new();
    let client = world.client();
    for (status, code) in [(204, "no-metadata-for-community"), (302, "refused"), (500, "refused")] {
        world.http.always(&format!("{BASE}/.well-known/udap"), status, "");
        assert_eq!(client.discover(&base(), None, NOW).await.result.unwrap_err().code(), code);
    }
    let elsewhere = BaseUrl::parse("https://nowhere.example").unwrap();
    assert_eq!(client.discover(&elsewhere, None, NOW).await.result.unwrap_err().code(), "unreachable");
}

#[tokio::test]
async fn the_document_is_one_strict_object() {
    let mut world = World::new();
    let document = world.document(&claims()).to_json();
    let doubled = document.replacen('{', r#"{"token_endpoint":"https://evil.example","#, 1);
    for body in ["", "[]", "{", "null", &doubled, &format!("{document} x"), &"x".repeat(70_000)] {
        world.http.always(&format!("{BASE}/.well-known/udap"), 200, body);
        let discovery = world.client().discover(&base(), None, NOW).await;
        assert!(
            matches!(discovery.result, Err(DiscoveryError::NotMetadata { check: "one JSON object", .. })),
            "{body:.40}"
        );
    }
}

/// Shows: META-1
#[tokio::test]
async fn another_version_is_refused() {
    let mut world = World::new();
    for (versions, code) in [
        (Value::from(vec!["2"]), "not-supported"),
        (Value::Array(vec![]), "not-supported"),
        (Value::from("1"), "not-metadata"),
        (Value::Null, "not-metadata"),
    ] {
        let mut document = world.document(&claims());
        document.insert("udap_versions_supported", versions);
        assert_eq!(failed(&mut world, &document).await.name, steps::VERSION.name);
        assert_eq!(code_of(&mut world, &document).await, code);
    }
}

/// Shows: DISC-9
#[tokio::test]
async fn unknown_members_do_no_harm() {
    let mut world = World::new();
    let mut signed = claims();
    signed.insert("something", "else");
    let mut document = world.document(&signed);
    document.insert("x_new_in_3.0", read(METADATA));
    world.publish(&document);
    assert!(world.client().discover(&base(), None, NOW).await.result.is_ok());
}

/// Shows: SMD-9, SMD-10
#[tokio::test]
async fn every_broken_claim_is_refused_with_its_own_reason() {
    let now = i64::try_from(NOW.as_secs()).unwrap();
    let year = 366 * 86_400;
    let cases: [(&str, Value, Step); 16] = [
        ("iss", Value::from("https://fhir.example/R4"), steps::ISSUER),
        ("iss", Value::from("https://fhir.example/r4/"), steps::ISSUER),
        ("iss", Value::from("https://FHIR.example/r4"), steps::ISSUER),
        ("sub", Value::from("https://fhir.example/r4/"), steps::SUBJECT),
        ("sub", Value::Null, steps::SUBJECT),
        ("iat", Value::from(now + 120), steps::LIFETIME),
        ("iat", Value::Float(1.79e9), steps::LIFETIME),
        ("exp", Value::from(now - 60), steps::LIFETIME),
        ("exp", Value::from(now + year + 1), steps::LIFETIME),
        ("exp", Value::from("1800000000"), steps::LIFETIME),
        ("jti", Value::from(""), steps::JWT_ID),
        ("jti", Value::from(7), steps::JWT_ID),
        ("token_endpoint", Value::Null, steps::SIGNED_ENDPOINTS),
        ("token_endpoint", Value::from("/token"), steps::SIGNED_ENDPOINTS),
        ("registration_endpoint", Value::Null, steps::SIGNED_ENDPOINTS),
        ("registration_endpoint", Value::from(1), steps::SIGNED_ENDPOINTS),
    ];
    let mut world = World::new();
    for (name, value, step) in cases {
        let mut broken = claims();
        broken.insert(name, value.clone());
        if name == "iss" {
            // Equal to `sub`, so that the issuer alone is at fault.
            broken.insert("sub", value);
        }
        let document = world.document(&broken);
        assert_eq!(failed(&mut world, &document).await.name, step.name, "{name}: {broken:?}");
    }
    for name in ["iss", "sub", "iat", "exp", "jti", "token_endpoint", "registration_endpoint"] {
        let mut broken = claims();
        broken.remove(name);
        let document = world.document(&broken);
        failed(&mut world, &document).await;
    }
    let mut unsigned = world.document(&claims());
    unsigned.remove("signed_metadata");
    assert_eq!(failed(&mut world, &unsigned).await.name, steps::SIGNED_FORM.name);
}

/// Shows: SMD-2
#[tokio::test]
async fn a_certificate_for_another_base_is_refused() {
    let mut world = World::new();
    let valid = Validity::starting(NOW, HOUR);
    for uri in ["https://fhir.example/r5", "https://fhir.example/r4/", "https://FHIR.example/r4"] {
        let other = world.one.certify(uri, world.server.key.clone(), valid);
        let document = world.document_signed_by(&other, &claims());
        assert_eq!(failed(&mut world, &document).await.name, steps::ISSUER.name, "{uri}");
        // Signed in all honesty, but for the other base.
        let mut honest = claims();
        honest.insert("iss", uri);
        honest.insert("sub", uri);
        let document = world.document_signed_by(&other, &honest);
        assert_eq!(failed(&mut world, &document).await.name, steps::ISSUER.name, "{uri}");
    }
}

/// Shows: SMD-9
#[tokio::test]
async fn a_signature_by_another_key_is_refused() {
    let mut world = World::new();
    let mut thief = world.server.clone();
    thief.key = Arc::new(SoftwareKey::generate(KeyKind::P256).unwrap());
    let document = world.document_signed_by(&thief, &claims());
    assert_eq!(failed(&mut world, &document).await.name, steps::SIGNATURE.name);

    let mut tampered = world.document(&claims());
    let jwt = tampered.required_str("signed_metadata").unwrap().to_owned();
    let mut segments: Vec<_> = jwt.split('.').collect();
    let mut evil = claims();
    evil.insert("token_endpoint", "https://evil.example/token");
    let payload = tessera_jose::base64url_encode(evil.to_json().as_bytes());
    segments[1] = &payload;
    tampered.insert("signed_metadata", segments.join("."));
    assert_eq!(failed(&mut world, &tampered).await.name, steps::SIGNATURE.name);
}

/// Shows: SMD-1
#[tokio::test]
async fn another_algorithm_is_refused_but_in_the_first_edition() {
    let mut world = World::new();
    let key = Arc::new(SoftwareKey::generate(KeyKind::P256).unwrap());
    let server = world.one.certify(BASE, key, Validity::starting(NOW, HOUR));
    let document = world.document_signed_by(&server, &claims());
    assert_eq!(failed(&mut world, &document).await.name, steps::ALGORITHM.name);
    let first = world.client_with(|settings| settings.communities[0].1 = Edition::Stu1);
    assert!(first.discover(&base(), None, NOW).await.result.is_ok());
}

/// Shows: SMD-9
#[tokio::test]
async fn a_chain_that_does_not_hold_is_refused() {
    let mut world = World::new();
    let stranger =
        Community::new("urn:stranger").certify(BASE, world.server.key.clone(), Validity::starting(NOW, HOUR));
    let expired = world.one.certify(BASE, world.server.key.clone(), Validity::starting(NOW.minus(2 * HOUR), HOUR));
    let early = world.one.certify(BASE, world.server.key.clone(), Validity::starting(NOW.plus(HOUR), HOUR));
    let revoked = world.one.certify(BASE, world.server.key.clone(), Validity::starting(NOW, HOUR));
    world.one.revoke(&revoked);
    for (server, reason) in
        [(stranger, "no-path-to-anchor"), (expired, "expired"), (early, "not-yet-valid"), (revoked, "revoked")]
    {
        let document = world.document_signed_by(&server, &claims());
        let check = failed(&mut world, &document).await;
        assert_eq!(check.name, steps::CHAIN.name);
        assert!(check.detail.starts_with(reason), "{}", check.detail);
    }
}

/// Shows: COMM-7
#[tokio::test]
async fn another_community_than_asked_for_is_noted_if_trusted_and_refused_if_not() {
    let mut world = World::new();
    let url = format!("{BASE}/.well-known/udap?community=urn%3Aoid%3A1.2.3.2");
    world.http.always(&url, 200, &world.document(&claims()).to_json());
    let discovery = world.client().discover(&base(), Some(&id(TWO)), NOW).await;
    assert_eq!(discovery.result.unwrap().community(), &id(ONE));
    let noted = discovery.checks.iter().find(|check| check.name == steps::COMMUNITY.name).unwrap();
    assert_eq!(noted.outcome, CheckOutcome::Warned);
    assert!(noted.detail.contains(ONE) && noted.detail.contains(TWO));

    let only_two = world.client_with(|settings| drop(settings.communities.remove(0)));
    let error = only_two.discover(&base(), Some(&id(TWO)), NOW).await.result.unwrap_err();
    assert_eq!(error.code(), "not-trusted");
    assert!(error.to_string().contains(TWO) && error.to_string().contains(ONE), "{error}");
}

/// Shows: SMD-8
#[tokio::test]
async fn signed_endpoints_prevail_or_the_difference_is_refused() {
    let mut world = World::new();
    for name in ["token_endpoint", "registration_endpoint"] {
        let mut document = world.document(&claims());
        document.insert(name, "https://evil.example/x");
        world.publish(&document);
        let discovery = world.client().discover(&base(), None, NOW).await;
        let holder = discovery.result.unwrap();
        assert_eq!(holder.token_endpoint().as_str(), TOKEN_URL);
        assert_eq!(holder.registration_endpoint().as_str(), REGISTRATION_URL);
        let noted = discovery.checks.iter().find(|check| check.name == steps::ENDPOINTS.name).unwrap();
        assert_eq!(noted.outcome, CheckOutcome::Warned);

        for edition in [Edition::Stu1, Edition::Stu1_1] {
            let earlier = world.client_with(|settings| settings.communities[0].1 = edition);
            assert!(earlier.discover(&base(), None, NOW).await.result.is_err(), "{edition}");
        }
        let strict = world.client_with(|settings| settings.mismatch = EndpointMismatch::Refuse);
        assert!(strict.discover(&base(), None, NOW).await.result.is_err());
    }
}

/// Shows: META-2
#[tokio::test]
async fn what_every_server_must_have_is_demanded() {
    let mut world = World::new();
    for (name, values, requirement) in [
        ("udap_profiles_supported", vec!["udap_dcr", "udap_authz"], "META-2"),
        ("udap_profiles_supported", vec!["udap_authn", "udap_authz"], "META-2"),
        ("token_endpoint_auth_methods_supported", vec!["client_secret_basic"], "META-15"),
        ("token_endpoint_auth_signing_alg_values_supported", vec![], "META-16"),
        ("grant_types_supported", vec![], "META-11"),
    ] {
        let mut document = world.document(&claims());
        document.insert(name, values);
        assert_eq!(failed(&mut world, &document).await.requirements, [requirement], "{name}");
        assert_eq!(code_of(&mut world, &document).await, "not-supported", "{name}");
        document.insert(name, "of another type");
        assert_eq!(code_of(&mut world, &document).await, "not-metadata", "{name}");
    }
}

/// Shows: SMD-2
#[tokio::test]
async fn who_asked_another_base_than_the_proven_one_hears_which_it_is() {
    let mut world = World::new();
    for typed in ["https://fhir.example/r4/", "https://127.0.0.1/r4"] {
        let typed = BaseUrl::parse(typed).unwrap();
        world.http.always(&typed.below(".well-known/udap"), 200, &world.document(&claims()).to_json());
        let discovery = world.client().discover(&typed, None, NOW).await;
        assert_eq!(discovery.checks.last().unwrap().name, steps::ISSUER.name);
        let error = discovery.result.unwrap_err();
        assert_eq!(error.code(), "other-base");
        assert!(error.to_string().contains(typed.as_str()), "{error}");
        assert!(error.advice().contains(&format!("Type {BASE},")), "{}", error.advice());
    }
}

/// Shows: SMD-7
#[tokio::test]
async fn an_endpoint_without_tls_is_refused_though_it_is_signed() {
    let mut world = World::new();
    for name in ["token_endpoint", "registration_endpoint", "authorization_endpoint"] {
        for url in ["http://as.example/x", "http://fhir.example/r4/x", "http://127.0.0.1/x"] {
            let mut signed = claims();
            signed.insert(name, url);
            let document = world.document(&signed);
            let check = failed(&mut world, &document).await;
            assert_eq!(check.name, steps::SIGNED_ENDPOINTS.name);
            assert!(check.detail.contains(name) && check.detail.contains(url), "{}", check.detail);
            assert_eq!(code_of(&mut world, &document).await, "metadata-invalid");
        }
    }
}

/// Shows: META-5
#[tokio::test]
async fn in_the_first_edition_the_b2b_object_need_not_be_listed() {
    let mut world = World::new();
    let lists_nothing = |document: &mut Object| {
        document.insert("udap_authorization_extensions_supported", Value::Array(vec![]));
        document.remove("udap_authorization_extensions_required");
    };
    for (edition, is_usable) in [(Edition::Stu1, true), (Edition::Stu1_1, false), (Edition::Stu2, false)] {
        let client = world.client_with(|settings| settings.communities[0].1 = edition);
        let holder = world.holder_with(&client, lists_nothing).await;
        assert_eq!(holder.judge_for_client_credentials(Algorithm::Es256).is_ok(), is_usable, "{edition}");
    }
}

/// Shows: DISC-7, META-3, META-5
#[tokio::test]
async fn what_client_credentials_need_is_shown_and_demanded_before_sending() {
    let mut world = World::new();
    let client = world.client();
    let (identity, app, context) = (world.identity.clone(), crate::testing::app(), crate::testing::context());
    for (name, values) in [
        ("grant_types_supported", vec!["authorization_code"]),
        ("udap_profiles_supported", vec!["udap_dcr", "udap_authn"]),
        ("udap_authorization_extensions_supported", vec![]),
        ("udap_authorization_extensions_supported", vec!["urn:something-else"]),
        ("udap_authorization_extensions_required", vec!["hl7-b2b", "urn:something-else"]),
        ("token_endpoint_auth_signing_alg_values_supported", vec!["RS256"]),
        ("registration_endpoint_jwt_signing_alg_values_supported", vec!["RS256"]),
    ] {
        let holder = world.holder_with(&client, |document| drop(document.insert(name, values.clone()))).await;
        let before = world.http.sent().len();
        let error = client.register(&holder, &identity, &app, None, &context).await.unwrap_err();
        assert_eq!(error.code(), "not-supported", "{name} {values:?}");
        assert_eq!(world.http.sent().len(), before);
    }
}

/// Shows: META-9
#[tokio::test]
async fn a_demanded_certification_is_compared_with_those_of_the_app() {
    let mut world = World::new();
    let client = world.client();
    let (identity, context) = (world.identity.clone(), crate::testing::context());
    let demand = |document: &mut Object| {
        document.insert("udap_certifications_supported", vec!["https://certifier.example/a"]);
        document.insert("udap_certifications_required", vec!["https://certifier.example/a"]);
    };
    let holder = world.holder_with(&client, demand).await;
    world.http.always(REGISTRATION_URL, 201, r#"{"client_id": "c-1", "grant_types": ["client_credentials"]}"#);
    let before = world.http.sent().len();
    let none = crate::testing::app();
    let other = none.clone().with_certifications(vec![certification(&world, "https://certifier.example/b")]);
    let unreadable = none.clone().with_certifications(vec!["a.b.c".to_owned()]);
    for app in [&none, &other, &unreadable] {
        let error = client.register(&holder, &identity, app, None, &context).await.unwrap_err();
        assert_eq!(error.code(), "not-supported");
    }
    assert_eq!(world.http.sent().len(), before);

    let jwt = certification(&world, "https://certifier.example/a");
    let holding = none.with_certifications(vec![jwt.clone()]);
    let registered = client.register(&holder, &identity, &holding, None, &context).await.unwrap();
    assert!(String::from_utf8(world.http.last().body).unwrap().contains(&jwt), "it is sent as well");
    let registration = registered.registration.unwrap();
    assert!(holder.judge_for_client_credentials(Algorithm::Es256).is_ok(), "tokens need none");
    // Nor does a cancel, though the app has lost it in the meantime.
    world.http.always(REGISTRATION_URL, 200, r#"{"client_id": "c-1", "grant_types": []}"#);
    let bare = crate::testing::app();
    client.cancel(&holder, &identity, &bare, &registration, &context).await.unwrap();
}

/// A certification for that URI, signed by the server's key for want of a certifier.
fn certification(world: &World, uri: &str) -> String {
    let mut claims = Object::new();
    claims.insert("certification_uris", vec![uri]);
    let header = HeaderTemplate::new(world.server.key.algorithm()).x5c(&world.server.ders).build();
    sign(&header, claims.to_json().as_bytes(), world.server.key.as_ref()).unwrap()
}
