//! What happens to stream keys in AWS, to the Secrets that hold them, and to the rows that hold addresses.

use std::time::Duration;

use tokio::time::sleep;

use super::{Workload, spec};
use crate::actor::Actor;

/// Near the end of a look at everything, when the key of the channel has been read and status has not been written.
const LOOKED: Duration = Duration::from_millis(820);

impl Workload {
    /// Whether all that happens is of that kind.
    pub(super) fn touches_keys(self) -> bool {
        matches!(
            self,
            Self::CreateRotateKey
                | Self::RotateKey
                | Self::RotateKeyMidway
                | Self::DeleteKey
                | Self::OverwriteSecret
                | Self::OrphanSecret
                | Self::OverwriteRows
        )
    }

    /// What happens to keys, Secrets and rows, and that a look at everything is asked for.
    pub(super) async fn touch_keys(self, actor: &Actor) {
        match self {
            // Who made it may not have written its Secret yet when another has written a later key.
            Self::CreateRotateKey => {
                actor.apply("todd", spec("todd")).await;
                actor.until_ready("todd").await;
                actor.delete_stream_keys(true);
            }
            // What is asked for while a look is under way is not handled by that one.
            Self::RotateKeyMidway => {
                actor.request_reconcile("todd");
                sleep(LOOKED).await;
                actor.delete_stream_keys(true);
            }
            Self::DeleteKey => actor.delete_stream_keys(false),
            Self::OverwriteSecret => actor.overwrite_secret("todd"),
            Self::OrphanSecret => actor.orphan_secret("todd"),
            Self::OverwriteRows => actor.overwrite_rows("todd"),
            _ => actor.delete_stream_keys(true),
        }
        actor.request_reconcile("todd");
    }
}
