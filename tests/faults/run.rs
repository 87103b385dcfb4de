//! One run: a workload, a number of controllers, and what fails; from its line to its end.

use std::{collections::BTreeSet, fmt, str::FromStr, sync::Arc, time::Duration};

use tokio::time::{sleep, timeout};

use super::{
    controller::{RESYNC, supervise},
    faults::{Operation, Plan},
    oracle::end,
    person::Person,
    workloads::Workload,
    world::{State, World},
};

/// How long after the workload's last act calls still count as its own: what it changed is looked at once more by then.
const COUNTED: Duration = Duration::from_secs(90);

/// The longest that people take for a workload: whoever waits longer waits for ever.
const MOST_TIME: Duration = Duration::from_hours(24);

/// How many resyncs are enough for everything to settle after the last fault: reconciles that hang, slow retries, and the three
/// sweeps that it takes until what is gone is off the orphan list.
const SETTLES: usize = 3;

/// Long enough for a sweep more of each controller.
const QUIET: Duration = RESYNC.saturating_add(Duration::from_secs(30));

/// The only calls that are made when there is nothing to do.
const SWEEP: [&str; 7] =
    ["absences", "orphans", "ListChannels", "ListRooms", "ListStages", "all_recorded", "deleted_users"];

/// Who waits for a username looks at each sweep whether it is free: another controller may serve the one who has it. The
/// claim finds it taken and writes nothing, which the end shows.
const WAITS: [&str; 4] = ["current", "is_namespace_ending", "is_held", "claim"];

/// Where the row that has the username is from before a restore, it looks whether that account is there and has anything.
const ASKS: [&str; 8] =
    ["current", "is_namespace_ending", "is_held", "claim", "claims", "recorded", "GetChannel", "correct"];

/// Who waits for a person to take a Secret away tries slowly, and looks at the channel that it is of.
const TRIES: [&str; 8] =
    ["current", "is_namespace_ending", "is_held", "claim", "recorded", "secret", "GetChannel", "correct"];

/// The same where a look at everything was asked for: it is not handled before the Secret is written.
const LOOKS: [&str; 2] = ["GetRoom", "GetStage"];

/// How often each of these may be: a few times for each kind of each account that waits, at each sweep of each controller.
const MOST_WAITS: usize = 60;

/// What is run. One line says it, and brings it back.
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
        self.plan.iter().try_for_each(|(k, mode)| write!(f, ",k={k}:{mode}"))
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
                    let (k, mode) = value.split_once(':').ok_or_else(|| format!("no mode in {part:?}"))?;
                    case.plan.insert(number(k)?, mode.parse()?);
                }
                _ => return Err(format!("nothing is called {name:?}")),
            }
        }
        Ok(case)
    }
}

/// What came of a run.
#[derive(Debug)]
pub struct Outcome {
    /// The calls that count, in order.
    pub calls: Vec<Operation>,
    /// How many calls the plan has let fail.
    pub failed: usize,
    /// What does not hold.
    pub violations: Vec<String>,
    /// Everything there is at the end.
    pub end: Vec<String>,
    /// Everything that happened, if it was asked for.
    pub trace: Vec<String>,
}

impl Outcome {
    /// What is wrong with this end: what does not hold, and where it differs from the one without faults, if it is known.
    pub fn problems(&self, undisturbed: Option<&[String]>) -> Vec<String> {
        let Some(undisturbed) = undisturbed else { return self.violations.clone() };
        let (is, should): (BTreeSet<_>, BTreeSet<_>) =
            (self.end.iter().collect(), undisturbed.iter().collect());
        let more = is.difference(&should).map(|line| format!("not without faults: {line}"));
        let less = should.difference(&is).map(|line| format!("only without faults: {line}"));
        self.violations.iter().cloned().chain(more).chain(less).collect()
    }
}

/// Runs a case, in virtual time and on this thread alone.
pub fn run(case: &Case, traced: bool) -> Outcome {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(async {
        let world = World::new(case.seed, case.plan.clone(), traced);
        world.lock().has_rivals = case.controllers > 1;
        world.lock().limits = case.workload.limits();
        let names = ["a", "b"].into_iter().take(case.controllers);
        for name in names {
            tokio::spawn(supervise(Arc::clone(&world), name, world.lock().cluster.id.clone()));
        }
        watch_over(case.workload, &Person { world }).await
    })
}

async fn watch_over(workload: Workload, person: &Person) -> Outcome {
    let world = &person.world;
    workload.prepare(person).await;
    let keeps_all =
        workload.only_loses_records() || workload.only_has_false_claims() || workload.only_hides();
    let before = if keeps_all { end::ours(&world.lock()) } else { Vec::new() };
    world.count();
    let acts = timeout(MOST_TIME, workload.act(person)).await;
    sleep(COUNTED).await;
    let calls = world.lock().calls.clone();
    if workload == Workload::Story {
        // Its faults are anywhere, and may not have come yet.
        world.end_faults();
    }
    settle(world).await;
    if end::waits_for_a_release(&world.lock()) {
        person.release_brake();
        settle(world).await;
    }
    world.end_faults();
    world.note("from here on it is quiet");
    sleep(QUIET).await;
    let mut state = world.lock();
    let mut violations = std::mem::take(&mut state.violations);
    violations.extend(acts.err().map(|_| "people wait for ever for what they act on".to_owned()));
    violations.extend(noise(&state, workload));
    violations.extend(end::violations(&state, reported(&state)));
    violations.extend(end::kept(&state, &before));
    violations.extend(end::untold(&state));
    Outcome {
        calls,
        failed: state.failed,
        violations,
        end: end::snapshot(&state),
        trace: state.trace.take().unwrap_or_default(),
    }
}

/// Waits until a resync has gone by without any call but those of the sweep.
async fn settle(world: &World) {
    for _ in 0..SETTLES {
        world.lock().ledger.clear();
        sleep(RESYNC).await;
        if world.lock().ledger.keys().all(|operation| SWEEP.contains(&operation.name)) {
            return;
        }
    }
}

/// I5: quiet means quiet.
fn noise(state: &State, workload: Workload) -> impl Iterator<Item = String> {
    let waits = match workload {
        Workload::Rivals | Workload::AbandonToARival | Workload::LoseClusterAndDatabaseOfRivals => {
            WAITS.to_vec()
        }
        // The Secret of a channel that vanished, and that lost its owner before, is for a person to take away.
        Workload::Story if end::waits_for_a_secret(state) => [&ASKS[..], &TRIES, &LOOKS].concat(),
        Workload::Story => ASKS.to_vec(),
        Workload::VanishUnready => TRIES.to_vec(),
        // What AWS does not keep is looked at slowly, and not sent again.
        Workload::NotKept => [&TRIES[..], &LOOKS, &["ListStreamKeys", "GetStreamKey"]].concat(),
        _ => Vec::new(),
    };
    let is_more = move |name: &str, times: usize| {
        !SWEEP.contains(&name) && (!waits.contains(&name) || times > MOST_WAITS)
    };
    let more = state.ledger.iter().filter(move |(operation, times)| is_more(operation.name, **times));
    more.map(|(operation, times)| format!("I5: {times} times {} when all is quiet", operation.name))
}

/// How many orphans the sweeps have told of.
fn reported(state: &State) -> usize {
    let of = |text: String| {
        let line =
            text.lines().find_map(|line| line.strip_prefix("streamcat_orphaned_resources ")?.parse().ok());
        line.unwrap_or_default()
    };
    state.metrics.values().map(|metrics| of(metrics.text())).max().unwrap_or_default()
}
