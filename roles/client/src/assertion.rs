//! The Authentication Token: how the client proves who it is at the token endpoint.

use crate::context::ActionContext;
use crate::error::ClientError;
use crate::identity::Membership;
use tessera_jose::json::Object;
use tessera_udap::authentication_token;
use tessera_udap::extensions::b2b::B2bExtension;
use tessera_udap::ids::{ClientId, EndpointUrl};

/// An Authentication Token that is still being put together.
pub(crate) struct AuthenticationToken {
    claims: Object,
}

impl AuthenticationToken {
    /// The claims that every Authentication Token has.
    ///
    /// Source: FAST Security STU2 §5.2.1
    pub(crate) fn new(client_id: &ClientId, audience: &EndpointUrl, context: &ActionContext) -> Self {
        let (issued_at, expires_at) = context.times::<authentication_token::AuthenticationToken>();
        let mut claims = Object::new();
        claims.insert("iss", client_id.as_str());
        claims.insert("sub", client_id.as_str());
        claims.insert("aud", audience.as_str());
        claims.insert("iat", issued_at);
        claims.insert("exp", expires_at);
        claims.insert("jti", context.jti(0));
        Self { claims }
    }

    /// With the B2B context, which goes with client credentials and with no other grant (B2B-2).
    pub(crate) fn with_b2b(mut self, context: &B2bExtension) -> Self {
        let mut extensions = Object::new();
        extensions.insert(B2bExtension::NAME, context.to_object());
        self.claims.insert("extensions", extensions);
        self
    }

    pub(crate) fn sign(self, membership: &Membership) -> Result<String, ClientError> {
        Ok(membership.sign(&self.claims)?)
    }
}
