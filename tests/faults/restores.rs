//! Restores of PostgreSQL, of the cluster, and of both, to every moment and at every moment.
//!
//! Two accounts are created, one after the other, and a third one is edited. One of the two records, or both,
//! are restored to a moment since the first creation began, while the controller works, or around a restart.
//! Whatever the records say then, no account gets a second resource of a kind, and one that was Ready keeps
//! its resources.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use clap::ValueEnum;
use streamcat_operator::api::tags;
use tokio::time::sleep;

use super::{
    actor::Actor,
    campaign::on_all_cores,
    controller::{RESYNC, supervise},
    faults::Plan,
    oracle::effects::is_ours,
    run::in_virtual_time,
    seed,
    workloads::{edited, spec},
    world::{READ_LAG, State, World},
};

/// The records that are restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Restored {
    Database,
    Cluster,
    Both,
}

impl Restored {
    pub fn has_database(self) -> bool {
        self != Self::Cluster
    }

    pub fn has_cluster(self) -> bool {
        self != Self::Database
    }
}

/// A restore: the numbers of the calls before which the backups are made and restored.
#[derive(Clone, Copy, Debug)]
pub struct Restore {
    pub of: Restored,
    pub backed_up_at: usize,
    pub restored_at: usize,
}

/// Time in which an account becomes Ready and settles, and the Lease is renewed a few times. The Lease is also
/// renewed soon after the next account is applied, while AWS may not show yet what was created for it.
const SETTLE_TIME: Duration = Duration::from_secs(48);

/// One in this many restores is tried.
const PARTS: usize = 7;

/// Time between two resyncs, and the size of their pages, if they are paced during the restore.
const PACED_RESYNC: Duration = Duration::from_secs(50);
const PAGE_SIZE: usize = 1;

/// The conditions of a restore.
#[derive(Clone, Copy, Debug)]
struct Conditions {
    /// The controllers are restarted.
    restarts: bool,
    /// Resyncs follow each other closely, and pause between the pages of their lists.
    is_paced: bool,
    /// AWS shows what was created only after a while.
    has_read_lag: bool,
}

/// Number of failures after which the rest is skipped.
const MAX_FAILURES: usize = 10;

/// A run: the moments at which its phases end, and what is wrong at its end.
struct RestoreOutcome {
    created_at: usize,
    ended_at: usize,
    violation: Option<String>,
    trace: Vec<String>,
}

fn run(restore: Option<Restore>, conditions: Conditions, is_traced: bool) -> RestoreOutcome {
    in_virtual_time(async {
        let world = World::new(seed(), Plan::new(), is_traced);
        {
            let mut state = world.lock();
            state.restore = restore;
            if conditions.is_paced {
                (state.resync, state.aws.page_size) = (PACED_RESYNC, Some(PAGE_SIZE));
            }
            if conditions.has_read_lag {
                state.aws.delay_reads(READ_LAG, Duration::MAX);
            }
        }
        tokio::spawn(supervise(Arc::clone(&world), "a", world.lock().cluster.id.clone()));
        let actor = Actor { world };
        let world = &actor.world;
        actor.apply("todd", spec("todd")).await;
        sleep(SETTLE_TIME).await;
        world.start_counting();
        actor.apply("ann", spec("ann")).await;
        sleep(SETTLE_TIME).await;
        let created_at = world.lock().moment();
        let before = resources(&world.lock());

        if conditions.restarts {
            actor.restart_controllers().await;
        }
        // Whatever is lost is applied again, as Argo CD or Flux do.
        for names in [["todd", "ann"], ["ann", "bob"], ["bob", "todd"]] {
            apply_all(&actor, &names).await;
            sleep(SETTLE_TIME).await;
        }
        let ended_at = world.lock().moment();
        apply_all(&actor, &["todd", "ann", "bob"]).await;
        sleep(RESYNC * 3).await;
        let mut state = world.lock();
        let missing_restore =
            restore.filter(|_| !state.is_restored).map(|_| "nothing was restored".to_owned());
        let was_ready = restore.is_none_or(|restore| restore.restored_at > created_at);
        let changed = was_ready.then(|| changed(&before, &resources(&state))).flatten();
        let violation = missing_restore.or(changed).or_else(|| duplicates(&state));
        let trace = state.trace.take().unwrap_or_default();
        RestoreOutcome { created_at, ended_at, violation, trace }
    })
}

