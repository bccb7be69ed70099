//! JWTs as a test wants them: valid at first, then broken in one property.
//!
//! Written out by hand instead of with `tessera_jose::jws`, so that the judged and the judge share no code but the
//! signature itself.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};
use tessera_jose::key::{SigningKey, SoftwareKey};

use super::pki::Member;

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A jti that no other test uses.
pub fn fresh_jti() -> String {
    URL_SAFE_NO_PAD.encode(tessera_server::surroundings::random::<16>())
}

/// A JWT before it is signed.
#[derive(Debug, Clone)]
pub struct Jwt {
    pub header: Map<String, Value>,
    pub claims: Map<String, Value>,
}

impl Jwt {
    /// Header with `alg` and `x5c` of the member, claims as given.
    pub fn by(member: &Member, claims: Value) -> Self {
        let x5c: Vec<String> = member.chain.iter().map(|der| STANDARD.encode(der)).collect();
        let header = json!({"alg": member.key.algorithm().as_str(), "x5c": x5c});
        Self { header: header.as_object().unwrap().clone(), claims: claims.as_object().unwrap().clone() }
    }

    /// A software statement for client credentials.
    pub fn statement(member: &Member, registration_endpoint: &str) -> Self {
        let now = now();
        Self::by(
            member,
            json!({
                "iss": member.uri, "sub": member.uri, "aud": registration_endpoint,
                "iat": now, "exp": now + 300, "jti": fresh_jti(),
                "client_name": "Test app", "contacts": ["mailto:tester@example.com"],
                "grant_types": ["client_credentials"], "token_endpoint_auth_method": "private_key_jwt",
                "scope": "system/Patient.rs system/Observation.rs",
            }),
        )
    }

    /// An Authentication Token with an `hl7-b2b` object.
    pub fn assertion(member: &Member, client_id: &str, endpoint: &str) -> Self {
        let now = now();
        Self::by(
            member,
            json!({
                "iss": client_id, "sub": client_id, "aud": endpoint, "iat": now, "exp": now + 300, "jti": fresh_jti(),
                "extensions": {"hl7-b2b": {
                    "version": "1", "organization_id": "https://org.example/fhir/Organization/1",
                    "purpose_of_use": ["urn:oid:2.16.840.1.113883.5.8#TREAT"],
                }},
            }),
        )
    }

    #[must_use]
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    #[must_use]
    pub fn without_header(mut self, name: &str) -> Self {
        self.header.remove(name);
        self
    }

    /// Sets a member of the `hl7-b2b` object; null takes it out.
    #[must_use]
    pub fn b2b(mut self, name: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        let object = self.claims["extensions"]["hl7-b2b"].as_object_mut().unwrap();
        if value.is_null() {
            object.remove(name);
        } else {
            object.insert(name.to_owned(), value);
        }
        self
    }

    /// Compact serialization, signed with this key whatever the header says.
    pub fn sign(&self, key: &SoftwareKey) -> String {
        let encode = |map: &Map<String, Value>| URL_SAFE_NO_PAD.encode(Value::Object(map.clone()).to_string());
        sign_segments(&encode(&self.header), &encode(&self.claims), key)
    }
}

/// Signs segments that are already encoded.
pub fn sign_segments(header: &str, payload: &str, key: &SoftwareKey) -> String {
    let signature = key.sign(format!("{header}.{payload}").as_bytes()).unwrap();
    format!("{header}.{payload}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Header and claims of a JWT, unverified.
pub fn decode(jwt: &str) -> (Value, Value) {
    let mut segments = jwt.split('.').map(|segment| URL_SAFE_NO_PAD.decode(segment).unwrap());
    let header = serde_json::from_slice(&segments.next().unwrap()).unwrap();
    let claims = serde_json::from_slice(&segments.next().unwrap()).unwrap();
    (header, claims)
}
