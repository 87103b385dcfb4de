//! The state that reconciles and resyncs share.

mod backoff;
mod dirty;
mod new_accounts;
mod rechecks;
mod removed;
mod unpublished;
mod unrecorded_updates;
mod unverified;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::{
    sync::{Notify, mpsc},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use self::{
    backoff::Backoff, dirty::DirtyAccounts, new_accounts::NewAccounts, rechecks::Rechecks,
    removed::RemovedObjects, unpublished::UnpublishedEvents, unrecorded_updates::UnrecordedUpdates,
    unverified::UnverifiedResources,
};
use super::{
    backends::Backends,
    blocker::Blocker,
    queue::{Requeue, Turn},
    shared_waits::SharedWaits,
};
use crate::{
    api::{AccountRef, ByKind, DriftPolicy, Reason, ResourceKind},
    ivs::Target,
    lanes::{Lane, without_place},
    lock::lock,
    messages,
    provision::{Brake, BrakeLimits, ContradictedStatus, DecisionContext, Inventory, Timing},
    store::{ChainId, ClusterIdentity, Continuity, RecordChain},
    telemetry::Metrics,
};

pub(super) use self::{
    backoff::FIXED_DELAY,
    dirty::DirtyMark,
    unverified::{Mark, Marks},
};

/// The latest complete list counts as recent for three resync periods plus this time.
const MAX_LIST_TIME: Duration = Duration::from_mins(2);

/// Maximum time a reconcile waits for the first resync before it requeues.
const FIRST_RESYNC_TIMEOUT: Duration = Duration::from_secs(5);

/// Result of the latest resync: the first error, or the inventory.
#[derive(Debug)]
struct ResyncResult {
    /// The chain of renewal tokens that was current when the resync began.
    chain: ChainId,
    inventory: Result<Arc<Inventory>, Blocker>,
}

/// The basis of a reconcile: the records of a chain of renewal tokens, and the list of AWS. The
/// default has no list.
#[derive(Clone, Debug, Default)]
pub(super) struct Basis {
    /// The inventory of the latest resync; empty if AWS was not listed yet.
    pub inventory: Arc<Inventory>,
    /// False if the records are known to be complete although AWS was not listed yet.
    pub is_aws_listed: bool,
    /// The records that the reconcile begins with.
    pub records: RecordChain,
}

impl Basis {
    /// Returns the basis of the deletion of an abandoned account, which does not wait for AWS and deletes
    /// nothing there.
    pub fn of_abandonment() -> Self {
        Self { inventory: Arc::default(), is_aws_listed: true, records: RecordChain::default() }
    }
}

/// The settings that every reconcile follows.
#[derive(Clone, Debug)]
pub struct ReconcileSettings {
    /// The id of the installation.
    pub installation: String,
    /// The cluster of the accounts.
    pub cluster: ClusterIdentity,
    /// The timeouts and intervals.
    pub timing: Timing,
    /// The share of the recorded resources that may be missing before the brake engages.
    pub limits: BrakeLimits,
    /// The AWS account and region.
    pub target: Target,
    /// The policy for drift of the accounts that set none.
    pub drift_policy: DriftPolicy,
    /// The reason why nothing may be created or deleted, if the database belongs to another installation.
    pub halt: Option<String>,
}

/// The state that reconciles and resyncs share.
#[derive(Debug)]
pub struct Context<B> {
    /// The external systems that the controller uses.
    pub backends: B,
    /// The id of the installation.
    pub installation: String,
    /// The cluster of the accounts.
    pub cluster: ClusterIdentity,
    /// The timeouts and intervals.
    pub timing: Timing,
    /// The share of the recorded resources that may be missing before the brake engages.
    pub(super) limits: BrakeLimits,
    /// The policy for drift of the accounts that set none.
    pub(super) drift_policy: DriftPolicy,
    /// The AWS account and region, as far as they are known.
    target: Mutex<Arc<Target>>,
    /// The brakes that are engaged since the latest resync.
    brakes: Mutex<BTreeMap<ResourceKind, Brake>>,
    /// The time of the latest complete list.
    listed_at: Mutex<Option<Instant>>,
    /// The expected time between the starts of two resyncs.
    resync_period: Mutex<Duration>,
    /// The blocker of everything, if the controller and its records do not belong together.
    halt: Mutex<Option<Blocker>>,
    /// The metrics.
    pub metrics: Metrics,
    /// Cancelled when the controller stops.
    pub stop: CancellationToken,
    /// The retry delays.
    pub(super) backoff: Backoff,
    /// The scheduled re-checks.
    pub(super) rechecks: Rechecks,
    /// The events that could not be published yet.
    pub(super) unpublished: UnpublishedEvents,
    /// The objects that were removed without a cleanup.
    pub(super) removed: RemovedObjects,
    /// The continuity of the records.
    pub(super) continuity: Continuity,
    /// The accounts that nobody has worked on yet.
    pub(super) new_accounts: NewAccounts,
    latest_resync: Mutex<Option<ResyncResult>>,
    resync_finished: Notify,
    dirty: DirtyAccounts,
    /// The resources that are to be read one by one.
    pub(super) unverified: UnverifiedResources,
    /// The updates that could not be recorded.
    pub(super) unrecorded_updates: UnrecordedUpdates,
    /// The accounts that wait together.
    pub(super) shared_waits: SharedWaits,
    requeue: mpsc::UnboundedSender<Requeue>,
}

impl<B: Backends> Context<B> {
    /// Returns a context, and the accounts that it requeues.
    #[must_use]
    pub fn new(
        backends: B,
        settings: ReconcileSettings,
        metrics: Metrics,
        continuity: Continuity,
        stop: CancellationToken,
    ) -> (Self, mpsc::UnboundedReceiver<Requeue>) {
        let (requeue, requeued) = mpsc::unbounded_channel();
        let context = Self {
            backends,
            installation: settings.installation,
            cluster: settings.cluster,
            timing: settings.timing,
            limits: settings.limits,
            drift_policy: settings.drift_policy,
            target: Mutex::new(Arc::new(settings.target)),
            brakes: Mutex::default(),
            listed_at: Mutex::default(),
            resync_period: Mutex::new(settings.timing.resync),
            halt: Mutex::new(settings.halt.map(|reason| Blocker::other_installation(&reason))),
            metrics: metrics.clone(),
            stop,
            backoff: Backoff::default(),
            rechecks: Rechecks::default(),
            unpublished: UnpublishedEvents::default(),
            removed: RemovedObjects::default(),
            continuity,
            new_accounts: NewAccounts::default(),
            latest_resync: Mutex::default(),
            resync_finished: Notify::new(),
            dirty: DirtyAccounts::default(),
            unverified: UnverifiedResources::default(),
            unrecorded_updates: UnrecordedUpdates::default(),
            shared_waits: SharedWaits::new(requeue.clone(), metrics),
            requeue,
        };
        (context, requeued)
    }

