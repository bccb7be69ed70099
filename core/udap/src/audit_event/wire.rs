//! The resource as JSON, written straight from the event: one is written for every request, so no tree is built.
//!
//! FHIR's JSON has no null, no empty string and no empty array, so what has no value is left out.

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use super::{
    AuditAgent, AuditEntity, AuditEvent, AuditEventOutcome, AuditReference, AuditSource, Coding, ENTITY_TYPE,
    SOURCE_TYPE,
};

impl Serialize for AuditEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (code, text) = match &self.outcome {
            AuditEventOutcome::Success => ("0", None),
            AuditEventOutcome::MinorFailure(text) => ("4", Some(text)),
            AuditEventOutcome::SeriousFailure(text) => ("8", Some(text)),
        };
        let unknown = [AuditAgent { requestor: true, ..AuditAgent::default() }];
        let agents = if self.agents.is_empty() { &unknown[..] } else { &self.agents };
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("resourceType", "AuditEvent")?;
        map.serialize_entry("type", &self.kind.kind)?;
        list(&mut map, "subtype", &self.kind.subtypes)?;
        map.serialize_entry("action", self.kind.action.code())?;
        map.serialize_entry("recorded", &self.recorded)?;
        map.serialize_entry("outcome", code)?;
        text_of(&mut map, "outcomeDesc", text)?;
        list(&mut map, "purposeOfEvent", &concepts(&self.purposes))?;
        map.serialize_entry("agent", agents)?;
        map.serialize_entry("source", &self.source)?;
        list(&mut map, "entity", &self.entities)?;
        map.end()
    }
}

impl Serialize for AuditAgent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(coding) = &self.kind {
            map.serialize_entry("type", &Codings { coding: [coding] })?;
        }
        if let Some(value) = &self.identifier {
            map.serialize_entry(
                "who",
                &Identified { identifier: Identifier { system: self.identifier_system.as_deref(), value } },
            )?;
        }
        text_of(&mut map, "name", self.name.as_ref())?;
        map.serialize_entry("requestor", &self.requestor)?;
        if let Some(address) = &self.address {
            // "2" is an IP address in FHIR's table of network types.
            map.serialize_entry("network", &Network { address, kind: "2" })?;
        }
        list(&mut map, "purposeOfUse", &concepts(&self.purpose_of_use))?;
        map.end()
    }
}

impl Serialize for AuditSource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        text_of(&mut map, "site", self.site.as_ref())?;
        map.serialize_entry("observer", &Display { display: &self.observer })?;
        map.serialize_entry("type", &[Code { system: SOURCE_TYPE, code: "6", display: "Security Server" }])?;
        map.end()
    }
}

impl Serialize for AuditEntity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match &self.what {
            None => {}
            Some(AuditReference::Resource(reference)) => map.serialize_entry("what", &Reference { reference })?,
            Some(AuditReference::Identifier(value)) => {
                map.serialize_entry("what", &Identified { identifier: Identifier { system: None, value } })?;
            }
        }
        map.serialize_entry("type", &Code { system: ENTITY_TYPE, code: "2", display: "System Object" })?;
        text_of(&mut map, "name", self.name.as_ref())?;
        text_of(&mut map, "description", self.description.as_ref())?;
        let details = self.details.iter().filter(|(name, value)| !name.is_empty() && !value.is_empty());
        list(&mut map, "detail", &details.map(|(name, value)| Detail { name, value }).collect::<Vec<_>>())?;
        map.end()
    }
}

fn text_of<M: serde::ser::SerializeMap>(
    map: &mut M,
    name: &'static str,
    text: Option<&String>,
) -> Result<(), M::Error> {
    match text.filter(|text| !text.is_empty()) {
        Some(text) => map.serialize_entry(name, text),
        None => Ok(()),
    }
}

fn list<M: serde::ser::SerializeMap, T: Serialize>(
    map: &mut M,
    name: &'static str,
    items: &[T],
) -> Result<(), M::Error> {
    if items.is_empty() { Ok(()) } else { map.serialize_entry(name, items) }
}

/// Codes as stated: `system#code` is taken apart, anything else is text.
fn concepts(codes: &[String]) -> Vec<Concept<'_>> {
    codes
        .iter()
        .map(|stated| match stated.rsplit_once('#') {
            Some((system, code)) if !system.is_empty() && !code.is_empty() => {
                Concept::Coded { coding: [SystemCode { system, code }] }
            }
            _ => Concept::Text { text: stated },
        })
        .collect()
}

#[derive(Serialize)]
#[serde(untagged)]
enum Concept<'a> {
    Coded { coding: [SystemCode<'a>; 1] },
    Text { text: &'a str },
}

#[derive(Serialize)]
struct SystemCode<'a> {
    system: &'a str,
    code: &'a str,
}

#[derive(Serialize)]
struct Code<'a> {
    system: &'a str,
    code: &'a str,
    display: &'a str,
}

#[derive(Serialize)]
struct Codings<'a> {
    coding: [&'a Coding; 1],
}

#[derive(Serialize)]
struct Identified<'a> {
    identifier: Identifier<'a>,
}

#[derive(Serialize)]
struct Identifier<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<&'a str>,
    value: &'a str,
}

#[derive(Serialize)]
struct Reference<'a> {
    reference: &'a str,
}

#[derive(Serialize)]
struct Display<'a> {
    display: &'a str,
}

#[derive(Serialize)]
struct Network<'a> {
    address: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
}

#[derive(Serialize)]
struct Detail<'a> {
    #[serde(rename = "type")]
    name: &'a str,
    #[serde(rename = "valueString")]
    value: &'a str,
}
