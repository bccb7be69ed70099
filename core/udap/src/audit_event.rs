//! FHIR R4 AuditEvent: a decision in the form that health organizations already collect.
//!
//! The builder knows the resource's shape and nothing of what happened; who calls it says that in codings and details,
//! and never in secrets, tokens or resource bodies.
//!
//! Source: FHIR R4 AuditEvent; RFC 3881; DICOM PS3.15 §A.5

mod purpose;
mod wire;

use serde::Serialize;
use serde_json::Value;

pub use self::purpose::AuditPurpose;

/// The code system of DICOM's audit messages.
pub const DICOM: &str = "http://dicom.nema.org/resources/ontology/DCM";
/// The code system of FHIR's own event types.
pub const AUDIT_EVENT_TYPE: &str = "http://terminology.hl7.org/CodeSystem/audit-event-type";
/// The code system of FHIR's interactions, as subtypes of [`AuditKind::rest`].
pub const RESTFUL_INTERACTION: &str = "http://hl7.org/fhir/restful-interaction";
/// The code system of what an entity is.
const ENTITY_TYPE: &str = "http://terminology.hl7.org/CodeSystem/audit-entity-type";
/// The code system of what an event's source is.
const SOURCE_TYPE: &str = "http://terminology.hl7.org/CodeSystem/security-source-type";

/// A code of a system, with the words for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Coding {
    /// The code system, a URI.
    pub system: String,
    /// The code.
    pub code: String,
    /// The words; left out when empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub display: String,
}

impl Coding {
    /// A code with its words.
    #[must_use]
    pub fn new(system: impl Into<String>, code: impl Into<String>, display: impl Into<String>) -> Self {
        Self { system: system.into(), code: code.into(), display: display.into() }
    }
}

/// What kind of event it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditKind {
    /// The type.
    pub kind: Coding,
    /// The type in more detail.
    pub subtypes: Vec<Coding>,
    /// What was done to the record it is about.
    pub action: AuditAction,
}

impl AuditKind {
    /// An access to FHIR data, by the name of its interaction.
    #[must_use]
    pub fn rest(interaction: &str, action: AuditAction) -> Self {
        let subtype = Coding::new(RESTFUL_INTERACTION, interaction, interaction);
        Self { kind: Coding::new(AUDIT_EVENT_TYPE, "rest", "RESTful Operation"), subtypes: vec![subtype], action }
    }

    /// A client proves who it is and is given a token, or not.
    #[must_use]
    pub fn authentication(subtype: Coding) -> Self {
        let kind = Coding::new(DICOM, "110114", "User Authentication");
        Self { kind, subtypes: vec![subtype], action: AuditAction::Execute }
    }

    /// What somebody may do is changed: a registration, its end, a block, a revocation.
    #[must_use]
    pub fn security_change(subtype: Coding, action: AuditAction) -> Self {
        let kind = Coding::new(DICOM, "110137", "User Security Attributes Changed");
        Self { kind, subtypes: vec![subtype], action }
    }
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditAction {
    /// C
    Create,
    /// R
    Read,
    /// U
    Update,
    /// D
    Delete,
    /// E
    Execute,
}

impl AuditAction {
    const fn code(self) -> &'static str {
        match self {
            Self::Create => "C",
            Self::Read => "R",
            Self::Update => "U",
            Self::Delete => "D",
            Self::Execute => "E",
        }
    }
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditEventOutcome {
    /// 0
    Success,
    /// 4: the caller's fault, with a word that says which.
    MinorFailure(String),
    /// 8: our fault, with a word that says which.
    SeriousFailure(String),
}

/// Somebody who took part.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditAgent {
    /// In which part, as a coding.
    pub kind: Option<Coding>,
    /// By which identifier, a URI or client_id.
    pub identifier: Option<String>,
    /// In which system the identifier is a value, a URI.
    pub identifier_system: Option<String>,
    /// What people call it.
    pub name: Option<String>,
    /// Whether it started the event.
    pub requestor: bool,
    /// Its network address.
    pub address: Option<String>,
    /// Why it acted, by codes as stated (`system#code` or a code).
    pub purpose_of_use: Vec<String>,
}

/// Who recorded it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditSource {
    /// Where, in the organization's own words.
    pub site: Option<String>,
    /// The URI or name of the recording system.
    pub observer: String,
}

/// Something that it was about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditEntity {
    /// A FHIR reference or another identifier.
    pub what: Option<AuditReference>,
    /// What people call it.
    pub name: Option<String>,
    /// What it is in words.
    pub description: Option<String>,
    /// Further facts by name; empty values are left out, for FHIR has no empty strings.
    pub details: Vec<(String, String)>,
}

/// How an entity is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditReference {
    /// `Patient/1`
    Resource(String),
    /// Any other identifier.
    Identifier(String),
}

/// An AuditEvent in the making.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    kind: AuditKind,
    outcome: AuditEventOutcome,
    recorded: String,
    source: AuditSource,
    purposes: Vec<String>,
    agents: Vec<AuditAgent>,
    entities: Vec<AuditEntity>,
}

