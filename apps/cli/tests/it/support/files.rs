//! Certificates, profiles and a node's configuration in a folder, valid until one thing is broken.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tempfile::TempDir;
use tessera_jose::key::{KeyKind, SigningKey as _, SoftwareKey};
use tessera_pki::{Authority, Issue, Profile, RevocationList, SoftwareCaKey, Subject, Validity};
use tessera_trust::UnixTime;

pub const COMMUNITY: &str = "https://community.example/trust";
pub const APP: &str = "https://app.example/client";
pub const BASE: &str = "https://fhir.example/fhir/r4";

/// A folder with a community's anchor, an app's chain and key, and a node with all that it needs.
#[derive(Debug)]
pub struct Files {
    folder: TempDir,
}

impl Files {
    pub fn new() -> Self {
        let files = Self { folder: tempfile::tempdir().unwrap() };
        let root = root();
        files.write("anchor.pem", &pem(root.certificate()));
        files.certify_app("app", APP);
        files.member("base", BASE, rsa_key(), Duration::from_secs(90 * 24 * 3600));
        files.write_private("token-key.pem", &SoftwareKey::generate(KeyKind::P256).unwrap().to_pkcs8_pem());
        let (this_update, next_update) = (now() - 60, now() + 24 * 3600);
        let (this_update, next_update) = (UnixTime::from_secs(this_update), UnixTime::from_secs(next_update));
        let crl = root.crl(&mut RevocationList::default(), this_update, next_update).unwrap();
        std::fs::write(files.path("root.crl"), crl).unwrap();
        files.write("node.toml", &node_toml());
        files
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A path as an argument.
    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub fn write_private(&self, name: &str, text: &str) {
        self.write(name, text);
        set_mode(&self.path(name), 0o600);
    }

    /// Changes the node's configuration.
    pub fn change(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.path("node.toml")).unwrap();
        assert!(text.contains(from), "{from}");
        self.write("node.toml", &text.replace(from, to));
    }

    /// Writes `NAME-chain.pem` and `NAME-key.pem` with a new key for an app.
    pub fn certify_app(&self, name: &str, uri: &str) {
        let key = SoftwareKey::generate(KeyKind::P256).unwrap();
        self.member(name, uri, &key, Duration::from_secs(90 * 24 * 3600));
    }

    /// Writes `NAME-chain.pem` and `NAME-key.pem` of a member of the community.
    pub fn member(&self, name: &str, uri: &str, key: &SoftwareKey, lifetime: Duration) {
        self.member_with_list(name, uri, key, lifetime, Vec::new());
    }

    /// As [`Self::member`], with the addresses of the community's revocation list in the certificate.
    pub fn member_with_list(
        &self,
        name: &str,
        uri: &str,
        key: &SoftwareKey,
        lifetime: Duration,
        crl_urls: Vec<String>,
    ) {
        let validity = Validity::starting(UnixTime::from_secs(now() - 3600), lifetime);
        let profile = Profile::Member { uris: vec![uri.to_owned()] };
        let mut issue = Issue::new(Subject::new("Test", name), key.public_key(), profile, validity, serial());
        issue.crl_urls = crl_urls;
        self.write(&format!("{name}-chain.pem"), &pem(&root().issue(&issue).unwrap()));
        self.write_private(&format!("{name}-key.pem"), &key.to_pkcs8_pem());
    }

    /// The argument of `--community`.
    pub fn community(&self) -> String {
        [COMMUNITY.to_owned(), self.text("anchor.pem"), self.text("app-chain.pem"), self.text("app-key.pem")].join(",")
    }
}

pub fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

pub fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn root() -> &'static Authority {
    static ROOT: OnceLock<Authority> = OnceLock::new();
    ROOT.get_or_init(|| {
        let key = Arc::new(SoftwareCaKey::generate(tessera_pki::KeyKind::P256).unwrap());
        let validity = Validity::starting(UnixTime::from_secs(now() - 7200), Duration::from_secs(400 * 24 * 3600));
        Authority::root(Subject::new("Test", "Root"), validity, serial(), key).unwrap()
    })
}

/// RSA keys take long to make.
pub fn rsa_key() -> &'static SoftwareKey {
    static KEY: OnceLock<SoftwareKey> = OnceLock::new();
    KEY.get_or_init(|| SoftwareKey::generate(KeyKind::Rsa).unwrap())
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Serial numbers differ by the time at which they are made.
fn serial() -> [u8; 16] {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos().to_be_bytes()
}

pub fn pem(der: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in der.chunks(3) {
        let mut bytes = [0; 4];
        bytes[1..=group.len()].copy_from_slice(group);
        let bits = u32::from_be_bytes(bytes);
        for place in 0..4 {
            let index = bits >> (18 - 6 * place) & 0x3f;
            text.push(if place > group.len() { '=' } else { char::from(ALPHABET[index as usize]) });
        }
    }
    let lines: Vec<_> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

fn node_toml() -> String {
    format!(
        r#"
[node]
listen = "127.0.0.1:0"
[operator]
listen = "127.0.0.1:0"
[store]
kind = "sqlite"
path = "node.db"
[audit]
path = "audit.jsonl"
[tokens]
key = "token-key.pem"
[[communities]]
uri = "{COMMUNITY}"
name = "Test"
anchors = ["anchor.pem"]
scopes = ["system/Patient.rs", "system/*.rs"]
[[bases]]
name = "r4"
url = "{BASE}"
[[bases.communities]]
community = "{COMMUNITY}"
certificates = "base-chain.pem"
key = "base-key.pem"
"#
    )
}
