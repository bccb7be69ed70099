//! What a base says about itself.

use std::sync::Arc;

use serde_json::{Value, json};
use tessera_authorization_server::discovery::{CommunityQuery, Discovery, PreparedDocument};
use tessera_authorization_server::settings::UnknownCommunity;
use tessera_trust::UnixTime;

use crate::pki::rsa;
use crate::world::{BLUE, NOW, Plan, RED, World, base_name, claims_of, url};

fn read(document: &PreparedDocument) -> Value {
    serde_json::from_slice(&document.bytes).unwrap()
}

fn document(world: &World, base: &str, query: CommunityQuery<'_>) -> Arc<PreparedDocument> {
    match world.server.udap_metadata(&base_name(base), query) {
        Discovery::Document(document) => document,
        other => panic!("{other:?}"),
    }
}

/// Shows: DISC-3, META-1, META-2, META-3, META-5, META-6, META-8, META-11, META-12, META-14, META-15, META-16, META-17, META-18, META-19
#[test]
fn the_metadata_say_what_is_offered() {
    let world = World::new();
    let mut metadata = read(&document(&world, "r4", CommunityQuery::Unnamed));
    let signed = metadata.as_object_mut().unwrap().remove("signed_metadata").unwrap();
    assert_eq!(signed.as_str().unwrap().split('.').count(), 3);
    assert_eq!(
        metadata,
        json!({
            "udap_versions_supported": ["1"],
            "udap_profiles_supported": ["udap_dcr", "udap_authn", "udap_authz"],
            "udap_authorization_extensions_supported": ["hl7-b2b"],
            "udap_authorization_extensions_required": ["hl7-b2b"],
            "udap_certifications_supported": [],
            "grant_types_supported": ["client_credentials"],
            "scopes_supported": ["system/Patient.read", "system/Observation.read", "system/*.read"],
            "token_endpoint": url("r4/token"),
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": ["RS256", "ES256"],
            "registration_endpoint": url("register/main"),
            "registration_endpoint_jwt_signing_alg_values_supported": ["RS256", "ES256"],
        })
    );
}

/// Shows: SMD-1, SMD-2, SMD-3, SMD-4, SMD-5, SMD-7
#[test]
fn the_signed_part_speaks_for_the_base_in_its_community() {
    let world = World::new();
    let red = document(&world, "r4", CommunityQuery::Named(RED));
    let blue = document(&world, "r4", CommunityQuery::Named(BLUE));
    let default = document(&world, "r4", CommunityQuery::Unnamed);
    assert_eq!(default, red, "the first community is the default");
    let of = |document| {
        let metadata = read(document);
        let jwt = metadata["signed_metadata"].as_str().unwrap().to_owned();
        let header = tessera_jose::base64url_decode(jwt.split('.').next().unwrap()).unwrap();
        let header: Value = serde_json::from_slice(&header).unwrap();
        (header, claims_of(&jwt))
    };
    let (header, claims) = of(&red);
    assert_eq!(header["alg"], "RS256");
    assert_eq!(claims["iss"], url("r4"));
    assert_eq!(claims["sub"], url("r4"));
    assert_eq!(claims["iat"], NOW);
    assert_eq!(claims["exp"], NOW + 24 * 3600);
    assert_eq!(claims["token_endpoint"], url("r4/token"));
    assert_eq!(claims["registration_endpoint"], url("register/main"));
    let (other_header, other_claims) = of(&blue);
    assert_ne!(header["x5c"], other_header["x5c"]);
    assert_ne!(claims["jti"], other_claims["jti"]);
    assert_ne!(red.etag, blue.etag);
}

/// Shows: DISC-1, DISC-5
#[test]
fn each_base_answers_for_itself() {
    let world = World::new();
    for base in ["r4", "lab", "annex"] {
        let metadata = read(&document(&world, base, CommunityQuery::Unnamed));
        assert_eq!(metadata["token_endpoint"], url(&format!("{base}/token")));
    }
    for none in ["off", "nowhere"] {
        let name = base_name(none);
        let answer = world.server.udap_metadata(&name, CommunityQuery::Unnamed);
        assert!(matches!(answer, Discovery::NotFound), "{none}");
        assert!(world.server.smart_configuration(&name).is_none());
        assert!(world.server.oauth_metadata(&name).is_none());
    }
}

