//! Changes of stream keys in AWS, of the Secrets that hold them, and of the rows that hold addresses.

use std::time::Duration;

use tokio::time::sleep;

use super::{Workload, spec};
use crate::actor::Actor;

/// Time until a requested reconcile has read the channel's key and has not written status yet.
const LOOKED: Duration = Duration::from_millis(820);

impl Workload {
    /// Returns true if the workload only makes such changes.
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

    /// Changes keys, Secrets, or rows, and requests a reconcile.
    pub(super) async fn touch_keys(self, actor: &Actor) {
        match self {
            // The controller that created the channel may not have written its Secret yet when another has
            // written a newer key.
            Self::CreateRotateKey => {
                actor.apply("todd", spec("todd")).await;
                actor.wait_until_ready("todd").await;
                actor.delete_stream_keys(true);
            }
            // A request made during a reconcile is not handled by that reconcile.
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
