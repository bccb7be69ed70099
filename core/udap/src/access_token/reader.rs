//! From a presented token to its claims, or to a refusal.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tessera_jose::algorithm::{Algorithm, AlgorithmSet};
use tessera_jose::json::{JsonError, Limits, MemberError, Object, read_object};
use tessera_jose::jwk::Jwk;
use tessera_jose::jws::{CompactJws, JwsError, MAX_JWS_BYTES};
use tessera_jose::key::{KeyError, VerificationKey};
use tessera_trust::{CertificateDigest, CommunityId, UnixTime};

use super::{ACCESS_TOKEN_TYPE, AccessTokenClaims, MAX_LIFETIME_S};
use crate::extensions::b2b::{B2bError, B2bExtension};
use crate::ids::{BaseUrl, ClientId, ClientUri, IdError, Jti};
use crate::scope::ScopeSet;

/// How far the clocks of our own nodes may differ when one issues what another reads at once. It does not lengthen a life.
const NODE_SKEW: Duration = Duration::from_secs(30);

/// The keys with which our access tokens are signed, by their names; cheap to clone.
///
/// `kid` chooses among these alone. The key of a peer is never chosen by anything that the peer has written.
#[derive(Clone, Default)]
pub struct TokenKeys(Arc<Vec<TokenKey>>);

#[derive(Clone)]
struct TokenKey {
    kid: String,
    algorithm: Algorithm,
    key: VerificationKey,
}

impl TokenKeys {
    /// Accepts tokens signed with `algorithm` by the key of this `SubjectPublicKeyInfo`, named by its RFC 7638
    /// thumbprint as [`Jwk`] names it.
    ///
    /// # Errors
    /// [`KeyError`] when the key is not one that we accept, or the algorithm does not fit it.
    pub fn add(&mut self, spki_der: &[u8], algorithm: Algorithm) -> Result<(), KeyError> {
        let kid = Jwk::from_spki(spki_der, algorithm)?.kid().to_owned();
        let key = VerificationKey::from_spki_der(spki_der)?;
        Arc::make_mut(&mut self.0).push(TokenKey { kid, algorithm, key });
        Ok(())
    }

    fn verify(&self, jws: &CompactJws<'_>) -> Result<(), AccessTokenError> {
        let kid = jws.header().required_str("kid").map_err(JwsError::from)?;
        // One key may sign with two algorithms while keys rotate, so the algorithm is part of the search.
        let known = self
            .0
            .iter()
            .find(|known| known.kid == kid && known.algorithm == jws.algorithm())
            .ok_or(AccessTokenError::UnknownKey)?;
        let allowed = AlgorithmSet::EMPTY.with(known.algorithm);
        Ok(jws.verify(&known.key, &allowed)?)
    }
}

impl fmt::Debug for TokenKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.iter().map(|key| (&key.kid, key.algorithm));
        formatter.debug_map().entries(names).finish()
    }
}

/// Reads access tokens.
#[derive(Debug, Clone, Copy)]
pub struct AccessToken;

