//! Writes what people do into the audit log. What gives somebody something is written first, or not done; that somebody has failed is
//! written if it can be. A wrong password always is: by these rows the limit of the hour is counted, and it bounds them. Others not more
//! often than so many times a minute, so that no flood fills the disk: names that nobody has are counted for themselves, or inventing some
//! would keep out of the log whoever tries those that somebody has.

use std::num::NonZeroU32;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use super::problem::Problem;
use crate::{
    api,
    store::{self, Audit, AuditEntry, Registrants},
    telemetry::RegistrationMetrics,
};

/// So many failures a minute with the name of a user who has no password get a row, at one process. The metrics count all.
const OF_USERS_PER_MINUTE: NonZeroU32 = NonZeroU32::new(600).expect("not zero");

/// And so many with a name that nobody has: with the others at the most 950,400 a day, about 110 MB.
const OF_NOBODY_PER_MINUTE: NonZeroU32 = NonZeroU32::new(60).expect("not zero");

/// The username of a failure that is to be nobody's, whoever was named.
pub const NOBODY: &str = "";

/// How rows are written.
#[derive(Debug)]
pub struct Auditing {
    of_users: DefaultDirectRateLimiter,
    of_nobody: DefaultDirectRateLimiter,
    metrics: RegistrationMetrics,
}

impl Auditing {
    /// Counted by these metrics.
    #[must_use]
    pub fn new(metrics: RegistrationMetrics) -> Self {
        let per_minute = |rows| RateLimiter::direct(Quota::per_minute(rows));
        Self {
            of_users: per_minute(OF_USERS_PER_MINUTE),
            of_nobody: per_minute(OF_NOBODY_PER_MINUTE),
            metrics,
        }
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
    pub async fn failure(&self, log: &impl Registrants, entry: &AuditEntry<'_>) {
        match self.note_failure(log, entry).await {
            Ok(true) => {}
            Ok(false) => self.metrics.unaudited("too_many"),
            Err(error) => {
                self.metrics.unaudited("failed");
                tracing::error!(event = ?entry.event, %error, "not written into the audit log");
            }
        }
    }

    /// Whether there was room for it.
    async fn note_failure(&self, log: &impl Registrants, entry: &AuditEntry<'_>) -> store::Result<bool> {
        // What is no username is nobody's, and may be what no database takes.
        let may_exist = api::username_problem(entry.username).is_none();
        let user = if may_exist { log.registrant(entry.username).await? } else { None };
        let (limit, username) = match user {
            Some(user) if user.password_hash.is_some() => (None, entry.username),
            Some(_) => (Some(&self.of_users), entry.username),
            None => (Some(&self.of_nobody), NOBODY),
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
        assert!(counted.contains(r#"streamcat_audit_records_dropped_total{reason="failed"} 2"#), "{counted}");
        assert!(auditing.deed(&world, &entry(AuditEvent::StreamKeyShown)).await.is_ok());
        assert_eq!(world.audit().len(), 1);
    }

    #[tokio::test]
    async fn inventing_names_hides_nobody_who_tries_those_that_somebody_has() {
        let (world, metrics) = (World::empty(), RegistrationMetrics::default());
        let (auditing, todd) = (Auditing::new(metrics.clone()), world.put_row("todd", None));
        let failure = entry(AuditEvent::SignInFailed);
        for username in ["nobody", "a password \0 in the wrong field"].repeat(400) {
            auditing.failure(&world, &AuditEntry { username, ..failure }).await;
        }
        for _ in 0..300 {
            auditing.failure(&world, &failure).await;
        }
        let of_todd = world.audit().iter().filter(|(_, user, _)| *user == Some(todd.id)).count();
        assert_eq!(of_todd, 300);
        for _ in 0..1000 {
            auditing.failure(&world, &failure).await;
        }
        // Ten a second may be added while this runs.
        let of_todd = world.audit().iter().filter(|(_, user, _)| *user == Some(todd.id)).count();
        assert!((600..1000).contains(&of_todd), "{of_todd}");
    }

    #[tokio::test]
    async fn every_wrong_password_is_written_however_many_come() {
        let (world, metrics) = (World::empty(), RegistrationMetrics::default());
        let auditing = Auditing::new(metrics.clone());
        let mut wrong = 0;
        // What comes in a minute with names of users who have no password, or of nobody, takes nothing from them.
        for (username, hash) in [("mary", None), ("todd", Some(SecretString::from("a hash")))] {
            let user = world.put_row(username, hash).id;
            for _ in 0..2 * OF_USERS_PER_MINUTE.get() {
                auditing.failure(&world, &AuditEntry { username, ..entry(AuditEvent::SignInFailed) }).await;
            }
            wrong = world.audit().iter().filter(|(_, of, _)| *of == Some(user)).count();
        }
        assert_eq!(wrong, 2 * OF_USERS_PER_MINUTE.get() as usize);
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
        assert!(
            metrics
                .exposition()
                .text()
                .contains(r#"streamcat_audit_records_dropped_total{reason="too_many"} 1"#)
        );
        let before = world.audit().len();
        auditing.deed(&world, &entry(AuditEvent::DeletionAsked)).await.expect("written");
        assert_eq!(world.audit().len(), before + 1);
    }
}
