use proptest::prelude::*;

use super::*;
use crate::testing::{APP_URI, Builder, DAY, Key, NOW, name, oid, tlv};

fn built(change: impl FnOnce(&mut Builder)) -> Result<Certificate, CertificateError> {
    let key = Key::p256();
    let mut builder = Builder::leaf(&key).crl_url("http://ca.example/crl");
    change(&mut builder);
    Certificate::from_der(&builder.der("CN=CA", &key))
}

/// The parts of a certificate that no builder writes, around fields of the test's choice.
fn assembled(version: &[u8], serial: &[u8], tail: &[&[u8]]) -> Result<Certificate, CertificateError> {
    let algorithm = tlv(0x30, &[&oid("1.2.840.10045.4.3.2")]);
    let validity = tlv(0x30, &[&tlv(0x17, &[b"260101000000Z"]), &tlv(0x18, &[b"20510101000000Z"])]);
    let key = Key::p256().spki;
    let tail = tail.concat();
    let tbs = tlv(0x30, &[version, serial, &algorithm, &name("CN=CA"), &validity, &name("CN=App"), &key, &tail]);
    Certificate::from_der(&tlv(0x30, &[&tbs, &algorithm, &tlv(3, &[&[0], &[1; 70]])]))
}

const V3: &[u8] = &[0xa0, 3, 2, 1, 2];

#[test]
fn tells_what_a_certificate_says() {
    let certificate = built(|leaf| leaf.serial = vec![0x9a, 0x01]).unwrap();
    assert_eq!(certificate.subject(), "CN=App");
    assert_eq!(certificate.issuer(), "CN=CA");
    assert_eq!(certificate.serial_hex(), "009a01");
    assert_eq!(certificate.not_before().as_secs(), NOW - DAY);
    assert_eq!(certificate.not_after().as_secs(), NOW + 90 * DAY);
    assert_eq!(certificate.uri_names(), [APP_URI]);
    assert_eq!(certificate.crl_urls(), ["http://ca.example/crl"]);
    assert_eq!(certificate.public_key(), Ok(KeyKind::P256));
    assert!(!certificate.is_ca() && !certificate.is_self_issued());
    assert_eq!(certificate.digest(), CertificateDigest::of(certificate.der()));
}

#[test]
fn compares_uri_names_as_bytes() {
    let certificate = built(|_| {}).unwrap();
    assert!(certificate.has_uri_name(APP_URI));
    for other in ["https://APP.example/udap", "https://app.example/udap/", "https://app.example:443/udap", ""] {
        assert!(!certificate.has_uri_name(other), "{other}");
    }
}

#[test]
fn reads_the_urls_of_authority_information_access() {
    let ocsp = tlv(0x30, &[&oid("1.3.6.1.5.5.7.48.1"), &tlv(0x86, &[b"http://ocsp.example"])]);
    let issuer = tlv(0x30, &[&oid("1.3.6.1.5.5.7.48.2"), &tlv(0x86, &[b"https://ca.example/ca.cer"])]);
    let ldap = tlv(0x30, &[&oid("1.3.6.1.5.5.7.48.2"), &tlv(0x86, &[b"ldap://ca.example"])]);
    let access = tlv(0x30, &[&ocsp, &ldap, &issuer]);
    let certificate = built(|leaf| leaf.extra("1.3.6.1.5.5.7.1.1", false, &access)).unwrap();
    assert_eq!(certificate.ocsp_urls(), ["http://ocsp.example"]);
    assert_eq!(certificate.ca_issuer_urls(), ["https://ca.example/ca.cer"]);
}

#[test]
fn passes_over_distribution_points_that_are_partial_or_indirect() {
    let url = crate::testing::distribution_point_name(&["http://ca.example/part".to_owned()]);
    let partial = tlv(0x30, &[&url, &[0x81, 2, 1, 0x06]]);
    let indirect = tlv(0x30, &[&url, &tlv(0xa2, &[&tlv(0xa4, &[&name("CN=Other")])])]);
    let points = tlv(0x30, &[&partial, &indirect]);
    let certificate = built(|leaf| {
        leaf.crl_urls.clear();
        leaf.extra("2.5.29.31", false, &points);
    });
    assert!(certificate.unwrap().crl_urls().is_empty());
}

#[test]
fn judges_the_size_before_anything_else() {
    let size = CERTIFICATE_SIZE_LIMIT + 1;
    assert_eq!(Certificate::from_der(&vec![0x30; size]).unwrap_err(), CertificateError::TooLong { size });
}

#[test]
fn refuses_bytes_before_behind_or_missing() {
    let der = built(|_| {}).unwrap().der().to_vec();
    assert!(Certificate::from_der(&[&der[..], &[0]].concat()).is_err());
    assert!(Certificate::from_der(&der[..der.len() - 1]).is_err());
    assert!(Certificate::from_der(&[]).is_err());
}

#[test]
fn refuses_versions_and_serial_numbers_that_do_not_exist() {
    let serial: &[u8] = &[2, 1, 1];
    assert!(assembled(V3, serial, &[]).is_ok());
    assert!(assembled(&[], serial, &[]).is_ok());
    for version in [&[0xa0, 3, 2, 1, 0][..], &[0xa0, 3, 2, 1, 3], &[0xa0, 0]] {
        assert!(assembled(version, serial, &[]).is_err(), "{version:?}");
    }
    for serial in [vec![2, 0], vec![2, 1, 0x80], vec![2, 2, 0, 1], tlv(2, &[&[1; 21]])] {
        assert!(assembled(V3, &serial, &[]).is_err(), "{serial:?}");
    }
    assert!(assembled(V3, &tlv(2, &[&[0], &[0x80; 20]]), &[]).is_ok());
}

