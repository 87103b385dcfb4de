//! Argon2id, off the async threads and never more at once than there are cores.

use std::{io, thread::available_parallelism};

use argon2::{
    Params, ParamsBuilder,
    password_hash::{self, PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::{
    argon2id::{Argon2id, Memory},
    hashers::Hashers,
    turns::Turns,
};
use crate::{config::PasswordSettings, telemetry::HashMetrics};

/// How many may wait for each permit: about as many as a fast core hashes in the time that anybody waits. On a slow one those at
/// the end wait that long and get none.
const LINE: usize = 64;

/// Why there is no answer about a password.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Others are being hashed, and too many wait.
    #[error("too many passwords wait to be hashed")]
    Busy,
    /// The hash could not be worked out, or the stored one cannot be read.
    #[error("password hash: {0}")]
    Hash(#[from] password_hash::Error),
    /// The parameters are out of Argon2's range.
    #[error("the parameters of Argon2id (--argon2-memory-kib, --argon2-passes, --argon2-lanes): {0}")]
    Parameters(String),
    /// There is no thread to hash.
    #[error("password hashing: no thread: {0}")]
    Threads(#[from] io::Error),
    /// The hashing thread ended early.
    #[error("password hashing: {0}")]
    Broken(String),
}

/// Hashes and verifies passwords.
#[derive(Clone, Debug)]
pub struct Passwords {
    params: Params,
    turns: Turns,
    hashers: Hashers,
    /// The hash of a password that nobody has: verifying against it costs what any other does.
    nobodys: SecretString,
    metrics: HashMetrics,
}

impl Passwords {
    /// With these parameters.
    ///
    /// # Errors
    /// When the parameters are out of Argon2's range, or there are no threads.
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
        let (turns, hashers) = (Turns::new(cores, cores * LINE), Hashers::start(cores)?);
        let (nobodys, metrics) = (hash.to_string().into(), HashMetrics::default());
        Ok(Self { params, turns, hashers, nobodys, metrics })
    }

    /// Counted by these metrics.
    #[must_use]
    pub fn counted(self, metrics: HashMetrics) -> Self {
        Self { metrics, ..self }
    }

    /// With so little work that tests need not wait for it.
    #[cfg(test)]
    pub fn weak() -> Self {
        Self::new(&PasswordSettings { memory_kib: 8, passes: 1, lanes: 1 }).expect("in range")
    }

    /// The PHC string of a password, with a salt of its own.
    ///
    /// # Errors
    /// [`Error::Busy`] when there was no turn in time.
    pub async fn hash(&self, password: &SecretString) -> Result<SecretString, Error> {
        let password = password.clone();
        self.in_turn(move |argon2| {
            let hash = argon2.hash_password(password.expose_secret().as_bytes())?;
            Ok(SecretString::from(hash.to_string()))
        })
        .await
    }

    /// Whether this is the password that was hashed.
    ///
    /// # Errors
    /// [`Error::Busy`] when there was no turn in time; [`Error::Hash`] when the stored hash cannot be read.
    pub async fn matches(&self, password: &SecretString, hash: &SecretString) -> Result<bool, Error> {
        let (password, hash) = (password.clone(), hash.clone());
        self.in_turn(move |argon2| {
            let hash = PasswordHash::new(hash.expose_secret()).map_err(password_hash::Error::from)?;
            match argon2.verify_password(password.expose_secret().as_bytes(), &hash) {
                Ok(()) => Ok(true),
                Err(password_hash::Error::PasswordInvalid) => Ok(false),
                Err(error) => Err(error.into()),
            }
        })
        .await
    }

    /// Does the work of [`Passwords::matches`] for a user who is not there or has no password.
    ///
    /// # Errors
    /// As there.
    pub async fn match_nobody(&self, password: &SecretString) -> Result<(), Error> {
        self.matches(password, &self.nobodys).await.map(drop)
    }

    /// Whether a hash was made with less work than a new one would be.
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

    /// The permit goes with the work: a request that is given up still counts until its hash is done.
    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Argon2id<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let waiting = self.metrics.wait();
        let turn = self.turns.take().await;
        drop(waiting);
        let permit = turn.ok_or_else(|| {
            self.metrics.gave_up();
            Error::Busy
        })?;
        let (params, running) = (self.params.clone(), self.metrics.run());
        let done = self.hashers.run(move |memory| {
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

    const USUAL: PasswordSettings = PasswordSettings { memory_kib: 19 * 1024, passes: 2, lanes: 1 };

    #[tokio::test]
    async fn a_hash_of_less_work_is_outdated() {
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
    async fn a_password_for_nobody_is_verified_with_the_work_of_any_other() {
        let passwords = Passwords::weak();
        assert!(!passwords.is_outdated(&passwords.nobodys));
        passwords.match_nobody(&SecretString::from("x")).await.expect("verified");
        passwords.turns.end();
        assert!(passwords.match_nobody(&SecretString::from("x")).await.is_err(), "nothing was verified");
    }

    #[test]
    fn parameters_out_of_range_are_refused() {
        let settings = PasswordSettings { memory_kib: 1, ..USUAL };
        assert!(matches!(Passwords::new(&settings), Err(Error::Parameters(_))));
    }

    #[tokio::test]
    async fn a_password_matches_its_own_hash_only() {
        let passwords = Passwords::new(&USUAL).expect("parameters");
        let password = SecretString::from(" correct horse battery ");
        let hash = passwords.hash(&password).await.expect("hash");
        assert!(hash.expose_secret().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(passwords.matches(&password, &hash).await.expect("verify"));
        let trimmed = SecretString::from("correct horse battery");
        assert!(!passwords.matches(&trimmed, &hash).await.expect("verify"));
    }

    #[tokio::test]
    async fn an_unreadable_hash_is_an_error_and_not_a_mismatch() {
        let passwords = Passwords::new(&USUAL).expect("parameters");
        let (password, hash) = (SecretString::from("x"), SecretString::from("md5:x"));
        assert!(matches!(passwords.matches(&password, &hash).await, Err(Error::Hash(_))));
    }

    #[tokio::test]
    async fn without_a_turn_the_answer_is_busy() {
        let passwords = Passwords::new(&USUAL).expect("parameters");
        passwords.turns.end();
        let answer = passwords.hash(&SecretString::from("x")).await;
        assert!(matches!(answer, Err(Error::Busy)));
    }
}
