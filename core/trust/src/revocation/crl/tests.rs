use proptest::prelude::*;

use super::*;
use crate::testing::{
    Builder, CrlBuilder, DAY, ISSUING_DISTRIBUTION_POINT, Key, NOW, distribution_point_name, now, tlv,
};

const CA: &str = "CN=CA";

fn url_point() -> Vec<u8> {
    distribution_point_name(&["http://ca.example/crl".to_owned()])
}

#[test]
fn tells_what_it_is() {
    let key = Key::p256();
    let crl = CrlBuilder::new(CA).read(&key).unwrap();
    assert_eq!(crl.this_update().as_secs(), NOW - 3600);
    assert_eq!(crl.next_update().as_secs(), NOW + DAY);
    assert_eq!(crl.number().unwrap().to_string(), "7");
    assert_eq!(crl.issuer(), CA);
    assert!(crl.is_authentic(&Builder::ca(CA, &key).self_signed(&key)));
    assert!(!crl.is_authentic(&Builder::ca("CN=Other", &key).self_signed(&key)));
    let other = Key::p256();
    assert!(!crl.is_authentic(&Builder::ca(CA, &other).self_signed(&other)));
}

#[test]
fn numbers_compare_as_numbers() {
    let key = Key::p256();
    let number = |octets: &[u8]| {
        let mut builder = CrlBuilder::new(CA);
        builder.number = Some(octets.to_vec());
        builder.read(&key).map(|crl| crl.number().unwrap())
    };
    assert!(number(&[9]).unwrap() < number(&[1, 0]).unwrap());
    assert!(number(&[0x7f]).unwrap() < number(&[0x80]).unwrap());
    assert_eq!(number(&[1; 20]).unwrap().as_bytes(), &[1; 20]);
    assert!(number(&[1; 21]).is_err());
    assert_eq!(number(&[0]).unwrap().to_string(), "0");
}

#[test]
fn finds_serial_numbers_among_many() {
    let key = Key::p256();
    let mut builder = CrlBuilder::new(CA);
    // Neither in order nor of one length.
    for number in 0_u32..5000 {
        let serial = (number.wrapping_mul(2_654_435_761) | 1).to_be_bytes();
        let zeros = serial.iter().take_while(|octet| **octet == 0).count();
        builder = builder.revoking(&serial[zeros..]);
    }
    let crl = builder.read(&key).unwrap();
    assert_eq!(crl.revoked_count(), 5000);
    for (serial, _) in &builder.revoked {
        let octets = crate::testing::integer(serial);
        assert!(matches!(crl.status_of(&octets[2..]), Status::Revoked { .. }), "{serial:?}");
    }
    assert_eq!(crl.status_of(&[2]), Status::NotRevoked);
    assert_eq!(crl.status_of(&[]), Status::NotRevoked);
}

#[test]
fn tells_when_and_why() {
    let key = Key::p256();
    let crl =
        CrlBuilder::new(CA).revoking_with(&[5], "2.5.29.21", false, &[0x0a, 1, 1]).revoking(&[6]).read(&key).unwrap();
    let at = UnixTime::from_secs(NOW - DAY);
    assert_eq!(crl.status_of(&[5]), Status::Revoked { at, reason: "keyCompromise" });
    let mut certificate = Builder::leaf(&key);
    certificate.serial = vec![6];
    let certificate = certificate.issued_by(CA, &key);
    assert_eq!(crl.status(&certificate), Status::Revoked { at, reason: "no reason given" });
}

#[test]
fn refuses_kinds_of_lists_that_are_not_understood() {
    let key = Key::p256();
    let delta = CrlBuilder::new(CA).extra("2.5.29.27", true, &[2, 1, 1]);
    assert_eq!(delta.read(&key).unwrap_err(), CrlError::Delta);
    for (tag, value) in [(0x81, 0xff), (0x82, 0xff), (0x84, 0xff), (0x85, 0xff), (0x83, 0x06)] {
        let limit: Vec<u8> = if tag == 0x83 { vec![tag, 2, 1, value] } else { vec![tag, 1, value] };
        let point = tlv(0x30, &[&url_point(), &limit]);
        let partial = CrlBuilder::new(CA).extra(ISSUING_DISTRIBUTION_POINT, true, &point);
        assert!(matches!(partial.read(&key).unwrap_err(), CrlError::Partial(_)), "{tag:x}");
    }
    let plain = CrlBuilder::new(CA).extra(ISSUING_DISTRIBUTION_POINT, true, &tlv(0x30, &[&url_point()]));
    let plain = plain.read(&key).unwrap();
    assert!(plain.is_meant_for("http://ca.example/crl") && !plain.is_meant_for("http://ca.example/other"));
    assert!(CrlBuilder::new(CA).read(&key).unwrap().is_meant_for("http://ca.example/other"), "a complete list");
}

