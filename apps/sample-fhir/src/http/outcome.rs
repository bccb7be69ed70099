//! Every refusal as an `OperationOutcome` with its status.
//!
//! Source: FHIR R4 `operationoutcome.html`, `http.html#Status-Codes`, `valueset-issue-type.html`

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{ALLOW, ETAG, HeaderValue};
use serde_json::json;

use super::{conditional, respond};
use crate::resource::DraftError;
use crate::search::index::IndexError;
use crate::search::query::QueryError;
use crate::store::{Version, WriteRefusal};

/// Why a request is not done, in the words of HTTP and FHIR.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    /// From the value set of issue types.
    code: &'static str,
    /// Says what to change; holds nothing of the request but cleaned parameter names.
    diagnostics: String,
    allow: Option<&'static str>,
    etag: Option<HeaderValue>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: &'static str, diagnostics: impl Into<String>) -> Self {
        Self { status, code, diagnostics: diagnostics.into(), allow: None, etag: None }
    }

    pub(super) fn no_such_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-supported", "no such resource type or interaction here, see /metadata")
    }

    pub(super) fn method(allow: &'static str) -> Self {
        let refusal = Self::new(StatusCode::METHOD_NOT_ALLOWED, "not-supported", "this path does not have that method");
        Self { allow: Some(allow), ..refusal }
    }

    pub(super) fn unknown_resource() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "no resource of this type has this id")
    }

    pub(super) fn unknown_version() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "the resource does not have this version, or no longer")
    }

    pub(super) fn deleted(mark: &Version) -> Self {
        let refusal = Self::new(StatusCode::GONE, "deleted", "the resource has been deleted");
        Self { etag: conditional::etag(mark), ..refusal }
    }

    pub(super) fn invalid(diagnostics: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", diagnostics)
    }

    pub(super) fn body(status: StatusCode, limit: usize) -> Self {
        if status == StatusCode::PAYLOAD_TOO_LARGE {
            return Self::new(status, "too-long", format!("the body has more than {limit} bytes"));
        }
        Self::invalid("the body could not be read")
    }

    pub(super) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "exception", "the answer could not be made")
    }
}

impl From<QueryError> for Refusal {
    fn from(error: QueryError) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error.issue_code(), error.to_string())
    }
}

impl From<DraftError> for Refusal {
    fn from(error: DraftError) -> Self {
        let (status, code) = match error {
            DraftError::NotAJsonObject => (StatusCode::BAD_REQUEST, "structure"),
            DraftError::WrongType(_) => (StatusCode::BAD_REQUEST, "invalid"),
            DraftError::Missing(_) => (StatusCode::BAD_REQUEST, "required"),
            DraftError::Index(IndexError::WrongShape(_)) => (StatusCode::BAD_REQUEST, "structure"),
            // Good FHIR, but more than this store takes: a rule of the server.
            DraftError::Index(IndexError::TooMany) => (StatusCode::UNPROCESSABLE_ENTITY, "too-long"),
        };
        Self::new(status, code, error.to_string())
    }
}

impl From<WriteRefusal> for Refusal {
    fn from(refusal: WriteRefusal) -> Self {
        match refusal {
            WriteRefusal::PreconditionFailed => Self::new(
                StatusCode::PRECONDITION_FAILED,
                "conflict",
                "the resource is not in the version that the request names; read it again",
            ),
            WriteRefusal::Full => Self::new(
                StatusCode::INSUFFICIENT_STORAGE,
                "too-costly",
                "this small store is full; delete something first",
            ),
            WriteRefusal::Unwritable => Self::internal(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let outcome = json!({
            "resourceType": "OperationOutcome",
            "issue": [{ "severity": "error", "code": self.code, "diagnostics": self.diagnostics }],
        });
        let mut response = respond::resource(self.status, outcome.to_string().into());
        if let Some(allow) = self.allow {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
        }
        if let Some(etag) = self.etag {
            response.headers_mut().insert(ETAG, etag);
        }
        response
    }
}
