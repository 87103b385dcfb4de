//! A stream with time-outs for slow clients: for the head of a request, and for a response that the client
//! does not read.
//!
//! hyper's own time-out for the head starts when the connection becomes idle. This one starts at the first
//! byte, so that a proxy may keep an idle connection for longer.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// The phase of a connection: a counter that is odd while a handler is working on a response.
#[derive(Clone, Debug, Default)]
pub struct ResponsePhase(Arc<AtomicUsize>);

impl ResponsePhase {
    /// Advances the phase: a request has arrived, or its response begins.
    pub fn advance(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// A stream that fails if the rest of a request head, or the next progress of a write, takes longer than the
/// time-out.
pub struct TimeoutStream<S> {
    stream: S,
    timeout: Duration,
    phase: ResponsePhase,
    /// The phase at the last read. A head deadline of an earlier phase is void.
    last_phase: usize,
    /// Runs while the head of a request is incomplete.
    head_deadline: Option<Pin<Box<Sleep>>>,
    /// Runs while a write makes no progress.
    write_deadline: Option<Pin<Box<Sleep>>>,
}

impl<S> TimeoutStream<S> {
    /// Wraps a stream. The deadline for the first head starts at once.
    pub fn new(stream: S, timeout: Duration, phase: ResponsePhase) -> Self {
        let head_deadline = Some(Box::pin(sleep(timeout)));
        Self { stream, timeout, phase, last_phase: 0, head_deadline, write_deadline: None }
    }

    fn on_read(&mut self) {
        // While a handler is working, the client sends a body.
        if self.last_phase.is_multiple_of(2) && self.head_deadline.is_none() {
            self.head_deadline = Some(Box::pin(sleep(self.timeout)));
        }
    }

    /// Applies the time-out to the result of a write.
    fn on_write<T>(
        &mut self,
        written: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.write_deadline = None;
            return written;
        }
        let timeout = self.timeout;
        let write_deadline = self.write_deadline.get_or_insert_with(|| Box::pin(sleep(timeout)));
        write_deadline.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TimeoutStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let count = self.phase.count();
        if count != self.last_phase {
            self.last_phase = count;
            self.head_deadline = None;
        }
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_ready() {
            self.on_read();
            return read;
        }
        match &mut self.head_deadline {
            Some(head_deadline) => {
                head_deadline.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
            }
            None => Poll::Pending,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TimeoutStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.on_write(written, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.on_write(flushed, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
