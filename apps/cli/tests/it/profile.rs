use std::time::Duration;

use crate::support::files::{APP, COMMUNITY, Files, mode, set_mode};
use crate::support::{Ran, User};

fn set(user: &User, files: &Files, more: &[&str]) -> Ran {
    let community = files.community();
    let usual = [
        "profile",
        "set",
        "--client-uri",
        APP,
        "--client-name",
        "App",
        "--contact",
        "mailto:app@example.com",
        "--community",
        &community,
    ];
    user.run(&[&usual[..], more].concat())
}

#[test]
fn a_profile_is_set_shown_and_listed() {
    let (user, files) = (User::new(), Files::new());
    let more = ["--allow", "127.0.0.1/32:8445", "--purpose", "TREAT", "--organization-id", "https://org.example"];
    let ran = set(&user, &files, &more);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains(APP) && ran.stdout.contains("ES256"), "{ran:?}");

    let (code, shown) = user.json(&["profile", "show"]);
    assert_eq!((code, shown["name"].as_str(), shown["client_uri"].as_str()), (0, Some("default"), Some(APP)));
    let community = &shown["communities"][0];
    assert_eq!((community["uri"].as_str(), community["edition"].as_str()), (Some(COMMUNITY), Some("2.0")));
    assert_eq!(community["certificate"]["uri_names"][0], APP);
    assert_eq!(community["certificate"]["valid"], true);
    assert_eq!(community["key"], files.text("app-key.pem"), "the key stays where it is");
    assert_eq!(shown["context"]["purposes"][0], "TREAT");
    assert_eq!(shown["registrations"].as_array().unwrap().len(), 0);

    let (code, listed) = user.json(&["profile", "list"]);
    assert_eq!((code, listed["name"].as_str()), (0, Some("default")));
}

#[test]
fn copied_keys_are_for_the_owner_alone() {
    let (user, files) = (User::new(), Files::new());
    assert_eq!(set(&user, &files, &["--copy", "--profile", "clinic"]).code, 0);
    let folder = user.profile("clinic");
    assert_eq!(mode(&folder), 0o700);
    for name in ["lock", "profile.toml", "community-1-key.pem", "community-1-chain.pem", "community-1-anchors.pem"] {
        assert_eq!(mode(&folder.join(name)), 0o600, "{name}");
    }
    drop(files);
    let (code, shown) = user.json(&["profile", "show", "--profile", "clinic"]);
    assert_eq!((code, shown["communities"][0]["key"].as_str()), (0, Some("community-1-key.pem")));
    let ran = user.run(&["profile", "show", "--profile", "clinic"]);
    assert!(!ran.text().contains("PRIVATE KEY"), "{ran:?}");
}

fn refuses(ran: &Ran, text: &str) {
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains(text), "{text}: {ran:?}");
}

#[test]
fn what_does_not_hold_is_not_kept() {
    let (user, files) = (User::new(), Files::new());
    refuses(&set(&user, &files, &["--allow", "127.0.0.1"]), "allow");
    refuses(&set(&user, &files, &["--profile", "../escape"]), "cannot be the name");
    refuses(&set(&user, &files, &["--tls-roots", "/nowhere.pem"]), "tls_roots");
    refuses(&set(&user, &files, &["--logo-uri"]), "--logo-uri");

    let other =
        [COMMUNITY, &files.text("anchor.pem"), &files.text("base-chain.pem"), &files.text("base-key.pem")].join(",");
    let arguments =
        ["profile", "set", "--client-uri", APP, "--client-name", "App", "--contact", "mailto:a@example.com"];
    refuses(&user.run(&[&arguments[..], &["--community", &other]].concat()), "does not carry the client's URI");

    let mixed =
        [COMMUNITY, &files.text("anchor.pem"), &files.text("app-chain.pem"), &files.text("base-key.pem")].join(",");
    refuses(&user.run(&[&arguments[..], &["--community", &mixed]].concat()), "communities[0].key");

    set_mode(&files.path("app-key.pem"), 0o640);
    refuses(&set(&user, &files, &[]), "chmod 600");
    set_mode(&files.path("app-key.pem"), 0o600);

    let no_mail = ["profile", "set", "--client-uri", APP, "--client-name", "App", "--contact", "https://app.example"];
    refuses(&user.run(&[&no_mail[..], &["--community", &files.community()]].concat()), "mailto:");
    refuses(&set(&user, &files, &["--contact", "app@example.com"]), "contacts");
    refuses(&set(&user, &files, &["--organization-id", "My clinic"]), "context.organization_id");
    assert!(!user.profile("default").exists());
}

