//! The client commands by hand against a running sandbox, and its operator's commands beside them.

use serde_json::Value;

use crate::support::{Ran, Running, User};

const CONTEXT: [&str; 4] =
    ["--organization-id", "https://my-app.example/org", "--purpose", "urn:oid:2.16.840.1.113883.5.8#TREAT"];
const OTHER_PURPOSE: [&str; 4] =
    ["--organization-id", "https://my-app.example/org", "--purpose", "urn:oid:2.16.840.1.113883.5.8#HPAYMT"];
const APP: &str = "https://my-app.example/app";

/// A sandbox with an app of ours in its community.
struct World {
    user: User,
    sandbox: Running,
    base: String,
    configuration: String,
}

impl World {
    fn start() -> Self {
        let user = User::new();
        let mut sandbox = Running::start(&user, &["sandbox", "--port", "0"]);
        // The sandbox's own visit comes first, so that it does not run beside ours.
        for _ in 0..5 {
            assert_eq!(sandbox.next_object().unwrap()["outcome"], "passed");
        }
        let text = |name: &str| sandbox.first[name].as_str().unwrap().to_owned();
        let (base, configuration) = (text("base"), text("configuration"));
        let world = Self { base, configuration, user, sandbox };
        let port = world.sandbox.first["port"].to_string();
        let out = world.user.home().join("app");
        let (code, _) =
            world.user.json(&["sandbox", "certificate", APP, "--port", &port, "--out", out.to_str().unwrap()]);
        assert_eq!(code, 0);
        let ran = world.set_profile("default", &text_of(&world.sandbox.first, "anchor"));
        assert_eq!(ran.code, 0, "{ran:?}");
        world
    }

    fn set_profile(&self, name: &str, anchor: &str) -> Ran {
        let first = &self.sandbox.first;
        let app = self.user.home().join("app");
        let community = [
            text_of(first, "community"),
            anchor.to_owned(),
            app.join("chain.pem").display().to_string(),
            app.join("key.pem").display().to_string(),
        ];
        let port = first["port"].as_u64().unwrap();
        let published = format!("127.0.0.1/32:{}", port + 2);
        let by_name = format!("localhost:{}", port + 2);
        self.user.run(&[
            "profile",
            "set",
            "--profile",
            name,
            "--client-uri",
            APP,
            "--client-name",
            "My app",
            "--contact",
            "mailto:me@my-app.example",
            "--community",
            &community.join(","),
            "--allow",
            &published,
            "--allow",
            &by_name,
            "--tls-roots",
            &text_of(first, "tls_root"),
        ])
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.user.run(arguments)
    }

    fn json(&self, arguments: &[&str]) -> (i32, Value) {
        self.user.json(arguments)
    }

    fn register(&self) -> String {
        let (code, registered) = self.json(&["register", &self.base, "--scope", "system/Patient.rs"]);
        assert_eq!(code, 0, "{registered}");
        text_of(&registered, "client_id")
    }

    fn token(&self) -> Value {
        let (code, token) = self.json(&[&["token", &self.base], &CONTEXT[..]].concat());
        assert_eq!(code, 0, "{token}");
        token
    }