#[test]
fn refuses_critical_extensions_that_are_not_understood() {
    const CERTIFICATE_ISSUER: &str = "2.5.29.29";
    let key = Key::p256();
    let list = CrlBuilder::new(CA).extra("1.2.3.4", true, &[5, 0]);
    assert!(matches!(list.read(&key).unwrap_err(), CrlError::UnknownCriticalExtension(_)));
    assert!(CrlBuilder::new(CA).extra("1.2.3.4", false, &[5, 0]).read(&key).is_ok());
    let entry = CrlBuilder::new(CA).revoking_with(&[5], CERTIFICATE_ISSUER, true, &[0x30, 0]);
    assert!(matches!(entry.read(&key).unwrap_err(), CrlError::UnknownCriticalExtension(_)));
}

#[test]
fn needs_a_next_update_and_a_fitting_size() {
    let key = Key::p256();
    let mut builder = CrlBuilder::new(CA);
    builder.next_update = None;
    assert_eq!(builder.read(&key).unwrap_err(), CrlError::NoNextUpdate);
    let size = CRL_SIZE_LIMIT + 1;
    assert_eq!(Crl::from_der(&vec![0; size]).unwrap_err(), CrlError::TooLong { size });
}

#[test]
fn refuses_what_stands_behind_the_list() {
    let mut der = CrlBuilder::new(CA).der(&Key::p256());
    der.push(0);
    assert!(matches!(Crl::from_der(&der).unwrap_err(), CrlError::Malformed { .. }));
}

#[test]
fn a_signature_that_held_is_remembered_for_its_key_alone() {
    let (key, other) = (Key::p256(), Key::p256());
    let crl = CrlBuilder::new(CA).read(&key).unwrap();
    let issuer = Builder::ca(CA, &key).self_signed(&key);
    let impostor = Builder::ca(CA, &other).self_signed(&other);
    assert!(!crl.is_known_authentic(&issuer));
    assert_eq!(crl.check_authentic(&impostor), Err(CrlProblem::BadSignature));
    assert!(!crl.is_known_authentic(&impostor));
    assert_eq!(crl.check_authentic(&issuer), Ok(()));
    assert!(crl.is_known_authentic(&issuer));
    assert_eq!(crl.check_authentic(&impostor), Err(CrlProblem::BadSignature));
    let mut silent = Builder::ca(CA, &key);
    silent.key_usage = Some(0x04);
    assert_eq!(crl.check_authentic(&silent.self_signed(&key)), Err(CrlProblem::IssuerMayNotSign));
    assert_eq!(crl.check_fresh(now()), Ok(()));
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        let _ = Crl::from_der(&bytes);
    }

    #[test]
    fn damaged_lists_never_panic(place in 0_usize..1000, value in any::<u8>()) {
        let mut der = damaged_template();
        let place = place % der.len();
        der[place] = value;
        let _ = Crl::from_der(&der).map(|crl| crl.status_of(&[5]));
        der.truncate(place);
        prop_assert!(Crl::from_der(&der).is_err());
    }
}

fn damaged_template() -> Vec<u8> {
    static TEMPLATE: OnceLock<Vec<u8>> = OnceLock::new();
    TEMPLATE
        .get_or_init(|| {
            CrlBuilder::new(CA)
                .revoking_with(&[5], "2.5.29.21", false, &[0x0a, 1, 1])
                .extra(ISSUING_DISTRIBUTION_POINT, true, &tlv(0x30, &[&url_point()]))
                .der(&Key::p256())
        })
        .clone()
}
