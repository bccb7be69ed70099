use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use proptest::prelude::*;

use super::*;
use crate::algorithm::{Algorithm, AlgorithmSet};
use crate::base64url::base64url_encode;
use crate::json::{JsonError, MemberError};
use crate::jwk::Jwk;
use crate::key::{KeyKind, SignError, SigningKey, SoftwareKey, VerificationKey};

const CLAIMS: &[u8] = br#"{"iss":"https://app.example/"}"#;
/// Stands for a certificate; its base64 has `+`, `/` and padding, so that every other alphabet shows.
const CERTIFICATE: [u8; 5] = [0x30, 0x03, 0xfb, 0xff, 0xbf];

fn key(kind: KeyKind) -> SoftwareKey {
    SoftwareKey::generate(kind).unwrap()
}

fn public(key: &SoftwareKey) -> VerificationKey {
    VerificationKey::from_spki_der(key.public_key()).unwrap()
}

/// Signs whatever header is given, so that one thing can be wrong while the signature is right.
fn forge(header: &str, key: &SoftwareKey) -> String {
    let signed = format!("{}.{}", base64url_encode(header.as_bytes()), base64url_encode(CLAIMS));
    let signature = base64url_encode(&key.sign(signed.as_bytes()).unwrap());
    format!("{signed}.{signature}")
}

fn refusal(text: &str) -> JwsError {
    CompactJws::read(text).unwrap_err()
}

/// Shows: JWT-2, JWT-3, JWT-4
#[test]
fn each_algorithm_is_produced_and_accepted() {
    let keys = [
        key(KeyKind::Rsa),
        key(KeyKind::Rsa).with_algorithm(Algorithm::Rs384).unwrap(),
        key(KeyKind::P256),
        key(KeyKind::P384),
    ];
    for key in keys {
        let algorithm = key.algorithm();
        let chain = [CERTIFICATE.to_vec(), vec![0x30, 0x00]];
        let header = HeaderTemplate::new(algorithm).typ("JWT").kid("1").x5c(&chain).build();
        let text = sign(&header, CLAIMS, &key).unwrap();

        let jws = CompactJws::read(&text).unwrap();
        assert_eq!(jws.algorithm(), algorithm);
        assert_eq!(jws.payload(), CLAIMS);
        assert_eq!(jws.x5c().unwrap(), chain);
        assert_eq!(jws.header().required_str("typ"), Ok("JWT"));
        assert_eq!(jws.verify(&public(&key), &AlgorithmSet::from_iter([algorithm])), Ok(()));
    }
}

