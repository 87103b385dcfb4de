//! What is done now and then: addresses that the audit log has kept long enough are forgotten, and open registrations counted.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{accounts::Accounts, registering::Registering};
use crate::{store::Registrants, telemetry::RegistrationMetrics};

/// Time between two counts.
const INTERVAL: Duration = Duration::from_secs(10);

/// Every so many counts addresses are forgotten: every ten minutes.
const COUNTS: u64 = 60;

/// Does so until `stop`. Any number of processes may.
pub async fn run<R: Registrants, A: Accounts>(
    registering: Arc<Registering<R, A>>,
    audit_ip_retention: Duration,
    metrics: RegistrationMetrics,
    stop: CancellationToken,
) {
    for round in 0_u64.. {
        if round % COUNTS == 0 {
            forget(&registering.registrants, audit_ip_retention).await;
        }
        match registering.registrants.pending().await {
            Ok(pending) => metrics.pending(pending),
            Err(error) => tracing::debug!(%error, "accounts to make cannot be counted"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}

async fn forget(log: &impl Registrants, keep: Duration) {
    match log.forget_addresses(keep).await {
        Ok(0) => {}
        Ok(forgotten) => tracing::info!(forgotten, "addresses in the audit log forgotten"),
        Err(error) => tracing::warn!(%error, "addresses in the audit log are not forgotten"),
    }
}
