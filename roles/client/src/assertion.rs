//! The Authentication Token: how the client proves who it is at the token endpoint.

use crate::context::ActionContext;
use crate::error::ClientError;
use crate::identity::Membership;
use tessera_jose::json::Object;
use tessera_udap::extensions::b2b::B2bExtension;
use tessera_udap::ids::{ClientId, EndpointUrl};

/// The value of `client_assertion_type`.
///
/// Source: RFC 7523 §2.2; FAST Security STU2 §5.2.2
pub(crate) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The longest life that the guide allows, in seconds (AUTHN-4).
const LIFETIME_S: i64 = 300;

/// An Authentication Token that is still being put together.
pub(crate) struct AuthenticationToken {
    claims: Object,
}

impl AuthenticationToken {
    /// The claims that every Authentication Token has.
    ///
    /// Source: FAST Security STU2 §5.2.1
    pub(crate) fn new(client_id: &ClientId, audience: &EndpointUrl, context: &ActionContext) -> Self {
        let issued_at = i64::try_from(context.now.as_secs()).unwrap_or(i64::MAX);
        let mut claims = Object::new();
        claims.insert("iss", client_id.as_str());
        claims.insert("sub", client_id.as_str());
        claims.insert("aud", audience.as_str());
        claims.insert("iat", issued_at);
        claims.insert("exp", issued_at.saturating_add(LIFETIME_S));
        claims.insert("jti", context.jti(0));
        Self { claims }
    }

    /// With the B2B context, which goes with client credentials and with no other grant (B2B-2).
    pub(crate) fn with_b2b(mut self, context: &B2bExtension) -> Self {
        let mut extensions = Object::new();
        extensions.insert("hl7-b2b", b2b_object(context));
        self.claims.insert("extensions", extensions);
        self
    }

    pub(crate) fn sign(self, membership: &Membership) -> Result<String, ClientError> {
        Ok(membership.sign(&self.claims)?)
    }
}

/// The extension object as it is sent.
pub(crate) fn b2b_object(context: &B2bExtension) -> Object {
    context.to_object()
}
