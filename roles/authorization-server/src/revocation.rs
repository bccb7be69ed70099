//! Revocation: a client gives a token back before its end.
//!
//! Only its own: a token of another client is refused as RFC 7009 §2.1 says. What is no token of this base or its group, or
//! has ended, is answered as revoked, for that is what the caller wants. The caller authenticates as for [`crate::introspection`].
//!
//! Source: RFC 7009

use tessera_trust::UnixTime;
use tessera_udap::access_token::{AccessToken, AccessTokenClaims};
use tessera_udap::form::Parameters;
use tessera_udap::token::RevocationRequest;

use crate::AuthorizationServer;
use crate::audit::{AuditAction, AuditRecord};
use crate::context::RequestContext;
use crate::ports::{Revoked, TokenRevocation};
use crate::rejection::{Refusal, Rejection};
use crate::settings::{Base, BaseName};
use crate::token::PresentedCredentials;
use crate::token::client_authentication::refuse_other_credentials;

impl AuthorizationServer {
    /// Revokes a token at the endpoint of its base; when it returns, the token is dead for every reader of the store.
    ///
    /// # Errors
    /// [`Refusal`] with `invalid_client`, `invalid_request`, or `invalid_grant` for another client's token; 503 when the
    /// store fails, for the token lives on then.
    ///
    /// Source: RFC 7009 §2
    pub async fn revoke(
        &self,
        base: &BaseName,
        form: &Parameters,
        credentials: PresentedCredentials,
        context: &RequestContext,
    ) -> Result<(), Refusal> {
        let mut record = AuditRecord::begun(AuditAction::Revocation, base.as_str(), context);
        let result = self.decide_revocation(base, form, credentials, context, &mut record).await;
        self.close(record, context, result)
    }

    async fn decide_revocation(
        &self,
        base: &BaseName,
        form: &Parameters,
        credentials: PresentedCredentials,
        context: &RequestContext,
        record: &mut AuditRecord,
    ) -> Result<(), Rejection> {
        let base = self.base(base)?;
        refuse_other_credentials(credentials)?;
        let request = RevocationRequest::read(form).map_err(Rejection::Form)?;
        let caller =
            self.authenticate_client(base, &base.revocation_endpoint, &request.client, context, record).await?;
        let Some(claims) = self.token_of_group(base, request.token, context.now) else {
            record.notes.push("the token is not a live one of this base or its group".into());
            return Ok(());
        };
        record.token_id = Some(claims.jti.clone());
        if claims.client_id != caller.registration().client_id {
            return Err(Rejection::TokenOfAnother);
        }
        // A reader whose clock is behind would still accept the token during the skew.
        let revocation = TokenRevocation {
            jti: claims.jti,
            community: caller.registration().community.clone(),
            client_uri: caller.registration().client_uri.clone(),
            until: claims.exp.plus(self.skew),
            now: context.now,
        };
        match self.ports.revocations.revoke_token(revocation).await? {
            Revoked::Dead => Ok(()),
            Revoked::ShareUsedUp => Err(Rejection::ShareUsedUp { of: "revocations" }),
        }
    }

    /// The claims of a live token of this base, or of one that shares its registrations: a client that names the wrong
    /// one of its bases must not be told that a token is dead which lives.
    fn token_of_group(&self, base: &Base, token: &str, now: UnixTime) -> Option<AccessTokenClaims> {
        let read = |base: &Base| AccessToken::read(token, &self.access_tokens.keys, &base.base_url, now).ok();
        let others = self.bases.values().filter(|other| other.group == base.group && other.name != base.name);
        read(base).or_else(|| others.filter_map(read).next())
    }
}
