//! The address of a request: which interaction with which resource.
//!
//! ```text
//! path    = base-path *( "/" segment )
//! /metadata                       capabilities     GET
//! /{type}                         search-type      GET;  create  POST
//! /{type}/_search                 search-type      POST
//! /{type}/{id}                    read  GET;  update  PUT;  delete  DELETE
//! /{type}/{id}/_history           history-instance GET
//! /{type}/{id}/_history/{vid}     vread            GET
//! id, vid = 1*64( ALPHA / DIGIT / "-" / "." )      neither "." nor ".."
//! ```
//!
//! The path is split before anything is decoded, so that an encoded slash separates nothing; it is a part of a segment
//! then, and no segment may hold one. HEAD is judged as GET.
//!
//! Source: FHIR R4 "RESTful API" §3.1.0; security invariants 39 and 40

use http::Method;

use super::percent::{Plus, decode};
use super::resource_type::ResourceType;
use crate::rejection::Rejection;

/// What a request asks to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Interaction {
    /// The server's `CapabilityStatement`.
    Capabilities,
    /// One resource as it stands.
    Read(Instance),
    /// One version of a resource.
    Vread(Instance, Id),
    /// The versions of one resource.
    HistoryInstance(Instance),
    /// The resources of a type that match.
    SearchType(ResourceType, SearchForm),
    /// A new resource.
    Create(ResourceType),
    /// The next version of a resource, or its first under this id.
    Update(Instance),
    /// The end of a resource.
    Delete(Instance),
}

/// One resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Instance {
    /// Its type.
    pub(crate) resource_type: ResourceType,
    /// Its logical id.
    pub(crate) id: Id,
}

/// How the parameters of a search come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SearchForm {
    /// In the query of a GET.
    Query,
    /// As the form of a POST to `_search`.
    Form,
}

/// A logical or version id, of FHIR's grammar and no dot segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Id(String);

impl Id {
    fn parse(text: &str) -> Option<Self> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
            && !matches!(text, "." | "..");
        fits.then(|| Self(text.to_owned()))
    }

    /// Its text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Interaction {
    /// Reads method and path; `base_path` is the path of the base URL without a slash at its end.
    pub(crate) fn parse(method: &Method, path: &str, base_path: &str) -> Result<Self, Rejection> {
        let below = path.strip_prefix(base_path).ok_or(Rejection::UnknownAddress)?;
        let method = Verb::of(method);
        if matches!(below, "" | "/") {
            return Err(at_the_base(method));
        }
        let below = below.strip_prefix('/').ok_or(Rejection::UnknownAddress)?;
        let segments = segments(below)?;
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match segments.as_slice() {
            ["metadata"] => match method {
                Verb::Get => Ok(Self::Capabilities),
                _ => Err(Rejection::MethodNotAllowed { allow: "GET, HEAD" }),
            },
            ["_history"] => Err(Rejection::not_opened("system-history", "the history of the whole server")),
            ["_search"] => Err(Rejection::not_opened("system-search", "search over all types")),
            [name, ..] if name.starts_with('$') => Err(operation()),
            [name, rest @ ..] => {
                let resource_type = ResourceType::parse(name).ok_or(Rejection::UnknownType)?;
                below_type(method, resource_type, rest)
            }
            [] => Err(Rejection::UnknownAddress),
        }
    }

    /// FHIR's code for the interaction, for logs and audit.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Capabilities => "capabilities",
            Self::Read(_) => "read",
            Self::Vread(..) => "vread",
            Self::HistoryInstance(_) => "history-instance",
            Self::SearchType(..) => "search-type",
            Self::Create(_) => "create",
            Self::Update(_) => "update",
            Self::Delete(_) => "delete",
        }
    }

    /// The type it concerns; `None` for the capabilities.
    pub(crate) fn resource_type(&self) -> Option<ResourceType> {
        match self {
            Self::Capabilities => None,
            Self::SearchType(resource_type, _) | Self::Create(resource_type) => Some(*resource_type),
            Self::Read(instance)
            | Self::Vread(instance, _)
            | Self::HistoryInstance(instance)
            | Self::Update(instance)
            | Self::Delete(instance) => Some(instance.resource_type),
        }
    }

    /// The id of the one resource it concerns.
    pub(crate) fn id(&self) -> Option<&Id> {
        match self {
            Self::Capabilities | Self::SearchType(..) | Self::Create(_) => None,
            Self::Read(instance)
            | Self::Vread(instance, _)
            | Self::HistoryInstance(instance)
            | Self::Update(instance)
            | Self::Delete(instance) => Some(&instance.id),
        }
    }

    /// Its path below a base URL, from the parts that were understood; every character of it is unreserved.
    pub(crate) fn path(&self) -> String {
        let Some(resource_type) = self.resource_type() else {
            return "metadata".to_owned();
        };
        let name = resource_type.as_str();
        let id = self.id().map(Id::as_str).unwrap_or_default();
        match self {
            Self::SearchType(_, SearchForm::Form) => format!("{name}/_search"),
            Self::HistoryInstance(_) => format!("{name}/{id}/_history"),
            Self::Vread(_, version) => format!("{name}/{id}/_history/{}", version.as_str()),
            _ if id.is_empty() => name.to_owned(),
            _ => format!("{name}/{id}"),
        }
    }

    /// Whether a resource comes with it.
    pub(crate) fn carries_resource(&self) -> bool {
        matches!(self, Self::Create(_) | Self::Update(_))
    }

    /// Whether a body comes with it: a resource or a form.
    pub(crate) fn has_body(&self) -> bool {
        self.carries_resource() || matches!(self, Self::SearchType(_, SearchForm::Form))
    }

    /// Whether it changes something.
    pub(crate) fn is_write(&self) -> bool {
        matches!(self, Self::Create(_) | Self::Update(_) | Self::Delete(_))
    }
}

