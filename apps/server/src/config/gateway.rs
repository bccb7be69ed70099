//! What the gateway is told about the bases that have an upstream.

use tessera_gateway::GatewaySettings;
use tessera_gateway::scope::opens_something;
use tessera_gateway::settings::{GatewayBase, PublishedEndpoints};
use tessera_udap::ids::{BaseUrl, EndpointUrl};

use super::bases::CheckedBase;
use super::communities::CheckedCommunity;
use super::raw::RawBase;
use super::report::Report;

pub(crate) fn check(
    raw: &[RawBase],
    bases: &[CheckedBase],
    communities: &[CheckedCommunity],
    report: &mut Report,
) -> Option<GatewaySettings> {
    let mut served = Vec::new();
    for (index, raw) in raw.iter().enumerate() {
        let Some(upstream) = &raw.upstream else {
            continue;
        };
        let key = format!("bases[{index}].upstream");
        let Some(upstream_url) = report.take(&key, BaseUrl::parse(upstream)) else {
            continue;
        };
        // A base that was refused has its own finding.
        let Some(base) = bases.iter().find(|base| base.settings.name.as_str() == raw.name) else {
            continue;
        };
        if base.settings.communities.is_empty() {
            report.error(&key, "a base without communities gives no tokens, so its gateway would refuse everything");
            continue;
        }
        judge_scopes(base, communities, &key, report);
        let purposes_key = format!("bases[{index}].purposes_of_use");
        judge_purposes(raw, base, communities, &purposes_key, report);
        let udap_metadata = EndpointUrl::parse(&base.settings.base_url.below(".well-known/udap"));
        let Some(udap_metadata) = report.take(&key, udap_metadata) else {
            continue;
        };
        served.push(GatewayBase {
            name: raw.name.clone(),
            base_url: base.settings.base_url.clone(),
            upstream_url,
            endpoints: PublishedEndpoints {
                token: base.settings.token_endpoint.clone(),
                registration: base.registration_endpoint.clone(),
                udap_metadata,
            },
            allowed_purposes: raw.purposes_of_use.clone(),
        });
    }
    report.take("bases", GatewaySettings::new(served))
}

/// A purpose that no community of the base admits opens nothing: most likely it is a slip of the pen.
fn judge_purposes(raw: &RawBase, base: &CheckedBase, communities: &[CheckedCommunity], key: &str, report: &mut Report) {
    let members: Vec<_> = base.settings.communities.iter().map(|membership| &membership.community).collect();
    let admits = |purpose: &str| {
        let mut served = communities.iter().filter(|checked| members.contains(&checked.trust.id()));
        served.any(|checked| checked.policy.b2b.purposes_of_use.admits(purpose))
    };
    for purpose in raw.purposes_of_use.iter().flatten().filter(|purpose| !admits(purpose)) {
        report.error(key, format_args!("no community of this base admits {purpose:?}, so nothing is given out for it"));
    }
}

/// A scope that is listed is granted; one that the gateway refuses whatever is asked for would deceive whoever takes it.
fn judge_scopes(base: &CheckedBase, communities: &[CheckedCommunity], key: &str, report: &mut Report) {
    let members = base.settings.communities.iter().map(|membership| &membership.community);
    for community in members.filter_map(|id| communities.iter().find(|checked| checked.trust.id() == id)) {
        for scope in community.policy.scopes_supported.iter().filter(|scope| !opens_something(scope)) {
            report.error(
                key,
                format_args!(
                    "{} lists the scope {scope}, which opens nothing at this gateway: it opens system/{{type}}.{{read, write, \
                     * or letters of cruds in that order}}, {{type}} a resource type of FHIR R4 or *, without a query",
                    community.trust.id()
                ),
            );
        }
    }
}
