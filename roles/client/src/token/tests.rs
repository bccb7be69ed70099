use super::*;
use crate::testing::{
    BASE, HOUR, NOW, REGISTRATION_URL, TOKEN_URL, World, app, context, form_of, id, read, response, scopes, wish,
};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tessera_jose::json::{Object, Value};

const GRANTED: &str =
    r#"{"access_token": "abc", "token_type": "Bearer", "expires_in": 900, "scope": "system/Patient.rs"}"#;

/// A client that has discovered and registered.
async fn registered(world: &mut World) -> (Client, DataHolder, ClientRegistration) {
    let client = world.client();
    let holder = world.holder(&client).await;
    world.http.always(
        REGISTRATION_URL,
        201,
        r#"{"client_id": "c-1", "grant_types": ["client_credentials"], "scope": "system/Patient.rs"}"#,
    );
    let registered = client.register(&holder, &world.identity, &app(), None, &context()).await.unwrap();
    (client, holder, registered.registration.unwrap())
}

/// Answers each request with another token.
fn grant_new_tokens(world: &World) {
    let count = AtomicUsize::new(0);
    world.http.on(TOKEN_URL, move |_| {
        let number = count.fetch_add(1, Ordering::SeqCst);
        response(200, &GRANTED.replace("abc", &format!("token-{number}")))
    });
}

fn token_requests(world: &World) -> usize {
    world.http.urls().iter().filter(|url| *url == TOKEN_URL).count()
}

fn assertion_claims(assertion: &str) -> Object {
    let payload = tessera_jose::base64url_decode(assertion.split('.').nth(1).unwrap()).unwrap();
    read(std::str::from_utf8(&payload).unwrap())
}

/// Shows: DCR-1, AUTHN-1, AUTHN-2, AUTHN-3, AUTHN-6, AUTHN-7, TOKEN-2, B2B-2, JWT-11
#[tokio::test]
async fn asks_as_the_guide_wants_it() {
    let mut world = World::new();
    let (client, holder, registration) = registered(&mut world).await;
    world.http.always(TOKEN_URL, 200, GRANTED);
    let grant = client.token(&holder, &world.identity, &registration, &wish(), &context()).await.unwrap();
    assert_eq!(grant.token.reveal(), "abc");
    assert_eq!(grant.expires_at, NOW.plus(Duration::from_secs(900)));
    assert!(!format!("{grant:?}").contains("abc"));

    let request = world.http.last();
    assert!(request.headers.iter().all(|(name, _)| *name != "authorization"));
    let form = form_of(&request);
    let mut names: Vec<_> = form.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["client_assertion", "client_assertion_type", "grant_type", "scope", "udap"]);
    assert_eq!(form["grant_type"], "client_credentials");
    assert_eq!(form["scope"], "system/Patient.rs");
    assert_eq!(form["udap"], "1");
    assert_eq!(form["client_assertion_type"], "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");

    let claims = assertion_claims(&form["client_assertion"]);
    let now = i64::try_from(NOW.as_secs()).unwrap();
    assert_eq!(claims.required_str("iss"), Ok("c-1"));
    assert_eq!(claims.required_str("sub"), Ok("c-1"));
    assert_eq!(claims.required_str("aud"), Ok(TOKEN_URL));
    assert_eq!((claims.required_integer("iat"), claims.required_integer("exp")), (Ok(now), Ok(now + 300)));
    let b2b =
        claims.optional_object("extensions").unwrap().unwrap().optional_object(B2bExtension::NAME).unwrap().unwrap();
    assert_eq!(b2b.required_str("version"), Ok("1"));
    assert_eq!(b2b.required_str("organization_id"), Ok("https://clinic.example/org"));
    let jws = tessera_jose::jws::CompactJws::read(&form["client_assertion"]).unwrap();
    let x5c = jws.x5c().unwrap();
    let key = tessera_trust::Certificate::from_der(&x5c[0]).unwrap();
    let key = tessera_jose::key::VerificationKey::from_spki_der(key.spki_der()).unwrap();
    assert!(jws.verify(&key, &tessera_jose::algorithm::AlgorithmSet::ALL).is_ok());
}

