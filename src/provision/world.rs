//! A world in memory for tests: AWS and the database behind the engine's traits, with a clock that is moved by hand, in
//! which any effect can fail before it happens or after.

mod aws;
mod database;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use uuid::Uuid;

use super::{Circumstances, Order, Outcome, Owner, Retirement, Timing, converge, retire};
use crate::{
    api::{AccountRef, RecreatePolicy, StageSpec, StageStatus},
    ivs::{Tags, Target},
    store::Orphan,
};

/// When an effect fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It does not happen, and nobody is told so.
    Before,
    /// It happens, and the answer is lost.
    After,
}

pub const TIMING: Timing = Timing {
    aws_call_timeout: Duration::from_secs(10),
    grace: Duration::from_secs(5),
    resync: Duration::from_mins(10),
};

#[derive(Debug, Default)]
struct State {
    now: Duration,
    effects: usize,
    fail: Option<(usize, Failure)>,
    resources: BTreeMap<String, Tags>,
    creates: usize,
    record: Option<(String, Duration)>,
    former: Vec<(String, Duration)>,
    /// When the first list without the recorded one was made, and the latest.
    unlisted: Option<(String, Duration, Duration)>,
    deletion_requested: Option<String>,
    orphans: Vec<Orphan>,
    brake: Option<&'static str>,
    attempts: BTreeMap<Uuid, (bool, Duration)>,
    edit: Option<(Uuid, Duration, u32)>,
    faster: bool,
    doubted: bool,
}

/// The world; it stands for AWS's stages and for the database.
#[derive(Debug, Default)]
pub struct World(Mutex<State>);

impl World {
    /// A world in which the n-th effect fails.
    pub fn failing(nth: usize, failure: Failure) -> Self {
        let world = Self::default();
        world.lock().fail = Some((nth, failure));
        world
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics with the lock held")
    }

    /// Counts an effect; what comes of it, which may be this error.
    fn perform<T, E>(&self, error: E, happens: impl FnOnce(&mut State) -> T) -> Result<T, E> {
        let mut state = self.lock();
        state.effects += 1;
        let failure = state.fail.filter(|(nth, _)| *nth == state.effects).map(|(_, failure)| failure);
        if failure == Some(Failure::Before) {
            return Err(error);
        }
        let done = happens(&mut state);
        if failure == Some(Failure::After) { Err(error) } else { Ok(done) }
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

    /// Lets time pass, on the database's clock too.
    pub fn pass(&self, time: Duration) {
        self.lock().now += time;
    }

    /// From here on somebody doubts that all is well.
    pub fn doubt(&self) {
        self.lock().doubted = true;
    }

    /// Lets another controller make the resource while the next pass waits for the budget.
    pub fn another_is_faster(&self) {
        self.lock().faster = true;
    }

    /// A resync lists everything, and notes whether it shows what is recorded.
    pub fn list(&self) {
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

    /// Two lists, a resync apart.
    pub fn list_twice(&self) {
        self.list();
        self.pass(TIMING.resync);
        self.list();
    }

    /// Too much is missing, or no longer.
    pub fn brake(&self, brake: Option<&'static str>) {
        self.lock().brake = brake;
    }

    /// The ARNs on the orphan list.
    pub fn orphans(&self) -> Vec<String> {
        self.lock().orphans.iter().filter_map(|orphan| orphan.arn.clone()).collect()
    }

    /// The journal forgets all attempts.
    pub fn lose_journal(&self) {
        self.lock().attempts.clear();
    }

    /// The database forgets, or has an ARN from long ago.
    pub fn restore_record(&self, arn: Option<&str>) {
        self.lock().record = arn.map(|arn| (arn.to_owned(), Duration::ZERO));
    }

    /// A resource that somebody made, with these tags.
    pub fn put(&self, arn: &str, tags: Tags) {
        self.lock().resources.insert(arn.to_owned(), tags);
    }

    /// Somebody deletes a resource behind our back; its tags.
    pub fn remove(&self, arn: &str) -> Tags {
        self.lock().resources.remove(arn).unwrap_or_default()
    }

    /// One pass of the engine; what went wrong, in words.
    pub async fn converge(&self, status: Option<&StageStatus>) -> Result<Outcome<StageStatus>, String> {
        self.converge_as(status, RecreatePolicy::Always).await
    }

    /// The same with a policy for what vanished.
    pub async fn converge_as(
        &self,
        status: Option<&StageStatus>,
        recreate: RecreatePolicy,
    ) -> Result<Outcome<StageStatus>, String> {
        let (owner, settings, tags) = (owner(), StageSpec::default(), Tags::new());
        let order = Order {
            owner: &owner,
            settings: &settings,
            tags: &tags,
            status,
            swept: None,
            listed: Vec::new(),
            known: false,
            settled: false,
            sent: false,
            recreate,
            doubted: self.lock().doubted,
        };
        converge(self, self, &self.circumstances(), &order).await.map_err(|error| error.to_string())
    }

    fn circumstances(&self) -> Circumstances {
        circumstances(TIMING, self.lock().brake)
    }

    /// Passes until it is ready, as the controller makes them.
    pub async fn until_ready(&self) -> StageStatus {
        for _ in 0..10 {
            match self.converge(None).await {
                Ok(Outcome::Ready(provisioned)) => return provisioned.status,
                Ok(Outcome::Waiting(wait)) => self.pass(wait.wait),
                Err(_) => self.pass(Duration::from_secs(1)),
            }
        }
        panic!("not ready within ten passes")
    }

    /// Passes until it is gone, as the controller makes them.
    pub async fn until_gone(&self) {
        assert!(self.is_gone_in_a_while().await, "not gone within ten passes");
    }

    /// Passes as the controller makes them; true once it is gone.
    pub async fn is_gone_in_a_while(&self) -> bool {
        for _ in 0..10 {
            match retire(self, self, &self.circumstances(), &owner(), None, &[]).await {
                Ok(Retirement::Gone(_)) => return true,
                Ok(Retirement::Waiting(wait)) => self.pass(wait.wait),
                Err(_) => self.pass(Duration::from_secs(1)),
            }
        }
        false
    }
}

/// The circumstances in the AWS account and region of the world.
pub fn circumstances(timing: Timing, brake: Option<&str>) -> Circumstances {
    let target = Target::new("eu-west-1", Some("1".to_owned()));
    Circumstances { timing, target: Arc::new(target), brake: brake.map(str::to_owned) }
}

/// The ARN of a stage there.
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
