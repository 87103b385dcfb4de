//! A connection over which the head of a request must come in time. hyper's own time-out begins when the connection is idle; this one
//! when the first byte has come, so that an idle connection, which a proxy keeps for the next request, may live longer. Nor does it wait for longer for who takes nothing of
//! the answer.

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

/// Counts the beginnings and the ends of answers: odd while one is being made.
#[derive(Clone, Debug, Default)]
pub struct Answers(Arc<AtomicUsize>);

impl Answers {
    /// A request has come; or its answer begins.
    pub fn turn(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn turns(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// A stream that fails when the rest of a head does not come in time, or nothing of an answer is taken for so long.
pub struct Hurried<S> {
    stream: S,
    patience: Duration,
    answers: Answers,
    /// The turns that were seen last: what came before them is no head any more.
    seen: usize,
    /// Runs while a part of a head is there.
    head: Option<Pin<Box<Sleep>>>,
    /// Runs while nothing of an answer is taken.
    unsent: Option<Pin<Box<Sleep>>>,
}

impl<S> Hurried<S> {
    /// The first head is due at once: who connects has something to say.
    pub fn new(stream: S, patience: Duration, answers: Answers) -> Self {
        let head = Some(Box::pin(sleep(patience)));
        Self { stream, patience, answers, seen: 0, head, unsent: None }
    }

    fn has_read(&mut self) {
        // While an answer is being made, what comes is a body.
        if self.seen.is_multiple_of(2) && self.head.is_none() {
            self.head = Some(Box::pin(sleep(self.patience)));
        }
    }

    /// What became of a write; it fails once it has waited for too long.
    fn has_written<T>(
        &mut self,
        written: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.unsent = None;
            return written;
        }
        let patience = self.patience;
        let unsent = self.unsent.get_or_insert_with(|| Box::pin(sleep(patience)));
        unsent.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Hurried<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let turns = self.answers.turns();
        if turns != self.seen {
            self.seen = turns;
            self.head = None;
        }
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_ready() {
            self.has_read();
            return read;
        }
        match &mut self.head {
            Some(head) => head.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into())),
            None => Poll::Pending,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Hurried<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.has_written(written, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.has_written(flushed, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
