//! Registering at a data holder, changing a registration, and cancelling it.
//!
//! All three are one request: a software statement, signed with the certificate of the community in which the metadata
//! were proven. A server that does not approve of the certificate is not asked again with the same one; the client's
//! certificate of another community, if it has one, is tried once.
//!
//! Source: FAST Security STU2 §3

mod answer;
mod record;
mod statement;

#[cfg(test)]
mod tests;

pub use answer::Registered;
pub use record::{ClientRegistration, RecordError};
pub use statement::AppDescription;

use crate::Client;
use crate::context::ActionContext;
use crate::discovery::DataHolder;
use crate::error::{ClientError, NotSent, Phase};
use crate::identity::{ClientIdentity, Membership};
use crate::ports::{HttpRequest, HttpResponse};
use crate::wire::ANSWER_LIMIT;
use statement::Wish;
use tessera_jose::json::Object;

const PHASE: Phase = Phase::Registration;
/// What a server says when it is the certificate that it does not accept.
const UNAPPROVED: &str = "unapproved_software_statement";

impl Client {
    /// Registers the app, or changes its registration: the server tells which it was.
    ///
    /// `earlier` is what the client remembers of this server; it is replaced by the answer (MOD-8). Tokens kept for a
    /// client_id that no longer holds are forgotten.
    ///
    /// # Errors
    /// [`ClientError::NotSent`] when the server does not support what is needed or a scope is a wildcard that it does
    /// not list; [`ClientError::Refused`] with the server's code; [`ClientError::Answer`] when the answer is not one.
    ///
    /// Source: FAST Security STU2 §3.1 to §3.4; DCR-1, DCR-3, DCR-25, MOD-8, SCOPE-2, SCOPE-9
    pub async fn register(
        &self,
        holder: &DataHolder,
        identity: &ClientIdentity,
        app: &AppDescription,
        earlier: Option<&ClientRegistration>,
        context: &ActionContext,
    ) -> Result<Registered, ClientError> {
        holder.refuse_unlisted_wildcards(app.scope())?;
        let (membership, answer) = self.send_statement(holder, identity, &Wish::Register(app), context).await?;
        let registered = answer::read(&answer, holder, identity, membership, app, earlier)?;
        if let Registered { replaced: Some(former), .. } = &registered {
            self.tokens.forget_client(former);
        }
        if registered.registration.is_none() {
            self.forget(earlier);
        }
        Ok(registered)
    }

    /// Cancels the registration; tokens kept for it are forgotten when the server confirms.
    ///
    /// # Errors
    /// As [`Client::register`]; [`ClientError::Answer`] when the server does not confirm with an empty `grant_types`.
    ///
    /// Source: FAST Security STU2 §3.4 (MOD-7)
    pub async fn cancel(
        &self,
        holder: &DataHolder,
        identity: &ClientIdentity,
        app: &AppDescription,
        registration: &ClientRegistration,
        context: &ActionContext,
    ) -> Result<(), ClientError> {
        let membership = registration.membership_of(holder, identity)?;
        let response = self.send_once(holder, identity, membership, &Wish::Cancel(app), context, 0).await?;
        answer::confirm_cancel(&answer::success(&response)?)?;
        self.forget(Some(registration));
        Ok(())
    }

    /// Sends the statement under the community of the metadata, and once more under another, if that one is not approved.
    async fn send_statement<'a>(
        &self,
        holder: &DataHolder,
        identity: &'a ClientIdentity,
        wish: &Wish<'_>,
        context: &ActionContext,
    ) -> Result<(&'a Membership, Object), ClientError> {
        let first = identity
            .membership(holder.community())
            .ok_or_else(|| NotSent::NoMembership { community: holder.community().to_string() })?;
        let response = self.send_once(holder, identity, first, wish, context, 0).await?;
        let refusal = match answer::success(&response) {
            Ok(object) => return Ok((first, object)),
            Err(refusal) => refusal,
        };
        // DCR-25: not again with the same certificate; another one is worth one try.
        let other = identity.memberships().iter().find(|other| other.community() != first.community());
        match other.filter(|other| refusal.code() == UNAPPROVED && other.is_valid_at(context.now)) {
            Some(second) => {
                let response = self.send_once(holder, identity, second, wish, context, 1).await?;
                Ok((second, answer::success(&response)?))
            }
            None => Err(refusal),
        }
    }

    async fn send_once(
        &self,
        holder: &DataHolder,
        identity: &ClientIdentity,
        membership: &Membership,
        wish: &Wish<'_>,
        context: &ActionContext,
        attempt: u8,
    ) -> Result<HttpResponse, ClientError> {
        wish.judge(holder, membership.algorithm())?;
        membership.refuse_unless_valid(context.now)?;
        let claims = wish.claims(identity.uri(), holder.registration_endpoint(), context, attempt)?;
        let body = wish.body(membership.sign(&claims)?);
        let url = holder.registration_endpoint().as_str();
        let request = HttpRequest::post(url, "application/json", body.to_json().into_bytes(), ANSWER_LIMIT);
        self.http.send(request).await.map_err(ClientError::http(PHASE))
    }

    fn forget(&self, registration: Option<&ClientRegistration>) {
        if let Some(registration) = registration {
            self.tokens.forget_client(registration);
        }
    }
}
