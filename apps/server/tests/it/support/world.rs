//! A node of its own for each test, started from a configuration file in a folder of its own.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;
use tessera_jose::key::{KeyKind, SoftwareKey};
use tessera_server::RunningNode;
use tessera_server::config::check;
use tessera_trust::UnixTime;

use super::forge::{Jwt, now};
use super::http::{Answer, Request};
use super::pki::{self, ELM, Member, MemberOptions, OAK, TestCommunity};
use super::upstream::Upstream;

/// Where the holder's bases are, as clients know them; the node itself speaks plain HTTP on loopback.
pub const ORIGIN: &str = "https://holder.example";
pub const R4: &str = "https://holder.example/fhir/r4";

/// What a test wants otherwise than usual.
#[derive(Debug, Clone, Default)]
pub struct WorldOptions {
    /// The certificates that are revoked, by members of elm.
    pub revoked: Vec<Member>,
    /// Lines for elm's section of the configuration, in place of the usual scopes.
    pub elm: Option<String>,
    /// More lines for the base `r4`.
    pub r4: String,
    /// The port; 0 takes a free one.
    pub port: u16,
    /// More files beside the configuration: name and text.
    pub files: Vec<(String, String)>,
    /// More lines at the end of the file.
    pub more: String,
    /// The FHIR server behind the bases; absent: one with the sample data.
    pub upstream: Option<SocketAddr>,
}

/// A running node with what belongs to it.
#[derive(Debug)]
pub struct World {
    pub address: SocketAddr,
    pub operator: SocketAddr,
    pub folder: TempDir,
    node: Option<RunningNode>,
}

impl World {
    pub async fn start() -> Self {
        Self::start_with(WorldOptions::default()).await
    }

    pub async fn start_with(options: WorldOptions) -> Self {
        let folder = prepare(&options).await;
        let node = start_node(folder.path()).await;
        Self { address: node.address(), operator: node.operator_address().unwrap(), folder, node: Some(node) }
    }

    /// Stops the node and starts it again over the same store.
    pub async fn restart(&mut self) {
        self.node.take().unwrap().stop().await;
        let node = start_node(self.folder.path()).await;
        self.address = node.address();
        self.operator = node.operator_address().unwrap();
        self.node = Some(node);
    }

    pub async fn send(&self, request: &Request) -> Answer {
        request.send(self.address).await
    }

    pub async fn get(&self, target: &str) -> Answer {
        self.send(&Request::get(target)).await
    }

    pub fn registration_endpoint(&self) -> String {
        format!("{ORIGIN}/oauth/main/register")
    }

    pub fn token_endpoint(&self) -> String {
        format!("{ORIGIN}/oauth/r4/token")
    }

    /// A valid statement of the member, for this node.
    pub fn statement(&self, member: &Member) -> Jwt {
        Jwt::statement(member, &self.registration_endpoint())
    }

    /// A valid Authentication Token for the token endpoint of base `r4`.
    pub fn assertion(&self, member: &Member, client_id: &str) -> Jwt {
        Jwt::assertion(member, client_id, &self.token_endpoint())
    }

    /// Sends a statement in the usual body.
    pub async fn register(&self, statement: &str) -> Answer {
        self.send(&Request::json("/oauth/main/register", &json!({"software_statement": statement, "udap": "1"}))).await
    }

    /// Registers the member and gives its client_id.
    pub async fn registered(&self, member: &Member) -> String {
        let answer = self.register(&self.statement(member).sign(&member.key)).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()["client_id"].as_str().unwrap().to_owned()
    }

    /// Registers the member for these scopes and gives its client_id.
    pub async fn registered_for(&self, member: &Member, scope: &str) -> String {
        let answer = self.register(&self.statement(member).claim("scope", scope).sign(&member.key)).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()["client_id"].as_str().unwrap().to_owned()
    }

    /// Asks base `r4` for a token with this assertion and scope.
    pub async fn token(&self, assertion: &str, scope: &str) -> Answer {
        self.send(&Request::form("/oauth/r4/token", &token_form(assertion, scope))).await
    }

