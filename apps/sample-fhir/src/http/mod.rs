//! The RESTful interface: a request becomes an interaction, an interaction an answer.
//!
//! Source: FHIR R4 `http.html`

mod bundle;
mod capability;
mod conditional;
mod interaction;
mod media_type;
mod outcome;
mod parameters;
mod prefer;
mod read;
mod respond;
mod search;
mod write;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, Request, State};
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use jiff::Timestamp;

use self::interaction::Interaction;
use self::outcome::Refusal;
use self::parameters::Parameters;
use crate::store::Store;

/// A resource that is sent, or a search form. The largest resource of the sample data has less than 2 KiB.
const BODY_LIMIT: usize = 256 * 1024;

/// What every request shares.
struct Service {
    store: RwLock<Store>,
    /// Absolute, without a final slash.
    base: String,
    capability_statement: Bytes,
}

/// Serves `store` under every path; `base` is the URL that the outside knows it by.
pub(crate) fn router(store: Store, base: &str) -> Router {
    let base = base.trim_end_matches('/').to_owned();
    let capability_statement = capability::statement(&base);
    let service = Arc::new(Service { store: RwLock::new(store), base, capability_statement });
    Router::new().fallback(answer).layer(DefaultBodyLimit::max(BODY_LIMIT)).with_state(service)
}

async fn answer(State(service): State<Arc<Service>>, request: Request) -> Response {
    service.answer(request).await.unwrap_or_else(IntoResponse::into_response)
}

impl Service {
    async fn answer(&self, request: Request) -> Result<Response, Refusal> {
        let interaction = Interaction::parse(request.method(), request.uri().path())?;
        let parameters = Parameters::of_uri(request.uri())?;
        media_type::check_accepted(request.headers(), &parameters)?;

        if let Interaction::SearchType(kind) = interaction {
            return self.search_type(kind, parameters, request.headers());
        }
        if let Interaction::SearchTypeByForm(kind) = interaction {
            media_type::check_form(request.headers())?;
            let headers = request.headers().clone();
            let form = Parameters::of_form(&body(request).await?)?;
            return self.search_type(kind, parameters.followed_by(form)?, &headers);
        }
        parameters.check_only_general(&interaction, request.headers())?;

        match interaction {
            Interaction::Capabilities => Ok(self.capabilities()),
            Interaction::Read(kind, id) => self.read(kind, &id, request.headers()),
            Interaction::VersionRead(kind, id, number) => self.version_read(kind, &id, number, request.headers()),
            Interaction::HistoryInstance(kind, id) => self.history_instance(kind, &id),
            Interaction::Create(kind) => {
                let (headers, body) = resource_in(request).await?;
                self.create(kind, &headers, &body)
            }
            Interaction::Update(kind, id) => {
                let (headers, body) = resource_in(request).await?;
                self.update(kind, id, &headers, &body)
            }
            Interaction::Delete(kind, id) => self.delete(kind, &id, request.headers()),
            Interaction::SearchType(_) | Interaction::SearchTypeByForm(_) => Err(Refusal::internal()),
        }
    }

    fn capabilities(&self) -> Response {
        respond::resource(http::StatusCode::OK, self.capability_statement.clone())
    }

    /// A panic while the lock was held has cost its own request; the store itself stays usable.
    fn stored(&self) -> RwLockReadGuard<'_, Store> {
        self.store.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn stored_mut(&self) -> RwLockWriteGuard<'_, Store> {
        self.store.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// This server plays somebody else's: it keeps its own clock.
    fn now() -> i64 {
        Timestamp::now().as_millisecond()
    }
}

/// The headers and body of a request that carries a resource; its type is judged before the body is read.
async fn resource_in(request: Request) -> Result<(HeaderMap, Bytes), Refusal> {
    media_type::check_resource(request.headers())?;
    let headers = request.headers().clone();
    Ok((headers, body(request).await?))
}

async fn body(request: Request) -> Result<Bytes, Refusal> {
    Bytes::from_request(request, &()).await.map_err(|rejection| Refusal::body(rejection.status(), BODY_LIMIT))
}
