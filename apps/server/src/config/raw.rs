//! The node's configuration file as written: every key, its unit and its default. Unknown keys are refused.
//!
//! Nothing here is judged beyond its shape; [`super::checked`] turns it into what holds, or says why not. File names are
//! relative to the folder of the configuration file.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

/// The whole file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawConfig {
    /// Where the node listens.
    pub node: RawNode,
    /// Metrics, health and readiness for the operator; absent: not served.
    pub operator: Option<RawOperator>,
    /// Where registrations, spent JWT ids and revocations are kept.
    pub store: RawStore,
    /// Where audit events are written.
    pub audit: RawAudit,
    /// How access tokens are made.
    pub tokens: RawTokens,
    /// The trust communities that this node takes part in; their order decides where a choice is open.
    pub communities: Vec<RawCommunity>,
    /// The FHIR bases that this node speaks for.
    pub bases: Vec<RawBase>,
}

/// Where the node listens.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawNode {
    /// Address and port, such as `0.0.0.0:443`; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Certificate and key for TLS; absent: plain HTTP, on loopback or behind a proxy that ends TLS.
    pub tls: Option<RawTls>,
    /// Whether a proxy ends TLS in front of the node, on a network that nobody else can listen to. Without TLS of its own, a
    /// node takes no other address than loopback unless this is written.
    #[serde(default)]
    pub behind_tls_proxy: bool,
    /// Connections open at a time.
    #[serde(default = "connections")]
    pub connections: usize,
    /// Requests in work at a time; more are answered 503 at once.
    #[serde(default = "requests")]
    pub requests: usize,
}

fn connections() -> usize {
    4_096
}

fn requests() -> usize {
    1_024
}

/// Certificate and key for TLS.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawTls {
    /// PEM, leaf first.
    pub certificates: PathBuf,
    /// PEM, PKCS#8; readable by the owner alone.
    pub key: PathBuf,
}

/// The operator's own listener.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawOperator {
    /// Address and port for `/metrics`, `/health` and `/ready`, on loopback unless `public` says otherwise.
    pub listen: SocketAddr,
    /// Whether an address other than loopback is meant.
    #[serde(default)]
    pub public: bool,
}

/// The store.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, tag = "kind", rename_all = "lowercase")]
pub enum RawStore {
    /// One file beside the node.
    Sqlite {
        /// The database file; made when it is missing.
        path: PathBuf,
    },
}

/// The audit log.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawAudit {
    /// FHIR AuditEvents, one JSON object a line, appended.
    pub path: PathBuf,
}

/// How access tokens are made.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawTokens {
    /// PEM, PKCS#8: a P-256 key signs ES256, an RSA key RS256, a P-384 key ES384.
    pub key: PathBuf,
    /// PEM, public keys (`PUBLIC KEY`) or key files such as `key`: keys whose tokens are accepted and which are published, but
    /// which sign nothing. The former key, until its last token has ended; the next one, before it signs.
    #[serde(default)]
    pub also_accept: Vec<PathBuf>,
}

/// A trust community: whom to believe, and what its members may do here.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawCommunity {
    /// The URI that names the community.
    pub uri: String,
    /// What people call it.
    pub name: String,
    /// Edition of the guide that its members follow: `1.0`, `1.1` or `2.0`.
    #[serde(default = "edition")]
    pub edition: String,
    /// PEM files with the trust anchors.
    pub anchors: Vec<PathBuf>,
    /// PEM files with intermediate certificates that members may leave out.
    #[serde(default)]
    pub intermediates: Vec<PathBuf>,
    /// How revocation is judged.
    #[serde(default)]
    pub revocation: RawRevocation,
    /// What may be fetched for this community beyond public addresses.
    #[serde(default)]
    pub fetch: RawFetch,
    /// What the `hl7-b2b` extension object of its members may say.
    #[serde(default)]
    pub b2b: RawB2b,
    /// Algorithms accepted in software statements and Authentication Tokens.
    #[serde(default = "algorithms")]
    pub algorithms: Vec<String>,
    /// The scopes that exist for its members, wildcards included; listed in the metadata.
    pub scopes: Vec<String>,
    /// Which of them a member is granted when it asks; absent: all.
    pub granted_scopes: Option<Vec<String>>,
    /// As `granted_scopes`, for single members by client URI, in place of it.
    #[serde(default)]
    pub granted_scopes_by_client: BTreeMap<String, Vec<String>>,
    /// Seconds that its members' access tokens live, 60 to 3600.
    #[serde(default = "lifetime_s")]
    pub access_token_lifetime_s: u64,
}

