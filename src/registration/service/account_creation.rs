//! How the account of a registrant is made who was taken up; whatever stands in the way, it is made later, or the registrant is
//! told why not.

use super::{
    accounts::{self, Accounts, Ownership, account_of},
    progress::Status,
    refusal::Refusal,
    registering::{Made, Registered, Registering, is_going},
};
use crate::{
    api::StreamerAccount,
    store::{self, Registrant, Registrants},
};

/// The turn of a registrant whom nobody has taken up since the row was written.
const FIRST_TURN: i64 = 1;

/// How many accounts the loop makes at the same time.
const AT_ONCE: i64 = 16;

impl<R: Registrants, A: Accounts> Registering<R, A> {
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

    /// Makes the account of a registrant who was taken up; whatever stands in the way for now, it stays to be made.
    pub(super) async fn make(&self, registrant: &Registrant) -> Result<Registered, Refusal> {
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
            Ok(Some(account)) => self.found(registrant, &account).await,
            Ok(None) => Ok(self.make_later(registrant, missing).await),
            Err(error) => Ok(self.make_later(registrant, &error).await),
        }
    }

    async fn found(&self, registrant: &Registrant, account: &StreamerAccount) -> Result<Registered, Refusal> {
        let status = match Ownership::of(account, registrant) {
            Ownership::Anothers => {
                self.lose(registrant).await;
                return Err(Refusal::Taken);
            }
            Ownership::Theirs => Status::of(account),
            Ownership::Successor => Status::Pending,
        };
        if is_going(account) {
            self.settle(registrant).await;
            return Err(Refusal::Deleting);
        }
        Ok(self.made(registrant, status, Made::Before).await)
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

    pub(super) async fn make_later(&self, registrant: &Registrant, error: &accounts::Error) -> Registered {
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
