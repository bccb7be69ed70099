//! The sandbox as a command: the visit, and what it does for others while it runs.

use crate::support::files::mode;
use crate::support::{Running, User};

#[test]
fn once_ends_after_a_visit_that_went_well() {
    let user = User::new();
    let ran = user.run(&["sandbox", "--once", "--port", "0", "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let objects = ran.objects();
    assert!(objects[0]["base"].as_str().unwrap().starts_with("https://localhost:"), "the guide comes first");
    let steps: Vec<_> = objects[1..].iter().map(|step| step["name"].as_str().unwrap()).collect();
    assert_eq!(steps, ["discover", "register", "token", "search", "read"]);
    assert!(objects[1..].iter().all(|step| step["outcome"] == "passed" && step["milliseconds"].is_u64()));
}

#[test]
fn faults_are_refused_in_the_right_way() {
    let user = User::new();
    let ran = user.run(&["sandbox", "--once", "--with-faults", "--port", "0", "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.objects().len() > 10, "{ran:?}");
}

#[test]
fn people_see_each_step_with_its_time() {
    let user = User::new();
    let ran = user.run(&["sandbox", "--once", "--port", "0"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for text in ["discover", "register", "token", " ms", "The visit by hand", "every step went as it should"] {
        assert!(ran.stdout.contains(text), "{text}: {ran:?}");
    }
    assert!(!ran.stdout.contains('\u{1b}'), "no colours where there is no terminal");
}

#[test]
fn a_folder_keeps_its_ports_and_others_are_refused_with_the_way_out() {
    let user = User::new();
    let folder = user.home().join("sandbox");
    let data = folder.to_str().unwrap();
    assert_eq!(user.run(&["sandbox", "--once", "--port", "0", "--data", data]).code, 0);
    let (code, error) = user.json(&["sandbox", "--once", "--port", "1", "--data", data]);
    assert_eq!((code, error["code"].as_str()), (2, Some("sandbox-options")), "{error}");
    assert!(error["advice"].as_str().unwrap().contains("--port 0"), "{error}");
    let (code, error) = user.json(&["sandbox", "--once", "--port", "65535"]);
    assert_eq!((code, error["code"].as_str()), (2, Some("sandbox-options")), "{error}");
}

#[test]
fn where_no_sandbox_runs_none_is_reached() {
    let user = User::new();
    let (code, error) = user.json(&["sandbox", "where", "--port", "2"]);
    assert_eq!((code, error["code"].as_str()), (3, Some("no-sandbox")), "{error}");
    let out = user.home().join("out");
    let arguments = ["sandbox", "certificate", "https://x.example/app", "--port", "2", "--out", out.to_str().unwrap()];
    assert_eq!(user.json(&arguments).0, 3);
    assert_eq!(user.json(&["sandbox", "revoke", "https://x.example/app", "--port", "2"]).0, 3);
}

#[test]
fn a_running_sandbox_makes_and_revokes_certificates() {
    let user = User::new();
    let sandbox = Running::start(&user, &["sandbox", "--port", "0"]);
    let port = sandbox.first["port"].to_string();
    let (code, location) = user.json(&["sandbox", "where", "--port", &port]);
    assert_eq!((code, &location["base"]), (0, &sandbox.first["base"]));

    let out = user.home().join("my-app");
    let certificate =
        ["sandbox", "certificate", "https://my-app.example/app", "--port", &port, "--out", out.to_str().unwrap()];
    let (code, written) = user.json(&certificate);
    assert_eq!(code, 0, "{written}");
    assert!(std::fs::read_to_string(out.join("chain.pem")).unwrap().matches("BEGIN CERTIFICATE").count() > 1);
    assert_eq!(mode(&out.join("key.pem")), 0o600);
    let (code, error) = user.json(&certificate);
    assert_eq!((code, error["code"].as_str()), (2, Some("key-exists")), "a key is never overwritten");

    // Nor is a chain whose key is elsewhere, unless a request renews it.
    std::fs::rename(out.join("key.pem"), user.home().join("elsewhere.pem")).unwrap();
    let chain = std::fs::read(out.join("chain.pem")).unwrap();
    let (code, error) = user.json(&certificate);
    assert_eq!((code, error["code"].as_str()), (2, Some("chain-exists")), "{error}");
    assert_eq!(std::fs::read(out.join("chain.pem")).unwrap(), chain);
    for action in [&["certificate", "notauri", "--out", out.to_str().unwrap()][..], &["revoke", "notauri"]] {
        let (code, error) = user.json(&[&["sandbox"], action, &["--port", &port]].concat());
        assert_eq!((code, error["code"].as_str()), (2, Some("client-uri")), "{error}");
    }

    let (code, error) = user.json(&["sandbox", "--once", "--port", &port]);
    assert_eq!((code, error["code"].as_str()), (2, Some("port-taken")), "{error}");
    assert!(error["advice"].as_str().unwrap().contains("--port 0"), "{error}");

    let (code, revoked) = user.json(&["sandbox", "revoke", "https://my-app.example/app", "--port", &port]);
    assert_eq!((code, revoked["certificates"].as_u64()), (0, Some(1)), "{revoked}");
    let (code, error) = user.json(&["sandbox", "revoke", "https://nobody.example/app", "--port", &port]);
    assert_eq!((code, error["code"].as_str()), (6, Some("sandbox-refused")), "{error}");
    assert_eq!(sandbox.terminate(), 0);
}
