//! Argon2id, off the async threads and never more at once than there are cores.

use std::{sync::Arc, thread::available_parallelism, time::Duration};

use argon2::{
    Algorithm, Argon2, Params, ParamsBuilder, Version,
    password_hash::{self, PasswordHasher, PasswordVerifier},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};

/// Memory of one hash, in KiB: 19 MiB, as OWASP advises together with two passes and one lane.
const MEMORY_KIB: u32 = 19 * 1024;
/// Passes over that memory.
const PASSES: u32 = 2;
/// Lanes.
const LANES: u32 = 1;

/// How long a request waits for its turn to hash.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Why there is no answer about a password.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Others are being hashed, and too many wait.
    #[error("too many passwords wait to be hashed")]
    Busy,
    /// The hash could not be worked out, or the stored one cannot be read.
    #[error("password hash: {0}")]
    Hash(#[from] password_hash::Error),
    /// The parameters are out of range, or the hashing thread ended early.
    #[error("password hashing: {0}")]
    Broken(String),
}

/// Hashes and verifies passwords.
#[derive(Clone, Debug)]
pub struct Passwords {
    params: Params,
    turns: Arc<Semaphore>,
}

impl Passwords {
    /// With the parameters above.
    ///
    /// # Errors
    /// When the parameters are out of Argon2's range.
    pub fn new() -> Result<Self, Error> {
        let params = ParamsBuilder::new()
            .m_cost(MEMORY_KIB)
            .t_cost(PASSES)
            .p_cost(LANES)
            .build()
            .map_err(|error| Error::Broken(error.to_string()))?;
        let cores = available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(Self { params, turns: Arc::new(Semaphore::new(cores)) })
    }

    /// With so little work that tests need not wait for it.
    #[cfg(test)]
    pub fn weak() -> Self {
        let params = ParamsBuilder::new().m_cost(8).t_cost(1).p_cost(1).build();
        Self { params: params.expect("in range"), turns: Arc::new(Semaphore::new(2)) }
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
            match argon2.verify_password(password.expose_secret().as_bytes(), hash.expose_secret()) {
                Ok(()) => Ok(true),
                Err(password_hash::Error::PasswordInvalid) => Ok(false),
                Err(error) => Err(error.into()),
            }
        })
        .await
    }

    /// The permit goes with the work: a request that is given up still counts until its hash is done.
    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Argon2<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let waited = timeout(LONGEST_WAIT, Arc::clone(&self.turns).acquire_owned()).await;
        let permit = waited.map_err(|_| Error::Busy)?.map_err(|error| Error::Broken(error.to_string()))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params.clone());
        let done = spawn_blocking(move || {
            let result = work(&argon2);
            drop(permit);
            result
        });
        done.await.map_err(|error| Error::Broken(error.to_string()))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_matches_its_own_hash_only() {
        let passwords = Passwords::new().expect("parameters");
        let password = SecretString::from(" correct horse battery ");
        let hash = passwords.hash(&password).await.expect("hash");
        assert!(hash.expose_secret().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(passwords.matches(&password, &hash).await.expect("verify"));
        let trimmed = SecretString::from("correct horse battery");
        assert!(!passwords.matches(&trimmed, &hash).await.expect("verify"));
    }

    #[tokio::test]
    async fn an_unreadable_hash_is_an_error_and_not_a_mismatch() {
        let passwords = Passwords::new().expect("parameters");
        let (password, hash) = (SecretString::from("x"), SecretString::from("md5:x"));
        assert!(matches!(passwords.matches(&password, &hash).await, Err(Error::Hash(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_turn_in_time_the_answer_is_busy() {
        let passwords = Passwords::new().expect("parameters");
        passwords.turns.forget_permits(usize::MAX);
        let answer = passwords.hash(&SecretString::from("x")).await;
        assert!(matches!(answer, Err(Error::Busy)));
    }
}