#[test]
fn extensions_belong_to_version_three_and_occur_once() {
    let extension = |critical: &[u8]| tlv(0x30, &[&oid("1.2.3"), critical, &tlv(4, &[&[5, 0]])]);
    let list = |entries: &[u8]| tlv(0xa3, &[&tlv(0x30, &[entries])]);
    let serial: &[u8] = &[2, 1, 1];
    let once = list(&extension(&[]));
    assert!(assembled(V3, serial, &[&once]).is_ok());
    assert!(assembled(&[], serial, &[&once]).is_err());
    assert!(assembled(V3, serial, &[&list(&[extension(&[]), extension(&[])].concat())]).is_err());
    assert!(assembled(V3, serial, &[&list(&[])]).is_err());
    assert!(assembled(V3, serial, &[&list(&extension(&[1, 1, 0]))]).is_err(), "an encoded default");
    assert!(assembled(V3, serial, &[&list(&extension(&[1, 1, 1]))]).is_err(), "TRUE is FF");
    let many: Vec<u8> =
        (0..65).flat_map(|number| tlv(0x30, &[&oid(&format!("1.2.3.{number}")), &tlv(4, &[&[5, 0]])])).collect();
    assert!(assembled(V3, serial, &[&list(&many)]).is_err(), "too many");
}

#[test]
fn refuses_extensions_that_are_malformed() {
    for (id, value) in [
        ("2.5.29.19", &[0x30, 3, 1, 1, 0][..]),
        ("2.5.29.15", &[3, 2, 0, 0x80]),
        ("2.5.29.15", &[3, 1, 0]),
        ("2.5.29.37", &[0x30, 0]),
        ("2.5.29.17", &[0x30, 0]),
        ("2.5.29.17", &[0x30, 3, 0x86, 1, 0xff]),
        ("2.5.29.17", &[0x30, 2, 0x8f, 0]),
        ("2.5.29.31", &[0x30, 0]),
        ("2.5.29.14", &[5, 0]),
    ] {
        let key = Key::p256();
        let mut builder = Builder::ca("CN=App", &key);
        (builder.basic_constraints, builder.key_usage, builder.subject_key_id) = (None, None, None);
        builder.extra(id, false, value);
        let read = Certificate::from_der(&builder.der("CN=CA", &key));
        assert!(matches!(read, Err(CertificateError::Malformed { .. })), "{id} {value:?}");
    }
}

#[test]
fn the_signed_algorithm_must_be_the_written_one() {
    let mut der = built(|_| {}).unwrap().der().to_vec();
    let wanted = oid("1.2.840.10045.4.3.2");
    let last = der.windows(wanted.len()).rposition(|window| window == wanted).unwrap();
    der[last + wanted.len() - 1] = 3;
    assert!(matches!(
        Certificate::from_der(&der),
        Err(CertificateError::Malformed { field: "signatureAlgorithm", .. })
    ));
}

#[test]
fn reads_certificates_from_pem_in_their_order() {
    let (first, second) = (built(|leaf| leaf.serial = vec![1]).unwrap(), built(|leaf| leaf.serial = vec![2]).unwrap());
    let pem = |certificate: &Certificate| {
        der::pem::encode_string("CERTIFICATE", der::pem::LineEnding::LF, certificate.der()).unwrap()
    };
    let text = format!("subject=App\n{}\nissuer=CA\n{}", pem(&first), pem(&second));
    assert_eq!(certificates_from_pem(&text).unwrap(), [first, second]);
    assert_eq!(certificates_from_pem("").unwrap(), []);
    assert_eq!(certificates_from_pem("-----BEGIN CERTIFICATE-----\nAAAA").unwrap_err(), CertificateError::Pem);
    let broken = "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n";
    assert_eq!(certificates_from_pem(broken).unwrap_err(), CertificateError::Pem);
    let size = PEM_SIZE_LIMIT + 1;
    assert_eq!(certificates_from_pem(&" ".repeat(size)).unwrap_err(), CertificateError::TooLong { size });
}

#[test]
fn digests_are_read_as_they_are_written() {
    let digest = CertificateDigest::of(b"x");
    assert_eq!(CertificateDigest::parse(&digest.to_string()), Some(digest));
    for text in ["", "00", &"0".repeat(65), &"g".repeat(64), &digest.to_string().to_uppercase()] {
        assert_eq!(CertificateDigest::parse(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        let _ = Certificate::from_der(&bytes);
        let _ = certificates_from_pem(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn damaged_certificates_never_panic(place in 0_usize..2000, value in any::<u8>()) {
        let mut der = template();
        let place = place % der.len();
        der[place] = value;
        if let Ok(certificate) = Certificate::from_der(&der) {
            let _ = (certificate.subject(), certificate.issuer(), certificate.serial_hex(), certificate.public_key());
            let _ = certificate.is_signed_by(&certificate);
        }
        der.truncate(place);
        prop_assert!(Certificate::from_der(&der).is_err());
    }
}

fn template() -> Vec<u8> {
    static TEMPLATE: OnceLock<Vec<u8>> = OnceLock::new();
    TEMPLATE
        .get_or_init(|| {
            let key = Key::p256();
            let mut builder = Builder::leaf(&key).crl_url("http://ca.example/crl");
            builder.purposes = vec!["1.3.6.1.5.5.7.3.2"];
            builder.der("CN=CA,O=Example", &key)
        })
        .clone()
}
