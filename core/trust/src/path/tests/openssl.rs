//! Certificates and a revocation list that OpenSSL 3.0 made (RSA root, P-256 members), so that two encoders agree.

use super::*;
use crate::{certificate::certificates_from_pem, signature::KeyKind};

fn read(pem: &str) -> Certificate {
    certificates_from_pem(pem).unwrap().remove(0)
}

#[test]
fn judges_what_openssl_has_made() {
    let root = read(include_str!("../../testing/openssl-root.pem"));
    let app = read(include_str!("../../testing/openssl-app.pem"));
    let revoked = read(include_str!("../../testing/openssl-revoked.pem"));
    let (_, crl) = der::pem::decode_vec(include_bytes!("../../testing/openssl-crl.pem")).unwrap();
    let crl = Crl::from_der(&crl).unwrap();

    assert_eq!(root.public_key(), Ok(KeyKind::Rsa { bits: 2048 }));
    assert_eq!(root.subject(), "CN=OpenSSL Root,O=Example");
    assert_eq!(app.serial_hex(), "1000");
    assert_eq!(app.uri_names(), ["https://app.example/udap"]);
    assert_eq!(app.ca_issuer_urls(), ["http://ca.example/ca.cer"]);
    assert_eq!(app.ocsp_urls(), ["http://ocsp.example"]);
    assert_eq!(app.crl_urls(), [CA_CRL]);
    assert_eq!((crl.number().unwrap().to_string().as_str(), crl.revoked_count()), ("5", 1));

    let mut world = World::new();
    world.supply(CA_CRL, Arc::new(crl));
    let in_community = community(&[&root], &[], world.policy);
    assert!(world.judge_in(&in_community, &chain(&[&app])).is_ok());
    let refusal = world.judge_in(&in_community, &chain(&[&revoked])).unwrap_err();
    assert_eq!(refusal.kind(), RefusalKind::Revoked);
    assert!(refusal.to_string().contains("keyCompromise"), "{refusal}");
}
