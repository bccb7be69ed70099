//! Makes the seeds anew: `cargo run --manifest-path fuzz/Cargo.toml --example seeds`.
//!
//! Valid inputs from which a fuzz target starts, made by the project's own writers. Keys are new each time, and so differ
//! the bytes of what is signed; the time is fixed.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tessera_jose::json::{Limits, Object, read_object};
use tessera_jose::jws::{HeaderTemplate, sign};
use tessera_jose::key::{KeyKind, SigningKey as _, SoftwareKey};
use tessera_pki::{
    Authority, CaKey as _, Issue, Profile, Reason, RevocationList, RevokedCertificate, SoftwareCaKey, Subject, Validity,
};
use tessera_trust::{Certificate, Crl, UnixTime};
use tessera_udap::form::{Parameters, write_form};
use tessera_udap::scope::ScopeSet;

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const DAY: Duration = Duration::from_secs(86_400);
const APP: &str = "https://app.example/client";
const BASE: &str = "https://fhir.example/r4";

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("seeds");
    let community = Community::new()?;
    let app = community.member(APP)?;
    let server = community.member(BASE)?;
    let statement = app.sign(STATEMENT)?;
    let assertion = app.sign(ASSERTION)?;

    let jws = [("statement", statement.clone()), ("assertion", assertion.clone()), ("metadata", server.sign(SIGNED)?)];
    for (name, text) in &jws {
        write(&folder.join("jws"), name, text.as_bytes())?;
    }
    let certificates = [
        ("root", community.root.certificate().to_vec()),
        ("issuing", community.issuing.certificate().to_vec()),
        ("app", app.leaf),
        ("web", community.web_server()?),
    ];
    for (name, der) in &certificates {
        Certificate::from_der(der)?;
        write(&folder.join("certificate"), name, der)?;
    }
    for (name, der) in community.lists()? {
        Crl::from_der(&der)?;
        write(&folder.join("crl"), name, &der)?;
    }
    for (name, form) in forms(&assertion) {
        Parameters::read(form.as_bytes())?;
        write(&folder.join("form"), name, form.as_bytes())?;
    }
    let registration = format!(r#"{{"software_statement": "{statement}", "certifications": [], "udap": "1"}}"#);
    let documents =
        [("statement", STATEMENT), ("assertion", ASSERTION), ("values", VALUES), ("registration", &registration)];
    for (name, json) in documents {
        write(&folder.join("json"), name, object(json)?.to_json().as_bytes())?;
    }
    for (name, scope) in SCOPES {
        write(&folder.join("scope"), name, ScopeSet::parse(scope)?.to_string().as_bytes())?;
    }
    Ok(())
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join(name), bytes)
}

fn object(json: &str) -> Result<Object, Box<dyn Error>> {
    Ok(read_object(json.as_bytes(), &Limits::new(64 * 1024))?)
}

/// A root, an issuing CA below it, and what they sign.
struct Community {
    root: Authority,
    issuing: Authority,
}

/// A member with its certificate below the issuing CA.
struct Member {
    key: SoftwareKey,
    leaf: Vec<u8>,
    issuing: Vec<u8>,
}

impl Community {
    fn new() -> Result<Self, Box<dyn Error>> {
        let ca_key = || SoftwareCaKey::generate(tessera_pki::KeyKind::P256).map(Arc::new);
        let root = Authority::root(Subject::new("Seeds", "Root"), lifetime(), [1; 16], ca_key()?)?;
        let key = ca_key()?;
        let profile = Profile::Intermediate { path_length: 0 };
        let mut issue = Issue::new(Subject::new("Seeds", "Issuing"), key.public_key(), profile, lifetime(), [2; 16]);
        issue.crl_urls = vec!["http://pki.example/root.crl".to_owned()];
        issue.ca_issuer_urls = vec!["http://pki.example/root.cer".to_owned()];
        let issuing = root.issue_authority(&issue, key)?;
        Ok(Self { root, issuing })
    }

    fn issue(&self, name: &str, key: &SoftwareKey, profile: Profile) -> Result<Vec<u8>, Box<dyn Error>> {
        let mut issue = Issue::new(Subject::new("Seeds", name), key.public_key(), profile, lifetime(), [3; 16]);
        issue.crl_urls = vec!["http://pki.example/issuing.crl".to_owned()];
        issue.ca_issuer_urls = vec!["http://pki.example/issuing.cer".to_owned()];
        Ok(self.issuing.issue(&issue)?)
    }

