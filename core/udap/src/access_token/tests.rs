use tessera_jose::algorithm::Algorithm;
use tessera_jose::json::{Limits, Object, read_object};
use tessera_jose::jwk::Jwk;
use tessera_jose::jws::{HeaderTemplate, JwsError, sign};
use tessera_jose::key::{KeyKind, SigningKey, SoftwareKey};

use super::*;
use crate::testing::{BASE, CLIENT_URI, Member, NOW, now, object, with};

struct Issuer {
    key: SoftwareKey,
    keys: TokenKeys,
}

impl Issuer {
    fn new() -> Self {
        let key = SoftwareKey::generate(KeyKind::P256).unwrap();
        let mut keys = TokenKeys::default();
        keys.add(key.public_key(), key.algorithm()).unwrap();
        Self { key, keys }
    }

    fn sign(&self, payload: &[u8]) -> String {
        self.sign_as(Some(ACCESS_TOKEN_TYPE), payload)
    }

    fn sign_as(&self, typ: Option<&str>, payload: &[u8]) -> String {
        let jwk = Jwk::from_signing_key(&self.key).unwrap();
        let header = HeaderTemplate::new(self.key.algorithm()).kid(jwk.kid());
        let header = typ.map_or(header.clone(), |typ| header.typ(typ));
        sign(&header.build(), payload, &self.key).unwrap()
    }

    fn read(&self, token: &str) -> Result<AccessTokenClaims, AccessTokenError> {
        self.read_at(token, NOW)
    }

    fn read_at(&self, token: &str, seconds: u64) -> Result<AccessTokenClaims, AccessTokenError> {
        AccessToken::read(token, &self.keys, &base(), UnixTime::from_secs(seconds))
    }
}

fn base() -> BaseUrl {
    BaseUrl::parse(BASE).unwrap()
}

fn claims() -> AccessTokenClaims {
    let context = r#"{"version":"1","organization_id":"urn:oid:1.2.3","purpose_of_use":["TREAT"]}"#;
    AccessTokenClaims {
        iss: base(),
        aud: base(),
        sub: ClientId::parse("c1").unwrap(),
        client_id: ClientId::parse("c1").unwrap(),
        iat: now(),
        exp: UnixTime::from_secs(NOW + 900),
        jti: Jti::parse("t1").unwrap(),
        scope: ScopeSet::parse("system/Patient.rs system/Observation.rs").unwrap(),
        b2b: Some(B2bExtension::read(&object(context).into()).unwrap()),
        community: CommunityId::parse("urn:example:community").unwrap(),
        client_uri: ClientUri::parse(CLIENT_URI).unwrap(),
        signer: CertificateDigest::of(b"certificate"),
        registration_version: 3,
    }
}

fn claims_object() -> Object {
    read_object(&claims().to_json(), &Limits::new(65536)).unwrap()
}

