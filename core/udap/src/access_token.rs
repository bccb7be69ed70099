//! The access token: a JWT by which the authorization server tells the resource server who may do what, for whom, and why.
//!
//! It is written and read by our own nodes alone; clients treat it as opaque. It is good for one FHIR base and says so
//! in `aud`, and no other kind of JWT passes as one: it has the type `at+jwt`, is signed with a key that the node knows
//! by `kid`, and has claims that no other kind has.
//!
//! Source: RFC 9068; FAST Security STU2 §5.2.3, §5.2.4

mod reader;
mod status;

use serde::Serialize;
use tessera_trust::{CertificateDigest, CommunityId, UnixTime};

pub use self::reader::{AccessToken, AccessTokenError, TokenKeys};
pub use self::status::{TokenReference, TokenStatus};
use crate::extensions::b2b::B2bExtension;
use crate::ids::{BaseUrl, ClientId, ClientUri, Jti};
use crate::scope::ScopeSet;

/// The header's `typ`.
///
/// Source: RFC 9068 §2.1
pub const ACCESS_TOKEN_TYPE: &str = "at+jwt";
/// The longest life of an access token, in seconds.
///
/// Source: FAST Security STU2 §4.2.3, §5.2.3; TOKEN-3
pub const MAX_LIFETIME_S: u64 = 3600;

/// What an access token says.
///
/// Source: RFC 9068 §2.2; FAST Security STU2 §5.2.4; security invariant 28
#[derive(Debug, Clone, PartialEq)]
pub struct AccessTokenClaims {
    /// The issuer, which is the base.
    pub iss: BaseUrl,
    /// The one FHIR base for which it is good.
    pub aud: BaseUrl,
    /// For whom; with client credentials the client itself.
    pub sub: ClientId,
    /// To which client it was issued.
    pub client_id: ClientId,
    /// When it was issued.
    pub iat: UnixTime,
    /// When it ends.
    pub exp: UnixTime,
    /// Its id.
    pub jti: Jti,
    /// The scopes granted; never empty.
    pub scope: ScopeSet,
    /// The business context in which it may be used; `extensions` with the one member `hl7-b2b`.
    pub b2b: Option<B2bExtension>,
    /// The trust community of the client.
    pub community: CommunityId,
    /// The client's URI in that community.
    pub client_uri: ClientUri,
    /// The certificate that signed the request for it.
    pub signer: CertificateDigest,
    /// The version of the registration under which it was issued.
    pub registration_version: u64,
}

impl AccessTokenClaims {
    /// The claims as JSON, to be signed under a header with [`ACCESS_TOKEN_TYPE`] and the key's `kid`.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        #[derive(Serialize)]
        struct Wire<'a> {
            iss: &'a BaseUrl,
            aud: &'a BaseUrl,
            sub: &'a ClientId,
            client_id: &'a ClientId,
            iat: u64,
            exp: u64,
            jti: &'a Jti,
            scope: &'a ScopeSet,
            #[serde(skip_serializing_if = "Option::is_none")]
            extensions: Option<Extensions<'a>>,
            community: &'a str,
            client_uri: &'a ClientUri,
            signer: String,
            registration_version: u64,
        }
        #[derive(Serialize)]
        struct Extensions<'a> {
            #[serde(rename = "hl7-b2b")]
            b2b: &'a B2bExtension,
        }
        let wire = Wire {
            iss: &self.iss,
            aud: &self.aud,
            sub: &self.sub,
            client_id: &self.client_id,
            iat: self.iat.as_secs(),
            exp: self.exp.as_secs(),
            jti: &self.jti,
            scope: &self.scope,
            extensions: self.b2b.as_ref().map(|b2b| Extensions { b2b }),
            community: self.community.as_str(),
            client_uri: &self.client_uri,
            signer: self.signer.to_string(),
            registration_version: self.registration_version,
        };
        let mut json = Vec::with_capacity(1024);
        serde_json::to_writer(&mut json, &wire).expect("strings and numbers always serialize, and memory takes them");
        json
    }
}

#[cfg(test)]
mod tests;
