//! A small trust community for tests: one CA, certificates with URI names, and JWTs signed with their keys.
//!
//! Certificates are written octet by octet, for this crate makes none otherwise.

use std::sync::{Arc, OnceLock};

use tessera_jose::json::{Limits, Object, Value, read, read_object};
use tessera_jose::jws::{HeaderTemplate, sign};
use tessera_jose::key::{KeyKind, SigningKey, SoftwareKey};
use tessera_trust::{
    Anchor, Budget, Certificate, CertificateChain, CertificateProfile, CommunityId, Evidence, PathSearch,
    RevocationPolicy, Step, TrustCommunity, UnixTime, VerifiedChain,
};

pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const CLIENT_URI: &str = "https://app.example/udap";
pub(crate) const BASE: &str = "https://data.example/fhir";
pub(crate) const REGISTRATION: &str = "https://data.example/register";
pub(crate) const TOKEN: &str = "https://data.example/token";

const CN: &[u8] = &[0x55, 0x04, 0x03];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const SHA256_WITH_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];

pub(crate) fn now() -> UnixTime {
    UnixTime::from_secs(NOW)
}

pub(crate) fn object(json: &str) -> Object {
    read_object(json.as_bytes(), &Limits::new(1 << 20)).unwrap()
}

pub(crate) fn value(json: &str) -> Value {
    read(json.as_bytes(), &Limits::new(1 << 20)).unwrap()
}

/// The object with one member replaced by this JSON, or taken out.
pub(crate) fn with(object: &Object, member: &str, json: Option<&str>) -> Object {
    let mut object = object.clone();
    match json {
        Some(json) => drop(object.insert(member, value(json))),
        None => drop(object.remove(member)),
    }
    object
}

/// A key with its certificate and the CA's.
pub(crate) struct Member {
    pub(crate) key: SoftwareKey,
    pub(crate) x5c: Vec<Vec<u8>>,
}

impl Member {
    pub(crate) fn new(uris: &[&str]) -> Self {
        Self::with_key(SoftwareKey::generate(KeyKind::P256).unwrap(), uris)
    }

    pub(crate) fn rsa(uris: &[&str]) -> Self {
        Self::with_key(SoftwareKey::generate(KeyKind::Rsa).unwrap(), uris)
    }

    fn with_key(key: SoftwareKey, uris: &[&str]) -> Self {
        let ca = ca();
        let names: Vec<u8> = uris.iter().flat_map(|uri| tlv(0x86, &[uri.as_bytes()])).collect();
        let extensions =
            [extension(KEY_USAGE, true, &[3, 2, 7, 0x80]), extension(SUBJECT_ALT_NAME, false, &tlv(0x30, &[&names]))];
        let leaf = certificate("App", key.public_key(), "CA", &ca.key, &extensions.concat());
        Self { key, x5c: vec![leaf, ca.certificate.clone()] }
    }

    /// A JWT over these claims with the usual header.
    pub(crate) fn sign(&self, claims: &Object) -> String {
        self.sign_typed(Some("JWT"), claims)
    }

    pub(crate) fn sign_typed(&self, typ: Option<&str>, claims: &Object) -> String {
        self.sign_bytes(typ, claims.to_json().as_bytes())
    }

    pub(crate) fn sign_bytes(&self, typ: Option<&str>, payload: &[u8]) -> String {
        let header = HeaderTemplate::new(self.key.algorithm()).x5c(&self.x5c);
        let header = match typ {
            Some(typ) => header.typ(typ),
            None => header,
        };
        sign(&header.build(), payload, &self.key).unwrap()
    }
}

/// What the search says of a chain in the one community of the tests.
pub(crate) fn verified(chain: &CertificateChain) -> VerifiedChain {
    verified_at(chain, now())
}

/// As [`verified`], at another time: such a verdict holds for some minutes.
pub(crate) fn verified_at(chain: &CertificateChain, at: UnixTime) -> VerifiedChain {
    let anchor = Certificate::from_der(&ca().certificate).unwrap();
    let community = TrustCommunity::new(
        CommunityId::parse("urn:example:community").unwrap(),
        vec![Anchor::new(Arc::new(anchor)).unwrap()],
        Vec::new(),
        CertificateProfile::default(),
        RevocationPolicy::SoftFail,
    )
    .unwrap();
    match PathSearch::new(&community, chain, at, Budget::default()).advance(&Evidence::new()) {
        Step::Accepted(verified) => verified,
        other => panic!("{other:?}"),
    }
}

pub(crate) struct Ca {
    pub(crate) key: SoftwareKey,
    certificate: Vec<u8>,
}

pub(crate) fn ca() -> &'static Ca {
    static CA: OnceLock<Ca> = OnceLock::new();
    CA.get_or_init(|| {
        let key = SoftwareKey::generate(KeyKind::Rsa).unwrap();
        let extensions = [
            extension(BASIC_CONSTRAINTS, true, &tlv(0x30, &[&[1, 1, 0xff]])),
            extension(KEY_USAGE, true, &[3, 2, 1, 0x06]),
        ];
        let certificate = certificate("CA", key.public_key(), "CA", &key, &extensions.concat());
        Ca { key, certificate }
    })
}

fn certificate(subject: &str, spki: &[u8], issuer: &str, issuer_key: &SoftwareKey, extensions: &[u8]) -> Vec<u8> {
    let algorithm = tlv(0x30, &[&tlv(6, &[SHA256_WITH_RSA]), &[5, 0]]);
    let validity = tlv(0x30, &[&tlv(0x17, &[b"250101000000Z"]), &tlv(0x17, &[b"350101000000Z"])]);
    let tbs = tlv(
        0x30,
        &[
            &tlv(0xa0, &[&[2, 1, 2]]),
            &[2, 1, 7],
            &algorithm,
            &name(issuer),
            &validity,
            &name(subject),
            spki,
            &tlv(0xa3, &[&tlv(0x30, &[extensions])]),
        ],
    );
    let signature = issuer_key.sign(&tbs).unwrap();
    tlv(0x30, &[&tbs, &algorithm, &tlv(3, &[&[0], &signature])])
}

fn name(common_name: &str) -> Vec<u8> {
    let attribute = tlv(0x30, &[&tlv(6, &[CN]), &tlv(0x0c, &[common_name.as_bytes()])]);
    tlv(0x30, &[&tlv(0x31, &[&attribute])])
}

fn extension(id: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { &[1, 1, 0xff] } else { &[] };
    tlv(0x30, &[&tlv(6, &[id]), critical, &tlv(4, &[value])])
}

fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let value = parts.concat();
    let length = u16::try_from(value.len()).unwrap().to_be_bytes();
    let length: &[u8] = match length {
        [0, short @ 0..=0x7f] => &[short],
        [0, long] => &[0x81, long],
        [high, low] => &[0x82, high, low],
    };
    [&[tag], length, &value].concat()
}