/// Shows: JWT-4, JWT-13
#[test]
fn an_algorithm_outside_the_configuration_is_refused() {
    let key = key(KeyKind::P384);
    let text = forge(r#"{"alg":"ES384"}"#, &key);
    let jws = CompactJws::read(&text).unwrap();
    let refused = Err(JwsError::AlgorithmNotAllowed(Algorithm::Es384));
    assert_eq!(jws.verify(&public(&key), &AlgorithmSet::default()), refused);
    assert_eq!(jws.verify(&public(&key), &AlgorithmSet::EMPTY), refused);
    assert_eq!(jws.verify(&public(&key), &AlgorithmSet::ALL), Ok(()));
}

/// Shows: JWT-13
#[test]
fn other_algorithms_are_refused_when_read() {
    let key = key(KeyKind::Rsa);
    for name in ["none", "NONE", "HS256", "PS256", "RS512", "ES512", "ES256K", "EdDSA", "rs256", ""] {
        let text = forge(&format!(r#"{{"alg":"{name}"}}"#), &key);
        assert_eq!(refusal(&text), JwsError::UnsupportedAlgorithm, "{name:?}");
    }
    let unsigned = format!("{}.{}.", base64url_encode(br#"{"alg":"none"}"#), base64url_encode(CLAIMS));
    assert_eq!(refusal(&unsigned), JwsError::UnsupportedAlgorithm);
}

/// Shows: JWT-13
#[test]
fn the_algorithm_must_fit_the_key() {
    let mismatches = [
        ("ES256", KeyKind::P384, Algorithm::Es256),
        ("ES384", KeyKind::P256, Algorithm::Es384),
        ("RS256", KeyKind::P256, Algorithm::Rs256),
        ("RS384", KeyKind::P384, Algorithm::Rs384),
        ("ES256", KeyKind::Rsa, Algorithm::Es256),
    ];
    for (name, kind, algorithm) in mismatches {
        let key = key(kind);
        let text = forge(&format!(r#"{{"alg":"{name}"}}"#), &key);
        let jws = CompactJws::read(&text).unwrap();
        let verdict = jws.verify(&public(&key), &AlgorithmSet::ALL);
        assert_eq!(verdict, Err(JwsError::KeyMismatch(algorithm)), "{name} {kind:?}");
    }

    // Same family, but the header was written over another hash.
    let key = key(KeyKind::Rsa);
    let text = forge(r#"{"alg":"RS384"}"#, &key);
    let jws = CompactJws::read(&text).unwrap();
    assert_eq!(jws.verify(&public(&key), &AlgorithmSet::ALL), Err(JwsError::BadSignature));
}

/// Shows: JWT-6
#[test]
fn a_key_that_the_message_brings_is_not_used() {
    let (ours, attacker) = (key(KeyKind::P256), key(KeyKind::P256));
    let jwk = serde_json::to_string(&Jwk::from_signing_key(&attacker).unwrap()).unwrap();
    let kid = Jwk::from_signing_key(&attacker).unwrap().kid().to_owned();
    for header in [
        r#"{"alg":"ES256"}"#.to_owned(),
        format!(r#"{{"alg":"ES256","jwk":{jwk}}}"#),
        format!(r#"{{"alg":"ES256","kid":"{kid}"}}"#),
        r#"{"alg":"ES256","jku":"https://attacker.example/keys","x5u":"https://attacker.example/chain"}"#.to_owned(),
    ] {
        let text = forge(&header, &attacker);
        let jws = CompactJws::read(&text).unwrap();
        assert_eq!(jws.verify(&public(&ours), &AlgorithmSet::ALL), Err(JwsError::BadSignature), "{header}");
    }
}

/// Shows: JWT-6
#[test]
fn any_change_breaks_the_signature() {
    for kind in [KeyKind::Rsa, KeyKind::P256, KeyKind::P384] {
        let key = key(kind);
        let header = HeaderTemplate::new(key.algorithm()).build();
        let text = sign(&header, CLAIMS, &key).unwrap();
        let verify = |text: &str| CompactJws::read(text)?.verify(&public(&key), &AlgorithmSet::ALL);
        assert_eq!(verify(&text), Ok(()));

        let segments: Vec<&str> = text.split('.').collect();
        let other_header = format!(r#"{{"alg":"{}","typ":"JWT"}}"#, key.algorithm());
        let changed = [
            format!("{}.{}.{}", segments[0], base64url_encode(b"{}"), segments[2]),
            format!("{}.{}.{}", base64url_encode(other_header.as_bytes()), segments[1], segments[2]),
            format!("{}.{}.{}", segments[0], segments[1], base64url_encode(b"short")),
            format!("{}.{}.{}", segments[0], segments[1], base64url_encode(&[0; 64])),
            format!("{}.{}.{}AAAA", segments[0], segments[1], segments[2].trim_end_matches('A')),
        ];
        for text in changed {
            assert!(verify(&text).is_err(), "{kind:?}");
        }
    }
}

/// A DER-encoded ECDSA signature, as X.509 has it, is no JWS signature.
///
/// Shows: JWT-1
#[test]
fn an_ecdsa_signature_has_its_fixed_length() {
    let key = key(KeyKind::P256);
    let signed = format!("{}.{}", base64url_encode(br#"{"alg":"ES256"}"#), base64url_encode(CLAIMS));
    let fixed = key.sign(signed.as_bytes()).unwrap();
    assert_eq!(fixed.len(), 64);
    let mut der = vec![0x30, 70, 0x02, 33, 0];
    der.extend_from_slice(&fixed[..32]);
    der.extend_from_slice(&[0x02, 33, 0]);
    der.extend_from_slice(&fixed[32..]);
    let text = format!("{signed}.{}", base64url_encode(&der));
    let jws = CompactJws::read(&text).unwrap();
    assert_eq!(jws.verify(&public(&key), &AlgorithmSet::ALL), Err(JwsError::BadSignature));
}

/// Shows: JWT-1
#[test]
fn only_three_segments_are_compact() {
    let text = forge(r#"{"alg":"ES256"}"#, &key(KeyKind::P256));
    let segments: Vec<&str> = text.split('.').collect();
    let two = format!("{}.{}", segments[0], segments[1]);
    let detached = format!("{}..{}", segments[0], segments[2]);
    for other in [
        String::new(),
        segments[0].to_owned(),
        two.clone(),
        format!("{two}."),
        format!("{text}.{}", segments[2]),
        format!("{text}."),
        format!(".{text}"),
        format!("{text}.x.y"),
        detached,
        format!(".{}.{}", segments[1], segments[2]),
        "..".to_owned(),
    ] {
        assert_eq!(refusal(&other), JwsError::NotCompact, "{other:?}");
    }
}

/// Shows: JWT-1
#[test]
fn json_serialization_is_refused() {
    let text = forge(r#"{"alg":"ES256"}"#, &key(KeyKind::P256));
    let segments: Vec<&str> = text.split('.').collect();
    let (protected, payload, signature) = (segments[0], segments[1], segments[2]);
    let flattened = format!(r#"{{"protected":"{protected}","payload":"{payload}","signature":"{signature}"}}"#);
    assert_eq!(refusal(&flattened), JwsError::NotCompact);
    assert!(matches!(refusal(&format!("{{.{payload}.{signature}")), JwsError::NotBase64Url { segment: "header" }));
}

/// Shows: JWT-1
#[test]
fn every_segment_has_one_spelling() {
    let text = forge(r#"{"alg":"ES256"}"#, &key(KeyKind::P256));
    let segments: Vec<String> = text.split('.').map(str::to_owned).collect();
    // 64 bytes leave four unused bits in the last character; a set one is another spelling of the same signature.
    let respelt = {
        let (start, last) = segments[2].split_at(segments[2].len() - 1);
        let next = char::from(last.as_bytes()[0] + 1);
        format!("{start}{next}")
    };
    let spellings = |segment: &str| {
        [
            format!("{segment}="),
            format!("{segment}=="),
            format!(" {segment}"),
            format!("{segment}\n"),
            format!("+{segment}"),
        ]
    };
    for (place, name) in ["header", "payload", "signature"].into_iter().enumerate() {
        for spelling in spellings(&segments[place]) {
            let mut other = segments.clone();
            other[place] = spelling;
            assert_eq!(refusal(&other.join(".")), JwsError::NotBase64Url { segment: name }, "{other:?}");
        }
    }
    let other = format!("{}.{}.{respelt}", segments[0], segments[1]);
    assert_eq!(refusal(&other), JwsError::NotBase64Url { segment: "signature" });
    let padded = format!("{}.{}.{}", URL_SAFE.encode(br#" {"alg":"ES256"}"#), segments[1], segments[2]);
    assert!(padded.contains('=') && CompactJws::read(&padded).is_err());
}

/// Shows: JWT-1
#[test]
fn crit_b64_and_zip_are_refused_whatever_they_say() {
    let key = key(KeyKind::P256);
    for (member, name) in [
        (r#""crit":["exp"],"exp":1"#, "crit"),
        (r#""crit":[]"#, "crit"),
        (r#""b64":false,"crit":["b64"]"#, "crit"),
        (r#""b64":true"#, "b64"),
        (r#""zip":"DEF""#, "zip"),
        (r#""zip":null"#, "zip"),
    ] {
        let text = forge(&format!(r#"{{"alg":"ES256",{member}}}"#), &key);
        assert_eq!(refusal(&text), JwsError::RefusedParameter { name }, "{member}");
    }
}

/// Shows: JWT-5
#[test]
fn the_header_must_be_an_object_with_a_string_alg() {
    let key = key(KeyKind::P256);
    let read = |header: &str| refusal(&forge(header, &key));
    assert_eq!(read("{}"), JwsError::HeaderMember(MemberError::Missing { name: "alg".into() }));
    for header in [r#"{"alg":null}"#, r#"{"alg":["ES256"]}"#, r#"{"alg":256}"#] {
        assert!(matches!(read(header), JwsError::HeaderMember(MemberError::WrongType { .. })), "{header}");
    }
    assert_eq!(read(r#"["ES256"]"#), JwsError::Header(JsonError::NotAnObject));
    assert_eq!(read(r#"{"alg":"ES256","alg":"ES256"}"#), JwsError::Header(JsonError::DuplicateMember));
    assert_eq!(read(r#"{"alg":"ES256","jwk":{"a":1,"a":1}}"#), JwsError::Header(JsonError::DuplicateMember));
    assert!(matches!(read(r#"{"alg":"ES256"} x"#), JwsError::Header(JsonError::Syntax { .. })));
}

#[test]
fn size_is_looked_at_first() {
    assert_eq!(refusal(&"\u{e4}".repeat(MAX_JWS_BYTES)), JwsError::TooLarge);
    assert_eq!(refusal(&"A".repeat(MAX_JWS_BYTES)), JwsError::NotCompact);
}

/// Shows: JWT-5
#[test]
fn x5c_is_an_array_of_standard_base64_der() {
    let key = key(KeyKind::P256);
    let x5c = |member: &str| {
        let text = forge(&format!(r#"{{"alg":"ES256"{member}}}"#), &key);
        CompactJws::read(&text).unwrap().x5c()
    };
    let good = STANDARD.encode(CERTIFICATE);
    assert!(good.contains('+') || good.contains('/'));
    assert_eq!(x5c(&format!(r#","x5c":["{good}"]"#)), Ok(vec![CERTIFICATE.to_vec()]));

    assert_eq!(x5c(""), Err(JwsError::HeaderMember(MemberError::Missing { name: "x5c".into() })));
    for other in [format!(r#""{good}""#), "null".into(), "{}".into(), "[1]".into(), format!(r#"["{good}",null]"#)] {
        let refused = x5c(&format!(r#","x5c":{other}"#));
        assert!(matches!(refused, Err(JwsError::HeaderMember(MemberError::WrongType { .. }))), "{other}");
    }
    assert_eq!(x5c(r#","x5c":[]"#), Err(JwsError::CertificateCount));
    let eleven = vec![format!("\"{good}\""); 11].join(",");
    assert_eq!(x5c(&format!(r#","x5c":[{eleven}]"#)), Err(JwsError::CertificateCount));

    let pem = format!("-----BEGIN CERTIFICATE-----\\n{good}\\n-----END CERTIFICATE-----");
    let split = format!("{}\\n{}", &good[..4], &good[4..]);
    let respelt = STANDARD.encode([0x30]).replace("MA==", "MB==");
    for other in [
        URL_SAFE.encode(CERTIFICATE),
        STANDARD_NO_PAD.encode(CERTIFICATE),
        pem,
        split,
        respelt,
        format!("{good}="),
        format!(" {good}"),
        String::new(),
    ] {
        let refused = x5c(&format!(r#","x5c":["{good}","{other}"]"#));
        assert_eq!(refused, Err(JwsError::Certificate { index: 1 }), "{other}");
    }
}

#[test]
fn certificates_are_measured() {
    let key = key(KeyKind::P256);
    let x5c = |length: usize| {
        let header = HeaderTemplate::new(Algorithm::Es256).x5c(&[vec![0x30; length]]).build();
        let text = sign(&header, b"{}", &key).unwrap();
        CompactJws::read(&text).unwrap().x5c().map(|certificates| certificates.len())
    };
    assert_eq!(x5c(MAX_CERTIFICATE_BYTES), Ok(1));
    assert_eq!(x5c(MAX_CERTIFICATE_BYTES + 1), Err(JwsError::Certificate { index: 0 }));
    assert_eq!(x5c(MAX_CERTIFICATE_BYTES + 100), Err(JwsError::Certificate { index: 0 }));
}

#[test]
fn signing_refuses_a_header_of_another_algorithm() {
    let header = HeaderTemplate::new(Algorithm::Rs256).build();
    let refused = SignError::AlgorithmMismatch { header: Algorithm::Rs256, key: Algorithm::Es256 };
    assert_eq!(sign(&header, CLAIMS, &key(KeyKind::P256)), Err(refused));
}

#[test]
fn debug_shows_no_claims() {
    let text = forge(r#"{"alg":"ES256","kid":"a-name"}"#, &key(KeyKind::P256));
    assert_eq!(format!("{:?}", CompactJws::read(&text).unwrap()), "CompactJws { algorithm: Es256, .. }");
}

proptest! {
    #[test]
    fn never_panics(text in r"[A-Za-z0-9_\-]{0,40}\.[A-Za-z0-9_.\-]{0,40}\.?[A-Za-z0-9_\-=]{0,40}") {
        let _ = CompactJws::read(&text).map(|jws| jws.x5c());
    }

    #[test]
    fn any_header_is_read_or_refused(header in r#"\{("(alg|x5c|crit)":("ES256"|\["[A-Za-z0-9+/=]{0,9}"\]|null),?){0,3}\}"#) {
        let text = format!("{}.e30.AAAA", base64url_encode(header.as_bytes()));
        let _ = CompactJws::read(&text).map(|jws| jws.x5c());
    }
}