    /// A token for the registered member.
    pub async fn granted(&self, member: &Member, client_id: &str, scope: &str) -> String {
        let answer = self.token(&self.assertion(member, client_id).sign(&member.key), scope).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// The audit events so far, waiting until there is one for this answer.
    pub async fn audit_of(&self, answer: &Answer) -> Value {
        let id = answer.header("x-correlation-id").unwrap().to_owned();
        for _ in 0..200 {
            let text = std::fs::read_to_string(self.folder.path().join("audit.jsonl")).unwrap();
            if let Some(line) = text.lines().find(|line| line.contains(&id)) {
                return serde_json::from_str(line).unwrap();
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("no audit event for {id}");
    }
}

/// A folder with `node.toml` and all that it points to, and a FHIR server for it.
pub async fn prepare(options: &WorldOptions) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let upstream = match options.upstream {
        Some(address) => address,
        None => Upstream::sample().await.address,
    };
    write_files(folder.path(), options);
    for (name, text) in &options.files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    std::fs::write(folder.path().join("node.toml"), configuration(options, upstream)).unwrap();
    folder
}

/// Where the UDAP metadata of a base for a community are.
pub fn metadata_target(base: &str, community: &str) -> String {
    format!("/fhir/{base}/.well-known/udap?community={}", community.replace(':', "%3A").replace('/', "%2F"))
}

/// The fields of an honest token request.
pub fn token_form<'a>(assertion: &'a str, scope: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("grant_type", "client_credentials"),
        ("scope", scope),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", assertion),
        ("udap", "1"),
    ]
}

async fn start_node(folder: &Path) -> RunningNode {
    let (config, report) = check(&folder.join("node.toml"), UnixTime::from_secs(now()));
    RunningNode::start(config.unwrap_or_else(|| panic!("{report}"))).await.unwrap()
}

fn write_files(folder: &Path, options: &WorldOptions) {
    let revoked: Vec<&Member> = options.revoked.iter().collect();
    write_community(folder, pki::elm(), &revoked);
    write_community(folder, pki::oak(), &[]);
    let token_key = SoftwareKey::generate(KeyKind::P256).unwrap();
    write_private(&folder.join("token.pem"), &token_key.to_pkcs8_pem());
}

fn write_community(folder: &Path, community: &TestCommunity, revoked: &[&Member]) {
    let name = community.name;
    std::fs::write(folder.join(format!("{name}-anchor.pem")), pki::pem("CERTIFICATE", community.root.certificate()))
        .unwrap();
    for (index, (_, der)) in community.crls(revoked).iter().enumerate() {
        std::fs::write(folder.join(format!("{name}-{index}.crl")), der).unwrap();
    }
    let options = MemberOptions { uris: vec![R4.to_owned(), format!("{R4}b")], ..MemberOptions::new(R4) };
    let holder = community.member_with(pki::shared_rsa_key(), &options);
    let chain: String = holder.chain.iter().map(|der| pki::pem("CERTIFICATE", der)).collect();
    std::fs::write(folder.join(format!("{name}-holder.pem")), chain).unwrap();
    write_private(&folder.join(format!("{name}-holder-key.pem")), &holder.key.to_pkcs8_pem());
}

fn write_private(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn configuration(options: &WorldOptions, upstream: SocketAddr) -> String {
    let usual = r#"
scopes = ["system/Patient.rs", "system/Patient.read", "system/Patient.cruds", "system/Observation.rs", "system/*.rs", "system/*.read"]
algorithms = ["RS256", "ES256", "RS384", "ES384"]
[communities.b2b]
purposes_of_use = ["urn:oid:2.16.840.1.113883.5.8#TREAT", "urn:oid:2.16.840.1.113883.5.8#HPAYMT"]
organization_id_prefixes = ["https://", "urn:oid:"]
"#;
    let community = |uri: &str, name: &str, lines: &str| {
        format!(
            "[[communities]]\nuri = {uri:?}\nname = {name:?}\nanchors = [\"{name}-anchor.pem\"]\n\
             revocation = {{ poll_s = 3600, preloaded = {{ {:?} = \"{name}-0.crl\", {:?} = \"{name}-1.crl\" }} }}\n{lines}\n",
            TestCommunity::url(name, "root"),
            TestCommunity::url(name, "issuing"),
        )
    };
    let memberships = format!(
        "communities = [{{ community = {ELM:?}, certificates = \"elm-holder.pem\", key = \"elm-holder-key.pem\" }}, \
         {{ community = {OAK:?}, certificates = \"oak-holder.pem\", key = \"oak-holder-key.pem\" }}]"
    );
    format!(
        r#"
[node]
listen = "127.0.0.1:{port}"
[operator]
listen = "127.0.0.1:0"
[store]
kind = "sqlite"
path = "node.db"
[audit]
path = "audit.jsonl"
[tokens]
key = "token.pem"
{elm}
{oak}
[[bases]]
name = "r4"
group = "main"
url = "{R4}"
upstream = "http://{upstream}/fhir"
{memberships}
{r4}
[[bases]]
name = "r4b"
group = "main"
url = "{R4}b"
upstream = "http://{upstream}/fhir"
{memberships}
[[bases]]
name = "plain"
url = "{ORIGIN}/fhir/plain"
{more}
"#,
        elm = community(ELM, "elm", options.elm.as_deref().unwrap_or(usual)),
        oak = community(OAK, "oak", usual),
        r4 = options.r4,
        port = options.port,
        more = options.more,
    )
}