/// Shows: TOKEN-9
#[tokio::test]
async fn a_token_is_used_in_its_own_context_only() {
    let mut world = World::new();
    let (client, holder, registration) = registered(&mut world).await;
    grant_new_tokens(&world);
    let identity = world.identity.clone();
    let ask =
        async |wish: &TokenWish| client.token(&holder, &identity, &registration, wish, &context()).await.unwrap().token;
    let first = ask(&wish()).await;
    assert_eq!(ask(&wish()).await, first, "the same context, the same token");
    assert_eq!(token_requests(&world), 1);

    let mut purpose = wish();
    purpose.context.purpose_of_use = vec!["urn:oid:2.16.840.1.113883.5.8#HPAYMT".to_owned()];
    let mut person = wish();
    person.context.subject_name = Some("Dr. Example".to_owned());
    let mut organization = wish();
    organization.context.organization_id = "https://clinic.example/other".to_owned();
    let mut scope = wish();
    scope.scope = scopes("system/Observation.rs");
    for other in [purpose, person, organization, scope] {
        assert_ne!(ask(&other).await, first);
    }
    assert_eq!(token_requests(&world), 5);
    assert_eq!(ask(&wish()).await, first);
    assert!(!format!("{:?}", client.tokens()).contains("Dr. Example"));
}

