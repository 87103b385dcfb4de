//! The protocol: a username and a password become a row, and the row an account; nothing half done, and the same
//! person trying again gets through.

use secrecy::SecretString;

use super::{
    accounts::{self, Accounts, account_of, belongs_to},
    password::{self, Passwords},
    progress::Status,
};
use crate::{
    api::{self, StreamerAccount},
    store::{self, NewRegistrant, Registrant, Registrants},
};

#[cfg(test)]
mod tests;

/// How often the look-up is repeated when the row comes or goes between two of our steps.
const TRIES: usize = 3;

/// Who wants an account.
#[derive(Clone, Debug)]
pub struct Applicant {
    /// The username as typed; valid.
    pub username: String,
    /// The password as typed; valid.
    pub password: SecretString,
}

/// An account that is there for the applicant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// The username as it was first registered.
    pub username: String,
    /// Namespace of the account.
    pub namespace: String,
    /// Name of the account.
    pub name: String,
    /// How far it is.
    pub status: Status,
    /// Whether this request made it; otherwise it was there before.
    pub new: bool,
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
            password::Error::Busy => Self::NotNow(error.to_string()),
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

/// A row that this request may make an account for.
enum Holder {
    /// This request has inserted it, and takes it back when nothing comes of it.
    Added(Registrant),
    /// It was there before, and the password is the applicant's.
    Known(Registrant),
}

impl Holder {
    fn registrant(&self) -> &Registrant {
        match self {
            Self::Added(registrant) | Self::Known(registrant) => registrant,
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
}

impl<R: Registrants, A: Accounts> Registering<R, A> {
    /// Makes the applicant's account, or finds it when the applicant has asked before.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn register(&self, applicant: &Applicant) -> Result<Registered, Refusal> {
        for _ in 0..TRIES {
            let holder = match self.registrants.registrant(&applicant.username).await? {
                Some(registrant) => self.come_back(registrant, applicant).await?,
                None => self.come_new(applicant).await?,
            };
            if let Some(holder) = holder {
                return self.open_account(&holder).await;
            }
        }
        Err(Refusal::NotNow("the user's row keeps changing".to_owned()))
    }

    /// The same person again (a double click, a retry) proves it by the password. None when the row is gone by now.
    async fn come_back(
        &self,
        registrant: Registrant,
        applicant: &Applicant,
    ) -> Result<Option<Holder>, Refusal> {
        let Some(hash) = &registrant.password_hash else { return Err(Refusal::Taken) };
        if !self.passwords.matches(&applicant.password, hash).await? {
            return Err(Refusal::Taken);
        }
        let held = self.registrants.hold(&registrant).await?;
        Ok(held.then_some(Holder::Known(registrant)))
    }

    /// Somebody new gets a row. None when another request was faster.
    async fn come_new(&self, applicant: &Applicant) -> Result<Option<Holder>, Refusal> {
        let name = api::object_name(&applicant.username);
        // An account that somebody made with kubectl may have no row yet: its name is taken all the same, and a row
        // of ours must not be there for it to be given. Also, with the cluster away nothing is begun.
        if let Some(account) = self.accounts.account(&self.namespace, &name).await? {
            return Err(if is_going(&account) { Refusal::Deleting } else { Refusal::Taken });
        }
        let password_hash = self.passwords.hash(&applicant.password).await?;
        let new = NewRegistrant {
            username: &applicant.username,
            password_hash: &password_hash,
            account_namespace: &self.namespace,
            account_name: &name,
        };
        Ok(self.registrants.add(&new).await?.map(Holder::Added))
    }

    async fn open_account(&self, holder: &Holder) -> Result<Registered, Refusal> {
        let account = account_of(holder.registrant());
        match self.accounts.create(&account).await {
            Ok(()) => Ok(registered(holder.registrant(), &account, true)),
            Err(accounts::Error::AlreadyExists) => self.find_account(holder).await,
            // It may be there: the row must stay for it, and the next try finds out.
            Err(error @ accounts::Error::Unclear(_)) => Err(error.into()),
            Err(error) => {
                self.give_up(holder).await;
                Err(error.into())
            }
        }
    }

    /// Whose is the account that has the name already?
    async fn find_account(&self, holder: &Holder) -> Result<Registered, Refusal> {
        let registrant = holder.registrant();
        let found = self.accounts.account(&registrant.account_namespace, &registrant.account_name).await;
        match found {
            Ok(Some(account)) if belongs_to(&account, registrant) && is_going(&account) => {
                Err(Refusal::Deleting)
            }
            Ok(Some(account)) if belongs_to(&account, registrant) => {
                Ok(registered(registrant, &account, false))
            }
            other => {
                // Not to be told, or not ours: a row of ours must not be there for somebody else's account. If the
                // same person made it just now by a second request, that one holds the row, and it stays.
                self.give_up(holder).await;
                Err(other?.map_or_else(gone, |_| Refusal::Taken))
            }
        }
    }

    /// Leaves no row behind that this request has added. Where that fails too, the row stays, and the same person
    /// gets through with it later.
    async fn give_up(&self, holder: &Holder) {
        let Holder::Added(registrant) = holder else { return };
        if let Err(error) = self.registrants.take_back(registrant).await {
            tracing::warn!(user.id = %registrant.id, %error, "a user without an account is left behind");
        }
    }
}

fn registered(registrant: &Registrant, account: &StreamerAccount, new: bool) -> Registered {
    Registered {
        username: registrant.username.clone(),
        namespace: registrant.account_namespace.clone(),
        name: registrant.account_name.clone(),
        status: Status::of(account),
        new,
    }
}

fn gone() -> Refusal {
    Refusal::NotNow("the account was deleted a moment ago".to_owned())
}

fn is_going(account: &StreamerAccount) -> bool {
    account.metadata.deletion_timestamp.is_some()
}
