//! The control of a running sandbox: certificates and revocations, for who can read the credential in its folder.
//!
//! It shares the start page's listener on loopback. The credential keeps other users of the machine out, and web pages
//! too: a browser never sends it by itself, and `page::only_for_us` refuses foreign host names besides.

use std::sync::Arc;

use anyhow::{Result, ensure};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use tessera_jose::key::{KeyKind, SigningKey as _, SoftwareKey};
use tessera_pki::CertificateRequest;
use zeroize::Zeroizing;

use crate::certificates::{LEAF_LIFETIME, pem, validity};
use crate::community::Member;
use crate::folder::Folder;
use crate::guide;
use crate::running::{CertificateAnswer, CertificateWish, ControlRefusal, RevokeWish, Revoked};
use crate::surroundings::{now, random};
use crate::world::World;

/// A certificate request has 16 KiB at most; this is room for it as a JSON string.
const BODY_LIMIT: usize = 32 * 1024;
/// The file with the credential, below the sandbox's folder.
pub(crate) const CREDENTIAL: &str = "control.token";

/// What the control asks for; new at each start, so that what is known of an ended sandbox opens nothing.
pub(crate) struct Credential(Zeroizing<String>);

impl Credential {
    /// Makes a credential and leaves it in the folder.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn make(folder: &Folder) -> Result<Self> {
        let credential = Zeroizing::new(URL_SAFE_NO_PAD.encode(random::<32>()));
        folder.write(CREDENTIAL, &credential)?;
        Ok(Self(credential))
    }

    fn admits(&self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return false;
        };
        let presented = value.as_bytes().strip_prefix(b"Bearer ").unwrap_or_default();
        aws_lc_rs::constant_time::verify_slices_are_equal(presented, self.0.as_bytes()).is_ok()
    }
}

/// The routes below `/control`.
pub(crate) fn router(world: Arc<World>, credential: Credential) -> Router {
    let credential = Arc::new(credential);
    Router::new()
        .route("/control/certificate", post(certificate))
        .route("/control/revoke", post(revoke))
        .route("/control/location", get(location))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(axum::middleware::from_fn_with_state(credential, admit))
        .with_state(world)
}

async fn admit(State(credential): State<Arc<Credential>>, request: Request, next: Next) -> Response {
    if !credential.admits(request.headers()) {
        return refusal(StatusCode::UNAUTHORIZED, "the credential of this sandbox is needed");
    }
    next.run(request).await
}

async fn certificate(State(world): State<Arc<World>>, body: Bytes) -> Response {
    answer(body, move |wish: CertificateWish| issue(&world, &wish)).await
}

async fn revoke(State(world): State<Arc<World>>, body: Bytes) -> Response {
    answer(body, move |wish: RevokeWish| {
        let certificates = revoke_in(&world, &wish.uri)?;
        Ok(Revoked { uri: wish.uri, certificates })
    })
    .await
}

async fn location(State(world): State<Arc<World>>) -> Response {
    json(StatusCode::OK, &guide::location(&world))
}

/// Reads the wish and fulfils it on a thread that may wait for files; every refusal has its reason.
async fn answer<W, A>(body: Bytes, fulfil: impl FnOnce(W) -> Result<A> + Send + 'static) -> Response
where
    W: serde::de::DeserializeOwned + Send + 'static,
    A: Serialize + Send + 'static,
{
    let wish = match serde_json::from_slice(&body) {
        Ok(wish) => wish,
        Err(error) => return refusal(StatusCode::BAD_REQUEST, &format!("not understood: {error}")),
    };
    match tokio::task::spawn_blocking(move || fulfil(wish)).await {
        Ok(Ok(answer)) => json(StatusCode::OK, &answer),
        Ok(Err(error)) => refusal(StatusCode::CONFLICT, &format!("{error:#}")),
        Err(_) => refusal(StatusCode::INTERNAL_SERVER_ERROR, "something broke"),
    }
}

fn refusal(status: StatusCode, reason: &str) -> Response {
    let body = ControlRefusal { error: reason.to_owned() };
    json(status, &body)
}

fn json<T: Serialize>(status: StatusCode, value: &T) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => (status, [(CONTENT_TYPE, "application/json")], body).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Issues to the URI: for the key of the request, or a new one.
fn issue(world: &World, wish: &CertificateWish) -> Result<CertificateAnswer> {
    refuse_own(world, &wish.uri)?;
    let (public_key, key_pem) = match &wish.csr_pem {
        Some(pem) => (CertificateRequest::from_pem(pem)?.public_key().to_vec(), None),
        None => {
            let key = SoftwareKey::generate(KeyKind::P256)?;
            (key.public_key().to_vec(), Some(key.to_pkcs8_pem().to_string()))
        }
    };
    let chain = world.visitors_community().issue(Member {
        uri: &wish.uri,
        name: "Guest",
        public_key: &public_key,
        validity: validity(now(), LEAF_LIFETIME),
    })?;
    Ok(CertificateAnswer { chain_pem: pem(chain.iter().map(Vec::as_slice)), key_pem })
}

fn revoke_in(world: &World, uri: &str) -> Result<usize> {
    refuse_own(world, uri)?;
    world.visitors_community().revoke(uri)
}

/// A certificate of the data holder's or a community's URI would let its owner play that party.
fn refuse_own(world: &World, uri: &str) -> Result<()> {
    let is_own = is_at(uri, &format!("https://localhost:{}", world.ports.holder()))
        || is_at(uri, world.start_page().trim_end_matches('/'))
        || world.communities.iter().any(|community| is_at(uri, community.id().as_str()));
    ensure!(!is_own, "{uri} belongs to a party of the sandbox itself");
    Ok(())
}

/// Whether the URI is this one or below it, however it is spelt: whoever compares less strictly than the guide would
/// take one for the other.
fn is_at(uri: &str, own: &str) -> bool {
    let (uri, own) = (uri.to_ascii_lowercase(), own.to_ascii_lowercase());
    let rest = uri.strip_prefix(&own);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_uris_are_known_in_every_spelling() {
        let base = "https://localhost:8443/fhir/r4";
        for uri in [base, "HTTPS://LOCALHOST:8443/fhir/R4/", "https://localhost:8443/fhir/r4?x"] {
            assert!(is_at(uri, base), "{uri}");
        }
        for uri in ["https://localhost:8443/fhir/r4b", "https://app.example", "https://localhost:84430/"] {
            assert!(!is_at(uri, base), "{uri}");
        }
    }

    #[test]
    fn only_the_whole_credential_opens() {
        let folder = Folder::open(None).unwrap();
        let credential = Credential::make(&folder).unwrap();
        let text = folder.read(CREDENTIAL).unwrap().unwrap();
        let with = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, value.parse().unwrap());
            }
            credential.admits(&headers)
        };
        let good = format!("Bearer {text}");
        assert!(with(&[&good]));
        for bad in [&[][..], &["Bearer "], &[text.as_str()], &[&good[..good.len() - 1]], &[&good, &good]] {
            assert!(!with(bad), "{bad:?}");
        }
        let other = Credential::make(&folder).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, good.parse().unwrap());
        assert!(!other.admits(&headers), "new at each start");
    }
}
