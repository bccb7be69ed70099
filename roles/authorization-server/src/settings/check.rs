//! Whether the settings fit together: judged as a whole, before anything is served.
//!
//! Every finding is told at once, so that an operator repairs a file in one go instead of one start for each mistake.

use std::collections::HashSet;
use std::time::Duration;

use tessera_jose::algorithm::Algorithm;
use tessera_jose::jwk::Jwk;
use tessera_trust::UnixTime;
use tessera_udap::scope::{Flow, ScopeSet};

use super::{Base, BaseCommunity, ServerSettings};
use crate::policy::CommunityPolicy;

/// What does not fit, a sentence each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the authorization server's settings do not fit: {}", findings.join("; "))]
pub struct SettingsError {
    /// Each thing to repair.
    pub findings: Vec<String>,
}

/// Longest life of an access token. Source: FAST Security STU2 §5.2.3
const ACCESS_TOKEN_LIFETIME_LIMIT: Duration = Duration::from_secs(3600);
const ACCESS_TOKEN_LIFETIME_FLOOR: Duration = Duration::from_secs(60);
/// Longest life of signed metadata. Source: FAST Security STU2 §2.3
const METADATA_LIFETIME_LIMIT: Duration = Duration::from_secs(365 * 24 * 3600);
const METADATA_LIFETIME_FLOOR: Duration = Duration::from_secs(300);
const SKEW_LIMIT: Duration = Duration::from_secs(60);

impl ServerSettings {
    /// Judges the settings as a whole; an empty list means that a server can start with them at `now`.
    #[must_use]
    pub fn findings(&self, now: UnixTime) -> Vec<String> {
        let mut list = Vec::new();
        let mut findings = Findings { about: String::new(), list: &mut list };
        self.judge_names(&mut findings);
        self.judge_endpoints(&mut findings);
        for base in &self.bases {
            self.judge_base(base, now, &mut findings);
        }
        for (community, policy) in &self.communities {
            judge_policy(policy, &mut findings.about(&format!("community {}", community.as_str())));
        }
        self.judge_times(&mut findings);
        self.judge_keys(&mut findings);
        list
    }

    fn judge_names(&self, findings: &mut Findings<'_>) {
        let mut groups = HashSet::new();
        for group in &self.groups {
            if !groups.insert(group.name.as_str()) {
                findings.add(format!("two groups are called {}", group.name));
            }
        }
        let mut names = HashSet::new();
        let mut urls = HashSet::new();
        for base in &self.bases {
            if !names.insert(base.name.as_str()) {
                findings.add(format!("two bases are called {}", base.name));
            }
            if !urls.insert(base.base_url.as_str()) {
                findings.add(format!("two bases have the URL {}", base.base_url));
            }
            if !groups.contains(base.group.as_str()) {
                findings.add(format!("base {} names the group {}, which is not there", base.name, base.group));
            }
        }
    }

    /// An audience means one thing: two endpoints with one URL would let a JWT for the one pass at the other.
    fn judge_endpoints(&self, findings: &mut Findings<'_>) {
        let of_groups = self.groups.iter().map(|group| &group.registration_endpoint);
        let of_bases = self
            .bases
            .iter()
            .flat_map(|base| [&base.token_endpoint, &base.introspection_endpoint, &base.revocation_endpoint]);
        let mut seen = HashSet::new();
        for endpoint in of_groups.chain(of_bases) {
            if !seen.insert(endpoint.as_str()) {
                findings.add(format!("two endpoints have the URL {endpoint}"));
            }
        }
    }

    fn judge_base(&self, base: &Base, now: UnixTime, findings: &mut Findings<'_>) {
        let mut findings = findings.about(&format!("base {}", base.name));
        let mut seen = HashSet::new();
        for membership in &base.communities {
            if !seen.insert(membership.community.as_str()) {
                findings.add(format!("{} is named twice", membership.community));
            }
            if !self.communities.contains_key(&membership.community) {
                findings.add(format!("{} has no policy", membership.community));
            }
            judge_signer(base, membership, now, &mut findings);
        }
        for server in &base.resource_servers {
            if !seen.contains(server.community.as_str()) {
                findings.add(format!(
                    "the resource server {} is of {}, which this base does not serve",
                    server.client_uri, server.community
                ));
            }
        }
    }

