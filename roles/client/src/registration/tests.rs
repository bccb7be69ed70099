use super::*;
use crate::testing::{
    BASE, CLIENT_URI, HOUR, NOW, ONE, REGISTRATION_URL, TWO, World, app, context, id, membership, read, response,
    scopes,
};
use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use tessera_jose::algorithm::AlgorithmSet;
use tessera_udap::ids::ClientUri;
use tessera_udap::signed::Unverified;
use tessera_udap::software_statement::SoftwareStatement;

const REGISTERED: &str = r#"{"client_id": "c-1", "software_statement": "x", "grant_types": ["client_credentials"],
    "scope": "system/Patient.rs system/Observation.rs"}"#;

/// The statements that were sent, as the claims and the subject of the first certificate.
fn statements(world: &World) -> Vec<Object> {
    let posts = world.http.sent().into_iter().filter(|request| request.url == REGISTRATION_URL);
    posts
        .map(|request| {
            let body = read(std::str::from_utf8(&request.body).unwrap());
            let jwt = body.required_str("software_statement").unwrap();
            Unverified::<SoftwareStatement>::read(jwt).unwrap().check_signature(&AlgorithmSet::default()).unwrap();
            let payload = tessera_jose::base64url_decode(jwt.split('.').nth(1).unwrap()).unwrap();
            read(std::str::from_utf8(&payload).unwrap())
        })
        .collect()
}

/// Shows: DCR-3, DCR-5, DCR-6, DCR-17
#[tokio::test]
async fn sends_a_signed_statement_as_the_guide_wants_it() {
    let mut world = World::new();
    let client = world.client();
    let holder = world.holder(&client).await;
    world.http.always(REGISTRATION_URL, 201, REGISTERED);
    let registered = client.register(&holder, &world.identity, &app(), None, &context()).await.unwrap();
    let registration = registered.registration.unwrap();
    assert_eq!(registration.client_id().as_str(), "c-1");
    assert_eq!(registration.community(), &id(ONE));
    assert!(registered.scope.is_none() && registered.notes.is_empty());

    let request = world.http.last();
    assert!(request.headers.contains(&("content-type", "application/json".to_owned())));
    let body = read(std::str::from_utf8(&request.body).unwrap());
    assert_eq!(body.required_str("udap"), Ok("1"));
    assert!(!body.contains("certifications"));

    let claims = statements(&world).remove(0);
    let now = i64::try_from(NOW.as_secs()).unwrap();
    assert_eq!(claims.required_str("iss"), Ok(CLIENT_URI));
    assert_eq!(claims.required_str("sub"), Ok(CLIENT_URI));
    assert_eq!(claims.required_str("aud"), Ok(REGISTRATION_URL));
    assert_eq!(claims.required_integer("iat"), Ok(now));
    assert_eq!(claims.required_integer("exp"), Ok(now + 300));
    assert_eq!(claims.required_strings("grant_types"), Ok(vec!["client_credentials"]));
    assert_eq!(claims.required_str("token_endpoint_auth_method"), Ok("private_key_jwt"));
    assert!(!claims.contains("redirect_uris") && !claims.contains("response_types"));
}

#[tokio::test]
async fn what_would_be_refused_is_not_sent() {
    let mut world = World::new();
    let client = world.client();
    let holder = world.holder(&client).await;
    let before = world.http.sent().len();
    let no_mail = AppDescription::new("App", vec!["https://app.example".to_owned()], scopes("system/Patient.rs"));
    let no_name = AppDescription::new("", vec!["mailto:a@app.example".to_owned()], scopes("system/Patient.rs"));
    let bad_logo = app().with_logo("http://app.example/logo.png");
    for app in [no_mail, no_name, bad_logo] {
        let error = client.register(&holder, &world.identity, &app, None, &context()).await.unwrap_err();
        assert_eq!(error.code(), "request-invalid");
    }
    let late = ActionContext { now: NOW.plus(2000 * HOUR), ..context() };
    let error = client.register(&holder, &world.identity, &app(), None, &late).await.unwrap_err();
    assert_eq!(error.code(), "own-certificate-not-valid");
    assert_eq!(world.http.sent().len(), before);
}

