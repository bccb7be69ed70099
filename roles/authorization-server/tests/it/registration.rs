//! Registration, change and cancel.

use serde_json::{Value, json};
use tessera_authorization_server::RegistrationOutcome;
use tessera_authorization_server::audit::{AuditAction, AuditOutcome};
use tessera_authorization_server::context::RequestContext;
use tessera_authorization_server::registered::RegistrationStatus;
use tessera_trust::UnixTime;
use tessera_udap::ids::ClientUri;

use crate::pki::{Ca, p256, p384, rsa};
use crate::world::{APP, App, BLUE, NOW, Plan, World, code, community, group_name, scopes, told, url};

/// Shows: DCR-2, DCR-3, DCR-19, DCR-21, DCR-22
#[tokio::test]
async fn a_new_client_gets_its_registration_as_it_holds() {
    let world = World::new();
    let statement = world.app().statement().with("unknown_claim", "ignored");
    let answer = world.register(&statement).await.unwrap();
    assert_eq!(answer.outcome, RegistrationOutcome::Created);
    let response = serde_json::to_value(&answer.response).unwrap();
    assert_eq!(response["client_id"].as_str().unwrap().len(), 22);
    assert_eq!(response["client_name"], "Visiting App");
    assert_eq!(response["grant_types"], json!(["client_credentials"]));
    assert_eq!(response["scope"], "system/Patient.read system/Observation.read system/*.read");
    assert_eq!(response["contacts"], json!(["mailto:team@app.example"]));
    assert!(response["software_statement"].as_str().unwrap().contains('.'));
    for absent in ["iss", "sub", "aud", "exp", "iat", "jti", "logo_uri"] {
        assert!(response.get(absent).is_none(), "{absent}");
    }
    let record = world.audit.last();
    assert_eq!(record.action, AuditAction::RegistrationCreated);
    assert_eq!(record.outcome, AuditOutcome::Granted);
    assert!(record.client.proved);
    assert!(!record.notes.is_empty(), "a soft revocation policy is audited");
}

#[tokio::test]
async fn the_statement_is_returned_as_submitted() {
    let world = World::new();
    let jwt = world.app().statement().sign();
    let body = json!({"software_statement": jwt, "udap": "1"}).to_string();
    let answer = world.server.register(&group_name("main"), body.as_bytes(), &world.now()).await.unwrap();
    assert_eq!(answer.response.software_statement, jwt);
}

/// Shows: DCR-5, DCR-6, DCR-7, DCR-8, JWT-7, JWT-10, DCR-23, DCR-24
#[tokio::test]
async fn refuses_what_the_statement_does_not_prove() {
    let world = World::new();
    let good = world.app().statement();
    let two = json!([url("register/main"), url("x")]);
    let broken = [
        (good.clone().with("sub", "https://app.example/UDAP"), "sub-is-not-iss"),
        (good.clone().with("iss", "https://other.example/udap"), "sub-is-not-iss"),
        (good.clone().with("aud", url("r4/token")), "audience"),
        (good.clone().with("aud", url("register/annex")), "audience"),
        (good.clone().with("aud", url("register/main/")), "audience"),
        (good.clone().with("aud", url("register")), "audience"),
        (good.clone().with("aud", two), "audience"),
        (good.clone().with("exp", NOW + 301), "lifetime-too-long"),
        (good.clone().with("exp", (NOW + 300).to_string()), "claim-type"),
        (good.clone().with("exp", 1_800_000_300.5), "claim-type"),
        (good.clone().with("exp", NOW - 1), "exp-before-iat"),
        (good.clone().with("iat", NOW + 100), "not-yet-valid"),
        (good.clone().with("iat", NOW - 300).with("exp", NOW - 100), "expired"),
        (good.clone().without("exp"), "claim-missing"),
        (good.clone().without("iat"), "claim-missing"),
        (good.clone().without("jti"), "claim-missing"),
        (good.clone().with("jti", ""), "claim-value"),
        (good.clone().with("jti", 7), "claim-type"),
        (good.clone().without("iss"), "claim-missing"),
        (good.clone().signed_by(p256()), "bad-signature"),
    ];
    for (statement, reason) in broken {
        let refused = told(world.register(&statement).await);
        let expected = ("invalid_software_statement".to_owned(), reason);
        assert_eq!(refused, expected, "{}", statement.claims);
    }
    assert!(world.memory.state().registrations.is_empty());
    assert!(world.memory.state().spent.is_empty(), "nothing is remembered before all holds");
    for record in world.audit.records() {
        assert!(matches!(record.outcome, AuditOutcome::Refused(_)));
    }
}

