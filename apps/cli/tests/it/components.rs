//! The sandbox beside programs that are not ours: a client made of curl and OpenSSL, a FHIR server from npm.
//!
//! `cargo xtask test` looks for these programs, installs what is missing and runs these tests with the others.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::support::{Running, User};

/// Shows: DISC-1, DISC-2, DCR-19, AUTHN-1, TOKEN-4
#[test]
#[ignore = "needs openssl, curl and jq"]
fn the_walk_by_hand_reaches_a_patient() {
    let user = User::new();
    let sandbox = Running::start(&user, &["sandbox", "--port", "0"]);
    let text = |name: &str| sandbox.first[name].as_str().unwrap().to_owned();
    let walked = Command::new("bash")
        .arg(workspace_root().join("examples/by-hand.sh"))
        .env("TESSERA", env!("CARGO_BIN_EXE_tessera"))
        .env("PORT", sandbox.first["port"].to_string())
        .env("BASE", text("base"))
        .env("CA_FILE", text("tls_root"))
        .env("XDG_RUNTIME_DIR", user.home())
        .output()
        .unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&walked.stdout), String::from_utf8_lossy(&walked.stderr));
    assert!(walked.status.success(), "{}\n{stdout}\n{stderr}", walked.status);
    assert!(stdout.contains(r#""resourceType": "Patient""#), "{stdout}");
    assert!(stdout.contains("From metadata to a Patient"), "{stdout}");
    assert!(!stdout.contains("eyJ"), "no token and no statement is printed: {stdout}");
}

#[test]
#[ignore = "needs Node.js and npm's @medplum/fhir-router"]
fn the_visit_goes_as_well_with_another_fhir_server_behind_the_gateway() {
    let peer = FhirPeer::start();
    let user = User::new();
    let ran = user.run(&["sandbox", "--once", "--port", "0", "--fhir", &peer.url, "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let objects = ran.objects();
    assert!(objects[0].to_string().contains(&peer.url), "the guide names the server behind the gateway");
    let steps: Vec<_> = objects[1..].iter().map(|step| step["name"].as_str().unwrap()).collect();
    assert_eq!(steps, ["discover", "register", "token", "search", "read"]);
    assert!(objects[1..].iter().all(|step| step["outcome"] == "passed"), "{ran:?}");
    let found = objects[4]["detail"].as_str().unwrap();
    let patients: u32 = found.split(' ').find_map(|word| word.parse().ok()).unwrap();
    assert!(patients >= 50, "{found}");
}

/// The FHIR server of `apps/sample-fhir/peers`, which does not outlive its test.
struct FhirPeer {
    child: Child,
    url: String,
}

impl FhirPeer {
    /// Starts it and waits until it says where it answers.
    fn start() -> Self {
        let program = workspace_root().join("apps/sample-fhir/peers/fhir-medplum.mjs");
        let mut child = Command::new(node())
            .arg(program)
            .args(["--port", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("ready ").map(str::to_owned);
        let peer = Self { child, url: url.clone().unwrap_or_default() };
        assert!(url.is_some(), "the FHIR server did not start; run `npm --prefix apps/sample-fhir/peers ci` first");
        peer
    }
}

impl Drop for FhirPeer {
    fn drop(&mut self) {
        // It has ended when it could not start.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The Node.js that `cargo xtask test` has found good or brought, else the one on the path.
fn node() -> PathBuf {
    let brought = workspace_root().join("target/node/node_modules/node/bin/node");
    if brought.is_file() { brought } else { PathBuf::from("node") }
}

fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}
