//! Requests as no honest client sends them. The client role refuses to make these, so they are made here.

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tessera_client::discovery::DataHolder;
use tessera_client::ports::{Http as _, HttpRequest, HttpResponse, Method};
use tessera_jose::json::{Limits, Object, read_object};
use tessera_jose::jws::{HeaderTemplate, sign};
use tessera_jose::key::SigningKey as _;
use tessera_outbound::transport::ClientTransport;
use tessera_udap::ids::ClientId;

use crate::apps::{App, CONTACT, NAME, SCOPE};
use crate::surroundings::{now, random};
use crate::visit::business_context;

/// An answer of an endpoint, in bytes.
const ANSWER_LIMIT: usize = 256 * 1024;
/// The life of everything that is signed here, in seconds: the longest that is allowed.
const LIFETIME_S: i64 = 300;

/// Speaks to a data holder's endpoints without any judgement of its own.
pub(crate) struct Forge<'a> {
    pub(crate) transport: &'a ClientTransport,
    pub(crate) holder: &'a DataHolder,
}

impl Forge<'_> {
    /// A software statement in order, of an app that may not be.
    pub(crate) fn statement(&self, app: &App) -> Result<String> {
        let mut claims = claims(app.uri.as_str(), self.holder.registration_endpoint().as_str());
        claims.insert("client_name", NAME);
        claims.insert("contacts", vec![CONTACT]);
        claims.insert("grant_types", vec!["client_credentials"]);
        claims.insert("token_endpoint_auth_method", "private_key_jwt");
        claims.insert("scope", SCOPE);
        signed(app, &claims)
    }

    /// An Authentication Token for a client_id, which may be another app's.
    pub(crate) fn assertion(&self, app: &App, client_id: &ClientId) -> Result<String> {
        let mut claims = claims(client_id.as_str(), self.holder.token_endpoint().as_str());
        let mut extensions = Object::new();
        extensions.insert("hl7-b2b", business_context().to_object());
        claims.insert("extensions", extensions);
        signed(app, &claims)
    }

    /// Sends a statement to the registration endpoint.
    pub(crate) async fn register(&self, statement: &str) -> Result<HttpResponse> {
        let mut body = Object::new();
        body.insert("software_statement", statement);
        body.insert("udap", "1");
        let url = self.holder.registration_endpoint().as_str();
        self.post(url, "application/json", body.to_json()).await
    }

    /// Registers an app that is in order; its client_id.
    pub(crate) async fn registered(&self, app: &App) -> Result<ClientId> {
        let answer = self.register(&self.statement(app)?).await?;
        ensure!(matches!(answer.status, 200 | 201), "{}", told(&answer));
        let answer = read_object(&answer.body, &Limits::new(ANSWER_LIMIT))?;
        Ok(ClientId::parse(answer.required_str("client_id")?)?)
    }

    /// Sends an Authentication Token to the token endpoint.
    pub(crate) async fn token(&self, assertion: &str) -> Result<HttpResponse> {
        // The assertion is base64url and dots; the rest is plain but for these characters.
        let encode = |text: &str| text.replace(':', "%3A").replace('/', "%2F").replace(' ', "%20");
        let body = format!(
            "grant_type=client_credentials&scope={}&client_assertion_type={}&client_assertion={assertion}&udap=1",
            encode(SCOPE),
            encode("urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        );
        let url = self.holder.token_endpoint().as_str();
        self.post(url, "application/x-www-form-urlencoded", body).await
    }

    async fn post(&self, url: &str, content_type: &str, body: String) -> Result<HttpResponse> {
        let request = HttpRequest {
            method: Method::Post,
            url: url.to_owned(),
            headers: vec![("content-type", content_type.to_owned())],
            body: body.into_bytes(),
            answer_limit: ANSWER_LIMIT,
        };
        Ok(self.transport.send(request).await?)
    }
}

/// The claims that every JWT to an endpoint has.
fn claims(issuer: &str, audience: &str) -> Object {
    let issued_at = i64::try_from(now().as_secs()).unwrap_or(i64::MAX);
    let mut claims = Object::new();
    claims.insert("iss", issuer);
    claims.insert("sub", issuer);
    claims.insert("aud", audience);
    claims.insert("iat", issued_at);
    claims.insert("exp", issued_at.saturating_add(LIFETIME_S));
    claims.insert("jti", URL_SAFE_NO_PAD.encode(random::<24>()));
    claims
}

fn signed(app: &App, claims: &Object) -> Result<String> {
    let key = app.credentials.key.as_ref();
    let chain = app.credentials.chain.certificates();
    let ders: Vec<_> = chain.iter().map(|certificate| certificate.der().to_vec()).collect();
    let header = HeaderTemplate::new(key.algorithm()).x5c(&ders).build();
    Ok(sign(&header, claims.to_json().as_bytes(), key)?)
}

/// The JWT with another claim under the same signature.
pub(crate) fn tampered(jwt: &str, from: &str, to: &str) -> Result<String> {
    let segments: Vec<&str> = jwt.split('.').collect();
    let [header, payload, signature] = segments.as_slice() else {
        bail!("a JWT has three segments");
    };
    let claims = String::from_utf8(URL_SAFE_NO_PAD.decode(payload)?)?;
    ensure!(claims.contains(from), "there is nothing to tamper with");
    let claims = URL_SAFE_NO_PAD.encode(claims.replace(from, to));
    Ok(format!("{header}.{claims}.{signature}"))
}

/// Holds an answer to a refusal with this status and code; what was answered, for a person.
pub(crate) fn refused(answer: &HttpResponse, status: u16, code: &str) -> Result<String> {
    let object = read_object(&answer.body, &Limits::new(ANSWER_LIMIT))
        .with_context(|| format!("status {} without a JSON object", answer.status))?;
    let told = told(answer);
    ensure!(
        answer.status == status && object.optional_str("error")? == Some(code),
        "expected {status} {code}, but got {told}"
    );
    Ok(told)
}

/// What an endpoint answered, for a person: `400 invalid_client_metadata: …`.
pub(crate) fn told(answer: &HttpResponse) -> String {
    let object = read_object(&answer.body, &Limits::new(ANSWER_LIMIT)).unwrap_or_default();
    let member = |name| object.optional_str(name).ok().flatten().unwrap_or_default();
    let (code, description) = (member("error"), member("error_description"));
    match code {
        "" => answer.status.to_string(),
        code => format!("{} {code}: {description}", answer.status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tampers_with_a_claim_and_nothing_else() {
        let jwt = format!("aGVhZA.{}.c2ln", URL_SAFE_NO_PAD.encode(r#"{"scope":"a"}"#));
        let changed = tampered(&jwt, r#""a""#, r#""b""#).unwrap();
        assert_eq!(changed, format!("aGVhZA.{}.c2ln", URL_SAFE_NO_PAD.encode(r#"{"scope":"b"}"#)));
        assert!(tampered(&jwt, "nothing", "x").is_err());
        assert!(tampered("a.b", "a", "b").is_err());
    }

    #[test]
    fn a_refusal_for_another_reason_is_no_success() {
        let answer = |status, body: &str| HttpResponse { status, headers: Vec::new(), body: body.as_bytes().to_vec() };
        let body = r#"{"error":"invalid_client","error_description":"No."}"#;
        assert_eq!(refused(&answer(401, body), 401, "invalid_client").unwrap(), "401 invalid_client: No.");
        assert!(refused(&answer(400, body), 401, "invalid_client").is_err());
        assert!(refused(&answer(401, body), 401, "invalid_request").is_err());
        assert!(refused(&answer(200, r#"{"access_token":"x"}"#), 401, "invalid_client").is_err());
        assert!(refused(&answer(500, "oops"), 401, "invalid_client").is_err());
    }
}
