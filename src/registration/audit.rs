//! Writes what people do into the audit log. What gives somebody something is written first, or not done; that somebody has failed is
//! written if it can be, and not more often than so many times a minute, so that no flood fills the disk.

use std::num::NonZeroU32;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use super::problem::Problem;
use crate::{
    store::{Audit, AuditEntry},
    telemetry::RegistrationMetrics,
};

/// So many failures a minute get a row, at one process: at the most 86,400 a day, about 10 MB. The metrics count all.
const FAILURES_PER_MINUTE: NonZeroU32 = NonZeroU32::new(60).expect("not zero");

/// How rows are written.
#[derive(Debug)]
pub struct Auditing {
    failures: DefaultDirectRateLimiter,
    metrics: RegistrationMetrics,
}

impl Auditing {
    /// Counted by these metrics.
    #[must_use]
    pub fn new(metrics: RegistrationMetrics) -> Self {
        Self { failures: RateLimiter::direct(Quota::per_minute(FAILURES_PER_MINUTE)), metrics }
    }

    /// Writes what is about to be done or shown.
    ///
    /// # Errors
    /// When it cannot be written: then it must not be done.
    pub async fn deed(&self, log: &impl Audit, entry: &AuditEntry<'_>) -> Result<(), Problem> {
        log.note(entry).await.map_err(|error| {
            self.metrics.unaudited("failed");
            tracing::error!(event = ?entry.event, %error, "not written into the audit log, so not done");
            Problem::away()
        })
    }

    /// Writes that somebody has failed.
    pub async fn failure(&self, log: &impl Audit, entry: &AuditEntry<'_>) {
        if self.failures.check().is_err() {
            self.metrics.unaudited("too_many");
        } else if let Err(error) = log.note(entry).await {
            self.metrics.unaudited("failed");
            tracing::error!(event = ?entry.event, %error, "not written into the audit log");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::{
        super::world::{Fault, World},
        *,
    };
    use crate::store::AuditEvent;

    fn entry(event: AuditEvent) -> AuditEntry<'static> {
        AuditEntry { event, username: "todd", address: IpAddr::V4(Ipv4Addr::LOCALHOST) }
    }

    #[tokio::test]
    async fn a_deed_that_cannot_be_written_is_refused_and_a_failure_only_counted() {
        let (world, metrics) = (World::empty(), RegistrationMetrics::default());
        let auditing = Auditing::new(metrics.clone());
        world.fail(0, Fault::Away);
        assert!(auditing.deed(&world, &entry(AuditEvent::StreamKeyShown)).await.is_err());
        world.fail(0, Fault::Away);
        auditing.failure(&world, &entry(AuditEvent::SignInFailed)).await;
        assert!(world.audit().is_empty());
        let counted = metrics.exposition().text();
        assert!(counted.contains(r#"streamcat_unaudited_total{reason="failed"} 2"#), "{counted}");
        assert!(auditing.deed(&world, &entry(AuditEvent::StreamKeyShown)).await.is_ok());
        assert_eq!(world.audit().len(), 1);
    }

    #[tokio::test]
    async fn a_flood_of_failures_writes_so_many_rows_and_keeps_no_deed_from_being_written() {
        let (world, metrics) = (World::empty(), RegistrationMetrics::default());
        let auditing = Auditing::new(metrics.clone());
        for _ in 0..200 {
            auditing.failure(&world, &entry(AuditEvent::SignInFailed)).await;
        }
        // One a second may be added while this runs.
        assert!((60..70).contains(&world.audit().len()), "{}", world.audit().len());
        assert!(metrics.exposition().text().contains(r#"streamcat_unaudited_total{reason="too_many"} 1"#));
        let before = world.audit().len();
        auditing.deed(&world, &entry(AuditEvent::DeletionAsked)).await.expect("written");
        assert_eq!(world.audit().len(), before + 1);
    }
}
