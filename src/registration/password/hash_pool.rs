//! Threads that hash and do nothing else: as many as may hash at the same time, each with the memory for it.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
};

use rustix::{process::setpriority_process, thread::gettid};
use tokio::sync::oneshot;

use super::argon2id::Memory;

/// How much they give way to everything else in this process, which has little to do and should do it at once. (The
/// kernel's "nice" value: 0 is usual, 19 the most.)
const NICE: i32 = 10;

type Job = Box<dyn FnOnce(&mut Memory) + Send>;

/// The threads. They end when the last of its clones is gone.
#[derive(Clone, Debug)]
pub struct Hashers {
    jobs: mpsc::Sender<Job>,
}

impl Hashers {
    /// Starts so many.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(count: usize) -> io::Result<Self> {
        let (jobs, waiting) = mpsc::channel::<Job>();
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..count {
            let waiting = Arc::clone(&waiting);
            thread::Builder::new().name("hasher".to_owned()).spawn(move || work(&waiting))?;
        }
        Ok(Self { jobs })
    }

    /// Has one of them do this; an error comes of it if it panics.
    pub fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> oneshot::Receiver<T> {
        let (done, result) = oneshot::channel();
        // Whoever asked may have gone: then nobody wants to know.
        let job = move |memory: &mut Memory| drop(done.send(work(memory)));
        // There is somebody to take it for as long as we are here. If not, the result tells.
        let _ = self.jobs.send(Box::new(job));
        result
    }
}

fn work(jobs: &Mutex<mpsc::Receiver<Job>>) {
    if let Err(error) = setpriority_process(Some(gettid()), NICE) {
        tracing::debug!(%error, "hashing does not give way to anything");
    }
    let next = || jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
    let mut memory = Memory::new();
    while let Ok(job) = next() {
        // The panic was told on standard error; the thread is still wanted.
        let _ = catch_unwind(AssertUnwindSafe(|| job(&mut memory)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_error_and_the_thread_goes_on() {
        let hashers = Hashers::start(1).expect("a thread");
        let panicked = hashers.run(|_| -> () { panic!("on purpose") }).await;
        assert!(panicked.is_err());
        assert_eq!(hashers.run(|_| 7).await, Ok(7));
    }

    #[tokio::test]
    async fn so_many_jobs_are_done_at_the_same_time() {
        let hashers = Hashers::start(2).expect("threads");
        let both = Arc::new(std::sync::Barrier::new(2));
        let meet = || {
            let both = Arc::clone(&both);
            hashers.run(move |_| both.wait().is_leader())
        };
        let (one, other) = tokio::join!(meet(), meet());
        assert!(one.is_ok() && other.is_ok());
    }
}
