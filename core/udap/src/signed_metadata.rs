//! The signed part of the metadata: which endpoints a base has, said by a certificate that carries the base's URL.
//!
//! The server writes its claims ([`SignedMetadata::issue`]); the client verifies them as any signed object and then asks
//! [`SignedMetadata::endpoints_for`] where to go, which is where the signed and the plain values meet.
//!
//! Source: FAST Security STU2 §2.3; UDAP Server Metadata §2, §3

use std::time::Duration;

use serde::Serialize;
use tessera_jose::algorithm::{Algorithm, AlgorithmSet};
use tessera_jose::json::Object;
use tessera_trust::UnixTime;

use crate::edition::Edition;
use crate::ids::{BaseUrl, EndpointUrl, Jti};
use crate::metadata::{MetadataFinding, UdapMetadata};
use crate::signed::{AudienceRule, Binding, ClaimError, SignedObject};

const DAY_S: u64 = 86_400;

/// What `signed_metadata` says.
///
/// Source: FAST Security STU2 §2.3; SMD-2, SMD-6, SMD-7
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedMetadata {
    /// The FHIR base (`iss` and `sub`).
    pub base: BaseUrl,
    /// Where tokens are had.
    pub token_endpoint: EndpointUrl,
    /// Where clients register.
    pub registration_endpoint: EndpointUrl,
    /// Where people sign in; absent where the code grant is not supported.
    pub authorization_endpoint: Option<EndpointUrl>,
}

impl SignedObject for SignedMetadata {
    const KIND: &'static str = "signed metadata";
    const LIFETIME_LIMIT: Duration = Duration::from_secs(365 * DAY_S);
    const AUDIENCE: AudienceRule = AudienceRule::Absent;
    const BINDING: Binding = Binding::Issuer;

    fn from_claims(claims: &Object) -> Result<Self, ClaimError> {
        let base = BaseUrl::parse(claims.required_str("iss")?).map_err(|_| {
            let rule = "must be an http or https URL without query and fragment";
            ClaimError::Rule { name: "iss", rule }
        })?;
        let authorization_endpoint = match claims.contains("authorization_endpoint") {
            true => Some(endpoint(claims, "authorization_endpoint")?),
            false => None,
        };
        Ok(Self {
            base,
            token_endpoint: endpoint(claims, "token_endpoint")?,
            registration_endpoint: endpoint(claims, "registration_endpoint")?,
            authorization_endpoint,
        })
    }

    fn issuer(&self) -> &str {
        self.base.as_str()
    }

    fn lifetime_limit(issued_at: UnixTime) -> Duration {
        one_year_from(issued_at)
    }
}

fn endpoint(claims: &Object, name: &'static str) -> Result<EndpointUrl, ClaimError> {
    EndpointUrl::parse(claims.required_str(name)?)
        .map_err(|_| ClaimError::Rule { name, rule: "must be an absolute http or https URL" })
}

/// 366 days where a 29 February lies between, else 365.
///
/// Counted in years that begin on 1 March, a leap day is the last day of its year, so it lies between exactly when the
/// year that `time` stands in ends with one.
fn one_year_from(time: UnixTime) -> Duration {
    /// Days from 1 March of the year 0 to 1 January 1970.
    const EPOCH: u64 = 719_468;
    /// Days in 400 years.
    const ERA: u64 = 146_097;
    let days = time.as_secs() / DAY_S + EPOCH;
    let day_of_era = days % ERA;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / (ERA - 1)) / 365;
    let february_of = year_of_era + 1;
    let has_leap_day =
        february_of.is_multiple_of(4) && (!february_of.is_multiple_of(100) || february_of.is_multiple_of(400));
    Duration::from_secs((365 + u64::from(has_leap_day)) * DAY_S)
}

