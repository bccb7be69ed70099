//! What the UDAP metadata say, word for word, and whether it is true.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tessera_jose::algorithm::Algorithm;
use tessera_jose::json::{Limits, read_object};
use tessera_trust::Certificate;

use crate::support::forge::{decode, now};
use crate::support::pki::{MemberOptions, TestCommunity, elm, key_for, oak};
use crate::support::world::{ORIGIN, R4, metadata_target, token_form};
use crate::support::{ELM, Jwt, Member, OAK, Request, World, WorldOptions};

const APP: &str = "https://app.example/client";
const SCOPE: &str = "system/Patient.rs";

/// A document by the strict reader, which refuses a member that is there twice.
async fn metadata(world: &World, base: &str, community: &str) -> Value {
    let answer = world.get(&metadata_target(base, community)).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    read_object(&answer.body, &Limits::new(64 * 1024)).unwrap();
    answer.json()
}

/// Reads `signed_metadata` as a stranger would who trusts one root: header, signature, path, names.
fn verify(jwt: &str, base: &str, community: &TestCommunity) -> Result<Value, &'static str> {
    let (header, claims) = decode(jwt);
    let (signed, signature) = jwt.rsplit_once('.').unwrap();
    let path: Vec<Certificate> = header["x5c"]
        .as_array()
        .ok_or("x5c is not an array")?
        .iter()
        .map(|text| Certificate::from_der(&STANDARD.decode(text.as_str().unwrap()).unwrap()).unwrap())
        .collect();
    if header["alg"] != "RS256" {
        return Err("alg is not RS256");
    }
    let key = aws_lc_rs::signature::UnparsedPublicKey::new(
        &aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA256,
        path[0].spki_der(),
    );
    key.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).map_err(|_| "signature")?;
    let root = Certificate::from_der(community.root.certificate()).unwrap();
    if !path.windows(2).all(|pair| pair[0].is_signed_by(&pair[1])) {
        return Err("x5c is not a path");
    }
    if !path.last().unwrap().is_signed_by(&root) {
        return Err("x5c does not end in the anchor");
    }
    if !path[0].uri_names().iter().any(|name| name == base) || claims["iss"] != base {
        return Err("iss is not the base that the leaf names");
    }
    Ok(claims)
}

/// Shows: META-1, META-2, META-3, META-5, META-6, META-7, META-8, META-9, META-10, META-11, META-12, META-14, META-15, META-16, META-17, META-18, META-19, DISC-3, DISC-10, SCOPE-10
#[tokio::test]
async fn the_document_is_this_one_and_nothing_more() {
    let world = World::start().await;
    for (name, community) in [("r4", ELM), ("r4", OAK), ("r4b", ELM)] {
        let mut document = metadata(&world, name, community).await;
        let signed = document.as_object_mut().unwrap().remove("signed_metadata").unwrap();
        assert_eq!(signed.as_str().unwrap().split('.').count(), 3);
        let algorithms = ["RS256", "ES256", "RS384", "ES384"];
        assert_eq!(
            document,
            json!({
                "udap_versions_supported": ["1"],
                "udap_profiles_supported": ["udap_dcr", "udap_authn", "udap_authz"],
                "udap_authorization_extensions_supported": ["hl7-b2b"],
                "udap_authorization_extensions_required": ["hl7-b2b"],
                "udap_certifications_supported": [],
                "grant_types_supported": ["client_credentials"],
                "scopes_supported": [
                    "system/Patient.rs", "system/Patient.read", "system/Patient.cruds", "system/Observation.rs",
                    "system/*.rs", "system/*.read",
                ],
                "token_endpoint": format!("{ORIGIN}/oauth/{name}/token"),
                "token_endpoint_auth_methods_supported": ["private_key_jwt"],
                "token_endpoint_auth_signing_alg_values_supported": algorithms,
                "registration_endpoint": format!("{ORIGIN}/oauth/main/register"),
                "registration_endpoint_jwt_signing_alg_values_supported": algorithms,
            })
        );
    }
}