impl AuditEvent {
    /// An event of a kind, with its outcome, the instant as RFC 3339 text, and who recorded it.
    #[must_use]
    pub fn new(kind: AuditKind, outcome: AuditEventOutcome, recorded: impl Into<String>, source: AuditSource) -> Self {
        Self {
            kind,
            outcome,
            recorded: recorded.into(),
            source,
            purposes: Vec::new(),
            agents: Vec::new(),
            entities: Vec::new(),
        }
    }

    /// With somebody who took part; FHIR wants at least one.
    #[must_use]
    pub fn agent(mut self, agent: AuditAgent) -> Self {
        self.agents.push(agent);
        self
    }

    /// With something that it was about.
    #[must_use]
    pub fn entity(mut self, entity: AuditEntity) -> Self {
        self.entities.push(entity);
        self
    }

    /// With the purposes for which it happened, as stated (`system#code` or a code).
    #[must_use]
    pub fn purposes<S: AsRef<str>>(mut self, purposes: impl IntoIterator<Item = S>) -> Self {
        self.purposes.extend(purposes.into_iter().map(|purpose| purpose.as_ref().to_owned()));
        self
    }

    /// The resource as a tree. Without an agent it has one that is unknown.
    #[must_use]
    pub fn to_json(&self) -> Value {
        serde_json::to_value(self).expect("an event of texts and flags is JSON")
    }

    /// The resource as a line of JSON, without the line's end.
    #[must_use]
    pub fn to_line(&self) -> String {
        serde_json::to_string(self).expect("an event of texts and flags is JSON")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn source() -> AuditSource {
        AuditSource { site: None, observer: "https://data.example/fhir".to_owned() }
    }

    #[test]
    fn tells_who_did_what_for_which_purpose() {
        let agent = AuditAgent {
            identifier: Some("https://app.example/udap".to_owned()),
            identifier_system: Some("urn:ietf:rfc:3986".to_owned()),
            name: Some("Example App".to_owned()),
            requestor: true,
            address: Some("192.0.2.1".to_owned()),
            purpose_of_use: vec!["urn:oid:2.16.840.1.113883.5.8#TREAT".to_owned()],
            kind: None,
        };
        let entity = AuditEntity {
            what: Some(AuditReference::Identifier("c1".to_owned())),
            details: vec![("scope".to_owned(), "system/Patient.rs".to_owned()), ("empty".to_owned(), String::new())],
            ..AuditEntity::default()
        };
        let kind = AuditKind::authentication(Coding::new("urn:example:audit", "token", ""));
        let event = AuditEvent::new(kind, AuditEventOutcome::Success, "2027-01-15T08:00:00Z", source())
            .agent(agent)
            .entity(entity)
            .purposes(["urn:oid:2.16.840.1.113883.5.8#TREAT", "plain"]);
        let who = json!({ "identifier": { "system": "urn:ietf:rfc:3986", "value": "https://app.example/udap" } });
        let treatment = json!({ "coding": [{ "system": "urn:oid:2.16.840.1.113883.5.8", "code": "TREAT" }] });
        let expected = json!({
            "resourceType": "AuditEvent",
            "type": { "system": DICOM, "code": "110114", "display": "User Authentication" },
            "subtype": [{ "system": "urn:example:audit", "code": "token" }],
            "action": "E",
            "recorded": "2027-01-15T08:00:00Z",
            "outcome": "0",
            "purposeOfEvent": [treatment, { "text": "plain" }],
            "agent": [{
                "who": who,
                "name": "Example App",
                "requestor": true,
                "network": { "address": "192.0.2.1", "type": "2" },
                "purposeOfUse": [treatment],
            }],
            "source": {
                "observer": { "display": "https://data.example/fhir" },
                "type": [{ "system": SOURCE_TYPE, "code": "6", "display": "Security Server" }],
            },
            "entity": [{
                "what": { "identifier": { "value": "c1" } },
                "type": { "system": ENTITY_TYPE, "code": "2", "display": "System Object" },
                "detail": [{ "type": "scope", "valueString": "system/Patient.rs" }],
            }],
        });
        assert_eq!(event.to_json(), expected);
        assert_eq!(serde_json::from_str::<Value>(&event.to_line()).unwrap(), expected);
    }

    #[test]
    fn a_failure_has_its_code_and_word() {
        let event = |outcome| {
            let kind = AuditKind::rest("read", AuditAction::Read);
            AuditEvent::new(kind, outcome, "2027-01-15T08:00:00Z", source()).to_json()
        };
        let minor = event(AuditEventOutcome::MinorFailure("token-expired".to_owned()));
        assert_eq!((&minor["outcome"], &minor["outcomeDesc"]), (&json!("4"), &json!("token-expired")));
        assert_eq!(event(AuditEventOutcome::SeriousFailure("store-failed".to_owned()))["outcome"], "8");
        let success = event(AuditEventOutcome::Success);
        assert!(success.get("outcomeDesc").is_none() && success.get("entity").is_none());
        assert_eq!(success["agent"], json!([{ "requestor": true }]));
        assert_eq!(success["subtype"][0]["system"], RESTFUL_INTERACTION);
    }
}
