use tessera_jose::jws::{HeaderTemplate, sign};
use tessera_jose::key::{KeyKind, SoftwareKey};

use super::*;
use crate::authentication_token::AuthenticationToken;
use crate::signed_metadata::SignedMetadata;
use crate::software_statement::SoftwareStatement;
use crate::testing::{
    BASE, CLIENT_URI, Member, NOW, REGISTRATION, TOKEN, ca, now, object, verified, verified_at, with,
};

const SKEW: Duration = Duration::from_secs(30);

fn statement_claims() -> Object {
    let expires_at = NOW + 300;
    object(&format!(
        r#"{{"iss":"{CLIENT_URI}","sub":"{CLIENT_URI}","aud":"{REGISTRATION}","iat":{NOW},"exp":{expires_at},
        "jti":"j1","client_name":"App","contacts":["mailto:a@app.example"],"grant_types":["client_credentials"],
        "token_endpoint_auth_method":"private_key_jwt","scope":"system/Patient.rs"}}"#
    ))
}

fn token_claims() -> Object {
    let expires_at = NOW + 300;
    object(&format!(
        r#"{{"iss":"c1","sub":"c1","aud":"{TOKEN}","iat":{NOW},"exp":{expires_at},"jti":"j1",
        "extensions":{{"hl7-b2b":{{}}}}}}"#
    ))
}

fn metadata_claims() -> Object {
    let expires_at = NOW + 86_400;
    object(&format!(
        r#"{{"iss":"{BASE}","sub":"{BASE}","iat":{NOW},"exp":{expires_at},"jti":"j1",
        "token_endpoint":"{TOKEN}","registration_endpoint":"{REGISTRATION}"}}"#
    ))
}

const OF_STATEMENT: Expected<'_> = Expected { audience: &[REGISTRATION], bound_uri: None, skew: SKEW };
const OF_TOKEN: Expected<'_> = Expected { audience: &[TOKEN], bound_uri: Some(CLIENT_URI), skew: SKEW };
const OF_METADATA: Expected<'_> = Expected { audience: &[], bound_uri: None, skew: SKEW };

fn member() -> Member {
    Member::new(&["urn:uuid:1", CLIENT_URI, BASE])
}

fn verify<T: SignedObject>(jwt: &str, expected: &Expected<'_>, at: u64) -> Result<Verified<T>, SignedError> {
    let checked = Unverified::<T>::read(jwt)?.check_signature(&AlgorithmSet::ALL)?;
    let at = UnixTime::from_secs(at);
    let signer = verified_at(checked.chain(), at);
    checked.verify(signer, expected, at)
}

/// Why each kind refuses the claims with this member changed, at this time.
fn refusals(member: &str, json: Option<&str>, at: u64) -> [Option<SignedError>; 3] {
    let signer = self::member();
    let jwt = |claims: &Object| signer.sign(&with(claims, member, json));
    [
        verify::<SoftwareStatement>(&jwt(&statement_claims()), &OF_STATEMENT, at).err(),
        verify::<AuthenticationToken>(&jwt(&token_claims()), &OF_TOKEN, at).err(),
        verify::<SignedMetadata>(&jwt(&metadata_claims()), &OF_METADATA, at).err(),
    ]
}

fn is_claim_error(error: &Option<SignedError>) -> bool {
    matches!(error, Some(SignedError::Claim(ClaimError::Member(_) | ClaimError::Rule { .. })))
}

#[test]
fn what_holds_in_every_respect_is_verified() {
    let jwt = member().sign(&statement_claims());
    let statement = verify::<SoftwareStatement>(&jwt, &OF_STATEMENT, NOW + 10).unwrap();
    assert_eq!(statement.issuer(), CLIENT_URI);
    assert_eq!(statement.jti().as_str(), "j1");
    assert_eq!(statement.expires_at().as_secs(), NOW + 300);
    assert_eq!(statement.verified_at().as_secs(), NOW + 10);
    assert_eq!(statement.signer().community().as_str(), "urn:example:community");
    assert_eq!(statement.into_object().as_submitted, jwt);

    let jwt = member().sign_typed(None, &token_claims());
    let token = verify::<AuthenticationToken>(&jwt, &OF_TOKEN, NOW).unwrap();
    assert_eq!(token.object().client_id.as_str(), "c1");
    assert_eq!(token.object().extensions.len(), 1);

    let jwt = member().sign(&metadata_claims());
    let metadata = verify::<SignedMetadata>(&jwt, &OF_METADATA, NOW).unwrap();
    assert_eq!(metadata.object().token_endpoint.as_str(), TOKEN);
}