/// Shows: SMD-1, SMD-2, SMD-3, SMD-4, SMD-7, COMM-4, META-14, META-17, META-19
#[tokio::test]
async fn the_signed_part_holds_for_a_stranger_who_trusts_that_community() {
    let world = World::start().await;
    for (name, base) in [("r4", R4.to_owned()), ("r4b", format!("{R4}b"))] {
        for (community, mine, other) in [(ELM, elm(), oak()), (OAK, oak(), elm())] {
            let document = metadata(&world, name, community).await;
            let jwt = document["signed_metadata"].as_str().unwrap();
            assert_eq!(verify(jwt, &base, other), Err("x5c does not end in the anchor"), "{community}");
            let claims = verify(jwt, &base, mine).unwrap();
            assert_eq!(
                claims.as_object().unwrap().keys().map(String::as_str).collect::<BTreeSet<_>>(),
                BTreeSet::from(["iss", "sub", "iat", "exp", "jti", "token_endpoint", "registration_endpoint"])
            );
            assert_eq!((&claims["iss"], &claims["sub"]), (&json!(base), &json!(base)));
            for endpoint in ["token_endpoint", "registration_endpoint"] {
                assert_eq!(claims[endpoint], document[endpoint]);
            }
            let (iat, exp) = (claims["iat"].as_u64().unwrap(), claims["exp"].as_u64().unwrap());
            assert!(iat <= now() && now() < exp && exp - iat <= 365 * 24 * 3600, "{iat} {exp}");
            assert!(claims["jti"].as_str().is_some_and(|jti| jti.len() >= 16));
        }
    }
}

/// A world in which elm lists these algorithms, and what its metadata say of them.
async fn world_with(algorithms: &[&str]) -> World {
    let elm = format!(
        "scopes = [\"system/Patient.rs\", \"system/Observation.rs\"]\nalgorithms = {}",
        serde_json::to_string(algorithms).unwrap()
    );
    let world = World::start_with(WorldOptions { elm: Some(elm), ..WorldOptions::default() }).await;
    let document = metadata(&world, "r4", ELM).await;
    for member in ["token_endpoint_auth_signing_alg_values", "registration_endpoint_jwt_signing_alg_values"] {
        assert_eq!(document[format!("{member}_supported")], json!(algorithms));
    }
    world
}

fn member_of(algorithm: Algorithm) -> Member {
    elm().member_with(key_for(algorithm), &MemberOptions::new(APP))
}

const LISTS: [&[&str]; 4] =
    [&["RS256"], &["RS256", "ES256"], &["RS256", "RS384", "ES384"], &["RS256", "ES256", "RS384", "ES384"]];

/// Shows: META-16, JWT-2, JWT-3, JWT-4, JWT-13, DISC-4
#[tokio::test]
async fn each_listed_algorithm_authenticates_and_no_other() {
    for listed in LISTS.map(sorted) {
        let world = world_with(&listed).await;
        let client_id = world.registered(&member_of(Algorithm::Rs256)).await;
        for algorithm in Algorithm::ALL {
            let member = member_of(algorithm);
            let jwt = world.assertion(&member, &client_id);
            assert_eq!(jwt.header["alg"], algorithm.as_str());
            let answer = world.token(&jwt.sign(&member.key), SCOPE).await;
            if listed.contains(&algorithm.as_str()) {
                assert_eq!(answer.status, 200, "{algorithm} of {listed:?}: {}", answer.text());
            } else {
                answer.assert_refused(401, "invalid_client");
            }
        }
    }
}

/// Shows: META-18, JWT-2, JWT-3, JWT-4, JWT-13, DISC-4
#[tokio::test]
async fn each_listed_algorithm_registers_and_no_other() {
    for listed in LISTS.map(sorted) {
        let world = world_with(&listed).await;
        for algorithm in Algorithm::ALL {
            let member = member_of(algorithm);
            let answer = world.register(&world.statement(&member).sign(&member.key)).await;
            if listed.contains(&algorithm.as_str()) {
                assert!([200, 201].contains(&answer.status), "{algorithm} of {listed:?}: {}", answer.text());
            } else {
                answer.assert_refused(400, "invalid_software_statement");
            }
        }
    }
}

