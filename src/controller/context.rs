//! What every reconcile shares.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, mpsc},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{
    World,
    backoff::Backoff,
    identity::HeldClaim,
    looks::Looks,
    problem::{Problem, RECORDED_ELSEWHERE},
};
use crate::{
    api::{AccountRef, ResourceKind},
    ivs::{ArnLocation, Target},
    provision::{Brake, BrakeLimits, DecisionContext, Inventory, Owner, Timing},
    store::ClusterIdentity,
    telemetry::Metrics,
};

/// Time that lists may take on top of the resyncs within which a brake must have been decided.
const MAX_LIST_TIME: Duration = Duration::from_mins(2);

/// How long a reconcile waits for the first sweep; the account says so, and is tried again.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the sweeps have seen so far: nothing yet, what went wrong, or everything.
type Seen = Option<Result<Arc<Inventory>, String>>;

/// The settings of one installation that every reconcile follows.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The installation's id.
    pub installation: String,
    /// The cluster that the accounts are in.
    pub cluster: ClusterIdentity,
    /// How long things may take before they count as lost.
    pub timing: Timing,
    /// The share of what is recorded that may be missing.
    pub limits: BrakeLimits,
    /// The AWS account and region.
    pub target: Target,
    /// The reason why nothing may be made at all, if the database is another installation's.
    pub halt: Option<String>,
}

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
    /// The share of what is recorded that may be missing.
    pub(super) limits: BrakeLimits,
    /// The AWS account and region, as far as they are known.
    target: Mutex<Arc<Target>>,
    /// The brakes that are on since the last resync.
    brakes: Mutex<BTreeMap<ResourceKind, Brake>>,
    /// When the last complete list was seen.
    listed_at: Mutex<Option<Instant>>,
    /// The reason why nothing is made: we are somewhere else than the records.
    halt: Mutex<Option<Problem>>,
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
        setup: Setup,
        metrics: Metrics,
        stop: CancellationToken,
    ) -> (Self, mpsc::UnboundedReceiver<AccountRef>) {
        let (wake, woken) = mpsc::unbounded_channel();
        let context = Self {
            world,
            installation: setup.installation,
            cluster: setup.cluster,
            timing: setup.timing,
            limits: setup.limits,
            target: Mutex::new(Arc::new(setup.target)),
            brakes: Mutex::default(),
            listed_at: Mutex::default(),
            halt: Mutex::new(setup.halt.map(|reason| Problem::other_installation(&reason))),
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
            Ok(Err(error)) => Err(self.halt().unwrap_or_else(|| Problem::aws_not_seen(&error, PATIENCE))),
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
        lock(&self.seen)
    }

    /// The AWS account and region, as far as they are known.
    pub(super) fn target(&self) -> Arc<Target> {
        Arc::clone(&lock(&self.target))
    }

    /// Takes the AWS account from the ARNs that AWS has listed, where nothing else has told it and they all name one.
    pub(super) fn learn_account(&self, arns: &BTreeSet<String>) {
        let mut target = lock(&self.target);
        if target.account.is_some() {
            return;
        }
        let locations = arns.iter().filter_map(|arn| ArnLocation::parse(arn));
        let accounts: BTreeSet<&str> = locations.map(|location| location.account).collect();
        if let (Some(account), 1) = (accounts.first(), accounts.len()) {
            *target = Arc::new(Target { account: Some((*account).to_owned()), ..Target::clone(&target) });
        }
    }

    /// The reason why nothing of this kind that is missing may be replaced, if there is one. Who has not seen a complete list lately
    /// does not know how much is missing: another controller may have noted the evidence.
    pub(super) fn brake(&self, kind: ResourceKind) -> Option<String> {
        let is_fresh =
            lock(&self.listed_at).is_some_and(|at| at.elapsed() < self.timing.resync * 3 + MAX_LIST_TIME);
        let brake = lock(&self.brakes).get(&kind).map(Brake::describe);
        brake.or_else(|| (!is_fresh).then(|| "no complete list of AWS was seen lately".to_owned()))
    }

    /// The circumstances in which one kind of resource is worked on now.
    pub(super) fn circumstances(&self, kind: ResourceKind) -> DecisionContext {
        DecisionContext { timing: self.timing, target: self.target(), brake: self.brake(kind) }
    }

    /// The reason why nothing at all may be made: AWS shows nothing of what is recorded.
    pub(super) fn blindness(&self) -> Option<Problem> {
        let brakes = lock(&self.brakes);
        brakes.values().find(|brake| brake.is_blind).map(|brake| Problem::braked(&brake.describe()))
    }

    /// Sets the brakes as a resync has found them.
    pub(super) fn set_brakes(&self, brakes: BTreeMap<ResourceKind, Brake>) {
        *lock(&self.brakes) = brakes;
        *lock(&self.listed_at) = Some(Instant::now());
    }

    /// The reason why nothing is made, if there is one.
    pub(super) fn halt(&self) -> Option<Problem> {
        lock(&self.halt).clone()
    }

    /// Sets the reason why nothing is made; that the database is another installation's stays.
    pub(super) fn set_halt(&self, reason: Option<Problem>) {
        let mut halt = lock(&self.halt);
        if halt.as_ref().is_none_or(|halt| halt.reason == RECORDED_ELSEWHERE) {
            *halt = reason;
        }
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
        lock(&self.doubts)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
