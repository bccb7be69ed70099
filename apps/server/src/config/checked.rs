//! From what was written to what holds, or to the list of what does not.
//!
//! Everything is judged before anything listens, and all findings are told at once, so that a file is repaired in one go.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tessera_authorization_server::settings::{PublishedKey, ServerSettings};
use tessera_gateway::GatewaySettings;
use tessera_jose::key::{SigningKey, SoftwareKey};
use tessera_store::private_file::{self, Beside};
use tessera_store::sqlite::{SqliteStore, spent_ids_path};
use tessera_trust::UnixTime;

use super::communities::{self, CheckedCommunity};
use super::files::Folder;
use super::raw::{RawConfig, RawNode, RawOperator, RawStore, RawTokens};
use super::report::Report;
use super::{bases, gateway};

/// What holds when a node starts: every file read, every value judged.
#[derive(Debug)]
pub struct Config {
    /// Where the node listens.
    pub listen: SocketAddr,
    /// TLS, where the node does it itself.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Connections open at a time.
    pub connections: usize,
    /// Requests in work at a time.
    pub requests: usize,
    /// The operator's listener.
    pub operator: Option<SocketAddr>,
    /// The database file.
    pub store: PathBuf,
    /// The audit log.
    pub audit: PathBuf,
    /// What the authorization server is told.
    pub authorization_server: ServerSettings,
    /// What the gateway is told.
    pub gateway: GatewaySettings,
    /// The trust communities with what their revocation lists need.
    pub communities: Vec<CheckedCommunity>,
}

/// Reads and judges a configuration file and what it points to.
///
/// The configuration is there exactly when the report has no error.
#[must_use]
pub fn check(file: &Path, now: UnixTime) -> (Option<Config>, Report) {
    let mut report = Report::default();
    let config = read(file, &mut report).and_then(|raw| judge(&raw, &Folder::of(file), now, &mut report));
    let config = config.filter(|_| report.is_good());
    (config, report)
}

/// The paths of a node's store and audit log, for commands that work beside a running node.
///
/// # Errors
/// The report, when the file is not a configuration.
pub fn paths(file: &Path) -> Result<(PathBuf, PathBuf), Report> {
    let mut report = Report::default();
    let Some(raw) = read(file, &mut report) else {
        return Err(report);
    };
    let folder = Folder::of(file);
    let RawStore::Sqlite { path } = &raw.store;
    Ok((folder.path(path), folder.path(&raw.audit.path)))
}

fn read(file: &Path, report: &mut Report) -> Option<RawConfig> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()));
    let text = report.take("file", text)?;
    report.take("file", toml::from_str(&text))
}

fn judge(raw: &RawConfig, folder: &Folder, now: UnixTime, report: &mut Report) -> Option<Config> {
    let tls = judge_tls(&raw.node, folder, now, report);
    judge_node(&raw.node, report);
    let operator = raw.operator.as_ref().map(|operator| judge_operator(operator, &raw.node, report));
    let RawStore::Sqlite { path: store } = &raw.store;
    let store = folder.path(store);
    report.take("store.path", SqliteStore::check(&store).map_err(|error| with_causes(&error)));
    let audit = folder.path(&raw.audit.path);
    let judged = private_file::judge(&audit, Beside::Nothing);
    report.take("audit.path", judged.map_err(|error| with_causes(&error)));
    if [store.clone(), spent_ids_path(&store)].contains(&audit) {
        report.error("audit.path", "is the store's file");
    }
    let token_key = folder.private_key(&raw.tokens.key, "tokens.key", report);
    let other_token_keys = judge_other_token_keys(&raw.tokens, token_key.as_deref(), folder, report);

    let communities = communities::check(&raw.communities, folder, now, report);
    let known: HashMap<&str, &CheckedCommunity> =
        communities.iter().map(|checked| (checked.trust.id().as_str(), checked)).collect();
    let bases = bases::check(&raw.bases, &known, folder, now, report);
    let gateway = gateway::check(&raw.bases, &bases, &communities, report);
    let policies = communities.iter().map(|checked| (checked.trust.id().clone(), checked.policy.clone())).collect();
    let groups = bases::groups(&bases);
    let bases = bases.into_iter().map(|base| base.settings).collect();
    let mut authorization_server = ServerSettings::new(groups, bases, policies, token_key?);
    authorization_server.other_access_token_keys = other_token_keys;
    if report.is_good() {
        for finding in authorization_server.findings(now) {
            report.error("file", finding);
        }
    }
    Some(Config {
        listen: raw.node.listen,
        tls,
        connections: raw.node.connections,
        requests: raw.node.requests,
        operator: operator.flatten(),
        store,
        audit,
        authorization_server,
        gateway: gateway?,
        communities,
    })
}

