//! What the gateway is told about the bases that have an upstream.

use tessera_gateway::GatewaySettings;
use tessera_gateway::settings::{GatewayBase, PublishedEndpoints};
use tessera_udap::ids::{BaseUrl, EndpointUrl};

use super::bases::CheckedBase;
use super::raw::RawBase;
use super::report::Report;

pub(crate) fn check(raw: &[RawBase], bases: &[CheckedBase], report: &mut Report) -> Option<GatewaySettings> {
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