/// The methods that mean something here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Get,
    Post,
    Put,
    Delete,
    Other,
}

impl Verb {
    fn of(method: &Method) -> Self {
        match *method {
            Method::GET | Method::HEAD => Self::Get,
            Method::POST => Self::Post,
            Method::PUT => Self::Put,
            Method::DELETE => Self::Delete,
            _ => Self::Other,
        }
    }
}

/// The deepest address has four segments; more are not looked at.
const MOST_SEGMENTS: usize = 4;

fn segments(below: &str) -> Result<Vec<String>, Rejection> {
    let mut segments = Vec::with_capacity(MOST_SEGMENTS);
    for (count, raw) in below.split('/').enumerate() {
        if count == MOST_SEGMENTS {
            return Err(Rejection::UnknownAddress);
        }
        let segment = decode(raw, Plus::Itself).ok_or(Rejection::MalformedPath)?;
        let is_plain = !matches!(segment.as_str(), "" | "." | "..")
            && !segment.contains(['/', '\\', ';', '?', '#', '%'])
            && segment.is_ascii();
        if !is_plain {
            return Err(Rejection::MalformedPath);
        }
        segments.push(segment);
    }
    Ok(segments)
}

fn at_the_base(method: Verb) -> Rejection {
    match method {
        Verb::Post => Rejection::not_opened("batch", "batches and transactions"),
        Verb::Get => Rejection::not_opened("system-search", "search over all types"),
        Verb::Delete => Rejection::not_opened("conditional-delete", "conditional delete"),
        Verb::Put | Verb::Other => Rejection::MethodNotAllowed { allow: "GET, HEAD, POST" },
    }
}

fn below_type(method: Verb, resource_type: ResourceType, rest: &[&str]) -> Result<Interaction, Rejection> {
    match (method, rest) {
        (_, [name, ..] | [_, name, ..]) if name.starts_with('$') => Err(operation()),
        (Verb::Get, []) => Ok(Interaction::SearchType(resource_type, SearchForm::Query)),
        (Verb::Post, []) => Ok(Interaction::Create(resource_type)),
        (Verb::Put, []) => Err(Rejection::not_opened("conditional-update", "conditional update")),
        (Verb::Delete, []) => Err(Rejection::not_opened("conditional-delete", "conditional delete")),
        (Verb::Other, []) => Err(Rejection::MethodNotAllowed { allow: "GET, HEAD, POST" }),
        (Verb::Post, ["_search"]) => Ok(Interaction::SearchType(resource_type, SearchForm::Form)),
        (_, ["_search"]) => Err(Rejection::MethodNotAllowed { allow: "POST" }),
        (_, ["_history"]) => Err(Rejection::not_opened("type-history", "the history of a whole type")),
        (_, [id, rest @ ..]) => {
            let id = Id::parse(id).ok_or(Rejection::MalformedPath)?;
            below_instance(method, Instance { resource_type, id }, rest)
        }
    }
}

fn below_instance(method: Verb, instance: Instance, rest: &[&str]) -> Result<Interaction, Rejection> {
    match (method, rest) {
        (Verb::Get, []) => Ok(Interaction::Read(instance)),
        (Verb::Put, []) => Ok(Interaction::Update(instance)),
        (Verb::Delete, []) => Ok(Interaction::Delete(instance)),
        (_, []) => Err(Rejection::MethodNotAllowed { allow: "GET, HEAD, PUT, DELETE" }),
        (Verb::Get, ["_history"]) => Ok(Interaction::HistoryInstance(instance)),
        (Verb::Get, ["_history", version]) => {
            let version = Id::parse(version).ok_or(Rejection::MalformedPath)?;
            Ok(Interaction::Vread(instance, version))
        }
        (_, ["_history"] | ["_history", _]) => Err(Rejection::MethodNotAllowed { allow: "GET, HEAD" }),
        (_, [name]) if *name == "*" || ResourceType::parse(name).is_some() => {
            Err(Rejection::not_opened("compartment-search", "search in a compartment"))
        }
        _ => Err(Rejection::UnknownAddress),
    }
}

