//! One run: a workload, a number of controllers, and a plan of faults.

use std::{collections::BTreeSet, fmt, str::FromStr, sync::Arc, time::Duration};

use tokio::time::{sleep, timeout};

use super::{
    actor::Actor,
    controller::{RESYNC, supervise},
    fault_injector::WITHOUT_LEASE,
    faults::{Operation, Plan},
    oracle::end,
    workloads::Workload,
    world::{State, World},
};

/// Time after the workload's last action within which calls still count as its own. Updates are re-checked
/// within that time.
const CALL_WINDOW: Duration = Duration::from_secs(90);

/// Maximum time that a workload's actions take. Longer means that they wait forever.
const ACTOR_TIMEOUT: Duration = Duration::from_hours(24);

/// Maximum number of resyncs until everything has settled after the last fault. That covers reconciles that
/// hang, slow retries, and the three resyncs that it takes to remove a deleted resource from the orphan list.
const MAX_SETTLE_RESYNCS: usize = 5;

/// A call that each resync makes after its lists.
const LAST_LISTED_CALL: &str = "all_recorded";

/// Long enough for one more resync of each controller.
const QUIET_PERIOD: Duration = RESYNC.saturating_add(Duration::from_secs(30));

/// The only calls that are made when there is nothing to do.
const RESYNC_CALLS: [&str; 7] =
    ["absences", "orphans", "ListChannels", "ListRooms", "ListStages", "all_recorded", "deleted_users"];

/// Calls of an account that waits for a username: each resync checks whether it is free, because another
/// controller may serve the account that has it. The claim finds it taken and writes nothing, which the final
/// state shows.
const WAITING_CALLS: [&str; 4] = ["current", "is_namespace_terminating", "is_held", "claim"];

/// Calls of an account whose username has a row from before a restore: the controller checks whether that
/// row's account exists and has any resource.
const STALE_CLAIM_CALLS: [&str; 10] = [
    "current",
    "is_namespace_terminating",
    "is_held",
    "claim",
    "claims_username",
    "recorded",
    "GetChannel",
    "GetRoom",
    "GetStage",
    "correct",
];

/// Calls of an account that waits for a person to delete a Secret. It retries slowly and reads the channel.
const BLOCKED_CALLS: [&str; 8] = [
    "current",
    "is_namespace_terminating",
    "is_held",
    "claim",
    "recorded",
    "secret",
    "GetChannel",
    "correct",
];

/// Additional calls if a reconcile was requested: the request is not handled before the Secret is written.
const FULL_CHECK_CALLS: [&str; 2] = ["GetRoom", "GetStage"];

/// Maximum number of each of these calls: a few for each kind of each waiting account, at each resync of each
/// controller.
const MAX_WAITING_CALLS: usize = 60;

/// A case. Its line replays it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    pub workload: Workload,
    pub controllers: usize,
    pub seed: u64,
    pub plan: Plan,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "workload={},controllers={},seed={}", self.workload, self.controllers, self.seed)?;
        self.plan.iter().try_for_each(|(k, fault)| write!(f, ",k={k}:{fault}"))
    }
}

impl FromStr for Case {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let mut case = Self { workload: Workload::Create, controllers: 1, seed: 0, plan: Plan::new() };
        for part in line.split(',') {
            let (name, value) = part.split_once('=').ok_or_else(|| format!("no value in {part:?}"))?;
            let number = |text: &str| text.parse().map_err(|_| format!("no number in {part:?}"));
            match name {
                "workload" => case.workload = value.parse()?,
                "controllers" => case.controllers = number(value)?,
                "seed" => case.seed = value.parse().map_err(|_| format!("no number in {part:?}"))?,
                "k" => {
                    let (k, fault) = value.split_once(':').ok_or_else(|| format!("no fault in {part:?}"))?;
                    case.plan.insert(number(k)?, fault.parse()?);
                }
                _ => return Err(format!("unknown key {name:?}")),
            }
        }
        Ok(case)
    }
}

/// The outcome of a run.
#[derive(Debug)]
pub struct Outcome {
    /// The calls that count, in order.
    pub calls: Vec<Operation>,
    /// Number of calls that failed according to the plan.
    pub failed_calls: usize,
    /// The violated invariants.
    pub violations: Vec<String>,
    /// The final state of the world.
    pub end: Vec<String>,
    /// Everything that happened, if a trace was requested.
    pub trace: Vec<String>,
}

impl Outcome {
    /// Returns the violations, and the differences from the final state without faults if that is known.
    pub fn problems(&self, baseline: Option<&[String]>) -> Vec<String> {
        let Some(baseline) = baseline else { return self.violations.clone() };
        let (is, should): (BTreeSet<_>, BTreeSet<_>) = (self.end.iter().collect(), baseline.iter().collect());
        let more = is.difference(&should).map(|line| format!("only with faults: {line}"));
        let less = should.difference(&is).map(|line| format!("only without faults: {line}"));
        self.violations.iter().cloned().chain(more).chain(less).collect()
    }
}

