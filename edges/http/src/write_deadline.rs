//! A stream that gives up when the other side takes nothing for too long, and that lets it read the last answer.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// After our last word, so much of what the peer still sends is read and thrown away, and for so long.
///
/// Closing with bytes unread resets the connection, and the reset takes the answer with it before the peer has read it:
/// of a request that was refused for its size the peer would see a broken connection and no reason.
const LINGER_BYTES: usize = 8 * 1024 * 1024;
const LINGER_TIME: Duration = Duration::from_secs(2);

/// Ends a write that made no progress within the limit; reading passes through.
pub(crate) struct WriteDeadline<S> {
    stream: S,
    limit: Duration,
    /// Runs while a write waits for the peer.
    waiting: Option<Pin<Box<Sleep>>>,
    /// Once our side is shut down.
    lingering: Option<Lingering>,
}

/// What may still come, and until when.
struct Lingering {
    bytes: usize,
    end: Pin<Box<Sleep>>,
}

impl<S> WriteDeadline<S> {
    pub(crate) fn new(stream: S, limit: Duration) -> Self {
        Self { stream, limit, waiting: None, lingering: None }
    }

    fn judge<T>(&mut self, context: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.waiting = None;
            return outcome;
        }
        let limit = self.limit;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        match waiting.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WriteDeadline<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for WriteDeadline<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judge(context, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(context, buffers);
        self.judge(context, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(context);
        self.judge(context, outcome)
    }

    /// Shuts our side down, then waits for the end of the other's.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            let outcome = Pin::new(&mut self.stream).poll_shutdown(context);
            ready!(self.judge(context, outcome))?;
        }
        let this = &mut *self;
        let end = || Box::pin(tokio::time::sleep(LINGER_TIME));
        let lingering = this.lingering.get_or_insert_with(|| Lingering { bytes: LINGER_BYTES, end: end() });
        let mut piece = [0; 8 * 1024];
        while lingering.bytes > 0 && lingering.end.as_mut().poll(context).is_pending() {
            let mut buffer = ReadBuf::new(&mut piece);
            // A peer that breaks off now has heard what it wanted to hear.
            let Ok(()) = ready!(Pin::new(&mut this.stream).poll_read(context, &mut buffer)) else { break };
            if buffer.filled().is_empty() {
                break;
            }
            lingering.bytes = lingering.bytes.saturating_sub(buffer.filled().len());
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn ends_a_write_that_nobody_takes() {
        let (ours, _theirs) = tokio::io::duplex(16);
        let mut stream = WriteDeadline::new(ours, Duration::from_secs(30));
        let error = stream.write_all(&[0; 64]).await.expect_err("nobody reads");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_peer_that_is_still_sending_reads_the_answer() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let peer = tokio::spawn(async move {
            #[expect(clippy::disallowed_methods, reason = "a test speaks for itself")]
            let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
            stream.write_all(&vec![0; 4 * 1024 * 1024]).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        });
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = WriteDeadline::new(stream, Duration::from_secs(30));
        stream.write_all(b"too large").await.unwrap();
        stream.shutdown().await.unwrap();
        drop(stream);
        assert_eq!(peer.await.unwrap(), "too large");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_waited_for_long_at_the_end() {
        let (ours, _theirs) = tokio::io::duplex(16);
        let mut stream = WriteDeadline::new(ours, Duration::from_secs(30));
        let began = tokio::time::Instant::now();
        stream.shutdown().await.unwrap();
        assert_eq!(began.elapsed().as_secs(), LINGER_TIME.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_that_goes_on_is_served() {
        let (ours, mut theirs) = tokio::io::duplex(16);
        let mut stream = WriteDeadline::new(ours, Duration::from_secs(30));
        let reader = tokio::spawn(async move {
            let mut seen = 0;
            let mut buffer = [0; 16];
            while seen < 64 {
                tokio::time::sleep(Duration::from_secs(20)).await;
                seen += theirs.read(&mut buffer).await.expect("readable");
            }
        });
        stream.write_all(&[0; 64]).await.expect("each write made progress in time");
        reader.await.expect("read to the end");
    }
}
