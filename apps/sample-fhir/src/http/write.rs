//! Create, update and delete.
//!
//! Source: FHIR R4 `http.html#create`, `#update`, `#upsert`, `#delete`

use axum::body::Bytes;
use axum::response::Response;
use http::StatusCode;
use http::header::{HeaderMap, HeaderName, HeaderValue, LOCATION};
use serde_json::json;

use super::outcome::Refusal;
use super::prefer::{self, Return};
use super::{Service, conditional, respond};
use crate::identifier::ResourceId;
use crate::resource::Draft;
use crate::resource_type::ResourceType;
use crate::search::index::Interner;
use crate::store::{Change, Written};

static IF_NONE_EXIST: HeaderName = HeaderName::from_static("if-none-exist");

impl Service {
    /// The server names the resource: an id in the body is ignored.
    pub(super) fn create(&self, kind: ResourceType, headers: &HeaderMap, body: &[u8]) -> Result<Response, Refusal> {
        if headers.contains_key(&IF_NONE_EXIST) {
            // Ignored, it would make the second copy that the client wants to rule out.
            return Err(Refusal::new(
                StatusCode::NOT_IMPLEMENTED,
                "not-supported",
                "conditional create is not supported here",
            ));
        }
        let draft = Draft::read(body, kind, &mut Interner::default())?;
        let written = self.stored_mut().create(&draft, Self::now())?;
        Ok(self.answer_written(kind, &written, headers))
    }

    /// A resource that does not exist is created under the id of the path.
    pub(super) fn update(
        &self,
        kind: ResourceType,
        id: ResourceId,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Response, Refusal> {
        let expected = conditional::expected(headers)?;
        let draft = Draft::read(body, kind, &mut Interner::default())?;
        if draft.id() != Some(id.as_str()) {
            return Err(Refusal::invalid("the resource must carry the id of the path"));
        }
        let written = self.stored_mut().update(&draft, id, &expected, Self::now())?;
        Ok(self.answer_written(kind, &written, headers))
    }

    /// Also 204 where there was nothing to delete: what the client wants is so.
    pub(super) fn delete(&self, kind: ResourceType, id: &ResourceId, headers: &HeaderMap) -> Result<Response, Refusal> {
        let expected = conditional::expected(headers)?;
        let mark = self.stored_mut().delete(kind, id, &expected, Self::now())?;
        let mut response = Response::default();
        *response.status_mut() = StatusCode::NO_CONTENT;
        Ok(mark.map_or(response, |mark| respond::bare(StatusCode::NO_CONTENT, &mark)))
    }

    fn answer_written(&self, kind: ResourceType, written: &Written, headers: &HeaderMap) -> Response {
        let Written { id, version } = written;
        let status = match version.change {
            Change::Created | Change::CreatedByUpdate => StatusCode::CREATED,
            Change::Updated | Change::Deleted => StatusCode::OK,
        };
        let mut response = match prefer::wanted_return(headers) {
            Return::Representation => respond::version(status, version, version.body.clone()),
            Return::Minimal => respond::bare(status, version),
            Return::OperationOutcome => respond::version(status, version, done()),
        };
        let location = format!("{}/{}/{id}/_history/{}", self.base, kind.name(), version.number);
        if let Ok(location) = HeaderValue::try_from(location) {
            response.headers_mut().insert(LOCATION, location);
        }
        response
    }
}

fn done() -> Bytes {
    let outcome = json!({
        "resourceType": "OperationOutcome",
        "issue": [{ "severity": "information", "code": "informational", "diagnostics": "the resource has been stored" }],
    });
    outcome.to_string().into()
}