/// Shows: DCR-4, JWT-10
#[tokio::test]
async fn refuses_statement_whose_iss_is_not_in_the_san() {
    let world = World::new();
    let identity = world.red.issue(&["https://App.example/udap", "https://app.example/udap/"], p256());
    let refused = code(world.register(&App::new(identity).statement()).await);
    assert_eq!(refused, "invalid_software_statement");
    let identity = world.red.issue(&["https://other.example", APP], p256());
    let accepted = world.register(&App::new(identity).statement()).await;
    assert!(accepted.is_ok(), "one match of several is enough");
}

/// Shows: DCR-18, DCR-24, CHAIN-1
#[tokio::test]
async fn a_certificate_of_no_community_is_unapproved() {
    let world = World::new();
    let stranger = App::new(Ca::new("Stranger").issue(&[APP], p256()));
    let (code, reason) = told(world.register(&stranger.statement()).await);
    assert_eq!((code.as_str(), reason), ("unapproved_software_statement", "no-path-to-anchor"));
    assert!(world.memory.state().spent.is_empty());
    let AuditOutcome::Refused(refusal) = world.audit.last().outcome else { panic!("was not refused") };
    assert!(refusal.evidence.iter().any(|(name, _)| *name == "community"));
    assert!(!world.audit.last().client.proved);
}

/// Shows: DCR-18, CHAIN-2
#[tokio::test]
async fn an_expired_certificate_is_unapproved() {
    let world = World::new();
    let app = App::new(world.red.issue_for(&[APP], p256(), 60));
    let late = app.statement().with("iat", NOW + 100).with("exp", NOW + 200);
    let (code, reason) = told(world.register_at("main", &late, &world.at(100)).await);
    assert_eq!((code.as_str(), reason), ("unapproved_software_statement", "expired"));
}

/// Shows: DCR-8, JWT-8, JWT-9
#[tokio::test]
async fn a_statement_is_good_once_and_its_jti_again_after_its_end() {
    let world = World::new();
    let statement = world.app().statement();
    world.register(&statement).await.unwrap();
    let (code, reason) = told(world.register(&statement).await);
    assert_eq!((code.as_str(), reason), ("invalid_software_statement", "jti-replayed"));
    let later = NOW + 500;
    let again = statement.with("iat", later).with("exp", later + 300);
    let answer = world.register_at("main", &again, &world.at(500)).await;
    assert_eq!(answer.unwrap().outcome, RegistrationOutcome::Changed);
}

#[tokio::test]
async fn a_member_of_another_community_cannot_burn_a_jti() {
    let world = World::new();
    let statement = world.app().statement();
    let twin = App::new(world.blue.issue(&[APP], p256()));
    let mut copy = twin.statement();
    copy.claims = statement.claims.clone();
    world.register(&copy).await.unwrap();
    assert_eq!(world.register(&statement).await.unwrap().outcome, RegistrationOutcome::Created);
}

