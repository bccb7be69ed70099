//! A data holder that says what a test wants it to, in the community of [`Files`], and an app that wants to visit it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tessera_jose::jws::{HeaderTemplate, sign};
use tessera_jose::key::SigningKey as _;
use tessera_trust::certificates_from_pem;

use super::files::{APP, COMMUNITY, Files, rsa_key};
use super::server::{Answer, Asked, FakeServer, json as answer_json};
use super::{Ran, User};

pub const SCOPE: &str = "system/Patient.rs";
pub const TREAT: [&str; 4] =
    ["--organization-id", "https://app.example/org", "--purpose", "urn:oid:2.16.840.1.113883.5.8#TREAT"];
const METADATA: &str = "/fhir/r4/.well-known/udap";
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The data holder with its files, and the user of the app.
#[derive(Debug)]
pub struct FakeHolder {
    pub user: User,
    pub files: Files,
    pub server: FakeServer,
    pub base: String,
}

impl FakeHolder {
    /// All is good: the app has a profile, the metadata hold, and a registration and a token are given.
    pub fn new() -> Self {
        let (server, files) = (FakeServer::start(), Files::new());
        let base = format!("http://127.0.0.1:{}/fhir/r4", server.port);
        server.answer("/root.crl", [(200, "application/pkix-crl", std::fs::read(files.path("root.crl")).unwrap())]);
        let holder = Self { user: User::new(), files, server, base };
        holder.certify("holder", &holder.base, DAY);
        holder.publish(&holder.claims());
        holder.on_registration([registered("c-1", SCOPE)]);
        holder.server.answer("/token", [granted("t-1", SCOPE)]);
        let ran = holder.set_profile(&[holder.files.community()]);
        assert_eq!(ran.code, 0, "{ran:?}");
        holder
    }

    /// Makes `NAME-chain.pem`, a certificate of the data holder's key in the community.
    pub fn certify(&self, name: &str, uri: &str, lifetime: Duration) {
        let list = format!("http://127.0.0.1:{}/root.crl", self.server.port);
        self.files.member_with_list(name, uri, rsa_key(), lifetime, vec![list]);
    }

    pub fn set_profile(&self, communities: &[String]) -> Ran {
        self.set_profile_with(communities, &[])
    }

    pub fn set_profile_with(&self, communities: &[String], more: &[&str]) -> Ran {
        let port = self.server.port;
        let allow = format!("127.0.0.1/32:{port}");
        let mut arguments = vec!["profile", "set", "--client-uri", APP, "--client-name", "App"];
        arguments.extend(["--contact", "mailto:app@example.com", "--allow", &allow]);
        arguments.extend(communities.iter().flat_map(|community| ["--community", community]));
        arguments.extend(more);
        self.user.run(&arguments)
    }

    /// The argument of `--community` for the app's certificate `NAME-chain.pem`.
    pub fn community(&self, uri: &str, name: &str, edition: &str) -> String {
        let file = |name: String| self.files.text(&name);
        let anchor = self.files.text("anchor.pem");
        [uri.to_owned(), anchor, file(format!("{name}-chain.pem")), file(format!("{name}-key.pem")), edition.to_owned()]
            .join(",")
    }

