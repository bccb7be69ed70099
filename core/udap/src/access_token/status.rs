//! Whether an access token lives: what the records must be asked by, and what they can answer.

use tessera_trust::{CertificateDigest, CommunityId, UnixTime};

use super::AccessTokenClaims;
use crate::ids::{ClientId, Jti};

/// What must be known about a verified access token to tell whether it lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenReference {
    /// The token's `jti`.
    pub jti: Jti,
    /// Whose it is.
    pub client_id: ClientId,
    /// The version of the registration under which it was issued.
    pub registration_version: u64,
    /// The community of its client.
    pub community: CommunityId,
    /// The certificate with which its client authenticated.
    pub certificate: CertificateDigest,
    /// The token's `iat`.
    pub issued_at: UnixTime,
}

impl From<&AccessTokenClaims> for TokenReference {
    fn from(claims: &AccessTokenClaims) -> Self {
        Self {
            jti: claims.jti.clone(),
            client_id: claims.client_id.clone(),
            registration_version: claims.registration_version,
            community: claims.community.clone(),
            certificate: claims.signer,
            issued_at: claims.iat,
        }
    }
}

/// Whether a token lives, and if not, why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenStatus {
    /// It may be used until its own end.
    Live,
    /// It was revoked by its client.
    Revoked,
    /// Its client has cancelled its registration, or there is none any more.
    ClientGone,
    /// An operator has blocked its client.
    ClientBlocked,
    /// Its client's registration has changed and no longer covers it.
    Superseded,
    /// An operator has revoked all tokens of its client, community or certificate.
    RevokedInBulk,
}

impl TokenStatus {
    /// Whether it may be used.
    #[must_use]
    pub fn is_live(self) -> bool {
        self == Self::Live
    }

    /// A word for logs and audit.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Revoked => "token-revoked",
            Self::ClientGone => "client-gone",
            Self::ClientBlocked => "client-blocked",
            Self::Superseded => "registration-changed",
            Self::RevokedInBulk => "tokens-revoked-in-bulk",
        }
    }
}