fn lifetime_s() -> u64 {
    900
}

fn edition() -> String {
    "2.0".to_owned()
}

fn algorithms() -> Vec<String> {
    vec!["RS256".to_owned(), "ES256".to_owned()]
}

/// How revocation is judged.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawRevocation {
    /// `require`: a certificate whose status is unknown is refused. `soft`: it is accepted, and each use is audited.
    #[serde(default = "revocation_policy")]
    pub policy: String,
    /// Seconds between two fetches of a CRL.
    #[serde(default = "poll_s")]
    pub poll_s: u64,
    /// CRLs read from files at start, by the URL that certificates name.
    #[serde(default)]
    pub preloaded: BTreeMap<String, PathBuf>,
}

impl Default for RawRevocation {
    fn default() -> Self {
        Self { policy: revocation_policy(), poll_s: poll_s(), preloaded: BTreeMap::new() }
    }
}

fn revocation_policy() -> String {
    "require".to_owned()
}

fn poll_s() -> u64 {
    3_600
}

/// What may be fetched for a community beyond public addresses.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawFetch {
    /// Addresses or names with ports in private ranges, such as `127.0.0.1/32:8445` or `crl.hospital.internal:80`.
    #[serde(default)]
    pub allow: Vec<String>,
}

/// What the `hl7-b2b` extension object may say.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawB2b {
    /// The purposes allowed; absent: every purpose.
    pub purposes_of_use: Option<Vec<String>>,
    /// The roles allowed; absent: every role.
    pub subject_roles: Option<Vec<String>>,
    /// Beginnings of `organization_id`, such as `https://` or `urn:oid:`; absent: every URI.
    pub organization_id_prefixes: Option<Vec<String>>,
    /// Beginnings of `subject_id`: naming systems, such as `urn:oid:2.16.840.1.113883.4.6#`; absent: every one.
    pub subject_id_prefixes: Option<Vec<String>>,
    /// Whether `subject_id` is a US National Provider Identifier, whose check digit is judged.
    #[serde(default)]
    pub subject_id_is_npi: bool,
    /// The consent policies allowed; absent: every policy.
    pub consent_policies: Option<Vec<String>>,
    /// Whether `subject_id` and `subject_role` are refused without `subject_name`.
    #[serde(default)]
    pub subject_name_required: bool,
}

/// A FHIR base.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawBase {
    /// A short name, in the URLs of its endpoints: 1 to 64 letters, digits, dots, hyphens or underscores, no dot
    /// first.
    pub name: String,
    /// The FHIR base URL as clients know it; also the issuer.
    pub url: String,
    /// Bases of one group share a registration endpoint; absent: the base's own name.
    pub group: Option<String>,
    /// The FHIR server behind the gateway; absent: no gateway for this base.
    pub upstream: Option<String>,
    /// Purposes for which data of this base is given out; absent: every purpose that its communities allow.
    pub purposes_of_use: Option<Vec<String>>,
    /// The communities, each with the certificate for this base; empty: no UDAP here.
    #[serde(default)]
    pub communities: Vec<RawMembership>,
    /// What a client asking for a community that is not among them gets: `default` (the metadata for the first community),
    /// `refuse` (404 where the first community follows edition 1.0, 204 otherwise), `no-content` (204) or `not-found` (404).
    #[serde(default = "unknown_community")]
    pub unknown_community: String,
    /// Resource servers that may introspect every token of this base.
    #[serde(default)]
    pub resource_servers: Vec<RawResourceServer>,
}

fn unknown_community() -> String {
    "default".to_owned()
}

/// A base's membership of a community.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawMembership {
    /// The community's URI.
    pub community: String,
    /// PEM, leaf first; the base's URL is among its URI names.
    pub certificates: PathBuf,
    /// PEM, PKCS#8, RSA: `signed_metadata` is RS256.
    pub key: PathBuf,
}

/// A resource server other than the gateway, known by its registration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawResourceServer {
    /// The URI of the community under which it is registered.
    pub community: String,
    /// Its client URI.
    pub client_uri: String,
}