/// Shows: SCOPE-2
#[tokio::test]
async fn a_wildcard_is_asked_for_only_where_wildcards_are_listed() {
    let mut world = World::new();
    let client = world.client();
    world.http.always(REGISTRATION_URL, 201, REGISTERED);
    let wild = AppDescription::new("App", vec!["mailto:a@app.example".to_owned()], scopes("system/*.rs"));
    let holder = world.holder(&client).await;
    let before = world.http.sent().len();
    let error = client.register(&holder, &world.identity, &wild, None, &context()).await.unwrap_err();
    assert_eq!(error.code(), "wildcard-not-supported");
    assert!(!error.advice().is_empty());
    let unlisted = world.holder_with(&client, |document| drop(document.remove("scopes_supported"))).await;
    assert!(client.register(&unlisted, &world.identity, &wild, None, &context()).await.is_err());
    assert_eq!(world.http.sent().len(), before + 1, "only the metadata were asked for");

    let holder =
        world.holder_with(&client, |document| drop(document.insert("scopes_supported", vec!["system/*.read"]))).await;
    assert!(client.register(&holder, &world.identity, &wild, None, &context()).await.is_ok());
}

/// Shows: SCOPE-9
#[tokio::test]
async fn copes_with_other_scopes_than_asked_for() {
    let mut world = World::new();
    let client = world.client();
    let holder = world.holder(&client).await;
    for (scope, missing, added) in [
        ("system/Patient.rs", vec!["system/Observation.rs"], vec![]),
        ("system/Patient.rs system/Observation.rs system/Condition.rs", vec![], vec!["system/Condition.rs"]),
        ("system/Patient.r", vec!["system/Patient.rs", "system/Observation.rs"], vec!["system/Patient.r"]),
    ] {
        world.http.always(REGISTRATION_URL, 201, &REGISTERED.replace("system/Patient.rs system/Observation.rs", scope));
        let registered = client.register(&holder, &world.identity, &app(), None, &context()).await.unwrap();
        assert_eq!(registered.scope.missing, missing);
        assert_eq!(registered.scope.added, added);
        assert_eq!(registered.registration.unwrap().scope().to_string(), scope);
    }
    world.http.always(REGISTRATION_URL, 201, r#"{"client_id": "c-1"}"#);
    let silent = client.register(&holder, &world.identity, &app(), None, &context()).await.unwrap();
    assert_eq!(silent.registration.unwrap().scope(), app().scope());
    assert_eq!(silent.notes.len(), 3);
}

#[tokio::test]
async fn an_answer_that_is_none_is_refused() {
    let mut world = World::new();
    let client = world.client();
    let holder = world.holder(&client).await;
    let doubled = REGISTERED.replacen('{', r#"{"client_id": "evil","#, 1);
    for body in ["", "[]", "{}", r#"{"client_id": ""}"#, r#"{"client_id": 7}"#, r#"{"client_id": null}"#, &doubled] {
        world.http.always(REGISTRATION_URL, 201, body);
        let error = client.register(&holder, &world.identity, &app(), None, &context()).await.unwrap_err();
        assert_eq!(error.code(), "answer-invalid", "{body}");
    }
    for status in [202, 204, 302, 500] {
        world.http.always(REGISTRATION_URL, status, REGISTERED);
        assert_eq!(
            client.register(&holder, &world.identity, &app(), None, &context()).await.unwrap_err().code(),
            "refused"
        );
    }
}

/// Shows: DCR-25, JWT-8
#[tokio::test]
async fn tries_the_other_communitys_certificate_once_and_then_stops() {
    let mut world = World::new();
    let client = world.client();
    let holder = world.holder(&client).await;
    world.http.always(REGISTRATION_URL, 400, r#"{"error": "unapproved_software_statement"}"#);
    let error = client.register(&holder, &world.identity, &app(), None, &context()).await.unwrap_err();
    assert_eq!(error.code(), "unapproved_software_statement");
    let sent = statements(&world);
    assert_eq!(sent.len(), 2, "each certificate once");
    let ids: HashSet<_> = sent.iter().map(|claims| claims.required_str("jti").unwrap().to_owned()).collect();
    assert_eq!(ids.len(), 2, "no jti twice");

    let first = Mutex::new(true);
    world.http.on(REGISTRATION_URL, move |_| {
        let was_first = std::mem::replace(&mut *first.lock().unwrap(), false);
        if was_first {
            response(400, r#"{"error": "unapproved_software_statement"}"#)
        } else {
            response(201, REGISTERED)
        }
    });
    let registered = client.register(&holder, &world.identity, &app(), None, &context()).await.unwrap();
    assert_eq!(registered.registration.unwrap().community(), &id(TWO));
}

/// Shows: DCR-25
#[tokio::test]
async fn no_refusal_but_that_one_is_tried_again() {
    let mut world = World::new();
    let client = world.client();
    let holder = world.holder(&client).await;
    for body in
        [r#"{"error": "invalid_software_statement"}"#, r#"{"error": "invalid_client_metadata"}"#, "", "not json"]
    {
        let before = world.http.sent().len();
        world.http.always(REGISTRATION_URL, 400, body);
        let error = client.register(&holder, &world.identity, &app(), None, &context()).await.unwrap_err();
        assert!(!error.advice().is_empty());
        assert_eq!(world.http.sent().len(), before + 1, "{body}");
    }
    let single = ClientIdentity::new(world.identity.uri().clone(), world.identity.memberships()[..1].to_vec()).unwrap();
    world.http.always(REGISTRATION_URL, 400, r#"{"error": "unapproved_software_statement"}"#);
    let before = world.http.sent().len();
    assert!(client.register(&holder, &single, &app(), None, &context()).await.is_err());
    assert_eq!(world.http.sent().len(), before + 1, "not again with the same certificate");
}

#[tokio::test]
async fn a_refusal_carries_what_the_server_said_made_fit_to_show() {
    let mut world = World::new();
    let client = world.client();
    let holder = world.holder(&client).await;
    let mut answer = response(400, r#"{"error": "invalid_client_metadata", "error_description": "no\u001b[2J"}"#);
    answer.headers.push(("x-correlation-id".to_owned(), "abc-123".to_owned()));
    world.http.on(REGISTRATION_URL, move |_| answer.clone());
    let error = client.register(&holder, &world.identity, &app(), None, &context()).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("invalid_client_metadata") && text.contains("abc-123") && !text.contains('\x1b'), "{text}");
}

/// Shows: MOD-8
#[tokio::test]
async fn a_new_client_id_replaces_the_old_one() {
    let mut world = World::new();
    let client = world.client();
    let holder = world.holder(&client).await;
    world.http.always(REGISTRATION_URL, 201, REGISTERED);
    let first =
        client.register(&holder, &world.identity, &app(), None, &context()).await.unwrap().registration.unwrap();
    world.http.always(REGISTRATION_URL, 200, REGISTERED);
    let same = client.register(&holder, &world.identity, &app(), Some(&first), &context()).await.unwrap();
    assert!(same.replaced.is_none());
    world.http.always(REGISTRATION_URL, 200, &REGISTERED.replace("c-1", "c-2"));
    let changed = client.register(&holder, &world.identity, &app(), Some(&first), &context()).await.unwrap();
    assert_eq!(changed.replaced.as_ref(), Some(&first));
    assert_eq!(changed.registration.unwrap().client_id().as_str(), "c-2");
}

/// Shows: DCR-20
#[tokio::test]
async fn another_grant_than_asked_for_is_no_registration() {
    let mut world = World::new();
    let client = world.client();
    let holder = world.holder(&client).await;
    for (grants, code) in [
        (r#"["authorization_code"]"#, Some("answer-invalid")),
        (r#"["authorization_code", "refresh_token"]"#, Some("answer-invalid")),
        (r#""client_credentials""#, Some("answer-invalid")),
        (r#"["client_credentials"]"#, None),
    ] {
        world.http.always(REGISTRATION_URL, 201, &REGISTERED.replace(r#"["client_credentials"]"#, grants));
        let answered = client.register(&holder, &world.identity, &app(), None, &context()).await;
        assert_eq!(answered.err().map(|error| error.code().to_owned()).as_deref(), code, "{grants}");
    }
    let more = REGISTERED.replace(r#"["client_credentials"]"#, r#"["client_credentials", "authorization_code"]"#);
    world.http.always(REGISTRATION_URL, 201, &more);
    let registered = client.register(&holder, &world.identity, &app(), None, &context()).await.unwrap();
    assert!(registered.notes.iter().any(|note| note.contains("authorization_code")), "{:?}", registered.notes);
}

/// Shows: MOD-7
#[tokio::test]
async fn a_cancel_is_confirmed_by_empty_grant_types() {
    let mut world = World::new();
    let client = world.client();
    let holder = world.holder(&client).await;
    world.http.always(REGISTRATION_URL, 201, REGISTERED);
    let registration =
        client.register(&holder, &world.identity, &app(), None, &context()).await.unwrap().registration.unwrap();
    assert!(client.cancel(&holder, &world.identity, &app(), &registration, &context()).await.is_err(), "not confirmed");

    world.http.always(REGISTRATION_URL, 200, r#"{"client_id": "c-1", "grant_types": []}"#);
    client.cancel(&holder, &world.identity, &app(), &registration, &context()).await.unwrap();
    let sent = statements(&world).pop().unwrap();
    assert_eq!(sent.required_strings("grant_types"), Ok(vec![]));
    assert!(sent.contains("client_name") && sent.contains("contacts") && sent.contains("scope"));

    let registered = client.register(&holder, &world.identity, &app(), Some(&registration), &context()).await.unwrap();
    assert!(registered.registration.is_none(), "an empty grant_types is a cancel whatever was asked");
}

/// Shows: DCR-28
#[test]
fn an_identity_has_one_uri_that_all_its_certificates_carry() {
    let world = World::new();
    let uri = ClientUri::parse(CLIENT_URI).unwrap();
    let other = membership(&world.two, "https://app.example/Visitor");
    let good = membership(&world.one, CLIENT_URI);
    assert!(ClientIdentity::new(uri.clone(), vec![good.clone(), other]).is_err());
    assert!(ClientIdentity::new(uri.clone(), vec![good.clone(), membership(&world.one, CLIENT_URI)]).is_err());
    assert!(ClientIdentity::new(uri.clone(), vec![]).is_err());
    assert!(ClientIdentity::new(uri, vec![good]).is_ok());
    let stranger: Arc<dyn tessera_jose::key::SigningKey> =
        Arc::new(tessera_jose::key::SoftwareKey::generate(tessera_jose::key::KeyKind::P256).unwrap());
    let chain = world.identity.memberships()[0].chain().clone();
    assert!(Membership::new(id(ONE), chain, stranger).is_err());
}

#[tokio::test]
async fn a_record_survives_being_kept() {
    let mut world = World::new();
    let client = world.client();
    let holder = world.holder(&client).await;
    world.http.always(REGISTRATION_URL, 201, REGISTERED);
    let registration =
        client.register(&holder, &world.identity, &app(), None, &context()).await.unwrap().registration.unwrap();
    assert_eq!(registration.base().as_str(), BASE);
    let kept = read(&registration.to_object().to_json());
    assert_eq!(ClientRegistration::from_object(&kept).unwrap(), registration);
    for name in ["base", "registration_endpoint", "community", "client_uri", "client_id", "scope"] {
        let mut broken = kept.clone();
        broken.insert(name, 7);
        assert!(ClientRegistration::from_object(&broken).is_err(), "{name}");
    }
}
