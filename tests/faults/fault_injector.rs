//! The connection from one controller process to the world. Every call goes through it and may fail.

use std::{
    future::pending,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use streamcat_operator::{
    controller::{self, CachedAccounts},
    telemetry::Metrics,
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{
    aws::{Channel, ChatRoom, FakeResources, Stage},
    faults::{Failure, Fault, FromFailure, Operation, client_timeout},
    world::{RESTART_DELAY, State, TIMING, World},
};

/// Delay of a late call: within the timeout of the call, and after a restart.
const LATE_DELAY: Duration = RESTART_DELAY.saturating_add(Duration::from_secs(3));

/// Delay of an overdue call: after the deadline of its attempt, but within the grace period. It is in flight
/// for as long again as its caller has waited.
const OVERDUE_DELAY: Duration = TIMING.aws_call_timeout.saturating_mul(2);

/// Time after which no controller waits for an attempt anymore. The attempt's deadline is a little later than
/// the call's own timeout.
pub const ATTEMPT_EXPIRY: Duration =
    TIMING.aws_call_timeout.saturating_add(TIMING.grace).saturating_add(Duration::from_secs(2));

/// Delay of a call that is too late: after the deadline and the grace period.
const TOO_LATE_DELAY: Duration = Duration::from_secs(45);

/// Name of the second controller, which has no Lease.
pub const WITHOUT_LEASE: &str = "b";

/// Time for which a process is suspended: longer than any wait for an attempt or for the re-check of an
/// update.
pub const FREEZE_DURATION: Duration = Duration::from_secs(80);

tokio::task_local! {
    /// UID of the object that is being reconciled.
    pub static RECONCILED_UID: String;
}

/// One process of the controller, from its start to its end.
pub struct Process {
    pub name: String,
    /// The cluster that the process runs in.
    pub cluster: String,
    /// Cancelled when the process has crashed or ended: nothing of it continues.
    pub dead: CancellationToken,
    /// Cancelled when the process is asked to stop.
    pub stop: CancellationToken,
    /// The time, counted from the start of the world, until which the process is suspended.
    pub frozen_until: Mutex<Duration>,
    /// Metrics of the process.
    pub metrics: Metrics,
}

impl Process {
    /// Returns true if the process has the Lease of its cluster. Of two controllers that both believe they
    /// lead, only the first one has.
    pub fn has_lease(&self) -> bool {
        !self.name.starts_with(WITHOUT_LEASE)
    }
}

/// The effect of a call on the world. It outlives its caller if the call is executed late.
pub trait Effect<T>: FnOnce(&mut State, Duration) -> T + Send + 'static {}
impl<T, F: FnOnce(&mut State, Duration) -> T + Send + 'static> Effect<T> for F {}

/// The connection from one process to the world. It stands in for Kubernetes and PostgreSQL.
#[derive(Clone)]
pub struct FaultInjector {
    pub world: Arc<World>,
    pub process: Arc<Process>,
    /// The accounts as the watch of this term has shown them.
    pub cache: Arc<CachedAccounts>,
    /// Cancelled when the leader's term ends.
    pub term: CancellationToken,
}

impl FaultInjector {
    /// Returns the connection of a new process.
    pub fn new(world: Arc<World>, name: String, cluster: String) -> Self {
        let (dead, stop) = (CancellationToken::new(), CancellationToken::new());
        let process = Arc::new(Process {
            name,
            cluster,
            dead,
            stop,
            frozen_until: Mutex::default(),
            metrics: Metrics::default(),
        });
        let term = process.stop.clone();
        Self { world, process, cache: Arc::default(), term }
    }

    /// Returns the same connection for the duration of this term.
    pub fn during(&self, term: CancellationToken) -> Self {
        Self { term, cache: Arc::default(), ..self.clone() }
    }

    /// Returns true if another cluster has taken over the database.
    pub fn has_lost_the_database(&self) -> bool {
        self.term.is_cancelled() && !self.process.stop.is_cancelled()
    }

    /// Makes one call: request, effect, and response, unless the plan says otherwise.
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
        let fault = self.world.begin_call(operation, about, &self.process.name);
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
                    state.aws.deletion_delay = (fault == Some(Fault::Accepted)).then_some(LATE_DELAY);
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
                self.perform_late(LATE_DELAY, operation, effect);
                return self.crash().await;
            }
            Fault::Drop => {
                drop(self.world.perform(effect));
                Failure::Reset
            }
            Fault::Late => {
                self.perform_late(LATE_DELAY, operation, effect);
                Failure::Reset
            }
            Fault::TooLate => {
                self.perform_late(TOO_LATE_DELAY, operation, effect);
                return no_response(operation).await;
            }
            Fault::Overdue => {
                self.perform_late(OVERDUE_DELAY, operation, effect);
                return no_response(operation).await;
            }
            Fault::Hang => return no_response(operation).await,
            Fault::TooMany => Failure::TooMany,
            Fault::Internal => Failure::Internal,
            Fault::Forbidden => Failure::Forbidden,
            _ => Failure::Refused,
        };
        Err(E::from_failure(operation, failure))
    }

    /// Crashes the process: nothing of it continues.
    async fn crash<T>(&self) -> T {
        self.world.note(&format!("{} crashes", self.process.name));
        self.process.dead.cancel();
        pending().await
    }

    /// Suspends the process: everything else it does happens after it resumes.
    async fn freeze(&self) {
        self.world.note(&format!("{} is suspended", self.process.name));
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

    fn perform_late<T: Send + 'static>(&self, delay: Duration, operation: Operation, effect: impl Effect<T>) {
        let world = Arc::clone(&self.world);
        tokio::spawn(async move {
            sleep(delay).await;
            world.note(&format!("{} is executed late", operation.name));
            drop(world.perform(effect));
        });
    }
}

/// Makes the reconciled object and its cluster known while the effect is executed.
fn for_object<T>(effect: impl Effect<T>, cluster: String) -> impl Effect<T> {
    let uid = RECONCILED_UID.try_with(Clone::clone).ok();
    move |state, now| state.act_for(&cluster, uid, |state| effect(state, now))
}

/// Makes the age of the call known while the effect is executed.
fn with_age<T>(effect: impl Effect<T>, began: Duration) -> impl Effect<T> {
    move |state, now| {
        let is_journaled = began >= state.aws.journal_since;
        state.aws.age = if is_journaled { now.saturating_sub(began) } else { Duration::MAX };
        let done = effect(state, now);
        state.aws.age = Duration::ZERO;
        done
    }
}

/// Lets the caller wait until it times out. It learns nothing about the outcome.
async fn no_response<T, E: FromFailure>(operation: Operation) -> Result<T, E> {
    match client_timeout(operation.service) {
        Some(client_timeout) => sleep(client_timeout).await,
        None => pending().await,
    }
    Err(E::from_failure(operation, Failure::TimedOut))
}

/// The backends of a controller: the simulated world behind the fault injector.
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
