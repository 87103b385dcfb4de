//! Creating the account of a leased registration. If it cannot be created now, it is created later or the
//! registration fails with a reason.

use super::{
    error::RegistrationError,
    progress::ProgressStatus,
    registration::{CreationOutcome, Registered, RegistrationService, is_being_deleted},
};
use crate::{
    api::StreamerAccount,
    registration::{
        accounts::{self, Accounts, Ownership, account_of},
        backend::Backend,
    },
    store::{self, Registrant, Registrants},
};

/// The fencing token of a registration that has never been leased again since its row was inserted.
const FIRST_FENCING_TOKEN: i64 = 1;

/// Maximum number of registrations that one pass of the retry loop processes, all of them concurrently.
const BATCH_SIZE: i64 = 16;

impl<B: Backend> RegistrationService<B> {
    /// Processes the registrations that are due and not leased by another process: creates accounts, and
    /// deletes those whose owners have asked for it. Returns the result of each.
    ///
    /// # Errors
    /// Returns an error if the due registrations cannot be read.
    pub async fn process_due(&self) -> store::Result<Vec<Result<Registered, RegistrationError>>> {
        let due = self.registrants.lease_due(BATCH_SIZE).await?;
        Ok(futures::future::join_all(due.iter().map(|registrant| self.process(registrant))).await)
    }

    async fn process(&self, registrant: &Registrant) -> Result<Registered, RegistrationError> {
        if registrant.delete_requested {
            self.ensure_account_deleted(registrant).await;
            return Err(RegistrationError::AccountDeleting);
        }
        self.create_account(registrant).await
    }

    /// Creates the account of a leased registration. If this fails for a temporary reason, the registration
    /// stays due.
    pub(super) async fn create_account(
        &self,
        registrant: &Registrant,
    ) -> Result<Registered, RegistrationError> {
        match self.accounts.create(&account_of(registrant)).await {
            Ok(()) => Ok(self.complete(registrant, ProgressStatus::Pending, CreationOutcome::Created).await),
            Err(accounts::Error::AlreadyExists) => {
                self.resolve_existing(registrant, &deleted_meanwhile()).await
            }
            Err(error @ accounts::Error::QuotaExceeded(_))
                if registrant.fencing_token == FIRST_FENCING_TOKEN =>
            {
                self.reject_over_quota(registrant, &error).await
            }
            // The API server checks the quota before the name, so the account may exist all the same.
            Err(error @ accounts::Error::QuotaExceeded(_)) => self.resolve_existing(registrant, &error).await,
            Err(error) => Ok(self.defer_creation(registrant, &error).await),
        }
    }

    /// Looks up the account that has the name. If there is none, the creation is deferred because of
    /// `missing`.
    async fn resolve_existing(
        &self,
        registrant: &Registrant,
        missing: &accounts::Error,
    ) -> Result<Registered, RegistrationError> {
        let found = self.accounts.account(&registrant.account_namespace, &registrant.account_name).await;
        match found {
            Ok(Some(account)) => self.accept_existing(registrant, &account).await,
            Ok(None) => Ok(self.defer_creation(registrant, missing).await),
            Err(error) => Ok(self.defer_creation(registrant, &error).await),
        }
    }

    async fn accept_existing(
        &self,
        registrant: &Registrant,
        account: &StreamerAccount,
    ) -> Result<Registered, RegistrationError> {
        let status = match Ownership::of(account, registrant) {
            Ownership::Foreign => {
                self.abandon_registration(registrant).await;
                return Err(RegistrationError::UsernameTaken);
            }
            Ownership::Owned => ProgressStatus::of(account),
            Ownership::Successor => ProgressStatus::Pending,
        };
        if is_being_deleted(account) {
            self.mark_settled(registrant).await;
            return Err(RegistrationError::AccountDeleting);
        }
        Ok(self.complete(registrant, status, CreationOutcome::Existing).await)
    }

    /// Rolls back a new registration that exceeds the quota, so that the applicant can try again. A
    /// registration that was accepted earlier, while the API server was unavailable, is kept until the quota
    /// allows its account.
    async fn reject_over_quota(
        &self,
        registrant: &Registrant,
        error: &accounts::Error,
    ) -> Result<Registered, RegistrationError> {
        match self.registrants.rollback_registration(registrant).await {
            Ok(true) => Err(RegistrationError::QuotaExceeded(error.to_string())),
            Ok(false) => Ok(registered(registrant, ProgressStatus::Pending, CreationOutcome::Deferred)),
            Err(failure) => {
                tracing::warn!(user.id = %registrant.id, error = %failure, "cannot roll back the registration");
                Ok(self.defer_creation(registrant, error).await)
            }
        }
    }

    async fn complete(
        &self,
        registrant: &Registrant,
        status: ProgressStatus,
        outcome: CreationOutcome,
    ) -> Registered {
        self.mark_settled(registrant).await;
        registered(registrant, status, outcome)
    }

    /// Leaves the account to the retry loop.
    pub(super) async fn defer_creation(
        &self,
        registrant: &Registrant,
        error: &accounts::Error,
    ) -> Registered {
        if matches!(error, accounts::Error::Rejected(_)) {
            tracing::error!(user.id = %registrant.id, %error, "cannot create the account");
        } else {
            tracing::warn!(user.id = %registrant.id, %error, "cannot create the account yet, will retry");
        }
        self.postpone(registrant).await;
        registered(registrant, ProgressStatus::Pending, CreationOutcome::Deferred)
    }

    /// Marks the registration as done. If this fails, the retry loop processes it again.
    pub(super) async fn mark_settled(&self, registrant: &Registrant) {
        if let Err(error) = self.registrants.complete_registration(registrant).await {
            tracing::warn!(user.id = %registrant.id, %error, "cannot mark the registration as done");
        }
    }
}

fn deleted_meanwhile() -> accounts::Error {
    accounts::Error::Unavailable("the account was deleted a moment ago".to_owned())
}

fn registered(registrant: &Registrant, status: ProgressStatus, outcome: CreationOutcome) -> Registered {
    Registered {
        user: registrant.id,
        password_hash: registrant.password_hash.clone(),
        username: registrant.username.clone(),
        namespace: registrant.account_namespace.clone(),
        name: registrant.account_name.clone(),
        status,
        outcome,
    }
}
