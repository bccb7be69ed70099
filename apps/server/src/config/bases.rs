//! FHIR bases: their URLs, endpoints, certificates and groups.

use std::collections::HashMap;

use tessera_authorization_server::settings::{
    Base, BaseCommunity, BaseName, Group, GroupName, ResourceServer, UnknownCommunity,
};
use tessera_jose::key::SigningKey as _;
use tessera_trust::{
    Budget, CertificateChain, CommunityId, Evidence, PathSearch, RevocationPolicy, Step, TrustCommunity, UnixTime,
};
use tessera_udap::edition;
use tessera_udap::ids::{BaseUrl, ClientUri, EndpointUrl};

use super::communities::CheckedCommunity;
use super::files::Folder;
use super::raw::{RawBase, RawMembership};
use super::report::Report;

/// A base ready to be used, and where clients register for its group.
#[derive(Debug)]
pub(crate) struct CheckedBase {
    pub(crate) settings: Base,
    pub(crate) registration_endpoint: EndpointUrl,
}

pub(crate) fn check(
    raw: &[RawBase],
    communities: &HashMap<&str, &CheckedCommunity>,
    folder: &Folder,
    now: UnixTime,
    report: &mut Report,
) -> Vec<CheckedBase> {
    if raw.is_empty() {
        report.error("bases", "there is none");
    }
    let mut origins: HashMap<&str, &str> = HashMap::new();
    let mut checked = Vec::new();
    for (index, base) in raw.iter().enumerate() {
        let key = format!("bases[{index}]");
        let group = base.group.as_deref().unwrap_or(&base.name);
        let origin = origin_of(&base.url);
        if *origins.entry(group).or_insert(origin) != origin {
            report.error(format!("{key}.group"), "bases of one group share an origin, for they share an endpoint");
        }
        checked.extend(check_one(base, &key, communities, folder, now, report));
    }
    checked
}

/// The groups that the bases name, each once.
pub(crate) fn groups(bases: &[CheckedBase]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for base in bases {
        if groups.iter().all(|group| group.name != base.settings.group) {
            groups.push(Group {
                name: base.settings.group.clone(),
                registration_endpoint: base.registration_endpoint.clone(),
            });
        }
    }
    groups
}

fn check_one(
    raw: &RawBase,
    key: &str,
    communities: &HashMap<&str, &CheckedCommunity>,
    folder: &Folder,
    now: UnixTime,
    report: &mut Report,
) -> Option<CheckedBase> {
    let name = BaseName::parse(&raw.name);
    let group = GroupName::parse(raw.group.as_deref().unwrap_or(&raw.name));
    if name.is_none() || group.is_none() {
        report.error(format!("{key}.name"), "1 to 64 letters, digits, dots, hyphens or underscores, no dot first");
    }
    let base_url = judge_url(&raw.url, &format!("{key}.url"), report);
    let origin = origin_of(&raw.url);
    let mut endpoint =
        |path: String| report.take(&format!("{key}.url"), EndpointUrl::parse(&format!("{origin}{path}")));
    let token_endpoint = endpoint(format!("/oauth/{}/token", raw.name));
    let introspection_endpoint = endpoint(format!("/oauth/{}/introspect", raw.name));
    let revocation_endpoint = endpoint(format!("/oauth/{}/revoke", raw.name));
    let jwks_uri = endpoint(format!("/oauth/{}/jwks", raw.name));
    let group_path = format!("/oauth/{}/register", raw.group.as_deref().unwrap_or(&raw.name));
    let registration_endpoint = endpoint(group_path);
    let memberships: Vec<BaseCommunity> = raw
        .communities
        .iter()
        .enumerate()
        .filter_map(|(index, membership)| {
            let key = format!("{key}.communities[{index}]");
            check_membership(membership, &raw.url, &key, communities, folder, now, report)
        })
        .collect();
    if raw.communities.is_empty() {
        report.warning(format!("{key}.communities"), "there is none: this base has no UDAP support");
    }
    let unknown_community = judge_unknown_community(raw, communities, &format!("{key}.unknown_community"), report);
    let resource_servers = raw.resource_servers.iter().filter_map(|server| {
        let key = format!("{key}.resource_servers");
        let community = report.take(&key, CommunityId::parse(&server.community));
        let client_uri = report.take(&key, ClientUri::parse(&server.client_uri));
        Some(ResourceServer { community: community?, client_uri: client_uri? })
    });
    let resource_servers = resource_servers.collect();
    Some(CheckedBase {
        settings: Base {
            name: name?,
            group: group?,
            base_url: base_url?,
            token_endpoint: token_endpoint?,
            introspection_endpoint: introspection_endpoint?,
            revocation_endpoint: revocation_endpoint?,
            jwks_uri: jwks_uri?,
            communities: memberships,
            unknown_community: unknown_community?,
            resource_servers,
        },
        registration_endpoint: registration_endpoint?,
    })
}

