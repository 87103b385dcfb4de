//! The state that all handlers share.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    account_cache::AccountCache, attempt_limits::AttemptLimits, cookies::Cookies, validation::Rules,
};
use crate::{
    admin::Gates,
    registration::{
        backend::Backend,
        listener::PerIpLimit,
        service::{AuditLogger, RegistrationService},
    },
    telemetry::RegistrationMetrics,
};

/// The shared state of all handlers.
pub struct AppState<B: Backend> {
    /// Registers, signs in, and deletes accounts.
    pub service: Arc<RegistrationService<B>>,
    /// The accounts that pages have just shown.
    pub account_cache: AccountCache,
    /// The gates of `/readyz`. The probe of the serving port has the same state.
    pub gates: Gates,
    /// Writes and reads the session cookie.
    pub cookies: Cookies,
    /// The rules for usernames and passwords.
    pub rules: Rules,
    /// The limits on attempts, by IP address and by username.
    pub limits: AttemptLimits,
    /// Writes to the audit log.
    pub audit: AuditLogger,
    /// The metrics.
    pub metrics: RegistrationMetrics,
    /// Requests in flight. Each runs to completion, even if the client disconnects.
    pub tasks: TaskTracker,
    /// Permits for open event streams.
    pub stream_permits: Arc<Semaphore>,
    /// The limit on event streams per client IP.
    pub stream_limit: Arc<PerIpLimit>,
    /// Cancelled on shutdown, which ends all event streams.
    pub stop: CancellationToken,
}
