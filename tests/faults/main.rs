//! Every call, every fault: the operator's own code in a world that is simulated, deterministic, and fails as it is told.
//!
//! A **run** is a workload (what people do, `workloads.rs`), one or two controllers that both believe they lead
//! (`controller.rs`), and a plan of which calls fail and how (`faults.rs`). Time is virtual and there is one thread, so a
//! run takes a few milliseconds, and the line that a failure prints brings the very same run back, with all that happened:
//!
//!     FAULTS='workload=create,controllers=1,seed=7,k=12:crash-after,k=30:hang' cargo test --test faults replay -- --nocapture
//!
//! The ordinary run is of more than 40,000: every call under every fault with one controller, one of thirty-two of them with two,
//! pairs of faults by random sample, and stories that a seed makes up. FAULTS_SEED=n chooses other latencies, another such part, other pairs and stories;
//! FAULTS_ONLY=crash-after,vanish makes only those runs that have this fault in this workload.
//!
//! The world is PostgreSQL's tables (`database.rs`), the API server (`cluster.rs`) and AWS (`aws.rs`) behind the traits
//! that the real ones are behind; every call to it goes through `fault_injector.rs`. What must hold after each effect and at the end
//! is in `oracle/`; it is never made weaker so that a run passes.

#![allow(clippy::missing_panics_doc, reason = "a test may fail where it stands")]

mod actor;
mod aws;
mod campaign;
mod cluster;
mod controller;
mod database;
mod fault_injector;
mod faults;
mod oracle;
mod run;
mod workloads;
mod world;

use std::sync::LazyLock;

use campaign::Baseline;
use faults::Fault;
use run::{Case, run};
use workloads::Workload;

/// Another one gives other latencies, ids and pairs: FAULTS_SEED sets it.
fn seed() -> u64 {
    std::env::var("FAULTS_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1)
}

/// Pairs of faults that the ordinary run makes.
const PAIRS: usize = 2000;

/// Stories that the ordinary run makes up: FAULTS_STORIES sets it.
fn scenarios() -> usize {
    std::env::var("FAULTS_SCENARIOS").ok().and_then(|count| count.parse().ok()).unwrap_or(1000)
}

/// Of how many parts of all runs with two controllers it makes one.
const PARTS: u64 = 32;

/// What each workload does without faults: the same for all tests.
fn baseline() -> &'static Baseline {
    static UNDISTURBED: LazyLock<Baseline> = LazyLock::new(|| Baseline::new(seed()));
    &UNDISTURBED
}

/// Those that have each word of FAULTS_ONLY, a workload's or a fault's; all without it.
fn chosen(mut cases: Vec<Case>) -> Vec<Case> {
    let Ok(only) = std::env::var("FAULTS_ONLY") else { return cases };
    let has = |case: &Case, word: &str| {
        case.workload.to_string() == word || case.plan.values().any(|fault| fault.to_string() == word)
    };
    cases.retain(|case| only.split(',').all(|word| has(case, word)));
    assert!(!cases.is_empty(), "no run has {only:?}");
    cases
}

/// What is replayed where nothing is asked for.
const DEFAULT_CASE: &str =
    "workload=lose-cluster-and-database,controllers=2,seed=1,k=20:crash-after,k=70:hang";

#[test]
fn replay() {
    let line = std::env::var("FAULTS").unwrap_or_else(|_| DEFAULT_CASE.to_owned());
    let case: Case = line.parse().expect("a line that a failure has printed");
    let is_fixed = Workload::fixed().any(|workload| workload == case.workload);
    let baseline =
        is_fixed.then(|| run(&Case { plan: faults::Plan::new(), controllers: 1, ..case.clone() }, false).end);
    let (first, second) = (run(&case, true), run(&case, true));
    for line in &first.trace {
        println!("{line}");
    }
    assert_eq!(first.trace, second.trace, "a run is the same each time");
    let problems = first.problems(baseline.as_deref());
    assert!(problems.is_empty(), "{case}\n{}", problems.join("\n"));
}

