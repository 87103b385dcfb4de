//! The errors of the service.

use crate::{
    registration::{accounts, password},
    store,
};

/// The reason why a registration, a sign-in, or another request of a user has failed.
#[derive(Debug, thiserror::Error)]
pub enum RegistrationError {
    /// Another user has this username.
    #[error("the username is taken")]
    UsernameTaken,
    /// The user's own account is being deleted.
    #[error("the account is being deleted")]
    AccountDeleting,
    /// The Idempotency-Key was used with another username.
    #[error("the Idempotency-Key was used with another username")]
    IdempotencyKeyReused,
    /// The limit on new accounts per minute is reached. Holds the number of seconds to wait.
    #[error("too many new accounts")]
    SignupRateExceeded(u64),
    /// A ResourceQuota allows no more accounts.
    #[error("the account quota is exceeded: {0}")]
    QuotaExceeded(String),
    /// Too many wrong passwords were tried for this user. Holds the number of seconds to wait.
    #[error("too many wrong passwords")]
    TooManyFailures(u64),
    /// Too many registrations are in progress.
    #[error("too many registrations in progress")]
    QueueFull,
    /// Too many passwords are waiting to be hashed.
    #[error("too many passwords waiting to be hashed")]
    HashingBusy,
    /// The database or the API server is unavailable. The same request can succeed later.
    #[error("temporarily unavailable: {0}")]
    Unavailable(String),
    /// The operators have to change something first.
    #[error("misconfigured: {0}")]
    Misconfigured(String),
}

impl From<store::Error> for RegistrationError {
    fn from(error: store::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<password::Error> for RegistrationError {
    fn from(error: password::Error) -> Self {
        match error {
            password::Error::Busy => Self::HashingBusy,
            _ => Self::Misconfigured(error.to_string()),
        }
    }
}

impl From<accounts::Error> for RegistrationError {
    fn from(error: accounts::Error) -> Self {
        match error {
            accounts::Error::Rejected(_) => Self::Misconfigured(error.to_string()),
            _ => Self::Unavailable(error.to_string()),
        }
    }
}
