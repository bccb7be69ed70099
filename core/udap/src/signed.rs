//! Signed objects on their way from hostile text to proof.
//!
//! [`Unverified::read`] knows the form, [`Unverified::check_signature`] the key of `x5c[0]`, and
//! [`SignatureChecked::verify`] joins what the path search has proven with the claims' own rules. Only then is there a
//! [`Verified`] object, and only from there can its content be had. Each step consumes the one before, so that none can
//! be left out or be done on another JWT.
//!
//! A function that answers "valid: yes or no" beside the claims was the alternative; callers forget to ask.
//!
//! Source: FAST Security STU2 §7.1; security invariants 1, 2, 5, 6 and 7

mod claims;
mod error;

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use tessera_jose::algorithm::{Algorithm, AlgorithmSet};
use tessera_jose::json::{Limits, Object, read_object};
use tessera_jose::jws::{CompactJws, JwsError, MAX_JWS_BYTES};
use tessera_jose::key::VerificationKey;
use tessera_trust::{CertificateChain, ChainDigest, UnixTime, VerifiedChain};

pub use self::claims::{Expected, MAX_SKEW};
pub use self::error::{ClaimError, SignedError};
use crate::ids::Jti;

/// A kind of signed object: what its claims must be beyond those that all kinds share.
///
/// Every kind has a validator of its own and none passes as another: they differ in their required claims, in their
/// audience, and in the `typ` they admit.
///
/// Source: FAST Security STU2 §7.1; security invariant 6
pub trait SignedObject: Sized {
    /// What the guide calls it, for messages.
    const KIND: &'static str;
    /// The longest time from `iat` to `exp`.
    const LIFETIME_LIMIT: Duration;
    /// Whether it is meant for one reader or for everybody.
    const AUDIENCE: AudienceRule;
    /// By which URI it belongs to the certificate that signed it.
    const BINDING: Binding;
    /// The values of `typ` that it may have, compared without case; it may always be absent.
    const TYPES: &'static [&'static str] = &["JWT"];

    /// Reads the claims of this kind; those that all kinds share are judged elsewhere.
    ///
    /// # Errors
    /// [`ClaimError`] when one is missing, of the wrong type or against a rule.
    fn from_claims(claims: &Object) -> Result<Self, ClaimError>;

    /// The `iss` claim, whose bearer signed.
    fn issuer(&self) -> &str;

    /// The longest time from `iat` to `exp` for an object of that `iat`, where it depends on the calendar.
    #[must_use]
    fn lifetime_limit(_issued_at: UnixTime) -> Duration {
        Self::LIFETIME_LIMIT
    }

    /// Is given the JWT as received once everything held; a kind that must repeat it keeps it.
    fn keep_received(&mut self, _jwt: &str) {}
}

/// Whether a kind of object names its reader in `aud`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AudienceRule {
    /// `aud` must be one of the values expected.
    Required,
    /// It is for everybody, so `aud` must be absent: RFC 7519 §4.1.3 has readers refuse an audience that is not theirs.
    Absent,
}

/// How a kind of object belongs to its signer's certificate; no caller can do without it.
///
/// Source: FAST Security STU2 §2.3, §3.1; UDAP JWT-based Client Authentication §6.3; security invariant 2
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    /// `iss` is a URI name of the certificate.
    Issuer,
    /// [`Expected::bound_uri`] is; without one the object is refused.
    RegisteredUri,
}

/// A JWT whose form could be read and of which nothing else is known; its claims are what somebody wrote.
pub struct Unverified<'jwt, T> {
    jwt: &'jwt str,
    jws: CompactJws<'jwt>,
    claims: Object,
    chain: CertificateChain,
    kind: PhantomData<fn() -> T>,
}

/// A JWT that was signed with the key of its first certificate, whoever's that is.
pub struct SignatureChecked<'jwt, T> {
    unverified: Unverified<'jwt, T>,
}

