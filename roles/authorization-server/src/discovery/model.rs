//! What a base can do, and the three formats in which it says so.
//!
//! One model, so that the UDAP, SMART and RFC 8414 documents cannot contradict each other.

use serde::Serialize;
use tessera_jose::algorithm::{Algorithm, AlgorithmSet};
use tessera_trust::UnixTime;
use tessera_trust::community::CommunityId;
use tessera_udap::ids::{EndpointUrl, Jti};
use tessera_udap::metadata::UdapMetadata;
use tessera_udap::signed_metadata::SignedMetadata;

use crate::policy::CommunityPolicy;
use crate::registered::GrantType;
use crate::settings::{Base, ServerSettings};

/// The one client authentication there is. Source: FAST Security STU2 §2.2
const AUTH_METHODS: [&str; 1] = ["private_key_jwt"];
/// Until people can sign in, the only grant.
const GRANT_TYPES: [&str; 1] = [GrantType::ClientCredentials.as_str()];
const EXTENSIONS: [&str; 1] = ["hl7-b2b"];

/// What a base offers, to one community or as the union of all of its.
pub(super) struct BaseModel {
    base: Base,
    registration_endpoint: EndpointUrl,
    scopes: Vec<String>,
    algorithms: Vec<&'static str>,
}

impl BaseModel {
    /// What it offers to one community.
    pub(super) fn of_community(base: &Base, community: &CommunityId, settings: &ServerSettings) -> Self {
        Self::of_policies(base, settings, settings.communities.get(community).into_iter())
    }

    /// What it offers to any of its communities, for formats that know none.
    pub(super) fn of_base(base: &Base, settings: &ServerSettings) -> Self {
        let policies = base.communities.iter().filter_map(|membership| settings.communities.get(&membership.community));
        Self::of_policies(base, settings, policies)
    }

