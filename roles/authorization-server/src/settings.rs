//! What the authorization server is told at start: its bases, communities, keys and lifetimes.
//!
//! These are plain values, made by `apps/server` from a node's configuration. [`crate::AuthorizationServer::new`] judges
//! them as a whole, so that a node that starts is one whose metadata, signatures and endpoints fit together.

mod check;

use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tessera_jose::key::SigningKey;
use tessera_trust::chain::CertificateChain;
use tessera_trust::community::CommunityId;
use tessera_udap::ids::{BaseUrl, ClientUri, EndpointUrl};

pub use self::check::SettingsError;
use crate::policy::CommunityPolicy;

/// Everything that an authorization server is told.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// The groups of FHIR bases, each with its registration endpoint.
    pub groups: Vec<Group>,
    /// The FHIR bases, in the order in which their communities are tried.
    pub bases: Vec<Base>,
    /// The policy of each community that a base names.
    pub communities: HashMap<CommunityId, CommunityPolicy>,
    /// What signs the access tokens.
    pub access_token_key: Arc<dyn SigningKey>,
    /// Public keys (SPKI DER) whose tokens still live or will soon be made: published and accepted, never signed with.
    pub other_access_token_keys: Vec<PublishedKey>,
    /// How far clocks may differ; 30 s by default, 60 s at most.
    pub skew: Duration,
    /// How long a signed metadata document lives; one day by default, one year at most.
    pub metadata_lifetime: Duration,
    /// For how long a metadata document may be kept by a cache; five minutes by default.
    pub metadata_max_age: Duration,
}

impl ServerSettings {
    /// The settings' defaults around what has none.
    #[must_use]
    pub fn new(
        groups: Vec<Group>,
        bases: Vec<Base>,
        communities: HashMap<CommunityId, CommunityPolicy>,
        access_token_key: Arc<dyn SigningKey>,
    ) -> Self {
        Self {
            groups,
            bases,
            communities,
            access_token_key,
            other_access_token_keys: Vec::new(),
            skew: Duration::from_secs(30),
            metadata_lifetime: Duration::from_secs(24 * 3600),
            metadata_max_age: Duration::from_secs(300),
        }
    }
}

/// A key of ours that verifies tokens without signing new ones, so that keys can rotate with overlap.
#[derive(Debug, Clone)]
pub struct PublishedKey {
    /// Its algorithm.
    pub algorithm: tessera_jose::algorithm::Algorithm,
    /// Its SubjectPublicKeyInfo in DER.
    pub spki_der: Vec<u8>,
}

/// FHIR bases that share a registration endpoint: one registration holds for all of them.
///
/// Source: FAST Security STU2 §2.2
#[derive(Debug, Clone)]
pub struct Group {
    /// How the configuration and the routes name it.
    pub name: GroupName,
    /// The `aud` of every software statement for its bases.
    pub registration_endpoint: EndpointUrl,
}

/// One FHIR base with endpoints of its own, so that a token's audience is known without a parameter.
#[derive(Debug, Clone)]
pub struct Base {
    /// How the configuration and the routes name it.
    pub name: BaseName,
    /// Its group.
    pub group: GroupName,
    /// `{baseURL}`, also the issuer of its tokens and the `iss` of its signed metadata.
    pub base_url: BaseUrl,
    /// The `aud` of every Authentication Token for a token of this base.
    pub token_endpoint: EndpointUrl,
    /// The `aud` of every Authentication Token for an introspection.
    pub introspection_endpoint: EndpointUrl,
    /// The `aud` of every Authentication Token for a revocation.
    pub revocation_endpoint: EndpointUrl,
    /// Where the keys that verify its access tokens are.
    pub jwks_uri: EndpointUrl,
    /// The communities it serves; the first is the default one. Empty where UDAP is off (404).
    pub communities: Vec<BaseCommunity>,
    /// What a question for another community gets.
    pub unknown_community: UnknownCommunity,
    /// Clients that may introspect every token of this base, not only their own.
    pub resource_servers: Vec<ResourceServer>,
}

/// A base's membership in a trust community: the certificate with which it signs its metadata there.
#[derive(Debug, Clone)]
pub struct BaseCommunity {
    /// Which.
    pub community: CommunityId,
    /// The key of the first certificate of `chain`; it signs with RS256.
    pub key: Arc<dyn SigningKey>,
    /// Its own certificate, with `{baseURL}` among the URI names, first; then what leads to the community's anchor.
    pub chain: CertificateChain,
}

/// A resource server that is not our gateway.
///
/// Both halves count: the same URI under another community is another party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceServer {
    /// The community of its registration.
    pub community: CommunityId,
    /// The URI of its registration.
    pub client_uri: ClientUri,
}

/// What `?community=` gets when the base does not serve it.
///
/// Source: FAST Security STU2 §2.2; STU1 §2.2
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UnknownCommunity {
    /// 204.
    #[default]
    NoContent,
    /// 404, as STU1 allowed.
    NotFound,
    /// The document of the base's first community.
    DefaultCommunity,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Reads a name: 1 to 64 characters of `A-Z a-z 0-9 - _ .`, not beginning with a dot.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                is_name(text).then(|| Self(text.into()))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

name! {
    /// The short name of a FHIR base in the configuration and in routes.
    BaseName
}
name! {
    /// The short name of a group of bases in the configuration, in routes and in the store.
    GroupName
}

fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && !text.starts_with('.')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}