    /// Returns the inventory of the latest resync, and the current renewal token. Waits for the first resync
    /// of the chain, so that nothing is created or deleted because of records that were restored.
    pub(super) async fn listed_basis(&self) -> Result<Basis, Blocker> {
        self.wait_for_basis(true).await
    }

    /// As [`Self::listed_basis`], but does not wait if the records are those of an earlier leader who has
    /// listed AWS.
    pub(super) async fn basis(&self) -> Result<Basis, Blocker> {
        self.wait_for_basis(false).await
    }

    async fn wait_for_basis(&self, needs_list: bool) -> Result<Basis, Blocker> {
        let found = async {
            loop {
                let (changed, finished) = (self.continuity.changed(), self.resync_finished.notified());
                if let Some(basis) = self.current_basis(needs_list) {
                    return basis;
                }
                tokio::select! {
                    biased;
                    () = changed => {}
                    () = finished => {}
                }
            }
        };
        match without_place(tokio::time::timeout(FIRST_RESYNC_TIMEOUT, found)).await {
            Ok(Ok(basis)) => Ok(basis),
            Ok(Err(error)) => Err(self.halt().unwrap_or_else(|| Blocker::aws_not_listed(&error))),
            Err(_) => Err(Blocker::aws_listing(FIRST_RESYNC_TIMEOUT)),
        }
    }