/// Shows: JWT-3
#[test]
fn es256_is_verified() {
    let jwt = member().sign(&token_claims());
    let unverified = Unverified::<AuthenticationToken>::read(&jwt).unwrap();
    assert_eq!(unverified.algorithm(), Algorithm::Es256);
    assert!(unverified.check_signature(&AlgorithmSet::default()).is_ok());
}

/// Shows: JWT-2
#[test]
fn rs256_is_verified() {
    let jwt = Member::rsa(&[CLIENT_URI]).sign(&token_claims());
    assert!(verify::<AuthenticationToken>(&jwt, &OF_TOKEN, NOW).is_ok());
}

/// Shows: JWT-7, DCR-8, AUTHN-5, SMD-5, DCR-7, AUTHN-4, SMD-4, DCR-5, AUTHN-2, SMD-3
#[test]
fn refuses_a_claim_that_is_missing_or_of_the_wrong_type() {
    let wrong_types: [(&str, &[&str]); 5] = [
        ("iss", &["1", "null", "\"\"", "[\"c1\"]"]),
        ("sub", &["1", "null", "[\"c1\"]"]),
        ("jti", &["1", "null", "\"\"", "[\"j1\"]", "\"a\\u0000\""]),
        ("iat", &["\"1800000000\"", "1800000000.0", "1.8e9", "-1", "null", "true", "99999999999999999999"]),
        ("exp", &["\"1800000100\"", "1800000100.5", "1800000100.0", "-1", "null", "99999999999999999999"]),
    ];
    for (name, values) in wrong_types {
        for json in values.iter().copied().map(Some).chain([None]) {
            for refusal in refusals(name, json, NOW) {
                let refused =
                    is_claim_error(&refusal) || (json == Some("\"\"") && refusal == Some(SignedError::SubjectDiffers));
                assert!(refused, "{name} {json:?}: {refusal:?}");
            }
        }
    }
    let long = format!("\"{}\"", "x".repeat(513));
    assert!(refusals("jti", Some(&long), NOW).iter().all(is_claim_error));
}

/// Shows: DCR-5, AUTHN-2, SMD-3
#[test]
fn refuses_a_subject_that_is_not_the_issuer() {
    for subject in [CLIENT_URI, BASE, "c1", "c1 ", "C1", ""] {
        let refusals = refusals("sub", Some(&format!("\"{subject}\"")), NOW);
        let refused = refusals.iter().filter(|refusal| **refusal == Some(SignedError::SubjectDiffers));
        let accepted = refusals.iter().filter(|refusal| refusal.is_none()).count();
        assert_eq!(refused.count(), 3 - accepted, "{subject}");
        assert!(accepted <= 1, "{subject}");
    }
}

/// Shows: DCR-6, AUTHN-3, JWT-10
#[test]
fn refuses_another_audience() {
    let others = [
        "\"https://data.example/tok\"",
        "\"https://data.example/token/\"",
        "\"https://data.example/register/\"",
        "\"https://DATA.example/token\"",
        "\"https://DATA.example/register\"",
        "\"https://data.example:443/token\"",
        "\"https://data.example/%74oken\"",
        "\"https://data.example\"",
        "\"https://data.example/fhir\"",
        "\"\"",
        "[]",
        "[\"https://data.example/token\",\"https://data.example/register\"]",
        "[\"https://data.example/register\",\"https://data.example/register\"]",
        "[[\"https://data.example/token\"]]",
        "[1]",
    ];
    for other in others {
        for refusal in refusals("aud", Some(other), NOW) {
            assert_eq!(refusal, Some(SignedError::Audience), "{other}");
        }
    }
    for wrong_type in [Some("1"), Some("null"), Some("{}"), None] {
        let [statement, token, _] = refusals("aud", wrong_type, NOW);
        assert!(is_claim_error(&statement) && is_claim_error(&token), "{wrong_type:?}");
    }
    // Each endpoint is an audience of its own.
    let [statement, token, _] = refusals("aud", Some(&format!("\"{TOKEN}\"")), NOW);
    assert_eq!((statement, token), (Some(SignedError::Audience), None));
    let [statement, token, _] = refusals("aud", Some(&format!("[\"{REGISTRATION}\"]")), NOW);
    assert_eq!((statement, token), (None, Some(SignedError::Audience)));
}