fn operation() -> Rejection {
    Rejection::not_opened("operation", "operations")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(method: &str, path: &str) -> Result<Interaction, Rejection> {
        Interaction::parse(&method.parse().unwrap(), path, "/fhir")
    }

    fn reason(method: &str, path: &str) -> &'static str {
        parse(method, path).unwrap_err().rule().reason_code
    }

    #[test]
    fn understands_every_interaction_and_builds_its_path_again() {
        for (method, path, code) in [
            ("GET", "metadata", "capabilities"),
            ("HEAD", "metadata", "capabilities"),
            ("GET", "Patient", "search-type"),
            ("POST", "Patient/_search", "search-type"),
            ("POST", "Patient", "create"),
            ("GET", "Patient/a-1.B", "read"),
            ("HEAD", "Patient/1", "read"),
            ("PUT", "Patient/1", "update"),
            ("DELETE", "Patient/1", "delete"),
            ("GET", "Patient/1/_history", "history-instance"),
            ("GET", "Patient/1/_history/2", "vread"),
        ] {
            let interaction = parse(method, &format!("/fhir/{path}")).unwrap();
            assert_eq!(interaction.code(), code);
            assert_eq!(interaction.path(), path);
        }
    }

    #[test]
    fn decodes_a_segment_once() {
        assert_eq!(parse("GET", "/fhir/%50atient/%31").unwrap().path(), "Patient/1");
        assert_eq!(reason("GET", "/fhir/Patient/%2531"), "path-malformed");
    }

    #[test]
    fn refuses_encoded_separators_dot_segments_and_controls() {
        for path in [
            "/fhir/Patient%2f1",
            "/fhir/Patient/1%2F_history",
            "/fhir/Patient/%5c",
            "/fhir/Patient/.",
            "/fhir/Patient/..",
            "/fhir/Patient/%2e%2E",
            "/fhir/../admin",
            "/fhir/./Patient",
            "/fhir//Patient",
            "/fhir/Patient/",
            "/fhir/Patient//1",
            "/fhir/Patient/1;v=2",
            "/fhir/Patient/1%3fx=1",
            "/fhir/Patient/1%23",
            "/fhir/Patient/1%00",
            "/fhir/Patient/1%0d%0aX:1",
            "/fhir/Patient/%",
            "/fhir/Patient/a_b",
            "/fhir/Patient/ä",
            "/fhir/Patient/1/_history/a%20b",
        ] {
            assert_eq!(reason("GET", path), "path-malformed", "{path}");
        }
        let long = format!("/fhir/Patient/{}", "a".repeat(65));
        assert_eq!(reason("GET", &long), "path-malformed");
    }

    #[test]
    fn refuses_unknown_types_and_addresses() {
        for path in ["/fhir/patient", "/fhir/Parameters", "/fhir/Resource/1", "/fhir/.well-known", "/fhir/*"] {
            assert_eq!(reason("GET", path), "type-unknown", "{path}");
        }
        for path in ["/fhirx/Patient", "/other", "/fhir/Patient/1/x", "/fhir/Patient/1/_history/2/3", "/fhir/a/b/c/d/e"]
        {
            assert_eq!(reason("GET", path), "address-unknown", "{path}");
        }
    }

    #[test]
    fn refuses_what_is_not_opened_yet() {
        for (method, path, code) in [
            ("POST", "/fhir", "batch"),
            ("POST", "/fhir/", "batch"),
            ("GET", "/fhir", "system-search"),
            ("GET", "/fhir/_history", "system-history"),
            ("POST", "/fhir/_search", "system-search"),
            ("GET", "/fhir/Patient/_history", "type-history"),
            ("PUT", "/fhir/Patient", "conditional-update"),
            ("DELETE", "/fhir/Patient", "conditional-delete"),
            ("GET", "/fhir/Patient/1/Observation", "compartment-search"),
            ("GET", "/fhir/Patient/1/*", "compartment-search"),
            ("POST", "/fhir/$export", "operation"),
            ("GET", "/fhir/Patient/$match", "operation"),
            ("GET", "/fhir/Patient/%24match", "operation"),
            ("GET", "/fhir/Patient/1/$everything", "operation"),
        ] {
            assert_eq!(reason(method, path), code, "{method} {path}");
        }
    }

    #[test]
    fn refuses_other_methods_naming_those_that_are_allowed() {
        for (method, path, allowed) in [
            ("PATCH", "/fhir/Patient/1", "GET, HEAD, PUT, DELETE"),
            ("POST", "/fhir/Patient/1", "GET, HEAD, PUT, DELETE"),
            ("GET", "/fhir/Patient/_search", "POST"),
            ("POST", "/fhir/metadata", "GET, HEAD"),
            ("TRACE", "/fhir/Patient", "GET, HEAD, POST"),
            ("OPTIONS", "/fhir", "GET, HEAD, POST"),
            ("DELETE", "/fhir/Patient/1/_history/2", "GET, HEAD"),
        ] {
            let refused = parse(method, path).unwrap_err();
            assert!(matches!(refused, Rejection::MethodNotAllowed { allow } if allow == allowed), "{method} {path}");
        }
    }

    #[test]
    fn a_base_may_be_a_whole_origin() {
        let interaction = Interaction::parse(&Method::GET, "/Patient/1", "").unwrap();
        assert_eq!(interaction.path(), "Patient/1");
    }
}
