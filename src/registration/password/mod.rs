//! Passwords: hashing with Argon2id on threads of its own, one per core, and the checks for weak passwords.

mod argon2id;
pub mod blocklist;
mod hash_pool;
pub mod patterns;

use std::{io, thread::available_parallelism};

use argon2::{
    Params, ParamsBuilder,
    password_hash::{self, PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use self::{
    argon2id::{Argon2id, Memory},
    hash_pool::HashPool,
};
use crate::{
    config::PasswordSettings, registration::admission_queue::AdmissionQueue, telemetry::HashMetrics,
};

/// Maximum number of callers that wait for a hash, per core. A fast core can serve about that many within the
/// maximum wait; on a slow one, the last of them time out.
const QUEUED_PER_PERMIT: usize = 64;

/// The reason why a password cannot be hashed or verified.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// All threads are busy, and too many callers wait.
    #[error("too many passwords waiting to be hashed")]
    Busy,
    /// The hash cannot be computed, or the stored one cannot be parsed.
    #[error("password hash: {0}")]
    Hash(#[from] password_hash::Error),
    /// The parameters are out of Argon2's range.
    #[error("invalid Argon2id parameters (--argon2-memory-kib, --argon2-passes, --argon2-lanes): {0}")]
    Parameters(String),
    /// A hashing thread cannot be started.
    #[error("cannot start a password hashing thread: {0}")]
    Threads(#[from] io::Error),
    /// The hashing thread panicked.
    #[error("password hashing failed: {0}")]
    Broken(String),
}

/// Hashes and verifies passwords.
#[derive(Clone, Debug)]
pub struct Passwords {
    params: Params,
    queue: AdmissionQueue,
    hash_pool: HashPool,
    /// The hash of a random password. Verifying against it costs as much as against any other.
    dummy_hash: SecretString,
    metrics: HashMetrics,
}

impl Passwords {
    /// Creates a hasher with these parameters.
    ///
    /// # Errors
    /// Returns an error if the parameters are out of Argon2's range, or if no thread can be started.
    pub fn new(settings: &PasswordSettings) -> Result<Self, Error> {
        let params = ParamsBuilder::new()
            .m_cost(settings.memory_kib)
            .t_cost(settings.passes)
            .p_cost(settings.lanes)
            .build()
            .map_err(|error| Error::Parameters(error.to_string()))?;
        let cores = available_parallelism().map_or(1, std::num::NonZero::get);
        let hash =
            Argon2id::new(params.clone(), &mut Memory::new()).hash_password(Uuid::new_v4().as_bytes())?;
        let (queue, hash_pool) =
            (AdmissionQueue::new(cores, cores * QUEUED_PER_PERMIT), HashPool::start(cores)?);
        let (dummy_hash, metrics) = (hash.to_string().into(), HashMetrics::default());
        Ok(Self { params, queue, hash_pool, dummy_hash, metrics })
    }

    /// Sets the metrics.
    #[must_use]
    pub fn with_metrics(self, metrics: HashMetrics) -> Self {
        Self { metrics, ..self }
    }

    /// Creates a hasher with minimal work, for fast tests.
    #[cfg(test)]
    pub fn weak() -> Self {
        Self::new(&PasswordSettings { memory_kib: 8, passes: 1, lanes: 1 }).expect("in range")
    }

    /// Hashes a password with a new salt and returns the PHC string.
    ///
    /// # Errors
    /// Returns [`Error::Busy`] if the queue is full or the wait takes too long.
    pub async fn hash(&self, password: &SecretString) -> Result<SecretString, Error> {
        let password = password.clone();
        self.run_queued(move |argon2| {
            let hash = argon2.hash_password(password.expose_secret().as_bytes())?;
            Ok(SecretString::from(hash.to_string()))
        })
        .await
    }

    /// Returns true if the hash is that of this password.
    ///
    /// # Errors
    /// Returns [`Error::Busy`] if the queue is full or the wait takes too long, and [`Error::Hash`] if the
    /// hash cannot be parsed.
    pub async fn verify(&self, password: &SecretString, hash: &SecretString) -> Result<bool, Error> {
        let (password, hash) = (password.clone(), hash.clone());
        self.run_queued(move |argon2| {
            let hash = PasswordHash::new(hash.expose_secret()).map_err(password_hash::Error::from)?;
            match argon2.verify_password(password.expose_secret().as_bytes(), &hash) {
                Ok(()) => Ok(true),
                Err(password_hash::Error::PasswordInvalid) => Ok(false),
                Err(error) => Err(error.into()),
            }
        })
        .await
    }

    /// Does the work of [`Passwords::verify`] for a user who does not exist or has no password.
    ///
    /// # Errors
    /// Returns the same errors.
    pub async fn verify_dummy(&self, password: &SecretString) -> Result<(), Error> {
        self.verify(password, &self.dummy_hash).await.map(drop)
    }

    /// Returns true if a hash was computed with less work than a new one would be.
    #[must_use]
    pub fn is_outdated(&self, hash: &SecretString) -> bool {
        let params =
            PasswordHash::new(hash.expose_secret()).ok().and_then(|hash| Params::try_from(&hash).ok());
        params.is_some_and(|old| {
            old.m_cost() < self.params.m_cost()
                || old.t_cost() < self.params.t_cost()
                || old.p_cost() < self.params.p_cost()
        })
    }

    /// Waits for a permit and runs the work on a hashing thread. The thread holds the permit, so a cancelled
    /// request still counts until its hash is done.
    async fn run_queued<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Argon2id<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let waiting = self.metrics.wait();
        let permit = self.queue.acquire().await;
        drop(waiting);
        let permit = permit.ok_or_else(|| {
            self.metrics.gave_up();
            Error::Busy
        })?;
        let (params, running) = (self.params.clone(), self.metrics.run());
        let done = self.hash_pool.run(move |memory| {
            let result = work(&Argon2id::new(params, memory));
            drop((running, permit));
            result
        });
        done.await.map_err(|error| Error::Broken(error.to_string()))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULTS: PasswordSettings = PasswordSettings { memory_kib: 19 * 1024, passes: 2, lanes: 1 };

    #[tokio::test]
    async fn a_hash_with_weaker_parameters_is_outdated() {
        let weak = Passwords::weak();
        let hash = weak.hash(&SecretString::from("x")).await.expect("hash");
        assert!(!weak.is_outdated(&hash));
        for stronger in [
            PasswordSettings { memory_kib: 16, passes: 1, lanes: 1 },
            PasswordSettings { memory_kib: 8, passes: 2, lanes: 1 },
        ] {
            assert!(Passwords::new(&stronger).expect("parameters").is_outdated(&hash), "{stronger:?}");
        }
    }

    #[tokio::test]
    async fn verifying_for_an_unknown_user_takes_the_same_work() {
        let passwords = Passwords::weak();
        assert!(!passwords.is_outdated(&passwords.dummy_hash));
        passwords.verify_dummy(&SecretString::from("x")).await.expect("verified");
        passwords.queue.close();
        assert!(passwords.verify_dummy(&SecretString::from("x")).await.is_err(), "no password was verified");
    }

    #[test]
    fn parameters_out_of_range_are_rejected() {
        let settings = PasswordSettings { memory_kib: 1, ..DEFAULTS };
        assert!(matches!(Passwords::new(&settings), Err(Error::Parameters(_))));
    }

    #[tokio::test]
    async fn a_password_matches_its_own_hash_only() {
        let passwords = Passwords::new(&DEFAULTS).expect("parameters");
        let password = SecretString::from(" correct horse battery ");
        let hash = passwords.hash(&password).await.expect("hash");
        assert!(hash.expose_secret().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(passwords.verify(&password, &hash).await.expect("verify"));
        let trimmed = SecretString::from("correct horse battery");
        assert!(!passwords.verify(&trimmed, &hash).await.expect("verify"));
    }

    #[tokio::test]
    async fn an_unreadable_hash_is_an_error_and_not_a_mismatch() {
        let passwords = Passwords::new(&DEFAULTS).expect("parameters");
        let (password, hash) = (SecretString::from("x"), SecretString::from("md5:x"));
        assert!(matches!(passwords.verify(&password, &hash).await, Err(Error::Hash(_))));
    }

    #[tokio::test]
    async fn hashing_without_a_permit_fails_as_busy() {
        let passwords = Passwords::new(&DEFAULTS).expect("parameters");
        passwords.queue.close();
        let answer = passwords.hash(&SecretString::from("x")).await;
        assert!(matches!(answer, Err(Error::Busy)));
    }
}
