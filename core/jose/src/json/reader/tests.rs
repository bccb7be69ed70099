use proptest::prelude::*;

use super::*;

const LIMITS: Limits = Limits::new(100_000);

fn refusal(text: &str) -> JsonError {
    read(text.as_bytes(), &LIMITS).unwrap_err()
}

#[test]
fn reads_every_type_and_keeps_order() {
    let text = r#" {"b":[null,true,false,-3,2.5,"\u00e4\n"],"a":{}} "#;
    let value = read(text.as_bytes(), &LIMITS).unwrap();
    assert_eq!(value.to_json(), "{\"b\":[null,true,false,-3,2.5,\"\u{e4}\\n\"],\"a\":{}}");
}

#[test]
fn integers_are_exact() {
    let read = |text: &str| read(text.as_bytes(), &LIMITS).unwrap();
    assert_eq!(read("0"), Value::Integer(0));
    assert_eq!(read("9223372036854775807"), Value::Integer(i64::MAX));
    assert_eq!(read("-9223372036854775808"), Value::Integer(i64::MIN));
    for text in ["1.0", "1e3", "1E0", "9223372036854775808", "18446744073709551615", "99999999999999999999999"] {
        assert!(matches!(read(text), Value::Float(_)), "{text}");
    }
    assert!(matches!(refusal("1e999"), JsonError::Syntax { .. }));
}

#[test]
fn refuses_duplicate_members_at_any_depth_and_in_any_spelling() {
    for text in [
        r#"{"a":1,"a":1}"#,
        r#"{"a":1,"b":2,"c":3,"a":2}"#,
        r#"{"x":{"y":[{"a":1,"a":2}]}}"#,
        r#"{"a":1,"\u0061":2}"#,
        r#"{"":1,"":2}"#,
    ] {
        assert_eq!(refusal(text), JsonError::DuplicateMember, "{text}");
    }
    assert!(read(r#"{"a":{"a":{"a":1}},"A":1}"#.as_bytes(), &LIMITS).is_ok());
}

#[test]
fn size_comes_before_everything() {
    let limits = Limits::new(4);
    assert_eq!(read(&[0xff; 5], &limits), Err(JsonError::TooLarge { limit: 4 }));
    assert_eq!(read(&[0xff; 4], &limits), Err(JsonError::NotUtf8));
    assert_eq!(read(b"true", &limits), Ok(Value::Bool(true)));
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(read(nested(32).as_bytes(), &LIMITS).is_ok());
    assert_eq!(refusal(&nested(33)), JsonError::TooDeep { limit: 32 });
    assert_eq!(refusal(&"[".repeat(90_000)), JsonError::TooDeep { limit: 32 });
    assert_eq!(refusal(&"{\"a\":".repeat(15_000)), JsonError::TooDeep { limit: 32 });
}

#[test]
fn values_are_counted() {
    let array = |values: usize| format!("[{}]", vec!["0"; values].join(","));
    assert!(read(array(9_999).as_bytes(), &LIMITS).is_ok());
    assert_eq!(refusal(&array(10_000)), JsonError::TooManyNodes { limit: 10_000 });
}

#[test]
fn member_names_are_bounded() {
    let object = |length: usize| format!("{{\"{}\":1}}", "n".repeat(length));
    assert!(read(object(256).as_bytes(), &LIMITS).is_ok());
    assert_eq!(refusal(&object(257)), JsonError::NameTooLong { limit: 256 });
}

#[test]
fn refuses_what_is_not_exactly_one_value() {
    for text in [
        "",
        " ",
        "{",
        "{}{}",
        "{} x",
        "[1,]",
        "{\"a\":1,}",
        "{a:1}",
        "{'a':1}",
        "01",
        "+1",
        ".5",
        "1.",
        "NaN",
        "Infinity",
        "// c\n1",
        "\u{feff}{}",
        "{1:2}",
        "\"\\ud800\"",
        "\"\\x\"",
        "\"a\nb\"",
        "nul",
        "\u{0}",
    ] {
        assert!(matches!(refusal(text), JsonError::Syntax { .. }), "{text:?}");
    }
    assert_eq!(read_object(b"[]", &LIMITS), Err(JsonError::NotAnObject));
}

#[test]
fn an_error_says_where_but_quotes_nothing() {
    assert_eq!(refusal("{\"secret\": oops}").to_string(), "not JSON, at line 1, column 12");
}

proptest! {
    #[test]
    fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes, &LIMITS);
    }

    /// What the reader accepts means the same to serde_json, and writes back to the same value.
    #[test]
    fn agrees_with_serde_json(text in r#"[\[\]{}:,"a0-9\- ]{0,16}"#) {
        if let Ok(value) = read(text.as_bytes(), &LIMITS) {
            let theirs: serde_json::Value = serde_json::from_str(&text).unwrap();
            let ours: serde_json::Value = serde_json::from_str(&value.to_json()).unwrap();
            prop_assert_eq!(ours, theirs);
        }
    }
}
