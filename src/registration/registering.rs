//! The protocol: a username and a password become a row and, in the same transaction, the intention to make the account. The
//! account is made from it at once, or by the loop in `retry.rs`; the same person trying again gets the same.

use std::{net::IpAddr, num::NonZeroU32, time::Duration};

use secrecy::SecretString;
use uuid::Uuid;

use super::{
    accounts::{self, Accounts, account_of, belongs_to},
    limits::Newcomers,
    password::{self, Passwords},
    progress::Status,
    turns::Turns,
};
use crate::{
    api::{self, StreamerAccount},
    store::{self, Addition, AuditEntry, AuditEvent, KeyHash, NewRegistrant, Registrant, Registrants},
};

#[cfg(test)]
mod tests;

/// How often the look-up is repeated when the row comes or goes between two of our steps.
const TRIES: usize = 3;

/// The turn of a registrant whom nobody has taken up since the row was written.
const FIRST_TURN: i64 = 1;
/// How many register at the same time. More would only keep each other waiting for a connection to the database.
pub const MOST_AT_ONCE: usize = 128;

/// How many may wait for a place among them.
pub const MOST_WAITING: usize = 128;

/// How many accounts the loop makes at the same time.
const AT_ONCE: i64 = 16;

/// Who wants an account.
#[derive(Clone, Debug)]
pub struct Applicant {
    /// The username as typed; valid.
    pub username: String,
    /// The password as typed; valid.
    pub password: SecretString,
    /// The Idempotency-Key that a program sent with it.
    pub key: Option<KeyHash>,
    /// From where the request came.
    pub address: IpAddr,
}

/// When a registrant's account was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// By this request.
    Now,
    /// By an earlier request with the same Idempotency-Key: this one is to be answered as that one was.
    Repeated,
    /// Before.
    Before,
    /// Not yet: it will be, without anybody asking again.
    Later,
}

/// An account that is there for the applicant, or will be.
#[derive(Clone, Debug)]
pub struct Registered {
    /// Id of the user.
    pub user: Uuid,
    /// The hash of the password that the applicant has chosen or proved.
    pub password_hash: Option<SecretString>,
    /// The username as it was first registered.
    pub username: String,
    /// Namespace of the account.
    pub namespace: String,
    /// Name of the account.
    pub name: String,
    /// How far it is.
    pub status: Status,
    /// When it was made.
    pub made: Made,
}

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

/// Makes accounts for applicants.
#[derive(Debug)]
pub struct Registering<R, A> {
    /// The users.
    pub registrants: R,
    /// The accounts.
    pub accounts: A,
    /// Hashes and verifies.
    pub passwords: Passwords,
    /// Where accounts are made.
    pub namespace: String,
    /// How long the username of a deleted account is nobody's.
    pub held_back: Option<Duration>,
    /// How many new accounts are taken on.
    pub newcomers: Newcomers,
    /// Permits of those who register at this moment, [`MOST_AT_ONCE`].
    pub places: Turns,
    /// How many wrong passwords an hour are tried for one user; half of them by strangers.
    pub most_failures: NonZeroU32,
}

