//! The form reader: every parameter it accepts has one value.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tessera_udap::form::Parameters;

fuzz_target!(|bytes: &[u8]| {
    let _ = Parameters::read(bytes);
});
