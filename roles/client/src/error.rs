//! Everything that can end an action of the client, with the advice that goes with it.

use crate::advice;
use crate::ports::HttpError;
use serde::Serialize;
use std::borrow::Cow;
use std::fmt;
use tessera_jose::key::SignError;

/// Which action was under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Reading and judging metadata.
    Discovery,
    /// Registering, changing or cancelling.
    Registration,
    /// Asking for a token.
    Token,
    /// Asking about a token.
    Introspection,
    /// Giving a token back.
    Revocation,
    /// Reading FHIR data.
    Data,
}

impl fmt::Display for Phase {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Discovery => "discovery",
            Self::Registration => "registration",
            Self::Token => "token",
            Self::Introspection => "introspection",
            Self::Revocation => "revocation",
            Self::Data => "data",
        })
    }
}

/// Why an action did not succeed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ClientError {
    /// There is no answer.
    #[error("{phase}: no answer")]
    Http {
        /// The action.
        phase: Phase,
        /// What went wrong underneath.
        #[source]
        source: HttpError,
    },
    /// The server refused.
    #[error("{0}")]
    Refused(ServerRefusal),
    /// The server's answer is not what the guide says.
    #[error("{phase}: {problem}")]
    Answer {
        /// The action.
        phase: Phase,
        /// What is wrong with it.
        problem: String,
    },
    /// We do not send what could not succeed or must not be sent.
    #[error("not sent: {0}")]
    NotSent(#[from] NotSent),
    /// The private key failed.
    #[error("the JWT could not be signed")]
    Signing(#[from] SignError),
}

impl ClientError {
    pub(crate) fn http(phase: Phase) -> impl Fn(HttpError) -> Self {
        move |source| Self::Http { phase, source }
    }

    pub(crate) fn answer(phase: Phase, problem: impl Into<String>) -> Self {
        Self::Answer { phase, problem: problem.into() }
    }

    /// A stable name of the case, in kebab-case; for a refusal with a code, the server's code.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Http { source, .. } => match source {
                HttpError::Refused(_) => "address-refused",
                HttpError::Unreachable(_) => "unreachable",
                HttpError::TimedOut => "timed-out",
                HttpError::TooLarge(_) => "answer-too-large",
                HttpError::Protocol(_) => "not-http",
            },
            Self::Refused(refusal) => refusal.code.as_deref().unwrap_or("refused"),
            Self::Answer { .. } => "answer-invalid",
            Self::NotSent(reason) => reason.code(),
            Self::Signing(_) => "signing-failed",
        }
    }

    /// What the person in front of it can do.
    #[must_use]
    pub fn advice(&self) -> Cow<'static, str> {
        let advice = match self {
            Self::Http { source, .. } => advice::no_answer(source),
            Self::Refused(refusal) => return advice::refused(refusal),
            Self::Answer { .. } => advice::ANSWER_INVALID,
            Self::NotSent(reason) => advice::not_sent(reason),
            Self::Signing(_) => advice::SIGNING_FAILED,
        };
        Cow::Borrowed(advice)
    }
}

/// What a server said when it refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServerRefusal {
    /// The action.
    pub phase: Phase,
    /// The HTTP status.
    pub status: u16,
    /// The `error` member, where the body has one.
    pub code: Option<String>,
    /// The `error_description` member, where the body has one.
    pub description: Option<String>,
    /// The server's name for this refusal, where it gives one.
    pub correlation_id: Option<String>,
    /// How long the server wants to be left alone, where it says so: seconds, or a date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<String>,
}

impl fmt::Display for ServerRefusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: the server refused with status {}", self.phase, self.status)?;
        if let Some(code) = &self.code {
            write!(out, " {code}")?;
        }
        if let Some(description) = &self.description {
            write!(out, ": {description}")?;
        }
        if let Some(id) = &self.correlation_id {
            write!(out, " (correlation id {id})")?;
        }
        Ok(())
    }
}

/// Why something was not sent at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// The client has no certificate of the community.
    #[error("this client has no certificate for {community}")]
    NoMembership {
        /// The community.
        community: String,
    },
    /// The client's own certificate is not valid now.
    #[error("the client's certificate for {community} is expired or not yet valid")]
    CertificateNotValid {
        /// The community.
        community: String,
    },
    /// The server does not list what is needed.
    #[error("the server does not support {capability}")]
    NotSupported {
        /// What is missing, in words.
        capability: String,
    },
    /// A wildcard scope where the server lists none.
    #[error("the server lists no wildcard scopes, and `{scope}` is one")]
    WildcardScope {
        /// The scope.
        scope: String,
    },
    /// What the app says of itself would be refused.
    #[error("the request would be refused: {problem}")]
    Invalid {
        /// What is wrong with it.
        problem: String,
    },
    /// The registration was made at another base or for another client.
    #[error("the registration does not belong to this server and client")]
    OtherRegistration,
    /// A token for one base would have gone elsewhere.
    #[error("`{url}` is not below the token's FHIR base")]
    OutsideBase {
        /// The URL.
        url: String,
    },
}

impl NotSent {
    /// A stable name of the case, in kebab-case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoMembership { .. } => "no-membership",
            Self::CertificateNotValid { .. } => "own-certificate-not-valid",
            Self::NotSupported { .. } => "not-supported",
            Self::WildcardScope { .. } => "wildcard-not-supported",
            Self::Invalid { .. } => "request-invalid",
            Self::OtherRegistration => "other-registration",
            Self::OutsideBase { .. } => "outside-base",
        }
    }
}
