//! The protocol: a username and a password become a row and, in the same transaction, the intention to make the account. The
//! account is made from it at once, or by the loop in `retry.rs`; the same person trying again gets the same.

use std::{net::IpAddr, num::NonZeroU32, time::Duration};

use secrecy::SecretString;
use uuid::Uuid;

use super::{
    accounts::{self, Accounts},
    limits::Newcomers,
    password::Passwords,
    progress::Status,
    refusal::Refusal,
    turns::Turns,
};
use crate::{
    api::{self, StreamerAccount},
    store::{Addition, AuditEntry, AuditEvent, KeyHash, NewRegistrant, Registrant, Registrants},
};

#[cfg(test)]
mod tests;

/// How often the look-up is repeated when the row comes or goes between two of our steps.
const TRIES: usize = 3;

/// How many register at the same time. More would only keep each other waiting for a connection to the database.
pub const MOST_AT_ONCE: usize = 128;

/// How many may wait for a place among them.
pub const MOST_WAITING: usize = 128;

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
}

/// Whether an account is being deleted.
pub(super) fn is_going(account: &StreamerAccount) -> bool {
    account.metadata.deletion_timestamp.is_some()
}
