//! What a node sends out: CRLs for its trust engine, FHIR requests upstream.

use std::sync::Arc;

use anyhow::Result;
use tessera_authorization_server::ports::RevocationListStore;
use tessera_outbound::dial::Connector;
use tessera_outbound::http::{FetchLimits, Fetcher};
use tessera_outbound::tls::{TlsRoots, client_config};
use tessera_outbound::trust::{FetchPolicy, TrustEngine, TrustSettings};
use tessera_outbound::upstream::{FhirUpstream, UpstreamLimits};

use crate::config::CheckedCommunity;

/// The engine that judges chains under the configured communities; what it has seen of revocation lists is in `lists`.
pub(crate) fn trust_engine(
    communities: &[CheckedCommunity],
    lists: Arc<dyn RevocationListStore>,
) -> Result<TrustEngine> {
    let fetcher = Fetcher::new(Connector::system(tls()?), FetchLimits::default());
    let watched = communities.iter().map(|community| {
        let policy = FetchPolicy {
            allow: community.allow.clone(),
            poll_every: community.poll,
            preloaded: community.preloaded.clone(),
            ..FetchPolicy::default()
        };
        (community.trust.as_ref().clone(), policy)
    });
    // One core stays free for requests whose verdict is known.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let settings = TrustSettings { searches_at_once: cores.saturating_sub(1).max(1), ..TrustSettings::default() };
    Ok(TrustEngine::new(watched.collect(), Arc::new(fetcher), settings)?.keeping_lists(lists))
}

/// The way to the FHIR servers behind the gateway.
pub(crate) fn upstream() -> Result<Arc<FhirUpstream>> {
    Ok(Arc::new(FhirUpstream::new(tls()?, UpstreamLimits::default())))
}

/// The platform's TLS roots.
fn tls() -> Result<Arc<rustls::ClientConfig>> {
    Ok(client_config(TlsRoots::platform())?)
}
