//! What helps: the stable reason, the caller's text, the operator's evidence and the likely fix.

use tessera_udap::extensions::b2b::B2bError;
use tessera_udap::foreign_text;
use tessera_udap::form::FormError;
use tessera_udap::scope::Scope;

use super::{RefusalClass, Rejection, Unread};

/// The most values that one piece of evidence repeats.
const EVIDENCE_VALUES: usize = 10;

impl Unread {
    fn reason_code(self) -> &'static str {
        match self {
            Self::ParametersInUrl => "parameters-in-url",
            Self::MediaType { .. } => "media-type",
            Self::TooLarge => "body-too-large",
            Self::TooSlow => "body-too-slow",
            Self::Broken => "body-broken",
            Self::Form(FormError::Repeated) => "parameter-repeated",
            Self::Form(_) => "form-malformed",
        }
    }
}

impl Rejection {
    /// Which check refused: kebab-case, stable.
    #[must_use]
    pub fn reason_code(&self) -> &'static str {
        match self {
            Self::NoSuchPlace => "no-such-place",
            Self::RegistrationUnread(unread) | Self::FormUnread(unread) => unread.reason_code(),
            Self::RegistrationBody(error) => error.reason_code(),
            Self::Form(error) => error.reason_code(),
            Self::AuthorizationHeader => "authorization-header",
            Self::GrantTypeUnknown { .. } => "grant-type-unknown",
            Self::Statement(error) | Self::Assertion(error) => error.reason_code(),
            Self::StatementNotTrusted(refusal) | Self::AssertionNotTrusted(refusal) => refusal.kind().code(),
            Self::StatementAlgorithm => "algorithm-not-accepted",
            Self::StatementReplayed | Self::AssertionReplayed => "jti-replayed",
            Self::RegistrationBlocked { .. } | Self::ClientBlocked { .. } => "client-blocked",
            Self::GrantNotOffered { .. } => "grant-not-offered",
            Self::RegistrationWildcard { .. } | Self::ScopeWildcard { .. } => "scope-wildcard-unsupported",
            Self::RegistrationScope { .. } | Self::ScopeNotGranted { .. } => "scope-not-granted",
            Self::NothingToCancel { .. } => "nothing-to-cancel",
            Self::ClientUnknown { .. } => "client-unknown",
            Self::ClientIdMismatch { .. } => "client-id-mismatch",
            Self::ClientCancelled => "client-cancelled",
            Self::ClientOfAnotherGroup => "client-of-another-group",
            Self::CommunityNotServed => "community-not-served",
            Self::CertificateOfAnother { .. } => "certificate-of-another",
            Self::GrantNotRegistered => "grant-not-registered",
            Self::B2bMissing => "b2b-missing",
            Self::B2b(error) => error.reason_code(),
            Self::ScopeMissing => "scope-missing",
            Self::TokenOfAnother => "token-of-another",
            Self::ShareUsedUp { .. } => "share-used-up",
            Self::Store(_) => "store-failed",
            Self::Signing(_) => "signing-failed",
        }
    }

    /// What the caller reads. It never says which clients, certificates or networks we know.
    pub(super) fn description(&self) -> String {
        if self.class() == RefusalClass::Unavailable {
            return "try again later".into();
        }
        match self {
            Self::NoSuchPlace => "there is no authorization server at this address".into(),
            Self::RegistrationUnread(unread) | Self::FormUnread(unread) => unread.to_string(),
            Self::RegistrationBody(error) => error.to_string(),
            Self::Form(error) => error.to_string(),
            Self::AuthorizationHeader => "no Authorization header may come with a client_assertion".into(),
            Self::GrantTypeUnknown { .. } => "this grant_type is not supported".into(),
            Self::Statement(error) | Self::Assertion(error) => error.to_string(),
            Self::StatementNotTrusted(_) => "the certificate in x5c is not trusted by this server".into(),
            Self::StatementAlgorithm => {
                "the statement's alg is not accepted; see registration_endpoint_jwt_signing_alg_values_supported".into()
            }
            Self::StatementReplayed => {
                "a statement with this jti was used before; make a new one for each request".into()
            }
            Self::RegistrationBlocked { .. } => "this client may not register here".into(),
            Self::GrantNotOffered { .. } => {
                "the statement's grant_types are not supported; see grant_types_supported".into()
            }
            Self::RegistrationWildcard { .. } | Self::ScopeWildcard { .. } => {
                "a wildcard scope is not supported; see scopes_supported".into()
            }
            Self::RegistrationScope { .. } | Self::ScopeNotGranted { .. } => {
                "none of the scopes can be granted to this client; see scopes_supported".into()
            }
            Self::NothingToCancel { .. } => "there is no registration of this client to cancel".into(),
            // One text: it does not tell a stolen client_id from a wrong one.
            Self::ClientUnknown { .. }
            | Self::ClientIdMismatch { .. }
            | Self::ClientCancelled
            | Self::ClientBlocked { .. }
            | Self::ClientOfAnotherGroup
            | Self::CommunityNotServed
            | Self::AssertionNotTrusted(_)
            | Self::CertificateOfAnother { .. } => {
                "iss does not name a client registered here with this certificate".into()
            }
            Self::AssertionReplayed => {
                "an assertion with this jti was used before; make a new one for each request".into()
            }
            Self::GrantNotRegistered => "the client is not registered for this grant_type".into(),
            Self::B2bMissing => "the assertion's extensions have no hl7-b2b object, which is required".into(),
            Self::B2b(error) => error.to_string(),
            Self::ScopeMissing => "scope is required".into(),
            Self::TokenOfAnother => "the token was not issued to this client".into(),
            Self::ShareUsedUp { .. } => {
                "too many requests of this client; keep tokens until they end, and try again later".into()
            }
            Self::Store(_) | Self::Signing(_) => "try again later".into(),
        }
    }

    /// What was seen and expected, for operators.
    pub(super) fn evidence(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::GrantTypeUnknown { grant_type } => vec![("grant_type", foreign_text(grant_type))],
            Self::StatementNotTrusted(refusal) | Self::AssertionNotTrusted(refusal) => trust_evidence(refusal),
            Self::RegistrationBlocked { client_id } => {
                vec![("client_id", client_id.as_str().to_owned())]
            }
            Self::GrantNotOffered { grant_type } => {
                vec![("grant_types", (*grant_type).to_owned())]
            }
            Self::RegistrationWildcard { scopes } | Self::ScopeWildcard { scopes } => {
                values("wildcard", scopes.iter().map(Scope::as_str))
            }
            Self::RegistrationScope { requested } | Self::ScopeNotGranted { requested } => {
                vec![("requested_scope", foreign_text(requested))]
            }
            Self::NothingToCancel { client_uri } => {
                vec![("client_uri", foreign_text(client_uri.as_str()))]
            }
            Self::ClientUnknown { issuer } => vec![("iss", foreign_text(issuer))],
            Self::ClientIdMismatch { parameter } => vec![("client_id", foreign_text(parameter))],
            Self::ClientBlocked { reason } => vec![("block_reason", foreign_text(reason))],
            Self::CertificateOfAnother { registered, presented } => {
                let mut evidence = vec![("registered_uri", foreign_text(registered.as_str()))];
                evidence.extend(values("certificate_uri", presented.iter().map(String::as_str)));
                evidence
            }
            Self::B2b(B2bError::NotAdmitted { member, value, .. }) => {
                vec![("member", (*member).to_owned()), ("value", foreign_text(value))]
            }
            Self::B2b(error) => vec![("member", foreign_text(error.member()))],
            _ => Vec::new(),
        }
    }

    /// What most likely heals it.
    pub(super) fn likely_fix(&self) -> &'static str {
        match self {
            Self::NoSuchPlace => "Compare the URL with the endpoints in the base's UDAP metadata.",
            Self::FormUnread(Unread::TooLarge) => {
                "Send a shorter chain in x5c and fewer scopes; the form may have 96 KiB."
            }
            Self::RegistrationUnread(Unread::TooLarge) => {
                "Send a shorter chain in x5c and fewer scopes; the body may have 256 KiB."
            }
            Self::FormUnread(Unread::TooSlow | Unread::Broken)
            | Self::RegistrationUnread(Unread::TooSlow | Unread::Broken) => {
                "Send the whole body at once; look for a proxy between that holds it back."
            }
            Self::FormUnread(_) => "Send application/x-www-form-urlencoded in the body, each parameter once.",
            Self::RegistrationUnread(_) | Self::RegistrationBody(_) => {
                "Send application/json with software_statement and \"udap\": \"1\"."
            }
            Self::Form(_) => {
                "Send each parameter once: grant_type, scope, client_assertion_type, client_assertion, udap=1."
            }
            Self::AuthorizationHeader => "Remove it; the assertion alone authenticates the client.",
            Self::GrantTypeUnknown { .. } | Self::GrantNotOffered { .. } => {
                "Use a grant that grant_types_supported lists."
            }
            Self::Statement(_) | Self::Assertion(_) => {
                "Compare the JWT's header and claims with the section named; the reason says which check failed."
            }
            Self::StatementNotTrusted(_) | Self::AssertionNotTrusted(_) => {
                "Send the whole chain in x5c, leaf first, from a CA of a community that this base serves; check validity and revocation."
            }
            Self::StatementAlgorithm => {
                "Sign with an algorithm that the metadata of the certificate's community lists."
            }
            Self::StatementReplayed | Self::AssertionReplayed => {
                "Make a new JWT with a new jti for each request; if the client did, somebody has sent its JWT again."
            }
            Self::RegistrationBlocked { .. } | Self::ClientBlocked { .. } => {
                "Lift the block with `tessera clients unblock` when its reason no longer holds."
            }
            Self::RegistrationWildcard { .. } | Self::ScopeWildcard { .. } => {
                "Ask for the single scopes that scopes_supported lists."
            }
            Self::RegistrationScope { .. } => {
                "Ask for system scopes that scopes_supported lists, or widen the community's policy."
            }
            Self::ScopeNotGranted { .. } => {
                "Ask for scopes that the registration was granted, or register again with more."
            }
            Self::NothingToCancel { .. } => {
                "Nothing to do, unless the certificate is of another community than the registration's."
            }
            Self::ClientUnknown { .. } | Self::ClientCancelled => {
                "Register, and use the client_id that the answer gives as iss and sub."
            }
            Self::ClientIdMismatch { .. } => "Leave client_id out, or send the value of iss.",
            Self::ClientOfAnotherGroup => "Register at the registration endpoint in this base's UDAP metadata.",
            Self::CommunityNotServed => "Register with a certificate of a community that this base serves.",
            Self::CertificateOfAnother { .. } => {
                "Sign with the certificate whose URI name is registered; otherwise somebody uses a client_id that is not theirs."
            }
            Self::GrantNotRegistered => "Register with this grant_type.",
            Self::B2bMissing => "Put an hl7-b2b object into the assertion's extensions claim.",
            Self::B2b(B2bError::NotAdmitted { .. }) => {
                "Use a value of the community's profile, or widen the community's policy."
            }
            Self::B2b(_) => "Compare the object's members with the table of the section.",
            Self::ScopeMissing => "Send scope; this community's edition requires it.",
            Self::TokenOfAnother => "Revoke with the client that got the token.",
            Self::ShareUsedUp { .. } => {
                "Ask the client to keep its tokens until they end; it takes or revokes far too many."
            }
            Self::Store(_) => "Look at the store: its disk, its connection, its log.",
            Self::Signing(_) => "Look at the access token key and its device.",
        }
    }
}

fn trust_evidence(refusal: &tessera_trust::TrustRefusal) -> Vec<(&'static str, String)> {
    let communities = refusal.communities().iter().map(|community| ("community", community.as_str().to_owned()));
    let reasons = refusal
        .attempts()
        .iter()
        .flat_map(tessera_trust::PathAttempt::reasons)
        .map(|reason| ("reason", foreign_text(&reason.to_string())));
    communities.take(EVIDENCE_VALUES).chain(reasons.take(EVIDENCE_VALUES)).collect()
}

fn values<'a>(name: &'static str, values: impl IntoIterator<Item = &'a str>) -> Vec<(&'static str, String)> {
    values.into_iter().take(EVIDENCE_VALUES).map(|value| (name, foreign_text(value))).collect()
}
