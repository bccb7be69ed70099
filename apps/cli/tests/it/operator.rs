//! `clients` and `explain` where there is nothing yet, and the audit log as it is found.

use crate::support::files::{COMMUNITY, Files};
use crate::support::{Running, User};

#[test]
fn before_its_first_start_a_node_has_no_store_and_no_log() {
    let (user, files) = (User::new(), Files::new());
    let config = files.text("node.toml");
    let (code, error) = user.json(&["clients", "list", "--config", &config]);
    assert_eq!((code, error["code"].as_str()), (7, Some("no-store")));
    let (code, error) = user.json(&["explain", "abcdefgh12345678", "--config", &config]);
    assert_eq!((code, error["code"].as_str()), (7, Some("no-audit-log")));
    assert!(!files.path("node.db").exists() && !files.path("audit.jsonl").exists(), "nothing is made by looking");
}

#[test]
fn a_store_is_governed_beside_its_node() {
    let (user, files) = (User::new(), Files::new());
    let config = files.text("node.toml");
    let node = Running::start(&user, &["serve", "--config", &config]);
    let ran = user.run(&["clients", "list", "--config", &config, "--json"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "no registrations, no objects");
    let (code, error) = user.json(&["clients", "show", "nobody", "--config", &config]);
    assert_eq!((code, error["code"].as_str()), (8, Some("not-found")));
    let (code, _) = user.json(&["clients", "block", "nobody", "--reason", "x", "--config", &config]);
    assert_eq!(code, 8);

    for action in ["list", "revoke"] {
        let (code, error) = user.json(&["clients", action, "--community", "https://c.example", "--config", &config]);
        assert_eq!((code, error["code"].as_str()), (8, Some("no-such-community")), "{error}");
        assert!(error["advice"].as_str().unwrap().contains(COMMUNITY), "{error}");
    }
    let (code, done) = user.json(&["clients", "revoke", "--community", COMMUNITY, "--config", &config]);
    assert_eq!((code, done["action"].as_str()), (0, Some("mass-revocation")));
    assert_eq!((done["revoked"]["community"].as_str(), done["registrations"].as_u64()), (Some(COMMUNITY), Some(0)));
    let id = done["correlation_id"].as_str().unwrap();
    let (code, decision) = user.json(&["explain", id, "--config", &config]);
    assert_eq!(
        (code, decision["action"].as_str(), decision["outcome"].as_str()),
        (0, Some("mass-revocation"), Some("granted"))
    );
    assert!(decision["notes"][0].as_str().unwrap().contains(COMMUNITY), "{decision}");

    let (code, error) = user.json(&["clients", "revoke", "--certificate", "abc", "--config", &config]);
    assert_eq!((code, error["code"].as_str()), (2, Some("certificate")));
    let unknown = "0".repeat(64);
    let ran = user.run(&["clients", "revoke", "--certificate", &unknown, "--config", &config]);
    assert!(ran.code == 0 && ran.stdout.contains("no registration was made with this certificate"), "{ran:?}");
    assert_eq!(node.terminate(), 0);
}

#[cfg(unix)]
#[test]
fn nothing_is_done_that_cannot_be_recorded() {
    use std::os::unix::fs::PermissionsExt as _;

    let (user, files) = (User::new(), Files::new());
    let config = files.text("node.toml");
    assert_eq!(Running::start(&user, &["serve", "--config", &config]).terminate(), 0);
    let log = files.path("audit.jsonl");
    let refused = || {
        let revoke = ["clients", "revoke", "--community", COMMUNITY, "--config", &config];
        let (code, error) = user.json(&revoke);
        assert_eq!((code, error["code"].as_str()), (1, Some("audit")), "{error}");
        error.to_string()
    };
    std::fs::set_permissions(&log, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(refused().contains("chmod 600"), "the operator is told what helps");
    std::fs::rename(&log, files.path("elsewhere.jsonl")).unwrap();
    std::os::unix::fs::symlink(files.path("elsewhere.jsonl"), &log).unwrap();
    assert!(refused().contains("not a link"));
    assert_eq!(std::fs::read_to_string(files.path("elsewhere.jsonl")).unwrap(), "");
}

#[test]
fn explain_shows_which_check_refused_and_what_helps() {
    let (user, files) = (User::new(), Files::new());
    let config = files.text("node.toml");
    let event = serde_json::json!({
        "resourceType": "AuditEvent",
        "subtype": [{ "system": "urn:tessera:audit", "code": "token" }],
        "recorded": "2027-01-15T08:00:00Z",
        "outcome": "4",
        "outcomeDesc": "assertion-replayed",
        "agent": [{ "requestor": true, "who": { "identifier": { "value": "client-1" } } }],
        "entity": [{ "detail": [
            { "type": "correlation-id", "valueString": "abcdefgh12345678" },
            { "type": "identity", "valueString": "claimed" },
            { "type": "reason", "valueString": "assertion-replayed" },
            { "type": "error", "valueString": "invalid_client" },
            { "type": "section", "valueString": "FAST Security STU2 §7.1.4" },
            { "type": "likely-fix", "valueString": "make a new assertion for every request" },
            { "type": "evidence:jti", "valueString": "\u{1b}[2Jj-1" },
        ] }],
    });
    files.write("audit.jsonl", &format!("{{\"broken\n{}\n{event}\n", "x".repeat(600_000)));
    let ran = user.run(&["explain", "abcdefgh12345678", "--config", &config]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for text in [
        "token refused",
        "client-1",
        "claimed",
        "assertion-replayed",
        "invalid_client",
        "§7.1.4",
        "make a new assertion",
        "2027-01-15T08:00:00Z",
    ] {
        assert!(ran.stdout.contains(text), "{text}: {ran:?}");
    }
    assert!(!ran.stdout.contains('\u{1b}'), "evidence cannot steer the terminal");
    let (_, decision) = user.json(&["explain", "abcdefgh12345678", "--config", &config]);
    assert_eq!(decision["refusal"]["reason"], "assertion-replayed");

    let (code, error) = user.json(&["explain", "zzzzzzzz12345678", "--config", &config]);
    assert_eq!((code, error["exit_code"].as_u64()), (8, Some(8)));
    let (code, error) = user.json(&["explain", "x y", "--config", &config]);
    assert_eq!((code, error["code"].as_str()), (2, Some("correlation-id")));
    let (code, error) = user.json(&["explain", "abcdefgh12345678", "--config", "/nowhere.toml"]);
    assert_eq!((code, error["code"].as_str()), (2, Some("configuration")));
}