#[test]
fn an_unknown_community_gets_what_the_base_says() {
    for (setting, base) in [
        (UnknownCommunity::NoContent, "lab"),
        (UnknownCommunity::NotFound, "lab"),
        (UnknownCommunity::DefaultCommunity, "lab"),
    ] {
        let mut plan = Plan::new();
        for base in &mut plan.settings.bases {
            base.unknown_community = setting;
        }
        let world = plan.start();
        // Blue is a community of this node, but not of this base.
        let answer = world.server.udap_metadata(&base_name(base), CommunityQuery::Named(BLUE));
        match (setting, answer) {
            (UnknownCommunity::NoContent, Discovery::NoContent)
            | (UnknownCommunity::NotFound, Discovery::NotFound)
            | (UnknownCommunity::DefaultCommunity, Discovery::Document(_)) => {}
            (setting, answer) => panic!("{setting:?}: {answer:?}"),
        }
    }
}

#[test]
fn documents_are_signed_anew_at_half_of_their_life() {
    let world = World::new();
    let at = |after| UnixTime::from_secs(NOW + after);
    let before = document(&world, "r4", CommunityQuery::Unnamed);
    let early = world.server.renew_documents(at(12 * 3600 - 1), [1; 32]);
    assert_eq!((early.renewed, early.failures.len()), (0, 0));
    assert_eq!(document(&world, "r4", CommunityQuery::Unnamed), before);
    let due = world.server.renew_documents(at(12 * 3600), [2; 32]);
    assert_eq!((due.renewed, due.failures.len()), (4, 0));
    let after = document(&world, "r4", CommunityQuery::Unnamed);
    assert_ne!(after.etag, before.etag);
    assert!(due.next_due.unwrap() > at(12 * 3600));
    assert!(before.max_age.as_secs() <= 300);
}

#[test]
fn nothing_is_signed_past_the_certificate_s_life() {
    let mut plan = Plan::new();
    let short = plan.red.issue_for(&[&url("lab")], rsa(), 3600);
    plan.settings.bases[1].communities[0].chain = short.certificates();
    let world = plan.start();
    let jwt = read(&document(&world, "lab", CommunityQuery::Unnamed));
    let claims = claims_of(jwt["signed_metadata"].as_str().unwrap());
    assert_eq!(claims["exp"], NOW + 3600);
    let ended = world.server.renew_documents(UnixTime::from_secs(NOW + 3600), [3; 32]);
    assert_eq!(ended.failures.len(), 1);
    assert_eq!(ended.failures[0].base, base_name("lab"));
    let answer = world.server.udap_metadata(&base_name("lab"), CommunityQuery::Unnamed);
    assert!(matches!(answer, Discovery::Unavailable));
}

#[test]
fn the_other_formats_agree() {
    let world = World::new();
    let udap = read(&document(&world, "r4", CommunityQuery::Unnamed));
    let smart = read(&world.server.smart_configuration(&base_name("r4")).unwrap());
    let oauth = read(&world.server.oauth_metadata(&base_name("r4")).unwrap());
    for other in [&smart, &oauth] {
        for shared in [
            "token_endpoint",
            "registration_endpoint",
            "grant_types_supported",
            "scopes_supported",
            "token_endpoint_auth_methods_supported",
            "token_endpoint_auth_signing_alg_values_supported",
        ] {
            assert_eq!(other[shared], udap[shared], "{shared}");
        }
        assert_eq!(other["issuer"], url("r4"));
        assert_eq!(other["introspection_endpoint"], url("r4/introspect"));
        assert_eq!(other["revocation_endpoint"], url("r4/revoke"));
        assert!(other.get("authorization_endpoint").is_none());
    }
    assert!(oauth.get("response_types_supported").is_none());
    let jwks = read(&world.server.jwks());
    assert_eq!(jwks["keys"].as_array().unwrap().len(), 1);
    assert_eq!(jwks["keys"][0]["alg"], "ES256");
}
