//! The data holder: its files, and the node that is started from them by the path of `tessera serve`.

use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};
use tessera_jose::key::{KeyKind, SoftwareKey};
use tessera_server::RunningNode;

use crate::certificates::Credentials;
use crate::community::Community;
use crate::folder::Folder;
use crate::ports::Ports;
use crate::surroundings::now;

/// The configuration, below the sandbox's folder.
pub(crate) const CONFIGURATION: &str = "holder/node.toml";
/// How often the node asks for revocation lists; short, so that a revocation is seen while one waits for it.
const POLL_S: u64 = 2;

/// The types of resources that members may read, search, and so on.
const RESOURCES: [&str; 8] = [
    "Patient",
    "Encounter",
    "Observation",
    "Condition",
    "MedicationRequest",
    "AllergyIntolerance",
    "DiagnosticReport",
    "Practitioner",
];

/// Scopes in both syntaxes that members of both communities may be granted.
///
/// Source: SMART App Launch 2.2 (v2), 1.0 (v1)
fn scopes() -> Vec<String> {
    let of_type = |resource: &str| [format!("system/{resource}.rs"), format!("system/{resource}.read")];
    let wildcards = ["rs", "cruds", "read", "write"].map(|permission| format!("system/*.{permission}"));
    RESOURCES.into_iter().flat_map(of_type).chain(wildcards).collect()
}

/// Purposes of the code system PurposeOfUse: treatment and emergency treatment, payment, operations, coverage,
/// public health, research, and the patient's own request.
const PURPOSES: [&str; 8] = ["TREAT", "ETREAT", "HPAYMT", "HOPERAT", "COVERAGE", "PUBHLTH", "HRESCH", "PATRQT"];

/// The FHIR base URL, which is also the data holder's identity.
pub(crate) fn base_url(ports: Ports) -> String {
    format!("https://localhost:{}/fhir/r4", ports.holder())
}

/// Sees to it that the data holder has a certificate of each community, and a key for its tokens.
///
/// RSA keys take long to make, so each has a thread to itself.
///
/// # Errors
/// When files are damaged or cannot be written.
pub(crate) async fn prepare(folder: &Arc<Folder>, communities: &[Arc<Community>], base: &str) -> Result<()> {
    folder.make("holder/state")?;
    if folder.read("holder/token-key.pem")?.is_none() {
        let key = SoftwareKey::generate(KeyKind::P256)?;
        folder.write("holder/token-key.pem", &key.to_pkcs8_pem())?;
    }
    let mut joining = Vec::new();
    for community in communities {
        let (folder, community) = (Arc::clone(folder), Arc::clone(community));
        let base = base.to_owned();
        joining.push(tokio::task::spawn_blocking(move || join(&folder, &community, &base)));
    }
    for joined in joining {
        joined.await??;
    }
    Ok(())
}

/// A certificate for the base with an RSA key, since `signed_metadata` is RS256 for everybody.
///
/// Source: FAST Security STU2 §2.3 (SMD-1)
fn join(folder: &Folder, community: &Community, base: &str) -> Result<()> {
    let name = community.name();
    let (chain, key) = (format!("holder/{name}-chain.pem"), format!("holder/{name}-key.pem"));
    let kept = Credentials::read(folder, &chain, &key, now())?;
    if kept.is_some_and(|kept| community.holds(kept.leaf())) {
        return Ok(());
    }
    community.join(base, "Data holder", KeyKind::Rsa)?.write(folder, &chain, &key)
}

/// Writes the node's configuration; file names in it are relative to it.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn configure(folder: &Folder, communities: &[Arc<Community>], ports: Ports, upstream: &str) -> Result<()> {
    folder.write(CONFIGURATION, &configuration(communities, ports, upstream)?)
}

