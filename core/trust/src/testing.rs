//! Certificates and revocation lists for tests: a builder makes a valid one, the test breaks one property.
//!
//! Written by hand, octet by octet, and not with the encoder of a library, which would refuse to write what hostile
//! peers send.

use std::{str::FromStr, sync::Arc};

use aws_lc_rs::{
    encoding::AsDer,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair,
        RSA_PKCS1_SHA256, RsaKeyPair,
    },
};
use const_oid::ObjectIdentifier;
use der::Encode;

use crate::{
    anchor::Anchor,
    certificate::Certificate,
    chain::CertificateChain,
    community::{CommunityId, TrustCommunity},
    profile::CertificateProfile,
    revocation::{Crl, CrlError, RevocationPolicy},
    time::UnixTime,
};

pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const DAY: u64 = 86_400;
pub(crate) const NAME_CONSTRAINTS: &str = "2.5.29.30";
pub(crate) const ISSUING_DISTRIBUTION_POINT: &str = "2.5.29.28";
pub(crate) const APP_URI: &str = "https://app.example/udap";

pub(crate) fn now() -> UnixTime {
    UnixTime::from_secs(NOW)
}

/// One element of DER.
pub(crate) fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut bytes = vec![tag];
    if length < 0x80 {
        bytes.push(u8::try_from(length).unwrap());
    } else {
        let octets = length.to_be_bytes();
        let octets: Vec<u8> = octets.into_iter().skip_while(|octet| *octet == 0).collect();
        bytes.push(0x80 | u8::try_from(octets.len()).unwrap());
        bytes.extend(octets);
    }
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
    bytes
}

pub(crate) fn oid(text: &str) -> Vec<u8> {
    tlv(0x06, &[ObjectIdentifier::new_unwrap(text).as_bytes()])
}

pub(crate) fn name(text: &str) -> Vec<u8> {
    x509_cert::name::Name::from_str(text).unwrap().to_der().unwrap()
}

pub(crate) fn integer(value: &[u8]) -> Vec<u8> {
    if value.first().is_some_and(|first| first & 0x80 != 0) { tlv(2, &[&[0], value]) } else { tlv(2, &[value]) }
}

fn utc_time(seconds: u64) -> Vec<u8> {
    let mut text = UnixTime::from_secs(seconds).to_utc_text();
    text.retain(|character| character.is_ascii_digit() || character == 'Z');
    tlv(0x17, &[&text.as_bytes()[2..]])
}

fn extension(id: &str, critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { &[1, 1, 0xff] } else { &[] };
    tlv(0x30, &[&oid(id), critical, &tlv(4, &[value])])
}

/// `[0] { [0] { [6] url } }`: a DistributionPointName inside its explicit tag.
pub(crate) fn distribution_point_name(urls: &[String]) -> Vec<u8> {
    let names: Vec<u8> = urls.iter().flat_map(|url| tlv(0x86, &[url.as_bytes()])).collect();
    tlv(0xa0, &[&tlv(0xa0, &[&names])])
}

/// A key pair, or only the public half of one that nobody could use.
pub(crate) struct Key {
    pub(crate) spki: Vec<u8>,
    signer: Option<Signer>,
    identifier: Vec<u8>,
}

enum Signer {
    Ec(EcdsaKeyPair, &'static str),
    Rsa(RsaKeyPair),
}

impl Key {
    pub(crate) fn p256() -> Self {
        Self::ec(&ECDSA_P256_SHA256_ASN1_SIGNING, "1.2.840.10045.4.3.2")
    }

    pub(crate) fn p384() -> Self {
        Self::ec(&ECDSA_P384_SHA384_ASN1_SIGNING, "1.2.840.10045.4.3.3")
    }

    fn ec(algorithm: &'static EcdsaSigningAlgorithm, signature: &'static str) -> Self {
        let pair = EcdsaKeyPair::generate(algorithm).unwrap();
        let spki = pair.public_key().as_der().unwrap().as_ref().to_vec();
        Self::new(spki, Some(Signer::Ec(pair, signature)))
    }

