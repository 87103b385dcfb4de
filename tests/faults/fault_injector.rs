//! The line from one process of the controller to the world: every call goes through here, and may fail.

use std::{
    future::pending,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use streamcat_operator::{controller, telemetry::Metrics};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{
    aws::{Channel, ChatRoom, FakeResources, Stage},
    cluster::Accounts,
    faults::{Failure, Fault, FromFailure, Operation, client_timeout},
    world::{RESTART, State, TIMING, World},
};

/// How late a late call is carried out: within the time-out of the call, and after a restart.
const LATE_DELAY: Duration = RESTART.saturating_add(Duration::from_secs(3));

/// After the deadline of its attempt, but within the grace: it is under way for as long again as its caller has waited.
const OVERDUE_DELAY: Duration = TIMING.aws_call_timeout.saturating_mul(2);

/// When nothing is waited for any more: an attempt's deadline is a little later than the call's own time-out.
pub const ATTEMPT_EXPIRY: Duration =
    TIMING.aws_call_timeout.saturating_add(TIMING.grace).saturating_add(Duration::from_secs(2));

/// After the deadline and the grace.
const TOO_LATE_DELAY: Duration = Duration::from_secs(45);

/// How long a process stands still: longer than any attempt is waited for, and than it takes until a change is looked at.
const FREEZE_DURATION: Duration = Duration::from_secs(80);

tokio::task_local! {
    /// UID of the object that is being reconciled.
    pub static RECONCILED_UID: String;
}

/// One process of the controller, from its start to its death.
pub struct Process {
    pub name: String,
    /// The cluster that it works for.
    pub cluster: String,
    /// It is dead: nothing of it goes on.
    pub dead: CancellationToken,
    /// It was asked to end.
    pub stop: CancellationToken,
    /// Until then (the world's age) it stands still.
    pub frozen_until: Mutex<Duration>,
    /// The accounts as its watch has shown them.
    pub cache: Mutex<Accounts>,
    /// What it counts.
    pub metrics: Metrics,
}

/// What a call does to the world. It outlives its caller when it is carried out late.
pub trait Effect<T>: FnOnce(&mut State, Duration) -> T + Send + 'static {}
impl<T, F: FnOnce(&mut State, Duration) -> T + Send + 'static> Effect<T> for F {}

/// The line from one process to the world. It stands for Kubernetes and for PostgreSQL.
#[derive(Clone)]
pub struct FaultInjector {
    pub world: Arc<World>,
    pub process: Arc<Process>,
    /// Cancelled when what is asked for here is to stop.
    pub term: CancellationToken,
}

impl FaultInjector {
    /// A new process's.
    pub fn new(world: Arc<World>, name: String, cluster: String) -> Self {
        let (dead, stop) = (CancellationToken::new(), CancellationToken::new());
        let process = Arc::new(Process {
            name,
            cluster,
            dead,
            stop,
            frozen_until: Mutex::default(),
            cache: Mutex::default(),
            metrics: Metrics::default(),
        });
        let term = process.stop.clone();
        Self { world, process, term }
    }

    /// The same line, for as long as this term lasts.
    pub fn during(&self, term: CancellationToken) -> Self {
        Self { term, ..self.clone() }
    }

    /// Whether another cluster has taken over.
    pub fn has_lost_the_database(&self) -> bool {
        self.term.is_cancelled() && !self.process.stop.is_cancelled()
    }

    /// One call: on its way, carried out, and its answer on its way back, unless the plan says otherwise.
    pub async fn call<T, E>(
        &self,
        operation: Operation,
        about: &str,
        effect: impl Effect<Result<T, E>>,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: FromFailure + Send + 'static,
    {
        self.wait_if_frozen().await;
        let effect = for_object(with_age(effect, self.world.now()), self.process.cluster.clone());
        let fault = self.world.begin(operation, about, &self.process.name);
        sleep(self.world.latency(operation.service)).await;
        self.wait_if_frozen().await;
        let answer = match fault {
            None | Some(Fault::Stale | Fault::Lag | Fault::Stop | Fault::Accepted | Fault::Freeze) => {
                match fault {
                    Some(Fault::Stop) => self.process.stop.cancel(),
                    Some(Fault::Freeze) => self.freeze().await,
                    _ => {}
                }
                let answer = self.world.perform(move |state, now| {
                    state.aws.deletes_in = (fault == Some(Fault::Accepted)).then_some(LATE_DELAY);
                    effect(state, now)
                });
                sleep(self.world.latency(operation.service)).await;
                answer
            }
            Some(fault) => self.fail(fault, operation, effect).await,
        };
        self.wait_if_frozen().await;
        answer
    }

    async fn fail<T, E>(
        &self,
        fault: Fault,
        operation: Operation,
        effect: impl Effect<Result<T, E>>,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: FromFailure + Send + 'static,
    {
        let failure = match fault {
            Fault::CrashBefore => return self.crash().await,
            Fault::CrashAfter => {
                drop(self.world.perform(effect));
                return self.crash().await;
            }
            Fault::LateAfterCrash => {
                self.later(LATE_DELAY, operation, effect);
                return self.crash().await;
            }
            Fault::Drop => {
                drop(self.world.perform(effect));
                Failure::Reset
            }
            Fault::Late => {
                self.later(LATE_DELAY, operation, effect);
                Failure::Reset
            }
            Fault::TooLate => {
                self.later(TOO_LATE_DELAY, operation, effect);
                return no_answer(operation).await;
            }
            Fault::Overdue => {
                self.later(OVERDUE_DELAY, operation, effect);
                return no_answer(operation).await;
            }
            Fault::Hang => return no_answer(operation).await,
            Fault::TooMany => Failure::TooMany,
            Fault::Internal => Failure::Internal,
            Fault::Forbidden => Failure::Forbidden,
            _ => Failure::Refused,
        };
        Err(E::from_failure(operation, failure))
    }

    /// The process dies here and now: whatever it was about to do, it does not do.
    async fn crash<T>(&self) -> T {
        self.world.note(&format!("{} dies", self.process.name));
        self.process.dead.cancel();
        pending().await
    }

    /// The process stands still: whatever else it does, it does afterwards.
    async fn freeze(&self) {
        self.world.note(&format!("{} stands still", self.process.name));
        *self.frozen_until() = self.world.now() + FREEZE_DURATION;
        self.wait_if_frozen().await;
    }

    fn frozen_until(&self) -> MutexGuard<'_, Duration> {
        self.process.frozen_until.lock().expect("nothing panics with the lock held")
    }

    async fn wait_if_frozen(&self) {
        let frozen = self.frozen_until().saturating_sub(self.world.now());
        if !frozen.is_zero() {
            sleep(frozen).await;
        }
        if self.process.dead.is_cancelled() {
            pending::<()>().await;
        }
    }

    fn later<T: Send + 'static>(&self, delay: Duration, operation: Operation, effect: impl Effect<T>) {
        let world = Arc::clone(&self.world);
        tokio::spawn(async move {
            sleep(delay).await;
            world.note(&format!("{} is carried out late", operation.name));
            drop(world.perform(effect));
        });
    }
}

/// While it is carried out it is known for which object it was asked for, and of which cluster.
fn for_object<T>(effect: impl Effect<T>, cluster: String) -> impl Effect<T> {
    let uid = RECONCILED_UID.try_with(Clone::clone).ok();
    move |state, now| state.act_for(&cluster, uid, |state| effect(state, now))
}

/// While it is carried out it is known how long ago the call began.
fn with_age<T>(effect: impl Effect<T>, began: Duration) -> impl Effect<T> {
    move |state, now| {
        let is_journalled = began >= state.aws.journal_since;
        state.aws.age = if is_journalled { now.saturating_sub(began) } else { Duration::MAX };
        let done = effect(state, now);
        state.aws.age = Duration::ZERO;
        done
    }
}

/// The caller waits as long as it does, and then knows nothing.
async fn no_answer<T, E: FromFailure>(operation: Operation) -> Result<T, E> {
    match client_timeout(operation.service) {
        Some(client_timeout) => sleep(client_timeout).await,
        None => pending().await,
    }
    Err(E::from_failure(operation, Failure::TimedOut))
}

/// Everything outside, as the controller asks for it.
pub struct FakeBackends {
    pub injector: FaultInjector,
    channels: FakeResources<Channel>,
    chat_rooms: FakeResources<ChatRoom>,
    stages: FakeResources<Stage>,
}

impl FakeBackends {
    pub fn new(injector: &FaultInjector) -> Self {
        Self {
            injector: injector.clone(),
            channels: FakeResources::new(injector.clone()),
            chat_rooms: FakeResources::new(injector.clone()),
            stages: FakeResources::new(injector.clone()),
        }
    }
}

impl controller::Backends for FakeBackends {
    type Kubernetes = FaultInjector;
    type Store = FaultInjector;
    type Channels = FakeResources<Channel>;
    type ChatRooms = FakeResources<ChatRoom>;
    type Stages = FakeResources<Stage>;

    fn now(&self) -> k8s_openapi::apimachinery::pkg::apis::meta::v1::Time {
        self.injector.world.time()
    }

    fn kubernetes(&self) -> &FaultInjector {
        &self.injector
    }

    fn store(&self) -> &FaultInjector {
        &self.injector
    }

    fn channels(&self) -> &Self::Channels {
        &self.channels
    }

    fn chat_rooms(&self) -> &Self::ChatRooms {
        &self.chat_rooms
    }

    fn stages(&self) -> &Self::Stages {
        &self.stages
    }
}
