//! The certificate reader: what it accepts is kept byte by byte.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tessera_trust::certificate::Certificate;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(certificate) = Certificate::from_der(bytes) {
        assert_eq!(certificate.der(), bytes);
        let _ = (certificate.subject(), certificate.issuer(), certificate.uri_names().len());
    }
});
