//! The software statement: what a client says of itself when it registers.
//!
//! Its own claims (`iss`, `aud`, times, `jti`) are judged where every signed object's are. What stands here are the
//! registration parameters, whose faults have other error codes ([`StatementError::code`]). Unknown claims are ignored.
//!
//! Source: FAST Security STU2 §3.1; RFC 7591 §2

mod error;
mod parameters;

use std::time::Duration;

use tessera_jose::json::Object;

pub use self::error::StatementError;
use crate::ids::{ClientUri, EndpointUrl};
use crate::scope::ScopeSet;
use crate::signed::{AudienceRule, Binding, ClaimError, SignedObject};

/// The only client authentication of the guide.
pub const PRIVATE_KEY_JWT: &str = "private_key_jwt";
/// The longest `client_name`, in bytes.
pub const MAX_CLIENT_NAME_BYTES: usize = 256;
/// The most `contacts`.
pub const MAX_CONTACTS: usize = 20;
/// The most `redirect_uris`.
pub const MAX_REDIRECT_URIS: usize = 100;

/// What a client says of itself, well-formed by the guide's rules. Whether it is granted is for policy.
///
/// Source: FAST Security STU2 §3.1
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoftwareStatement {
    /// The URI under which the client acts (`iss` and `sub`).
    pub client_uri: ClientUri,
    /// What people call it: 1 to [`MAX_CLIENT_NAME_BYTES`] bytes without control characters.
    pub client_name: String,
    /// URIs by which its people are reached; at least one is a `mailto:` with an address.
    pub contacts: Vec<String>,
    /// Which grant it wants, with what belongs to it.
    pub grant_types: RequestedGrants,
    /// The scopes it wants; never empty.
    pub scope: ScopeSet,
    /// An https URL of a PNG, JPG or GIF; never fetched. Always there with the code grant.
    pub logo_uri: Option<String>,
    /// How it authenticates at the token endpoint; there is one way.
    pub token_endpoint_auth_method: AuthMethod,
    /// The JWT as submitted, which the answer repeats; empty until the statement has been verified.
    pub as_submitted: String,
}

/// The grant that a statement asks for; the guide allows exactly one of the two, or none to cancel.
///
/// Source: FAST Security STU2 §3.1, §3.4
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestedGrants {
    /// For machines.
    ClientCredentials,
    /// For people.
    AuthorizationCode {
        /// Whether refresh tokens are wanted, too.
        refresh: bool,
        /// Where browsers may be sent back to; at least one, each https.
        redirect_uris: Vec<EndpointUrl>,
    },
    /// An empty `grant_types`: the registration shall end.
    Cancel,
}

/// A way to authenticate at the token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMethod {
    /// An Authentication Token signed with the client's private key.
    PrivateKeyJwt,
}

impl AuthMethod {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PrivateKeyJwt => PRIVATE_KEY_JWT,
        }
    }
}

impl RequestedGrants {
    /// The names on the wire, in the guide's order; empty for a cancel.
    #[must_use]
    pub const fn names(&self) -> &'static [&'static str] {
        match self {
            Self::ClientCredentials => &["client_credentials"],
            Self::AuthorizationCode { refresh: true, .. } => &["authorization_code", "refresh_token"],
            Self::AuthorizationCode { refresh: false, .. } => &["authorization_code"],
            Self::Cancel => &[],
        }
    }
}

impl SignedObject for SoftwareStatement {
    const KIND: &'static str = "software statement";
    const LIFETIME_LIMIT: Duration = Duration::from_secs(300);
    const AUDIENCE: AudienceRule = AudienceRule::Required;
    const BINDING: Binding = Binding::Issuer;

    fn from_claims(claims: &Object) -> Result<Self, ClaimError> {
        let client_uri = ClientUri::parse(claims.required_str("iss")?).map_err(|_| {
            let rule = "must be an absolute URI of at most 2048 bytes";
            ClaimError::Rule { name: "iss", rule }
        })?;
        let client_name = parameters::client_name(claims)?;
        let contacts = parameters::contacts(claims)?;
        let grant_types = parameters::grant_types(claims)?;
        let token_endpoint_auth_method = parameters::auth_method(claims)?;
        let scope = parameters::scope(claims)?;
        let logo_uri = parameters::logo_uri(claims, &grant_types)?;
        Ok(Self {
            client_uri,
            client_name,
            contacts,
            grant_types,
            scope,
            logo_uri,
            token_endpoint_auth_method,
            as_submitted: String::new(),
        })
    }

    fn issuer(&self) -> &str {
        self.client_uri.as_str()
    }

    fn keep_received(&mut self, jwt: &str) {
        jwt.clone_into(&mut self.as_submitted);
    }
}

#[cfg(test)]
mod tests;