#[test]
fn a_kind_with_an_audience_is_refused_where_none_is_expected() {
    let jwt = member().sign(&token_claims());
    let nobody = Expected { audience: &[], ..OF_TOKEN };
    assert_eq!(verify::<AuthenticationToken>(&jwt, &nobody, NOW).unwrap_err(), SignedError::Audience);
}

/// Shows: DCR-7, AUTHN-4
#[test]
fn statement_and_token_live_300_seconds_at_most() {
    for (expires_at, refusal) in [
        (NOW + 301, Some(SignedError::LivesTooLong { kind: "" })),
        (NOW + 300, None),
        (NOW + 1, None),
        (NOW, Some(SignedError::ExpiresBeforeIssued)),
        (NOW - 1, Some(SignedError::ExpiresBeforeIssued)),
        (i64::MAX as u64, Some(SignedError::LivesTooLong { kind: "" })),
    ] {
        let [statement, token, _] = refusals("exp", Some(&expires_at.to_string()), NOW);
        for found in [statement, token] {
            let code = |error: &SignedError| error.reason_code();
            assert_eq!(found.as_ref().map(code), refusal.as_ref().map(code), "{expires_at}");
        }
    }
}

/// Shows: DCR-7, AUTHN-4, SMD-4
#[test]
fn clocks_may_differ_by_the_leeway_and_no_more() {
    let at = |seconds: u64| refusals("jti", Some("\"j1\""), seconds);
    let [statement, token, _] = at(NOW + 300 + 29);
    assert_eq!((statement, token), (None, None));
    let [statement, token, _] = at(NOW + 300 + 30);
    assert_eq!((statement, token), (Some(SignedError::Expired), Some(SignedError::Expired)));
    assert_eq!(at(NOW - 30), [None, None, None]);
    for refusal in at(NOW - 31) {
        assert_eq!(refusal, Some(SignedError::NotYetValid));
    }
}

#[test]
fn no_caller_stretches_the_leeway_beyond_a_minute() {
    let jwt = member().sign(&token_claims());
    let lenient = Expected { skew: Duration::from_secs(86_400), ..OF_TOKEN };
    assert!(verify::<AuthenticationToken>(&jwt, &lenient, NOW + 300 + 59).is_ok());
    let late = verify::<AuthenticationToken>(&jwt, &lenient, NOW + 300 + 60);
    assert_eq!(late.unwrap_err(), SignedError::Expired);
}

#[test]
fn not_before_counts_where_it_is_present() {
    for (not_before, refused) in [(NOW + 30, false), (NOW + 31, true), (NOW - 1000, false)] {
        for refusal in refusals("nbf", Some(&not_before.to_string()), NOW) {
            assert_eq!(refusal == Some(SignedError::NotYetValid), refused, "{not_before}");
        }
    }
    assert!(refusals("nbf", Some("\"0\""), NOW).iter().all(is_claim_error));
}

