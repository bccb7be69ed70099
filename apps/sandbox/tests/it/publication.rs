//! The communities' certificates and revocation lists over HTTP, at the URLs that certificates name.

use tessera_sandbox::running;
use tessera_trust::revocation::Status;
use tessera_trust::{Certificate, Crl, certificates_from_pem};

use crate::support::{ask, port, start};

async fn fetched(url: &str, media_type: &str) -> Vec<u8> {
    let (status, head, body) = ask("GET", url).await;
    assert_eq!(status, 200, "{url}: {head}");
    for header in [format!("content-type: {media_type}"), "cache-control: no-cache".to_owned()] {
        assert!(head.lines().any(|line| line == header), "{url} has no {header}: {head}");
    }
    body
}

async fn list_of(certificate: &Certificate) -> Crl {
    let url = &certificate.crl_urls()[0];
    let list = Crl::from_der(&fetched(url, "application/pkix-crl").await).unwrap();
    assert!(list.is_meant_for(url));
    list
}

async fn issuer_of(certificate: &Certificate) -> Certificate {
    let der = fetched(&certificate.ca_issuer_urls()[0], "application/pkix-cert").await;
    Certificate::from_der(&der).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_lead_to_their_issuers_and_to_the_lists_that_end_them() {
    let sandbox = start(None).await;
    let location = sandbox.guide().location;
    let uri = "https://guest.example/app";
    let issued = running::certificate(port(&sandbox), uri, None).await.unwrap();
    let leaf = &certificates_from_pem(&issued.chain_pem).unwrap()[0];

    let kept = |file: &str| {
        let pem = std::fs::read_to_string(location.anchor.with_file_name(file)).unwrap();
        certificates_from_pem(&pem).unwrap().remove(0)
    };
    let issuing = issuer_of(leaf).await;
    let root = issuer_of(&issuing).await;
    assert_eq!((issuing.der(), root.der()), (kept("issuing.pem").der(), kept("root.pem").der()));
    assert!(leaf.is_signed_by(&issuing) && issuing.is_signed_by(&root));

    let (before, of_root) = (list_of(leaf).await, list_of(&issuing).await);
    assert!(before.is_authentic(&issuing) && of_root.is_authentic(&root));
    assert_eq!((before.status(leaf), of_root.status(&issuing)), (Status::NotRevoked, Status::NotRevoked));

    running::revoke(port(&sandbox), uri).await.unwrap();
    let after = list_of(leaf).await;
    assert!(after.is_authentic(&issuing) && after.number() > before.number());
    assert!(matches!(after.status(leaf), Status::Revoked { .. }), "at once");
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_else_is_published() {
    let sandbox = start(None).await;
    let issued = running::certificate(port(&sandbox), "https://guest.example/app", None).await.unwrap();
    let list = certificates_from_pem(&issued.chain_pem).unwrap()[0].crl_urls()[0].clone();
    let (status, head, body) = ask("HEAD", &list).await;
    assert!(status == 200 && body.is_empty() && head.contains("content-type: application/pkix-crl"), "{head}");
    assert_eq!(ask("POST", &list).await.0, 405);
    for other in ["issuing.key", "issuing.pem", "register.json", "../register.json", ""] {
        let url = list.replace("issuing.crl", other);
        assert_eq!(ask("GET", &url).await.0, 404, "{url}");
    }
    sandbox.stop().await;
}