    /// Returns the basis of a reconcile that begins now, or the error of the first resync; None before that.
    fn current_basis(&self, needs_list: bool) -> Option<Result<Basis, Blocker>> {
        let chain = self.continuity.current();
        let latest = self.latest_resync();
        let latest = latest.as_ref();
        let Some((records, is_inherited)) = chain else {
            return latest?.inventory.as_ref().err().cloned().map(Err);
        };
        let latest = latest.filter(|latest| latest.chain == records.id()).map(|latest| &latest.inventory);
        let basis = |inventory, is_aws_listed| Some(Ok(Basis { inventory, is_aws_listed, records }));
        match latest {
            Some(Ok(inventory)) => basis(Arc::clone(inventory), true),
            _ if is_inherited && !needs_list => basis(Arc::default(), false),
            Some(Err(error)) => Some(Err(error.clone())),
            None => None,
        }
    }

    /// Returns the inventory of the latest resync, if there was one.
    pub(super) fn last_inventory(&self) -> Option<Arc<Inventory>> {
        self.latest_resync().as_ref()?.inventory.as_ref().ok().cloned()
    }

    /// Publishes the inventory of a resync, and returns it. `chain`: the chain of renewal tokens when it
    /// began.
    pub(super) fn publish_inventory(&self, inventory: Inventory, chain: ChainId) -> Arc<Inventory> {
        let inventory = Arc::new(inventory);
        *self.latest_resync() = Some(ResyncResult { chain, inventory: Ok(Arc::clone(&inventory)) });
        self.resync_finished.notify_waiters();
        inventory
    }

    /// Records that a resync failed. The inventory of an earlier one of the same chain stays valid.
    pub(super) fn record_resync_failure(&self, blocker: &Blocker, chain: ChainId) {
        let mut latest = self.latest_resync();
        let is_valid = |latest: &ResyncResult| latest.chain == chain && latest.inventory.is_ok();
        if !latest.as_ref().is_some_and(is_valid) {
            *latest = Some(ResyncResult { chain, inventory: Err(blocker.clone()) });
        }
        self.resync_finished.notify_waiters();
    }

    fn latest_resync(&self) -> MutexGuard<'_, Option<ResyncResult>> {
        lock(&self.latest_resync)
    }

    /// Returns the AWS account and region, as far as they are known.
    pub(super) fn target(&self) -> Arc<Target> {
        Arc::clone(&lock(&self.target))
    }

    /// Takes the AWS account from those in the listed ARNs, if it is not known and there is only one.
    pub(super) fn learn_aws_account(&self, mut listed: BTreeSet<String>) {
        let mut target = lock(&self.target);
        if target.account.is_some() {
            return;
        }
        if let (Some(account), true) = (listed.pop_first(), listed.is_empty()) {
            *target = Arc::new(Target { account: Some(account), ..Target::clone(&target) });
        }
    }

    /// Returns the reason why no missing resource of this kind may be replaced, if there is one. Without a
    /// recent complete list it is not known how much is missing: the evidence in the database can be another
    /// controller's.
    pub(super) fn brake(&self, kind: ResourceKind) -> Option<String> {
        let is_fresh = lock(&self.listed_at).is_some_and(|at| at.elapsed() < self.max_list_age());
        let brake = lock(&self.brakes).get(&kind).map(Brake::describe);
        brake.or_else(|| (!is_fresh).then(|| messages::absence::NO_RECENT_LIST.to_owned()))
    }

    /// Returns the age up to which a complete list of AWS counts as recent.
    pub(super) fn max_list_age(&self) -> Duration {
        *lock(&self.resync_period) * 3 + MAX_LIST_TIME
    }

    /// Sets the expected time between the starts of two resyncs.
    pub(super) fn set_resync_period(&self, period: Duration) {
        *lock(&self.resync_period) = period;
        self.metrics.set_resync_period(period);
    }