fn judge_node(node: &RawNode, report: &mut Report) {
    for (key, value) in [("node.connections", node.connections), ("node.requests", node.requests)] {
        if !(1..=1_000_000).contains(&value) {
            report.error(key, "must be between 1 and 1000000");
        }
    }
    if node.tls.is_none() && !node.listen.ip().is_loopback() && !node.behind_tls_proxy {
        report.error(
            "node.listen",
            "plain HTTP on an address that is not loopback shows tokens to the network; write [node.tls], or \
             behind_tls_proxy = true where only a proxy that ends TLS can reach it",
        );
    }
}

fn judge_tls(node: &RawNode, folder: &Folder, now: UnixTime, report: &mut Report) -> Option<Arc<rustls::ServerConfig>> {
    let tls = node.tls.as_ref()?;
    let certificates = folder.certificates(&tls.certificates, "node.tls.certificates", report)?;
    for certificate in &certificates {
        communities::judge_validity("node.tls.certificates", certificate, now, report);
    }
    // The key is read for its mode and kind; rustls takes the same PEM.
    folder.private_key(&tls.key, "node.tls.key", report)?;
    let key = folder.bytes(&tls.key, "node.tls.key", report)?;
    let key = rustls_pki_types::pem::PemObject::from_pem_slice(&key);
    let key = report.take("node.tls.key", key)?;
    let chain = certificates
        .iter()
        .map(|certificate| rustls_pki_types::CertificateDer::from(certificate.der().to_vec()))
        .collect();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| format!("certificate and key do not fit: {error}"));
    let mut config = report.take("node.tls", config)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Some(Arc::new(config))
}

/// A key that is there twice is a slip: most likely the former file was meant.
fn judge_other_token_keys(
    tokens: &RawTokens,
    signing: Option<&SoftwareKey>,
    folder: &Folder,
    report: &mut Report,
) -> Vec<PublishedKey> {
    let mut keys: Vec<PublishedKey> = Vec::new();
    for (index, file) in tokens.also_accept.iter().enumerate() {
        let key = format!("tokens.also_accept[{index}]");
        let Some(published) = folder.published_key(file, &key, report) else {
            continue;
        };
        let known = keys.iter().map(|known| known.spki_der.as_slice()).chain(signing.map(SigningKey::public_key));
        if known.into_iter().any(|known| known == published.spki_der) {
            report.error(key, format_args!("{} holds a key that is named already", file.display()));
            continue;
        }
        keys.push(published);
    }
    keys
}

fn judge_operator(operator: &RawOperator, node: &RawNode, report: &mut Report) -> Option<SocketAddr> {
    if operator.listen == node.listen && operator.listen.port() != 0 {
        report
            .error("operator.listen", "is the same as node.listen; give the operator's endpoints a port of their own");
        return None;
    }
    if !operator.listen.ip().is_loopback() && !operator.public {
        report.error(
            "operator.listen",
            "an address other than loopback shows metrics to others; write public = true if that is meant",
        );
        return None;
    }
    Some(operator.listen)
}

/// An error and what caused it, in one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
