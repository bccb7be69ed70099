//! Where everybody gets the communities' CA certificates (AIA) and revocation lists (CRL): plain HTTP, as usual for
//! documents that are signed themselves.
//!
//! Source: RFC 5280 §4.2.1.13, §4.2.2.1; RFC 2585 §4

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};

/// What a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A CA's certificate.
    Certificate,
    /// A CA's revocation list.
    RevocationList,
}

impl Kind {
    /// Source: RFC 2585 §4.1, §4.2
    fn media_type(self) -> &'static str {
        match self {
            Self::Certificate => "application/pkix-cert",
            Self::RevocationList => "application/pkix-crl",
        }
    }
}

/// The documents by their path.
#[derive(Debug, Default)]
pub(crate) struct Publication {
    documents: RwLock<HashMap<String, (Kind, Bytes)>>,
}

impl Publication {
    /// Puts a document at a path such as `/elm/root.crl`, in place of the one that was there.
    pub(crate) fn publish(&self, path: &str, kind: Kind, der: Vec<u8>) {
        // A poisoned lock guards a plain map, which is whole after every statement.
        let mut documents = self.documents.write().unwrap_or_else(PoisonError::into_inner);
        documents.insert(path.to_owned(), (kind, der.into()));
    }

    fn document(&self, path: &str) -> Option<(Kind, Bytes)> {
        let documents = self.documents.read().unwrap_or_else(PoisonError::into_inner);
        documents.get(path).cloned()
    }

    #[cfg(test)]
    pub(crate) fn read_for_test(&self, path: &str) -> Bytes {
        self.document(path).expect("it was published").1
    }
}

/// Serves the documents.
pub(crate) fn router(publication: Arc<Publication>) -> Router {
    Router::new().fallback(answer).with_state(publication)
}

async fn answer(State(publication): State<Arc<Publication>>, request: Request) -> Response {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let Some((kind, der)) = publication.document(request.uri().path()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    // A list can be replaced at any moment by `tessera sandbox revoke`.
    let headers = [(CONTENT_TYPE, kind.media_type()), (CACHE_CONTROL, "no-cache")];
    (headers, der).into_response()
}
