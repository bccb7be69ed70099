//! The grammar of method and path.
//!
//! Segments are compared as they were sent: type names and ids hold no character that needs percent-encoding, so an
//! encoded one is simply not one of them.
//!
//! Source: FHIR R4 `http.html#general`

use http::Method;

use super::outcome::Refusal;
use crate::identifier::ResourceId;
use crate::resource_type::ResourceType;

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Interaction {
    Capabilities,
    SearchType(ResourceType),
    SearchTypeByForm(ResourceType),
    Create(ResourceType),
    Read(ResourceType, ResourceId),
    VersionRead(ResourceType, ResourceId, u32),
    HistoryInstance(ResourceType, ResourceId),
    Update(ResourceType, ResourceId),
    Delete(ResourceType, ResourceId),
}

impl Interaction {
    /// Reads method and path; `HEAD` is answered as `GET`, without the body.
    pub(super) fn parse(method: &Method, path: &str) -> Result<Self, Refusal> {
        let is_get = method == Method::GET || method == Method::HEAD;
        let segments: Vec<&str> = path.trim_start_matches('/').splitn(5, '/').collect();
        match segments.as_slice() {
            ["metadata"] if is_get => Ok(Self::Capabilities),
            ["metadata"] => Err(Refusal::method("GET, HEAD")),
            [kind] => {
                let kind = resource_type(kind)?;
                match *method {
                    _ if is_get => Ok(Self::SearchType(kind)),
                    Method::POST => Ok(Self::Create(kind)),
                    _ => Err(Refusal::method("GET, HEAD, POST")),
                }
            }
            [kind, "_search"] => {
                let kind = resource_type(kind)?;
                match *method {
                    Method::POST => Ok(Self::SearchTypeByForm(kind)),
                    _ => Err(Refusal::method("POST")),
                }
            }
            [kind, id] => {
                let (kind, id) = (resource_type(kind)?, resource_id(id)?);
                match *method {
                    _ if is_get => Ok(Self::Read(kind, id)),
                    Method::PUT => Ok(Self::Update(kind, id)),
                    Method::DELETE => Ok(Self::Delete(kind, id)),
                    _ => Err(Refusal::method("GET, HEAD, PUT, DELETE")),
                }
            }
            [kind, id, "_history"] => {
                let (kind, id) = (resource_type(kind)?, resource_id(id)?);
                if is_get { Ok(Self::HistoryInstance(kind, id)) } else { Err(Refusal::method("GET, HEAD")) }
            }
            [kind, id, "_history", version] => {
                let (kind, id) = (resource_type(kind)?, resource_id(id)?);
                let number = version_number(version).ok_or_else(Refusal::unknown_version)?;
                if is_get { Ok(Self::VersionRead(kind, id, number)) } else { Err(Refusal::method("GET, HEAD")) }
            }
            _ => Err(Refusal::no_such_path()),
        }
    }
}

fn resource_type(segment: &str) -> Result<ResourceType, Refusal> {
    ResourceType::parse(segment).ok_or_else(Refusal::no_such_path)
}

fn resource_id(segment: &str) -> Result<ResourceId, Refusal> {
    ResourceId::parse(segment).ok_or_else(Refusal::no_such_path)
}

/// Version ids here are numbers from 1, written without leading zeros.
pub(super) fn version_number(text: &str) -> Option<u32> {
    let plain = !text.starts_with(['0', '+']);
    text.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_each_interaction() {
        let kind = ResourceType::Patient;
        let id = ResourceId::parse("a").unwrap();
        for (method, path, expected) in [
            (Method::GET, "/metadata", Interaction::Capabilities),
            (Method::GET, "/Patient", Interaction::SearchType(kind)),
            (Method::HEAD, "/Patient", Interaction::SearchType(kind)),
            (Method::POST, "/Patient", Interaction::Create(kind)),
            (Method::POST, "/Patient/_search", Interaction::SearchTypeByForm(kind)),
            (Method::GET, "/Patient/a", Interaction::Read(kind, id.clone())),
            (Method::PUT, "/Patient/a", Interaction::Update(kind, id.clone())),
            (Method::DELETE, "/Patient/a", Interaction::Delete(kind, id.clone())),
            (Method::GET, "/Patient/a/_history", Interaction::HistoryInstance(kind, id.clone())),
            (Method::GET, "/Patient/a/_history/3", Interaction::VersionRead(kind, id.clone(), 3)),
        ] {
            assert_eq!(Interaction::parse(&method, path).unwrap(), expected, "{method} {path}");
        }
    }

    #[test]
    fn knows_no_other_path() {
        for path in [
            "/",
            "",
            "/Bundle",
            "/patient",
            "/Patient/",
            "/Patient/a/",
            "/Patient/a/b",
            "/Patient/_history",
            "/Patient/$everything",
            "/Patient/a/_history/",
            "/Patient/a/_history/01",
            "/Patient/a/_history/x",
            "/Patient/a/_history/1/x",
            "/Patient/%61",
            "/Patient/..",
            "/_history",
            "/Patient/a/_history/99999999999",
        ] {
            // `..` is a well-formed id by the grammar and names nothing; all others are no path.
            if path != "/Patient/.." {
                assert!(Interaction::parse(&Method::GET, path).is_err(), "{path}");
            }
        }
    }

    #[test]
    fn knows_no_other_method() {
        for (method, path) in [
            (Method::POST, "/metadata"),
            (Method::PUT, "/Patient"),
            (Method::DELETE, "/Patient"),
            (Method::PATCH, "/Patient/a"),
            (Method::POST, "/Patient/a"),
            (Method::GET, "/Patient/_search"),
            (Method::DELETE, "/Patient/a/_history"),
            (Method::DELETE, "/Patient/a/_history/1"),
            (Method::POST, "/"),
        ] {
            assert!(Interaction::parse(&method, path).is_err(), "{method} {path}");
        }
    }
}
