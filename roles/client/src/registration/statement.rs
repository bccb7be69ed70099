//! The app's description of itself, and the software statement made of it.

use crate::context::ActionContext;
use crate::discovery::DataHolder;
use crate::error::NotSent;
use tessera_jose::algorithm::Algorithm;
use tessera_jose::json::{Limits, Object, Value, read_object};
use tessera_jose::jws::{CompactJws, MAX_JWS_BYTES};
use tessera_udap::ids::{ClientUri, EndpointUrl};
use tessera_udap::scope::ScopeSet;
use tessera_udap::signed::SignedObject;
use tessera_udap::software_statement::{PRIVATE_KEY_JWT, SoftwareStatement};

/// What an app says of itself when it registers for client credentials.
#[derive(Clone, Debug)]
pub struct AppDescription {
    client_name: String,
    contacts: Vec<String>,
    scope: ScopeSet,
    logo_uri: Option<String>,
    certifications: Vec<String>,
}

impl AppDescription {
    /// A description with the name shown to people, URIs to reach the operator (one `mailto:` at least), and scopes.
    ///
    /// The values are judged by the guide's rules when they are sent.
    #[must_use]
    pub fn new(client_name: impl Into<String>, contacts: Vec<String>, scope: ScopeSet) -> Self {
        Self { client_name: client_name.into(), contacts, scope, logo_uri: None, certifications: Vec::new() }
    }

    /// With a logo: an https URL of a PNG, JPG or GIF.
    #[must_use]
    pub fn with_logo(mut self, logo_uri: impl Into<String>) -> Self {
        self.logo_uri = Some(logo_uri.into());
        self
    }

    /// With certifications, each a signed JWT of its certifier; all go into every statement's request.
    ///
    /// Which URIs they stand for is read from their `certification_uris`, so that a server's demand can be compared with
    /// them before anything is sent. Nobody is to believe them for that: verifying them is the server's part.
    #[must_use]
    pub fn with_certifications(mut self, certifications: Vec<String>) -> Self {
        self.certifications = certifications;
        self
    }

    /// The scopes that will be asked for.
    #[must_use]
    pub fn scope(&self) -> &ScopeSet {
        &self.scope
    }

    /// The URIs of the certifications, as these say them; one that cannot be read stands for none.
    pub(super) fn certification_uris(&self) -> Vec<String> {
        self.certifications.iter().filter_map(|jwt| peek_certification_uris(jwt)).flatten().collect()
    }
}

/// What a certification says it is about. The app knows its own certifications, so nothing is verified here.
///
/// Source: FAST Security STU2 §7.4
fn peek_certification_uris(jwt: &str) -> Option<Vec<String>> {
    let jws = CompactJws::read(jwt).ok()?;
    let claims = read_object(jws.payload(), &Limits::new(MAX_JWS_BYTES)).ok()?;
    let uris = claims.required_strings("certification_uris").ok()?;
    Some(uris.into_iter().map(str::to_owned).collect())
}

/// What a statement is for.
pub(super) enum Wish<'a> {
    Register(&'a AppDescription),
    /// An empty `grant_types`; all else stays valid (MOD-6).
    Cancel(&'a AppDescription),
}

impl Wish<'_> {
    /// Whether the server supports what it takes; a cancel needs no certification.
    pub(super) fn judge(&self, holder: &DataHolder, algorithm: Algorithm) -> Result<(), NotSent> {
        match self {
            Self::Register(app) => {
                let uris = app.certification_uris();
                let uris: Vec<_> = uris.iter().map(String::as_str).collect();
                holder.judge_for_registration(algorithm, &uris)
            }
            Self::Cancel(_) => holder.judge_for_client_credentials(algorithm),
        }
    }

    /// The claims of the statement, already judged by the rules that the server will judge them by.
    ///
    /// Source: FAST Security STU2 §3.1
    pub(super) fn claims(
        &self,
        uri: &ClientUri,
        registration_endpoint: &EndpointUrl,
        context: &ActionContext,
        attempt: u8,
    ) -> Result<Object, NotSent> {
        let (app, grant_types) = match self {
            Self::Register(app) => (app, vec!["client_credentials"]),
            Self::Cancel(app) => (app, Vec::new()),
        };
        let (issued_at, expires_at) = context.times::<SoftwareStatement>();
        let mut claims = Object::new();
        claims.insert("iss", uri.as_str());
        claims.insert("sub", uri.as_str());
        // Exactly as published, for it is compared by bytes (JWT-11).
        claims.insert("aud", registration_endpoint.as_str());
        claims.insert("iat", issued_at);
        claims.insert("exp", expires_at);
        claims.insert("jti", context.jti(attempt));
        claims.insert("client_name", app.client_name.as_str());
        claims.insert("contacts", app.contacts.clone());
        claims.insert("grant_types", grant_types);
        claims.insert("token_endpoint_auth_method", PRIVATE_KEY_JWT);
        claims.insert("scope", app.scope.to_string());
        if let Some(logo_uri) = &app.logo_uri {
            claims.insert("logo_uri", logo_uri.as_str());
        }
        SoftwareStatement::from_claims(&claims).map_err(|error| NotSent::Invalid { problem: error.to_string() })?;
        Ok(claims)
    }

    /// The request body around the signed statement.
    ///
    /// Source: FAST Security STU2 §3.2.3 (DCR-17)
    pub(super) fn body(&self, statement: String) -> Object {
        let (Self::Register(app) | Self::Cancel(app)) = self;
        let mut body = Object::new();
        body.insert("software_statement", statement);
        if !app.certifications.is_empty() {
            body.insert("certifications", Value::from(app.certifications.clone()));
        }
        body.insert("udap", "1");
        body
    }
}
