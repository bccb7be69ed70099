//! The access token: who, for whom, for what and for how long, signed.
//!
//! Nothing is stored: a token is alive unless the store says otherwise (see [`crate::ports::RevocationStore`]).
//!
//! Source: FAST Security STU2 §5.2.3, §5.2.4; RFC 9068

use tessera_jose::jws::sign;
use tessera_udap::access_token::AccessTokenClaims;

use super::TokenAnswer;
use super::client_authentication::AuthenticatedClient;
use super::client_credentials::ClientCredentialsGrant;
use crate::AuthorizationServer;
use crate::audit::AuditRecord;
use crate::context::RequestContext;
use crate::policy::CommunityPolicy;
use crate::rejection::Rejection;
use crate::settings::Base;

impl AuthorizationServer {
    /// Issues the access token of a grant.
    pub(super) fn issue(
        &self,
        base: &Base,
        client: &AuthenticatedClient,
        grant: ClientCredentialsGrant,
        policy: &CommunityPolicy,
        context: &RequestContext,
        record: &mut AuditRecord,
    ) -> Result<TokenAnswer, Rejection> {
        let registration = client.registration();
        let scope = grant.scope.to_string();
        let jti = context.new_token_id();
        let claims = AccessTokenClaims {
            iss: base.base_url.clone(),
            aud: base.base_url.clone(),
            sub: registration.client_id.clone(),
            client_id: registration.client_id.clone(),
            iat: context.now,
            exp: context.now.plus(policy.access_token_lifetime),
            jti: jti.clone(),
            scope: grant.scope,
            b2b: Some(grant.b2b),
            community: registration.community.clone(),
            client_uri: registration.client_uri.clone(),
            signer: client.assertion().signer().leaf().digest(),
            registration_version: registration.version,
        };
        let signer = &self.access_tokens;
        let access_token = sign(&signer.header, &claims.to_json(), signer.key.as_ref())?;
        record.token_id = Some(jti);
        record.scope = Some(scope.clone());
        Ok(TokenAnswer {
            access_token,
            token_type: "Bearer",
            expires_in: policy.access_token_lifetime.as_secs(),
            scope,
        })
    }
}
