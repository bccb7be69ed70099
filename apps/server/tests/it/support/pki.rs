//! Two trust communities, elm and oak, each with a root and an issuing CA, made once for all tests.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tessera_jose::algorithm::Algorithm;
use tessera_jose::key::{KeyKind, SigningKey as _, SoftwareKey};
use tessera_pki::{
    Authority, Issue, Profile, RawExtension, Reason, RevocationList, RevokedCertificate, SoftwareCaKey, Subject,
    Validity,
};
use tessera_trust::{Certificate, UnixTime};

use super::forge::{fresh_jti, now};

pub const ELM: &str = "https://elm.example/community";
pub const OAK: &str = "https://oak.example/community";
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A trust community's CAs.
#[derive(Debug)]
pub struct TestCommunity {
    pub name: &'static str,
    pub root: Authority,
    pub issuing: Authority,
    /// The issuing CA's key, for what it should not sign.
    pub issuing_key: Arc<SoftwareKey>,
}

/// Somebody with a key and a certificate.
#[derive(Debug, Clone)]
pub struct Member {
    pub uri: String,
    pub key: Arc<SoftwareKey>,
    /// As it goes into x5c: leaf, then the issuing CA.
    pub chain: Vec<Vec<u8>>,
}

impl Member {
    pub fn leaf(&self) -> Certificate {
        Certificate::from_der(&self.chain[0]).unwrap()
    }
}

/// The certificate of a member, before one property of it is broken.
#[derive(Debug, Clone)]
pub struct MemberOptions {
    pub uris: Vec<String>,
    pub not_before: u64,
    pub not_after: u64,
    pub extensions: Vec<RawExtension>,
}

impl MemberOptions {
    pub fn new(uri: &str) -> Self {
        Self {
            uris: vec![uri.to_owned()],
            not_before: now() - 3600,
            not_after: now() + 30 * 24 * 3600,
            extensions: Vec::new(),
        }
    }
}

pub fn elm() -> &'static TestCommunity {
    static COMMUNITY: OnceLock<TestCommunity> = OnceLock::new();
    COMMUNITY.get_or_init(|| TestCommunity::new("elm"))
}

pub fn oak() -> &'static TestCommunity {
    static COMMUNITY: OnceLock<TestCommunity> = OnceLock::new();
    COMMUNITY.get_or_init(|| TestCommunity::new("oak"))
}

/// A key that tests share where it does not matter whose it is; RSA keys take long to make.
pub fn shared_rsa_key() -> Arc<SoftwareKey> {
    static KEY: OnceLock<Arc<SoftwareKey>> = OnceLock::new();
    Arc::clone(KEY.get_or_init(|| Arc::new(SoftwareKey::generate(KeyKind::Rsa).unwrap())))
}

pub fn ec_key() -> Arc<SoftwareKey> {
    Arc::new(SoftwareKey::generate(KeyKind::P256).unwrap())
}

/// A key that signs with this algorithm; RSA keys are the shared one.
pub fn key_for(algorithm: Algorithm) -> Arc<SoftwareKey> {
    match algorithm {
        Algorithm::Rs256 | Algorithm::Rs384 => {
            let key = SoftwareKey::from_pem(&shared_rsa_key().to_pkcs8_pem()).unwrap();
            Arc::new(key.with_algorithm(algorithm).unwrap())
        }
        Algorithm::Es256 => ec_key(),
        Algorithm::Es384 => Arc::new(SoftwareKey::generate(KeyKind::P384).unwrap()),
    }
}

fn at(seconds: u64) -> UnixTime {
    UnixTime::from_secs(seconds)
}

fn serial() -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&fresh_jti().as_bytes()[..16]);
    bytes
}

impl TestCommunity {
    pub fn new(name: &'static str) -> Self {
        let key = || Arc::new(SoftwareCaKey::generate(tessera_pki::KeyKind::P256).unwrap());
        let validity = Validity::starting(at(now() - 7200), 400 * DAY);
        let root = Authority::root(Subject::new(name, "Root"), validity, serial(), key()).unwrap();
        let issuing_key = key();
        let signer = Arc::new(SoftwareKey::from_pem(&issuing_key.to_pkcs8_pem().unwrap()).unwrap());
        let issue = Self::issuing(name, signer.public_key(), validity);
        let issuing = root.issue_authority(&issue, issuing_key).unwrap();
        Self { name, root, issuing, issuing_key: signer }
    }

