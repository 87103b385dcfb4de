//! A world in memory for tests: AWS and the database behind the engine's traits, with a clock that is moved by hand, in
//! which any effect can fail before it happens or after.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use uuid::Uuid;

use super::{Order, Outcome, Owner, Retirement, Timing, converge, retire};
use crate::{
    api::{AccountRef, RecreatePolicy, ResourceKind, ResourceStatus, StageSpec, StageStatus},
    ivs::{self, Class, Created, Kind, Listed, Live, Tags},
    store::{self, AttemptEnd, Edit, Journal, Missing, Recorded, Resources, Unsettled, UserRecord},
};

/// When an effect fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It does not happen, and nobody is told so.
    Before,
    /// It happens, and the answer is lost.
    After,
}

pub const TIMING: Timing = Timing { create_timeout: Duration::from_secs(10), grace: Duration::from_secs(5) };

#[derive(Debug, Default)]
struct State {
    now: Duration,
    effects: usize,
    fail: Option<(usize, Failure)>,
    resources: BTreeMap<String, Tags>,
    creates: usize,
    record: Option<(String, Duration)>,
    missing: Option<(String, Duration)>,
    attempts: BTreeMap<Uuid, (bool, Duration)>,
    edit: Option<(Uuid, Duration, u32)>,
    faster: bool,
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

    /// Counts an effect and says whether and how it fails.
    fn effect(&self) -> Option<Failure> {
        let mut state = self.lock();
        state.effects += 1;
        let (nth, failure) = state.fail?;
        (nth == state.effects).then_some(failure)
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

    /// Lets another controller make the resource while the next pass waits for the budget.
    pub fn another_is_faster(&self) {
        self.lock().faster = true;
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
            settled: false,
            recreate,
            doubted: false,
        };
        converge(self, self, TIMING, &order).await.map_err(|error| error.to_string())
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
        for _ in 0..10 {
            match retire(self, self, TIMING, &owner(), None).await {
                Ok(Retirement::Gone(_)) => return,
                Ok(Retirement::Waiting(wait)) => self.pass(wait.wait),
                Err(_) => self.pass(Duration::from_secs(1)),
            }
        }
        panic!("not gone within ten passes");
    }
}

pub fn owner() -> Owner {
    Owner {
        installation: "here".to_owned(),
        user: Uuid::from_u128(1),
        account: AccountRef { namespace: "default".to_owned(), name: "todd".to_owned() },
        username: "todd".to_owned(),
    }
}

fn aws_error(class: Class) -> ivs::Error {
    let message = "the world fails".to_owned();
    ivs::Error { operation: "Test", class, code: None, message, request_id: None }
}

impl World {
    /// An effect on AWS: what happens, and how its caller hears of it.
    fn on_aws<T>(&self, class: Class, happens: impl FnOnce(&mut State) -> T) -> ivs::Result<T> {
        match self.effect() {
            Some(Failure::Before) => Err(aws_error(class)),
            Some(Failure::After) => {
                happens(&mut self.lock());
                Err(aws_error(class))
            }
            None => Ok(happens(&mut self.lock())),
        }
    }

    /// An effect on the database, likewise.
    fn on_database<T>(&self, happens: impl FnOnce(&mut State) -> T) -> store::Result<T> {
        match self.effect() {
            Some(Failure::Before) => Err(sqlx::Error::PoolTimedOut.into()),
            Some(Failure::After) => {
                happens(&mut self.lock());
                Err(sqlx::Error::PoolTimedOut.into())
            }
            None => Ok(happens(&mut self.lock())),
        }
    }
}

fn status(arn: &str) -> StageStatus {
    StageStatus { arn: arn.to_owned(), endpoints: None }
}

impl Kind for World {
    const KIND: ResourceKind = ResourceKind::Stage;
    type Settings = StageSpec;
    type Status = StageStatus;

    /// Another controller may be faster between the budget and the attempt.
    async fn admit(&self) -> ivs::Result<()> {
        let mut state = self.lock();
        if std::mem::take(&mut state.faster) {
            state.creates += 1;
            let now = state.now;
            state.record = Some(("arn-1".to_owned(), now));
            state.resources.insert("arn-1".to_owned(), owner().tags(Uuid::from_u128(50), &Tags::new()));
        }
        Ok(())
    }

    async fn create(&self, _: &str, _: &StageSpec, tags: &Tags) -> ivs::Result<Created<StageStatus>> {
        self.on_aws(Class::Ambiguous, |state| {
            state.creates += 1;
            let arn = format!("arn-{}", state.creates);
            state.resources.insert(arn.clone(), tags.clone());
            Created { status: status(&arn), stream_key: None }
        })
    }

    async fn get(&self, arn: &str) -> ivs::Result<Option<Live<StageStatus>>> {
        self.on_aws(Class::Transient, |state| {
            let tags = state.resources.get(arn)?.clone();
            Some(Live { status: status(arn), settings: serde_json::Value::Null, tags })
        })
    }

    async fn page(&self, _: Option<&str>, _: Option<String>) -> ivs::Result<ivs::Page> {
        self.on_aws(Class::Transient, |state| {
            let listed = |(arn, tags): (&String, &Tags)| Listed {
                arn: arn.clone(),
                name: "todd".to_owned(),
                tags: tags.clone(),
            };
            (state.resources.iter().map(listed).collect(), None)
        })
    }

