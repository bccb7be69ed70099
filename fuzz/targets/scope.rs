//! The scope reader: what it accepts, it writes so that it reads the same again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tessera_udap::scope::ScopeSet;

fuzz_target!(|text: &str| {
    if let Ok(scopes) = ScopeSet::parse(text) {
        let again = ScopeSet::parse(&scopes.to_string()).expect("what we write, we read");
        assert_eq!(scopes, again);
    }
});
