use der::asn1::{AnyRef, BitStringRef, ObjectIdentifier};
use der::{Encode as _, Sequence};
use x509_cert::spki::{AlgorithmIdentifier, SubjectPublicKeyInfoRef};

use super::*;

const RSA: &str = "1.2.840.113549.1.1.1";
const EC: &str = "1.2.840.10045.2.1";
const P256_OID: &str = "1.2.840.10045.3.1.7";
const P384_OID: &str = "1.3.132.0.34";

#[derive(Sequence)]
struct Rsa<'a> {
    modulus: der::asn1::UintRef<'a>,
    exponent: der::asn1::UintRef<'a>,
}

fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new(text).unwrap()
}

fn spki(algorithm: &str, parameters: Option<AnyRef<'_>>, key: &[u8]) -> Vec<u8> {
    let algorithm = AlgorithmIdentifier { oid: oid(algorithm), parameters };
    let subject_public_key = BitStringRef::from_bytes(key).unwrap();
    SubjectPublicKeyInfoRef { algorithm, subject_public_key }.to_der().unwrap()
}

fn rsa_key(bits: usize, exponent: &[u8]) -> Vec<u8> {
    let mut modulus = vec![0xa5; bits.div_ceil(8)];
    modulus[0] = 0x80 >> (modulus.len() * 8 - bits);
    let (modulus, exponent) = (der::asn1::UintRef::new(&modulus).unwrap(), der::asn1::UintRef::new(exponent).unwrap());
    Rsa { modulus, exponent }.to_der().unwrap()
}

fn rsa(bits: usize, exponent: &[u8]) -> Vec<u8> {
    spki(RSA, Some(AnyRef::NULL), &rsa_key(bits, exponent))
}

fn kind(spki: &[u8]) -> Result<KeyKind, KeyError> {
    VerificationKey::from_spki_der(spki).map(|key| key.kind())
}

/// The key bits inside the `SubjectPublicKeyInfo` of a new key.
fn point(kind: KeyKind) -> Vec<u8> {
    let key = SoftwareKey::generate(kind).unwrap();
    let PublicNumbers::Ec { point, .. } = PublicNumbers::read(key.public_key()).unwrap() else { panic!("{kind:?}") };
    point.to_vec()
}

/// Shows: JWT-13
#[test]
fn rsa_has_2048_to_4096_bits_and_the_usual_exponent() {
    for bits in [2048, 2049, 3072, 4095, 4096] {
        assert_eq!(kind(&rsa(bits, &[1, 0, 1])), Ok(KeyKind::Rsa), "{bits}");
    }
    for bits in [512, 1024, 2047, 4097, 4104] {
        assert_eq!(kind(&rsa(bits, &[1, 0, 1])), Err(KeyError::RsaSize { bits }));
    }
    for exponent in [&[1][..], &[3], &[17], &[1, 0, 0], &[1, 0, 3], &[1, 0, 0, 1], &[1, 0, 0, 0, 0, 0, 0, 0, 1]] {
        assert_eq!(kind(&rsa(2048, exponent)), Err(KeyError::RsaExponent), "{exponent:?}");
    }
}

/// Shows: JWT-13
#[test]
fn only_the_named_curves_are_accepted() {
    let (p256, p384) = (point(KeyKind::P256), point(KeyKind::P384));
    let curve = |name: &str, point: &[u8]| kind(&spki(EC, Some(AnyRef::from(&oid(name))), point));
    assert_eq!(curve(P256_OID, &p256), Ok(KeyKind::P256));
    assert_eq!(curve(P384_OID, &p384), Ok(KeyKind::P384));

    // secp256k1, secp521r1, brainpoolP256r1
    for name in ["1.3.132.0.10", "1.3.132.0.35", "1.3.36.3.3.2.8.1.1.7"] {
        assert_eq!(curve(name, &p256), Err(KeyError::UnsupportedCurve), "{name}");
    }
    let explicit = AnyRef::new(der::Tag::Sequence, &[]).unwrap();
    assert_eq!(kind(&spki(EC, Some(explicit), &p256)), Err(KeyError::UnsupportedCurve));
    assert_eq!(kind(&spki(EC, Some(AnyRef::NULL), &p256)), Err(KeyError::UnsupportedCurve));
    assert_eq!(kind(&spki(EC, None, &p256)), Err(KeyError::UnsupportedCurve));
}

#[test]
fn points_are_uncompressed_and_on_their_curve() {
    let (p256, p384) = (point(KeyKind::P256), point(KeyKind::P384));
    let curve = |name: &str, point: &[u8]| kind(&spki(EC, Some(AnyRef::from(&oid(name))), point));
    let mut compressed = p256[..33].to_vec();
    compressed[0] = 2;
    let mut off = p256.clone();
    off[64] ^= 1;
    let mut hybrid = p256.clone();
    hybrid[0] = 6;
    let zero = [&[4][..], &[0; 64]].concat();
    for (name, point) in [
        (P256_OID, &p384[..]),
        (P384_OID, &p256),
        (P256_OID, &compressed),
        (P256_OID, &off),
        (P256_OID, &hybrid),
        (P256_OID, &zero),
        (P256_OID, &[0]),
        (P256_OID, &[]),
    ] {
        assert_eq!(curve(name, point), Err(KeyError::Malformed), "{name} {point:?}");
    }
}