/// A signed object whose signature, certificate chain and own rules all held at `verified_at`.
///
/// Only [`SignatureChecked::verify`] makes one, so a function that asks for it cannot be called too early:
///
/// ```compile_fail,E0451
/// # use tessera_udap::{authentication_token::AuthenticationToken, ids::Jti, signed::Verified};
/// # fn forge(
/// #     object: AuthenticationToken,
/// #     signer: tessera_trust::VerifiedChain,
/// #     jti: Jti,
/// #     time: tessera_trust::UnixTime,
/// # ) {
/// let forged = Verified { object, signer, jti, expires_at: time, verified_at: time };
/// # }
/// ```
///
/// Source: FAST Security STU2 §7.1; §3.1 for the software statement
#[derive(Debug, Clone)]
pub struct Verified<T> {
    object: T,
    signer: VerifiedChain,
    jti: Jti,
    expires_at: UnixTime,
    verified_at: UnixTime,
}

impl<'jwt, T: SignedObject> Unverified<'jwt, T> {
    /// Reads the form of a JWT: its segments, header, claims as JSON, and the certificates of `x5c`.
    ///
    /// # Errors
    /// [`SignedError::Jws`], [`SignedError::Type`], [`SignedError::Claims`] or [`SignedError::Certificate`].
    ///
    /// Source: FAST Security STU2 §7.1.1 to §7.1.3; JWT-1, JWT-5
    pub fn read(jwt: &'jwt str) -> Result<Self, SignedError> {
        Self::read_with(jwt, |_| None)
    }

    /// As [`Unverified::read`], but takes a chain that was parsed before instead of parsing the same bytes again.
    ///
    /// `recall` is asked for the parsed chain of exactly these bytes; an answer with another digest is not used.
    ///
    /// # Errors
    /// As [`Unverified::read`].
    pub fn read_with(
        jwt: &'jwt str,
        recall: impl FnOnce(&ChainDigest) -> Option<CertificateChain>,
    ) -> Result<Self, SignedError> {
        let jws = CompactJws::read(jwt)?;
        judge_type::<T>(jws.header())?;
        let ders = jws.x5c()?;
        let claims = read_object(jws.payload(), &Limits::new(MAX_JWS_BYTES)).map_err(SignedError::Claims)?;
        let digest = ChainDigest::of(&ders);
        let chain = match recall(&digest).filter(|known| known.digest() == digest) {
            Some(known) => known,
            None => CertificateChain::from_ders(&ders).map_err(SignedError::Certificate)?,
        };
        Ok(Self { jwt, jws, claims, chain, kind: PhantomData })
    }

    /// The algorithm that the header names; it has not been accepted yet.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.jws.algorithm()
    }

    /// The `iss` claim as somebody wrote it, to find the record against which the JWT will be verified.
    ///
    /// `None` when it is absent or no string. It proves nothing.
    #[must_use]
    pub fn peek_issuer_for_lookup(&self) -> Option<&str> {
        self.claims.optional_str("iss").ok().flatten()
    }

    /// The certificates as presented; nobody believes them yet.
    #[must_use]
    pub const fn chain(&self) -> &CertificateChain {
        &self.chain
    }

    /// Checks the signature with the key of the first certificate and with no other.
    ///
    /// # Errors
    /// [`SignedError::Jws`] when the algorithm is not in `allowed`, does not fit the key, or the signature is not this
    /// key's; [`SignedError::Key`] when the key is of a type or size that is not accepted.
    ///
    /// Source: FAST Security STU2 §7.1.3; RFC 8725 §3.1; JWT-6, JWT-13
    pub fn check_signature(self, allowed: &AlgorithmSet) -> Result<SignatureChecked<'jwt, T>, SignedError> {
        let algorithm = self.jws.algorithm();
        // Before the key is parsed, which costs more.
        if !allowed.contains(algorithm) {
            return Err(JwsError::AlgorithmNotAllowed(algorithm).into());
        }
        let key = VerificationKey::from_spki_der(self.chain.leaf().spki_der()).map_err(SignedError::Key)?;
        self.jws.verify(&key, allowed)?;
        Ok(SignatureChecked { unverified: self })
    }
}

