//! Changes of resources in AWS by somebody else.

use tokio::time::sleep;

use crate::{actor::Actor, controller::RESYNC};

/// Changes a name, settings, and tags. The resync after the next one must have noticed.
pub async fn act(actor: &Actor) {
    actor.change_in_aws();
    sleep(RESYNC * 2).await;
}
