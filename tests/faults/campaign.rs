//! Runs lists of cases on all cores, checks the outcomes, and counts them.

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
    faults::{Fault, Operation, Plan},
    run::{Case, run},
    workloads::Workload,
};

/// All campaigns of the process stop after this many failed runs: more would add no information.
const MAX_FAILURES: usize = 10;

/// Minimum number of additional calls that a fault nearly always causes: those of a resync.
const EXTRA_CALLS: usize = 5;

/// Maximum number of faults in a scenario, and of calls among which they are placed. Scenarios make more
/// calls than that.
const MAX_FAULTS: usize = 3;
const MAX_CALLS: usize = 250;

/// Number of failed runs in all campaigns of this process.
static FAILURES: AtomicUsize = AtomicUsize::new(0);

/// The calls and the final state of each workload without faults.
#[derive(Debug, Default)]
pub struct Baseline {
    ends: BTreeMap<Workload, Vec<String>>,
    calls: BTreeMap<(Workload, usize), Vec<Operation>>,
}

impl Baseline {
    /// Runs every workload without faults, with one controller and with two. Both must reach the same final
    /// state.
    pub fn new(seed: u64) -> Self {
        let mut baseline = Self::default();
        for workload in Workload::fixed() {
            for controllers in [1, 2] {
                let case = Case { workload, controllers, seed, plan: Plan::new() };
                let outcome = run(&case, false);
                let end = baseline.ends.entry(workload).or_insert_with(|| outcome.end.clone());
                let problems = outcome.problems(Some(end));
                assert!(problems.is_empty(), "FAULTS='{case}'\n{}", problems.join("\n"));
                baseline.calls.insert((workload, controllers), outcome.calls);
            }
        }
        baseline
    }

    /// Returns a case for every call of every workload and every fault that is distinct there; of `parts`
    /// parts, one that the seed chooses.
    pub fn single_faults(&self, seed: u64, controllers: usize, parts: u64) -> Vec<Case> {
        let of_workload = |(workload, calls): (Workload, &Vec<Operation>)| {
            let mut cases = Vec::new();
            for (number, operation) in calls.iter().enumerate() {
                let faults = Fault::value_variants().iter().filter(|fault| fault.applies(*operation));
                let plans = faults.map(|fault| Plan::from([(number + 1, *fault)]));
                cases.extend(plans.map(|plan| Case { workload, controllers, seed, plan }));
            }
            cases
        };
        let calls = self.calls.iter().filter(|((_, with), _)| *with == controllers);
        let all = calls.flat_map(|((workload, _), calls)| of_workload((*workload, calls)));
        let numbered = all.zip(seed..);
        numbered.filter(|(_, number)| number % parts == 0).map(|(case, _)| case).collect()
    }

    /// Returns random cases with two faults each.
    pub fn fault_pairs(&self, seed: u64, count: usize) -> Vec<Case> {
        let mut rng = fastrand::Rng::with_seed(seed);
        let workloads: Vec<_> = Workload::fixed().collect();
        let pair = || {
            let workload = workloads[rng.usize(..workloads.len())];
            let controllers = rng.usize(1..=2);
            let calls = &self.calls[&(workload, controllers)];
            let first = rng.usize(1..=calls.len());
            let fault = any_fault(&mut rng, &calls[first - 1..first]);
            // The second fault may hit a call that only the first one causes. Those calls are not known in
            // advance.
            let last = calls.len().max(first + EXTRA_CALLS);
            let (second, other) = (rng.usize(first + 1..=last), any_fault(&mut rng, &calls[first..]));
            let plan = Plan::from([(first, fault), (second, other)]);
            Case { workload, controllers, seed: rng.u64(..1_000_000), plan }
        };
        std::iter::repeat_with(pair).take(count).collect()
    }

    /// Returns scenarios generated from seeds, each with a few faults at random calls.
    pub fn scenarios(seed: u64, count: usize) -> Vec<Case> {
        let mut rng = fastrand::Rng::with_seed(seed);
        let all = Fault::value_variants();
        let scenario = || {
            let faults = 0..rng.usize(0..=MAX_FAULTS);
            let plan = faults.map(|_| (rng.usize(1..=MAX_CALLS), all[rng.usize(..all.len())])).collect();
            let (controllers, seed) = (rng.usize(1..=2), rng.u64(..1_000_000));
            Case { workload: Workload::Scenario, controllers, seed, plan }
        };
        std::iter::repeat_with(scenario).take(count).collect()
    }

    /// Runs the cases on all cores, and panics with those that fail.
    pub fn run_all(&self, name: &str, cases: &[Case]) {
        let began = Instant::now();
        let (next, failed, complete) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        let failures = Mutex::new(Vec::new());
        let worker = || {
            while FAILURES.load(Ordering::SeqCst) < MAX_FAILURES
                && let Some(case) = cases.get(next.fetch_add(1, Ordering::SeqCst))
            {
                let outcome = run(case, false);
                failed.fetch_add(outcome.failed_calls, Ordering::SeqCst);
                complete.fetch_add(usize::from(outcome.failed_calls == case.plan.len()), Ordering::SeqCst);
                let problems = outcome.problems(self.ends.get(&case.workload).map(Vec::as_slice));
                if !problems.is_empty() {
                    FAILURES.fetch_add(1, Ordering::SeqCst);
                    failures.lock().expect("nothing panics with the lock held").push((case, problems));
                }
            }
        };
        on_all_cores(worker);
        let failures = failures.into_inner().expect("nothing panics with the lock held");
        println!(
            "{name}: {} runs, {} of them with every planned fault; {} failed calls, {} workloads, {:.1} s",
            next.into_inner().min(cases.len()),
            complete.into_inner(),
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
        assert!(failures.is_empty(), "{} runs failed:\n{}", failures.len(), shown.join("\n"));
    }
}

/// Runs a worker on each core.
pub fn on_all_cores(worker: impl Fn() + Send + Copy) {
    thread::scope(|scope| {
        let cores = thread::available_parallelism().map_or(2, usize::from);
        (0..cores).for_each(|_| drop(scope.spawn(worker)));
    });
}

/// Returns a random fault that applies to one of these calls, or any fault if there are no calls.
fn any_fault(rng: &mut fastrand::Rng, calls: &[Operation]) -> Fault {
    let applies = |fault: &Fault| calls.is_empty() || calls.iter().any(|call| fault.applies(*call));
    let faults: Vec<_> = Fault::value_variants().iter().filter(|fault| applies(fault)).collect();
    *faults[rng.usize(..faults.len())]
}