impl<R: Registrants, A: Accounts> Registering<R, A> {
    /// Makes the applicant's account, or finds it when the applicant has asked before.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn register(&self, applicant: &Applicant) -> Result<Registered, Refusal> {
        let _place = self.places.take().await.ok_or(Refusal::Full)?;
        self.check_key(applicant).await?;
        for _ in 0..TRIES {
            let registered = match self.registrants.registrant(&applicant.username).await? {
                Some(registrant) => self.come_back(&registrant, applicant).await?,
                None => self.come_new(applicant).await?,
            };
            if let Some(registered) = registered {
                return Ok(registered);
            }
        }
        Err(Refusal::NotNow("the user's row keeps changing".to_owned()))
    }

    /// Makes the accounts that are still to be made and that nobody is making, and sees off those that are unwanted; how each
    /// ended.
    ///
    /// # Errors
    /// When they cannot be looked up.
    pub async fn make_due(&self) -> store::Result<Vec<Result<Registered, Refusal>>> {
        let due = self.registrants.take_up_due(AT_ONCE).await?;
        Ok(futures::future::join_all(due.iter().map(|registrant| self.carry_out(registrant))).await)
    }

    async fn carry_out(&self, registrant: &Registrant) -> Result<Registered, Refusal> {
        if registrant.unwanted {
            self.see_off(registrant).await;
            return Err(Refusal::Deleting);
        }
        self.make(registrant).await
    }

    /// An Idempotency-Key is for one username.
    async fn check_key(&self, applicant: &Applicant) -> Result<(), Refusal> {
        let Some(key) = &applicant.key else { return Ok(()) };
        match self.registrants.username_by_key(key).await? {
            Some(username) if !api::are_alike(&username, &applicant.username) => Err(Refusal::KeyUsed),
            _ => Ok(()),
        }
    }

    /// The same person again (a double click, a retry) proves it by the password. None when the row is gone by now.
    async fn come_back(
        &self,
        registrant: &Registrant,
        applicant: &Applicant,
    ) -> Result<Option<Registered>, Refusal> {
        let Some(hash) = &registrant.password_hash else { return Err(Refusal::Taken) };
        if !self.try_password(registrant, &applicant.password, hash, Some(applicant.address)).await? {
            return Err(Refusal::Taken);
        }
        if registrant.unwanted {
            return Err(Refusal::Deleting);
        }
        let username = &registrant.username;
        let entry = AuditEntry { event: AuditEvent::Returned, username, address: applicant.address };
        self.registrants.note(&entry).await?;
        let Some(registrant) = self.registrants.take_up(registrant).await? else { return Ok(None) };
        let mut registered = self.make(&registrant).await?;
        let same_key = applicant.key.is_some_and(|key| registrant.key.as_deref() == Some(&key[..]));
        if same_key && registered.made == Made::Before {
            registered.made = Made::Repeated;
        }
        Ok(Some(registered))
    }

    /// Somebody new gets a row. None when another request is faster.
    async fn come_new(&self, applicant: &Applicant) -> Result<Option<Registered>, Refusal> {
        // Before the expensive part. Who comes back to an account is not counted.
        self.newcomers.admit().map_err(Refusal::Crowded)?;
        // Before the cluster is asked: of a flood, only those who get a turn to hash go on from here.
        let password_hash = self.passwords.hash(&applicant.password).await?;
        let name = api::object_name(&applicant.username);
        // An account that somebody made with kubectl may have no row yet: its name is taken all the same. With the
        // cluster away this cannot be asked: then whoever makes the account finds out.
        let looked = match self.accounts.account(&self.namespace, &name).await {
            Ok(Some(account)) => return self.come_late(applicant, &account).await,
            Err(error @ accounts::Error::Refused(_)) => return Err(error.into()),
            looked => looked,
        };
        let Some(registrant) = self.add(applicant, &name, &password_hash).await? else { return Ok(None) };
        match looked {
            Ok(_) => self.make(&registrant).await.map(Some),
            Err(error) => Ok(Some(self.make_later(&registrant, &error).await)),
        }
    }

    /// An account has the name already. Where that comes of another request of a moment ago, there is a row by now: it was
    /// written before the account.
    async fn come_late(
        &self,
        applicant: &Applicant,
        account: &StreamerAccount,
    ) -> Result<Option<Registered>, Refusal> {
        match self.registrants.registrant(&applicant.username).await? {
            Some(_) => Ok(None),
            None if is_going(account) => Err(Refusal::Deleting),
            None => Err(Refusal::Taken),
        }
    }

    async fn add(
        &self,
        applicant: &Applicant,
        name: &str,
        password_hash: &SecretString,
    ) -> Result<Option<Registrant>, Refusal> {
        let new = NewRegistrant {
            username: &applicant.username,
            password_hash,
            account_namespace: &self.namespace,
            account_name: name,
            key: applicant.key.as_ref(),
            held_back: self.held_back,
            address: applicant.address,
        };
        match self.registrants.add(&new).await? {
            Addition::Added(registrant) => Ok(Some(registrant)),
            Addition::Exists => Ok(None),
            Addition::HeldBack => Err(Refusal::Taken),
            Addition::KeyUsed => Err(Refusal::KeyUsed),
        }
    }

    /// Makes the account of a registrant who was taken up; whatever stands in the way for now, it stays to be made.
    async fn make(&self, registrant: &Registrant) -> Result<Registered, Refusal> {
        match self.accounts.create(&account_of(registrant)).await {
            Ok(()) => Ok(self.made(registrant, Status::Pending, Made::Now).await),
            Err(accounts::Error::AlreadyExists) => self.find(registrant, &gone()).await,
            Err(error @ accounts::Error::NoRoom(_)) if registrant.turn == FIRST_TURN => {
                self.turn_away(registrant, &error).await
            }
            // The quota is asked before the name: the account may be there all the same.
            Err(error @ accounts::Error::NoRoom(_)) => self.find(registrant, &error).await,
            Err(error) => Ok(self.make_later(registrant, &error).await),
        }
    }

    /// Whose is the account that has the name already? Where there is none, `missing` is why.
    async fn find(&self, registrant: &Registrant, missing: &accounts::Error) -> Result<Registered, Refusal> {
        let found = self.accounts.account(&registrant.account_namespace, &registrant.account_name).await;
        match found {
            Ok(Some(account)) if !belongs_to(&account, registrant) => {
                self.lose(registrant).await;
                Err(Refusal::Taken)
            }
            Ok(Some(account)) if is_going(&account) => {
                self.settle(registrant).await;
                Err(Refusal::Deleting)
            }
            Ok(Some(account)) => Ok(self.made(registrant, Status::of(&account), Made::Before).await),
            Ok(None) => Ok(self.make_later(registrant, missing).await),
            Err(error) => Ok(self.make_later(registrant, &error).await),
        }
    }

    /// There is no room for whom this request has brought: they are told so, and may come again. To whom an account was
    /// promised before, because the cluster was away, the promise is kept once there is room.
    async fn turn_away(
        &self,
        registrant: &Registrant,
        error: &accounts::Error,
    ) -> Result<Registered, Refusal> {
        match self.registrants.take_back(registrant).await {
            Ok(true) => Err(Refusal::NoRoom(error.to_string())),
            Ok(false) => Ok(registered(registrant, Status::Pending, Made::Later)),
            Err(away) => {
                tracing::warn!(user.id = %registrant.id, error = %away, "not taken back");
                Ok(self.make_later(registrant, error).await)
            }
        }
    }

    async fn made(&self, registrant: &Registrant, status: Status, made: Made) -> Registered {
        self.settle(registrant).await;
        registered(registrant, status, made)
    }

    async fn make_later(&self, registrant: &Registrant, error: &accounts::Error) -> Registered {
        if matches!(error, accounts::Error::Refused(_)) {
            tracing::error!(user.id = %registrant.id, %error, "account not made");
        } else {
            tracing::warn!(user.id = %registrant.id, %error, "account not made yet");
        }
        self.put_off(registrant).await;
        registered(registrant, Status::Pending, Made::Later)
    }

    /// Where this fails, the loop comes by the account once more.
    pub(super) async fn settle(&self, registrant: &Registrant) {
        if let Err(error) = self.registrants.settle(registrant).await {
            tracing::warn!(user.id = %registrant.id, %error, "what was made is not noted");
        }
    }
}

fn gone() -> accounts::Error {
    accounts::Error::Away("the account was deleted a moment ago".to_owned())
}

fn registered(registrant: &Registrant, status: Status, made: Made) -> Registered {
    Registered {
        user: registrant.id,
        password_hash: registrant.password_hash.clone(),
        username: registrant.username.clone(),
        namespace: registrant.account_namespace.clone(),
        name: registrant.account_name.clone(),
        status,
        made,
    }
}

fn is_going(account: &StreamerAccount) -> bool {
    account.metadata.deletion_timestamp.is_some()
}
