//! A stream with timeouts for slow and idle clients.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
};

use futures::task::AtomicWaker;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

use super::ConnectionLimits;

/// The requests of a connection.
#[derive(Clone, Default)]
pub(crate) struct Requests(Arc<RequestChanges>);

#[derive(Default)]
struct RequestChanges {
    /// The number of requests that have begun, plus the number of those that have ended. It is odd while a
    /// request is active, because HTTP/1 has one at a time.
    count: AtomicUsize,
    /// The reader of the connection. It is woken when a request ends, to start the idle timeout.
    reader: AtomicWaker,
}

impl Requests {
    /// Marks a request as active until the guard is dropped.
    pub fn begin(&self) -> ActiveRequest {
        self.0.count.fetch_add(1, Ordering::SeqCst);
        ActiveRequest(self.clone())
    }
}

/// The guard of an active request.
pub(crate) struct ActiveRequest(Requests);

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        self.0.0.count.fetch_add(1, Ordering::SeqCst);
        self.0.0.reader.wake();
    }
}

/// The event that the read timeout is running for.
#[derive(Clone, Copy, PartialEq)]
enum Awaited {
    /// Nothing. A request is active: the client waits for us, and its body has a timeout of its own.
    Nothing,
    /// The first byte of the next request.
    Request,
    /// The rest of the head of a request.
    Head,
}

/// A stream that fails if the client is too slow or idle for too long.
pub(crate) struct TimeoutStream<S> {
    stream: S,
    limits: ConnectionLimits,
    requests: Requests,
    /// The count of `requests` at the last read.
    last_changes: usize,
    awaited: Awaited,
    read_timer: Pin<Box<Sleep>>,
    /// The timer that runs while the client accepts no data.
    write_timer: Option<Pin<Box<Sleep>>>,
}

impl<S> TimeoutStream<S> {
    pub fn new(stream: S, limits: ConnectionLimits, requests: Requests) -> Self {
        // A new connection does not count as idle.
        let (awaited, read_timer) = (Awaited::Head, Box::pin(sleep(limits.request_timeout)));
        Self { stream, limits, requests, last_changes: 0, awaited, read_timer, write_timer: None }
    }

    /// Starts the timeout for an event.
    fn wait_for(&mut self, awaited: Awaited) {
        let timeout = match awaited {
            Awaited::Nothing => None,
            Awaited::Request => Some(self.limits.idle_timeout),
            Awaited::Head => Some(self.limits.request_timeout),
        };
        self.awaited = awaited;
        if let Some(timeout) = timeout {
            self.read_timer.as_mut().reset(Instant::now() + timeout);
        }
    }

    /// Applies the timeout to the result of a write.
    fn check_write<T>(
        &mut self,
        written: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            if self.write_timer.take().is_some() && self.awaited == Awaited::Request {
                // hyper had taken the whole response, and the client is still reading it.
                self.wait_for(Awaited::Request);
            }
            return written;
        }
        let timeout = self.limits.request_timeout;
        let timer = self.write_timer.get_or_insert_with(|| Box::pin(sleep(timeout)));
        timer.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TimeoutStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Registered before the count is read, so that an end between the two is not missed.
        self.requests.0.reader.register(context.waker());
        let changes = self.requests.0.count.load(Ordering::SeqCst);
        if changes != self.last_changes {
            self.last_changes = changes;
            self.wait_for(if changes.is_multiple_of(2) { Awaited::Request } else { Awaited::Nothing });
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_ready() {
            if self.awaited == Awaited::Request && buffer.filled().len() > before {
                self.wait_for(Awaited::Head);
            }
            return read;
        }
        if self.awaited == Awaited::Nothing {
            return Poll::Pending;
        }
        ready!(self.read_timer.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TimeoutStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.check_write(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.check_write(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.check_write(flushed, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
