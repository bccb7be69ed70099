//! Access tokens by client credentials, each kept for the context in which it was asked for and for no other.
//!
//! Source: FAST Security STU2 §5

mod answer;
mod shelf;

#[cfg(test)]
mod tests;

pub use answer::{AccessToken, Grant};
pub use shelf::{KeptToken, TokenContext, Tokens};

use crate::Client;
use crate::assertion::AuthenticationToken;
use crate::context::ActionContext;
use crate::discovery::DataHolder;
use crate::error::{ClientError, NotSent, Phase};
use crate::identity::ClientIdentity;
use crate::ports::HttpRequest;
use crate::registration::ClientRegistration;
use crate::wire::{ANSWER_LIMIT, answer_object, refusal};
use tessera_udap::extensions::b2b::B2bExtension;
use tessera_udap::form::write_form;
use tessera_udap::scope::ScopeSet;
use tessera_udap::token::ASSERTION_TYPE;

const PHASE: Phase = Phase::Token;

/// Who asks for what, and why: the scopes and the B2B context.
#[derive(Clone, Debug)]
pub struct TokenWish {
    /// The scopes to ask for.
    pub scope: ScopeSet,
    /// The requestor, the organization and the purpose.
    pub context: B2bExtension,
}

impl Client {
    /// A token for this server and context: a kept one while it lives, else a new one.
    ///
    /// # Errors
    /// [`ClientError::NotSent`] when the registration is another server's or client's, the server does not support what
    /// is needed, or a scope is a wildcard that it does not list; [`ClientError::Refused`] with the server's code;
    /// [`ClientError::Answer`] when the answer is not one.
    ///
    /// Source: FAST Security STU2 §5.2; TOKEN-2, TOKEN-9, AUTHN-1 to AUTHN-7, B2B-2, SCOPE-2
    pub async fn token(
        &self,
        holder: &DataHolder,
        identity: &ClientIdentity,
        registration: &ClientRegistration,
        wish: &TokenWish,
        context: &ActionContext,
    ) -> Result<Grant, ClientError> {
        let key = TokenContext::new(holder.base(), registration, wish);
        if let Some(grant) = self.tokens.find(&key, context.now) {
            return Ok(grant);
        }
        let grant = self.new_token(holder, identity, registration, wish, context).await?;
        self.tokens.keep(key, grant.clone(), context.now);
        Ok(grant)
    }

    async fn new_token(
        &self,
        holder: &DataHolder,
        identity: &ClientIdentity,
        registration: &ClientRegistration,
        wish: &TokenWish,
        context: &ActionContext,
    ) -> Result<Grant, ClientError> {
        let membership = registration.membership_of(holder, identity)?;
        holder.judge_for_client_credentials(membership.algorithm())?;
        holder.refuse_unlisted_wildcards(&wish.scope)?;
        membership.refuse_unless_valid(context.now)?;
        if wish.scope.is_empty() {
            return Err(NotSent::Invalid { problem: "no scope is asked for".to_owned() }.into());
        }
        let assertion = AuthenticationToken::new(registration.client_id(), holder.token_endpoint(), context)
            .with_b2b(&wish.context)
            .sign(membership)?;
        let scope = wish.scope.to_string();
        let body = write_form(&[
            ("grant_type", "client_credentials"),
            ("scope", &scope),
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", &assertion),
            ("udap", "1"),
        ]);
        let url = holder.token_endpoint().as_str();
        let request = HttpRequest::post(url, "application/x-www-form-urlencoded", body.into(), ANSWER_LIMIT);
        let response = self.http.send(request).await.map_err(ClientError::http(PHASE))?;
        match response.status {
            200 => answer::read(&answer_object(PHASE, &response)?, &wish.scope, context.now),
            _ => Err(refusal(PHASE, &response)),
        }
    }
}
