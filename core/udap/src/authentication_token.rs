//! The Authentication Token: the JWT in `client_assertion` with which a client proves who it is.
//!
//! Source: FAST Security STU2 §4.2.1, §5.2.1; RFC 7523 §3

use std::time::Duration;

use tessera_jose::json::Object;

use crate::ids::ClientId;
use crate::signed::{AudienceRule, Binding, ClaimError, SignedObject};

/// Who asks, and the extension objects that go with the request.
///
/// Unknown claims are ignored, and so are extension objects until a grant asks for them.
///
/// Source: FAST Security STU2 §5.2.1; AUTHN-2, AUTHN-12
#[derive(Debug, Clone, PartialEq)]
pub struct AuthenticationToken {
    /// The client's identifier (`iss` and `sub`).
    pub client_id: ClientId,
    /// The members of `extensions`, unread; empty when the claim is absent.
    pub extensions: Object,
}

impl SignedObject for AuthenticationToken {
    const KIND: &'static str = "Authentication Token";
    const LIFETIME_LIMIT: Duration = Duration::from_secs(300);
    const AUDIENCE: AudienceRule = AudienceRule::Required;
    const BINDING: Binding = Binding::RegisteredUri;
    /// The second is what newer OAuth text wants client assertions to say.
    const TYPES: &'static [&'static str] = &["JWT", "client-authentication+jwt"];

    fn from_claims(claims: &Object) -> Result<Self, ClaimError> {
        let client_id = ClientId::parse(claims.required_str("iss")?).map_err(|_| {
            let rule = "must be a client_id: 1 to 255 printable ASCII characters";
            ClaimError::Rule { name: "iss", rule }
        })?;
        let extensions = claims.optional_object("extensions")?.cloned().unwrap_or_default();
        Ok(Self { client_id, extensions })
    }

    fn issuer(&self) -> &str {
        self.client_id.as_str()
    }
}

#[cfg(test)]
mod tests {
    use tessera_jose::json::{Limits, read_object};

    use super::*;

    fn read(claims: &str) -> Result<AuthenticationToken, ClaimError> {
        AuthenticationToken::from_claims(&read_object(claims.as_bytes(), &Limits::new(4096)).unwrap())
    }

    /// Shows: AUTHN-12
    #[test]
    fn ignores_claims_it_does_not_know() {
        let token = read(r#"{"iss":"c1","scope":7,"x":{"y":[null]}}"#).unwrap();
        assert_eq!(token.client_id.as_str(), "c1");
        assert!(token.extensions.is_empty());
    }

    #[test]
    fn keeps_extensions_unread_but_only_as_an_object() {
        let token = read(r#"{"iss":"c1","extensions":{"hl7-b2b":"later","other":1}}"#).unwrap();
        assert_eq!(token.extensions.len(), 2);
        for extensions in ["null", "[]", "\"x\"", "1"] {
            let claims = format!(r#"{{"iss":"c1","extensions":{extensions}}}"#);
            assert!(matches!(read(&claims), Err(ClaimError::Member(_))), "{extensions}");
        }
    }

    #[test]
    fn refuses_what_is_no_client_id() {
        assert!(read(r#"{"iss":"a\nb"}"#).is_err());
        assert!(read(&format!(r#"{{"iss":"{}"}}"#, "x".repeat(256))).is_err());
    }
}
