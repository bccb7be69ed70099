//! What is refused at the gateway and never reaches the server behind.

use super::*;

/// Shows: TOKEN-10
#[tokio::test]
async fn a_base_gives_data_for_its_purposes_only() {
    let r4 = format!("purposes_of_use = [{TREAT:?}]");
    let clinic = Clinic::over(Upstream::sample().await, WorldOptions { r4, ..WorldOptions::default() }).await;
    for (purposes, status) in [(json!([TREAT]), 200), (json!([HPAYMT]), 403), (json!([TREAT, HPAYMT]), 403)] {
        let assertion =
            clinic.world.assertion(&clinic.member, &clinic.client_id).b2b("purpose_of_use", purposes.clone());
        let token = clinic.world.token(&assertion.sign(&clinic.member.key), "system/Patient.rs").await.json();
        let before = clinic.upstream.seen().len();
        let answer = clinic.get(token["access_token"].as_str().unwrap(), "/Patient/p01").await;
        assert_eq!(answer.status, status, "{purposes}");
        if status == 403 {
            assert_eq!(refused(&answer, 403), "forbidden");
            assert_eq!(clinic.upstream.seen().len(), before, "{purposes}");
            assert_eq!(clinic.world.audit_of(&answer).await["outcomeDesc"], "purpose");
        }
    }
}

#[tokio::test]
async fn what_is_not_understood_is_refused_and_never_forwarded() {
    let clinic = Clinic::start().await;
    let token = clinic.token("system/Patient.cruds system/*.rs").await;
    for (target, status) in [
        ("/Patient/p01/$everything", 403),
        ("/Patient/$match", 403),
        ("/$export", 403),
        ("/Patient?_include=Patient:general-practitioner", 403),
        ("/Patient?_revinclude=Observation:subject", 403),
        ("/Patient?_has:Observation:patient:code=1", 403),
        ("/Observation?subject.name=peter", 403),
        ("/Observation?subject:Patient.name=peter", 403),
        ("/Patient/p01/Observation", 403),
        ("/Patient/_history", 403),
        ("/_history", 403),
        ("", 403),
        ("/Patient?_format=xml", 406),
        ("/Patient?_unknown=1", 400),
        ("/Patient/%2e%2e", 400),
        ("/Patient/%2e%2e/%2e%2e/metadata", 400),
        ("/Patient%2Fp01", 400),
        ("/Patient/p01%2F_history", 400),
        ("/Patient/p01%00", 400),
        ("//Patient/p01", 400),
        ("/Nonsense/1", 404),
        ("/patient/p01", 404),
        ("/Patient/p01/x", 404),
    ] {
        let _ = refused(&clinic.get(&token, target).await, status);
    }
    let transaction = json!({"resourceType": "Bundle", "type": "transaction", "entry": [
        {"request": {"method": "DELETE", "url": "Patient/p01"}},
    ]});
    let _ = refused(&clinic.write(&token, "POST", "", &transaction).await, 403);
    let _ = refused(&clinic.write(&token, "POST", "/", &transaction).await, 403);
    let _ = refused(&clinic.write(&token, "PUT", "/Patient?identifier=1", &patient(None, "X")).await, 403);
    let _ = refused(&clinic.write(&token, "PATCH", "/Patient/p01", &json!([])).await, 405);
    let create = Request::new("POST", "/fhir/r4/Patient").bearer(&token).header("Content-Type", FHIR_JSON);
    let create = create.body(patient(None, "X").to_string()).header("If-None-Exist", "identifier=1");
    let _ = refused(&clinic.world.send(&create).await, 403);
    let overriding = Request::get("/fhir/r4/Patient/p01").bearer(&token).header("X-HTTP-Method-Override", "DELETE");
    let _ = refused(&clinic.world.send(&overriding).await, 400);
    assert_eq!(clinic.upstream.seen(), Vec::<String>::new());
}

#[tokio::test]
async fn without_a_token_there_is_a_challenge_and_nothing_else() {
    let clinic = Clinic::start().await;
    let token = clinic.token("system/Patient.rs").await;
    let forged = format!("{}x", &token[..token.len() - 4]);
    let ask = |authorization: Option<String>| {
        let request = Request::get("/fhir/r4/Patient/p01");
        match authorization {
            Some(value) => request.header("Authorization", &value),
            None => request,
        }
    };
    for (authorization, error) in [
        (None, None),
        (Some("Basic YXBwOnNlY3JldA==".to_owned()), None),
        (Some("Digest username=x".to_owned()), None),
        (Some("Bearer".to_owned()), None),
        (Some("Bearer abc".to_owned()), Some("invalid_token")),
        (Some(format!("Bearer {forged}")), Some("invalid_token")),
    ] {
        let answer = clinic.world.send(&ask(authorization.clone())).await;
        assert_eq!(refused(&answer, 401), "login", "{authorization:?}");
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.starts_with(&format!("Bearer realm=\"{R4}\"")), "{challenge}");
        let named = error.map(|error| format!("error=\"{error}\""));
        assert_eq!(challenge.contains("error="), named.is_some(), "{authorization:?}: {challenge}");
        assert!(named.is_none_or(|named| challenge.contains(&named)), "{authorization:?}: {challenge}");
    }
    // A token of this node for another base.
    let other = Request::get("/fhir/r4b/Patient/p01").bearer(&token);
    let _ = refused(&clinic.world.send(&other).await, 401);
    // Twice, and in the query, where logs keep it.
    let twice = Request::get("/fhir/r4/Patient/p01").bearer(&token).bearer(&token);
    let _ = refused(&clinic.world.send(&twice).await, 400);
    let _ = refused(&clinic.get(&token, &format!("/Patient/p01?access_token={token}")).await, 400);
    assert_eq!(clinic.upstream.seen(), Vec::<String>::new());
}