/// Runs a world in virtual time, on this thread alone.
pub fn in_virtual_time<T>(world: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(world)
}

/// Runs a case.
pub fn run(case: &Case, traced: bool) -> Outcome {
    in_virtual_time(async {
        let world = World::new(case.seed, case.plan.clone(), traced);
        world.lock().has_two_controllers = case.controllers > 1;
        world.lock().limits = case.workload.limits();
        world.lock().resync = case.workload.resync();
        let names = ["a", WITHOUT_LEASE].into_iter().take(case.controllers);
        for name in names {
            tokio::spawn(supervise(Arc::clone(&world), name, world.lock().cluster.id.clone()));
        }
        drive(case.workload, &Actor { world }).await
    })
}

async fn drive(workload: Workload, actor: &Actor) -> Outcome {
    let world = &actor.world;
    workload.prepare(actor).await;
    let keeps_all =
        workload.only_loses_records() || workload.only_has_refused_claims() || workload.only_hides();
    let before = if keeps_all { end::ours(&world.lock()) } else { Vec::new() };
    world.start_counting();
    let finished = timeout(ACTOR_TIMEOUT, workload.act(actor)).await;
    sleep(CALL_WINDOW).await;
    let calls = world.lock().calls.clone();
    if workload == Workload::Scenario {
        // The faults of a scenario are anywhere, and some may not have happened yet.
        world.end_faults();
    }
    settle(world).await;
    if end::needs_brake_release(&world.lock()) {
        actor.release_brake();
        settle(world).await;
    }
    world.end_faults();
    world.note("quiet: faults have ended");
    sleep(QUIET_PERIOD).await;
    let mut state = world.lock();
    let mut violations = std::mem::take(&mut state.violations);
    violations.extend(finished.err().map(|_| "the workload's actions never finish".to_owned()));
    violations.extend(unexpected_calls(&state, workload));
    violations.extend(end::violations(&state, reported_orphans(&state)));
    violations.extend(end::lost_resources(&state, &before));
    violations.extend(end::unreported_arn_changes(&state));
    Outcome {
        calls,
        failed_calls: state.failed_calls,
        violations,
        end: end::snapshot(&state),
        trace: state.trace.take().unwrap_or_default(),
    }
}

/// Waits until a resync makes no calls but its own. One that hangs makes none.
async fn settle(world: &World) {
    for _ in 0..MAX_SETTLE_RESYNCS {
        world.lock().call_counts.clear();
        sleep(RESYNC).await;
        let counts = &world.lock().call_counts;
        let has_finished = counts.keys().any(|operation| operation.name == LAST_LISTED_CALL);
        if has_finished && counts.keys().all(|operation| RESYNC_CALLS.contains(&operation.name)) {
            return;
        }
    }
}

/// I5: returns the calls that a quiet controller must not make.
fn unexpected_calls(state: &State, workload: Workload) -> impl Iterator<Item = String> {
    let waits = match workload {
        Workload::UsernameConflict
        | Workload::AbandonToOtherAccount
        | Workload::LoseClusterAndDatabaseInConflict => WAITING_CALLS.to_vec(),
        // If a channel vanished whose Secret had lost its owner, a person must delete that Secret.
        Workload::Scenario if end::waits_for_secret(state) => {
            [&STALE_CLAIM_CALLS[..], &BLOCKED_CALLS, &FULL_CHECK_CALLS].concat()
        }
        Workload::Scenario => STALE_CLAIM_CALLS.to_vec(),
        Workload::ExternalDeleteUnready => BLOCKED_CALLS.to_vec(),
        // A setting that AWS does not keep is re-checked slowly and not sent again.
        Workload::SettingNotKept => {
            [&BLOCKED_CALLS[..], &FULL_CHECK_CALLS, &["ListStreamKeys", "GetStreamKey"]].concat()
        }
        _ => Vec::new(),
    };
    let is_more = move |name: &str, times: usize| {
        !RESYNC_CALLS.contains(&name) && (!waits.contains(&name) || times > MAX_WAITING_CALLS)
    };
    let more = state.call_counts.iter().filter(move |(operation, times)| is_more(operation.name, **times));
    more.map(|(operation, times)| format!("I5: {} was called {times} times while quiet", operation.name))
}

/// Returns the number of orphans that the resyncs have reported.
fn reported_orphans(state: &State) -> usize {
    let of = |text: String| {
        let line =
            text.lines().find_map(|line| line.strip_prefix("streamcat_orphaned_resources ")?.parse().ok());
        line.unwrap_or_default()
    };
    state.metrics.values().map(|metrics| of(metrics.text())).max().unwrap_or_default()
}
