//! Registration: a software statement becomes a registration, its next version, or its end.
//!
//! Nothing is remembered before signature, path and claims hold, not even the jti; and the jti is spent before policy is
//! asked, so that a statement that policy refuses cannot be tried again until policy changes its mind.
//!
//! Source: FAST Security STU2 §3; UDAP Dynamic Client Registration §3 to §5

use tessera_udap::negotiation::NegotiationError;
use tessera_udap::registration::{RegistrationRequest, RegistrationResponse};
use tessera_udap::scope::ScopeSet;
use tessera_udap::signed::{Expected, Unverified, Verified};
use tessera_udap::software_statement::{RequestedGrants, SoftwareStatement};

use crate::audit::{AuditAction, AuditRecord};
use crate::context::RequestContext;
use crate::ports::{Cancelled, Registered};
use crate::registered::{GrantType, Registration, RegistrationDraft};
use crate::rejection::{Refusal, Rejection};
use crate::settings::GroupName;
use crate::{AuthorizationServer, GroupInUse};

/// What a registration request has led to.
#[derive(Debug, Clone)]
pub struct RegistrationAnswer {
    /// From which the edge takes the HTTP status.
    pub outcome: RegistrationOutcome,
    /// The body.
    pub response: RegistrationResponse,
}

/// What became of a registration request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistrationOutcome {
    /// 201.
    Created,
    /// 200, the client_id as before.
    Changed,
    /// 200, `grant_types` empty.
    Cancelled,
}

impl RegistrationOutcome {
    /// A word for metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl AuthorizationServer {
    /// Registers, changes or cancels, as the statement in the body says.
    ///
    /// # Errors
    /// [`Refusal`] with `invalid_software_statement`, `unapproved_software_statement` or `invalid_client_metadata`;
    /// nothing but the audit and the jti of a statement that held is kept then. 503 when the store fails.
    ///
    /// Source: FAST Security STU2 §3.2.3, §3.4
    pub async fn register(
        &self,
        group: &GroupName,
        body: &[u8],
        context: &RequestContext,
    ) -> Result<RegistrationAnswer, Refusal> {
        let mut record = AuditRecord::begun(AuditAction::Registration, group.as_str(), context);
        let result = self.decide_registration(group, body, context, &mut record).await;
        self.close(record, context, result)
    }

    async fn decide_registration(
        &self,
        group: &GroupName,
        body: &[u8],
        context: &RequestContext,
        record: &mut AuditRecord,
    ) -> Result<RegistrationAnswer, Rejection> {
        let group = self.groups.get(group).ok_or(Rejection::NoSuchPlace)?;
        let request = RegistrationRequest::read(body).map_err(Rejection::RegistrationBody)?;
        // Certifications are neither required nor supported by any community yet, so they satisfy and grant nothing (§3.3).
        let statement = self.verify_statement(group, &request.software_statement, context, record).await?;
        self.spend_jti(&statement, Rejection::StatementReplayed, "software statements", context).await?;
        match statement.object().grant_types {
            RequestedGrants::Cancel => self.cancel(group, statement, context, record).await,
            RequestedGrants::AuthorizationCode { .. } => {
                Err(Rejection::GrantNotOffered { grant_type: GrantType::AuthorizationCode.as_str() })
            }
            RequestedGrants::ClientCredentials => self.put(group, statement, context, record).await,
        }
    }

    /// Signature by `x5c[0]`, path to an anchor of the group's communities, claims: in this order, cheap before costly.
    ///
    /// The algorithms are those of any community of the group, for the community is known only from the path; the one
    /// found is asked again afterwards.
    async fn verify_statement(
        &self,
        group: &GroupInUse,
        jwt: &str,
        context: &RequestContext,
        record: &mut AuditRecord,
    ) -> Result<Verified<SoftwareStatement>, Rejection> {
        let unverified = Unverified::<SoftwareStatement>::read(jwt).map_err(Rejection::Statement)?;
        record.client.certificate = Some(unverified.chain().leaf().digest());
        let algorithm = unverified.algorithm();
        let checked = unverified.check_signature(&group.algorithms).map_err(Rejection::Statement)?;
        let signer = self
            .ports
            .trust
            .verify_chain(checked.chain(), &group.communities, context.now)
            .await
            .map_err(Rejection::StatementNotTrusted)?;
        record.client.community = Some(signer.community().clone());
        record.notes.extend_from_slice(signer.soft_failures());
        if !self.policy(signer.community())?.algorithms.contains(algorithm) {
            return Err(Rejection::StatementAlgorithm);
        }
        let expected =
            Expected { audience: &[group.group.registration_endpoint.as_str()], bound_uri: None, skew: self.skew };
        let statement = checked.verify(signer, &expected, context.now).map_err(Rejection::Statement)?;
        record.client.client_uri = Some(statement.object().client_uri.clone());
        record.client.proved = true;
        Ok(statement)
    }