/// Applies accounts as they are in Git.
async fn apply_all(actor: &Actor, names: &[&str]) {
    for name in names {
        actor.apply(name, if *name == "todd" { edited(name) } else { spec(name) }).await;
    }
}

/// Returns the ARNs of our resources whose tags name todd or ann.
fn resources(state: &State) -> BTreeSet<String> {
    let is_known = |account: Option<&String>| {
        account.is_some_and(|account| matches!(account.as_str(), "team/todd" | "team/ann"))
    };
    let all = state.aws.resources().iter();
    let known = all.filter(|(_, found)| is_ours(&found.tags) && is_known(found.tags.get(tags::ACCOUNT)));
    known.map(|(arn, _)| arn.clone()).collect()
}

/// Returns the resources of accounts that have several of a kind.
fn duplicates(state: &State) -> Option<String> {
    let mut found = BTreeMap::<_, Vec<_>>::new();
    for (arn, resource) in state.aws.resources().iter().filter(|(_, resource)| is_ours(&resource.tags)) {
        found.entry((resource.kind, resource.tags.get(tags::ACCOUNT))).or_default().push(arn);
    }
    let several: Vec<_> = found.values().filter(|arns| arns.len() > 1).collect();
    (!several.is_empty()).then(|| format!("duplicates: {several:?}"))
}

fn changed(before: &BTreeSet<String>, after: &BTreeSet<String>) -> Option<String> {
    assert_eq!(before.len(), 6, "two accounts are Ready");
    let (created, deleted): (Vec<_>, Vec<_>) =
        (after.difference(before).collect(), before.difference(after).collect());
    let is_same = created.is_empty() && deleted.is_empty();
    (!is_same).then(|| format!("created again: {created:?}; deleted: {deleted:?}"))
}

/// Returns all restores, or one in [`PARTS`] of them, which the seed chooses.
fn restores() -> impl Iterator<Item = (Restore, Conditions)> {
    let slow = [(false, false), (true, false), (false, true)];
    let all = slow.into_iter().flat_map(|(is_paced, has_read_lag)| {
        [false, true].map(|restarts| Conditions { restarts, is_paced, has_read_lag })
    });
    let all = all.flat_map(|conditions| {
        let undisturbed = run(None, conditions, false);
        assert_eq!(undisturbed.violation, None);
        let RestoreOutcome { created_at, ended_at, .. } = undisturbed;
        let moments = (1..=created_at)
            .flat_map(move |backed_up_at| (backed_up_at + 1..=ended_at).map(move |at| (backed_up_at, at)));
        moments.flat_map(move |(backed_up_at, restored_at)| {
            let restore = move |of: &Restored| Restore { of: *of, backed_up_at, restored_at };
            Restored::value_variants().iter().map(move |of| (restore(of), conditions))
        })
    });
    let first = usize::try_from(seed()).unwrap_or_default() % PARTS;
    all.skip(first).step_by(PARTS)
}

#[test]
fn a_restore_at_any_moment_creates_nothing_again() {
    let restores: Vec<_> = restores().collect();
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(Vec::new());
    let worker = || {
        while let Some((restore, conditions)) = restores.get(next.fetch_add(1, Ordering::SeqCst)) {
            if let Some(violation) = run(Some(*restore), *conditions, false).violation {
                failed.lock().expect("no panic").push((*restore, *conditions, violation));
                next.fetch_add(restores.len() / MAX_FAILURES, Ordering::SeqCst);
            }
        }
    };
    on_all_cores(worker);
    println!("restores: {} runs", restores.len());
    let failed = failed.into_inner().expect("no panic");
    let Some((restore, conditions, _)) = failed.first() else { return };
    for line in run(Some(*restore), *conditions, true).trace {
        println!("{line}");
    }
    panic!("{} restores failed, the first of which is shown above: {failed:#?}", failed.len());
}
