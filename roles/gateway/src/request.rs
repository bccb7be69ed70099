//! A FHIR request by our own grammar: base, type, id, interaction, parameters and the few headers that mean something.
//!
//! What is not understood is refused; nothing of what was received is passed on as it came. The alternative, to look for
//! what is forbidden and pass the rest, must know every server's every door.
//!
//! Source: security invariant 39

pub(crate) mod headers;
pub(crate) mod media;
pub(crate) mod parameters;
pub(crate) mod path;
pub(crate) mod percent;
pub(crate) mod resource_type;

use http::request::Parts;
use http::{HeaderMap, Method};

use self::parameters::Parameters;
use self::path::{Id, Interaction, SearchForm};
use crate::audit::AuditRequest;
use crate::rejection::Rejection;

/// A request that was understood and is not yet permitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FhirRequest {
    pub(crate) interaction: Interaction,
    pub(crate) parameters: Parameters,
    /// The headers that go upstream: conditions and `Prefer`.
    pub(crate) headers: HeaderMap,
    /// Whether the caller wants the head of the answer alone.
    pub(crate) head_only: bool,
}

impl FhirRequest {
    /// Reads the head of a request; host and scheme have no say in it.
    pub(crate) fn parse(parts: &Parts, base_path: &str) -> Result<Self, Rejection> {
        let interaction = Interaction::parse(&parts.method, parts.uri.path(), base_path)?;
        let parameters = Parameters::of_query(parts.uri.query(), &interaction)?;
        let headers = headers::judge(&parts.headers, &interaction, parameters.ask_for_json())?;
        Ok(Self { interaction, parameters, headers, head_only: parts.method == Method::HEAD })
    }

    /// The method for upstream.
    pub(crate) fn method(&self) -> Method {
        match self.interaction {
            Interaction::Create(_) | Interaction::SearchType(_, SearchForm::Form) => Method::POST,
            Interaction::Update(_) => Method::PUT,
            Interaction::Delete(_) => Method::DELETE,
            _ if self.head_only => Method::HEAD,
            _ => Method::GET,
        }
    }

    /// What the audit says of it.
    pub(crate) fn described(&self) -> AuditRequest {
        AuditRequest {
            interaction: Some(self.interaction.code()),
            resource_type: self.interaction.resource_type().map(|resource_type| resource_type.as_str()),
            id: self.interaction.id().map(Id::as_str).map(str::to_owned),
        }
    }
}
