#[cfg(target_os = "linux")]
use std::io::{Read as _, Write as _};
#[cfg(target_os = "linux")]
use std::net::TcpStream;

use crate::support::files::{BASE, Files};
use crate::support::{Running, User};

#[test]
fn a_node_tells_where_it_listens_and_stops_when_asked() {
    let (user, files) = (User::new(), Files::new());
    let node = Running::start(&user, &["serve", "--config", &files.text("node.toml")]);
    assert_eq!(node.first["scheme"], "http");
    assert_eq!(node.first["bases"][0], BASE);
    let address = node.first["address"].as_str().unwrap();
    assert!(address.starts_with("127.0.0.1:") && !address.ends_with(":0"), "{address}");
    assert!(node.first["operator"].is_string());
    assert_eq!(node.terminate(), 0);
    assert!(files.path("node.db").exists());
}

#[test]
fn a_node_does_not_start_with_what_does_not_hold() {
    let (user, files) = (User::new(), Files::new());
    files.change("[tokens]", "[tokens]\nunknown = 1");
    let config = files.text("node.toml");
    let (code, error) = user.json(&["serve", "--config", &config]);
    assert_eq!((code, error["code"].as_str(), error["exit_code"].as_u64()), (2, Some("configuration"), Some(2)));
    assert!(error["causes"][0].as_str().unwrap().contains("unknown"), "{error}");
    let ran = user.run(&["serve", "--config", &config]);
    assert!(ran.code == 2 && ran.stderr.contains("unknown") && ran.stderr.contains("tessera check"), "{ran:?}");
}

#[test]
fn a_port_that_is_taken_is_told() {
    let (user, files) = (User::new(), Files::new());
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    files.change("[node]\nlisten = \"127.0.0.1:0\"", &format!("[node]\nlisten = \"{address}\""));
    let ran = user.run(&["serve", "--config", &files.text("node.toml")]);
    assert!(ran.code == 1 && ran.stderr.contains(&address), "{ran:?}");
}

/// A limit for the size of files stands for a disk that is full.
#[cfg(target_os = "linux")]
#[test]
fn a_node_whose_store_takes_no_writes_is_healthy_and_not_ready() {
    let (user, files) = (User::new(), Files::new());
    let node = Running::start_limited(&user, &["serve", "--config", &files.text("node.toml")]);
    let operator = node.first["operator"].as_str().unwrap().to_owned();
    assert!(answer(&operator, "/ready").starts_with("HTTP/1.1 200 "));
    node.limit_files("0");
    let ready = answer(&operator, "/ready");
    assert!(ready.starts_with("HTTP/1.1 503 ") && ready.contains("store"), "{ready}");
    assert!(answer(&operator, "/health").starts_with("HTTP/1.1 200 "));
    let metrics = answer(&operator, "/metrics");
    assert!(metrics.contains("tessera_store_failed_commits_total{file=\"registry\"} 1"), "{metrics}");
    node.limit_files("unlimited");
    let ready = answer(&operator, "/ready");
    assert!(ready.starts_with("HTTP/1.1 200 "), "it works again by itself: {ready}");
    assert_eq!(node.terminate(), 0);
}

#[cfg(target_os = "linux")]
fn answer(address: &str, path: &str) -> String {
    #[expect(clippy::disallowed_methods, reason = "a test speaks for itself")]
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
