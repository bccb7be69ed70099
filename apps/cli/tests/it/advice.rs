//! What people are told so that they can help themselves.

use serde_json::json;

use crate::support::data_holder::{FakeHolder, SCOPE, TREAT};
use crate::support::server::json as answer_json;

#[test]
fn what_a_fhir_server_says_about_a_search_is_shown() {
    let holder = FakeHolder::new();
    assert_eq!((holder.register().0, holder.token(&TREAT).0), (0, 0));
    let outcome = json!({"resourceType": "OperationOutcome", "issue": [
        {"severity": "error", "code": "invalid", "details": {"text": "unknown search parameter"}, "diagnostics": "na\u{1b}me"}]});
    holder.server.answer("/fhir/r4/Patient", [answer_json(400, &outcome)]);
    let get = [&["get", holder.base.as_str(), "Patient?nmae=x"], &TREAT[..]].concat();
    let ran = holder.user.run(&get);
    assert!(ran.code == 6 && ran.stderr.contains("unknown search parameter; na\u{fffd}me"), "{ran:?}");
    assert!(ran.stderr.contains("spelling of what was asked for"), "{ran:?}");

    let leading_slash = [&["get", holder.base.as_str(), "/Patient/1"], &TREAT[..]].concat();
    let (exit, error) = holder.user.json(&leading_slash);
    assert_eq!((exit, error["code"].as_str()), (2, Some("outside-base")), "{error}");
    assert!(error["advice"].as_str().unwrap().contains("slash at the beginning"), "{error}");
}

/// What is as it must be takes one line; what is not, and `discover`, show each check.
#[test]
fn checks_that_passed_are_told_in_brief() {
    let holder = FakeHolder::new();
    let register = ["register", &holder.base, "--scope", SCOPE];
    let ran = holder.user.run(&register);
    assert!(ran.code == 0 && ran.stdout.contains("checks passed") && !ran.stdout.contains("CHAIN-1"), "{ran:?}");
    assert!(ran.stdout.contains(&format!("tessera discover {}", holder.base)), "{ran:?}");
    assert!(holder.user.run(&["discover", &holder.base]).stdout.contains("CHAIN-1"));
    holder.publish_with("registration_endpoint", json!(holder.url("/elsewhere")));
    let ran = holder.user.run(&register);
    assert!(ran.code == 0 && ran.stdout.contains("SMD-8") && ran.stdout.contains("CHAIN-1"), "a warning: {ran:?}");
}

/// Shows: SMD-2
#[test]
fn another_base_than_the_proven_one_is_named_with_what_to_type() {
    let holder = FakeHolder::new();
    let typed = format!("{}/", holder.base);
    let (exit, error) = holder.user.json(&["discover", &typed]);
    assert_eq!((exit, error["code"].as_str()), (5, Some("other-base")), "{error}");
    assert!(error["advice"].as_str().unwrap().contains(&format!("Type {},", holder.base)), "{error}");
}

#[test]
fn who_types_http_where_nothing_proper_answers_is_told_to_type_https() {
    let holder = FakeHolder::new();
    holder.on_metadata((400, "text/plain", b"Client sent an HTTP request to an HTTPS server.".to_vec()));
    let (exit, error) = holder.user.json(&["discover", &holder.base]);
    assert_eq!(exit, 6, "{error}");
    let https = holder.base.replacen("http:", "https:", 1);
    assert!(error["advice"].as_str().unwrap().contains(&https), "{error}");
}
