//! Everything that can be refused, in three small tables: what happened, which OAuth code says so, and what helps.
//!
//! The HTTP form is the edge's fourth table (`error_response.rs`). A caller reads the OAuth error, whose text says what to
//! repair and nothing of our inside; the operator reads the record behind it through the correlation id.
//!
//! The two tables beside this one are [`mod@codes`] (OAuth code and section) and [`mod@advice`] (evidence, likely fix).

mod advice;
mod codes;

use std::error::Error;
use std::fmt::Write as _;

use tessera_jose::key::SignError;
use tessera_trust::{CommunityId, TrustRefusal};
use tessera_udap::extensions::b2b::B2bError;
use tessera_udap::foreign_text;
use tessera_udap::form::FormError;
use tessera_udap::ids::{ClientId, ClientUri};
use tessera_udap::oauth_error::OAuthError;
use tessera_udap::registration::RegistrationRequestError;
use tessera_udap::scope::ScopeSet;
use tessera_udap::signed::SignedError;
use tessera_udap::token::TokenRequestError;

pub use self::codes::RefusalClass;
use crate::audit::{AuditRecord, RefusalRecord};
use crate::context::{CorrelationId, RequestContext};
use crate::ports::{StoreError, TokenStatus};

/// What happened, sorted by who is at fault: the request, the client's proof, what it asks for, ourselves.
#[derive(Debug, thiserror::Error)]
pub enum Rejection {
    // The request.
    /// There is no such base or group here, or UDAP is off there.
    #[error("there is no authorization server at this address")]
    NoSuchPlace,
    /// The registration request could not be read.
    #[error("the registration request was not read")]
    RegistrationUnread(#[source] Unread),
    /// A token, introspection or revocation request could not be read.
    #[error("the request was not read")]
    FormUnread(#[source] Unread),
    /// The registration body is not one.
    #[error("the registration request is not well-formed")]
    RegistrationBody(#[source] RegistrationRequestError),
    /// The form of a token, introspection or revocation request is not one.
    #[error("the request's form is not well-formed")]
    Form(#[source] TokenRequestError),
    /// An `Authorization` header beside the assertion.
    #[error("an Authorization header came with the request")]
    AuthorizationHeader,
    /// A grant that does not exist here.
    #[error("the grant type is not offered")]
    GrantTypeUnknown {
        /// As sent.
        grant_type: String,
    },

    // The client's proof at registration.
    /// The statement's form, signature or a claim of it.
    #[error("the software statement does not hold")]
    Statement(#[source] SignedError),
    /// Signed with an algorithm that another community of the group accepts, but not the signer's.
    #[error("the statement's algorithm is not accepted in the community of its certificate")]
    StatementAlgorithm,
    /// No path from the statement's certificate to an anchor of the group's communities.
    #[error("the software statement's certificate is not trusted")]
    StatementNotTrusted(#[source] TrustRefusal),
    /// The statement was used before.
    #[error("the software statement was used before")]
    StatementReplayed,
    /// An operator has blocked this client.
    #[error("an operator has blocked this client")]
    RegistrationBlocked {
        /// The blocked registration.
        client_id: ClientId,
    },

    // What a registration asks for.
    /// The code grant, which is not offered yet.
    #[error("the statement asks for a grant that is not offered")]
    GrantNotOffered {
        /// Which.
        grant_type: &'static str,
    },
    /// A wildcard scope that is not supported, at registration.
    #[error("the statement asks for a wildcard scope that is not supported")]
    RegistrationWildcard {
        /// As asked for.
        scopes: ScopeSet,
    },
    /// None of the scopes of the statement is supported and granted.
    #[error("none of the statement's scopes can be granted")]
    RegistrationScope {
        /// As asked for.
        requested: String,
    },
    /// A cancel of what is not registered.
    #[error("there is nothing to cancel")]
    NothingToCancel {
        /// The URI of the statement.
        client_uri: ClientUri,
    },

    // The client's proof elsewhere.
    /// The Authentication Token's form, signature or a claim of it.
    #[error("the Authentication Token does not hold")]
    Assertion(#[source] SignedError),
    /// Its `iss` is no client_id of ours.
    #[error("the Authentication Token's iss is not a registered client")]
    ClientUnknown {
        /// As claimed.
        issuer: String,
    },
    /// `client_id` and `iss` differ.
    #[error("the client_id parameter is not the Authentication Token's iss")]
    ClientIdMismatch {
        /// The parameter.
        parameter: String,
    },
    /// Its registration is cancelled.
    #[error("the client has cancelled its registration")]
    ClientCancelled,
    /// An operator has blocked it.
    #[error("an operator has blocked this client")]
    ClientBlocked {
        /// Why, for operators.
        reason: String,
    },
    /// It is registered at another group of bases.
    #[error("the client is registered at another registration endpoint")]
    ClientOfAnotherGroup,
    /// Its community is not one of this base's.
    #[error("the client's community is not served here")]
    CommunityNotServed,
    /// No path from the certificate to an anchor of the community of the registration.
    #[error("the Authentication Token's certificate is not trusted")]
    AssertionNotTrusted(#[source] TrustRefusal),
    /// The certificate is another member's.
    #[error("the certificate does not carry the registered client URI")]
    CertificateOfAnother {
        /// The registered URI.
        registered: ClientUri,
        /// The certificate's URI names.
        presented: Vec<String>,
    },
    /// It was used before.
    #[error("the Authentication Token was used before")]
    AssertionReplayed,

    // What a client asks for.
    /// The client is not registered for the grant.
    #[error("the client is not registered for this grant")]
    GrantNotRegistered,
    /// No `hl7-b2b` object.
    #[error("the Authentication Token has no hl7-b2b extension")]
    B2bMissing,
    /// An `hl7-b2b` object that is malformed, or that the community does not admit.
    #[error("the hl7-b2b extension does not hold")]
    B2b(#[source] B2bError),
    /// No `scope` where the edition demands one.
    #[error("the request has no scope")]
    ScopeMissing,
    /// A wildcard that is not supported.
    #[error("the request asks for a wildcard scope that is not supported")]
    ScopeWildcard {
        /// As asked for.
        scopes: ScopeSet,
    },
    /// None of the scopes is supported and granted.
    #[error("none of the scopes can be granted")]
    ScopeNotGranted {
        /// As asked for.
        requested: String,
    },
    /// Revocation of a token of somebody else.
    #[error("the token was issued to another client")]
    TokenOfAnother,

    /// The client has done this so often that its share of the store is used up until something of it ends.
    #[error("the client's share of the store is used up: {of}")]
    ShareUsedUp {
        /// Of what.
        of: &'static str,
    },

    // Ourselves.
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// The signing key failed.
    #[error("the access token could not be signed")]
    Signing(#[from] SignError),
}

/// Why the edge did not get as far as a form or a body that could be decided upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// Parameters in the URL, where logs and histories would keep them.
    #[error("send the parameters in the body, not in the URL")]
    ParametersInUrl,
    /// The body is announced as something else, or not at all.
    #[error("send the body as {expected}, and say so in Content-Type once")]
    MediaType {
        /// What is expected.
        expected: &'static str,
    },
    /// The body is larger than allowed.
    #[error("the request body is larger than allowed")]
    TooLarge,
    /// The body did not arrive in time.
    #[error("the request body did not arrive in time")]
    TooSlow,
    /// The connection ended within the body.
    #[error("the request body ended early")]
    Broken,
    /// The body is no form, or a parameter occurs twice.
    #[error(transparent)]
    Form(#[from] FormError),
}

/// A refusal as it leaves the engine: the answer, and what the edge writes into the log.
#[derive(Debug)]
pub struct Refusal(Box<Refused>);

#[derive(Debug)]
struct Refused {
    error: OAuthError,
    class: RefusalClass,
    correlation_id: CorrelationId,
    community: Option<CommunityId>,
    client_id: Option<ClientId>,
    action: &'static str,
    place: String,
    record: RefusalRecord,
}

impl Refusal {
    pub(crate) fn new(rejection: &Rejection, record: &AuditRecord, context: &RequestContext) -> Self {
        let error = rejection.oauth_error();
        Self(Box::new(Refused {
            class: rejection.class(),
            correlation_id: context.correlation_id.clone(),
            community: record.client.community.clone(),
            client_id: record.client.client_id.clone(),
            action: record.action.code(),
            place: record.place.clone(),
            record: RefusalRecord {
                reason_code: rejection.reason_code(),
                oauth_code: error.code.as_str(),
                detail: causes(rejection),
                section: rejection.section(),
                evidence: rejection.evidence(),
                likely_fix: rejection.likely_fix(),
            },
            error,
        }))
    }

    /// The error object for the caller.
    #[must_use]
    pub fn error(&self) -> &OAuthError {
        &self.0.error
    }

    /// From which the edge takes the status.
    #[must_use]
    pub fn class(&self) -> RefusalClass {
        self.0.class
    }

    /// For the answer's header.
    #[must_use]
    pub fn correlation_id(&self) -> &CorrelationId {
        &self.0.correlation_id
    }

    /// Which check refused; stable, fit for a metric's label.
    #[must_use]
    pub fn reason_code(&self) -> &'static str {
        self.0.record.reason_code
    }

    /// The community of the client, where it was known; fit for a metric's label.
    #[must_use]
    pub fn community(&self) -> Option<&CommunityId> {
        self.0.community.as_ref()
    }

    /// What the audit keeps.
    #[must_use]
    pub fn record(&self) -> &RefusalRecord {
        &self.0.record
    }

    /// Writes the one log line of a refusal; the edge calls it when it answers.
    pub fn log(&self) {
        let Refused { class, correlation_id, community, client_id, action, place, record, .. } = &*self.0;
        let community = community.as_ref().map(CommunityId::as_str);
        let client = client_id.as_ref().map(ClientId::as_str);
        macro_rules! line {
            ($level:ident, $message:literal) => {
                tracing::$level!(
                    correlation.id = correlation_id.as_str(),
                    action = action,
                    place = place,
                    community.id = community,
                    client.id = client,
                    reason = record.reason_code,
                    error = record.oauth_code,
                    detail = record.detail,
                    $message
                )
            };
        }
        if class.is_ours() {
            line!(error, "could not decide");
        } else {
            line!(info, "refused");
        }
    }
}

/// The rejection and its causes in one line, cut and without control characters.
fn causes(rejection: &Rejection) -> String {
    let mut text = rejection.to_string();
    let mut cause = rejection.source();
    while let Some(error) = cause {
        // Writing to a String cannot fail.
        let _ = write!(text, ": {}", foreign_text(&error.to_string()));
        cause = error.source();
    }
    text
}

/// Why a token is dead, as evidence for an introspection's audit.
pub(crate) fn dead_token_note(status: TokenStatus) -> String {
    format!("the token is not active: {}", status.code())
}
