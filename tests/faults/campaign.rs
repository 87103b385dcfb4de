//! Many runs on all cores: made from a list of cases, judged, and counted.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

use clap::ValueEnum;

use super::{
    faults::{Mode, Operation, Plan},
    run::{Case, run},
    workloads::Workload,
};

/// All campaigns stop when this many runs have failed, whoever's: more would say nothing new.
const ENOUGH: usize = 10;

/// How many calls more a fault makes at least, nearly always: those of a sweep.
const MADE_NECESSARY: usize = 5;

/// The most faults of a story, and among how many calls they are: a few of those that it makes.
const MOST_FAULTS: usize = 3;
const MOST_CALLS: usize = 250;

/// How many runs have failed, in all campaigns of this process.
static FAILURES: AtomicUsize = AtomicUsize::new(0);

/// What each workload does when nothing fails.
#[derive(Debug, Default)]
pub struct Undisturbed {
    ends: BTreeMap<Workload, Vec<String>>,
    calls: BTreeMap<(Workload, usize), Vec<Operation>>,
}

impl Undisturbed {
    /// Runs every workload without faults, with one controller and with two: both come to the same end.
    pub fn new(seed: u64) -> Self {
        let mut undisturbed = Self::default();
        for workload in Workload::fixed() {
            for controllers in [1, 2] {
                let case = Case { workload, controllers, seed, plan: Plan::new() };
                let outcome = run(&case, false);
                let end = undisturbed.ends.entry(workload).or_insert_with(|| outcome.end.clone());
                let problems = outcome.problems(Some(end));
                assert!(problems.is_empty(), "FAULTS='{case}'\n{}", problems.join("\n"));
                undisturbed.calls.insert((workload, controllers), outcome.calls);
            }
        }
        undisturbed
    }

    /// Every call of every workload, under every fault that differs there; of `parts` parts, one that the seed chooses.
    pub fn every_fault(&self, seed: u64, controllers: usize, parts: u64) -> Vec<Case> {
        let of_workload = |(workload, calls): (Workload, &Vec<Operation>)| {
            let mut cases = Vec::new();
            for (number, operation) in calls.iter().enumerate() {
                let modes = Mode::value_variants().iter().filter(|mode| mode.applies(*operation));
                let plans = modes.map(|mode| Plan::from([(number + 1, *mode)]));
                cases.extend(plans.map(|plan| Case { workload, controllers, seed, plan }));
            }
            cases
        };
        let calls = self.calls.iter().filter(|((_, with), _)| *with == controllers);
        let all = calls.flat_map(|((workload, _), calls)| of_workload((*workload, calls)));
        let numbered = all.zip(seed..);
        numbered.filter(|(_, number)| number % parts == 0).map(|(case, _)| case).collect()
    }

    /// Two faults, at random calls, in random workloads.
    pub fn pairs(&self, seed: u64, count: usize) -> Vec<Case> {
        let mut rng = fastrand::Rng::with_seed(seed);
        let workloads: Vec<_> = Workload::fixed().collect();
        let pair = || {
            let workload = workloads[rng.usize(..workloads.len())];
            let controllers = rng.usize(1..=2);
            let calls = &self.calls[&(workload, controllers)];
            let first = rng.usize(1..=calls.len());
            let mode = any_mode(&mut rng, &calls[first - 1..first]);
            // The second one may befall what the first one has made necessary; nobody knows which calls those are.
            let last = calls.len().max(first + MADE_NECESSARY);
            let (second, other) = (rng.usize(first + 1..=last), any_mode(&mut rng, &calls[first..]));
            let plan = Plan::from([(first, mode), (second, other)]);
            Case { workload, controllers, seed: rng.u64(..1_000_000), plan }
        };
        std::iter::repeat_with(pair).take(count).collect()
    }

    /// Stories that seeds make up, each with some faults anywhere in it.
    pub fn stories(seed: u64, count: usize) -> Vec<Case> {
        let mut rng = fastrand::Rng::with_seed(seed);
        let modes = Mode::value_variants();
        let story = || {
            let faults = 0..rng.usize(0..=MOST_FAULTS);
            let plan = faults.map(|_| (rng.usize(1..=MOST_CALLS), modes[rng.usize(..modes.len())])).collect();
            let (controllers, seed) = (rng.usize(1..=2), rng.u64(..1_000_000));
            Case { workload: Workload::Story, controllers, seed, plan }
        };
        std::iter::repeat_with(story).take(count).collect()
    }

    /// Runs the cases on all cores; fails with those that do not come to the end that they should.
    pub fn judge(&self, name: &str, cases: &[Case]) {
        let began = Instant::now();
        let (next, failed, struck) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        let failures = Mutex::new(Vec::new());
        let work = || {
            while FAILURES.load(Ordering::SeqCst) < ENOUGH
                && let Some(case) = cases.get(next.fetch_add(1, Ordering::SeqCst))
            {
                let outcome = run(case, false);
                failed.fetch_add(outcome.failed, Ordering::SeqCst);
                struck.fetch_add(usize::from(outcome.failed == case.plan.len()), Ordering::SeqCst);
                let problems = outcome.problems(self.ends.get(&case.workload).map(Vec::as_slice));
                if !problems.is_empty() {
                    FAILURES.fetch_add(1, Ordering::SeqCst);
                    failures.lock().expect("nothing panics with the lock held").push((case, problems));
                }
            }
        };
        thread::scope(|scope| {
            let cores = thread::available_parallelism().map_or(2, usize::from);
            (0..cores).for_each(|_| drop(scope.spawn(work)));
        });
        let failures = failures.into_inner().expect("nothing panics with the lock held");
        println!(
            "{name}: {} runs, in {} of them all faults struck; {} calls failed, {} workloads, {:.1} s",
            next.into_inner().min(cases.len()),
            struck.into_inner(),
            failed.into_inner(),
            Workload::value_variants().len(),
            began.elapsed().as_secs_f64()
        );
        let shown = failures.iter().map(|(case, problems)| {
            format!(
                "FAULTS='{case}' cargo test --test faults replay -- --nocapture\n    {}",
                problems.join("\n    ")
            )
        });
        let shown: Vec<_> = shown.collect();
        assert!(failures.is_empty(), "{} of them failed:\n{}", failures.len(), shown.join("\n"));
    }
}

/// A way in which one of these calls can fail; where there are none, any.
fn any_mode(rng: &mut fastrand::Rng, calls: &[Operation]) -> Mode {
    let applies = |mode: &Mode| calls.is_empty() || calls.iter().any(|call| mode.applies(*call));
    let modes: Vec<_> = Mode::value_variants().iter().filter(|mode| applies(mode)).collect();
    *modes[rng.usize(..modes.len())]
}