#[tokio::test]
async fn a_token_ends_before_its_time_and_with_its_registration() {
    let mut world = World::new();
    let (client, holder, registration) = registered(&mut world).await;
    grant_new_tokens(&world);
    let identity = world.identity.clone();
    let ask_at = async |seconds: u64| {
        let context = ActionContext { now: NOW.plus(Duration::from_secs(seconds)), ..context() };
        client.token(&holder, &identity, &registration, &wish(), &context).await.unwrap().token
    };
    let first = ask_at(0).await;
    assert_eq!(ask_at(884).await, first);
    let second = ask_at(885).await;
    assert_ne!(second, first);

    let kept = client.tokens().kept();
    assert_eq!(kept.len(), 1);
    let fresh = world.client();
    fresh.tokens().put_back(kept[0].clone(), NOW);
    let same = fresh.token(&holder, &identity, &registration, &wish(), &context()).await.unwrap();
    assert_eq!(same.token, second);

    world.http.always(REGISTRATION_URL, 200, r#"{"client_id": "c-1", "grant_types": []}"#);
    client.cancel(&holder, &identity, &app(), &registration, &context()).await.unwrap();
    assert!(client.tokens().kept().is_empty(), "a cancel forgets the tokens");
}

/// Shows: MOD-8
#[tokio::test]
async fn tokens_of_a_replaced_client_id_are_forgotten() {
    let mut world = World::new();
    let (client, holder, registration) = registered(&mut world).await;
    grant_new_tokens(&world);
    client.token(&holder, &world.identity, &registration, &wish(), &context()).await.unwrap();
    world.http.always(REGISTRATION_URL, 200, r#"{"client_id": "c-2", "grant_types": ["client_credentials"]}"#);
    let changed = client.register(&holder, &world.identity, &app(), Some(&registration), &context()).await.unwrap();
    assert!(client.tokens().kept().is_empty());
    let now = changed.registration.unwrap();
    client.token(&holder, &world.identity, &now, &wish(), &context()).await.unwrap();
    let claims = assertion_claims(&form_of(&world.http.last())["client_assertion"]);
    assert_eq!(claims.required_str("iss"), Ok("c-2"));
}

/// Shows: SCOPE-9
#[tokio::test]
async fn copes_with_other_scopes_than_asked_for() {
    let mut world = World::new();
    let (client, holder, registration) = registered(&mut world).await;
    world.http.always(TOKEN_URL, 200, &GRANTED.replace("Patient.rs", "Patient.r"));
    let grant = client.token(&holder, &world.identity, &registration, &wish(), &context()).await.unwrap();
    assert_eq!(grant.scope, scopes("system/Patient.r"));
    assert_eq!(grant.difference.missing, ["system/Patient.rs"]);
}

#[tokio::test]
async fn an_answer_that_is_none_is_refused() {
    let mut world = World::new();
    let (client, holder, registration) = registered(&mut world).await;
    let bodies = [
        "".to_owned(),
        "{}".to_owned(),
        GRANTED.replace("\"abc\"", "\"\""),
        GRANTED.replace("\"abc\"", "7"),
        GRANTED.replace("abc", "a b"),
        GRANTED.replace("abc", "a\\r\\nx: y"),
        GRANTED.replace("Bearer", "DPoP"),
        GRANTED.replace("900", "0"),
        GRANTED.replace("900", "-1"),
        GRANTED.replace("900", "\"900\""),
        GRANTED.replace("900", "9.5"),
        GRANTED.replace("\"system/Patient.rs\"", "null"),
        GRANTED.replacen('{', r#"{"access_token": "evil","#, 1),
    ];
    for body in bodies {
        world.http.always(TOKEN_URL, 200, &body);
        let error = client.token(&holder, &world.identity, &registration, &wish(), &context()).await.unwrap_err();
        assert_eq!(error.code(), "answer-invalid", "{body}");
    }
    assert!(client.tokens().kept().is_empty());
}

#[tokio::test]
async fn what_the_guide_does_not_allow_is_cut_and_noted() {
    let mut world = World::new();
    let (client, holder, registration) = registered(&mut world).await;
    let body = GRANTED.replace("900", "86400").replacen('{', r#"{"refresh_token": "r","#, 1);
    world.http.always(TOKEN_URL, 200, &body);
    let grant = client.token(&holder, &world.identity, &registration, &wish(), &context()).await.unwrap();
    assert_eq!(grant.expires_at, NOW.plus(HOUR));
    assert_eq!(grant.notes.len(), 2);
}

#[tokio::test]
async fn refusals_keep_their_code_and_are_not_remembered_as_tokens() {
    let mut world = World::new();
    let (client, holder, registration) = registered(&mut world).await;
    for (status, code) in
        [(401, "invalid_client"), (400, "invalid_grant"), (400, "invalid_scope"), (503, "temporarily_unavailable")]
    {
        world.http.always(TOKEN_URL, status, &format!(r#"{{"error": "{code}"}}"#));
        let error = client.token(&holder, &world.identity, &registration, &wish(), &context()).await.unwrap_err();
        assert_eq!(error.code(), code);
        assert!(!error.advice().is_empty());
    }
    assert!(client.tokens().kept().is_empty());
}

/// Shows: SCOPE-2
#[tokio::test]
async fn what_could_not_succeed_is_not_sent() {
    let mut world = World::new();
    let (client, holder, registration) = registered(&mut world).await;
    world.http.always(TOKEN_URL, 200, GRANTED);
    let mut wildcard = wish();
    wildcard.scope = scopes("system/*.read");
    let mut nothing = wish();
    nothing.scope = ScopeSet::default();
    for (wish, code) in [(wildcard, "wildcard-not-supported"), (nothing, "request-invalid")] {
        let error = client.token(&holder, &world.identity, &registration, &wish, &context()).await.unwrap_err();
        assert_eq!(error.code(), code);
    }
    let mut other = registration.to_object();
    other.insert("registration_endpoint", "https://other.example/register");
    let other = ClientRegistration::from_object(&other).unwrap();
    let error = client.token(&holder, &world.identity, &other, &wish(), &context()).await.unwrap_err();
    assert_eq!(error.code(), "other-registration");
    let mut third = registration.to_object();
    third.insert("community", Value::from("urn:third"));
    let third = ClientRegistration::from_object(&third).unwrap();
    let error = client.token(&holder, &world.identity, &third, &wish(), &context()).await.unwrap_err();
    assert_eq!(error.code(), "no-membership");
    assert_eq!(token_requests(&world), 0);
    assert_eq!(registration.community(), &id(crate::testing::ONE));
    assert_eq!(registration.base().as_str(), BASE);
}
