//! The strict JSON reader: whatever it accepts, it also accepts as it writes it, as the same value.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tessera_jose::json::{Limits, read};

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits::new(64 * 1024);
    if let Ok(value) = read(bytes, &limits) {
        let text = value.to_json();
        // Writing may be longer than what was read (escapes), so the size limit is wider.
        let again = read(text.as_bytes(), &Limits::new(1024 * 1024)).expect("what we write, we read");
        assert_eq!(again, value);
    }
});
