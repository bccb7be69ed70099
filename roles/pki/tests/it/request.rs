//! Certificate requests as OpenSSL makes them.

use tessera_pki::CertificateRequest;

use crate::openssl_command::Folder;

/// Makes a key with these options of `openssl genpkey`, and a request with it.
fn request(name: &str, key: &[&str]) -> (Folder, String) {
    let folder = Folder::new(name);
    folder.text(&[&["genpkey", "-out", "key.pem"], key].concat());
    folder.text(&["req", "-new", "-sha256", "-key", "key.pem", "-subj", "/CN=ignored", "-out", "request.pem"]);
    let pem = String::from_utf8(folder.read("request.pem")).unwrap();
    (folder, pem)
}

fn der(folder: &Folder) -> Vec<u8> {
    folder.text(&["req", "-in", "request.pem", "-outform", "DER", "-out", "request.der"]);
    folder.read("request.der")
}

#[test]
#[ignore = "needs openssl"]
fn takes_the_key_of_a_request_that_its_key_signed() {
    for (name, key) in [
        ("request-rsa", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"][..]),
        ("request-p256", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]),
    ] {
        let (folder, pem) = request(name, key);
        folder.text(&["pkey", "-in", "key.pem", "-pubout", "-outform", "DER", "-out", "public.der"]);
        let request = CertificateRequest::from_pem(&pem).unwrap();
        assert_eq!(request.public_key(), folder.read("public.der"), "{name}");
    }
}

#[test]
#[ignore = "needs openssl"]
fn refuses_a_request_whose_signature_or_content_was_changed() {
    let (folder, _) = request("request-tampered", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    let der = der(&folder);
    assert!(CertificateRequest::from_der(&der).is_ok());
    let name = der.windows(7).position(|window| window == b"ignored").unwrap();
    for position in [name, der.len() - 1] {
        let mut changed = der.clone();
        if let Some(byte) = changed.get_mut(position) {
            *byte ^= 1;
        }
        assert!(CertificateRequest::from_der(&changed).is_err(), "byte {position}");
    }
    let more = [der.as_slice(), &[0]].concat();
    assert!(CertificateRequest::from_der(&more).is_err(), "trailing byte");
}

#[test]
#[ignore = "needs openssl"]
fn refuses_keys_outside_the_strengths_that_count() {
    for (name, key) in [
        ("request-rsa1024", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"][..]),
        ("request-rsa5120", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:5120"]),
        (
            "request-exponent3",
            &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-pkeyopt", "rsa_keygen_pubexp:3"],
        ),
        ("request-p521", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"]),
    ] {
        let (_, pem) = request(name, key);
        assert!(CertificateRequest::from_pem(&pem).is_err(), "{name}");
    }
}

#[test]
fn refuses_what_is_no_request() {
    assert!(CertificateRequest::from_der(&[]).is_err());
    assert!(CertificateRequest::from_der(&vec![0x30; 16 * 1024 + 1]).is_err());
    assert!(CertificateRequest::from_pem("-----BEGIN CERTIFICATE-----").is_err());
    assert!(CertificateRequest::from_pem(&"-".repeat(16 * 1024 + 1)).is_err());
}
