//! Certificates and lists as OpenSSL understands them.

use std::{sync::Arc, time::Duration};

use tessera_pki::{
    Authority, CaKey, Issue, KeyKind, Profile, Reason, RevocationList, RevokedCertificate, SoftwareCaKey, Subject,
    Validity,
};
use tessera_trust::UnixTime;

use crate::openssl_command::Folder;

const NOW: UnixTime = UnixTime::from_secs(1_790_000_000);
const DAY: Duration = Duration::from_secs(24 * 3600);
const URI: &str = "https://app.example/a";
const LEAF_SERIAL: [u8; 16] = [0x43; 16];

/// Root, intermediate, member and a list of each CA, as files of a folder.
struct World {
    folder: Folder,
    root: Authority,
    intermediate: Authority,
}

impl World {
    fn new(name: &str, kind: KeyKind) -> Self {
        let root =
            Authority::root(Subject::new("Test", "Root"), Validity::starting(NOW, DAY * 365), [0x41; 16], key(kind))
                .unwrap();
        let ca_key = key(kind);
        let mut issue = Issue::new(
            Subject::new("Test", "Intermediate"),
            ca_key.public_key(),
            Profile::Intermediate { path_length: 0 },
            Validity::starting(NOW, DAY * 200),
            [0x42; 16],
        );
        issue.crl_urls = vec!["http://ca.example/root.crl".to_owned()];
        let intermediate = root.issue_authority(&issue, ca_key).unwrap();
        let mut issue = Issue::new(
            Subject::new("Test", "Member"),
            key(kind).public_key(),
            Profile::Member { uris: vec![URI.to_owned()] },
            Validity::starting(NOW, DAY * 100),
            LEAF_SERIAL,
        );
        issue.crl_urls = vec!["http://ca.example/intermediate.crl".to_owned()];
        issue.ca_issuer_urls = vec!["http://ca.example/intermediate.cer".to_owned()];
        let leaf = intermediate.issue(&issue).unwrap();
        let folder = Folder::new(name);
        for (file, der) in
            [("root", root.certificate()), ("intermediate", intermediate.certificate()), ("leaf", leaf.as_slice())]
        {
            folder.write(&format!("{file}.cer"), der);
            let (input, output) = (format!("{file}.cer"), format!("{file}.pem"));
            folder.text(&["x509", "-inform", "DER", "-in", &input, "-out", &output]);
        }
        Self { folder, root, intermediate }
    }

    /// Whether OpenSSL accepts the member with both lists, the CAs' and `list` being the intermediate's.
    fn verify(&self, list: &mut RevocationList) -> Result<(), String> {
        let until = NOW.plus(DAY * 7);
        let root_list = self.root.crl(&mut RevocationList::default(), NOW, until).unwrap();
        let list = self.intermediate.crl(list, NOW, until).unwrap();
        for (file, der) in [("root", root_list), ("intermediate", list)] {
            let (input, output) = (format!("{file}.crl"), format!("{file}.crl.pem"));
            self.folder.write(&input, &der);
            self.folder.text(&["crl", "-inform", "DER", "-in", &input, "-out", &output]);
        }
        let at = NOW.plus(DAY).to_string();
        let output = self.folder.run(&[
            "verify",
            "-x509_strict",
            "-crl_check_all",
            "-attime",
            &at,
            "-CAfile",
            "root.pem",
            "-untrusted",
            "intermediate.pem",
            "-CRLfile",
            "root.crl.pem",
            "-CRLfile",
            "intermediate.crl.pem",
            "leaf.pem",
        ]);
        if output.status.success() {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

fn key(kind: KeyKind) -> Arc<dyn CaKey> {
    Arc::new(SoftwareCaKey::generate(kind).unwrap())
}

#[test]
#[ignore = "needs openssl"]
fn openssl_accepts_the_chain_and_refuses_it_once_revoked() {
    for (name, kind) in [("chain-rsa", KeyKind::Rsa2048), ("chain-p256", KeyKind::P256), ("chain-p384", KeyKind::P384)]
    {
        let world = World::new(name, kind);
        let mut list = RevocationList::default();
        assert_eq!(world.verify(&mut list), Ok(()), "{name}");
        list.revoke(&LEAF_SERIAL, RevokedCertificate { at: NOW, reason: Reason::KeyCompromise });
        let refusal = world.verify(&mut list).unwrap_err();
        assert!(refusal.contains("certificate revoked"), "{name}: {refusal}");
    }
}

#[test]
#[ignore = "needs openssl"]
fn openssl_reads_the_extensions_that_the_profiles_promise() {
    let world = World::new("text", KeyKind::P256);
    let text = |file| world.folder.text(&["x509", "-noout", "-text", "-in", file]);
    let leaf = text("leaf.pem");
    for expected in [
        "X509v3 Basic Constraints: critical\n                CA:FALSE",
        "X509v3 Key Usage: critical\n                Digital Signature\n",
        "URI:https://app.example/a",
        "URI:http://ca.example/intermediate.crl",
        "CA Issuers - URI:http://ca.example/intermediate.cer",
        "X509v3 Subject Key Identifier:",
        "X509v3 Authority Key Identifier:",
    ] {
        assert!(leaf.contains(expected), "{expected} is not in {leaf}");
    }
    let intermediate = text("intermediate.pem");
    for expected in [
        "X509v3 Basic Constraints: critical\n                CA:TRUE, pathlen:0",
        "X509v3 Key Usage: critical\n                Certificate Sign, CRL Sign\n",
    ] {
        assert!(intermediate.contains(expected), "{expected} is not in {intermediate}");
    }
}