impl SignedMetadata {
    /// The claims as JSON, to be signed with RS256 under a header with `x5c`.
    ///
    /// The caller keeps `expires_at` within a year of `issued_at` and within the certificate's life.
    ///
    /// Source: FAST Security STU2 §2.3
    #[must_use]
    pub fn issue(&self, jti: &Jti, issued_at: UnixTime, expires_at: UnixTime) -> Vec<u8> {
        #[derive(Serialize)]
        struct Claims<'a> {
            iss: &'a BaseUrl,
            sub: &'a BaseUrl,
            iat: u64,
            exp: u64,
            jti: &'a Jti,
            #[serde(skip_serializing_if = "Option::is_none")]
            authorization_endpoint: Option<&'a EndpointUrl>,
            token_endpoint: &'a EndpointUrl,
            registration_endpoint: &'a EndpointUrl,
        }
        let claims = Claims {
            iss: &self.base,
            sub: &self.base,
            iat: issued_at.as_secs(),
            exp: expires_at.as_secs(),
            jti,
            authorization_endpoint: self.authorization_endpoint.as_ref(),
            token_endpoint: &self.token_endpoint,
            registration_endpoint: &self.registration_endpoint,
        };
        serde_json::to_vec(&claims).expect("strings and numbers always serialize")
    }

    /// The algorithms with which a client accepts it; STU1 leaves it open.
    ///
    /// Source: FAST Security STU1.1 §2.3, STU2 §2.3; SMD-1
    #[must_use]
    pub fn accepted_algorithms(edition: Edition) -> AlgorithmSet {
        if edition.signed_metadata_is_rs256() { AlgorithmSet::EMPTY.with(Algorithm::Rs256) } else { AlgorithmSet::ALL }
    }

    /// Where a client that asked `base` for its metadata goes, and what it should know about the plain values.
    ///
    /// `self` must come out of a [`crate::signed::Verified`]. An authorization endpoint that is not signed does not exist
    /// for the client: it stops there if it wants the code grant.
    ///
    /// # Errors
    /// [`EndpointRefusal`] when the signed part is another base's, or a plain value differs where `rule` says that it
    /// must not.
    ///
    /// Source: FAST Security STU2 §2.3; UDAP Server Metadata §3.2, §3.4; SMD-2, SMD-6, SMD-7, SMD-8, SMD-10
    pub fn endpoints_for(
        &self,
        base: &BaseUrl,
        plain: &UdapMetadata,
        rule: EndpointRule,
    ) -> Result<Endpoints, EndpointRefusal> {
        if self.base != *base {
            return Err(EndpointRefusal::OtherBase);
        }
        let signed_authorization = self.authorization_endpoint.as_ref();
        let pairs = [
            ("token_endpoint", Some(plain.token_endpoint.as_str()), Some(&self.token_endpoint)),
            ("registration_endpoint", Some(plain.registration_endpoint.as_str()), Some(&self.registration_endpoint)),
            ("authorization_endpoint", plain.authorization_endpoint.as_deref(), signed_authorization),
        ];
        let mut findings = Vec::new();
        for (element, plain, signed) in pairs {
            match (plain, signed) {
                (Some(_), None) => {
                    let problem = "is not signed, so it is not used";
                    findings.push(MetadataFinding::warn("SMD-6", element, problem));
                }
                (Some(plain), Some(signed)) if plain != signed.as_str() => match rule {
                    EndpointRule::MustAgree => return Err(EndpointRefusal::Differs { element }),
                    EndpointRule::SignedPrevails => {
                        let problem = "differs from the signed value, which is used";
                        findings.push(MetadataFinding::warn("SMD-8", element, problem));
                    }
                },
                _ => {}
            }
        }
        Ok(Endpoints {
            token: self.token_endpoint.clone(),
            registration: self.registration_endpoint.clone(),
            authorization: signed_authorization.cloned(),
            findings,
        })
    }
}

/// What a plain endpoint means that differs from the signed one.
///
/// Source: FAST Security STU2 §2.3; UDAP Server Metadata §3.4; SMD-8
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointRule {
    /// The signed one is used and the difference reported.
    SignedPrevails,
    /// The metadata are refused.
    MustAgree,
}

impl EndpointRule {
    /// The rule of an edition; a strict client takes [`EndpointRule::MustAgree`] always.
    #[must_use]
    pub const fn of(edition: Edition) -> Self {
        if edition.signed_metadata_prevails() { Self::SignedPrevails } else { Self::MustAgree }
    }
}

/// The endpoints of a base, as signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// Where tokens are had.
    pub token: EndpointUrl,
    /// Where clients register.
    pub registration: EndpointUrl,
    /// Where people sign in; `None` where there is none or it is not signed.
    pub authorization: Option<EndpointUrl>,
    /// What the plain values say otherwise.
    pub findings: Vec<MetadataFinding>,
}

/// Why the signed part gives a client no endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndpointRefusal {
    /// `iss` is another base than the one asked, compared as bytes.
    #[error("the signed metadata are those of another FHIR base")]
    OtherBase,
    /// A plain endpoint differs from the signed one, and the edition or a strict client refuses that.
    #[error("`{element}` differs from its signed value")]
    Differs {
        /// Which.
        element: &'static str,
    },
}

impl EndpointRefusal {
    /// The requirement that is broken.
    #[must_use]
    pub const fn requirement(self) -> &'static str {
        match self {
            Self::OtherBase => "SMD-2",
            Self::Differs { .. } => "SMD-8",
        }
    }
}

#[cfg(test)]
mod tests;
