//! The strict JWS reader with its x5c.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tessera_jose::jws::CompactJws;

fuzz_target!(|text: &str| {
    if let Ok(jws) = CompactJws::read(text) {
        assert_eq!(text.split('.').count(), 3);
        if let Ok(chain) = jws.x5c() {
            assert!((1..=10).contains(&chain.len()));
        }
    }
});
