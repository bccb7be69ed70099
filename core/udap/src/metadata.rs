//! The UDAP metadata of a FHIR base: written by the authorization server, read and judged by the client.
//!
//! Reading never stops at the first fault. It gives what could be read and every finding, each with its requirement and
//! whether a client must stop there, so that a person sees all of it at once and `tessera check` can judge our own.
//! What the signed part says prevails and is judged elsewhere ([`crate::signed_metadata`]).
//!
//! Source: FAST Security STU2 §2.2; UDAP Server Metadata §1, §2

mod finding;
mod judge;
mod read;

use serde::Serialize;

pub use self::finding::{MetadataFinding, Severity};
pub use self::judge::ClientNeeds;
pub use self::read::MetadataReading;

/// The document at `/.well-known/udap`, as its JSON.
///
/// `None` is an element that is left out, which says nothing; an empty list says that there is no such thing
/// (DISC-7, DISC-11). An element that must always be there is an empty list or text when a server has left it out.
///
/// Source: FAST Security STU2 §2.2; META-1 to META-19
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct UdapMetadata {
    /// `["1"]`
    pub udap_versions_supported: Vec<String>,
    /// `udap_dcr` and `udap_authn` at least; `udap_authz` with client credentials.
    pub udap_profiles_supported: Vec<String>,
    /// Extension objects that the server understands.
    pub udap_authorization_extensions_supported: Vec<String>,
    /// Those that each token request must carry; there when any is supported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub udap_authorization_extensions_required: Option<Vec<String>>,
    /// Certifications that the server understands, by their URIs.
    pub udap_certifications_supported: Vec<String>,
    /// Those that each registration must carry; there when any is supported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub udap_certifications_required: Option<Vec<String>>,
    /// One grant at least.
    pub grant_types_supported: Vec<String>,
    /// Every scope that can be granted; required since STU2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes_supported: Option<Vec<String>>,
    /// There with the code grant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_endpoint: Option<String>,
    /// Where tokens are had.
    pub token_endpoint: String,
    /// `["private_key_jwt"]`
    pub token_endpoint_auth_methods_supported: Vec<String>,
    /// Algorithms for Authentication Tokens.
    pub token_endpoint_auth_signing_alg_values_supported: Vec<String>,
    /// Where clients register.
    pub registration_endpoint: String,
    /// Algorithms for software statements; required since STU2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registration_endpoint_jwt_signing_alg_values_supported: Option<Vec<String>>,
    /// The signed part, a JWT.
    pub signed_metadata: String,
}

#[cfg(test)]
mod tests;