#[test]
fn other_key_types_are_refused() {
    // RSASSA-PSS, Ed25519, DSA
    for name in ["1.2.840.113549.1.1.10", "1.3.101.112", "1.2.840.10040.4.1"] {
        assert_eq!(kind(&spki(name, None, &rsa_key(2048, &[1, 0, 1]))), Err(KeyError::UnsupportedType), "{name}");
    }
}

#[test]
fn der_is_strict() {
    let good = rsa(2048, &[1, 0, 1]);
    assert_eq!(kind(&good), Ok(KeyKind::Rsa));
    assert_eq!(kind(&[&good[..], &[0]].concat()), Err(KeyError::Malformed));
    assert_eq!(kind(&good[..good.len() - 1]), Err(KeyError::Malformed));
    assert_eq!(kind(&[]), Err(KeyError::Malformed));
    assert_eq!(kind(&vec![0x30; 5000]), Err(KeyError::Malformed));
    let key = rsa_key(2048, &[1, 0, 1]);
    assert_eq!(kind(&spki(RSA, None, &key)), Err(KeyError::Malformed));
    assert_eq!(kind(&spki(RSA, Some(AnyRef::NULL), &[&key[..], &[0]].concat())), Err(KeyError::Malformed));
    let mut even = key;
    let last_of_modulus = even.len() - 6;
    even[last_of_modulus] &= 0xfe;
    assert_eq!(kind(&spki(RSA, Some(AnyRef::NULL), &even)), Err(KeyError::Malformed));
}

#[test]
fn every_prefix_and_every_flipped_byte_is_survived() {
    for kind in [KeyKind::Rsa, KeyKind::P256] {
        let key = SoftwareKey::generate(kind).unwrap();
        let spki = key.public_key();
        for place in 0..spki.len() {
            let _ = VerificationKey::from_spki_der(&spki[..place]);
            let mut flipped = spki.to_vec();
            flipped[place] ^= 0x41;
            let _ = VerificationKey::from_spki_der(&flipped);
        }
    }
}

#[test]
fn pem_round_trips_and_keeps_the_key() {
    for kind in [KeyKind::Rsa, KeyKind::P256, KeyKind::P384] {
        let key = SoftwareKey::generate(kind).unwrap();
        let pem = key.to_pkcs8_pem();
        let text =
            format!("# comment\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n{}\n", pem.as_str());
        let read = SoftwareKey::from_pem(&text).unwrap();
        assert_eq!((read.kind(), read.algorithm()), (kind, kind.usual_algorithm()));
        assert_eq!(read.public_key(), key.public_key());

        let signature = read.sign(b"message").unwrap();
        let public = VerificationKey::from_spki_der(key.public_key()).unwrap();
        assert_eq!(public.verify(read.algorithm(), b"message", &signature), Ok(()));
        assert_eq!(public.verify(read.algorithm(), b"massage", &signature), Err(VerificationFailed));
    }
}

#[test]
fn pem_must_hold_exactly_one_pkcs8_key() {
    let pem = SoftwareKey::generate(KeyKind::P256).unwrap().to_pkcs8_pem();
    let renamed = |label: &str| pem.replace("PRIVATE KEY", label);
    for text in [
        String::new(),
        "no key".into(),
        format!("{}{}", pem.as_str(), pem.as_str()),
        renamed("EC PRIVATE KEY"),
        renamed("ENCRYPTED PRIVATE KEY"),
        pem.replace("-----END PRIVATE KEY-----", ""),
        "x".repeat(20_000),
    ] {
        assert_eq!(SoftwareKey::from_pem(&text).err(), Some(KeyError::NotPkcs8), "{text}");
    }
    let junk = "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n";
    assert_eq!(SoftwareKey::from_pem(junk).err(), Some(KeyError::Malformed));
}

#[test]
fn only_a_fitting_algorithm_can_be_chosen() {
    let rsa = SoftwareKey::generate(KeyKind::Rsa).unwrap();
    assert_eq!(rsa.with_algorithm(Algorithm::Rs384).unwrap().algorithm(), Algorithm::Rs384);
    let ec = SoftwareKey::generate(KeyKind::P256).unwrap();
    assert_eq!(ec.with_algorithm(Algorithm::Es384).err(), Some(KeyError::Algorithm(Algorithm::Es384)));
}

#[test]
fn debug_tells_no_secret() {
    let key = SoftwareKey::generate(KeyKind::P256).unwrap();
    assert_eq!(
        format!("{key:?}"),
        "SoftwareKey { algorithm: Es256, private_key: \"[redacted]\", .. }".replace('"', "")
    );
}
