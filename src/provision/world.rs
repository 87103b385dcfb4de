//! The simulated world of the protocol's tests: AWS and the database in memory, behind the traits that the
//! code uses, with a clock that is moved by hand. Any effect can fail, before or after it happens.

mod fake_aws;
mod fake_database;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use uuid::Uuid;

use super::{
    DecisionContext, DeletionOutcome, DesiredResource, Outcome, Owner, Timing, converge, delete_all,
};
use crate::{
    api::{AccountRef, AppliedFields, RecreatePolicy, ResourceKind, StageSpec, StageStatus},
    ivs::{Tags, Target},
    store::{self, Orphan, RecordChain, ResourceRecord, Resources},
};
use fake_aws::FakeAws;
use fake_database::FakeDatabase;

/// The moment at which an effect fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Before it happens; the caller does not know that.
    Before,
    /// After it happened: the response is lost.
    After,
}

pub const TIMING: Timing = Timing {
    aws_call_timeout: Duration::from_secs(10),
    grace: Duration::from_secs(5),
    resync: Duration::from_mins(10),
};

/// The state of AWS and of the database.
#[derive(Debug, Default)]
struct State {
    now: Duration,
    effects: usize,
    fail: Option<(usize, Failure)>,
    /// The resources in another user's record.
    anothers: BTreeSet<String>,
    resources: BTreeMap<String, Tags>,
    /// The resources that people use at the moment.
    in_use: BTreeSet<String>,
    creates: usize,
    record: Option<(String, Duration)>,
    former: Vec<(String, Duration)>,
    /// The recorded ARN that lists do not contain, and the times of the first and the latest of these lists.
    unlisted: Option<(String, Duration, Duration)>,
    deletion_requested: Option<String>,
    orphans: Vec<Orphan>,
    brake: Option<&'static str>,
    attempts: BTreeMap<Uuid, (bool, Duration)>,
    pending_update: Option<(Uuid, Duration, u32)>,
    applied_fields: AppliedFields,
    peer_creates_next: bool,
    is_dirty: bool,
}

/// The state, as AWS and the database share it.
#[derive(Clone, Debug, Default)]
struct Shared(Arc<Mutex<State>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics with the lock held")
    }

    /// Performs an effect, and counts it. Returns `error` if it is the one that fails.
    fn perform<T, E>(&self, error: E, effect: impl FnOnce(&mut State) -> T) -> Result<T, E> {
        let mut state = self.lock();
        state.effects += 1;
        let failure = state.fail.filter(|(nth, _)| *nth == state.effects).map(|(_, failure)| failure);
        if failure == Some(Failure::Before) {
            return Err(error);
        }
        let result = effect(&mut state);
        if failure == Some(Failure::After) { Err(error) } else { Ok(result) }
    }
}

/// One user's stages in AWS, and the user's rows in the database.
#[derive(Debug)]
pub struct World {
    state: Shared,
    pub aws: FakeAws,
    database: FakeDatabase,
}

impl World {
    pub fn new() -> Self {
        let state = Shared::default();
        Self { aws: FakeAws(state.clone()), database: FakeDatabase(state.clone()), state }
    }

