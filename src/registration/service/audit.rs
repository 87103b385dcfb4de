//! Writing to the audit log. An action that reveals or changes something is recorded first, or not carried
//! out. A failure is recorded if possible.
//!
//! A wrong password is always recorded: these rows are counted for the hourly limit, which also bounds their
//! number. Other failures are recorded at a limited rate, so that no flood fills the disk. Unknown usernames
//! have a limit of their own, so that a flood of invented names cannot hide attempts on existing ones.

use std::num::NonZeroU32;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use crate::{
    api,
    store::{self, Audit, AuditEntry, Registrants},
    telemetry::RegistrationMetrics,
};

/// Maximum number of rows per minute and process for failures of users without a password. The metrics count
/// all of them.
const MAX_USER_ROWS_PER_MINUTE: NonZeroU32 = NonZeroU32::new(600).expect("not zero");

/// Maximum number of rows per minute and process for failures of unknown users. Together with the rows above:
/// at most 950,400 rows a day, about 110 MB.
const MAX_UNKNOWN_ROWS_PER_MINUTE: NonZeroU32 = NonZeroU32::new(60).expect("not zero");

/// The username of a failure that must not be attributed to any user.
pub const NO_USER: &str = "";

/// Writes to the audit log.
#[derive(Debug)]
pub struct AuditLogger {
    user_rows: DefaultDirectRateLimiter,
    unknown_rows: DefaultDirectRateLimiter,
    metrics: RegistrationMetrics,
}

impl AuditLogger {
    /// Creates a logger that counts dropped records in these metrics.
    #[must_use]
    pub fn new(metrics: RegistrationMetrics) -> Self {
        let per_minute = |rows| RateLimiter::direct(Quota::per_minute(rows));
        Self {
            user_rows: per_minute(MAX_USER_ROWS_PER_MINUTE),
            unknown_rows: per_minute(MAX_UNKNOWN_ROWS_PER_MINUTE),
            metrics,
        }
    }

    /// Records an action before it is carried out.
    ///
    /// # Errors
    /// Returns an error if the record cannot be written. The action must not be carried out then.
    pub async fn record_action(&self, log: &impl Audit, entry: &AuditEntry<'_>) -> store::Result<()> {
        log.note(entry).await.inspect_err(|error| {
            self.metrics.record_dropped_audit_record("failed");
            tracing::error!(event = ?entry.event, %error, "action rejected: cannot write to the audit log");
        })
    }

    /// Records a failed attempt, if possible.
    pub async fn record_failure(&self, log: &impl Registrants, entry: &AuditEntry<'_>) {
        match self.try_record_failure(log, entry).await {
            Ok(true) => {}
            Ok(false) => self.metrics.record_dropped_audit_record("too_many"),
            Err(error) => {
                self.metrics.record_dropped_audit_record("failed");
                tracing::error!(event = ?entry.event, %error, "cannot write to the audit log");
            }
        }
    }

    /// Records a failed attempt. Returns false if the rate limit does not allow it.
    async fn try_record_failure(
        &self,
        log: &impl Registrants,
        entry: &AuditEntry<'_>,
    ) -> store::Result<bool> {
        // An invalid username belongs to nobody, and may contain characters that the database rejects.
        let may_exist = api::username_problem(entry.username).is_none();
        let user = if may_exist { log.registrant(entry.username).await? } else { None };
        let (limit, username) = match user {
            Some(user) if user.password_hash.is_some() => (None, entry.username),
            Some(_) => (Some(&self.user_rows), entry.username),
            None => (Some(&self.unknown_rows), NO_USER),
        };
        if limit.is_some_and(|limit| limit.check().is_err()) {
            return Ok(false);
        }
        log.note(&AuditEntry { username, ..*entry }).await?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use secrecy::SecretString;

    use super::*;
    use crate::{
        registration::fake_backend::{FakeBackend, Fault},
        store::AuditEvent,
    };

    fn entry(event: AuditEvent) -> AuditEntry<'static> {
        AuditEntry { event, username: "todd", address: IpAddr::V4(Ipv4Addr::LOCALHOST) }
    }

