//! Deleting an account on its owner's request, even one that is still to be created. The request is recorded
//! first; the retry loop carries it out.

use super::{error::RegistrationError, registration::RegistrationService};
use crate::{
    api::StreamerAccount,
    registration::{
        accounts::{self, Accounts, Ownership},
        backend::Backend,
    },
    store::{Registrant, Registrants},
};

impl<B: Backend> RegistrationService<B> {
    /// Records that the user's account is to be deleted, and deletes the object if it exists. A concurrent
    /// request may be creating the account, so the row is deleted later, once it is certain that no account
    /// exists.
    ///
    /// # Errors
    /// Returns an error if the request cannot be recorded.
    pub async fn delete_account(
        &self,
        registrant: &Registrant,
        account: Option<&StreamerAccount>,
    ) -> Result<(), RegistrationError> {
        self.registrants.request_deletion(registrant).await?;
        tracing::info!(user.id = %registrant.id, "the owner has asked to delete the account");
        if let Some(account) = account
            && let Err(error) = self.accounts.delete(account).await
        {
            tracing::warn!(user.id = %registrant.id, %error, "cannot delete the account yet, will retry");
        }
        Ok(())
    }

    /// Deletes the account of a leased registration, or the registration if it never got an account. If the
    /// controller has seen the account, the controller deletes the user.
    pub(super) async fn ensure_account_deleted(&self, registrant: &Registrant) {
        let (namespace, name) = (&registrant.account_namespace, &registrant.account_name);
        match self.accounts.account(namespace, name).await {
            Ok(Some(account)) => match Ownership::of(&account, registrant) {
                Ownership::Owned => {
                    let deleted = self.accounts.delete(&account).await;
                    self.retry_deletion_later(registrant, deleted.err()).await;
                }
                // It is deleted once the controller has transferred the user to it.
                Ownership::Successor => self.retry_deletion_later(registrant, None).await,
                Ownership::Foreign => self.abandon_registration(registrant).await,
            },
            Ok(None) => self.abandon_registration(registrant).await,
            Err(error) => self.retry_deletion_later(registrant, Some(error)).await,
        }
    }

    async fn retry_deletion_later(&self, registrant: &Registrant, error: Option<accounts::Error>) {
        if let Some(error) = error {
            tracing::warn!(user.id = %registrant.id, %error, "cannot delete the account yet, will retry");
        }
        self.postpone(registrant).await;
    }

    /// Schedules the next attempt with a backoff. If this fails, the next attempt comes when the current
    /// lease expires.
    pub(super) async fn postpone(&self, registrant: &Registrant) {
        if let Err(error) = self.registrants.reschedule(registrant).await {
            tracing::warn!(user.id = %registrant.id, %error, "cannot schedule the next attempt");
        }
    }

    /// Rolls back a registration whose account does not exist or belongs to somebody else, so that the name
    /// becomes free. The row stays if it had an account before, or if a concurrent request of the same user
    /// has leased it.
    pub(super) async fn abandon_registration(&self, registrant: &Registrant) {
        match self.registrants.rollback_registration(registrant).await {
            Ok(true) => {
                tracing::warn!(user.id = %registrant.id, "registration rolled back: the user has no account");
            }
            Ok(false) => self.mark_settled(registrant).await,
            Err(error) => {
                tracing::warn!(user.id = %registrant.id, %error, "cannot roll back the registration");
            }
        }
    }
}