    /// Returns a world in which the n-th effect fails.
    pub fn failing(nth: usize, failure: Failure) -> Self {
        let world = Self::new();
        world.lock().fail = Some((nth, failure));
        world
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    pub fn effects(&self) -> usize {
        self.lock().effects
    }

    pub fn creates(&self) -> usize {
        self.lock().creates
    }

    pub fn arns(&self) -> Vec<String> {
        self.lock().resources.keys().cloned().collect()
    }

    pub fn recorded_arn(&self) -> Option<String> {
        self.lock().record.clone().map(|(arn, _)| arn)
    }

    /// Advances the clock, which is also the database's.
    pub fn advance(&self, time: Duration) {
        self.lock().now += time;
    }

    /// Marks the account dirty from here on.
    pub fn mark_dirty(&self) {
        self.lock().is_dirty = true;
    }

    /// Lets another controller create the resource while the next pass waits for the budget.
    pub fn let_peer_create_next(&self) {
        self.lock().peer_creates_next = true;
    }

    /// Lists everything, as a resync does, and records whether the list contains the recorded resource.
    pub fn resync(&self) {
        let mut state = self.lock();
        let now = state.now;
        let absent =
            state.record.clone().map(|(arn, _)| arn).filter(|arn| !state.resources.contains_key(arn));
        let before = state.unlisted.take();
        state.unlisted = absent.map(|arn| {
            let since = before.filter(|(before, ..)| *before == arn).map_or(now, |(_, since, _)| since);
            (arn, since, now)
        });
    }

    /// Resyncs twice, one resync interval apart.
    pub fn resync_twice(&self) {
        self.resync();
        self.advance(TIMING.resync);
        self.resync();
    }

    /// Sets or releases the brake.
    pub fn set_brake(&self, brake: Option<&'static str>) {
        self.lock().brake = brake;
    }

    /// Returns the ARNs on the orphan list.
    pub fn orphans(&self) -> Vec<String> {
        self.lock().orphans.iter().filter_map(|orphan| orphan.arn.clone()).collect()
    }

    /// Deletes all attempts from the journal.
    pub fn lose_journal(&self) {
        self.lock().attempts.clear();
    }

    /// Restores the database to a backup, which has this ARN or none.
    pub fn restore_record(&self, arn: Option<&str>) {
        self.lock().record = arn.map(|arn| (arn.to_owned(), Duration::ZERO));
    }

    /// Records a resource for another user.
    pub fn record_for_another(&self, arn: &str) {
        self.lock().anothers.insert(arn.to_owned());
    }

    /// Puts a resource with these tags into AWS, as a person does.
    pub fn put(&self, arn: &str, tags: Tags) {
        self.lock().resources.insert(arn.to_owned(), tags);
    }

    /// Lets people use a resource from here on.
    pub fn begin_use(&self, arn: &str) {
        self.lock().in_use.insert(arn.to_owned());
    }

    /// Deletes a resource in AWS, as a person does, and returns its tags.
    pub fn remove(&self, arn: &str) -> Tags {
        self.lock().resources.remove(arn).unwrap_or_default()
    }

    /// Runs one pass. Returns an error as its message.
    pub async fn converge(&self, status: Option<&StageStatus>) -> Result<Outcome<StageStatus>, String> {
        self.converge_with(status, RecreatePolicy::Always).await
    }

    /// Runs one pass with this policy for resources that are gone.
    pub async fn converge_with(
        &self,
        status: Option<&StageStatus>,
        recreate: RecreatePolicy,
    ) -> Result<Outcome<StageStatus>, String> {
        let (owner, settings, tags) = (owner(), StageSpec::default(), Tags::new());
        let desired = DesiredResource {
            owner: &owner,
            settings: &settings,
            tags: &tags,
            status,
            inventory_arn: None,
            listed: Vec::new(),
            is_known_user: false,
            is_settled: false,
            was_sent: false,
            was_applied: false,
            reports_drift: false,
            recreate,
            is_dirty: self.lock().is_dirty,
        };
        let recorded = self.recorded().await.map_err(|error| error.to_string())?;
        let outcome = converge(&self.aws, &self.database, &self.context(), &desired, recorded).await;
        outcome.map_err(|error| error.to_string())
    }

    async fn recorded(&self) -> store::Result<ResourceRecord> {
        Ok(self.database.recorded(owner().user).await?[ResourceKind::Stage].clone())
    }

    fn context(&self) -> DecisionContext {
        decision_context(TIMING, self.lock().brake)
    }

    /// Runs passes as the controller does, until the resource is ready.
    pub async fn until_ready(&self) -> StageStatus {
        for _ in 0..10 {
            match self.converge(None).await {
                Ok(Outcome::Ready(provisioned)) => return provisioned.status,
                Ok(Outcome::Waiting(wait)) => self.advance(wait.wait),
                Err(_) => self.advance(Duration::from_secs(1)),
            }
        }
        panic!("not ready within ten passes")
    }

    /// Runs passes as the controller does, until the resource is gone.
    pub async fn until_gone(&self) {
        assert!(self.is_gone_in_ten_passes().await, "not gone within ten passes");
    }

    /// Runs passes as the controller does. Returns true once the resource is gone.
    pub async fn is_gone_in_ten_passes(&self) -> bool {
        for _ in 0..10 {
            match self.delete_all().await {
                Ok(DeletionOutcome::Gone(_)) => return true,
                Ok(DeletionOutcome::Waiting(wait)) => self.advance(wait.wait),
                Err(_) => self.advance(Duration::from_secs(1)),
            }
        }
        false
    }

    /// Runs one pass of the deletion.
    async fn delete_all(&self) -> super::Result<DeletionOutcome> {
        let recorded = self.recorded().await?;
        delete_all(&self.aws, &self.database, &self.context(), &owner(), recorded, None, &[]).await
    }
}

/// Returns the context of decisions in the simulated AWS account and region.
pub fn decision_context(timing: Timing, brake: Option<&str>) -> DecisionContext {
    let target = Target::new("eu-west-1", Some("1".to_owned()));
    DecisionContext {
        timing,
        target: Arc::new(target),
        brake: brake.map(str::to_owned),
        records: RecordChain::default(),
        is_aws_listed: false,
    }
}

/// Returns the ARN of a stage there.
pub fn stage(id: &str) -> String {
    format!("arn:aws:ivs:eu-west-1:1:stage/{id}")
}

pub fn owner() -> Owner {
    Owner {
        installation: "here".to_owned(),
        user: Uuid::from_u128(1),
        account: AccountRef { namespace: "default".to_owned(), name: "todd".to_owned() },
        username: "todd".to_owned(),
    }
}
