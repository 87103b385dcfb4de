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
    aws::{Channel, ChatRoom, Simulated, Stage},
    cluster::Accounts,
    faults::{Fails, Failure, Mode, Operation, patience},
    world::{RESTART, State, TIMING, World},
};

/// How late a late call is carried out: within the time-out of the call, and after a restart.
const LATE: Duration = RESTART.saturating_add(Duration::from_secs(3));

/// After the deadline of its attempt, but within the grace: it is under way for as long again as its caller has waited.
const OVERDUE: Duration = TIMING.aws_call_timeout.saturating_mul(2);

/// When nothing is waited for any more: an attempt's deadline is a little later than the call's own time-out.
pub const GIVEN_UP: Duration =
    TIMING.aws_call_timeout.saturating_add(TIMING.grace).saturating_add(Duration::from_secs(2));

/// After the deadline and the grace.
const TOO_LATE: Duration = Duration::from_secs(45);

/// How long a process stands still: longer than any attempt is waited for, and than it takes until a change is looked at.
const ASLEEP: Duration = Duration::from_secs(80);

tokio::task_local! {
    /// UID of the object that is being reconciled.
    pub static ACTOR: String;
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
pub struct Line {
    pub world: Arc<World>,
    pub process: Arc<Process>,
    /// Cancelled when what is asked for here is to stop.
    pub term: CancellationToken,
}

impl Line {
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
        E: Fails + Send + 'static,
    {
        self.if_alive().await;
        let effect = acting(aging(effect, self.world.now()), self.process.cluster.clone());
        let mode = self.world.begin(operation, about, &self.process.name);
        sleep(self.world.latency(operation.service)).await;
        self.if_alive().await;
        let answer = match mode {
            None | Some(Mode::Stale | Mode::Lag | Mode::Stop | Mode::Accepted | Mode::Freeze) => {
                match mode {
                    Some(Mode::Stop) => self.process.stop.cancel(),
                    Some(Mode::Freeze) => self.freeze().await,
                    _ => {}
                }
                let answer = self.world.perform(move |state, now| {
                    state.aws.deletes_in = (mode == Some(Mode::Accepted)).then_some(LATE);
                    effect(state, now)
                });
                sleep(self.world.latency(operation.service)).await;
                answer
            }
            Some(mode) => self.fail(mode, operation, effect).await,
        };
        self.if_alive().await;
        answer
    }

    async fn fail<T, E>(
        &self,
        mode: Mode,
        operation: Operation,
        effect: impl Effect<Result<T, E>>,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: Fails + Send + 'static,
    {
        let failure = match mode {
            Mode::CrashBefore => return self.crash().await,
            Mode::CrashAfter => {
                drop(self.world.perform(effect));
                return self.crash().await;
            }
            Mode::LateAfterCrash => {
                self.later(LATE, operation, effect);
                return self.crash().await;
            }
            Mode::Drop => {
                drop(self.world.perform(effect));
                Failure::Reset
            }
            Mode::Late => {
                self.later(LATE, operation, effect);
                Failure::Reset
            }
            Mode::TooLate => {
                self.later(TOO_LATE, operation, effect);
                return no_answer(operation).await;
            }
            Mode::Overdue => {
                self.later(OVERDUE, operation, effect);
                return no_answer(operation).await;
            }
            Mode::Hang => return no_answer(operation).await,
            Mode::TooMany => Failure::TooMany,
            Mode::Internal => Failure::Internal,
            Mode::Forbidden => Failure::Forbidden,
            _ => Failure::Refused,
        };
        Err(E::failed(operation, failure))
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
        *self.frozen_until() = self.world.now() + ASLEEP;
        self.if_alive().await;
    }

    fn frozen_until(&self) -> MutexGuard<'_, Duration> {
        self.process.frozen_until.lock().expect("nothing panics with the lock held")
    }

    async fn if_alive(&self) {
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
fn acting<T>(effect: impl Effect<T>, cluster: String) -> impl Effect<T> {
    let actor = ACTOR.try_with(Clone::clone).ok();
    move |state, now| state.act_for(&cluster, actor, |state| effect(state, now))
}

/// While it is carried out it is known how long ago the call began.
fn aging<T>(effect: impl Effect<T>, began: Duration) -> impl Effect<T> {
    move |state, now| {
        let is_journalled = began >= state.aws.journal_since;
        state.aws.age = if is_journalled { now.saturating_sub(began) } else { Duration::MAX };
        let done = effect(state, now);
        state.aws.age = Duration::ZERO;
        done
    }
}

/// The caller waits as long as it does, and then knows nothing.
async fn no_answer<T, E: Fails>(operation: Operation) -> Result<T, E> {
    match patience(operation.service) {
        Some(patience) => sleep(patience).await,
        None => pending().await,
    }
    Err(E::failed(operation, Failure::TimedOut))
}

/// Everything outside, as the controller asks for it.
pub struct Outside {
    pub line: Line,
    channels: Simulated<Channel>,
    chat_rooms: Simulated<ChatRoom>,
    stages: Simulated<Stage>,
}

impl Outside {
    pub fn new(line: &Line) -> Self {
        Self {
            line: line.clone(),
            channels: Simulated::new(line.clone()),
            chat_rooms: Simulated::new(line.clone()),
            stages: Simulated::new(line.clone()),
        }
    }
}

impl controller::Backends for Outside {
    type Kubernetes = Line;
    type Store = Line;
    type Channels = Simulated<Channel>;
    type ChatRooms = Simulated<ChatRoom>;
    type Stages = Simulated<Stage>;

    fn now(&self) -> k8s_openapi::apimachinery::pkg::apis::meta::v1::Time {
        self.line.world.time()
    }

    fn kubernetes(&self) -> &Line {
        &self.line
    }

    fn store(&self) -> &Line {
        &self.line
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