    async fn put(
        &self,
        group: &GroupInUse,
        statement: Verified<SoftwareStatement>,
        context: &RequestContext,
        record: &mut AuditRecord,
    ) -> Result<RegistrationAnswer, Rejection> {
        let scope = self.granted_scope(&statement)?;
        let draft = draft(group, statement, scope, context);
        let (outcome, registration) = match self.ports.registrations.register(draft).await? {
            Registered::Created(registration) => (RegistrationOutcome::Created, registration),
            Registered::Changed(registration) => (RegistrationOutcome::Changed, registration),
            Registered::Blocked(client_id) => {
                return Err(Rejection::RegistrationBlocked { client_id });
            }
        };
        Ok(answer(outcome, registration, record))
    }

    fn granted_scope(&self, statement: &Verified<SoftwareStatement>) -> Result<ScopeSet, Rejection> {
        let policy = self.policy(statement.signer().community())?;
        let object = statement.object();
        policy.grant_at_registration(&object.client_uri, &object.scope).map_err(|error| match error {
            NegotiationError::UnsupportedWildcard(scopes) => Rejection::RegistrationWildcard { scopes },
            NegotiationError::NoneSupported | NegotiationError::NoneGranted => {
                Rejection::RegistrationScope { requested: object.scope.to_string() }
            }
        })
    }

    /// Ends the registration of this client in the statement's community; another community's is never touched.
    async fn cancel(
        &self,
        group: &GroupInUse,
        statement: Verified<SoftwareStatement>,
        context: &RequestContext,
        record: &mut AuditRecord,
    ) -> Result<RegistrationAnswer, Rejection> {
        let community = statement.signer().community().clone();
        let object = statement.into_object();
        let cancelled =
            self.ports.registrations.cancel(&group.group.name, &community, &object.client_uri, context.now).await?;
        match cancelled {
            Cancelled::Cancelled(registration) => {
                // The answer repeats the statement as submitted, which for a cancel is not the stored one.
                let registration = Registration { software_statement: object.as_submitted, ..registration };
                Ok(answer(RegistrationOutcome::Cancelled, registration, record))
            }
            Cancelled::Unknown => Err(Rejection::NothingToCancel { client_uri: object.client_uri }),
            Cancelled::Blocked(client_id) => Err(Rejection::RegistrationBlocked { client_id }),
        }
    }
}

fn draft(
    group: &GroupInUse,
    statement: Verified<SoftwareStatement>,
    scope: ScopeSet,
    context: &RequestContext,
) -> RegistrationDraft {
    let community = statement.signer().community().clone();
    let certificate = statement.signer().leaf().digest();
    let object = statement.into_object();
    RegistrationDraft {
        client_id: context.new_client_id(),
        group: group.group.name.clone(),
        community,
        client_uri: object.client_uri,
        client_name: object.client_name,
        contacts: object.contacts,
        logo_uri: object.logo_uri,
        grant_types: vec![GrantType::ClientCredentials],
        scope,
        software_statement: object.as_submitted,
        certificate,
        at: context.now,
    }
}

/// What now holds, without the JWT's own claims.
///
/// Source: FAST Security STU2 §3.2.3; RFC 7591 §3.2.1
fn answer(outcome: RegistrationOutcome, registration: Registration, record: &mut AuditRecord) -> RegistrationAnswer {
    record.action = match outcome {
        RegistrationOutcome::Created => AuditAction::RegistrationCreated,
        RegistrationOutcome::Changed => AuditAction::RegistrationChanged,
        RegistrationOutcome::Cancelled => AuditAction::RegistrationCancelled,
    };
    record.client.client_id = Some(registration.client_id.clone());
    record.scope = Some(registration.scope.to_string());
    let grant_types = registration.grant_types.iter();
    RegistrationAnswer {
        outcome,
        response: RegistrationResponse {
            client_id: registration.client_id,
            software_statement: registration.software_statement,
            client_name: registration.client_name,
            contacts: registration.contacts,
            grant_types: grant_types.map(|grant| grant.as_str().to_owned()).collect(),
            logo_uri: registration.logo_uri,
            scope: registration.scope,
        },
    }
}
