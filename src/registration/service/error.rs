//! Why somebody does not get what they ask for, before it is put into words for them.

use super::{accounts, password};
use crate::store;

/// Why there is no account for the applicant.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The username is somebody else's.
    #[error("the username is taken")]
    Taken,
    /// The applicant's own account is being deleted.
    #[error("the account is being deleted")]
    Deleting,
    /// The Idempotency-Key came with another request.
    #[error("the Idempotency-Key was used before")]
    KeyUsed,
    /// More come than can be taken on; in so many seconds there may be room.
    #[error("too many new accounts")]
    Crowded(u64),
    /// As many accounts are there as there may be.
    #[error("no room for another account: {0}")]
    NoRoom(String),
    /// Too many wrong passwords were tried for this user; in so many seconds there may be another.
    #[error("too many wrong passwords")]
    Guessed(u64),
    /// Too many register at this moment.
    #[error("too many register at this moment")]
    Full,
    /// Too many passwords wait to be hashed.
    #[error("too many passwords wait to be hashed")]
    Busy,
    /// It did not work out now. Nothing stands in the way of another try with the same password.
    #[error("not now: {0}")]
    NotNow(String),
    /// It will not work out until the people who run this change something.
    #[error("misconfigured: {0}")]
    Misconfigured(String),
}

impl From<store::Error> for Refusal {
    fn from(error: store::Error) -> Self {
        Self::NotNow(error.to_string())
    }
}

impl From<password::Error> for Refusal {
    fn from(error: password::Error) -> Self {
        match error {
            password::Error::Busy => Self::Busy,
            _ => Self::Misconfigured(error.to_string()),
        }
    }
}

impl From<accounts::Error> for Refusal {
    fn from(error: accounts::Error) -> Self {
        match error {
            accounts::Error::Refused(_) => Self::Misconfigured(error.to_string()),
            _ => Self::NotNow(error.to_string()),
        }
    }
}