#[test]
fn every_call_under_every_fault() {
    baseline().run_all("one controller", &chosen(baseline().single_faults(seed(), 1, 1)));
}

#[test]
fn every_call_under_every_fault_with_two_controllers() {
    baseline().run_all("two controllers", &chosen(baseline().single_faults(seed(), 2, PARTS)));
}

/// A controller slept just before it noted that all stays; when it woke, another object had taken the user on.
#[test]
fn a_frozen_controller_deletes_nothing_of_a_retained_account() {
    every_freeze_in("retain");
}

/// A controller slept during a Create, and another has taken over: what the first one has made does not count.
#[test]
fn a_resource_created_after_a_freeze_is_not_adopted() {
    every_freeze_in("create");
}

#[test]
fn pairs_of_faults() {
    baseline().run_all("fault_pairs", &chosen(baseline().fault_pairs(seed(), PAIRS)));
}

/// An account waited for a username, and went; a controller that slept meanwhile claimed it for an object that is gone.
#[test]
fn a_deleted_waiter_gets_no_user_from_a_frozen_controller() {
    every_freeze_in("rival-keeps_resources");
}

/// A controller slept before it claimed a username for an account that had been made meanwhile, and the database was lost then.
#[test]
fn a_frozen_claim_makes_no_second_user_after_a_database_loss() {
    every_freeze_in("create-lose-database");
}

/// A controller slept before it wrote the Secret of a channel that vanished meanwhile, and another had made the next one.
#[test]
fn a_frozen_controller_never_writes_a_dead_stream_key_over_a_good_one() {
    every_freeze_in("create-external-delete");
}

/// A controller slept before it wrote the Secret of a channel that it made, whose key was rotated meanwhile.
#[test]
fn a_frozen_controller_never_writes_an_old_key_over_a_rotated_one() {
    every_freeze_in("create-rotate-key");
}

/// A controller slept before it sent a change, so that it lands on a younger one, and what it notes of that is lost.
#[test]
fn a_late_update_that_cannot_be_recorded_is_verified() {
    let unnoted = |sleep: Case| {
        let calls = run(&sleep, false).calls;
        let (slept, _) = sleep.plan.first_key_value().expect("a sleep");
        let noted = calls.iter().enumerate().skip(*slept).filter(|(_, call)| call.name == "begin_update");
        let plans =
            noted.map(|(number, _)| [*slept, number + 1].into_iter().zip([Fault::Freeze, Fault::Block]));
        let cases = plans.map(|plan| Case { plan: plan.collect(), ..sleep.clone() });
        if calls[*slept - 1].name.starts_with("Update") { cases.collect() } else { Vec::new() }
    };
    let cases: Vec<_> = freezes_in("edit-twice").into_iter().flat_map(unnoted).collect();
    baseline().run_all("unnoted", &cases);
}

#[test]
fn scenarios_generated_from_the_seed() {
    baseline().run_all("scenarios", &chosen(Baseline::scenarios(seed(), scenarios())));
}

/// One of two controllers sleeps before each call of a workload.
fn every_freeze_in(workload: &str) {
    baseline().run_all(workload, &freezes_in(workload));
}

fn freezes_in(workload: &str) -> Vec<Case> {
    let is_freeze = |case: &Case| {
        case.workload.to_string() == workload && case.plan.values().all(|fault| *fault == Fault::Freeze)
    };
    baseline().single_faults(seed(), 2, 1).into_iter().filter(is_freeze).collect()
}

#[test]
fn the_default_campaign_has_at_least_twenty_thousand_runs() {
    let single_faults = |controllers, parts| baseline().single_faults(seed(), controllers, parts).len();
    let singles = single_faults(1, 1) + single_faults(2, PARTS);
    let (fault_pairs, scenarios) = (PAIRS, scenarios());
    assert!(singles + fault_pairs + scenarios >= 20_000, "{singles}, {fault_pairs} and {scenarios}");
}
