//! Makes the accounts that could not be made at once: the API server was away, or the process died.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{
    accounts::Accounts,
    refusal::Refusal,
    registering::{Made, Registered, Registering},
};
use crate::store::Registrants;

/// Time between two looks.
const INTERVAL: Duration = Duration::from_secs(1);

/// Looks again and again for accounts to make, until `stop`. Any number of processes may: each takes up what no other has.
pub async fn run<R: Registrants, A: Accounts>(registering: Arc<Registering<R, A>>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match registering.make_due().await {
            Ok(ended) => ended.iter().for_each(tell),
            Err(error) => tracing::debug!(%error, "accounts to make cannot be looked up"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}

/// Logs how a registration ended.
pub fn tell(ended: &Result<Registered, Refusal>) {
    match ended {
        Ok(Registered { made: Made::Now, namespace, name, .. }) => {
            tracing::info!(namespace, name, "account created");
        }
        Err(Refusal::NotNow(reason)) => tracing::warn!(reason, "registration put off"),
        Err(Refusal::NoRoom(reason)) => tracing::warn!(reason, "registration turned away"),
        Err(Refusal::Misconfigured(reason)) => tracing::error!(reason, "registration failed"),
        Ok(_)
        | Err(
            Refusal::Taken
            | Refusal::Deleting
            | Refusal::KeyUsed
            | Refusal::Crowded(_)
            | Refusal::Guessed(_)
            | Refusal::Full
            | Refusal::Busy,
        ) => {}
    }
}
