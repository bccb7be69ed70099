use std::path::Path;

use crate::support::User;
use crate::support::files::{Files, set_mode};

#[test]
fn a_configuration_that_holds() {
    let (user, files) = (User::new(), Files::new());
    let (code, verdict) = user.json(&["check", &files.text("node.toml")]);
    assert_eq!(code, 0, "{verdict}");
    assert_eq!((verdict["good"].as_bool(), verdict["exit_code"].as_u64()), (Some(true), Some(0)));
    let ran = user.run(&["check", &files.text("node.toml")]);
    assert!(ran.code == 0 && ran.stdout.contains("holds") && ran.stdout.contains("tessera serve"), "{ran:?}");
    assert!(!files.path("node.db").exists(), "a check starts and makes nothing");
}

/// Every finding has its weight, its key, and a text; the command ends with 2.
fn refuses(files: &Files, key: &str, text: &str) {
    let (code, verdict) = User::new().json(&["check", &files.text("node.toml")]);
    assert_eq!((code, verdict["good"].as_bool()), (2, Some(false)), "{verdict}");
    let found = verdict["findings"].as_array().unwrap().iter().any(|finding| {
        finding["severity"] == "error"
            && finding["key"].as_str().unwrap().contains(key)
            && finding["text"].as_str().unwrap().contains(text)
    });
    assert!(found, "{key} {text}: {verdict}");
}

#[test]
fn an_unknown_key_is_refused_by_name() {
    let files = Files::new();
    files.change("[tokens]", "[tokens]\nlifetme_s = 5");
    refuses(&files, "file", "lifetme_s");
}

#[test]
fn a_purpose_that_opens_nothing_and_a_port_that_is_taken_are_told() {
    let files = Files::new();
    files.change("[[bases]]\n", "[[bases]]\nupstream = \"http://127.0.0.1:1/fhir\"\npurposes_of_use = [\"TREATX\"]\n");
    files.change("[[communities]]\n", "[[communities]]\nb2b = { purposes_of_use = [\"TREAT\"] }\n");
    refuses(&files, "bases[0].purposes_of_use", "no community of this base admits");
    let files = Files::new();
    files.change("[operator]\nlisten = \"127.0.0.1:0\"", "[operator]\nlisten = \"127.0.0.1:9999\"");
    files.change("[node]\nlisten = \"127.0.0.1:0\"", "[node]\nlisten = \"127.0.0.1:9999\"");
    refuses(&files, "operator.listen", "the same as node.listen");
}

#[test]
fn a_file_that_is_missing_is_named() {
    let files = Files::new();
    std::fs::remove_file(files.path("anchor.pem")).unwrap();
    refuses(&files, "communities[0].anchors", "anchor.pem");
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let files = Files::new();
    set_mode(&files.path("base-key.pem"), 0o644);
    refuses(&files, "bases", "chmod 600");
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let files = Files::new();
    files.change("key = \"base-key.pem\"", "key = \"token-key.pem\"");
    refuses(&files, "bases", "");
}

#[test]
fn what_is_no_configuration_at_all() {
    let user = User::new();
    let (code, verdict) = user.json(&["check", "/nowhere/node.toml"]);
    assert_eq!((code, verdict["good"].as_bool()), (2, Some(false)));
    let files = Files::new();
    files.write("node.toml", "= not toml");
    let ran = user.run(&["check", &files.text("node.toml")]);
    assert!(ran.code == 2 && ran.stdout.contains("does not hold"), "{ran:?}");
}

#[test]
fn the_documented_example_holds_once_its_files_are_there() {
    holds_once_its_files_are_there("node.toml");
}

#[test]
fn the_example_behind_a_proxy_holds_once_its_files_are_there() {
    holds_once_its_files_are_there("behind-proxy.toml");
}

fn holds_once_its_files_are_there(example: &str) {
    let (user, files) = (User::new(), Files::new());
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(example);
    files.write("node.toml", &std::fs::read_to_string(example).unwrap());
    let (code, verdict) = user.json(&["check", &files.text("node.toml")]);
    assert_eq!((code, verdict["good"].as_bool()), (2, Some(false)), "its files are missing: {verdict}");
    for folder in ["tls", "keys", "state", "communities/example"] {
        std::fs::create_dir_all(files.path(folder)).unwrap();
    }
    for (from, to) in [
        ("anchor.pem", "communities/example/anchor.pem"),
        ("base-chain.pem", "communities/example/base-chain.pem"),
        ("base-key.pem", "communities/example/base-key.pem"),
        ("token-key.pem", "keys/access-token.pem"),
        ("app-chain.pem", "tls/chain.pem"),
        ("app-key.pem", "tls/key.pem"),
        ("root.crl", "communities/example/root.crl"),
        ("root.crl", "communities/example/issuing.crl"),
    ] {
        std::fs::copy(files.path(from), files.path(to)).unwrap();
    }
    let (code, verdict) = user.json(&["check", &files.text("node.toml")]);
    assert_eq!((code, verdict["findings"].as_array().unwrap().len()), (0, 0), "{verdict}");
}
