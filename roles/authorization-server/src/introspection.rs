//! Introspection: what a token is worth now, told to whom it concerns.
//!
//! The caller authenticates as at the token endpoint: with the token endpoint's URL as `aud`, or with the introspection
//! endpoint's own, which is the better choice (RFC 7523 §3 wants the audience to be the intended recipient).
//!
//! A token concerns the client that it was issued to, and the resource servers that the configuration names for its base.
//! For anybody else it is inactive, as is a token that is dead, unknown or not one.
//!
//! Source: RFC 7662; FAST Security STU2 §5.2.4

use serde::Serialize;
use tessera_udap::access_token::{AccessToken, AccessTokenClaims};
use tessera_udap::extensions::b2b::B2bExtension;
use tessera_udap::form::Parameters;
use tessera_udap::token::IntrospectionRequest;

use crate::AuthorizationServer;
use crate::audit::{AuditAction, AuditRecord};
use crate::context::RequestContext;
use crate::ports::TokenReference;
use crate::registered::Registration;
use crate::rejection::{Refusal, Rejection, dead_token_note};
use crate::settings::{Base, BaseName};
use crate::token::PresentedCredentials;
use crate::token::client_authentication::refuse_other_credentials;

/// The answer of the introspection endpoint, as its JSON.
///
/// Source: RFC 7662 §2.2
#[derive(Debug, Clone, Serialize)]
pub struct Introspection {
    /// Whether the token may be used now.
    pub active: bool,
    /// The rest; absent for an inactive token.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub token: Option<Box<IntrospectedToken>>,
}

/// What is told about an active token.
#[derive(Debug, Clone, Serialize)]
pub struct IntrospectedToken {
    /// The scopes, space-separated.
    pub scope: String,
    /// Whose it is.
    pub client_id: String,
    /// `Bearer`.
    pub token_type: &'static str,
    /// Its end, in seconds since 1970.
    pub exp: u64,
    /// Its issue, in seconds since 1970.
    pub iat: u64,
    /// The client itself.
    pub sub: String,
    /// The FHIR base it is good for.
    pub aud: String,
    /// Who issued it.
    pub iss: String,
    /// Its id.
    pub jti: String,
    /// The business context, under the names of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extensions: Option<Extensions>,
}

/// The context objects of a token.
#[derive(Debug, Clone, Serialize)]
pub struct Extensions {
    /// For whom and for what.
    #[serde(rename = "hl7-b2b")]
    pub b2b: B2bExtension,
}

impl AuthorizationServer {
    /// Answers an introspection request at the endpoint of one base.
    ///
    /// # Errors
    /// [`Refusal`] with `invalid_client` or `invalid_request`; 503 when the store fails. A token that is not active is not
    /// an error.
    ///
    /// Source: RFC 7662 §2
    pub async fn introspect(
        &self,
        base: &BaseName,
        form: &Parameters,
        credentials: PresentedCredentials,
        context: &RequestContext,
    ) -> Result<Introspection, Refusal> {
        let mut record = AuditRecord::begun(AuditAction::Introspection, base.as_str(), context);
        let result = self.decide_introspection(base, form, credentials, context, &mut record).await;
        self.close(record, context, result)
    }

    async fn decide_introspection(
        &self,
        base: &BaseName,
        form: &Parameters,
        credentials: PresentedCredentials,
        context: &RequestContext,
        record: &mut AuditRecord,
    ) -> Result<Introspection, Rejection> {
        let base = self.base(base)?;
        refuse_other_credentials(credentials)?;
        let request = IntrospectionRequest::read(form).map_err(Rejection::Form)?;
        let caller =
            self.authenticate_client(base, &base.introspection_endpoint, &request.client, context, record).await?;
        let keys = &self.access_tokens.keys;
        let Ok(claims) = AccessToken::read(request.token, keys, &base.base_url, context.now) else {
            record.notes.push("the token is not one of this base".into());
            return Ok(Introspection::inactive());
        };
        record.token_id = Some(claims.jti.clone());
        if !concerns(&claims, caller.registration(), base) {
            record.notes.push("the token does not concern the caller".into());
            return Ok(Introspection::inactive());
        }
        let status = self.ports.revocations.token_status(&TokenReference::from(&claims)).await?;
        if !status.is_live() {
            record.notes.push(dead_token_note(status));
            return Ok(Introspection::inactive());
        }
        Ok(Introspection::active(claims))
    }
}

/// Whether the caller got the token, or is a resource server of its base.
fn concerns(claims: &AccessTokenClaims, caller: &Registration, base: &Base) -> bool {
    claims.client_id == caller.client_id
        || base
            .resource_servers
            .iter()
            .any(|server| server.community == caller.community && server.client_uri == caller.client_uri)
}

impl Introspection {
    fn inactive() -> Self {
        Self { active: false, token: None }
    }

    fn active(claims: AccessTokenClaims) -> Self {
        Self {
            active: true,
            token: Some(Box::new(IntrospectedToken {
                scope: claims.scope.to_string(),
                client_id: claims.client_id.as_str().to_owned(),
                token_type: "Bearer",
                exp: claims.exp.as_secs(),
                iat: claims.iat.as_secs(),
                sub: claims.sub.as_str().to_owned(),
                aud: claims.aud.as_str().to_owned(),
                iss: claims.iss.as_str().to_owned(),
                jti: claims.jti.as_str().to_owned(),
                extensions: claims.b2b.map(|b2b| Extensions { b2b }),
            })),
        }
    }
}
