//! A connection that has only so much patience with who is at the other end.

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

use super::Patience;

/// How many requests of a connection are being answered.
#[derive(Clone, Default)]
pub(super) struct Phase(Arc<Requests>);

/// How many requests of a connection are being answered, and who waits for their end.
#[derive(Default)]
struct Requests {
    count: AtomicUsize,
    reader: AtomicWaker,
}

impl Phase {
    /// A request has come; until it is answered the connection waits for us, and not we for it.
    pub fn busy(&self) -> Busy {
        self.0.count.fetch_add(1, Ordering::SeqCst);
        Busy(self.clone())
    }

    fn is_busy(&self) -> bool {
        self.0.count.load(Ordering::SeqCst) > 0
    }
}

/// A request that is being answered.
pub(super) struct Busy(Phase);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.0.count.fetch_sub(1, Ordering::SeqCst);
        // From here on the connection is idle, which the reader must time.
        self.0.0.reader.wake();
    }
}

impl Busy {
    /// It is answered when the last of the body has been taken.
    pub fn until_sent(self, body: Body) -> Body {
        if body.is_end_stream() { body } else { Body::new(Watched { body, _busy: self }) }
    }
}

struct Watched {
    body: Body,
    _busy: Busy,
}

impl HttpBody for Watched {
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

/// What a time-out is running for.
#[derive(Clone, Copy, PartialEq)]
enum Waiting {
    /// Nothing: we are answering.
    Not,
    /// The first byte of a request.
    Idle,
    /// The rest of its head.
    Head,
}

/// A stream that fails when the other end is too slow.
pub(super) struct Patient<S> {
    stream: S,
    patience: Patience,
    phase: Phase,
    waiting: Waiting,
    reading: Pin<Box<Sleep>>,
    /// Runs while the other end does not take what we send.
    writing: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    pub fn new(stream: S, patience: Patience, phase: Phase) -> Self {
        // The first request is due: who connects has something to say.
        let reading = Box::pin(sleep(patience.request));
        Self { stream, patience, phase, waiting: Waiting::Head, reading, writing: None }
    }

    fn wait(&mut self, waiting: Waiting, patience: Duration) {
        if self.waiting != waiting {
            self.waiting = waiting;
            self.reading.as_mut().reset(Instant::now() + patience);
        }
    }

    /// Fails when a write has been pending for too long.
    fn poll_stalled(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let patience = self.patience.request;
        let timer = self.writing.get_or_insert_with(|| Box::pin(sleep(patience)));
        timer.as_mut().poll(context).map(|()| io::ErrorKind::TimedOut.into())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let patience = self.patience;
        // Registered before the look, so that no end of a request is missed between the two.
        self.phase.0.reader.register(context.waker());
        if self.phase.is_busy() {
            self.waiting = Waiting::Not;
        } else if self.waiting == Waiting::Not {
            self.wait(Waiting::Idle, patience.idle);
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_ready() {
            if self.waiting == Waiting::Idle && buffer.filled().len() > before {
                self.wait(Waiting::Head, patience.request);
            }
            return read;
        }
        if self.waiting != Waiting::Not {
            ready!(self.reading.as_mut().poll(context));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        if written.is_ready() {
            self.writing = None;
            return written;
        }
        self.poll_stalled(context).map(Err)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        if written.is_ready() {
            self.writing = None;
            return written;
        }
        self.poll_stalled(context).map(Err)
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