    fn member(&self, uri: &str) -> Result<Member, Box<dyn Error>> {
        let key = SoftwareKey::generate(KeyKind::P256)?;
        let leaf = self.issue("Member", &key, Profile::Member { uris: vec![uri.to_owned()] })?;
        Ok(Member { key, leaf, issuing: self.issuing.certificate().to_vec() })
    }

    fn web_server(&self) -> Result<Vec<u8>, Box<dyn Error>> {
        let dns_names = vec!["fhir.example".to_owned()];
        let profile = Profile::TlsServer { dns_names, addresses: vec![[127, 0, 0, 1].into()] };
        self.issue("Web", &SoftwareKey::generate(KeyKind::P256)?, profile)
    }

    fn lists(&self) -> Result<[(&'static str, Vec<u8>); 2], Box<dyn Error>> {
        let mut revoked = RevocationList::default();
        for (serial, reason) in [([7; 16], Reason::KeyCompromise), ([8; 16], Reason::CessationOfOperation)] {
            revoked.revoke(&serial, RevokedCertificate { at: NOW, reason });
        }
        let empty = self.root.crl(&mut RevocationList::default(), NOW, NOW.plus(DAY))?;
        Ok([("empty", empty), ("two", self.issuing.crl(&mut revoked, NOW, NOW.plus(DAY))?)])
    }
}

impl Member {
    fn sign(&self, claims: &str) -> Result<String, Box<dyn Error>> {
        let header = HeaderTemplate::new(self.key.algorithm()).x5c(&[self.leaf.clone(), self.issuing.clone()]).build();
        Ok(sign(&header, object(claims)?.to_json().as_bytes(), &self.key)?)
    }
}

fn lifetime() -> Validity {
    Validity::starting(NOW, 90 * DAY)
}

fn forms(assertion: &str) -> [(&'static str, String); 3] {
    let by_assertion = [
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", assertion),
        ("udap", "1"),
    ];
    let credentials = [&[("grant_type", "client_credentials"), ("scope", "system/Patient.rs")], &by_assertion[..]];
    let code = [
        ("grant_type", "authorization_code"),
        ("code", "a-code"),
        ("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
        ("redirect_uri", "https://app.example/callback?state=\u{e4}"),
    ];
    [
        ("client-credentials", write_form(&credentials.concat())),
        ("authorization-code", write_form(&code)),
        ("introspection", write_form(&[("token", "a.b.c"), ("token_type_hint", "access_token")])),
    ]
}

const STATEMENT: &str = r#"{"iss": "https://app.example/client", "sub": "https://app.example/client",
    "aud": "https://as.example/register", "iat": 1800000000, "exp": 1800000300, "jti": "statement-1",
    "client_name": "Caf\u00e9", "contacts": ["mailto:app@example.com"], "grant_types": ["client_credentials"],
    "token_endpoint_auth_method": "private_key_jwt", "scope": "system/Patient.rs system/Observation.rs"}"#;
const ASSERTION: &str = r#"{"iss": "client-1", "sub": "client-1", "aud": "https://as.example/token", "iat": 1800000000,
    "exp": 1800000300, "jti": "assertion-1", "extensions": {"hl7-b2b": {"version": "1",
    "organization_id": "https://app.example/org", "purpose_of_use": ["urn:oid:2.16.840.1.113883.5.8#TREAT"]}}}"#;
const SIGNED: &str = r#"{"iss": "https://fhir.example/r4", "sub": "https://fhir.example/r4", "iat": 1800000000,
    "exp": 1800086400, "jti": "metadata-1", "token_endpoint": "https://as.example/token",
    "registration_endpoint": "https://as.example/register"}"#;
const VALUES: &str = r#"{"null": null, "bools": [true, false], "numbers": [0, -1, 9007199254740991, 1.5e-3],
    "texts": ["", "\"\\\/\b\f\n\r\t", "\u0001\ud83d\ude00"], "deep": {"a": {"b": [[{}]]}}}"#;
const SCOPES: [(&str, &str); 4] = [
    ("system", "system/Patient.rs system/Observation.read system/*.cruds"),
    ("people", "openid fhirUser offline_access launch/patient udap patient/Condition.r user/Encounter.write"),
    ("search", "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory"),
    ("others", "profile https://scope.example/x urn:example:y"),
];
