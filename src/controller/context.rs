//! What every reconcile shares.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{mpsc, watch};

use super::{World, backoff::Backoff};
use crate::{
    api::AccountRef,
    provision::{Inventory, Timing},
    telemetry::Metrics,
};

/// What every reconcile shares.
#[derive(Debug)]
pub struct Context<W> {
    /// The outside world.
    pub world: W,
    /// The installation's id.
    pub installation: String,
    /// How long things may take before they count as lost.
    pub timing: Timing,
    /// What is counted.
    pub metrics: Metrics,
    /// When what failed is tried again.
    pub(super) backoff: Backoff,
    inventory: watch::Sender<Option<Arc<Inventory>>>,
    doubts: Mutex<BTreeSet<AccountRef>>,
    wake: mpsc::UnboundedSender<AccountRef>,
}

impl<W: World> Context<W> {
    /// A context, and the accounts that something else than the watch wants reconciled.
    #[must_use]
    pub fn new(
        world: W,
        installation: String,
        timing: Timing,
        metrics: Metrics,
    ) -> (Self, mpsc::UnboundedReceiver<AccountRef>) {
        let (wake, woken) = mpsc::unbounded_channel();
        let context = Self {
            world,
            installation,
            timing,
            metrics,
            backoff: Backoff::default(),
            inventory: watch::Sender::new(None),
            doubts: Mutex::default(),
            wake,
        };
        (context, woken)
    }

    /// What the last sweep saw; waits for the first one, so that nothing is created that exists.
    pub(super) async fn inventory(&self) -> Arc<Inventory> {
        let mut inventory = self.inventory.subscribe();
        loop {
            if let Some(inventory) = inventory.borrow_and_update().clone() {
                return inventory;
            }
            // The sender is ours, so it cannot be gone.
            let _ = inventory.changed().await;
        }
    }

    /// Publishes what a sweep saw.
    pub(super) fn swept(&self, inventory: Inventory) {
        self.inventory.send_replace(Some(Arc::new(inventory)));
    }

    /// Asks for a reconcile.
    pub(super) fn wake(&self, account: AccountRef) {
        // Nobody listens any more only when we are stopping.
        let _ = self.wake.send(account);
    }

    /// Asks for a reconcile that looks at AWS, though the status says that all is well.
    pub(super) fn doubt(&self, account: AccountRef) {
        self.doubts.lock().unwrap_or_else(PoisonError::into_inner).insert(account.clone());
        self.wake(account);
    }

    /// Whether somebody doubts that all is well.
    pub(super) fn is_doubted(&self, account: &AccountRef) -> bool {
        self.doubts.lock().unwrap_or_else(PoisonError::into_inner).contains(account)
    }

    /// The doubt was looked into.
    pub(super) fn clear_doubt(&self, account: &AccountRef) {
        self.doubts.lock().unwrap_or_else(PoisonError::into_inner).remove(account);
    }
}
