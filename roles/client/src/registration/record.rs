//! What the client keeps of a registration.

use crate::discovery::DataHolder;
use crate::error::NotSent;
use crate::identity::{ClientIdentity, Membership};
use std::sync::Arc;
use tessera_jose::json::{MemberError, Object};
use tessera_trust::CommunityId;
use tessera_udap::ids::{BaseUrl, ClientId, ClientUri};
use tessera_udap::scope::ScopeSet;

/// A registration that holds at a data holder, to be kept until it is changed or cancelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientRegistration {
    pub(super) base: BaseUrl,
    pub(super) registration_endpoint: Arc<str>,
    pub(super) community: CommunityId,
    pub(super) client_uri: ClientUri,
    pub(super) client_id: ClientId,
    pub(super) scope: ScopeSet,
}

/// A record that was kept and cannot be read back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// A member is missing or of the wrong type.
    #[error(transparent)]
    Member(#[from] MemberError),
    /// A member's value is not what it was.
    #[error("`{0}` is not what was written")]
    Value(&'static str),
}

impl ClientRegistration {
    /// The FHIR base whose metadata led here.
    #[must_use]
    pub fn base(&self) -> &BaseUrl {
        &self.base
    }

    /// The community whose certificate registered; later requests need the same.
    #[must_use]
    pub fn community(&self) -> &CommunityId {
        &self.community
    }

    /// The client's URI.
    #[must_use]
    pub fn client_uri(&self) -> &ClientUri {
        &self.client_uri
    }

    /// The client_id at this server.
    #[must_use]
    pub fn client_id(&self) -> &ClientId {
        &self.client_id
    }

    /// The scopes as registered, which may be others than were asked for.
    #[must_use]
    pub fn scope(&self) -> &ScopeSet {
        &self.scope
    }

    /// The certificate to act with, if this registration is of that server and client.
    ///
    /// Bases that share a registration endpoint share registrations (META-21).
    pub(crate) fn membership_of<'a>(
        &self,
        holder: &DataHolder,
        identity: &'a ClientIdentity,
    ) -> Result<&'a Membership, NotSent> {
        let same_server = *self.registration_endpoint == *holder.registration_endpoint().as_str();
        if !same_server || self.client_uri != *identity.uri() {
            return Err(NotSent::OtherRegistration);
        }
        identity
            .membership(&self.community)
            .ok_or_else(|| NotSent::NoMembership { community: self.community.to_string() })
    }

    /// The record as JSON, for a profile on disk.
    #[must_use]
    pub fn to_object(&self) -> Object {
        let mut object = Object::new();
        object.insert("base", self.base.as_str());
        object.insert("registration_endpoint", &*self.registration_endpoint);
        object.insert("community", self.community.as_str());
        object.insert("client_uri", self.client_uri.as_str());
        object.insert("client_id", self.client_id.as_str());
        object.insert("scope", self.scope.to_string());
        object
    }

    /// Reads back what [`ClientRegistration::to_object`] wrote.
    ///
    /// # Errors
    /// [`RecordError`] when a member is missing or does not parse.
    pub fn from_object(object: &Object) -> Result<Self, RecordError> {
        Ok(Self {
            base: BaseUrl::parse(object.required_str("base")?).map_err(|_| RecordError::Value("base"))?,
            registration_endpoint: object.required_str("registration_endpoint")?.into(),
            community: CommunityId::parse(object.required_str("community")?)
                .map_err(|_| RecordError::Value("community"))?,
            client_uri: ClientUri::parse(object.required_str("client_uri")?)
                .map_err(|_| RecordError::Value("client_uri"))?,
            client_id: ClientId::parse(object.required_str("client_id")?)
                .map_err(|_| RecordError::Value("client_id"))?,
            scope: ScopeSet::parse(object.required_str("scope")?).map_err(|_| RecordError::Value("scope"))?,
        })
    }
}