#[test]
fn a_chain_that_does_not_lead_to_the_anchors_is_refused() {
    let (user, files) = (User::new(), Files::new());
    let other_root = tessera_pki::Authority::root(
        tessera_pki::Subject::new("Test", "Another root"),
        tessera_pki::Validity::starting(
            tessera_trust::UnixTime::from_secs(1_700_000_000),
            Duration::from_secs(1 << 30),
        ),
        [7; 16],
        std::sync::Arc::new(tessera_pki::SoftwareCaKey::generate(tessera_pki::KeyKind::P256).unwrap()),
    );
    files.write("anchor.pem", &crate::support::files::pem(other_root.unwrap().certificate()));
    let ran = set(&user, &files, &[]);
    refuses(&ran, "communities[0].chain");
    assert!(ran.stderr.contains("no-path-to-anchor") && ran.stderr.contains("every certificate between"), "{ran:?}");
    assert!(!user.profile("default").exists());
}

#[test]
fn a_failed_change_leaves_the_former_profile() {
    let (user, files) = (User::new(), Files::new());
    assert_eq!(set(&user, &files, &[]).code, 0);
    refuses(&set(&user, &files, &["--allow", "nonsense"]), "allow");
    assert_eq!(user.json(&["profile", "show"]).0, 0);
}

#[test]
fn an_unknown_key_in_a_profile_is_refused_by_name() {
    let (user, files) = (User::new(), Files::new());
    assert_eq!(set(&user, &files, &[]).code, 0);
    let path = user.profile("default").join("profile.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("alow = []\n{text}")).unwrap();
    refuses(&user.run(&["profile", "show"]), "alow");
}

#[test]
fn an_expired_certificate_is_shown_as_such() {
    let (user, files) = (User::new(), Files::new());
    let key = tessera_jose::key::SoftwareKey::generate(tessera_jose::key::KeyKind::P256).unwrap();
    files.member("app", APP, &key, Duration::from_secs(60));
    assert_eq!(set(&user, &files, &[]).code, 0);
    let (_, shown) = user.json(&["profile", "show"]);
    assert_eq!(shown["communities"][0]["certificate"]["valid"], false);
    assert!(user.run(&["profile", "show"]).stdout.contains("ago"));
}

#[test]
fn without_a_profile_it_has_to_come_first() {
    let user = User::new();
    for arguments in [
        &["profile", "show"][..],
        &["discover", "https://fhir.example/r4"],
        &["token", "https://fhir.example/r4"],
        &["revoke", "https://fhir.example/r4"],
    ] {
        let (code, error) = user.json(arguments);
        assert_eq!((code, error["code"].as_str()), (7, Some("no-profile")), "{error}");
        assert!(error["advice"].as_str().unwrap().contains("profile set"));
    }
    let ran = user.run(&["discover", "https://fhir.example/r4"]);
    assert!(ran.stdout.is_empty() && ran.stderr.starts_with("error:") && ran.stderr.contains("advice:"), "{ran:?}");
}

#[test]
fn a_server_that_is_not_there_is_not_reached() {
    let (user, files) = (User::new(), Files::new());
    assert_eq!(set(&user, &files, &[]).code, 0);
    let (code, error) = user.json(&["discover", "https://localhost:1/fhir"]);
    assert_eq!((code, error["exit_code"].as_u64()), (3, Some(3)), "{error}");
    let (code, error) = user.json(&["discover", "not a url"]);
    assert_eq!((code, error["code"].as_str()), (2, Some("base-url")));
    let (code, error) = user.json(&["discover", "https://localhost:1/fhir", "--community", "https://other.example"]);
    assert_eq!((code, error["code"].as_str()), (7, Some("no-such-community")));
    let (code, error) = user.json(&["revoke", "https://localhost:1/fhir"]);
    assert_eq!((code, error["code"].as_str()), (7, Some("no-token")));
}

#[test]
fn the_files_of_a_profile_are_not_guessed_around() {
    let (user, files) = (User::new(), Files::new());
    assert_eq!(set(&user, &files, &[]).code, 0);
    std::fs::write(user.profile("default").join("registrations.json"), "{]").unwrap();
    let (code, error) = user.json(&["profile", "show"]);
    assert_eq!((code, error["code"].as_str()), (2, Some("registrations-invalid")), "{error}");
    std::fs::remove_file(user.profile("default").join("registrations.json")).unwrap();
    std::fs::write(user.profile("default").join("tokens.json"), "[{\"token\":\"secret-token\"}]").unwrap();
    let ran = user.run(&["profile", "show", "--json"]);
    assert!(ran.code == 2 && !ran.text().contains("secret-token"), "{ran:?}");
}