/// Shows: DCR-4, SMD-2, JWT-10
#[test]
fn refuses_an_issuer_that_is_no_uri_name_of_the_leaf() {
    let issuers = [
        "https://app.example/udap/",
        "https://APP.example/udap",
        "HTTPS://app.example/udap",
        "https://app.example:443/udap",
        "https://app.example/%75dap",
        "https://app.example/",
        "https://other.example/udap",
        "App",
        "CN=App",
    ];
    let signer = member();
    for issuer in issuers {
        let json = format!("\"{issuer}\"");
        let claims = with(&with(&statement_claims(), "iss", Some(&json)), "sub", Some(&json));
        let refusal = verify::<SoftwareStatement>(&signer.sign(&claims), &OF_STATEMENT, NOW);
        assert_eq!(refusal.unwrap_err(), SignedError::IssuerNotInSan, "{issuer}");
    }
    // One match among several names is enough; another name of the same certificate is as good.
    let json = "\"urn:uuid:1\"";
    let claims = with(&with(&statement_claims(), "iss", Some(json)), "sub", Some(json));
    assert!(verify::<SoftwareStatement>(&signer.sign(&claims), &OF_STATEMENT, NOW).is_ok());

    for base in ["https://data.example/fhir/", "https://DATA.example/fhir", "https://data.example"] {
        let json = format!("\"{base}\"");
        let claims = with(&with(&metadata_claims(), "iss", Some(&json)), "sub", Some(&json));
        let refusal = verify::<SignedMetadata>(&signer.sign(&claims), &OF_METADATA, NOW);
        assert_eq!(refusal.unwrap_err(), SignedError::IssuerNotInSan, "{base}");
    }
}

/// Shows: AUTHN-10
#[test]
fn refuses_a_token_signed_by_another_member() {
    let other = Member::new(&["https://other.example/udap", "https://app.example/udap/"]);
    let jwt = other.sign(&token_claims());
    let refusal = verify::<AuthenticationToken>(&jwt, &OF_TOKEN, NOW).unwrap_err();
    assert_eq!(refusal, SignedError::BoundUriNotInSan);
}

/// Shows: AUTHN-10, DCR-4, SMD-2
#[test]
fn no_reader_can_do_without_the_binding() {
    let careless = Expected { bound_uri: None, ..OF_TOKEN };
    let jwt = member().sign(&token_claims());
    assert_eq!(verify::<AuthenticationToken>(&jwt, &careless, NOW).unwrap_err(), SignedError::BoundUriNotInSan);

    let stranger = Member::new(&["https://other.example/udap"]);
    let jwt = stranger.sign(&statement_claims());
    assert_eq!(verify::<SoftwareStatement>(&jwt, &OF_STATEMENT, NOW).unwrap_err(), SignedError::IssuerNotInSan);
    let jwt = stranger.sign(&metadata_claims());
    assert_eq!(verify::<SignedMetadata>(&jwt, &OF_METADATA, NOW).unwrap_err(), SignedError::IssuerNotInSan);
}

/// Shows: JWT-6, AUTHN-8, DCR-3
#[test]
fn only_the_key_of_the_first_certificate_verifies() {
    let leaf = member();
    // The CA's key signs, the leaf comes first: a key of the chain, but not the leaf's.
    let header = HeaderTemplate::new(Algorithm::Rs256).x5c(&leaf.x5c).kid("ca").build();
    let jwt = sign(&header, token_claims().to_json().as_bytes(), &ca().key).unwrap();
    assert!(check::<AuthenticationToken>(&jwt).is_err());
    // A stranger's key signs under the member's certificate.
    let stranger = SoftwareKey::generate(KeyKind::P256).unwrap();
    let header = HeaderTemplate::new(Algorithm::Es256).x5c(&leaf.x5c).build();
    let jwt = sign(&header, statement_claims().to_json().as_bytes(), &stranger).unwrap();
    assert_eq!(check::<SoftwareStatement>(&jwt), Err(JwsError::BadSignature.into()));
    // One claim is changed after signing.
    let jwt = leaf.sign(&statement_claims());
    let other = leaf.sign(&with(&statement_claims(), "jti", Some("\"j2\"")));
    let parts: Vec<&str> = jwt.split('.').collect();
    let tampered = format!("{}.{}.{}", parts[0], other.split('.').nth(1).unwrap(), parts[2]);
    assert_eq!(check::<SoftwareStatement>(&tampered), Err(JwsError::BadSignature.into()));
}

fn check<T: SignedObject>(jwt: &str) -> Result<(), SignedError> {
    Unverified::<T>::read(jwt)?.check_signature(&AlgorithmSet::ALL).map(drop)
}