    pub(crate) fn rsa2048() -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let spki = pair.public_key().as_der().unwrap().as_ref().to_vec();
        Self::new(spki, Some(Signer::Rsa(pair)))
    }

    /// The public half of an RSA key of any size with the usual exponent.
    pub(crate) fn rsa(bits: usize) -> Self {
        Self::rsa_with_exponent(bits, &[1, 0, 1])
    }

    pub(crate) fn rsa_with_exponent(bits: usize, exponent: &[u8]) -> Self {
        let modulus = vec![0xc5; bits / 8];
        let key = tlv(0x30, &[&integer(&modulus), &integer(exponent)]);
        Self::public(&[&oid("1.2.840.113549.1.1.1"), &[5, 0]], &key)
    }

    pub(crate) fn public(algorithm: &[&[u8]], key: &[u8]) -> Self {
        let spki = tlv(0x30, &[&tlv(0x30, algorithm), &tlv(3, &[&[0], key])]);
        Self::new(spki, None)
    }

    fn new(spki: Vec<u8>, signer: Option<Signer>) -> Self {
        let identifier = crate::certificate::sha256(&spki)[..20].to_vec();
        Self { spki, signer, identifier }
    }

    fn algorithm(&self) -> Vec<u8> {
        match self.signer.as_ref().unwrap() {
            Signer::Ec(_, algorithm) => tlv(0x30, &[&oid(algorithm)]),
            Signer::Rsa(_) => tlv(0x30, &[&oid("1.2.840.113549.1.1.11"), &[5, 0]]),
        }
    }

    /// `SEQUENCE { tbs, algorithm, signature }`, where `tbs` gets the algorithm it must repeat.
    fn sign(&self, algorithm: Option<Vec<u8>>, tbs: impl FnOnce(&[u8]) -> Vec<u8>) -> Vec<u8> {
        let algorithm = algorithm.unwrap_or_else(|| self.algorithm());
        let tbs = tbs(&algorithm);
        let signature = match self.signer.as_ref().unwrap() {
            Signer::Ec(pair, _) => pair.sign(&SystemRandom::new(), &tbs).unwrap().as_ref().to_vec(),
            Signer::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &tbs, &mut signature).unwrap();
                signature
            }
        };
        tlv(0x30, &[&tbs, &algorithm, &tlv(3, &[&[0], &signature])])
    }
}

/// A certificate in the making; every field may be changed before it is signed.
#[derive(Clone)]
pub(crate) struct Builder {
    pub(crate) subject: String,
    pub(crate) serial: Vec<u8>,
    pub(crate) not_before: u64,
    pub(crate) not_after: u64,
    pub(crate) spki: Vec<u8>,
    pub(crate) subject_key_id: Option<Vec<u8>>,
    pub(crate) authority_key_id: bool,
    /// CA mark and path length.
    pub(crate) basic_constraints: Option<(bool, Option<u8>)>,
    /// First octet of the bit list: 80 digitalSignature, 04 keyCertSign, 02 cRLSign.
    pub(crate) key_usage: Option<u8>,
    pub(crate) purposes: Vec<&'static str>,
    pub(crate) uris: Vec<String>,
    pub(crate) crl_urls: Vec<String>,
    pub(crate) algorithm: Option<Vec<u8>>,
    extra: Vec<Vec<u8>>,
}

impl Builder {
    pub(crate) fn ca(subject: &str, key: &Key) -> Self {
        Self {
            subject: subject.to_owned(),
            serial: vec![1],
            not_before: NOW - DAY,
            not_after: NOW + 365 * DAY,
            spki: key.spki.clone(),
            subject_key_id: Some(key.identifier.clone()),
            authority_key_id: true,
            basic_constraints: Some((true, None)),
            key_usage: Some(0x06),
            purposes: vec![],
            uris: vec![],
            crl_urls: vec![],
            algorithm: None,
            extra: vec![],
        }
    }