fn configuration(communities: &[Arc<Community>], ports: Ports, upstream: &str) -> Result<String> {
    let mut text = format!(
        r#"# The sandbox's data holder. Written anew at each start of the sandbox; examples/node.toml explains every key.

[node]
listen = "127.0.0.1:{holder}"
tls = {{ certificates = "../tls/chain.pem", key = "../tls/key.pem" }}

[operator]
listen = "127.0.0.1:0"

[store]
kind = "sqlite"
path = "state/tessera.db"

[audit]
path = "state/audit.jsonl"

[tokens]
key = "token-key.pem"
"#,
        holder = ports.holder()
    );
    let scopes = list(scopes());
    let purposes = list(PURPOSES.map(|code| format!("urn:oid:2.16.840.1.113883.5.8#{code}")));
    for community in communities {
        write!(
            text,
            r#"
[[communities]]
uri = {uri}
name = {title}
anchors = ["../communities/{name}/root.pem"]
intermediates = ["../communities/{name}/issuing.pem"]
algorithms = ["RS256", "ES256", "RS384", "ES384"]
scopes = {scopes}
revocation = {{ policy = "require", poll_s = {POLL_S} }}
# The sandbox's CAs publish on this machine; nothing else that is private is fetched from.
fetch = {{ allow = ["127.0.0.1/32:{publication}"] }}
b2b = {{ purposes_of_use = {purposes}, organization_id_prefixes = ["https://", "urn:oid:"] }}
"#,
            uri = quoted(community.id().as_str()),
            title = quoted(&format!("{} trust community", community.title())),
            name = community.name(),
            publication = ports.publication(),
        )?;
    }
    write!(
        text,
        r#"
[[bases]]
name = "r4"
url = {url}
upstream = {upstream}
communities = [
"#,
        url = quoted(&base_url(ports)),
        upstream = quoted(upstream),
    )?;
    for community in communities {
        let name = community.name();
        let uri = quoted(community.id().as_str());
        writeln!(text, "    {{ community = {uri}, certificates = \"{name}-chain.pem\", key = \"{name}-key.pem\" }},")?;
    }
    text.push_str("]\n");
    Ok(text)
}

/// A TOML string.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// A TOML array of strings.
fn list<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> String {
    let quoted: Vec<_> = texts.into_iter().map(|text| quoted(text.as_ref())).collect();
    format!("[{}]", quoted.join(", "))
}

/// Judges the configuration and starts the node, as `tessera serve` does.
///
/// # Errors
/// With every finding when the configuration does not hold; when the node cannot start.
pub(crate) async fn start(folder: &Folder) -> Result<RunningNode> {
    let file = folder.path(CONFIGURATION);
    let (config, report) = tessera_server::config::check(&file, now());
    let config = config.ok_or_else(|| anyhow!("{}:\n{report}", file.display()))?;
    RunningNode::start(config).await.context("the data holder cannot start")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::community::COMMUNITIES;
    use crate::publication::Publication;

    #[tokio::test]
    async fn the_configuration_holds_for_the_node() {
        let folder = Arc::new(Folder::open(None).unwrap());
        let ports = Ports::try_from(9_200).unwrap();
        let publication = Arc::new(Publication::default());
        crate::tls::prepare(&folder).unwrap();
        let communities = COMMUNITIES
            .map(|(name, title)| Arc::new(Community::open(name, title, ports, &folder, &publication).unwrap()));
        prepare(&folder, &communities, &base_url(ports)).await.unwrap();
        let key = folder.read("holder/elm-key.pem").unwrap();
        // A second start makes nothing anew.
        prepare(&folder, &communities, &base_url(ports)).await.unwrap();
        assert_eq!(folder.read("holder/elm-key.pem").unwrap(), key);

        // A URL comes from the command line; whatever is in it stays within its string.
        for upstream in ["http://127.0.0.1:9203/fhir", "https://fhir.example/r4"] {
            configure(&folder, &communities, ports, upstream).unwrap();
            let (config, report) = tessera_server::config::check(&folder.path(CONFIGURATION), now());
            assert!(config.is_some(), "{report}");
            assert!(report.findings.is_empty(), "{report}");
        }
        configure(&folder, &communities, ports, "http://x\"\n[node]\nlisten = \"0.0.0.0:1").unwrap();
        assert!(tessera_server::config::check(&folder.path(CONFIGURATION), now()).0.is_none());
    }
}
