//! The token endpoint: which grant it is, who asks, what the grant gives, and the token.
//!
//! Source: FAST Security STU2 §4.2, §5.2; RFC 6749 §3.2

pub(crate) mod client_authentication;
mod client_credentials;
mod issue;

use serde::Serialize;
use tessera_udap::form::Parameters;
use tessera_udap::token::{Grant, TokenRequest};

use crate::AuthorizationServer;
use crate::audit::{AuditAction, AuditRecord};
use crate::context::RequestContext;
use crate::rejection::{Refusal, Rejection};
use crate::settings::BaseName;

/// Credentials that came beside the form, where none may be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PresentedCredentials {
    /// Whether the request has an `Authorization` header, whatever is in it.
    pub authorization_header: bool,
}

/// The answer of the token endpoint, as its JSON.
///
/// `scope` is always there: it often differs from what was asked for. A refresh token never is.
///
/// Source: RFC 6749 §5.1; FAST Security STU2 §5.2.3, §7.3 (8)
#[derive(Clone, Serialize)]
pub struct TokenAnswer {
    /// The access token.
    pub access_token: String,
    /// `Bearer`.
    pub token_type: &'static str,
    /// Seconds until it ends.
    pub expires_in: u64,
    /// The scopes granted, space-separated.
    pub scope: String,
}

impl std::fmt::Debug for TokenAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenAnswer")
            .field("access_token", &"[redacted]")
            .field("expires_in", &self.expires_in)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

impl AuthorizationServer {
    /// Answers a token request at the endpoint of one base; the token is good for that base alone.
    ///
    /// # Errors
    /// [`Refusal`] with the codes of RFC 6749 §5.2; nothing but the audit and the jti of an Authentication Token that
    /// held is kept then. 503 when the store fails.
    pub async fn token(
        &self,
        base: &BaseName,
        form: &Parameters,
        credentials: PresentedCredentials,
        context: &RequestContext,
    ) -> Result<TokenAnswer, Refusal> {
        let mut record = AuditRecord::begun(AuditAction::Token, base.as_str(), context);
        let result = self.decide_token(base, form, credentials, context, &mut record).await;
        self.close(record, context, result)
    }

    async fn decide_token(
        &self,
        base: &BaseName,
        form: &Parameters,
        credentials: PresentedCredentials,
        context: &RequestContext,
        record: &mut AuditRecord,
    ) -> Result<TokenAnswer, Rejection> {
        let base = self.base(base)?;
        client_authentication::refuse_other_credentials(credentials)?;
        let request = TokenRequest::read(form).map_err(Rejection::Form)?;
        let requested_scope = match request.grant {
            Grant::ClientCredentials { scope } => scope,
            Grant::Other(grant_type) => return Err(Rejection::GrantTypeUnknown { grant_type }),
        };
        let client = self.authenticate_client(base, &base.token_endpoint, &request.client, context, record).await?;
        let policy = self.policy(&client.registration().community)?;
        let grant = client_credentials::grant(&client, requested_scope, policy, record)?;
        self.issue(base, &client, grant, policy, context, record)
    }
}