/// Shows: JWT-5
#[test]
fn refuses_x5c_that_is_missing_empty_or_in_the_wrong_order() {
    let leaf = member();
    let signed = |x5c: Option<Vec<Vec<u8>>>| {
        let header = HeaderTemplate::new(Algorithm::Es256);
        let header = x5c.map_or(header.clone(), |x5c| header.x5c(&x5c));
        sign(&header.build(), token_claims().to_json().as_bytes(), &leaf.key).unwrap()
    };
    let reversed: Vec<Vec<u8>> = leaf.x5c.iter().rev().cloned().collect();
    assert_eq!(
        check::<AuthenticationToken>(&signed(Some(reversed))),
        Err(JwsError::KeyMismatch(Algorithm::Es256).into())
    );
    assert!(matches!(check::<AuthenticationToken>(&signed(None)), Err(SignedError::Jws(_))));
    let empty = check::<AuthenticationToken>(&signed(Some(Vec::new())));
    assert_eq!(empty, Err(JwsError::CertificateCount.into()));
    let not_der = check::<AuthenticationToken>(&signed(Some(vec![vec![0x30, 0x03, 2, 1, 1]])));
    assert!(matches!(not_der, Err(SignedError::Certificate(_))));
}

/// Shows: JWT-13, SMD-1
#[test]
fn refuses_an_algorithm_that_is_not_configured() {
    let jwt = member().sign(&metadata_claims());
    let unverified = Unverified::<SignedMetadata>::read(&jwt).unwrap();
    let rs256 = SignedMetadata::accepted_algorithms(crate::edition::Edition::Stu1_1);
    let refusal = unverified.check_signature(&rs256).unwrap_err();
    assert_eq!(refusal, JwsError::AlgorithmNotAllowed(Algorithm::Es256).into());
    assert_eq!(refusal.reason_code(), "algorithm-not-accepted");
}

#[test]
fn a_type_must_be_that_of_the_kind() {
    let signer = member();
    for typ in ["JWT", "jwt", "application/jwt", "Application/JWT"] {
        assert_eq!(check::<SoftwareStatement>(&signer.sign_typed(Some(typ), &statement_claims())), Ok(()));
    }
    for typ in ["at+jwt", "application/at+jwt", "JOSE", "", "JWT ", "application/", "text/jwt"] {
        let refusal = check::<SoftwareStatement>(&signer.sign_typed(Some(typ), &statement_claims()));
        assert!(matches!(refusal, Err(SignedError::Type { .. })), "{typ:?}");
    }
    let newer = signer.sign_typed(Some("client-authentication+jwt"), &token_claims());
    assert_eq!(check::<AuthenticationToken>(&newer), Ok(()));
    assert!(check::<SignedMetadata>(&newer).is_err());
}

#[test]
fn no_kind_passes_as_another() {
    // The worst case: one signer, and a reader who would take every audience.
    let signer = member();
    let any = Expected { audience: &[REGISTRATION, TOKEN], bound_uri: Some(CLIENT_URI), skew: SKEW };
    let statement = signer.sign(&statement_claims());
    let token = signer.sign(&token_claims());
    let metadata = signer.sign(&metadata_claims());
    for jwt in [&token, &metadata] {
        assert!(verify::<SoftwareStatement>(jwt, &any, NOW).is_err());
    }
    for jwt in [&token, &statement] {
        assert!(verify::<SignedMetadata>(jwt, &any, NOW).is_err());
    }
    assert!(verify::<AuthenticationToken>(&metadata, &any, NOW).is_err());
    // A statement has all the claims of a token; its audience and its issuer's name keep it apart.
    assert_eq!(verify::<AuthenticationToken>(&statement, &OF_TOKEN, NOW).unwrap_err(), SignedError::Audience);
}

