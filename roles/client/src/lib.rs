//! The client app of the guide: it discovers a data holder, registers, takes tokens and asks for FHIR data.
//!
//! [`Client::discover`] comes first and makes a [`discovery::DataHolder`], the proof that a server's metadata held;
//! every later action needs one, so that nothing is sent to an endpoint that was not proven. The engine decides and
//! signs; requests travel by [`ports::Http`], chains are judged by [`ports::Trust`], time and chance come in as
//! arguments.
//!
//! Source: FAST Security STU2 §2, §3, §5
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::allow_attributes, reason = "tests")
)]

mod advice;
mod assertion;
pub mod check;
pub mod context;
pub mod discovery;
pub mod error;
pub mod fhir;
pub mod identity;
pub mod introspection;
pub mod ports;
pub mod registration;
mod scope_difference;
#[cfg(test)]
mod testing;
pub mod token;
mod wire;

pub use scope_difference::ScopeDifference;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tessera_jose::algorithm::AlgorithmSet;
use tessera_trust::CommunityId;
use tessera_udap::edition::Edition;

/// The client of one app; shared by all its actions, for it holds the tokens at hand.
pub struct Client {
    settings: ClientSettings,
    http: Arc<dyn ports::Http>,
    trust: Arc<dyn ports::Trust>,
    tokens: token::Tokens,
}

/// What a client is to believe.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// The trusted communities, in the order of preference, each with the guide's edition that it follows.
    pub communities: Vec<(CommunityId, Edition)>,
    /// What happens when a plain endpoint differs from the signed one.
    pub mismatch: EndpointMismatch,
    /// The algorithms accepted from servers.
    pub algorithms: AlgorithmSet,
    /// How far clocks may differ; 60 s at most.
    pub skew: Duration,
}

/// What happens when an endpoint outside `signed_metadata` differs from the one inside.
///
/// Source: FAST Security STU2 §2.3; UDAP Server Metadata §3.4 (SMD-8)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EndpointMismatch {
    /// As the community's edition says: from 2.0 on the signed value is used and a warning recorded; before, a refusal.
    #[default]
    ByEdition,
    /// Always a refusal.
    Refuse,
}

impl ClientSettings {
    /// Settings for these communities: 30 s of skew, RS256 and ES256, mismatches by edition.
    #[must_use]
    pub fn new(communities: Vec<(CommunityId, Edition)>) -> Self {
        Self {
            communities,
            mismatch: EndpointMismatch::default(),
            algorithms: AlgorithmSet::default(),
            skew: Duration::from_secs(30),
        }
    }

    fn edition_of(&self, community: &CommunityId) -> Edition {
        let known = self.communities.iter().find(|(id, _)| id == community);
        known.map_or_else(Edition::default, |(_, edition)| *edition)
    }
}

impl Client {
    /// A client with its ways to the world, and no tokens yet.
    #[must_use]
    pub fn new(settings: ClientSettings, http: Arc<dyn ports::Http>, trust: Arc<dyn ports::Trust>) -> Self {
        Self { settings, http, trust, tokens: token::Tokens::default() }
    }

    /// The tokens at hand, for a profile that keeps them.
    #[must_use]
    pub fn tokens(&self) -> &token::Tokens {
        &self.tokens
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Client").field("settings", &self.settings).finish_non_exhaustive()
    }
}
