//! The CRL reader.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tessera_trust::Crl;

fuzz_target!(|bytes: &[u8]| {
    let _ = Crl::from_der(bytes);
});
