//! The rules that every kind of signed object shares: who, for whom, when, and which.

use std::time::Duration;

use tessera_jose::json::{Object, Value};
use tessera_trust::{Certificate, UnixTime};

use super::{AudienceRule, Binding, ClaimError, SignedError, SignedObject};
use crate::ids::Jti;

/// The most that clocks may differ, whatever a caller says.
///
/// Source: security invariant 5
pub const MAX_SKEW: Duration = Duration::from_secs(60);

/// What the reader of a JWT expects of it, all of it from the reader's own configuration and records.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The values of `aud` that name this reader; any one will do. For kinds that are for everybody it is not looked at.
    pub audience: &'a [&'a str],
    /// A URI that must be a URI name of the signer's certificate: for an Authentication Token the registered one.
    pub bound_uri: Option<&'a str>,
    /// How far the clocks may differ; more than [`MAX_SKEW`] counts as that.
    pub skew: Duration,
}

/// The claims of every kind that are needed once they have been judged.
#[derive(Debug)]
pub(super) struct SharedClaims {
    pub(super) jti: Jti,
    pub(super) expires_at: UnixTime,
}

/// Judges `iss`, `sub`, `aud`, `iat`, `nbf`, `exp` and `jti`.
pub(super) fn judge<T: SignedObject>(
    claims: &Object,
    leaf: &Certificate,
    expected: &Expected<'_>,
    now: UnixTime,
) -> Result<SharedClaims, SignedError> {
    judge_parties::<T>(claims, leaf, expected)?;
    judge_audience::<T>(claims, expected)?;
    let expires_at = judge_times::<T>(claims, expected, now)?;
    let jti = claims.required_str("jti").map_err(ClaimError::from)?;
    let jti = Jti::parse(jti).map_err(|_| ClaimError::Rule {
        name: "jti",
        rule: "must be a string of 1 to 512 bytes without control characters",
    })?;
    Ok(SharedClaims { jti, expires_at })
}

/// Source: FAST Security STU2 §2.3, §3.1, §5.2.1, §7.1.5; DCR-4, DCR-5, AUTHN-2, SMD-2, SMD-3
fn judge_parties<T: SignedObject>(
    claims: &Object,
    leaf: &Certificate,
    expected: &Expected<'_>,
) -> Result<(), SignedError> {
    let issuer = claims.required_str("iss").map_err(ClaimError::from)?;
    let subject = claims.required_str("sub").map_err(ClaimError::from)?;
    if issuer.is_empty() {
        return Err(ClaimError::Rule { name: "iss", rule: "must not be empty" }.into());
    }
    if subject != issuer {
        return Err(SignedError::SubjectDiffers);
    }
    if T::BINDING == Binding::Issuer && !leaf.has_uri_name(issuer) {
        return Err(SignedError::IssuerNotInSan);
    }
    let bound = match expected.bound_uri {
        Some(uri) => leaf.has_uri_name(uri),
        None => T::BINDING == Binding::Issuer,
    };
    if !bound {
        return Err(SignedError::BoundUriNotInSan);
    }
    Ok(())
}

/// One string, or an array of exactly one: a JWT for two readers could be carried from one to the other.
///
/// Source: FAST Security STU2 §3.1, §5.2.1; RFC 7519 §4.1.3; DCR-6, AUTHN-3
fn judge_audience<T: SignedObject>(claims: &Object, expected: &Expected<'_>) -> Result<(), SignedError> {
    let audience = match (T::AUDIENCE, claims.get("aud")) {
        (AudienceRule::Absent, None) => return Ok(()),
        (AudienceRule::Absent, Some(_)) => return Err(SignedError::Audience),
        (AudienceRule::Required, None) => {
            claims.required_str("aud").map_err(ClaimError::from)?;
            return Err(SignedError::Audience);
        }
        (AudienceRule::Required, Some(Value::String(audience))) => audience,
        (AudienceRule::Required, Some(Value::Array(values))) => match values.as_slice() {
            [Value::String(audience)] => audience,
            _ => return Err(SignedError::Audience),
        },
        (AudienceRule::Required, Some(_)) => {
            let rule = "must be a string, or an array of one string";
            return Err(ClaimError::Rule { name: "aud", rule }.into());
        }
    };
    if expected.audience.contains(&audience.as_str()) { Ok(()) } else { Err(SignedError::Audience) }
}

/// Whole seconds with checked arithmetic; the limit is on `exp - iat`, the leeway only on what is compared with our clock.
///
/// Source: FAST Security STU2 §2.3, §3.1, §5.2.1; RFC 7519 §4.1.4 to §4.1.6; DCR-7, AUTHN-4, SMD-4
fn judge_times<T: SignedObject>(
    claims: &Object,
    expected: &Expected<'_>,
    now: UnixTime,
) -> Result<UnixTime, SignedError> {
    let skew = expected.skew.min(MAX_SKEW);
    let issued_at = required_time(claims, "iat")?;
    let expires_at = required_time(claims, "exp")?;
    let not_before = match claims.contains("nbf") {
        true => Some(required_time(claims, "nbf")?),
        false => None,
    };
    if expires_at <= issued_at {
        return Err(SignedError::ExpiresBeforeIssued);
    }
    if expires_at.since(issued_at) > T::lifetime_limit(issued_at) {
        return Err(SignedError::LivesTooLong { kind: T::KIND });
    }
    if now >= expires_at.plus(skew) {
        return Err(SignedError::Expired);
    }
    let latest_start = now.plus(skew);
    if issued_at > latest_start || not_before.is_some_and(|start| start > latest_start) {
        return Err(SignedError::NotYetValid);
    }
    Ok(expires_at)
}

fn required_time(claims: &Object, name: &'static str) -> Result<UnixTime, ClaimError> {
    let seconds = claims.required_integer(name)?;
    let seconds = u64::try_from(seconds).map_err(|_| ClaimError::Rule { name, rule: "must not be before 1970" })?;
    Ok(UnixTime::from_secs(seconds))
}
