//! A valid base, and bodies in pieces, for the crate's tests.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Response;
use http_body::Frame;
use tessera_udap::ids::{BaseUrl, EndpointUrl};

use crate::body::read;
use crate::ports::{Body, BodyError};
use crate::settings::{GatewayBase, PublishedEndpoints};

pub(crate) const BASE_URL: &str = "https://data.example/fhir";
pub(crate) const UPSTREAM_URL: &str = "http://10.0.0.5:8080/r4";

pub(crate) fn base() -> GatewayBase {
    base_at("clinic", BASE_URL)
}

pub(crate) fn base_at(name: &str, url: &str) -> GatewayBase {
    let endpoint = |path: &str| EndpointUrl::parse(&format!("https://data.example/{path}")).unwrap();
    GatewayBase {
        name: name.to_owned(),
        base_url: BaseUrl::parse(url).unwrap(),
        upstream_url: BaseUrl::parse(UPSTREAM_URL).unwrap(),
        endpoints: PublishedEndpoints {
            token: endpoint("token"),
            registration: endpoint("register"),
            udap_metadata: endpoint("fhir/.well-known/udap"),
        },
        allowed_purposes: None,
    }
}

struct Chunks(VecDeque<Bytes>);

impl http_body::Body for Chunks {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece))))
    }
}

/// A body that comes in these pieces and announces no size.
pub(crate) fn chunks(pieces: &[&'static str]) -> Body {
    Box::pin(Chunks(pieces.iter().map(|piece| Bytes::from_static(piece.as_bytes())).collect()))
}

pub(crate) async fn text_of_body(body: Body) -> String {
    let bytes = read(body, usize::MAX).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

pub(crate) async fn text_of(response: Response<Body>) -> String {
    text_of_body(response.into_body()).await
}