#[test]
fn is_read_as_it_was_written() {
    let issuer = Issuer::new();
    assert_eq!(issuer.read(&issuer.sign(&claims().to_json())), Ok(claims()));
    let without_context = AccessTokenClaims { b2b: None, ..claims() };
    assert_eq!(issuer.read(&issuer.sign(&without_context.to_json())), Ok(without_context));
    insta::assert_snapshot!(String::from_utf8(claims().to_json()).unwrap(), @r#"{"iss":"https://data.example/fhir","aud":"https://data.example/fhir","sub":"c1","client_id":"c1","iat":1800000000,"exp":1800000900,"jti":"t1","scope":"system/Patient.rs system/Observation.rs","extensions":{"hl7-b2b":{"version":"1","organization_id":"urn:oid:1.2.3","purpose_of_use":["TREAT"]}},"community":"urn:example:community","client_uri":"https://app.example/udap","signer":"03d66dd08835c1ca3f128cceacd1f31ac94163096b20f445ae84285bc0832d72","registration_version":3}"#);
}

#[test]
fn no_other_jwt_passes_as_one() {
    let issuer = Issuer::new();
    for typ in ["JWT", "AT+JWT", "at+jwt ", "application/at+jwt", "client-authentication+jwt", ""] {
        let token = issuer.sign_as(Some(typ), &claims().to_json());
        assert_eq!(issuer.read(&token), Err(AccessTokenError::Type), "{typ:?}");
    }
    assert!(matches!(issuer.read(&issuer.sign_as(None, &claims().to_json())), Err(AccessTokenError::Jws(_))));
    // A peer's JWT with a peer's key, however well its claims are made up.
    let peer = Member::new(&[CLIENT_URI]);
    let token = peer.sign_typed(Some(ACCESS_TOKEN_TYPE), &claims_object());
    assert!(issuer.read(&token).is_err());
}

#[test]
fn only_keys_in_use_verify_and_kid_chooses_among_these_alone() {
    let issuer = Issuer::new();
    let stranger = Issuer::new();
    let token = stranger.sign(&claims().to_json());
    assert_eq!(issuer.read(&token), Err(AccessTokenError::UnknownKey));
    // The stranger takes our key's name.
    let name = Jwk::from_signing_key(&issuer.key).unwrap();
    let header = HeaderTemplate::new(Algorithm::Es256).typ(ACCESS_TOKEN_TYPE).kid(name.kid()).build();
    let token = sign(&header, &claims().to_json(), &stranger.key).unwrap();
    assert_eq!(issuer.read(&token), Err(AccessTokenError::Jws(JwsError::BadSignature)));
    // The same name with another algorithm.
    let rsa = SoftwareKey::generate(KeyKind::Rsa).unwrap();
    let header = HeaderTemplate::new(Algorithm::Rs256).typ(ACCESS_TOKEN_TYPE).kid(name.kid()).build();
    let token = sign(&header, &claims().to_json(), &rsa).unwrap();
    assert_eq!(issuer.read(&token), Err(AccessTokenError::UnknownKey));
    // While keys rotate both are accepted.
    let mut both = issuer.keys.clone();
    both.add(stranger.key.public_key(), stranger.key.algorithm()).unwrap();
    for token in [issuer.sign(&claims().to_json()), stranger.sign(&claims().to_json())] {
        assert!(AccessToken::read(&token, &both, &base(), now()).is_ok());
    }
}

#[test]
fn is_good_for_its_base_alone() {
    let issuer = Issuer::new();
    for other in [
        "https://data.example/fhir/",
        "https://data.example",
        "https://DATA.example/fhir",
        "https://other.example/fhir",
    ] {
        let other = BaseUrl::parse(other).unwrap();
        for token in
            [AccessTokenClaims { aud: other.clone(), ..claims() }, AccessTokenClaims { iss: other, ..claims() }]
        {
            assert_eq!(issuer.read(&issuer.sign(&token.to_json())), Err(AccessTokenError::OtherBase));
        }
    }
    let two = with(&claims_object(), "aud", Some(&format!("[\"{BASE}\"]")));
    assert!(issuer.read(&issuer.sign(two.to_json().as_bytes())).is_err());
}

/// Shows: TOKEN-3
#[test]
fn lives_an_hour_at_most_and_not_a_second_longer_than_it_says() {
    let issuer = Issuer::new();
    let token = issuer.sign(&claims().to_json());
    assert!(issuer.read_at(&token, NOW + 899).is_ok());
    assert_eq!(issuer.read_at(&token, NOW + 900), Err(AccessTokenError::Expired));
    assert!(issuer.read_at(&token, NOW - 30).is_ok());
    assert_eq!(issuer.read_at(&token, NOW - 31), Err(AccessTokenError::NotYetValid));
    let living = |seconds: u64| {
        let claims = AccessTokenClaims { exp: UnixTime::from_secs(NOW + seconds), ..claims() };
        issuer.read(&issuer.sign(&claims.to_json()))
    };
    assert!(living(3600).is_ok());
    assert_eq!(living(3601), Err(AccessTokenError::LivesTooLong));
}

#[test]
fn every_claim_is_needed_and_typed() {
    let issuer = Issuer::new();
    let read = |object: &Object| issuer.read(&issuer.sign(object.to_json().as_bytes()));
    let names: Vec<String> = claims_object().iter().map(|(name, _)| name.to_owned()).collect();
    for name in names {
        let missing = read(&with(&claims_object(), &name, None));
        assert_eq!(missing.is_err(), name != "extensions", "{name}");
        for json in ["null", "[]", "true", "\"\"", "1.5"] {
            assert!(read(&with(&claims_object(), &name, Some(json))).is_err(), "{name} {json}");
        }
    }
    for (name, json) in [
        ("extensions", "{\"hl7-b2b\":1}"),
        ("signer", "\"ABC\""),
        ("registration_version", "-1"),
        ("scope", "\"a  b\""),
        ("community", "\"x\""),
    ] {
        assert!(read(&with(&claims_object(), name, Some(json))).is_err(), "{name} {json}");
    }
}

#[test]
fn keys_are_shown_by_name_only() {
    let shown = format!("{:?}", Issuer::new().keys);
    assert!(shown.contains("Es256") && shown.len() < 80, "{shown}");
}