impl<T: SignedObject> SignatureChecked<'_, T> {
    /// The certificates as presented, for which a path is to be searched.
    #[must_use]
    pub const fn chain(&self) -> &CertificateChain {
        &self.unverified.chain
    }

    /// Joins the proven chain with the claims and their rules.
    ///
    /// # Errors
    /// [`SignedError`]; first when `signer` is not the verdict on this very chain or no longer holds, then for the
    /// claims that all kinds share, then for those of the kind.
    ///
    /// Source: FAST Security STU2 §7.1.4 to §7.1.6; JWT-7, JWT-10; security invariants 2, 5 and 7
    pub fn verify(
        self,
        signer: VerifiedChain,
        expected: &Expected<'_>,
        now: UnixTime,
    ) -> Result<Verified<T>, SignedError> {
        let Unverified { jwt, claims, chain, .. } = self.unverified;
        if signer.presented() != chain.digest() {
            return Err(SignedError::SignerMismatch);
        }
        if now > signer.holds_until() {
            return Err(SignedError::SignerLapsed);
        }
        let shared = claims::judge::<T>(&claims, chain.leaf(), expected, now)?;
        let mut object = T::from_claims(&claims)?;
        object.keep_received(jwt);
        Ok(Verified { object, signer, jti: shared.jti, expires_at: shared.expires_at, verified_at: now })
    }
}

impl<T: SignedObject> Verified<T> {
    /// What was signed.
    #[must_use]
    pub const fn object(&self) -> &T {
        &self.object
    }

    /// The chain of the signer, in exactly one community.
    #[must_use]
    pub const fn signer(&self) -> &VerifiedChain {
        &self.signer
    }

    /// The JWT's id, unique for its issuer until it has expired.
    #[must_use]
    pub const fn jti(&self) -> &Jti {
        &self.jti
    }

    /// The `iss` claim.
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.object.issuer()
    }

    /// The `exp` claim; with the leeway for clocks added, the time until which a replay must be noticed.
    #[must_use]
    pub const fn expires_at(&self) -> UnixTime {
        self.expires_at
    }

    /// When everything held.
    #[must_use]
    pub const fn verified_at(&self) -> UnixTime {
        self.verified_at
    }

    /// What was signed, without its proof.
    #[must_use]
    pub fn into_object(self) -> T {
        self.object
    }
}

/// Shows nothing of the JWT, which is a credential.
impl<T: SignedObject> fmt::Debug for Unverified<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Unverified({})", T::KIND)
    }
}

/// Shows nothing of the JWT, which is a credential.
impl<T: SignedObject> fmt::Debug for SignatureChecked<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SignatureChecked({})", T::KIND)
    }
}

/// An explicit type that is another kind's is a refusal; no type is what the guide's own examples have.
///
/// Source: RFC 7519 §5.1; RFC 8725 §3.11
fn judge_type<T: SignedObject>(header: &Object) -> Result<(), SignedError> {
    let Some(typ) = header.optional_str("typ").map_err(JwsError::from)? else {
        return Ok(());
    };
    // RFC 7515 §4.1.9: "application/" may be left out of the media type, which has no case.
    let has_prefix = typ.get(..12).is_some_and(|start| start.eq_ignore_ascii_case("application/"));
    let short = if has_prefix { typ.get(12..).unwrap_or_default() } else { typ };
    if T::TYPES.iter().any(|known| known.eq_ignore_ascii_case(short)) {
        Ok(())
    } else {
        Err(SignedError::Type { kind: T::KIND })
    }
}

#[cfg(test)]
mod tests;