    fn of_policies<'a>(
        base: &Base,
        settings: &ServerSettings,
        policies: impl Iterator<Item = &'a CommunityPolicy>,
    ) -> Self {
        let mut scopes: Vec<String> = Vec::new();
        let mut algorithms = AlgorithmSet::EMPTY;
        for policy in policies {
            for scope in policy.scopes_supported.iter() {
                if !scopes.iter().any(|known| known == scope.as_str()) {
                    scopes.push(scope.as_str().to_owned());
                }
            }
            for algorithm in policy.algorithms.iter() {
                algorithms = algorithms.with(algorithm);
            }
        }
        let registration_endpoint = settings
            .groups
            .iter()
            .find(|group| group.name == base.group)
            .map(|group| group.registration_endpoint.clone())
            .expect("the settings were judged: every base's group is there");
        Self {
            base: base.clone(),
            registration_endpoint,
            scopes,
            algorithms: algorithms.iter().map(Algorithm::as_str).collect(),
        }
    }

    /// The claims of `signed_metadata`.
    ///
    /// Source: FAST Security STU2 §2.3
    pub(super) fn signed_claims(&self, jti: &Jti, issued_at: UnixTime, expires_at: UnixTime) -> Vec<u8> {
        SignedMetadata {
            base: self.base.base_url.clone(),
            token_endpoint: self.base.token_endpoint.clone(),
            registration_endpoint: self.registration_endpoint.clone(),
            authorization_endpoint: None,
        }
        .issue(jti, issued_at, expires_at)
    }

    /// `/.well-known/udap` around its signed part.
    ///
    /// Source: FAST Security STU2 §2.2
    pub(super) fn udap_metadata(&self, signed_metadata: &str) -> String {
        let text = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
        let document = UdapMetadata {
            udap_versions_supported: text(&["1"]),
            udap_profiles_supported: text(&["udap_dcr", "udap_authn", "udap_authz"]),
            udap_authorization_extensions_supported: text(&EXTENSIONS),
            udap_authorization_extensions_required: Some(text(&EXTENSIONS)),
            udap_certifications_supported: Vec::new(),
            udap_certifications_required: None,
            grant_types_supported: text(&GRANT_TYPES),
            scopes_supported: Some(self.scopes.clone()),
            authorization_endpoint: None,
            token_endpoint: self.base.token_endpoint.as_str().to_owned(),
            token_endpoint_auth_methods_supported: text(&AUTH_METHODS),
            token_endpoint_auth_signing_alg_values_supported: text(&self.algorithms),
            registration_endpoint: self.registration_endpoint.as_str().to_owned(),
            registration_endpoint_jwt_signing_alg_values_supported: Some(text(&self.algorithms)),
            signed_metadata: signed_metadata.to_owned(),
        };
        serde_json::to_string(&document).expect("strings and lists always serialize")
    }

    /// `/.well-known/smart-configuration`.
    ///
    /// `code_challenge_methods_supported` is there because the format demands it, although there is no authorization
    /// endpoint yet. `client-confidential-asymmetric` is not claimed: it would promise keys from a client's JWKS.
    ///
    /// Source: SMART App Launch 2.2 §2.1
    pub(super) fn smart_configuration(&self) -> String {
        #[derive(Serialize)]
        struct SmartConfiguration<'a> {
            issuer: &'a str,
            jwks_uri: &'a str,
            #[serde(flatten)]
            shared: Shared<'a>,
            code_challenge_methods_supported: [&'static str; 1],
            capabilities: [&'static str; 2],
        }
        let document = SmartConfiguration {
            issuer: self.base.base_url.as_str(),
            jwks_uri: self.base.jwks_uri.as_str(),
            shared: self.shared(),
            code_challenge_methods_supported: ["S256"],
            capabilities: ["permission-v1", "permission-v2"],
        };
        serde_json::to_string(&document).expect("strings and lists always serialize")
    }

    /// `/.well-known/oauth-authorization-server`.
    ///
    /// `response_types_supported` has no member and is therefore left out (§3.2).
    ///
    /// Source: RFC 8414 §2
    pub(super) fn oauth_metadata(&self) -> String {
        #[derive(Serialize)]
        struct OAuthMetadata<'a> {
            issuer: &'a str,
            jwks_uri: &'a str,
            #[serde(flatten)]
            shared: Shared<'a>,
            introspection_endpoint_auth_methods_supported: [&'static str; 1],
            introspection_endpoint_auth_signing_alg_values_supported: &'a [&'static str],
            revocation_endpoint_auth_methods_supported: [&'static str; 1],
            revocation_endpoint_auth_signing_alg_values_supported: &'a [&'static str],
        }
        let document = OAuthMetadata {
            issuer: self.base.base_url.as_str(),
            jwks_uri: self.base.jwks_uri.as_str(),
            shared: self.shared(),
            introspection_endpoint_auth_methods_supported: AUTH_METHODS,
            introspection_endpoint_auth_signing_alg_values_supported: &self.algorithms,
            revocation_endpoint_auth_methods_supported: AUTH_METHODS,
            revocation_endpoint_auth_signing_alg_values_supported: &self.algorithms,
        };
        serde_json::to_string(&document).expect("strings and lists always serialize")
    }

    fn shared(&self) -> Shared<'_> {
        Shared {
            token_endpoint: self.base.token_endpoint.as_str(),
            token_endpoint_auth_methods_supported: AUTH_METHODS,
            token_endpoint_auth_signing_alg_values_supported: &self.algorithms,
            registration_endpoint: self.registration_endpoint.as_str(),
            introspection_endpoint: self.base.introspection_endpoint.as_str(),
            revocation_endpoint: self.base.revocation_endpoint.as_str(),
            grant_types_supported: GRANT_TYPES,
            scopes_supported: &self.scopes,
        }
    }
}

/// What SMART and RFC 8414 call by the same names.
#[derive(Serialize)]
struct Shared<'a> {
    token_endpoint: &'a str,
    token_endpoint_auth_methods_supported: [&'static str; 1],
    token_endpoint_auth_signing_alg_values_supported: &'a [&'static str],
    registration_endpoint: &'a str,
    introspection_endpoint: &'a str,
    revocation_endpoint: &'a str,
    grant_types_supported: [&'static str; 1],
    scopes_supported: &'a [String],
}