    /// Waits for the audit line, which a thread of the node writes.
    fn explain(&self, id: &str) -> Value {
        for _ in 0..100 {
            let ran = self.run(&["explain", id, "--config", &self.configuration, "--json"]);
            if ran.code == 0 {
                return ran.objects().remove(0);
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("no audit event for {id}");
    }
}

fn text_of(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("{name}: {value}")).to_owned()
}

/// Shows: TOKEN-9
#[test]
fn from_discovery_to_data_and_back() {
    let world = World::start();
    let base = world.base.as_str();

    let ran = world.run(&["discover", base]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for text in ["✓", "chain to a trusted community", "CHAIN-1", "registration endpoint", "tessera register"] {
        assert!(ran.stdout.contains(text), "{text}: {ran:?}");
    }
    let (code, server) = world.json(&["discover", base]);
    assert_eq!((code, server["base"].as_str()), (0, Some(base)));
    assert!(server["checks"].as_array().unwrap().len() > 5 && server["token_endpoint"].is_string());

    let get = [&["get", base, "Patient?_count=3"], &CONTEXT[..]].concat();
    let (code, error) = world.json(&get);
    assert_eq!((code, error["code"].as_str()), (7, Some("not-registered")), "{error}");

    let client_id = world.register();
    let (code, changed) = world.json(&["register", base, "--scope", "system/Patient.rs system/Observation.rs"]);
    assert_eq!((code, changed["outcome"].as_str()), (0, Some("changed")));
    assert_eq!(text_of(&changed, "client_id"), client_id);

    let (code, error) = world.json(&["token", base]);
    assert_eq!((code, error["code"].as_str()), (2, Some("context-missing")));
    let token = world.token();
    assert_eq!(token["origin"], "server");
    let ran = world.run(&[&["token", base, "--scope", "system/Observation.rs"], &CONTEXT[..]].concat());
    let next = ran.stdout.lines().last().unwrap();
    assert!(next.contains("'Observation?_count=5' --scope system/Observation.rs --organization-id"), "{ran:?}");
    assert!(token.get("access_token").is_none() && token["expires_in_s"].as_u64().unwrap() <= 3600);
    assert_eq!(world.token()["origin"], "kept");
    let ran = world.run(&[&["token", base, "--print"], &CONTEXT[..]].concat());
    let printed = ran.stdout.trim().to_owned();
    assert_eq!(printed.split('.').count(), 3, "the token alone is on stdout");
    assert!(!world.run(&[&["token", base], &CONTEXT[..]].concat()).text().contains(&printed));
    assert!(!world.run(&["profile", "show"]).text().contains(&printed));

    let ran = world.run(&get);
    assert_eq!(ran.code, 0, "{ran:?}");
    let bundle: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((bundle["resourceType"].as_str(), bundle["entry"].as_array().unwrap().len()), (Some("Bundle"), 3));
    assert!(ran.stdout.contains("\n  \"") && ran.stderr.contains("token at hand"), "{ran:?}");
    let (code, error) = world.json(&[&["get", base, "Patient/not-there"], &CONTEXT[..]].concat());
    assert_eq!((code, error["exit_code"].as_u64()), (8, Some(8)), "{error}");

    let (code, answer) = world.json(&["introspect", base]);
    assert_eq!((code, answer["active"].as_bool()), (0, Some(true)), "{answer}");
    let about_printed = ["introspect", base, "--token", "-", "--json"];
    let ran = world.user.run_with_input(&about_printed, &format!("{printed}\n"));
    assert_eq!((ran.code, ran.objects()[0]["active"].as_bool()), (0, Some(true)), "{ran:?}");

    // A token is for its context alone: another purpose takes another one, and the first is kept beside it.
    let (code, other) = world.json(&[&["token", base], &OTHER_PURPOSE[..]].concat());
    assert_eq!((code, other["origin"].as_str()), (0, Some("server")), "{other}");
    assert_eq!(world.json(&[&["token", base], &OTHER_PURPOSE[..]].concat()).1["origin"], "kept");
    assert_eq!(world.token()["origin"], "kept");

    let (code, revoked) = world.json(&["revoke", base]);
    assert_eq!((code, revoked["tokens"].as_u64()), (0, Some(3)), "{revoked}");
    let ran = world.user.run_with_input(&about_printed, &printed);
    assert_eq!((ran.code, ran.objects()[0]["active"].as_bool()), (0, Some(false)), "{ran:?}");
    let (code, answer) = world.json(&["introspect", base, "--token", &printed]);
    assert_eq!((code, answer["active"].as_bool()), (0, Some(false)));
    let ran = world.user.run_with_input(&about_printed, "two words");
    assert_eq!(ran.code, 2, "{ran:?}");
    assert_eq!(world.json(&["introspect", base]).0, 7, "none is kept any more");

    let (code, cancelled) = world.json(&["cancel", base]);
    assert_eq!((code, text_of(&cancelled, "client_id")), (0, client_id));
    assert_eq!(world.json(&["cancel", base]).0, 7);
}

#[test]
fn an_operator_sees_blocks_and_explains() {
    let world = World::start();
    let client_id = world.register();
    world.token();
    let config = world.configuration.as_str();

    let listed = world.run(&["clients", "list", "--config", config, "--json"]).objects();
    let ours = listed.iter().find(|client| client["client_id"] == client_id.as_str()).unwrap();
    assert_eq!((ours["status"].as_str(), ours["client_uri"].as_str()), (Some("active"), Some(APP)));

    let block = ["clients", "block", &client_id, "--reason", "left the network", "--config", config];
    let (code, done) = world.json(&block);
    assert_eq!((code, done["client"]["status"].as_str()), (0, Some("blocked")), "{done}");
    let (_, shown) = world.json(&["clients", "show", &client_id, "--config", config]);
    assert_eq!(shown["blocked_because"], "left the network");
    let audited = world.explain(&text_of(&done, "correlation_id"));
    assert_eq!(audited["action"], "client-blocked");
    assert_eq!(world.json(&block).0, 0, "blocking again changes the reason at most");

    // The kept token is dead, and no other is given.
    let get = [&["get", &world.base, "Patient?_count=1"], &CONTEXT[..]].concat();
    let (code, error) = world.json(&get);
    assert_eq!((code, error["exit_code"].as_u64()), (6, Some(6)), "{error}");
    let refusal = &error["server"];
    assert_eq!(refusal["phase"], "token");
    assert!(!error.to_string().contains("left the network"), "the reason is never shown to the client");
    let explained = world.explain(&text_of(refusal, "correlation_id"));
    assert_eq!(explained["outcome"], "refused");
    assert!(
        explained["refusal"]["section"].is_string() && explained["refusal"]["likely_fix"].is_string(),
        "{explained}"
    );
    let ran = world.run(&get);
    for text in ["error:", "code", "correlation id", "advice:"] {
        assert!(ran.stderr.contains(text), "{text}: {ran:?}");
    }

    assert_eq!(world.json(&["clients", "unblock", &client_id, "--config", config]).0, 0);
    let (code, error) = world.json(&["clients", "unblock", &client_id, "--config", config]);
    assert_eq!((code, error["code"].as_str()), (8, Some("status")), "it is not blocked any more");
    assert_eq!(world.run(&get).code, 0);
}

/// Shows: TOKEN-13
#[test]
fn what_an_operator_revokes_is_dead_at_the_gateway_at_once() {
    let world = World::start();
    let client_id = world.register();
    world.token();
    let get = [&["get", &world.base, "Patient?_count=1"], &CONTEXT[..]].concat();
    let community = text_of(&world.sandbox.first, "community");
    let (_, profile) = world.json(&["profile", "show"]);
    let certificate = text_of(&profile["communities"][0]["certificate"], "sha256");

    for (option, value) in [("--client", &client_id), ("--community", &community), ("--certificate", &certificate)] {
        let ran = world.run(&get);
        assert!(ran.code == 0 && ran.stderr.contains("token at hand"), "{option}: {ran:?}");
        let (code, done) = world.json(&["clients", "revoke", option, value, "--config", &world.configuration]);
        assert_eq!(code, 0, "{option}: {done}");
        assert_eq!(done["revoked"][option.trim_start_matches('-')].as_str(), Some(value.as_str()), "{done}");
        assert!(done["registrations"].as_u64() >= Some(1), "{done}");
        // The next token is good at once: the second in which the others were killed is over.
        let ran = world.run(&get);
        assert!(ran.code == 0 && ran.stderr.contains("does not take this token any more"), "{option}: {ran:?}");
        let audited = world.explain(&text_of(&done, "correlation_id"));
        assert_eq!(audited["action"], "mass-revocation", "{audited}");
    }

    let nobody = "0".repeat(64);
    for (option, value) in [("--client", "nobody"), ("--community", "not a uri"), ("--certificate", "00")] {
        let (code, error) = world.json(&["clients", "revoke", option, value, "--config", &world.configuration]);
        assert_ne!(code, 0, "{option}: {error}");
    }
    for (option, value, exit) in [("--community", "https://elsewhere.example", 8), ("--certificate", &nobody, 0)] {
        assert_eq!(world.json(&["clients", "revoke", option, value, "--config", &world.configuration]).0, exit);
    }
    let ran = world.run(&get);
    assert!(ran.code == 0 && ran.stderr.contains("token at hand"), "those of others do not matter: {ran:?}");
}

/// Shows: COMM-7
#[test]
fn a_server_of_no_trusted_community_is_sent_nothing() {
    let world = World::start();
    let files = crate::support::files::Files::new();
    let ran = world.set_profile("stranger", &files.text("anchor.pem"));
    assert!(ran.code == 2 && ran.stderr.contains("communities[0].chain"), "not the app's own community: {ran:?}");
    // Whoever edits the file may trust others than the app's own.
    let anchor = text_of(&world.sandbox.first, "anchor");
    assert_eq!(world.set_profile("stranger", &anchor).code, 0);
    let file = world.user.profile("stranger").join("profile.toml");
    let settings = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, settings.replace(&anchor, &files.text("anchor.pem"))).unwrap();
    let register = ["register", &world.base, "--scope", "system/Patient.rs", "--profile", "stranger"];
    let (code, error) = world.json(&register);
    assert_eq!((code, error["code"].as_str()), (5, Some("not-trusted")), "{error}");
    let checks = error["checks"].as_array().unwrap();
    assert_eq!(checks.last().unwrap()["outcome"], "failed");
    let ran = world.run(&register);
    assert!(ran.stdout.contains("✗") && ran.stderr.contains("Nothing was sent"), "{ran:?}");
}

#[test]
fn a_base_without_udap_is_told() {
    let world = World::start();
    let origin = world.base.strip_suffix("/fhir/r4").unwrap();
    let (code, error) = world.json(&["discover", &format!("{origin}/nothing/here")]);
    assert_eq!((code, error["code"].as_str()), (4, Some("no-udap")), "{error}");
}

#[test]
fn what_the_server_refuses_comes_with_its_code_and_our_advice() {
    let world = World::start();
    world.register();
    let other_purpose = ["--organization-id", "https://my-app.example/org", "--purpose", "urn:oid:1.2.3#NOTHING"];
    let (code, error) = world.json(&[&["token", &world.base], &other_purpose[..]].concat());
    assert_eq!((code, error["code"].as_str()), (6, Some("invalid_grant")), "{error}");
    assert!(error["advice"].as_str().unwrap().contains("purpose_of_use"));
    assert!(error["server"]["description"].is_string());
    let id = error["server"]["correlation_id"].as_str().unwrap();
    assert_eq!(error.to_string().matches(id).count(), 1, "told once: {error}");

    // The gateway, too, names what it does not take, and its id once.
    let (_, _) = world.json(&[&["token", &world.base], &CONTEXT[..]].concat());
    let (code, error) = world.json(&[&["get", &world.base, "Patient/not-there"], &CONTEXT[..]].concat());
    assert_eq!(code, 8, "{error}");
    let id = error["server"]["correlation_id"].as_str().unwrap();
    assert!(error["server"]["description"].is_string() && error.to_string().matches(id).count() == 1, "{error}");
}
