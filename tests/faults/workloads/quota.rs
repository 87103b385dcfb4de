//! Accounts that wait for a quota, or for a call budget.

use std::time::Duration;

use tokio::time::sleep;

use super::{SETTLE_TIME, spec};
use crate::{
    actor::Actor,
    controller::{LEASE_RENEWAL_INTERVAL, RESYNC},
};

/// The accounts that fail before the others come.
const FIRST: [&str; 3] = ["ann", "bea", "cal"];

/// The accounts that come when others wait.
const LATER: [&str; 3] = ["dan", "eve", "fay"];

/// Number of CreateStage while the quota is used up: one of each of the first accounts, and the probes of one
/// resync interval and two minutes.
const MAX_CALLS: usize = 12;

/// Time in which a deletion lets one more account through.
const NEXT_CREATE: Duration = Duration::from_secs(8);

/// The quota of stages is used up. Accounts come, one that waits is deleted, and one that is Ready. Then the
/// quota is raised.
pub async fn act(actor: &Actor) {
    actor.set_stage_quota_used_up(true);
    for name in FIRST {
        actor.apply(name, spec(name)).await;
    }
    sleep(SETTLE_TIME).await;
    for name in LATER {
        actor.apply(name, spec(name)).await;
    }
    sleep(RESYNC).await;
    actor.delete("bea");
    sleep(SETTLE_TIME).await;
    actor.check_object_gone("bea");
    actor.check_calls("CreateStage", MAX_CALLS);
    actor.check_ready_accounts(1);
    // The next stage takes the place of this one.
    actor.delete("todd");
    actor.wait_until_gone("todd").await;
    sleep(NEXT_CREATE).await;
    actor.check_ready_accounts(1);
    actor.set_stage_quota_used_up(false);
    for name in ["ann", "cal"].into_iter().chain(LATER) {
        actor.wait_until_ready(name).await;
    }
}

/// Creates an account whose Creates wait for their call budgets, while the Lease is renewed several times.
pub async fn create_in_backlog(actor: &Actor) {
    actor.set_budget_wait(LEASE_RENEWAL_INTERVAL * 3);
    actor.apply("ann", spec("ann")).await;
    sleep(LEASE_RENEWAL_INTERVAL * 4).await;
    actor.check_ready("ann", true);
    actor.set_budget_wait(Duration::ZERO);
}
