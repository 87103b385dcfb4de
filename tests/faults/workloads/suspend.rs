//! A suspended account.

use streamcat_operator::api::ResourceKind;
use tokio::time::sleep;

use super::{SETTLE_TIME, edited, spec, specs::suspended};
use crate::{actor::Actor, controller::RESYNC};

/// Suspends an account, changes whatever would cause calls, and resumes it.
pub async fn act(actor: &Actor) {
    actor.apply("todd", suspended(spec("todd"))).await;
    // A reconcile from before may go on.
    sleep(SETTLE_TIME * 4).await;
    actor.watch_suspended("todd", true);
    actor.change_in_aws();
    actor.delete_in_aws(ResourceKind::Stage);
    actor.apply("todd", suspended(edited("todd"))).await;
    actor.request_reconcile("todd");
    sleep(RESYNC).await;
    actor.restart_controllers().await;
    sleep(RESYNC).await;
    actor.watch_suspended("todd", false);
    actor.apply("todd", edited("todd")).await;
    sleep(RESYNC * 2).await;
}