    pub(crate) fn leaf(key: &Key) -> Self {
        Self {
            basic_constraints: None,
            key_usage: Some(0x80),
            uris: vec![APP_URI.to_owned()],
            not_after: NOW + 90 * DAY,
            ..Self::ca("CN=App", key)
        }
    }

    pub(crate) fn crl_url(mut self, url: &str) -> Self {
        self.crl_urls = vec![url.to_owned()];
        self
    }

    pub(crate) fn extra(&mut self, id: &str, critical: bool, value: &[u8]) {
        self.extra.push(extension(id, critical, value));
    }

    pub(crate) fn self_signed(&self, key: &Key) -> Certificate {
        self.issued_by(&self.subject, key)
    }

    pub(crate) fn issued_by(&self, issuer: &str, key: &Key) -> Certificate {
        Certificate::from_der(&self.der(issuer, key)).unwrap()
    }

    pub(crate) fn der(&self, issuer: &str, key: &Key) -> Vec<u8> {
        key.sign(self.algorithm.clone(), |algorithm| {
            let validity = tlv(0x30, &[&utc_time(self.not_before), &utc_time(self.not_after)]);
            let extensions = tlv(0xa3, &[&tlv(0x30, &[&self.extensions(key)])]);
            tlv(
                0x30,
                &[
                    &tlv(0xa0, &[&integer(&[2])]),
                    &integer(&self.serial),
                    algorithm,
                    &name(issuer),
                    &validity,
                    &name(&self.subject),
                    &self.spki,
                    &extensions,
                ],
            )
        })
    }

    fn extensions(&self, issuer_key: &Key) -> Vec<u8> {
        let mut list = Vec::new();
        if let Some((ca, path_len)) = self.basic_constraints {
            let ca: &[u8] = if ca { &[1, 1, 0xff] } else { &[] };
            let path_len = path_len.map(|length| integer(&[length])).unwrap_or_default();
            list.extend(extension("2.5.29.19", true, &tlv(0x30, &[ca, &path_len])));
        }
        if let Some(usage) = self.key_usage {
            let unused = u8::try_from(usage.trailing_zeros()).unwrap();
            list.extend(extension("2.5.29.15", true, &tlv(3, &[&[unused, usage]])));
        }
        if !self.purposes.is_empty() {
            let purposes: Vec<u8> = self.purposes.iter().flat_map(|purpose| oid(purpose)).collect();
            list.extend(extension("2.5.29.37", false, &tlv(0x30, &[&purposes])));
        }
        if !self.uris.is_empty() {
            let names: Vec<u8> = self.uris.iter().flat_map(|uri| tlv(0x86, &[uri.as_bytes()])).collect();
            list.extend(extension("2.5.29.17", false, &tlv(0x30, &[&names])));
        }
        if !self.crl_urls.is_empty() {
            // A distribution point each, so that each is an alternative of its own.
            let points: Vec<u8> = self
                .crl_urls
                .iter()
                .flat_map(|url| tlv(0x30, &[&distribution_point_name(std::slice::from_ref(url))]))
                .collect();
            list.extend(extension("2.5.29.31", false, &tlv(0x30, &[&points])));
        }
        if let Some(identifier) = &self.subject_key_id {
            list.extend(extension("2.5.29.14", false, &tlv(4, &[identifier])));
        }
        if self.authority_key_id {
            let value = tlv(0x30, &[&tlv(0x80, &[&issuer_key.identifier])]);
            list.extend(extension("2.5.29.35", false, &value));
        }
        list.extend(self.extra.concat());
        list
    }
}

/// A revocation list in the making.
#[derive(Clone)]
pub(crate) struct CrlBuilder {
    pub(crate) issuer: String,
    pub(crate) this_update: u64,
    pub(crate) next_update: Option<u64>,
    /// Serial numbers and entry extensions.
    pub(crate) revoked: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) number: Option<Vec<u8>>,
    pub(crate) algorithm: Option<Vec<u8>>,
    extra: Vec<Vec<u8>>,
}