/// Shows: DCR-17, DCR-23
#[tokio::test]
async fn refuses_bodies_that_are_no_registration() {
    let world = World::new();
    let jwt = world.app().statement().sign();
    for body in [
        json!({"software_statement": jwt}).to_string(),
        json!({"software_statement": jwt, "udap": "2"}).to_string(),
        json!({"software_statement": jwt, "udap": 1}).to_string(),
        json!({"udap": "1"}).to_string(),
        json!([jwt]).to_string(),
        format!("software_statement={jwt}&udap=1"),
        format!(r#"{{"software_statement":"{jwt}","software_statement":"{jwt}","udap":"1"}}"#),
        String::new(),
    ] {
        let refused = world.server.register(&group_name("main"), body.as_bytes(), &world.now()).await;
        assert_eq!(code(refused), "invalid_client_metadata", "{body}");
    }
    assert!(world.memory.state().spent.is_empty());
}

/// Shows: DCR-26, CERT-1
#[tokio::test]
async fn what_stands_beside_the_statement_is_ignored() {
    let world = World::new();
    let body = json!({
        "software_statement": world.app().statement().sign(),
        "udap": "1",
        "client_name": "Somebody Else",
        "scope": "system/*.write",
        "certifications": ["not.a.jwt"],
    });
    let answer = world.server.register(&group_name("main"), body.to_string().as_bytes(), &world.now()).await.unwrap();
    assert_eq!(answer.response.client_name, "Visiting App");
    assert!(answer.response.scope.iter().all(|scope| scope.as_str() != "system/*.write"));
}

/// Shows: DCR-9, DCR-11, DCR-13, DCR-15, DCR-16
#[tokio::test]
async fn refuses_metadata_that_break_a_rule() {
    let world = World::new();
    let good = world.app().statement();
    for statement in [
        good.clone().without("client_name"),
        good.clone().with("client_name", ""),
        good.clone().with("client_name", 5),
        good.clone().without("contacts"),
        good.clone().with("contacts", json!([])),
        good.clone().with("contacts", json!(["https://app.example"])),
        good.clone().with("contacts", json!(["mailto:"])),
        good.clone().with("grant_types", json!(["password"])),
        good.clone().with("grant_types", json!(["client_credentials", "refresh_token"])),
        good.clone().with("grant_types", json!(["refresh_token"])),
        good.clone().with("grant_types", json!(["client_credentials", "authorization_code"])),
        good.clone().with("grant_types", json!(["client_credentials", "client_credentials"])),
        good.clone().without("grant_types"),
        good.clone().with("token_endpoint_auth_method", "none"),
        good.clone().without("token_endpoint_auth_method"),
        good.clone().without("scope"),
        good.clone().with("scope", ""),
        good.clone().with("scope", "system/Patient.read \"quoted\""),
        good.clone().with("scope", "system/Unknown!"),
    ] {
        let refused = code(world.register(&statement).await);
        assert_eq!(refused, "invalid_client_metadata", "{}", statement.claims);
    }
    assert!(world.memory.state().registrations.is_empty());
}

#[tokio::test]
async fn the_code_grant_is_not_offered_yet() {
    let world = World::new();
    let statement = world
        .app()
        .statement()
        .with("grant_types", json!(["authorization_code", "refresh_token"]))
        .with("redirect_uris", json!(["https://app.example/back"]))
        .with("response_types", json!(["code"]))
        .with("logo_uri", "https://app.example/logo.png")
        .with("scope", "user/Patient.read");
    let (code, reason) = told(world.register(&statement).await);
    assert_eq!((code.as_str(), reason), ("invalid_client_metadata", "grant-not-offered"));
    assert_eq!(world.memory.state().spent.len(), 1, "it held, so its jti is spent");
    assert!(world.memory.state().registrations.is_empty());
}

/// Shows: DCR-20, DCR-29, SCOPE-4, SCOPE-7, SCOPE-8
#[tokio::test]
async fn scopes_are_negotiated() {
    let world = World::new();
    let good = world.app().statement();
    let mixed = "user/Patient.read system/Patient.read system/Practitioner.write user/*.read launch";
    let answer = world.register(&good.clone().with("scope", mixed)).await;
    assert_eq!(answer.unwrap().response.scope, scopes("system/Patient.read"));
    for nothing in ["system/Patient.write", "user/Patient.read openid", "system/Patient.read system/*.write"] {
        let good = world.app().statement();
        let refused = code(world.register(&good.with("scope", nothing)).await);
        assert_eq!(refused, "invalid_client_metadata", "{nothing}");
    }
}

/// Shows: SCOPE-5, META-20
#[tokio::test]
async fn a_policy_grants_some_clients_less() {
    let world = Plan::new()
        .with_policy(|policy| {
            policy.scope_grants.default = Some(scopes("system/Observation.read"));
            policy
                .scope_grants
                .by_client
                .insert(ClientUri::parse("https://friend.example").unwrap(), scopes("system/Patient.read"));
        })
        .start();
    let plain = world.register(&world.app().statement()).await.unwrap();
    assert_eq!(plain.response.scope, scopes("system/Observation.read"));
    let friend = App::new(world.red.issue(&["https://friend.example"], p256()));
    let friend = world.register(&friend.statement_of("https://friend.example")).await.unwrap();
    assert_eq!(friend.response.scope, scopes("system/Patient.read"));
}

/// Shows: JWT-13, META-18
#[tokio::test]
async fn only_the_community_s_algorithms_are_accepted() {
    let world = World::new();
    let es384 = App::new(world.red.issue(&[APP], p384()));
    assert_eq!(code(world.register(&es384.statement()).await), "invalid_software_statement");
    let rs256 = App::new(world.red.issue(&[APP], rsa()));
    assert!(world.register(&rs256.statement()).await.is_ok());
    // An algorithm that only another community of the group accepts does not pass for this one.
    let world = Plan::new()
        .with_policy(|policy| {
            policy.algorithms = [tessera_jose::algorithm::Algorithm::Rs256].into_iter().collect();
        })
        .start();
    let (code, reason) = told(world.register(&world.app().statement()).await);
    assert_eq!((code.as_str(), reason), ("invalid_software_statement", "algorithm-not-accepted"));
    let blue = App::new(world.blue.issue(&[APP], p256()));
    assert!(world.register(&blue.statement()).await.is_ok());
}

/// Shows: MOD-2, MOD-4, DCR-27
#[tokio::test]
async fn a_change_keeps_the_client_id_and_replaces_the_rest() {
    let world = World::new();
    let first = world.app().statement().with("logo_uri", "https://app.example/logo.png");
    let created = world.register(&first).await.unwrap().response;
    // A renewed certificate with another key, the same URI and community.
    let second = world.app().statement().with("client_name", "Renamed").with("scope", "system/Patient.read");
    let answer = world.register(&second).await.unwrap();
    assert_eq!(answer.outcome, RegistrationOutcome::Changed);
    assert_eq!(answer.response.client_id, created.client_id);
    assert_eq!(answer.response.client_name, "Renamed");
    assert_eq!(answer.response.scope, scopes("system/Patient.read"));
    assert_eq!(answer.response.logo_uri, None, "what is left out is gone");
    let stored = world.memory.state().registrations[0].clone();
    assert_eq!((stored.version, stored.tokens_from_version), (2, 2));
}

/// Shows: MOD-10
#[tokio::test]
async fn the_same_again_changes_nothing() {
    let world = World::new();
    let app = world.app();
    let created = world.register(&app.statement()).await.unwrap().response;
    let again = world.register(&app.statement()).await.unwrap();
    assert_eq!(again.outcome, RegistrationOutcome::Changed);
    assert_eq!(again.response.client_id, created.client_id);
    let stored = world.memory.state().registrations[0].clone();
    assert_eq!(stored.tokens_from_version, 1, "tokens of before live on");
}

/// Shows: MOD-3, CHAIN-7
#[tokio::test]
async fn the_same_uri_in_another_community_is_another_client() {
    let world = World::new();
    let red = world.client_id(&world.app().statement()).await;
    let twin = App::new(world.blue.issue(&[APP], p256()));
    let blue = world.register(&twin.statement()).await.unwrap();
    assert_eq!(blue.outcome, RegistrationOutcome::Created);
    assert_ne!(blue.response.client_id.as_str(), red);
    assert_eq!(world.audit.last().client.community, Some(community(BLUE)));
    let cancel = twin.statement().with("grant_types", json!([]));
    world.register(&cancel).await.unwrap();
    let state = world.memory.state();
    assert!(state.registrations[0].is_active(), "red is untouched");
    assert!(!state.registrations[1].is_active());
}

#[tokio::test]
async fn another_registration_endpoint_keeps_its_own_registrations() {
    let world = World::new();
    let app = world.registered().await;
    let elsewhere = app.statement().with("aud", url("register/annex"));
    let answer = world.register_at("annex", &elsewhere, &world.now()).await;
    assert_eq!(answer.unwrap().outcome, RegistrationOutcome::Created);
    let cancel = app.statement().with("aud", url("register/annex")).with("grant_types", json!([]));
    world.register_at("annex", &cancel, &world.now()).await.unwrap();
    assert!(world.token(&app.assertion()).await.is_ok());
    // A community that no base of the group serves is not trusted at its endpoint.
    let blue = App::new(world.blue.issue(&[APP], p256()));
    let statement = blue.statement().with("aud", url("register/annex"));
    let refused = world.register_at("annex", &statement, &world.now()).await;
    assert_eq!(code(refused), "unapproved_software_statement");
}

/// Shows: MOD-6, MOD-9
#[tokio::test]
async fn an_empty_list_of_grants_is_a_cancel() {
    let world = World::new();
    let app = world.registered().await;
    let cancel = || app.statement().with("grant_types", json!([]));
    let answer = world.register(&cancel()).await.unwrap();
    assert_eq!(answer.outcome, RegistrationOutcome::Cancelled);
    let response: Value = serde_json::to_value(&answer.response).unwrap();
    assert_eq!(response["grant_types"], json!([]));
    assert_eq!(response["client_id"], app.client_id);
    assert_eq!(told(world.token(&app.assertion()).await), ("invalid_client".to_owned(), "client-cancelled"));
    let (code, reason) = told(world.register(&cancel()).await);
    assert_eq!((code.as_str(), reason), ("invalid_client_metadata", "nothing-to-cancel"));
    let anew = world.register(&app.statement()).await.unwrap();
    assert_eq!(anew.outcome, RegistrationOutcome::Created);
    assert_ne!(anew.response.client_id.as_str(), app.client_id);
}

#[tokio::test]
async fn a_cancel_obeys_every_other_rule() {
    let world = World::new();
    let app = world.registered().await;
    let cancel = app.statement().with("grant_types", json!([]));
    for broken in
        [cancel.clone().with("aud", url("r4")), cancel.clone().with("exp", NOW + 301), cancel.clone().signed_by(p256())]
    {
        assert_eq!(code(world.register(&broken).await), "invalid_software_statement");
    }
    assert!(world.token(&app.assertion()).await.is_ok());
}

#[tokio::test]
async fn an_operator_s_block_outranks_change_and_cancel() {
    let world = World::new();
    let app = world.registered().await;
    let blocked = world.memory.state().registrations[0].blocked("fraud", UnixTime::from_secs(NOW));
    world.memory.state().registrations[0] = blocked;
    for statement in [app.statement(), app.statement().with("grant_types", json!([]))] {
        let (code, reason) = told(world.register(&statement).await);
        assert_eq!((code.as_str(), reason), ("unapproved_software_statement", "client-blocked"));
    }
    assert_eq!(told(world.token(&app.assertion()).await), ("invalid_client".to_owned(), "client-blocked"));
    let status = world.memory.state().registrations[0].status.clone();
    assert!(matches!(status, RegistrationStatus::Blocked { .. }));
}

#[tokio::test]
async fn a_store_that_fails_is_our_fault() {
    let world = World::new();
    world.memory.break_down();
    let refusal = world.register(&world.app().statement()).await.unwrap_err();
    assert!(refusal.class().is_ours());
    assert_eq!(refusal.error().code.as_str(), "temporarily_unavailable");
    assert!(!refusal.error().description.contains("disk"), "the inside stays inside");
    let AuditOutcome::Failed(record) = world.audit.last().outcome else { panic!("is a failure") };
    assert!(record.detail.contains("the disk is gone"));
}

#[tokio::test]
async fn an_unknown_group_is_not_found() {
    let world = World::new();
    let context: RequestContext = world.now();
    let refused = world.register_at("nowhere", &world.app().statement(), &context).await;
    assert_eq!(told(refused).1, "no-such-place");
}