/// Why a token is no live access token for this base. The text is for operators; a bearer learns only that it is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccessTokenError {
    /// Not a JWT, or its signature does not verify.
    #[error("the token is not a JWT that we signed")]
    Jws(#[from] JwsError),
    /// A JWT of another kind.
    #[error("the token's `typ` is not at+jwt")]
    Type,
    /// It names no key of ours, or one of ours with another algorithm.
    #[error("the token was not signed with a key that is in use")]
    UnknownKey,
    /// The payload is not a JSON object.
    #[error("the token's claims cannot be read")]
    Claims(#[from] JsonError),
    /// A claim is missing or of another type.
    #[error("a claim of the token is wrong: {0}")]
    Member(#[from] MemberError),
    /// A claim's value is not what it must be.
    #[error("the token's `{name}` is not well-formed")]
    Value {
        /// The claim.
        name: &'static str,
    },
    /// The business context is not well-formed.
    #[error("the token's business context is not well-formed")]
    B2b(#[from] B2bError),
    /// It was issued for another base, or by another issuer.
    #[error("the token is for another base")]
    OtherBase,
    /// It has ended.
    #[error("the token has expired")]
    Expired,
    /// It was issued in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// It lives longer than any token of ours.
    #[error("the token lives too long")]
    LivesTooLong,
}

impl AccessTokenError {
    /// Which check refused: kebab-case, stable.
    #[must_use]
    pub const fn reason_code(&self) -> &'static str {
        match self {
            Self::Jws(JwsError::BadSignature) => "token-signature",
            Self::Jws(_) => "token-form",
            Self::Type => "token-type",
            Self::UnknownKey => "token-key-unknown",
            Self::Claims(_) | Self::Member(_) | Self::Value { .. } | Self::B2b(_) => "token-claims",
            Self::OtherBase => "token-audience",
            Self::Expired => "token-expired",
            Self::NotYetValid => "token-not-yet-valid",
            Self::LivesTooLong => "token-lifetime",
        }
    }
}

impl AccessToken {
    /// Verifies a token and reads what it says; whether it was revoked is for the store to say.
    ///
    /// # Errors
    /// [`AccessTokenError`]; the signature is checked before any claim is looked at.
    ///
    /// Source: RFC 9068 §4; RFC 8725 §3.11; security invariants 6 and 28
    pub fn read(
        text: &str,
        keys: &TokenKeys,
        expected_base: &BaseUrl,
        now: UnixTime,
    ) -> Result<AccessTokenClaims, AccessTokenError> {
        let jws = CompactJws::read(text)?;
        let typ = jws.header().required_str("typ").map_err(JwsError::from)?;
        if typ != ACCESS_TOKEN_TYPE {
            return Err(AccessTokenError::Type);
        }
        keys.verify(&jws)?;
        let claims = claims(&read_object(jws.payload(), &Limits::new(MAX_JWS_BYTES))?)?;
        if claims.aud != *expected_base || claims.iss != *expected_base {
            return Err(AccessTokenError::OtherBase);
        }
        judge_times(&claims, now)?;
        Ok(claims)
    }
}

/// Source: TOKEN-3
fn judge_times(claims: &AccessTokenClaims, now: UnixTime) -> Result<(), AccessTokenError> {
    if claims.exp.since(claims.iat) > Duration::from_secs(MAX_LIFETIME_S) {
        return Err(AccessTokenError::LivesTooLong);
    }
    if now >= claims.exp {
        return Err(AccessTokenError::Expired);
    }
    if claims.iat > now.plus(NODE_SKEW) {
        return Err(AccessTokenError::NotYetValid);
    }
    Ok(())
}

fn claims(object: &Object) -> Result<AccessTokenClaims, AccessTokenError> {
    Ok(AccessTokenClaims {
        iss: name(object, "iss", BaseUrl::parse)?,
        aud: name(object, "aud", BaseUrl::parse)?,
        sub: name(object, "sub", ClientId::parse)?,
        client_id: name(object, "client_id", ClientId::parse)?,
        iat: UnixTime::from_secs(unsigned(object, "iat")?),
        exp: UnixTime::from_secs(unsigned(object, "exp")?),
        jti: name(object, "jti", Jti::parse)?,
        scope: parsed(object, "scope", |text| ScopeSet::parse(text).ok())?,
        b2b: b2b(object)?,
        community: parsed(object, "community", |text| CommunityId::parse(text).ok())?,
        client_uri: name(object, "client_uri", ClientUri::parse)?,
        signer: parsed(object, "signer", CertificateDigest::parse)?,
        registration_version: unsigned(object, "registration_version")?,
    })
}

fn b2b(object: &Object) -> Result<Option<B2bExtension>, AccessTokenError> {
    let extensions = object.optional_object("extensions")?;
    let context = extensions.and_then(|extensions| extensions.get(B2bExtension::NAME));
    Ok(context.map(B2bExtension::read).transpose()?)
}

fn name<T>(
    object: &Object,
    claim: &'static str,
    parse: impl FnOnce(&str) -> Result<T, IdError>,
) -> Result<T, AccessTokenError> {
    parsed(object, claim, |text| parse(text).ok())
}

fn parsed<T>(
    object: &Object,
    claim: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, AccessTokenError> {
    parse(object.required_str(claim)?).ok_or(AccessTokenError::Value { name: claim })
}

fn unsigned(object: &Object, claim: &'static str) -> Result<u64, AccessTokenError> {
    u64::try_from(object.required_integer(claim)?).map_err(|_| AccessTokenError::Value { name: claim })
}
