//! Refuses a request that could be understood in two ways, as far as the library underneath leaves that visible.
//!
//! hyper itself refuses lengths that differ, and takes a chunked body with a length beside it as chunked and closes the
//! connection (see `docs/adr/0007-what-a-request-leaves-behind.md`).
//!
//! Source: RFC 9112 §3.2, §6.1; security invariant 43

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::header::{HOST, TRANSFER_ENCODING};
use http::{HeaderMap, Version};

use crate::error_response;

pub(crate) async fn judge(request: Request, next: Next) -> Response {
    match fault(request.version(), request.headers()) {
        None => next.run(request).await,
        Some(fault) => error_response::bad_framing(fault),
    }
}

fn fault(version: Version, headers: &HeaderMap) -> Option<&'static str> {
    let mut hosts = headers.get_all(HOST).iter();
    let is_host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => !host.is_empty() && host.as_bytes().iter().all(|byte| may_be_in_host(*byte)),
        (None, None) => version < Version::HTTP_11,
        _ => false,
    };
    if !is_host {
        return Some("send one Host header with the name and port of this server");
    }
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => None,
        (Some(coding), None) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => None,
        _ => Some("send no Transfer-Encoding other than chunked, and that once"),
    }
}

/// `uri-host [ ":" port ]`
fn may_be_in_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:[]".contains(&byte)
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    fn is_clear(headers: &[(HeaderName, &'static str)]) -> bool {
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        fault(Version::HTTP_11, &headers).is_none()
    }

    #[test]
    fn one_host_is_demanded() {
        for host in ["localhost", "fhir.example:8443", "[::1]:80", "127.0.0.1"] {
            assert!(is_clear(&[(HOST, host)]), "{host}");
        }
        for host in ["", "a@b", "a b", "a/b"] {
            assert!(!is_clear(&[(HOST, host)]), "{host}");
        }
        assert!(!is_clear(&[]));
        assert!(!is_clear(&[(HOST, "a"), (HOST, "a")]));
        assert!(fault(Version::HTTP_10, &HeaderMap::new()).is_none());
    }

    #[test]
    fn one_transfer_coding_is_understood() {
        assert!(is_clear(&[(HOST, "a"), (TRANSFER_ENCODING, "chunked")]));
        assert!(!is_clear(&[(HOST, "a"), (TRANSFER_ENCODING, "gzip, chunked")]));
        assert!(!is_clear(&[(HOST, "a"), (TRANSFER_ENCODING, "chunked"), (TRANSFER_ENCODING, "chunked")]));
    }
}
