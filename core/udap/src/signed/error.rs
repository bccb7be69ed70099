//! Why a signed object was refused: one vocabulary for every kind.

use tessera_jose::json::{JsonError, MemberError};
use tessera_jose::jws::JwsError;
use tessera_jose::key::KeyError;
use tessera_trust::CertificateError;

use crate::oauth_error::ErrorCode;
use crate::software_statement::StatementError;

/// A claim that is missing, of the wrong type or against a rule. The text is fit for the client and quotes no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// It is absent or of another JSON type.
    #[error(transparent)]
    Member(#[from] MemberError),
    /// Its value is against a rule.
    #[error("`{name}` {rule}")]
    Rule {
        /// The claim.
        name: &'static str,
        /// What it must be, as a half sentence: "must not be empty".
        rule: &'static str,
    },
    /// A registration parameter in a software statement, which gets another error code than a claim of the JWT itself.
    #[error(transparent)]
    Statement(#[from] StatementError),
}

/// Why a signed object was refused.
///
/// The text tells an honest sender what to repair; it quotes nothing of the JWT and nothing of our configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignedError {
    /// The compact form, the header, `x5c` as text, the algorithm or the signature.
    #[error(transparent)]
    Jws(#[from] JwsError),
    /// `typ` is that of another kind of JWT.
    #[error("the header's `typ` is not that of this kind of JWT ({kind})")]
    Type {
        /// What was expected.
        kind: &'static str,
    },
    /// The payload is not a JSON object within the limits.
    #[error("the claims cannot be read: {0}")]
    Claims(#[source] JsonError),
    /// A certificate of `x5c` is not strict DER within the limits.
    #[error("a certificate in `x5c` cannot be read")]
    Certificate(#[source] CertificateError),
    /// The key of the first certificate is of a type or size that is not accepted.
    #[error("the key of the first certificate in `x5c` is not accepted: {0}")]
    Key(#[source] KeyError),
    /// A claim by itself.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// `sub` is not `iss`.
    #[error("`sub` must equal `iss`")]
    SubjectDiffers,
    /// `aud` does not name this reader and nobody else.
    #[error("`aud` does not name the one who reads this JWT, or names others beside it")]
    Audience,
    /// `exp` is not after `iat`.
    #[error("`exp` must be after `iat`")]
    ExpiresBeforeIssued,
    /// From `iat` to `exp` it is longer than the kind allows.
    #[error("the {kind}'s time from `iat` to `exp` is longer than allowed")]
    LivesTooLong {
        /// What it is.
        kind: &'static str,
    },
    /// `exp` has passed.
    #[error("the JWT has expired")]
    Expired,
    /// `iat` or `nbf` is ahead of our clock by more than the leeway.
    #[error("the JWT is not valid yet: compare the clocks")]
    NotYetValid,
    /// `iss` is no URI name of the signer's certificate, compared as bytes.
    #[error("`iss` is not a URI in the subject alternative name of the first certificate")]
    IssuerNotInSan,
    /// The registered URI is no URI name of the signer's certificate, compared as bytes.
    #[error("the first certificate does not carry the URI under which the client is registered")]
    BoundUriNotInSan,
    /// The verdict is about another chain than the one that signed; a mistake of ours.
    #[error("the certificate chain could not be verified")]
    SignerMismatch,
    /// The verdict on the chain has ended and must be made again; a mistake of ours.
    #[error("the certificate chain must be verified again")]
    SignerLapsed,
}

impl SignedError {
    /// Which check refused: kebab-case, stable, for metrics, audit and searches.
    #[must_use]
    pub const fn reason_code(&self) -> &'static str {
        match self {
            Self::Jws(error) => jws_reason(error),
            Self::Type { .. } => "jwt-type",
            Self::Claims(_) => "jwt-claims-unreadable",
            Self::Certificate(_) => "x5c-certificate",
            Self::Key(_) => "weak-key",
            Self::Claim(ClaimError::Member(MemberError::Missing { .. })) => "claim-missing",
            Self::Claim(ClaimError::Member(MemberError::WrongType { .. })) => "claim-type",
            Self::Claim(ClaimError::Rule { .. }) => "claim-value",
            Self::Claim(ClaimError::Statement(error)) => error.reason_code(),
            Self::SubjectDiffers => "sub-is-not-iss",
            Self::Audience => "audience",
            Self::ExpiresBeforeIssued => "exp-before-iat",
            Self::LivesTooLong { .. } => "lifetime-too-long",
            Self::Expired => "expired",
            Self::NotYetValid => "not-yet-valid",
            Self::IssuerNotInSan => "issuer-not-in-san",
            Self::BoundUriNotInSan => "uri-not-in-san",
            Self::SignerMismatch => "signer-mismatch",
            Self::SignerLapsed => "signer-lapsed",
        }
    }

    /// The error code when the object is a software statement.
    ///
    /// Source: UDAP Dynamic Client Registration §5.2; security invariants, table of answers; DCR-23, DCR-24
    #[must_use]
    pub const fn registration_code(&self) -> ErrorCode {
        match self {
            Self::Claim(ClaimError::Statement(error)) => error.code(),
            Self::Key(_) | Self::SignerMismatch | Self::SignerLapsed => ErrorCode::UnapprovedSoftwareStatement,
            _ => ErrorCode::InvalidSoftwareStatement,
        }
    }
}

const fn jws_reason(error: &JwsError) -> &'static str {
    match error {
        JwsError::TooLarge => "jws-too-large",
        JwsError::NotCompact | JwsError::NotBase64Url { .. } => "jws-form",
        JwsError::Header(_) | JwsError::HeaderMember(_) | JwsError::RefusedParameter { .. } => "jws-header",
        JwsError::UnsupportedAlgorithm | JwsError::AlgorithmNotAllowed(_) => "algorithm-not-accepted",
        JwsError::KeyMismatch(_) => "algorithm-key-mismatch",
        JwsError::CertificateCount | JwsError::Certificate { .. } => "x5c-form",
        JwsError::BadSignature => "bad-signature",
    }
}
