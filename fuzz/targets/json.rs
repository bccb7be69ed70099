//! The strict JSON reader: whatever it accepts, it also accepts as it writes it, as the same value.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tessera_jose::json::{Limits, Value, read};

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits::new(64 * 1024);
    if let Ok(value) = read(bytes, &limits) {
        let text = value.to_json();
        // Writing may be longer than what was read (escapes), so the size limit is wider.
        let again = read(text.as_bytes(), &Limits::new(1024 * 1024)).expect("what we write, we read");
        assert!(is_same(&value, &again), "{value:?}\n{again:?}");
    }
});

/// Fractions are read to the last place but one, for nothing of ours computes with them; all else is exact.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Float(one), Value::Float(other)) => one.to_bits().abs_diff(other.to_bits()) <= 2,
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let same = |((name, value), (other_name, other_value)): ((&str, &Value), (&str, &Value))| {
                name == other_name && is_same(value, other_value)
            };
            one.len() == other.len() && one.iter().zip(other.iter()).all(same)
        }
        _ => one == other,
    }
}