impl CrlBuilder {
    pub(crate) fn new(issuer: &str) -> Self {
        Self {
            issuer: issuer.to_owned(),
            this_update: NOW - 3600,
            next_update: Some(NOW + DAY),
            revoked: vec![],
            number: Some(vec![7]),
            algorithm: None,
            extra: vec![],
        }
    }

    pub(crate) fn revoking(mut self, serial: &[u8]) -> Self {
        self.revoked.push((serial.to_vec(), vec![]));
        self
    }

    /// Revokes a serial number with one entry extension.
    pub(crate) fn revoking_with(mut self, serial: &[u8], id: &str, critical: bool, value: &[u8]) -> Self {
        self.revoked.push((serial.to_vec(), tlv(0x30, &[&extension(id, critical, value)])));
        self
    }

    pub(crate) fn extra(mut self, id: &str, critical: bool, value: &[u8]) -> Self {
        self.extra.push(extension(id, critical, value));
        self
    }

    pub(crate) fn der(&self, key: &Key) -> Vec<u8> {
        key.sign(self.algorithm.clone(), |algorithm| {
            let entries: Vec<u8> = self
                .revoked
                .iter()
                .flat_map(|(serial, extensions)| tlv(0x30, &[&integer(serial), &utc_time(NOW - DAY), extensions]))
                .collect();
            let entries = if entries.is_empty() { vec![] } else { tlv(0x30, &[&entries]) };
            let mut extensions = self.extra.concat();
            if let Some(number) = &self.number {
                extensions.extend(extension("2.5.29.20", false, &integer(number)));
            }
            let extensions = if extensions.is_empty() { vec![] } else { tlv(0xa0, &[&tlv(0x30, &[&extensions])]) };
            tlv(
                0x30,
                &[
                    &integer(&[1]),
                    algorithm,
                    &name(&self.issuer),
                    &utc_time(self.this_update),
                    &self.next_update.map(utc_time).unwrap_or_default(),
                    &entries,
                    &extensions,
                ],
            )
        })
    }

    pub(crate) fn read(&self, key: &Key) -> Result<Crl, CrlError> {
        Crl::from_der(&self.der(key))
    }

    pub(crate) fn signed_by(&self, key: &Key) -> Arc<Crl> {
        Arc::new(self.read(key).unwrap())
    }
}

pub(crate) fn chain(certificates: &[&Certificate]) -> CertificateChain {
    let ders: Vec<_> = certificates.iter().map(|certificate| certificate.der().to_vec()).collect();
    CertificateChain::from_ders(&ders).unwrap()
}

pub(crate) fn community(
    anchors: &[&Certificate],
    intermediates: &[&Certificate],
    policy: RevocationPolicy,
) -> TrustCommunity {
    named_community("urn:example:community", anchors, intermediates, policy)
}

pub(crate) fn named_community(
    id: &str,
    anchors: &[&Certificate],
    intermediates: &[&Certificate],
    policy: RevocationPolicy,
) -> TrustCommunity {
    profiled_community(id, anchors, intermediates, CertificateProfile::default(), policy)
}

pub(crate) fn profiled_community(
    id: &str,
    anchors: &[&Certificate],
    intermediates: &[&Certificate],
    profile: CertificateProfile,
    policy: RevocationPolicy,
) -> TrustCommunity {
    let copy = |certificate: &Certificate| Arc::new(Certificate::from_der(certificate.der()).unwrap());
    let anchors = anchors.iter().map(|anchor| Anchor::new(copy(anchor)).unwrap()).collect();
    let intermediates = intermediates.iter().map(|certificate| copy(certificate)).collect();
    TrustCommunity::new(CommunityId::parse(id).unwrap(), anchors, intermediates, profile, policy).unwrap()
}