    /// One profile community, of that edition.
    pub fn set_edition(&self, edition: &str) {
        let ran = self.set_profile(&[self.community(COMMUNITY, "app", edition)]);
        assert_eq!(ran.code, 0, "{ran:?}");
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.server.port)
    }

    /// The claims of good signed metadata.
    pub fn claims(&self) -> Value {
        json!({
            "iss": self.base, "sub": self.base, "iat": now() - 60, "exp": now() + 3600, "jti": "metadata-1",
            "token_endpoint": self.url("/token"), "registration_endpoint": self.url("/register"),
        })
    }

    /// The metadata around these claims, signed with the certificate in `holder-chain.pem`.
    pub fn document(&self, claims: &Value) -> Value {
        json!({
            "udap_versions_supported": ["1"],
            "udap_profiles_supported": ["udap_dcr", "udap_authn", "udap_authz"],
            "udap_authorization_extensions_supported": ["hl7-b2b"],
            "udap_authorization_extensions_required": ["hl7-b2b"],
            "udap_certifications_supported": [],
            "grant_types_supported": ["client_credentials"],
            "scopes_supported": ["system/Patient.rs", "system/Observation.rs"],
            "token_endpoint": self.url("/token"),
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": ["RS256", "ES256"],
            "registration_endpoint": self.url("/register"),
            "registration_endpoint_jwt_signing_alg_values_supported": ["RS256", "ES256"],
            "signed_metadata": self.sign("holder", claims),
        })
    }

    /// A JWT over claims with the data holder's key and the certificate in `NAME-chain.pem`.
    pub fn sign(&self, name: &str, claims: &Value) -> String {
        let pem = std::fs::read_to_string(self.files.path(&format!("{name}-chain.pem"))).unwrap();
        let chain: Vec<_> = certificates_from_pem(&pem).unwrap().iter().map(|leaf| leaf.der().to_vec()).collect();
        let header = HeaderTemplate::new(rsa_key().algorithm()).x5c(&chain).build();
        sign(&header, claims.to_string().as_bytes(), rsa_key()).unwrap()
    }

    pub fn publish(&self, claims: &Value) {
        self.publish_document(&self.document(claims));
    }

    /// Publishes good metadata with one member of the plain part changed.
    pub fn publish_with(&self, name: &str, value: Value) {
        let mut document = self.document(&self.claims());
        document[name] = value;
        self.publish_document(&document);
    }

    pub fn publish_document(&self, document: &Value) {
        self.on_metadata(answer_json(200, document));
    }

    pub fn on_metadata(&self, answer: Answer) {
        self.server.answer(METADATA, [answer]);
    }

    /// What a request for the metadata of one community is answered.
    pub fn on_metadata_of(&self, encoded_community: &str, answer: Answer) {
        self.server.answer(&format!("{METADATA}?community={encoded_community}"), [answer]);
    }

    pub fn on_registration(&self, answers: impl IntoIterator<Item = Answer>) {
        self.server.answer("/register", answers);
    }

    pub fn register(&self) -> (i32, Value) {
        self.user.json(&["register", &self.base, "--scope", SCOPE])
    }

    pub fn token(&self, context: &[&str]) -> (i32, Value) {
        self.user.json(&[&["token", self.base.as_str()], context].concat())
    }

    /// What was sent to a path by POST, in its order.
    pub fn posted(&self, path: &str) -> Vec<Asked> {
        self.server.asked().into_iter().filter(|asked| asked.method == "POST" && asked.target == path).collect()
    }

    /// Registering stops with this exit code and name, and after the metadata nothing is sent to anybody.
    pub fn refuses_to_register(&self, exit: i32, code: &str) -> Value {
        let (left, error) = self.register();
        assert_eq!((left, error["code"].as_str()), (exit, Some(code)), "{error}");
        self.was_sent_nothing();
        error
    }

    pub fn was_sent_nothing(&self) {
        let others = |asked: &Asked| !asked.target.starts_with(METADATA) && asked.target != "/root.crl";
        let sent: Vec<_> = self.server.asked().into_iter().filter(others).collect();
        assert!(sent.is_empty(), "{sent:?}");
    }
}

/// The answer to a registration.
pub fn registered(client_id: &str, scope: &str) -> Answer {
    let grants = ["client_credentials"];
    answer_json(201, &json!({"client_id": client_id, "software_statement": "x", "grant_types": grants, "scope": scope}))
}

/// The answer to a token request.
pub fn granted(token: &str, scope: &str) -> Answer {
    answer_json(200, &json!({"access_token": token, "token_type": "Bearer", "expires_in": 300, "scope": scope}))
}

/// Header and claims of a JWT.
pub fn opened(jwt: &str) -> (Value, Value) {
    let part = |text: &str| serde_json::from_slice(&tessera_jose::base64url_decode(text).unwrap()).unwrap();
    let mut parts = jwt.split('.');
    (part(parts.next().unwrap()), part(parts.next().unwrap()))
}

/// Header and claims of a statement that was sent.
pub fn statement(asked: &Asked) -> (Value, Value) {
    let body: Value = serde_json::from_str(&asked.body).unwrap();
    opened(body["software_statement"].as_str().unwrap())
}

/// Claims of an Authentication Token that was sent.
pub fn assertion(asked: &Asked) -> Value {
    let value = asked.body.split('&').find_map(|pair| pair.strip_prefix("client_assertion=")).unwrap();
    opened(value).1
}

pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
