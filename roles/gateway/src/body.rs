//! Bodies that are whole, empty, or read up to a limit.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Empty, Full};
use tokio::time::timeout;

use crate::ports::{Body, BodyError};

/// From the end of a request's header to the end of its body.
///
/// Source: security invariant 45, limits
const BODY_DEADLINE: Duration = Duration::from_secs(10);

/// Why a body was not read whole.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// It is larger than the limit.
    TooLarge,
    /// It did not arrive in time.
    TooSlow,
    /// It broke off.
    Broken(BodyError),
}

/// A body of these bytes.
pub(crate) fn full(bytes: Bytes) -> Body {
    Box::pin(Full::new(bytes).map_err(|never| match never {}))
}

/// No body.
pub(crate) fn empty() -> Body {
    Box::pin(Empty::new().map_err(|never| match never {}))
}

/// Reads the body of a request whole, as [`read`] does, within ten seconds.
pub(crate) async fn read_in_time(body: Body, limit: usize) -> Result<Bytes, ReadError> {
    timeout(BODY_DEADLINE, read(body, limit)).await.unwrap_or(Err(ReadError::TooSlow))
}

/// Reads a body whole, of at most `limit` bytes; one that announces more is not read at all.
pub(crate) async fn read(mut body: Body, limit: usize) -> Result<Bytes, ReadError> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limit {
        return Err(ReadError::TooLarge);
    }
    let mut bytes = BytesMut::with_capacity(announced);
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame.map_err(ReadError::Broken)?.into_data() else {
            continue;
        };
        if piece.len() > limit - bytes.len() {
            return Err(ReadError::TooLarge);
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::chunks;

    #[tokio::test]
    async fn reads_up_to_the_limit() {
        assert_eq!(read(full(Bytes::from_static(b"abc")), 3).await.unwrap(), "abc");
        assert!(matches!(read(full(Bytes::from_static(b"abcd")), 3).await, Err(ReadError::TooLarge)));
        // A body that announces nothing is counted while it comes.
        assert_eq!(read(chunks(&["a", "bc"]), 3).await.unwrap(), "abc");
        assert!(matches!(read(chunks(&["ab", "cd"]), 3).await, Err(ReadError::TooLarge)));
        assert_eq!(read(empty(), 0).await.unwrap(), "");
    }
}
