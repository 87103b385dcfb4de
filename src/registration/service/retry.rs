//! The retry loop: creates the accounts that could not be created at once, because the API server was
//! unavailable or the process died, and carries out deletions.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{
    error::RegistrationError,
    registration::{CreationOutcome, Registered, RegistrationService},
};
use crate::registration::backend::Backend;

/// Time between two polls for registrations that are due.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Processes due registrations until `stop` is cancelled. Any number of processes may run the loop: a lease
/// keeps them from processing the same registration.
pub async fn run<B: Backend>(service: Arc<RegistrationService<B>>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match service.process_due().await {
            Ok(results) => results.iter().for_each(log_outcome),
            Err(error) => tracing::debug!(%error, "cannot read the registrations that are due"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(POLL_INTERVAL) => {}
        }
    }
}

/// Logs the result of a registration. Errors that are the applicant's doing are not logged.
pub fn log_outcome(result: &Result<Registered, RegistrationError>) {
    match result {
        Ok(Registered { outcome: CreationOutcome::Created, namespace, name, .. }) => {
            tracing::info!(namespace, name, "account created");
        }
        Err(RegistrationError::Unavailable(reason)) => {
            tracing::warn!(reason, "registration failed, the client may retry");
        }
        Err(RegistrationError::QuotaExceeded(reason)) => {
            tracing::warn!(reason, "registration rejected: no quota left");
        }
        Err(RegistrationError::Misconfigured(reason)) => tracing::error!(reason, "registration failed"),
        Ok(_)
        | Err(
            RegistrationError::UsernameTaken
            | RegistrationError::AccountDeleting
            | RegistrationError::IdempotencyKeyReused
            | RegistrationError::SignupRateExceeded(_)
            | RegistrationError::TooManyFailures(_)
            | RegistrationError::QueueFull
            | RegistrationError::HashingBusy,
        ) => {}
    }
}