    #[tokio::test]
    async fn an_unrecordable_action_is_rejected_and_a_failure_only_counted() {
        let (backend, metrics) = (FakeBackend::new(), RegistrationMetrics::default());
        let logger = AuditLogger::new(metrics.clone());
        backend.fail(0, Fault::Unavailable);
        assert!(logger.record_action(&backend, &entry(AuditEvent::StreamKeyShown)).await.is_err());
        backend.fail(0, Fault::Unavailable);
        logger.record_failure(&backend, &entry(AuditEvent::SignInFailed)).await;
        assert!(backend.audit().is_empty());
        let counted = metrics.exposition().text();
        assert!(counted.contains(r#"streamcat_audit_records_dropped_total{reason="failed"} 2"#), "{counted}");
        assert!(logger.record_action(&backend, &entry(AuditEvent::StreamKeyShown)).await.is_ok());
        assert_eq!(backend.audit().len(), 1);
    }

    #[tokio::test]
    async fn a_flood_of_unknown_names_does_not_hide_failures_of_users() {
        let (backend, metrics) = (FakeBackend::new(), RegistrationMetrics::default());
        let (logger, todd) = (AuditLogger::new(metrics.clone()), backend.put_user("todd", None));
        let failure = entry(AuditEvent::SignInFailed);
        for username in ["nobody", "a password \0 in the wrong field"].repeat(400) {
            logger.record_failure(&backend, &AuditEntry { username, ..failure }).await;
        }
        for _ in 0..300 {
            logger.record_failure(&backend, &failure).await;
        }
        let of_todd = backend.audit().iter().filter(|(_, user, _)| *user == Some(todd.id)).count();
        assert_eq!(of_todd, 300);
        for _ in 0..1000 {
            logger.record_failure(&backend, &failure).await;
        }
        // The limiter may admit ten more per second while this runs.
        let of_todd = backend.audit().iter().filter(|(_, user, _)| *user == Some(todd.id)).count();
        assert!((600..1000).contains(&of_todd), "{of_todd}");
    }

    #[tokio::test]
    async fn every_wrong_password_is_recorded_without_a_limit() {
        let (backend, metrics) = (FakeBackend::new(), RegistrationMetrics::default());
        let logger = AuditLogger::new(metrics.clone());
        let mut wrong = 0;
        // Failures of users without a password use up a limit of their own.
        for (username, hash) in [("mary", None), ("todd", Some(SecretString::from("a hash")))] {
            let user = backend.put_user(username, hash).id;
            for _ in 0..2 * MAX_USER_ROWS_PER_MINUTE.get() {
                logger
                    .record_failure(&backend, &AuditEntry { username, ..entry(AuditEvent::SignInFailed) })
                    .await;
            }
            wrong = backend.audit().iter().filter(|(_, of, _)| *of == Some(user)).count();
        }
        assert_eq!(wrong, 2 * MAX_USER_ROWS_PER_MINUTE.get() as usize);
    }

    #[tokio::test]
    async fn a_flood_of_failures_is_limited_and_blocks_no_action() {
        let (backend, metrics) = (FakeBackend::new(), RegistrationMetrics::default());
        let logger = AuditLogger::new(metrics.clone());
        for _ in 0..200 {
            logger.record_failure(&backend, &entry(AuditEvent::SignInFailed)).await;
        }
        // The limiter may admit one more per second while this runs.
        assert!((60..70).contains(&backend.audit().len()), "{}", backend.audit().len());
        assert!(
            metrics
                .exposition()
                .text()
                .contains(r#"streamcat_audit_records_dropped_total{reason="too_many"} 1"#)
        );
        let before = backend.audit().len();
        logger.record_action(&backend, &entry(AuditEvent::DeletionRequested)).await.expect("written");
        assert_eq!(backend.audit().len(), before + 1);
    }
}
