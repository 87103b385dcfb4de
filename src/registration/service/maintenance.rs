//! Periodic maintenance: counts pending registrations, and purges expired IP addresses from the audit log.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::registration::RegistrationService;
use crate::{
    registration::backend::Backend,
    store::{Audit, Registrants},
    telemetry::RegistrationMetrics,
};

/// Time between two counts of pending registrations.
const COUNT_INTERVAL: Duration = Duration::from_secs(10);

/// Number of counts between two purges: one purge every ten minutes.
const COUNTS_PER_PURGE: u64 = 60;

/// Runs maintenance until `stop` is cancelled. Any number of processes may.
pub async fn run<B: Backend>(
    service: Arc<RegistrationService<B>>,
    ip_retention: Duration,
    metrics: RegistrationMetrics,
    stop: CancellationToken,
) {
    for round in 0_u64.. {
        if round % COUNTS_PER_PURGE == 0 {
            purge_ips(&service.registrants, ip_retention).await;
        }
        match service.registrants.pending().await {
            Ok(pending) => metrics.pending(pending),
            Err(error) => tracing::debug!(%error, "cannot count pending registrations"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(COUNT_INTERVAL) => {}
        }
    }
}

async fn purge_ips(log: &impl Audit, retention: Duration) {
    match log.forget_addresses(retention).await {
        Ok(0) => {}
        Ok(purged) => tracing::info!(purged, "purged expired IP addresses from the audit log"),
        Err(error) => tracing::warn!(%error, "cannot purge IP addresses from the audit log"),
    }
}
