//! `tessera check`: what a node would not start with is found before it starts, and nothing is made by looking.

use std::collections::BTreeSet;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use tempfile::TempDir;
use tessera_jose::key::{KeyKind, SoftwareKey};
use tessera_server::config::{Config, Report, check};
use tessera_trust::UnixTime;

use crate::support::pki::{self, shared_rsa_key};
use crate::support::world::prepare;
use crate::support::{World, WorldOptions, now};

/// What a check of the folder's configuration finds, after a change to its text.
fn judged(folder: &TempDir, change: (&str, &str)) -> (Option<Config>, Report) {
    let text = std::fs::read_to_string(folder.path().join("node.toml")).unwrap();
    assert!(text.contains(change.0), "{}", change.0);
    let changed = folder.path().join("changed.toml");
    std::fs::write(&changed, text.replacen(change.0, change.1, 1)).unwrap();
    check(&changed, UnixTime::from_secs(now()))
}

/// Fails unless the only errors are of this key and say this.
#[track_caller]
fn assert_refused(judged: (Option<Config>, Report), key: &str, text: &str) {
    let (config, report) = judged;
    assert!(config.is_none() && !report.is_good());
    let shown = report.to_string();
    let errors: Vec<&str> = shown.lines().filter(|line| line.starts_with("error: ")).collect();
    assert!(errors.iter().all(|line| line.starts_with(&format!("error: {key}: "))), "{shown}");
    assert!(errors.iter().any(|line| line.contains(text)), "{shown}");
}

const SAME: (&str, &str) = ("[node]", "[node]");

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn a_good_configuration_holds_and_looking_makes_nothing() {
    let folder = prepare(&WorldOptions::default()).await;
    let names = || -> BTreeSet<_> {
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect()
    };
    let before = names();
    let (config, report) = check(&folder.path().join("node.toml"), UnixTime::from_secs(now()));
    assert!(config.is_some(), "{report}");
    assert_eq!(names(), before);
}

#[tokio::test]
async fn a_store_that_cannot_be_opened_is_found() {
    let folder = prepare(&WorldOptions::default()).await;
    let store = folder.path().join("node.db");
    std::fs::write(&store, "another program's file".repeat(100)).unwrap();
    set_mode(&store, 0o600);
    assert_refused(judged(&folder, SAME), "store.path", "not a database");
    set_mode(&store, 0o644);
    assert_refused(judged(&folder, SAME), "store.path", "chmod 600");
    std::fs::remove_file(&store).unwrap();
    symlink(folder.path().join("elsewhere.db"), &store).unwrap();
    assert_refused(judged(&folder, SAME), "store.path", "not a regular file");
    std::fs::remove_file(&store).unwrap();
    assert_refused(judged(&folder, ("\"node.db\"", "\"none/node.db\"")), "store.path", "create it first");
    std::fs::create_dir(folder.path().join("shared")).unwrap();
    set_mode(&folder.path().join("shared"), 0o777);
    assert_refused(judged(&folder, ("\"node.db\"", "\"shared/node.db\"")), "store.path", "chmod go-w");
    std::fs::write(folder.path().join("node.db-spent"), "another program's file".repeat(100)).unwrap();
    set_mode(&folder.path().join("node.db-spent"), 0o600);
    assert_refused(judged(&folder, SAME), "store.path", "not a database");
}

#[tokio::test]
async fn the_store_and_log_of_a_running_node_hold() {
    let world = World::start().await;
    let (config, report) = check(&world.folder.path().join("node.toml"), UnixTime::from_secs(now()));
    assert!(config.is_some(), "{report}");
}

#[tokio::test]
async fn an_audit_log_that_cannot_be_written_is_found() {
    let folder = prepare(&WorldOptions::default()).await;
    let log = folder.path().join("audit.jsonl");
    std::fs::write(&log, "").unwrap();
    set_mode(&log, 0o640);
    assert_refused(judged(&folder, SAME), "audit.path", "chmod 600");
    std::fs::rename(&log, folder.path().join("elsewhere.jsonl")).unwrap();
    symlink(folder.path().join("elsewhere.jsonl"), &log).unwrap();
    assert_refused(judged(&folder, SAME), "audit.path", "not a regular file");
    std::fs::remove_file(&log).unwrap();
    std::fs::create_dir(&log).unwrap();
    assert_refused(judged(&folder, SAME), "audit.path", "not a regular file");
    std::fs::remove_dir(&log).unwrap();
    assert_refused(judged(&folder, ("\"audit.jsonl\"", "\"none/audit.jsonl\"")), "audit.path", "create it first");
    assert_refused(judged(&folder, ("\"audit.jsonl\"", "\"node.db\"")), "audit.path", "the store's file");
}

#[tokio::test]
async fn plain_http_for_others_than_this_machine_must_be_meant() {
    let folder = prepare(&WorldOptions::default()).await;
    let listen = "listen = \"127.0.0.1:0\"";
    for address in ["0.0.0.0:0", "192.0.2.1:80", "[::]:0"] {
        let open = format!("listen = \"{address}\"");
        assert_refused(judged(&folder, (listen, &open)), "node.listen", "behind_tls_proxy");
        let not_meant = format!("{open}\nbehind_tls_proxy = false");
        assert_refused(judged(&folder, (listen, &not_meant)), "node.listen", "behind_tls_proxy");
        let (meant, with_tls) = (
            format!("{open}\nbehind_tls_proxy = true"),
            format!("{open}\ntls = {{ certificates = \"elm-holder.pem\", key = \"elm-holder-key.pem\" }}"),
        );
        for good in [meant, with_tls] {
            let (config, report) = judged(&folder, (listen, &good));
            assert!(config.is_some(), "{good}: {report}");
        }
    }
}

#[tokio::test]
async fn keys_that_are_also_accepted_are_judged() {
    let folder = prepare(&WorldOptions::default()).await;
    let also = |files: &str| format!("key = \"token.pem\"\nalso_accept = [{files}]");
    let former = SoftwareKey::generate(KeyKind::P384).unwrap();
    let write = |name: &str, text: &str, mode: u32| {
        std::fs::write(folder.path().join(name), text).unwrap();
        set_mode(&folder.path().join(name), mode);
    };
    write("former.pem", &former.to_pkcs8_pem(), 0o600);
    let public = tessera_jose::key::SigningKey::public_key(shared_rsa_key().as_ref()).to_vec();
    write("next.pub", &pki::pem("PUBLIC KEY", &public), 0o644);
    let token_key = "key = \"token.pem\"";
    let (config, report) = judged(&folder, (token_key, &also("\"former.pem\", \"next.pub\"")));
    let keys = config.unwrap_or_else(|| panic!("{report}")).authorization_server.other_access_token_keys;
    assert_eq!(keys.iter().map(|key| key.algorithm.as_str()).collect::<Vec<_>>(), ["ES384", "RS256"]);
    for (files, text) in [
        ("\"token.pem\"", "named already"),
        ("\"next.pub\", \"next.pub\"", "named already"),
        ("\"none.pem\"", "none.pem"),
        ("\"node.toml\"", "node.toml"),
    ] {
        let (config, report) = judged(&folder, (token_key, &also(files)));
        assert!(config.is_none() && report.to_string().contains(text), "{files}: {report}");
        assert!(report.to_string().contains("error: tokens.also_accept["), "{report}");
    }
    set_mode(&folder.path().join("former.pem"), 0o644);
    assert_refused(judged(&folder, (token_key, &also("\"former.pem\""))), "tokens.also_accept[0]", "chmod 600");
}
