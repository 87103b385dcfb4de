//! What every reconcile shares.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use super::{World, backoff::Backoff, identity::HeldClaim, looks::Looks, problem::Problem};
use crate::{
    api::AccountRef,
    provision::{Inventory, Owner, Timing},
    store::ClusterIdentity,
    telemetry::Metrics,
};

/// How long a reconcile waits for the first sweep; the account says so, and is tried again.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the sweeps have seen so far: nothing yet, what went wrong, or everything.
type Seen = Option<Result<Arc<Inventory>, String>>;

/// What every reconcile shares.
#[derive(Debug)]
pub struct Context<W> {
    /// The outside world.
    pub world: W,
    /// The installation's id.
    pub installation: String,
    /// The cluster that the accounts are in.
    pub cluster: ClusterIdentity,
    /// How long things may take before they count as lost.
    pub timing: Timing,
    /// What is counted.
    pub metrics: Metrics,
    /// Cancelled when we are to stop.
    pub stop: CancellationToken,
    /// When what failed is tried again.
    pub(super) backoff: Backoff,
    /// When what is well is looked at once more.
    pub(super) looks: Looks,
    seen: Mutex<Seen>,
    has_seen: Notify,
    /// Who is doubted, and by the how-manieth doubt.
    doubts: Mutex<(u64, BTreeMap<AccountRef, u64>)>,
    wake: mpsc::UnboundedSender<AccountRef>,
}

impl<W: World> Context<W> {
    /// A context, and the accounts that something else than the watch wants reconciled.
    #[must_use]
    pub fn new(
        world: W,
        installation: String,
        cluster: ClusterIdentity,
        timing: Timing,
        metrics: Metrics,
        stop: CancellationToken,
    ) -> (Self, mpsc::UnboundedReceiver<AccountRef>) {
        let (wake, woken) = mpsc::unbounded_channel();
        let context = Self {
            world,
            installation,
            cluster,
            timing,
            metrics,
            stop,
            backoff: Backoff::default(),
            looks: Looks::default(),
            seen: Mutex::default(),
            has_seen: Notify::new(),
            doubts: Mutex::default(),
            wake,
        };
        (context, woken)
    }

    /// What the last sweep saw; waits a while for the first one, so that nothing is created that exists.
    pub(super) async fn inventory(&self) -> Result<Arc<Inventory>, Problem> {
        match tokio::time::timeout(PATIENCE, self.first_seen()).await {
            Ok(Ok(inventory)) => Ok(inventory),
            Ok(Err(error)) => Err(Problem::aws_not_seen(&error, PATIENCE)),
            Err(_) => Err(Problem::aws_not_seen("the first look at what exists is under way", PATIENCE)),
        }
    }

    async fn first_seen(&self) -> Result<Arc<Inventory>, String> {
        loop {
            let news = self.has_seen.notified();
            if let Some(seen) = self.seen().clone() {
                return seen;
            }
            news.await;
        }
    }

    /// What the last sweep saw, if there was one; waits for none.
    pub(super) fn last_inventory(&self) -> Option<Arc<Inventory>> {
        self.seen().as_ref()?.as_ref().ok().cloned()
    }

    /// Publishes what a sweep saw.
    pub(super) fn swept(&self, inventory: Inventory) {
        *self.seen() = Some(Ok(Arc::new(inventory)));
        self.has_seen.notify_waiters();
    }

    /// A sweep failed; what an earlier one saw stays good.
    pub(super) fn sweep_failed(&self, error: &str) {
        let mut seen = self.seen();
        if !matches!(*seen, Some(Ok(_))) {
            *seen = Some(Err(error.to_owned()));
        }
        self.has_seen.notify_waiters();
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The owner of what an object's user has.
    pub(super) fn owner(&self, held: &HeldClaim) -> Owner {
        Owner {
            installation: self.installation.clone(),
            user: held.user(),
            account: held.account().clone(),
            username: held.username().to_owned(),
        }
    }

    /// Asks for a reconcile.
    pub(super) fn wake(&self, account: AccountRef) {
        // Nobody listens any more only when we are stopping.
        let _ = self.wake.send(account);
    }

    /// Asks for a reconcile that looks at AWS, though the status says that all is well.
    pub(super) fn doubt(&self, account: AccountRef) {
        let mut doubts = self.doubts();
        doubts.0 += 1;
        let number = doubts.0;
        doubts.1.insert(account.clone(), number);
        drop(doubts);
        self.wake(account);
    }

    /// The doubt about an account, if there is one.
    pub(super) fn doubt_about(&self, account: &AccountRef) -> Option<u64> {
        self.doubts().1.get(account).copied()
    }

    /// This doubt was looked into; one that came up since stays.
    pub(super) fn settle_doubt(&self, account: &AccountRef, doubt: Option<u64>) {
        let mut doubts = self.doubts();
        if doubts.1.get(account).copied() == doubt {
            doubts.1.remove(account);
        }
    }

    /// The account is gone: neither a look that was planned nor this doubt is about anything any more.
    pub(super) fn forget(&self, account: &AccountRef, doubt: Option<u64>) {
        self.looks.plan(account, None);
        self.settle_doubt(account, doubt);
    }

    fn doubts(&self) -> MutexGuard<'_, (u64, BTreeMap<AccountRef, u64>)> {
        self.doubts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
