//! Registering, signing in, deleting accounts, and the background work of the registration. Nothing here
//! knows about HTTP.

mod account_creation;
mod account_deletion;
mod audit;
mod authentication;
mod error;
pub mod maintenance;
mod progress;
mod registration;
pub mod retry;
mod signup_rate_limiter;
#[cfg(test)]
mod tests;

pub use self::{
    audit::{AuditLogger, NO_USER},
    error::RegistrationError,
    progress::{Issue, Part, Progress, ProgressStatus},
    registration::{
        Applicant, CreationOutcome, MAX_CONCURRENT_REGISTRATIONS, MAX_QUEUED_REGISTRATIONS, Registered,
        RegistrationService,
    },
    signup_rate_limiter::SignupRateLimiter,
};