/// An edition says with which status a server refuses; whether it refuses is the operator's choice.
///
/// Source: FAST Security STU1 §2.3, STU2 §2.4; COMM-6
fn judge_unknown_community(
    raw: &RawBase,
    communities: &HashMap<&str, &CheckedCommunity>,
    key: &str,
    report: &mut Report,
) -> Option<UnknownCommunity> {
    match raw.unknown_community.as_str() {
        "default" => Some(UnknownCommunity::DefaultCommunity),
        "no-content" => Some(UnknownCommunity::NoContent),
        "not-found" => Some(UnknownCommunity::NotFound),
        "refuse" => {
            let first = raw.communities.first().and_then(|first| communities.get(first.community.as_str()));
            Some(match first.map(|first| first.policy.edition).unwrap_or_default().unknown_community() {
                edition::UnknownCommunity::NoContent => UnknownCommunity::NoContent,
                edition::UnknownCommunity::NotFound => UnknownCommunity::NotFound,
            })
        }
        other => {
            let known = "\"default\", \"refuse\", \"no-content\" nor \"not-found\"";
            report.error(key, format_args!("{other:?} is neither {known}"));
            None
        }
    }
}

/// An https URL without query, fragment, user or final slash, of plain characters.
fn judge_url(url: &str, key: &str, report: &mut Report) -> Option<BaseUrl> {
    let path = path_of(url);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    if !url.starts_with("https://") {
        report.error(key, "must begin with https://");
    } else if !path.bytes().all(plain) || path.ends_with('/') || path.contains("//") || origin_of(url).contains('@') {
        report.error(key, "a path of plain segments, without query, fragment, user or final slash");
    } else {
        return report.take(key, BaseUrl::parse(url));
    }
    None
}

/// `https://host:port` of a URL.
pub(crate) fn origin_of(url: &str) -> &str {
    let end = url.len() - path_of(url).len();
    url.get(..end).unwrap_or(url)
}

/// What follows the origin; empty or beginning with a slash.
pub(crate) fn path_of(url: &str) -> &str {
    let after_scheme = url.find("://").map_or(0, |at| at + 3);
    let authority_and_path = url.get(after_scheme..).unwrap_or_default();
    let path = authority_and_path.find(['/', '?', '#']).unwrap_or(authority_and_path.len());
    authority_and_path.get(path..).unwrap_or_default()
}

fn check_membership(
    raw: &RawMembership,
    base_url: &str,
    key: &str,
    communities: &HashMap<&str, &CheckedCommunity>,
    folder: &Folder,
    now: UnixTime,
    report: &mut Report,
) -> Option<BaseCommunity> {
    let community = communities.get(raw.community.as_str()).map(|community| community.trust.as_ref());
    if community.is_none() {
        report.error(format!("{key}.community"), format_args!("{} is not among the communities", raw.community));
    }
    let certificates_key = format!("{key}.certificates");
    let certificates = folder.certificates(&raw.certificates, &certificates_key, report)?;
    let ders: Vec<Vec<u8>> = certificates.iter().map(|certificate| certificate.der().to_vec()).collect();
    let chain = report.take(&certificates_key, CertificateChain::from_ders(&ders))?;
    let private_key = folder.private_key(&raw.key, &format!("{key}.key"), report);
    for certificate in &certificates {
        super::communities::judge_validity(&certificates_key, certificate, now, report);
    }
    if !chain.leaf().has_uri_name(base_url) {
        report.error(&certificates_key, format_args!("the first certificate does not name {base_url} as a URI"));
    }
    if let Some(community) = community {
        judge_path(community, &chain, &certificates_key, now, report);
    }
    let private_key = private_key?;
    if private_key.public_key() != chain.leaf().spki_der() {
        report.error(format!("{key}.key"), "is not the key of the first certificate");
    }
    Some(BaseCommunity { community: community?.id().clone(), key: private_key, chain })
}

/// Our own certificate must reach the community's anchor, or no client would believe us. Revocation is the client's to see.
fn judge_path(community: &TrustCommunity, chain: &CertificateChain, key: &str, now: UnixTime, report: &mut Report) {
    let without_revocation = TrustCommunity::new(
        community.id().clone(),
        community.anchors().to_vec(),
        community.intermediates().to_vec(),
        community.profile().clone(),
        RevocationPolicy::SoftFail,
    );
    let Some(community) = report.take(key, without_revocation) else {
        return;
    };
    let mut evidence = Evidence::default();
    let mut search = PathSearch::new(&community, chain, now, Budget::default());
    loop {
        match search.advance(&evidence) {
            Step::Accepted(_) => return,
            Step::Refused(refusal) => {
                report
                    .error(key, format_args!("clients of {} would not believe it: {refusal}", community.id().as_str()));
                return;
            }
            Step::Need(needs) => {
                for need in needs {
                    let reason = "not asked for while the configuration is judged".to_owned();
                    evidence.supply_crl(need.url(), Err(reason));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_a_url_into_origin_and_path() {
        for (url, origin, path) in [
            ("https://h.example/fhir/r4", "https://h.example", "/fhir/r4"),
            ("https://h.example:8443", "https://h.example:8443", ""),
            ("https://h.example?x", "https://h.example", "?x"),
        ] {
            assert_eq!((origin_of(url), path_of(url)), (origin, path));
        }
    }

    #[test]
    fn refuses_urls_that_could_be_read_in_two_ways() {
        for url in [
            "http://h.example/fhir",
            "https://h.example/",
            "https://h.example/a//b",
            "https://u@h.example/a",
            "https://h.example/a?b",
            "https://h.example/{a}",
            "https://h.example/a%2fb",
        ] {
            let mut report = Report::default();
            assert!(judge_url(url, "k", &mut report).is_none(), "{url}");
            assert!(!report.is_good(), "{url}");
        }
        assert!(judge_url("https://localhost:8443/fhir/r4", "k", &mut Report::default()).is_some());
    }
}
