//! How an account goes that its owner no longer wants, made or not: that it is to go is written down first, and whoever looks
//! after what is to be made sees to it.

use super::{
    accounts::{self, Accounts, Ownership},
    refusal::Refusal,
    registering::Registering,
};
use crate::{
    api::StreamerAccount,
    store::{Registrant, Registrants},
};

impl<R: Registrants, A: Accounts> Registering<R, A> {
    /// Lets go of a user, and of the account as far as it is there. Somebody may be making it at this moment, so the user
    /// goes later, when it is certain that there is none.
    ///
    /// # Errors
    /// When it could not be written down.
    pub async fn leave(
        &self,
        registrant: &Registrant,
        account: Option<&StreamerAccount>,
    ) -> Result<(), Refusal> {
        self.registrants.renounce(registrant).await?;
        tracing::info!(user.id = %registrant.id, "account given up by its owner");
        if let Some(account) = account
            && let Err(error) = self.accounts.delete(account).await
        {
            tracing::warn!(user.id = %registrant.id, %error, "account not deleted yet");
        }
        Ok(())
    }

    /// Sees that the account of a registrant who was taken up goes, and then the user; the controller takes away a user
    /// whose account it has seen.
    pub(super) async fn see_off(&self, registrant: &Registrant) {
        let (namespace, name) = (&registrant.account_namespace, &registrant.account_name);
        match self.accounts.account(namespace, name).await {
            Ok(Some(account)) => match Ownership::of(&account, registrant) {
                Ownership::Theirs => {
                    let gone = self.accounts.delete(&account).await;
                    self.see_off_later(registrant, gone.err()).await;
                }
                // It is deleted once the controller has handed the user on to it.
                Ownership::Successor => self.see_off_later(registrant, None).await,
                Ownership::Anothers => self.lose(registrant).await,
            },
            Ok(None) => self.lose(registrant).await,
            Err(error) => self.see_off_later(registrant, Some(error)).await,
        }
    }

    async fn see_off_later(&self, registrant: &Registrant, error: Option<accounts::Error>) {
        if let Some(error) = error {
            tracing::warn!(user.id = %registrant.id, %error, "account not deleted yet");
        }
        self.put_off(registrant).await;
    }

    /// Where this fails, the next try comes when this one's time is up.
    pub(super) async fn put_off(&self, registrant: &Registrant) {
        if let Err(error) = self.registrants.put_off(registrant).await {
            tracing::warn!(user.id = %registrant.id, %error, "the next try is not put off");
        }
    }

    /// The name is another's account's, or nobody's any more. A row of ours must not be there for it to be given, unless it had
    /// an account before. If the same person made this one just now by a second request, that one has taken it up, and the
    /// row stays.
    pub(super) async fn lose(&self, registrant: &Registrant) {
        match self.registrants.take_back(registrant).await {
            Ok(true) => {
                tracing::warn!(user.id = %registrant.id, "the user has no account and will get none: taken back");
            }
            Ok(false) => self.settle(registrant).await,
            Err(error) => tracing::warn!(user.id = %registrant.id, %error, "not taken back"),
        }
    }
}