    async fn update(&self, _: &str, _: &StageSpec) -> ivs::Result<()> {
        self.on_aws(Class::Transient, |_| ())
    }

    async fn tag(&self, arn: &str, tags: &Tags) -> ivs::Result<()> {
        self.on_aws(Class::Transient, |state| {
            if let Some(found) = state.resources.get_mut(arn) {
                found.extend(tags.clone());
            }
        })
    }

    async fn untag(&self, _: &str, _: &[String]) -> ivs::Result<()> {
        self.on_aws(Class::Transient, |_| ())
    }

    async fn delete(&self, arn: &str) -> ivs::Result<()> {
        self.on_aws(Class::Transient, |state| drop(state.resources.remove(arn)))
    }
}

impl Journal for World {
    async fn open(
        &self,
        _: Uuid,
        _: ResourceKind,
        known: Option<&str>,
        lasts: Duration,
    ) -> store::Result<Option<Uuid>> {
        self.on_database(|state| {
            let recorded = state.record.as_ref().map(|(arn, _)| arn.as_str());
            if state.attempts.values().any(|(open, _)| *open) || recorded != known {
                return None;
            }
            let nonce = Uuid::from_u128(state.attempts.len() as u128 + 100);
            state.attempts.insert(nonce, (true, state.now + lasts));
            Some(nonce)
        })
    }

    async fn attempts(&self, _: Uuid, _: ResourceKind) -> store::Result<Vec<Uuid>> {
        self.on_database(|state| state.attempts.keys().copied().collect())
    }

    async fn end(&self, nonce: Uuid, _: AttemptEnd) -> store::Result<()> {
        self.on_database(|state| {
            state.attempts.entry(nonce).and_modify(|(open, _)| *open = false);
        })
    }

    async fn record_made(
        &self,
        nonce: Uuid,
        _: Uuid,
        _: &str,
        resource: &ResourceStatus,
    ) -> store::Result<bool> {
        self.on_database(|state| match state.attempts.get_mut(&nonce) {
            Some((open, _)) if *open => {
                *open = false;
                record(state, resource);
                true
            }
            _ => false,
        })
    }
}

fn record(state: &mut State, resource: &ResourceStatus) {
    state.record = Some((resource.arn().to_owned(), state.now));
    state.missing = None;
}

impl Resources for World {
    async fn recorded(&self, _: Uuid, _: ResourceKind) -> store::Result<Recorded> {
        self.on_database(|state| {
            let open = state.attempts.iter().find(|(_, (open, _))| *open);
            Recorded {
                arn: state.record.clone().map(|(arn, _)| arn),
                age: state.record.as_ref().map(|(_, at)| state.now.saturating_sub(*at)).unwrap_or_default(),
                attempt: open.map(|(nonce, (_, deadline))| Unsettled::until(*nonce, *deadline, state.now)),
                missing: state
                    .missing
                    .clone()
                    .map(|(arn, since)| Missing { arn, age: state.now.saturating_sub(since) }),
                edit: state.edit.map(|(nonce, deadline, repeats)| Edit {
                    note: Unsettled::until(nonce, deadline, state.now),
                    repeats,
                }),
            }
        })
    }

    async fn record(
        &self,
        _: Uuid,
        _: &str,
        known: &Recorded,
        resource: &ResourceStatus,
    ) -> store::Result<bool> {
        let nonce = known.attempt.as_ref().map(|attempt| attempt.nonce);
        self.on_database(|state| {
            let open = state.attempts.iter().find(|(_, (open, _))| *open).map(|(nonce, _)| *nonce);
            let is_known = state.record.as_ref().map(|(arn, _)| arn) == known.arn.as_ref() && open == nonce;
            if is_known {
                record(state, resource);
                state.attempts.values_mut().for_each(|(open, _)| *open = false);
            }
            is_known
        })
    }

    async fn note_missing(&self, _: Uuid, _: ResourceKind, arn: &str) -> store::Result<()> {
        self.on_database(|state| {
            if state.missing.as_ref().is_none_or(|(missing, _)| missing != arn) {
                state.missing = Some((arn.to_owned(), state.now));
            }
        })
    }

    async fn note_seen(&self, _: Uuid, _: ResourceKind) -> store::Result<()> {
        self.on_database(|state| state.missing = None)
    }

    async fn begin_edit(
        &self,
        _: Uuid,
        _: ResourceKind,
        lasts: Duration,
        repeats: u32,
    ) -> store::Result<Option<Uuid>> {
        self.on_database(|state| {
            let nonce = Uuid::from_u128(state.effects as u128 + 1000);
            state.edit = Some((nonce, state.now + lasts, repeats));
            Some(nonce)
        })
    }

    async fn end_edit(&self, nonce: Uuid) -> store::Result<()> {
        self.on_database(|state| {
            state.edit.take_if(|(noted, ..)| *noted == nonce);
        })
    }

    async fn all_recorded(&self) -> store::Result<Vec<UserRecord>> {
        Ok(Vec::new())
    }
}
