//! A stream whose reader must keep pace: who takes what is written too slowly, or not at all, is left.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use crate::limits::WRITE_BYTES_PER_SECOND;

/// A stream that is written to with patience.
///
/// Waiting for the other side uses patience up, and each byte that it takes gives some back, as much as it may take at
/// the least pace. While there is nothing to write, nothing is used up: a stream of events may be silent for hours.
pub(crate) struct Paced<IO> {
    io: IO,
    /// All there is.
    patience: Duration,
    /// What is left of it.
    left: Duration,
    /// Since when a write waits, and when that has been long enough.
    waits: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl<IO> Paced<IO> {
    pub(crate) fn new(io: IO, patience: Duration) -> Paced<IO> {
        Paced { io, patience, left: patience, waits: None }
    }

    /// What became of a write, or of its end.
    fn paced(&mut self, context: &mut Context<'_>, done: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match done {
            Poll::Ready(result) => {
                let waited = self.waits.take().map_or(Duration::ZERO, |(since, _)| since.elapsed());
                let taken = result.as_ref().map_or(0, |bytes| u64::try_from(*bytes).unwrap_or(u64::MAX));
                let earned = Duration::from_micros(taken.saturating_mul(1_000_000) / WRITE_BYTES_PER_SECOND);
                self.left = self.left.saturating_sub(waited).saturating_add(earned).min(self.patience);
                Poll::Ready(result)
            }
            Poll::Pending => {
                let left = self.left;
                let (_, sleep) =
                    self.waits.get_or_insert_with(|| (Instant::now(), Box::pin(tokio::time::sleep(left))));
                ready!(sleep.as_mut().poll(context));
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "it takes the answer too slowly")))
            }
        }
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Paced<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buf)
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Paced<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.io).poll_write(context, buf);
        self.paced(context, done)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.io).poll_write_vectored(context, bufs);
        self.paced(context, done)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = Pin::new(&mut self.io).poll_flush(context).map_ok(|()| 0);
        self.paced(context, done).map_ok(|_| ())
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = Pin::new(&mut self.io).poll_shutdown(context).map_ok(|()| 0);
        self.paced(context, done).map_ok(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::time::Duration;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
    use tokio::time::{Instant, timeout};

    use super::Paced;

    const PATIENCE: Duration = Duration::from_secs(10);
    const LENGTH: usize = 1 << 20;

    /// The virtual clock goes on.
    async fn pass(time: Duration) {
        let _ = timeout(time, std::future::pending::<()>()).await;
    }

    /// Writes a megabyte to a reader that takes so many bytes after each pause; how it ends, and when in seconds.
    async fn written(bytes: usize, pause: Duration) -> (Result<(), ErrorKind>, u64) {
        let (near, mut far) = duplex(8 * 1024);
        let reader = tokio::spawn(async move {
            let mut buffer = vec![0; bytes];
            loop {
                pass(pause).await;
                if far.read_exact(&mut buffer).await.is_err() {
                    return;
                }
            }
        });
        let (begun, mut near) = (Instant::now(), Paced::new(near, PATIENCE));
        let end = near.write_all(&vec![0; LENGTH]).await.map_err(|error| error.kind());
        let seconds = begun.elapsed().as_secs();
        drop(near);
        reader.await.expect("it ends with the stream");
        (end, seconds)
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_stops_is_left_and_so_is_one_that_is_too_slow_but_not_a_slow_one() {
        let seconds = Duration::from_secs;
        let slow = written(8 * 1024, seconds(1)).await;
        assert!(slow.0.is_ok() && slow.1 >= 120, "8 KiB in a second: {slow:?}");
        assert_eq!(written(1024, seconds(3600)).await, (Err(ErrorKind::TimedOut), 10), "it has stopped");
        // Each of its pauses would do; all of them together do not.
        let (end, after) = written(1024, seconds(5)).await;
        assert_eq!(end, Err(ErrorKind::TimedOut));
        assert!((10..=20).contains(&after), "{after}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_with_nothing_to_say_lasts() {
        let (near, mut far) = duplex(8);
        let mut near = Paced::new(near, PATIENCE);
        for _ in 0..10 {
            pass(Duration::from_secs(3600)).await;
            let (written, read) = tokio::join!(near.write_all(b"an event"), async {
                pass(Duration::from_secs(1)).await;
                far.read_exact(&mut [0; 8]).await
            });
            assert!(written.is_ok() && read.is_ok());
        }
    }
}