    fn judge_times(&self, findings: &mut Findings<'_>) {
        if self.skew > SKEW_LIMIT {
            findings.add(format!("a skew of {} s is more than {} s", self.skew.as_secs(), SKEW_LIMIT.as_secs()));
        }
        if !(METADATA_LIFETIME_FLOOR..=METADATA_LIFETIME_LIMIT).contains(&self.metadata_lifetime) {
            findings
                .add(format!("signed metadata must live between {} s and one year", METADATA_LIFETIME_FLOOR.as_secs()));
        }
    }

    fn judge_keys(&self, findings: &mut Findings<'_>) {
        if let Err(error) = Jwk::from_signing_key(self.access_token_key.as_ref()) {
            findings.add(format!("the access token key is not usable: {error}"));
        }
        for key in &self.other_access_token_keys {
            if let Err(error) = Jwk::from_spki(&key.spki_der, key.algorithm) {
                findings.add(format!("a further access token key is not usable: {error}"));
            }
        }
    }
}

fn judge_signer(base: &Base, membership: &BaseCommunity, now: UnixTime, findings: &mut Findings<'_>) {
    let community = &membership.community;
    let leaf = membership.chain.leaf();
    if membership.key.algorithm() != Algorithm::Rs256 {
        findings.add(format!(
            "the key for {community} signs with {}, but signed metadata need RS256",
            membership.key.algorithm()
        ));
    }
    if membership.key.public_key() != leaf.spki_der() {
        findings.add(format!("the key for {community} is not its certificate's"));
    }
    if !leaf.has_uri_name(base.base_url.as_str()) {
        findings.add(format!("the certificate for {community} does not have {} among its URI names", base.base_url));
    }
    if now < leaf.not_before() || now >= leaf.not_after() {
        findings.add(format!("the certificate for {community} is not valid now"));
    }
}

fn judge_policy(policy: &CommunityPolicy, findings: &mut Findings<'_>) {
    if !policy.algorithms.contains(Algorithm::Rs256) {
        findings.add("RS256 must be among the algorithms");
    }
    let lifetime = policy.access_token_lifetime;
    if !(ACCESS_TOKEN_LIFETIME_FLOOR..=ACCESS_TOKEN_LIFETIME_LIMIT).contains(&lifetime) {
        findings.add(format!(
            "access tokens must live between {} s and {} s",
            ACCESS_TOKEN_LIFETIME_FLOOR.as_secs(),
            ACCESS_TOKEN_LIFETIME_LIMIT.as_secs()
        ));
    }
    if policy.scopes_supported.is_empty() {
        findings.add("no scope is supported");
    }
    for scope in policy.scopes_supported.iter() {
        if !scope.fits(Flow::ClientCredentials) {
            findings.add(format!("the scope {scope} needs a person, and client credentials is the only grant"));
        }
    }
    let grants = policy.scope_grants.by_client.values();
    for granted in grants.chain(&policy.scope_grants.default) {
        judge_grants(granted, &policy.scopes_supported, findings);
    }
}

fn judge_grants(granted: &ScopeSet, supported: &ScopeSet, findings: &mut Findings<'_>) {
    for scope in granted.iter().filter(|scope| !supported.contains(scope)) {
        findings.add(format!("the scope {scope} is granted but not supported"));
    }
}

/// Where findings are added, each beginning with what it is about.
struct Findings<'a> {
    about: String,
    list: &'a mut Vec<String>,
}

impl Findings<'_> {
    fn add(&mut self, finding: impl AsRef<str>) {
        self.list.push(format!("{}{}", self.about, finding.as_ref()));
    }

    fn about(&mut self, what: &str) -> Findings<'_> {
        Findings { about: format!("{what}: "), list: self.list }
    }
}
