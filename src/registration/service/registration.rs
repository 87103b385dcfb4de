//! Registering: a username and a password become a row and, in the same transaction, the intention to create
//! the account. The account is created at once, or later by the loop in `retry.rs`. Repeating a registration
//! returns the same account.

use std::{net::IpAddr, num::NonZeroU32, time::Duration};

use secrecy::SecretString;
use uuid::Uuid;

use super::{error::RegistrationError, progress::ProgressStatus, signup_rate_limiter::SignupRateLimiter};
use crate::{
    api::{self, StreamerAccount},
    registration::{
        accounts::{self, Accounts},
        admission_queue::AdmissionQueue,
        backend::Backend,
        password::Passwords,
    },
    store::{Addition, Audit, AuditEntry, AuditEvent, KeyHash, NewRegistrant, Registrant, Registrants},
};

/// Maximum number of times that the row is looked up again because it appeared or disappeared in between.
const MAX_LOOKUPS: usize = 3;

/// Maximum number of registrations in progress. More would only wait for a database connection.
pub const MAX_CONCURRENT_REGISTRATIONS: usize = 128;

/// Maximum number of registrations that wait for one in progress to finish.
pub const MAX_QUEUED_REGISTRATIONS: usize = 128;

/// A person who asks for an account. Username and password are valid.
#[derive(Clone, Debug)]
pub struct Applicant {
    /// The username, as typed.
    pub username: String,
    /// The password, as typed.
    pub password: SecretString,
    /// The hash of the Idempotency-Key, if an API client has sent one.
    pub key: Option<KeyHash>,
    /// The client's IP address.
    pub address: IpAddr,
}

/// The way in which a registration got its account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreationOutcome {
    /// This request created the account.
    Created,
    /// An earlier request with the same Idempotency-Key created the account. Its response is repeated.
    Replayed,
    /// The account already existed.
    Existing,
    /// The account will be created later, without another request.
    Deferred,
}

/// A registered user, and the account that exists or will exist.
#[derive(Clone, Debug)]
pub struct Registered {
    /// Id of the user.
    pub user: Uuid,
    /// The hash of the password that the applicant has chosen or entered.
    pub password_hash: Option<SecretString>,
    /// The username as it was first registered.
    pub username: String,
    /// Namespace of the account.
    pub namespace: String,
    /// Name of the account.
    pub name: String,
    /// The status of the account.
    pub status: ProgressStatus,
    /// The way in which the account came about.
    pub outcome: CreationOutcome,
}

/// The registration service. Any number of processes may run one on the same database.
pub struct RegistrationService<B: Backend> {
    /// The users, their sessions, and the audit log.
    pub registrants: B::Store,
    /// The accounts.
    pub accounts: B::Accounts,
    /// Hashes and verifies passwords.
    pub passwords: Passwords,
    /// Namespace in which accounts are created.
    pub namespace: String,
    /// Time for which the username of a deleted account cannot be registered.
    pub username_reuse_delay: Option<Duration>,
    /// The limit on new accounts per minute.
    pub signup_limiter: SignupRateLimiter,
    /// The registrations in progress, at most [`MAX_CONCURRENT_REGISTRATIONS`].
    pub queue: AdmissionQueue,
    /// Maximum number of wrong passwords per hour and user. Clients at unknown addresses can use up half of
    /// it.
    pub max_failures_per_hour: NonZeroU32,
}

impl<B: Backend> RegistrationService<B> {
    /// Creates the applicant's account, or finds it if the applicant has registered before.
    ///
    /// # Errors
    /// Returns the reason why the applicant has no account.
    pub async fn register(&self, applicant: &Applicant) -> Result<Registered, RegistrationError> {
        let _permit = self.queue.acquire().await.ok_or(RegistrationError::QueueFull)?;
        self.check_idempotency_key(applicant).await?;
        for _ in 0..MAX_LOOKUPS {
            let registered = match self.registrants.registrant(&applicant.username).await? {
                Some(registrant) => self.reregister(&registrant, applicant).await?,
                None => self.register_new(applicant).await?,
            };
            if let Some(registered) = registered {
                return Ok(registered);
            }
        }
        Err(RegistrationError::Unavailable("the user's row keeps changing".to_owned()))
    }

