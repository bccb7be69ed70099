//! One HTTP/1.1 request and its bounded answer on a fresh connection.
//!
//! No pool, no redirects, no decompression, no proxy: a general HTTP client offers all of them by default, and each is a
//! way to be led elsewhere or to be filled up. What remains is small enough to be seen through.

use crate::dial::Stream;
use crate::guard::Destination;
use bytes::{Bytes, BytesMut};
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, HOST, HeaderValue, USER_AGENT,
};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use std::pin::pin;

/// The answer's header block in bytes, status line included.
const HEADER_LIMIT: usize = 32 * 1024;
/// The answer's header fields.
const HEADER_FIELDS: usize = 100;

/// What to send.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// What came back, read whole.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Why there is no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum ExchangeError {
    #[error("the answer is longer than {0} bytes")]
    TooLarge(usize),
    #[error("the answer is compressed although none was asked for")]
    Encoded,
    #[error("not HTTP as it should be: {0}")]
    Protocol(String),
}

/// Sends one request and reads the answer up to `body_limit` bytes.
///
/// The connection is driven by the caller's own task: when the caller gives up, everything is dropped.
pub(crate) async fn exchange(
    stream: Box<dyn Stream>,
    destination: &Destination,
    outgoing: Outgoing,
    body_limit: usize,
) -> Result<Answer, ExchangeError> {
    let request = build_request(destination, outgoing)?;
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_buf_size(HEADER_LIMIT)
        .max_headers(HEADER_FIELDS)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(protocol)?;
    let mut connection = pin!(connection);
    let mut answer = pin!(async {
        let response = sender.send_request(request).await.map_err(protocol)?;
        read_answer(response, body_limit).await
    });
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        ended = &mut connection => match ended {
            // What was received before the peer closed is still to be read.
            Ok(()) => answer.await,
            Err(error) => Err(protocol(error)),
        },
    }
}

fn build_request(destination: &Destination, outgoing: Outgoing) -> Result<Request<Full<Bytes>>, ExchangeError> {
    let mut request = Request::new(Full::new(outgoing.body));
    *request.method_mut() = outgoing.method;
    *request.uri_mut() = destination.path_and_query().parse().map_err(protocol)?;
    *request.headers_mut() = outgoing.headers;
    let headers = request.headers_mut();
    headers.insert(HOST, HeaderValue::from_str(destination.authority()).map_err(protocol)?);
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    headers.insert(USER_AGENT, HeaderValue::from_static("tessera"));
    headers.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
    Ok(request)
}

async fn read_answer(response: Response<Incoming>, body_limit: usize) -> Result<Answer, ExchangeError> {
    let (head, mut incoming) = response.into_parts();
    if head.headers.get_all(CONTENT_ENCODING).iter().any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(ExchangeError::Encoded);
    }
    if declared_length(&head.headers).is_some_and(|length| length > body_limit as u64) {
        return Err(ExchangeError::TooLarge(body_limit));
    }
    let mut body = BytesMut::new();
    while let Some(frame) = incoming.frame().await {
        let Ok(data) = frame.map_err(protocol)?.into_data() else { continue };
        if data.len() > body_limit - body.len() {
            return Err(ExchangeError::TooLarge(body_limit));
        }
        body.extend_from_slice(&data);
    }
    Ok(Answer { status: head.status, headers: head.headers, body: body.freeze() })
}

fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn protocol(error: impl std::fmt::Display) -> ExchangeError {
    ExchangeError::Protocol(error.to_string())
}