    /// Marks all resources of an account unverified and requeues it: its next reconcile reads them from AWS
    /// although status says that they are ready.
    pub(super) fn mark_unverified(&self, account: AccountRef, mark: Mark) {
        self.unverified.mark_all(account.clone(), mark);
        self.requeue(account);
    }

    /// Marks the resources unverified whose conditions the latest lists contradict, and requeues their
    /// accounts.
    pub(super) fn mark_contradicted(&self, contradicted: &ByKind<Vec<ContradictedStatus>>) {
        // An update that is to be re-checked may be younger than the list.
        let is_verified = |resource: &&ContradictedStatus| self.rechecks.due_in(&resource.account).is_none();
        let resources = contradicted.iter().flat_map(|(kind, resources)| {
            let resources = resources.iter().filter(is_verified);
            resources.map(move |resource| (resource.account.clone(), kind, resource.values))
        });
        for (account, kind) in self.unverified.mark_contradicted(resources) {
            tracing::info!(%account, %kind, "a list contradicts the condition of a resource, which is read now");
            self.requeue(account);
        }
    }

    /// Returns the context for decisions about one kind of resource, on this basis.
    pub(super) fn decision_context(&self, kind: ResourceKind, basis: &Basis) -> DecisionContext {
        DecisionContext {
            timing: self.timing,
            target: self.target(),
            brake: self.brake(kind),
            records: basis.records.clone(),
            is_aws_listed: basis.is_aws_listed,
        }
    }

    /// Returns the blocker of everything if AWS lists none of the recorded resources.
    pub(super) fn nothing_listed(&self) -> Option<Blocker> {
        let brakes = lock(&self.brakes);
        brakes.values().find(|brake| brake.is_blind).map(|brake| Blocker::brake_engaged(&brake.describe()))
    }

    /// Sets the brakes that a resync has found.
    pub(super) fn set_brakes(&self, brakes: BTreeMap<ResourceKind, Brake>) {
        *lock(&self.brakes) = brakes;
        *lock(&self.listed_at) = Some(Instant::now());
    }

    /// Returns the blocker of everything, if the controller and its records do not belong together.
    pub(super) fn halt(&self) -> Option<Blocker> {
        lock(&self.halt).clone()
    }

    /// Sets or removes the halt. It never replaces the halt for a database of another installation.
    pub(super) fn set_halt(&self, blocker: Option<Blocker>) {
        let mut halt = lock(&self.halt);
        if halt.as_ref().is_none_or(|halt| halt.reason == Reason::RecordedElsewhere) {
            *halt = blocker;
        }
    }

    /// Requeues an account in the lane of the current task.
    pub(super) fn requeue(&self, account: AccountRef) {
        self.requeue_for(account, Turn { at: Instant::now(), lane: Lane::current() });
    }

    /// Requeues an account for this turn.
    pub(super) fn requeue_for(&self, account: AccountRef, turn: Turn) {
        // The receiver is gone only while the controller stops.
        let _ = self.requeue.send(Requeue { account, turn });
    }

    /// Marks an account dirty and requeues it: its next reconcile checks AWS although status says that it is
    /// ready.
    pub(super) fn mark_dirty(&self, account: AccountRef) {
        self.dirty.mark(account.clone());
        self.requeue(account);
    }

    /// Returns the latest dirty mark of an account.
    pub(super) fn dirty_mark(&self, account: &AccountRef) -> Option<DirtyMark> {
        self.dirty.get(account)
    }

    /// Removes the dirty mark of an account, unless it was set after `mark`.
    pub(super) fn clear_dirty(&self, account: &AccountRef, mark: Option<DirtyMark>) {
        self.dirty.clear(account, mark);
    }

    /// Forgets an account that is gone: its scheduled re-check, its events, its waits, and this dirty mark.
    pub(super) fn forget(&self, account: &AccountRef, mark: Option<DirtyMark>) {
        self.rechecks.schedule(account, None);
        self.unpublished.forget(account);
        self.unverified.forget(account);
        for kind in ResourceKind::ALL {
            self.unrecorded_updates.remove(account, kind);
        }
        self.shared_waits.forget(account);
        self.clear_dirty(account, mark);
    }
}
