//! Asking about a token, and giving one back.
//!
//! UDAP metadata have no place for these two endpoints; they come from the base's SMART configuration, which is not
//! signed. Therefore they are used only on the origin of the signed token endpoint, and nothing else is taken from there.
//!
//! Source: RFC 7662; RFC 7009; TOKEN-11, TOKEN-12, DISC-8

use crate::Client;
use crate::assertion::AuthenticationToken;
use crate::context::ActionContext;
use crate::discovery::DataHolder;
use crate::error::{ClientError, NotSent, Phase};
use crate::identity::ClientIdentity;
use crate::ports::{HttpRequest, HttpResponse};
use crate::registration::ClientRegistration;
use crate::token::AccessToken;
use crate::wire::{ANSWER_LIMIT, answer_object, origin, refusal};
use tessera_jose::json::Object;
use tessera_udap::form::write_form;
use tessera_udap::ids::EndpointUrl;
use tessera_udap::token::ASSERTION_TYPE;

#[cfg(test)]
mod tests;

/// What a server says about a token.
#[derive(Clone, Debug, PartialEq)]
pub struct Introspection {
    /// Whether it is good, for whoever asked.
    pub active: bool,
    /// The whole answer.
    pub members: Object,
}

impl Client {
    /// Asks the server about a token.
    ///
    /// # Errors
    /// [`ClientError::NotSent`] when the server names no introspection endpoint beside its token endpoint;
    /// [`ClientError::Refused`] and [`ClientError::Answer`] as everywhere.
    ///
    /// Source: RFC 7662 §2
    pub async fn introspect(
        &self,
        holder: &DataHolder,
        identity: &ClientIdentity,
        registration: &ClientRegistration,
        token: &AccessToken,
        context: &ActionContext,
    ) -> Result<Introspection, ClientError> {
        let phase = Phase::Introspection;
        let response = self.send_token(phase, holder, identity, registration, token, context).await?;
        if response.status != 200 {
            return Err(refusal(phase, &response));
        }
        let members = answer_object(phase, &response)?;
        let active = members.optional_bool("active").map_err(|error| ClientError::answer(phase, error.to_string()))?;
        let active = active.ok_or_else(|| ClientError::answer(phase, "`active` is missing"))?;
        Ok(Introspection { active, members })
    }

    /// Gives a token back and forgets it, whatever the server answers: it is not to be used any more.
    ///
    /// # Errors
    /// As [`Client::introspect`].
    ///
    /// Source: RFC 7009 §2
    pub async fn revoke(
        &self,
        holder: &DataHolder,
        identity: &ClientIdentity,
        registration: &ClientRegistration,
        token: &AccessToken,
        context: &ActionContext,
    ) -> Result<(), ClientError> {
        self.tokens.forget_token(token);
        let phase = Phase::Revocation;
        let response = self.send_token(phase, holder, identity, registration, token, context).await?;
        match response.status {
            200 => Ok(()),
            _ => Err(refusal(phase, &response)),
        }
    }

    async fn send_token(
        &self,
        phase: Phase,
        holder: &DataHolder,
        identity: &ClientIdentity,
        registration: &ClientRegistration,
        token: &AccessToken,
        context: &ActionContext,
    ) -> Result<HttpResponse, ClientError> {
        let membership = registration.membership_of(holder, identity)?;
        membership.refuse_unless_valid(context.now)?;
        let endpoint = self.endpoint_beside_token(phase, holder).await?;
        // The endpoint that the request goes to: an assertion stolen on its way is no use elsewhere (RFC 7523 §3).
        let assertion = AuthenticationToken::new(registration.client_id(), &endpoint, context).sign(membership)?;
        let body = write_form(&[
            ("token", token.reveal()),
            ("token_type_hint", "access_token"),
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", &assertion),
            ("udap", "1"),
        ]);
        let request =
            HttpRequest::post(endpoint.as_str(), "application/x-www-form-urlencoded", body.into(), ANSWER_LIMIT);
        self.http.send(request).await.map_err(ClientError::http(phase))
    }

    async fn endpoint_beside_token(&self, phase: Phase, holder: &DataHolder) -> Result<EndpointUrl, ClientError> {
        let url = holder.base().below(".well-known/smart-configuration");
        let request = HttpRequest::get(url, "application/json", ANSWER_LIMIT);
        let response = self.http.send(request).await.map_err(ClientError::http(phase))?;
        let member = if phase == Phase::Introspection { "introspection_endpoint" } else { "revocation_endpoint" };
        let missing =
            || NotSent::NotSupported { capability: format!("{phase} (no {member} on the token endpoint's origin)") };
        if response.status != 200 {
            return Err(missing().into());
        }
        let document = answer_object(phase, &response)?;
        let endpoint = document.optional_str(member).map_err(|error| ClientError::answer(phase, error.to_string()))?;
        let endpoint = endpoint.and_then(|text| EndpointUrl::parse(text).ok()).ok_or_else(missing)?;
        if origin(endpoint.as_str()) != origin(holder.token_endpoint().as_str()) {
            return Err(missing().into());
        }
        Ok(endpoint)
    }
}