/// The list in the order in which metadata have it.
fn sorted(list: &[&'static str]) -> Vec<&'static str> {
    Algorithm::ALL.map(Algorithm::as_str).into_iter().filter(|name| list.contains(name)).collect()
}

/// Shows: META-12, DISC-4, SCOPE-1, SCOPE-3
#[tokio::test]
async fn each_listed_scope_can_be_granted_and_no_other() {
    let world = World::start().await;
    let document = metadata(&world, "r4", ELM).await;
    let listed: Vec<&str> =
        document["scopes_supported"].as_array().unwrap().iter().map(|scope| scope.as_str().unwrap()).collect();
    assert!(listed.iter().any(|scope| scope.contains('*')), "wildcards are listed: {listed:?}");
    for scope in &listed {
        let member = elm().member(APP);
        let registered = world.register(&world.statement(&member).claim("scope", *scope).sign(&member.key)).await;
        assert_eq!(registered.json()["scope"], *scope, "{}", registered.text());
        let client_id = registered.json()["client_id"].as_str().unwrap().to_owned();
        let answer = world.token(&world.assertion(&member, &client_id).sign(&member.key), scope).await;
        assert_eq!((answer.status, &answer.json()["scope"]), (200, &json!(scope)), "{}", answer.text());
    }
    let member = elm().member(APP);
    let everything = world.statement(&member).claim("scope", listed.join(" "));
    let client_id =
        world.register(&everything.sign(&member.key)).await.json()["client_id"].as_str().unwrap().to_owned();
    for unlisted in ["system/*.cruds", "system/*.*", "patient/Patient.rs", "openid", "system/patient.rs", "launch"] {
        let statement = world.statement(&member).claim("scope", unlisted);
        world.register(&statement.sign(&member.key)).await.assert_refused(400, "invalid_client_metadata");
        let assertion = world.assertion(&member, &client_id).sign(&member.key);
        world.token(&assertion, unlisted).await.assert_refused(400, "invalid_scope");
    }
}

/// Shows: DISC-4, META-3, META-6, META-11, B2B-13
#[tokio::test]
async fn each_listed_profile_grant_and_extension_works_and_no_other() {
    let world = World::start().await;
    let document = metadata(&world, "r4", ELM).await;
    let path = |name: &str| document[name].as_str().unwrap().strip_prefix(ORIGIN).unwrap().to_owned();
    let member = elm().member(APP);
    let register = async |jwt: Jwt| {
        let body = json!({"software_statement": jwt.sign(&member.key), "udap": "1"});
        world.send(&Request::json(&path("registration_endpoint"), &body)).await
    };
    let token = async |jwt: Jwt, grant: &str| {
        let jwt = jwt.sign(&member.key);
        let mut form = token_form(&jwt, SCOPE);
        form[0].1 = grant;
        world.send(&Request::form(&path("token_endpoint"), &form)).await
    };

    // udap_dcr: the listed grant is registered, others are not. udap_to and the code grant are not listed.
    assert_eq!(document["grant_types_supported"], json!(["client_credentials"]));
    let with_grant = |grant: &str| {
        Jwt::statement(&member, document["registration_endpoint"].as_str().unwrap())
            .claim("grant_types", json!([grant]))
    };
    let registered = register(with_grant("client_credentials")).await;
    assert_eq!(registered.status, 201, "{}", registered.text());
    let client_id = registered.json()["client_id"].as_str().unwrap().to_owned();
    let code = with_grant("authorization_code")
        .claim("redirect_uris", json!(["https://app.example/back"]))
        .claim("response_types", json!(["code"]))
        .claim("logo_uri", "https://app.example/logo.png")
        .claim("scope", "user/Patient.rs system/Patient.rs");
    let others = ["refresh_token", "password", "urn:ietf:params:oauth:grant-type:jwt-bearer"].map(with_grant);
    for statement in others.into_iter().chain([code]) {
        register(statement).await.assert_refused(400, "invalid_client_metadata");
    }

    // udap_authn and udap_authz: the listed grant with the listed extension is granted, with the extension's context.
    let extensions = &document["udap_authorization_extensions_supported"];
    assert_eq!((extensions, &document["udap_authorization_extensions_required"]), (&json!(["hl7-b2b"]), extensions));
    let assertion = || Jwt::assertion(&member, &client_id, document["token_endpoint"].as_str().unwrap());
    let mut objects = assertion().claims["extensions"].clone();
    objects["tefca_ias"] = json!({"version": "1", "anything": [1]});
    let granted = token(assertion().claim("extensions", objects), "client_credentials").await;
    assert_eq!(granted.status, 200, "{}", granted.text());
    let (_, claims) = decode(granted.json()["access_token"].as_str().unwrap());
    let context: Vec<&String> = claims["extensions"].as_object().unwrap().keys().collect();
    assert_eq!(context, ["hl7-b2b"], "an extension that is not listed never becomes context");
    token(assertion().without("extensions"), "client_credentials").await.assert_refused(400, "invalid_grant");
    let another = assertion().claim("extensions", json!({"tefca_ias": {"version": "1"}}));
    token(another, "client_credentials").await.assert_refused(400, "invalid_grant");
    for other in ["authorization_code", "refresh_token", "password"] {
        token(assertion(), other).await.assert_refused(400, "unsupported_grant_type");
    }
    assert_eq!(document["udap_profiles_supported"], json!(["udap_dcr", "udap_authn", "udap_authz"]));
}