#[test]
fn the_verdict_must_be_on_this_chain_and_still_hold() {
    let jwt = member().sign(&token_claims());
    let checked = |jwt| {
        let unverified = Unverified::<AuthenticationToken>::read(jwt).unwrap();
        unverified.check_signature(&AlgorithmSet::ALL).unwrap()
    };
    let other_jwt = member().sign(&token_claims());
    let of_another = verified(checked(&other_jwt).chain());
    let refusal = checked(&jwt).verify(of_another, &OF_TOKEN, now()).unwrap_err();
    assert_eq!(refusal, SignedError::SignerMismatch);

    let signer = verified(checked(&jwt).chain());
    let after = signer.holds_until().plus(Duration::from_secs(1));
    let refusal = checked(&jwt).verify(signer, &OF_TOKEN, after).unwrap_err();
    assert_eq!(refusal, SignedError::SignerLapsed);
}

#[test]
fn a_remembered_chain_is_taken_only_for_the_same_bytes() {
    let signer = member();
    let jwt = signer.sign(&token_claims());
    let known = CertificateChain::from_ders(&signer.x5c).unwrap();
    let read = Unverified::<AuthenticationToken>::read_with(&jwt, |_| Some(known.clone())).unwrap();
    assert!(std::sync::Arc::ptr_eq(read.chain().leaf(), known.leaf()));

    let other = CertificateChain::from_ders(&member().x5c).unwrap();
    let read = Unverified::<AuthenticationToken>::read_with(&jwt, |_| Some(other.clone())).unwrap();
    assert_eq!(read.chain().digest(), known.digest());
    assert!(read.check_signature(&AlgorithmSet::ALL).is_ok());
}

#[test]
fn the_issuer_can_be_looked_at_before_anything_is_known() {
    let signer = member();
    let jwt = signer.sign(&token_claims());
    let unverified = Unverified::<AuthenticationToken>::read(&jwt).unwrap();
    assert_eq!(unverified.peek_issuer_for_lookup(), Some("c1"));
    assert_eq!(format!("{unverified:?}"), "Unverified(Authentication Token)");
    for json in [None, Some("1")] {
        let jwt = signer.sign(&with(&token_claims(), "iss", json));
        let unverified = Unverified::<AuthenticationToken>::read(&jwt).unwrap();
        assert_eq!(unverified.peek_issuer_for_lookup(), None);
    }
}

/// Shows: JWT-1
#[test]
fn refuses_claims_that_are_no_json_object_and_other_serializations() {
    let signer = member();
    for payload in ["[]", "\"x\"", "{\"iss\":\"a\",\"iss\":\"b\"}", "{}{}", "{\"a\":}", "\u{feff}{}"] {
        let jwt = signer.sign_bytes(Some("JWT"), payload.as_bytes());
        let refusal = check::<AuthenticationToken>(&jwt);
        assert!(matches!(refusal, Err(SignedError::Claims(_))), "{payload:?}");
    }
    let jwt = signer.sign(&token_claims());
    for other in [format!("{jwt}.x"), format!("{jwt}="), format!(" {jwt}"), jwt.rsplit_once('.').unwrap().0.to_owned()]
    {
        assert!(matches!(check::<AuthenticationToken>(&other), Err(SignedError::Jws(_))));
    }
    assert!(check::<AuthenticationToken>(r#"{"payload":"e30","signatures":[]}"#).is_err());
}

/// Shows: DCR-24
#[test]
fn what_is_wrong_decides_the_registration_code() {
    use crate::oauth_error::ErrorCode;
    let code = |member: &str, json: &str| {
        let jwt = self::member().sign(&with(&statement_claims(), member, Some(json)));
        verify::<SoftwareStatement>(&jwt, &OF_STATEMENT, NOW).unwrap_err().registration_code()
    };
    assert_eq!(code("aud", "\"x\""), ErrorCode::InvalidSoftwareStatement);
    assert_eq!(code("jti", "1"), ErrorCode::InvalidSoftwareStatement);
    assert_eq!(code("client_name", "1"), ErrorCode::InvalidClientMetadata);
    assert_eq!(SignedError::from(JwsError::BadSignature).registration_code(), ErrorCode::InvalidSoftwareStatement);
    let weak = SignedError::Key(tessera_jose::key::KeyError::RsaSize { bits: 1024 });
    assert_eq!(weak.registration_code(), ErrorCode::UnapprovedSoftwareStatement);
}