    fn issuing(name: &str, public_key: &[u8], validity: Validity) -> Issue {
        let profile = Profile::Intermediate { path_length: 0 };
        let mut issue = Issue::new(Subject::new(name, "Issuing CA"), public_key, profile, validity, serial());
        issue.crl_urls = vec![Self::url(name, "root")];
        issue
    }

    /// The issuing CA's certificate once more, with the same name and key, valid in this time only.
    pub fn issuing_certificate(&self, not_before: u64, not_after: u64) -> Vec<u8> {
        let validity = Validity { not_before: at(not_before), not_after: at(not_after) };
        self.root.issue(&Self::issuing(self.name, self.issuing_key.public_key(), validity)).unwrap()
    }

    /// A member whose certificate its own key has signed.
    pub fn self_signed(&self, uri: &str) -> Member {
        let key = Arc::new(SoftwareCaKey::generate(tessera_pki::KeyKind::P256).unwrap());
        let (subject, validity) = (Subject::new(self.name, "Member"), Validity::starting(at(now() - 3600), 30 * DAY));
        let itself = Authority::root(subject.clone(), validity, serial(), key.clone()).unwrap();
        let profile = Profile::Member { uris: vec![uri.to_owned()] };
        let key = Arc::new(SoftwareKey::from_pem(&key.to_pkcs8_pem().unwrap()).unwrap());
        let mut issue = Issue::new(subject, key.public_key(), profile, validity, serial());
        issue.crl_urls = vec![Self::url(self.name, "issuing")];
        Member { uri: uri.to_owned(), key, chain: vec![itself.issue(&issue).unwrap()] }
    }

    /// The address that certificates name for a CRL; preloaded, never fetched.
    pub fn url(name: &str, ca: &str) -> String {
        format!("http://crl.{name}.example/{ca}.crl")
    }

    /// A member with a new P-256 key.
    pub fn member(&self, uri: &str) -> Member {
        self.member_with(ec_key(), &MemberOptions::new(uri))
    }

    /// A member with this key and certificate.
    pub fn member_with(&self, key: Arc<SoftwareKey>, options: &MemberOptions) -> Member {
        let leaf = self.certificate(&key, options);
        Member { uri: options.uris[0].clone(), key, chain: vec![leaf, self.issuing.certificate().to_vec()] }
    }

    fn certificate(&self, key: &SoftwareKey, options: &MemberOptions) -> Vec<u8> {
        let validity = Validity { not_before: at(options.not_before), not_after: at(options.not_after) };
        let profile = Profile::Member { uris: options.uris.clone() };
        let mut issue = Issue::new(Subject::new(self.name, "Member"), key.public_key(), profile, validity, serial());
        issue.crl_urls = vec![Self::url(self.name, "issuing")];
        issue.dangerous_extensions = options.extensions.clone();
        self.issuing.issue(&issue).unwrap()
    }

    /// The CRLs of both CAs with the certificates of these members revoked: (URL, DER).
    pub fn crls(&self, revoked: &[&Member]) -> Vec<(String, Vec<u8>)> {
        let mut list = RevocationList::default();
        for member in revoked {
            let serial = hex(&member.leaf().serial_hex());
            list.revoke(&serial, RevokedCertificate { at: at(now() - 60), reason: Reason::KeyCompromise });
        }
        let (from, until) = (at(now() - 60), at(now() + 24 * 3600));
        vec![
            (Self::url(self.name, "root"), self.root.crl(&mut RevocationList::default(), from, until).unwrap()),
            (Self::url(self.name, "issuing"), self.issuing.crl(&mut list, from, until).unwrap()),
        ]
    }
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<char> = text.chars().filter(char::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap()).collect()
}

/// A certificate or key in PEM.
pub fn pem(label: &str, der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
