//! Certificates and revocations by another process, and who may ask for them.

use std::process::Command;

use tessera_sandbox::running;
use tessera_trust::certificates_from_pem;

use crate::support::{port, send, start};

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_gets_a_certificate_and_loses_it() {
    let sandbox = start(None).await;
    let port = port(&sandbox);
    let issued = running::certificate(port, "https://guest.example/app", None).await.unwrap();
    let chain = certificates_from_pem(&issued.chain_pem).unwrap();
    assert_eq!(chain[0].uri_names(), ["https://guest.example/app"], "leaf first");
    assert!(chain.len() == 2 && chain[1].is_ca());
    assert!(issued.key_pem.unwrap().contains("BEGIN PRIVATE KEY"));
    let revoked = running::revoke(port, "https://guest.example/app").await.unwrap();
    assert_eq!(revoked.certificates, 1);

    let location = running::location(port).await.unwrap();
    assert_eq!(location, sandbox.guide().location);
    assert!(location.tls_root.is_file() && location.anchor.is_file());
    sandbox.stop().await;
    let error = running::location(port).await.unwrap_err();
    assert!(error.to_string().contains("no sandbox runs"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs openssl"]
async fn of_a_request_only_the_key_is_taken() {
    let sandbox = start(None).await;
    let place = tempfile::tempdir().unwrap();
    let file = |name: &str| place.path().join(name).display().to_string();
    let made = Command::new("openssl")
        .args(["req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=Mallory"])
        .args(["-addext", "subjectAltName=URI:https://elm.example/community"])
        .args(["-keyout", &file("key.pem"), "-out", &file("request.pem")])
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let request = std::fs::read_to_string(file("request.pem")).unwrap();

    let uri = "https://guest.example/app";
    let issued = running::certificate(port(&sandbox), uri, Some(&request)).await.unwrap();
    assert!(issued.key_pem.is_none());
    let leaf = &certificates_from_pem(&issued.chain_pem).unwrap()[0];
    assert_eq!(leaf.uri_names(), [uri]);
    assert!(!leaf.subject().contains("Mallory"), "{}", leaf.subject());

    let broken = request.replacen("MII", "MIJ", 1);
    assert!(running::certificate(port(&sandbox), uri, Some(&broken)).await.is_err());
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_becomes_a_party_of_the_sandbox() {
    let sandbox = start(None).await;
    let port = port(&sandbox);
    let location = sandbox.guide().location;
    for uri in [
        location.base.clone(),
        format!("{}/", location.base.to_uppercase()),
        location.community.clone(),
        "https://oak.example/community".to_owned(),
        location.start_page.clone(),
        "not a uri".to_owned(),
    ] {
        let error = running::certificate(port, &uri, None).await.unwrap_err();
        assert!(error.to_string().contains("refused"), "{uri}: {error}");
        assert!(running::revoke(port, &uri).await.is_err(), "{uri}");
    }
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_control_needs_the_credential_of_this_run() {
    let sandbox = start(None).await;
    let body = r#"{"uri": "https://guest.example/app"}"#;
    let post = |extra: &str| format!("POST /control/certificate HTTP/1.1\r\nHost: localhost:{{port}}{extra}");
    for head in [post(""), post("\r\nAuthorization: Bearer "), post("\r\nAuthorization: Bearer AAAA")] {
        let (status, _, answer) = send(&sandbox, &head, body).await;
        assert!(status == 401 && !answer.contains("BEGIN"), "{status} {answer}");
    }
    let file = sandbox.guide().location.data.join("control.token");
    let credential = std::fs::read_to_string(&file).unwrap();
    let good = post(&format!("\r\nAuthorization: Bearer {credential}"));
    let (status, head, answer) = send(&sandbox, &good, body).await;
    assert!(status == 200 && answer.contains("BEGIN CERTIFICATE"), "{status} {answer}");
    assert!(head.contains("cache-control: no-store"), "{head}");

    let huge = format!(r#"{{"uri": "{}"}}"#, "x".repeat(40_000));
    assert_eq!(send(&sandbox, &good, &huge).await.0, 413);
    for malformed in ["", "[]", r#"{"uri": 7}"#, r#"{"uri": "https://a.example", "more": 1}"#] {
        assert_eq!(send(&sandbox, &good, malformed).await.0, 400, "{malformed}");
    }
    sandbox.stop().await;
}
