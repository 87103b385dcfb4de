//! A pool of hashing threads, each with its own working memory.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, mpsc},
    thread,
};

use rustix::{process::setpriority_process, thread::gettid};
use tokio::sync::oneshot;

use super::argon2id::Memory;
use crate::lock::lock;

/// The nice value of hashing threads, so that everything else in the process runs first. (0 is the default,
/// 19 the lowest priority.)
const HASHING_NICE: i32 = 10;

type Job = Box<dyn FnOnce(&mut Memory) + Send>;

/// The pool. Its threads end when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct HashPool {
    jobs: mpsc::Sender<Job>,
}

impl HashPool {
    /// Starts this many threads.
    ///
    /// # Errors
    /// Returns an error if a thread cannot be started.
    pub fn start(count: usize) -> io::Result<Self> {
        let (jobs, waiting) = mpsc::channel::<Job>();
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..count {
            let waiting = Arc::clone(&waiting);
            thread::Builder::new().name("hasher".to_owned()).spawn(move || work(&waiting))?;
        }
        Ok(Self { jobs })
    }

    /// Runs work on a thread of the pool. The result is an error if the work panics.
    pub fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> oneshot::Receiver<T> {
        let (done, result) = oneshot::channel();
        // The caller may have been cancelled and dropped the receiver.
        let job = move |memory: &mut Memory| drop(done.send(work(memory)));
        // The threads live as long as the pool. If one is missing, the receiver returns an error.
        let _ = self.jobs.send(Box::new(job));
        result
    }
}

fn work(jobs: &Mutex<mpsc::Receiver<Job>>) {
    if let Err(error) = setpriority_process(Some(gettid()), HASHING_NICE) {
        tracing::debug!(%error, "cannot lower the priority of a hashing thread");
    }
    let next = || lock(jobs).recv();
    let mut memory = Memory::new();
    while let Ok(job) = next() {
        // The panic hook has reported the panic; keep the thread.
        let _ = catch_unwind(AssertUnwindSafe(|| job(&mut memory)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_error_and_the_thread_survives() {
        let hash_pool = HashPool::start(1).expect("a thread");
        let panicked = hash_pool.run(|_| -> () { panic!("on purpose") }).await;
        assert!(panicked.is_err());
        assert_eq!(hash_pool.run(|_| 7).await, Ok(7));
    }

    #[tokio::test]
    async fn jobs_run_in_parallel_on_all_threads() {
        let hash_pool = HashPool::start(2).expect("threads");
        let both = Arc::new(std::sync::Barrier::new(2));
        let meet = || {
            let both = Arc::clone(&both);
            hash_pool.run(move |_| both.wait().is_leader())
        };
        let (one, other) = tokio::join!(meet(), meet());
        assert!(one.is_ok() && other.is_ok());
    }
}
