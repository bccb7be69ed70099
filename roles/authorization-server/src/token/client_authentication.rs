//! Who asks: an Authentication Token becomes an authenticated client, at whichever endpoint it came.
//!
//! The order is that of cost: the form; the registration that `iss` claims; the certificate's URI names, which must have the
//! registered one; the signature; the path; the claims; and last the jti, which is only spent for a JWT that held in full.
//! What is looked up or compared before the signature can only refuse: once all holds, the claims are judged against that
//! same registration. The audience is the base's token endpoint (§5.2.1) everywhere; introspection and revocation take their
//! own URL as well, and an assertion made for one of these is worth nothing elsewhere.
//!
//! Source: FAST Security STU2 §5.2.1, §5.2.2; UDAP JWT-based Client Authentication §6; RFC 7523 §3

use tessera_trust::ChainDigest;
use tessera_udap::authentication_token::AuthenticationToken;
use tessera_udap::ids::{ClientId, EndpointUrl};
use tessera_udap::signed::{Expected, Unverified, Verified};
use tessera_udap::token::ClientAssertion;

use super::PresentedCredentials;
use crate::AuthorizationServer;
use crate::audit::AuditRecord;
use crate::context::RequestContext;
use crate::registered::{Registration, RegistrationStatus};
use crate::rejection::Rejection;
use crate::settings::Base;

/// A client whose Authentication Token held in every respect and has been spent.
///
/// Only [`AuthorizationServer::authenticate_client`] makes one.
#[derive(Debug)]
pub(crate) struct AuthenticatedClient {
    registration: Registration,
    assertion: Verified<AuthenticationToken>,
}

impl AuthenticatedClient {
    pub(crate) fn registration(&self) -> &Registration {
        &self.registration
    }

    pub(crate) fn assertion(&self) -> &Verified<AuthenticationToken> {
        &self.assertion
    }
}

/// The assertion is the only credential: a header beside it is a mistake or an attempt to confuse. A secret in the form is
/// refused where the form is read.
///
/// Source: FAST Security STU2 §5.2.2
pub(crate) fn refuse_other_credentials(credentials: PresentedCredentials) -> Result<(), Rejection> {
    if credentials.authorization_header {
        return Err(Rejection::AuthorizationHeader);
    }
    Ok(())
}

impl AuthorizationServer {
    /// Authenticates the client of a request to `audience`, an endpoint of `base`.
    pub(crate) async fn authenticate_client(
        &self,
        base: &Base,
        audience: &EndpointUrl,
        assertion: &ClientAssertion<'_>,
        context: &RequestContext,
        record: &mut AuditRecord,
    ) -> Result<AuthenticatedClient, Rejection> {
        let recall = |digest: &ChainDigest| self.ports.trust.known_chain(digest);
        let unverified = Unverified::<AuthenticationToken>::read_with(assertion.client_assertion, recall)
            .map_err(Rejection::Assertion)?;
        let leaf = unverified.chain().leaf();
        record.client.certificate = Some(leaf.digest());
        let registration = self.claimed_registration(base, &unverified, assertion.client_id, record).await?;
        if !leaf.has_uri_name(registration.client_uri.as_str()) {
            return Err(Rejection::CertificateOfAnother {
                registered: registration.client_uri,
                presented: leaf.uri_names().to_vec(),
            });
        }
        let policy = self.policy(&registration.community)?;
        let checked = unverified.check_signature(&policy.algorithms).map_err(Rejection::Assertion)?;
        let signer = self
            .ports
            .trust
            .verify_chain(checked.chain(), std::slice::from_ref(&registration.community), context.now)
            .await
            .map_err(Rejection::AssertionNotTrusted)?;
        if signer.community() != &registration.community {
            return Err(Rejection::CommunityNotServed);
        }
        record.notes.extend_from_slice(signer.soft_failures());
        let expected = Expected {
            audience: &[audience.as_str(), base.token_endpoint.as_str()],
            bound_uri: Some(registration.client_uri.as_str()),
            skew: self.skew,
        };
        let assertion = checked.verify(signer, &expected, context.now).map_err(Rejection::Assertion)?;
        // The registration was looked up before the signature held: what was verified must be what was looked up.
        if assertion.object().client_id != registration.client_id {
            return Err(Rejection::ClientUnknown { issuer: assertion.issuer().to_owned() });
        }
        record.client.proved = true;
        self.spend_jti(&assertion, Rejection::AssertionReplayed, "Authentication Tokens", context).await?;
        Ok(AuthenticatedClient { registration, assertion })
    }

    /// The registration that the assertion's `iss` claims, where it may be used at this base.
    async fn claimed_registration(
        &self,
        base: &Base,
        unverified: &Unverified<'_, AuthenticationToken>,
        parameter: Option<&str>,
        record: &mut AuditRecord,
    ) -> Result<Registration, Rejection> {
        let issuer = unverified.peek_issuer_for_lookup().unwrap_or_default();
        if let Some(parameter) = parameter
            && parameter != issuer
        {
            return Err(Rejection::ClientIdMismatch { parameter: parameter.to_owned() });
        }
        let unknown = || Rejection::ClientUnknown { issuer: issuer.to_owned() };
        let client_id = ClientId::parse(issuer).map_err(|_| unknown())?;
        let registration = self.ports.registrations.registration(&client_id).await?.ok_or_else(unknown)?;
        record.client.client_id = Some(client_id);
        record.client.community = Some(registration.community.clone());
        record.client.client_uri = Some(registration.client_uri.clone());
        may_be_used_at(base, &registration)?;
        Ok(registration)
    }
}

fn may_be_used_at(base: &Base, registration: &Registration) -> Result<(), Rejection> {
    match &registration.status {
        RegistrationStatus::Active => {}
        RegistrationStatus::Cancelled { .. } => return Err(Rejection::ClientCancelled),
        RegistrationStatus::Blocked { reason, .. } => {
            return Err(Rejection::ClientBlocked { reason: reason.clone() });
        }
    }
    if registration.group != base.group {
        return Err(Rejection::ClientOfAnotherGroup);
    }
    let served = base.communities.iter().any(|membership| membership.community == registration.community);
    if served { Ok(()) } else { Err(Rejection::CommunityNotServed) }
}
