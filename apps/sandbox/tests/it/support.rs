//! Starting a sandbox, and speaking HTTP with it without any judgement of ours.

use std::path::Path;

use tessera_sandbox::{Sandbox, SandboxOptions, Step, VisitReport};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A sandbox on free ports.
pub(crate) async fn start(data: Option<&Path>) -> Sandbox {
    let options = SandboxOptions { port: 0, data: data.map(Path::to_owned), fhir: None };
    Sandbox::start(options).await.unwrap()
}

/// A visit in which every step must come out as it should.
pub(crate) async fn visit(sandbox: &Sandbox, with_faults: bool) -> VisitReport {
    let mut seen = Vec::new();
    let mut observer = |step: &Step| seen.push(step.clone());
    let report = sandbox.visit(with_faults, &mut observer).await.unwrap();
    assert_eq!(seen, report.steps);
    assert!(report.passed(), "{:#?}", report.steps);
    report
}

/// The first port of a sandbox.
pub(crate) fn port(sandbox: &Sandbox) -> u16 {
    sandbox.guide().location.port
}

/// Sends a request to the start page's listener as it stands; status, header block and body of the answer.
pub(crate) async fn send(sandbox: &Sandbox, head: &str, body: &str) -> (u16, String, String) {
    let (status, head, body) = send_to(port(sandbox) + 1, head, body).await;
    (status, head, String::from_utf8(body).unwrap())
}

/// Asks for a URL of this machine; status, header block and body of the answer.
pub(crate) async fn ask(method: &str, url: &str) -> (u16, String, Vec<u8>) {
    let (authority, path) = url.strip_prefix("http://").and_then(|rest| rest.split_once('/')).unwrap();
    let port = authority.rsplit_once(':').unwrap().1.parse().unwrap();
    send_to(port, &format!("{method} /{path} HTTP/1.1\r\nHost: {authority}"), "").await
}

async fn send_to(port: u16, head: &str, body: &str) -> (u16, String, Vec<u8>) {
    #[expect(clippy::disallowed_methods, reason = "a test speaks for itself")]
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let head = head.replace("{port}", &port.to_string());
    let request = format!("{head}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let body = answer.split_off(end + 4);
    let head = String::from_utf8(answer).unwrap().trim_end().to_ascii_lowercase();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head, body)
}
