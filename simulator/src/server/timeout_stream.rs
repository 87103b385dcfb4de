//! A connection with timeouts for slow and idle clients.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::{Body, Bytes};
use futures::task::AtomicWaker;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

use super::connection_limits::ConnectionLimits;

/// The number of active requests on a connection.
#[derive(Clone, Default)]
pub(super) struct ActiveRequests(Arc<Counter>);

/// The number of active requests, and the reader to wake when one ends.
#[derive(Default)]
struct Counter {
    count: AtomicUsize,
    reader: AtomicWaker,
}

impl ActiveRequests {
    /// Counts a request until the guard is dropped. Meanwhile no read timeout runs, because the client waits
    /// for us.
    pub fn begin(&self) -> ActiveRequest {
        self.0.count.fetch_add(1, Ordering::SeqCst);
        ActiveRequest(self.clone())
    }

    fn any(&self) -> bool {
        self.0.count.load(Ordering::SeqCst) > 0
    }
}

/// The guard of an active request.
pub(super) struct ActiveRequest(ActiveRequests);

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        self.0.0.count.fetch_sub(1, Ordering::SeqCst);
        // The connection may be idle now, so the reader must start the idle timeout.
        self.0.0.reader.wake();
    }
}

impl ActiveRequest {
    /// Keeps the request active until the response body has been sent.
    pub fn track(self, body: Body) -> Body {
        if body.is_end_stream() { body } else { Body::new(TrackedBody { body, _request: self }) }
    }
}

struct TrackedBody {
    body: Body,
    _request: ActiveRequest,
}

impl HttpBody for TrackedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The event that the read timeout is running for.
#[derive(Clone, Copy, PartialEq)]
enum ReadTimeout {
    /// Nothing, because a request is active.
    None,
    /// The first byte of a request.
    Idle,
    /// The rest of the head of a request.
    Head,
}

/// A stream that fails if the client is too slow or idle for too long.
pub(super) struct TimeoutStream<S> {
    stream: S,
    limits: ConnectionLimits,
    requests: ActiveRequests,
    read_timeout: ReadTimeout,
    read_timer: Pin<Box<Sleep>>,
    /// The timer that runs while the client accepts no data.
    write_timer: Option<Pin<Box<Sleep>>>,
}

impl<S> TimeoutStream<S> {
    pub fn new(stream: S, limits: ConnectionLimits, requests: ActiveRequests) -> Self {
        // The head of the first request must arrive in time; a new connection does not count as idle.
        let read_timer = Box::pin(sleep(limits.request_timeout));
        Self { stream, limits, requests, read_timeout: ReadTimeout::Head, read_timer, write_timer: None }
    }

    fn start_timeout(&mut self, read_timeout: ReadTimeout, timeout: Duration) {
        if self.read_timeout != read_timeout {
            self.read_timeout = read_timeout;
            self.read_timer.as_mut().reset(Instant::now() + timeout);
        }
    }

    /// Returns an error if a write has been pending for too long.
    fn poll_write_timeout(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let timeout = self.limits.request_timeout;
        let timer = self.write_timer.get_or_insert_with(|| Box::pin(sleep(timeout)));
        timer.as_mut().poll(context).map(|()| io::ErrorKind::TimedOut.into())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TimeoutStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let limits = self.limits;
        // Registered before the check, so that the end of a request between the two is not missed.
        self.requests.0.reader.register(context.waker());
        if self.requests.any() {
            self.read_timeout = ReadTimeout::None;
        } else if self.read_timeout == ReadTimeout::None {
            self.start_timeout(ReadTimeout::Idle, limits.idle_timeout);
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_ready() {
            if self.read_timeout == ReadTimeout::Idle && buffer.filled().len() > before {
                self.start_timeout(ReadTimeout::Head, limits.request_timeout);
            }
            return read;
        }
        if self.read_timeout != ReadTimeout::None {
            ready!(self.read_timer.as_mut().poll(context));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TimeoutStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        if written.is_ready() {
            self.write_timer = None;
            return written;
        }
        self.poll_write_timeout(context).map(Err)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        if written.is_ready() {
            self.write_timer = None;
            return written;
        }
        self.poll_write_timeout(context).map(Err)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