    /// Checks that the Idempotency-Key was not used with another username.
    async fn check_idempotency_key(&self, applicant: &Applicant) -> Result<(), RegistrationError> {
        let Some(key) = &applicant.key else { return Ok(()) };
        match self.registrants.username_by_key(key).await? {
            Some(username) if !api::are_alike(&username, &applicant.username) => {
                Err(RegistrationError::IdempotencyKeyReused)
            }
            _ => Ok(()),
        }
    }

    /// Registers an existing user again (a double click, a retry), who proves their identity with the
    /// password. Returns None if the row has disappeared since.
    async fn reregister(
        &self,
        registrant: &Registrant,
        applicant: &Applicant,
    ) -> Result<Option<Registered>, RegistrationError> {
        let Some(hash) = &registrant.password_hash else { return Err(RegistrationError::UsernameTaken) };
        let stranger = Some(applicant.address);
        if !self.verify_password(registrant, &applicant.password, hash, stranger).await? {
            return Err(RegistrationError::UsernameTaken);
        }
        if registrant.delete_requested {
            return Err(RegistrationError::AccountDeleting);
        }
        let username = &registrant.username;
        let entry = AuditEntry { event: AuditEvent::Returned, username, address: applicant.address };
        self.registrants.note(&entry).await?;
        let Some(registrant) = self.registrants.lease(registrant).await? else { return Ok(None) };
        let mut registered = self.create_account(&registrant).await?;
        let same_key = applicant.key.is_some_and(|key| registrant.key.as_deref() == Some(&key[..]));
        if same_key && registered.outcome == CreationOutcome::Existing {
            registered.outcome = CreationOutcome::Replayed;
        }
        Ok(Some(registered))
    }

    /// Registers a new user. Returns None if another request was faster.
    async fn register_new(&self, applicant: &Applicant) -> Result<Option<Registered>, RegistrationError> {
        // Checked before the expensive hash. Returning users do not count.
        self.signup_limiter.admit().map_err(RegistrationError::SignupRateExceeded)?;
        // Hashing limits how many requests of a flood reach the API server.
        let password_hash = self.passwords.hash(&applicant.password).await?;
        let name = api::object_name(&applicant.username);
        // An account created with kubectl may have no row yet, but its name is taken all the same. If the API
        // server is unavailable, the conflict is detected when the account is created.
        let existing = match self.accounts.account(&self.namespace, &name).await {
            Ok(Some(account)) => return self.resolve_race(applicant, &account).await,
            Err(error @ accounts::Error::Rejected(_)) => return Err(error.into()),
            existing => existing,
        };
        let registrant = self.add_registrant(applicant, &name, &password_hash).await?;
        let Some(registrant) = registrant else { return Ok(None) };
        match existing {
            Ok(_) => self.create_account(&registrant).await.map(Some),
            Err(error) => Ok(Some(self.defer_creation(&registrant, &error).await)),
        }
    }

    /// Handles an account that already has the name. If a concurrent request created it, the row exists by
    /// now, because it is written before the account.
    async fn resolve_race(
        &self,
        applicant: &Applicant,
        account: &StreamerAccount,
    ) -> Result<Option<Registered>, RegistrationError> {
        match self.registrants.registrant(&applicant.username).await? {
            Some(_) => Ok(None),
            None if is_being_deleted(account) => Err(RegistrationError::AccountDeleting),
            None => Err(RegistrationError::UsernameTaken),
        }
    }

    async fn add_registrant(
        &self,
        applicant: &Applicant,
        name: &str,
        password_hash: &SecretString,
    ) -> Result<Option<Registrant>, RegistrationError> {
        let new = NewRegistrant {
            username: &applicant.username,
            password_hash,
            account_namespace: &self.namespace,
            account_name: name,
            key: applicant.key.as_ref(),
            held_back: self.username_reuse_delay,
            address: applicant.address,
        };
        match self.registrants.add(&new).await? {
            Addition::Added(registrant) => Ok(Some(registrant)),
            Addition::Exists => Ok(None),
            Addition::HeldBack => Err(RegistrationError::UsernameTaken),
            Addition::KeyUsed => Err(RegistrationError::IdempotencyKeyReused),
        }
    }
}

/// Returns true if an account is being deleted.
pub(super) fn is_being_deleted(account: &StreamerAccount) -> bool {
    account.metadata.deletion_timestamp.is_some()
}
