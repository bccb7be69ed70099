//! Reading a request's body: its size and time are limited before anything looks into it.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use http::HeaderMap;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tessera_authorization_server::PresentedCredentials;
use tessera_authorization_server::rejection::Unread;
use tessera_udap::form::Parameters;

/// How large a body may be and how long it may take.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    /// Bytes.
    pub size: usize,
    /// From the end of the header to the end of the body.
    pub time: Duration,
}

/// Reads the whole body.
///
/// # Errors
/// [`Unread::TooLarge`], [`Unread::TooSlow`] or [`Unread::Broken`].
pub(crate) async fn read(headers: &HeaderMap, body: Body, limits: BodyLimits) -> Result<Bytes, Unread> {
    let announced =
        headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()).and_then(|value| value.parse::<usize>().ok());
    if announced.is_some_and(|size| size > limits.size) {
        return Err(Unread::TooLarge);
    }
    match tokio::time::timeout(limits.time, Limited::new(body, limits.size).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Unread::TooLarge),
        Ok(Err(_)) => Err(Unread::Broken),
        Err(_) => Err(Unread::TooSlow),
    }
}

/// Reads a form with each parameter once, and notes whether an `Authorization` header came along.
///
/// # Errors
/// [`Unread`] says what was not in order.
pub(crate) async fn read_form(
    request: Request,
    limits: BodyLimits,
) -> Result<(Parameters, PresentedCredentials), Unread> {
    const MEDIA_TYPE: &str = "application/x-www-form-urlencoded";
    let (parts, content) = request.into_parts();
    if parts.uri.query().is_some() {
        return Err(Unread::ParametersInUrl);
    }
    if !is_announced_as(&parts.headers, MEDIA_TYPE) {
        return Err(Unread::MediaType { expected: MEDIA_TYPE });
    }
    let bytes = read(&parts.headers, content, limits).await?;
    let form = Parameters::read(&bytes)?;
    let presented = PresentedCredentials { authorization_header: parts.headers.contains_key(AUTHORIZATION) };
    Ok((form, presented))
}

/// Whether the body is announced, once, as `media_type`; parameters such as `charset=UTF-8` do no harm.
pub(crate) fn is_announced_as(headers: &HeaderMap, media_type: &str) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    value
        .to_str()
        .ok()
        .and_then(|value| value.split(';').next())
        .is_some_and(|value| value.trim().eq_ignore_ascii_case(media_type))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const LIMITS: BodyLimits = BodyLimits { size: 8, time: Duration::from_secs(10) };

    #[tokio::test]
    async fn reads_up_to_the_limit_and_not_beyond() {
        let none = HeaderMap::new();
        assert_eq!(read(&none, Body::from("12345678"), LIMITS).await.unwrap(), "12345678");
        assert_eq!(read(&none, Body::from("123456789"), LIMITS).await, Err(Unread::TooLarge));
        let announced = HeaderMap::from_iter([(CONTENT_LENGTH, HeaderValue::from_static("9"))]);
        assert_eq!(read(&announced, Body::empty(), LIMITS).await, Err(Unread::TooLarge));
    }

    #[tokio::test(start_paused = true)]
    async fn does_not_wait_for_ever() {
        let silent = Body::from_stream(Silent);
        assert_eq!(read(&HeaderMap::new(), silent, LIMITS).await, Err(Unread::TooSlow));
    }

    /// A body that never comes.
    struct Silent;

    impl futures_core::Stream for Silent {
        type Item = Result<Bytes, std::io::Error>;

        fn poll_next(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Self::Item>> {
            std::task::Poll::Pending
        }
    }

    #[test]
    fn one_media_type_with_or_without_parameters() {
        let with = |values: &[&'static str]| {
            values.iter().map(|value| (CONTENT_TYPE, HeaderValue::from_static(value))).collect::<HeaderMap>()
        };
        assert!(is_announced_as(&with(&["application/json"]), "application/json"));
        assert!(is_announced_as(&with(&["Application/JSON; charset=utf-8"]), "application/json"));
        assert!(!is_announced_as(&with(&["application/jsonx"]), "application/json"));
        assert!(!is_announced_as(&with(&[]), "application/json"));
    }
}
