//! A small CA: just enough X.509 for apps, bases and communities of a test.

use std::sync::{Arc, OnceLock};

use tessera_jose::key::{KeyKind, SigningKey, SoftwareKey};
use tessera_trust::{
    Anchor, Certificate, CertificateChain, CertificateProfile, CommunityId, RevocationPolicy, TrustCommunity, UnixTime,
};

use crate::world::NOW;

const DAY: u64 = 86_400;
const ECDSA_WITH_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];

/// The root of a community.
pub(crate) struct Ca {
    name: String,
    key: SoftwareKey,
    pub(crate) certificate: Arc<Certificate>,
}

/// A key with its chain.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) key: Arc<dyn SigningKey>,
    pub(crate) chain: Vec<Vec<u8>>,
}

impl Ca {
    pub(crate) fn new(name: &str) -> Self {
        let key = SoftwareKey::generate(KeyKind::P256).unwrap();
        let extensions = [
            extension(BASIC_CONSTRAINTS, &[0x30, 0x03, 0x01, 0x01, 0xff]),
            extension(KEY_USAGE, &[0x03, 0x02, 0x01, 0x06]),
        ];
        let der = sign(&tbs(name, name, key.public_key(), 3650 * DAY, &extensions.concat()), &key);
        Self { name: name.to_owned(), certificate: Arc::new(Certificate::from_der(&der).unwrap()), key }
    }

    pub(crate) fn community(&self, id: &CommunityId) -> TrustCommunity {
        TrustCommunity::new(
            id.clone(),
            vec![Anchor::new(self.certificate.clone()).unwrap()],
            Vec::new(),
            CertificateProfile::default(),
            RevocationPolicy::SoftFail,
        )
        .unwrap()
    }

    /// A certificate with these URI names for this key, good for a year.
    pub(crate) fn issue(&self, uris: &[&str], key: Arc<dyn SigningKey>) -> Identity {
        self.issue_for(uris, key, 365 * DAY)
    }

    pub(crate) fn issue_for(&self, uris: &[&str], key: Arc<dyn SigningKey>, life: u64) -> Identity {
        let names: Vec<u8> = uris.iter().flat_map(|uri| tlv(0x86, uri.as_bytes())).collect();
        let extensions =
            [extension(SUBJECT_ALT_NAME, &tlv(0x30, &names)), extension(KEY_USAGE, &[0x03, 0x02, 0x07, 0x80])];
        let leaf = sign(&tbs(&self.name, "leaf", key.public_key(), life, &extensions.concat()), &self.key);
        Identity { key, chain: vec![leaf, self.certificate.der().to_vec()] }
    }
}

impl Identity {
    pub(crate) fn certificates(&self) -> CertificateChain {
        CertificateChain::from_ders(&self.chain).unwrap()
    }
}

pub(crate) fn p256() -> Arc<dyn SigningKey> {
    Arc::new(SoftwareKey::generate(KeyKind::P256).unwrap())
}

pub(crate) fn p384() -> Arc<dyn SigningKey> {
    Arc::new(SoftwareKey::generate(KeyKind::P384).unwrap())
}

/// One RSA key for all bases: making one is slow.
pub(crate) fn rsa() -> Arc<dyn SigningKey> {
    static KEY: OnceLock<Arc<SoftwareKey>> = OnceLock::new();
    KEY.get_or_init(|| Arc::new(SoftwareKey::generate(KeyKind::Rsa).unwrap())).clone()
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    match content.len() {
        short @ 0..0x80 => bytes.push(u8::try_from(short).unwrap()),
        long => {
            bytes.push(0x82);
            bytes.extend(u16::try_from(long).unwrap().to_be_bytes());
            if long < 0x100 {
                bytes = vec![tag, 0x81, u8::try_from(long).unwrap()];
            }
        }
    }
    bytes.extend_from_slice(content);
    bytes
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

fn name(text: &str) -> Vec<u8> {
    let attribute = sequence(&[&tlv(0x06, COMMON_NAME), &tlv(0x0c, text.as_bytes())]);
    sequence(&[&tlv(0x31, &attribute)])
}

fn extension(oid: &[u8], value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if oid == SUBJECT_ALT_NAME { &[] } else { &[0x01, 0x01, 0xff] };
    sequence(&[&tlv(0x06, oid), critical, &tlv(0x04, value)])
}

fn utc_time(seconds: u64) -> Vec<u8> {
    let text = UnixTime::from_secs(seconds).to_utc_text();
    let digits: String = text.chars().filter(char::is_ascii_digit).skip(2).collect();
    tlv(0x17, format!("{digits}Z").as_bytes())
}

fn tbs(issuer: &str, subject: &str, spki: &[u8], life: u64, extensions: &[u8]) -> Vec<u8> {
    let serial = u64::from_be_bytes(spki[spki.len() - 8..].try_into().unwrap()) >> 1 | 1 << 56;
    sequence(&[
        &[0xa0, 0x03, 0x02, 0x01, 0x02],
        &tlv(0x02, &serial.to_be_bytes()),
        &sequence(&[&tlv(0x06, ECDSA_WITH_SHA256)]),
        &name(issuer),
        &sequence(&[&utc_time(NOW - DAY), &utc_time(NOW + life)]),
        &name(subject),
        spki,
        &tlv(0xa3, &sequence(&[extensions])),
    ])
}

fn sign(tbs: &[u8], key: &SoftwareKey) -> Vec<u8> {
    let signature = key.sign(tbs).unwrap();
    let (r, s) = signature.split_at(32);
    let signature = sequence(&[&integer(r), &integer(s)]);
    sequence(&[tbs, &sequence(&[&tlv(0x06, ECDSA_WITH_SHA256)]), &tlv(0x03, &[&[0], signature.as_slice()].concat())])
}

fn integer(bytes: &[u8]) -> Vec<u8> {
    let start = bytes.iter().position(|byte| *byte != 0).unwrap();
    let digits = &bytes[start..];
    if digits[0] < 0x80 {
        return tlv(0x02, digits);
    }
    tlv(0x02, &[&[0], digits].concat())
}
