//! The real queue and the real call budgets, in virtual time: neither a person nor an account that needs no
//! call waits for a backlog.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU32,
    sync::{Arc, Mutex},
    time::Duration,
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{ResourceExt, runtime::watcher::Event};
use streamcat_operator::{
    api::{FINALIZER, StreamerAccount},
    controller::{Backends, Context, Kubernetes, Requeue, SeenAccounts, run_queue},
    ivs::Budgets,
    store::{ClusterIdentity, Continuity},
};
use tokio::{
    sync::mpsc::UnboundedReceiver,
    time::{Instant, sleep},
};

use super::{
    controller::{CONCURRENCY, new_context},
    fault_injector::{FakeBackends, FaultInjector},
    faults::Plan,
    workloads::spec,
    world::{World, calendar},
};

/// Number of accounts in the backlog.
const BACKLOG: usize = 10_000;

/// Number of calls of each reconcile. All are of one operation, so that the places of the queue become free
/// in bursts with long pauses.
const CALLS: usize = 10;

/// Time until the first call of a person.
const PROMPTLY: Duration = Duration::from_secs(1);

/// Number of accounts of a backlog in one namespace, and of those in another that need no call.
const IMPORTED: usize = 1000;
const WITHOUT_CALLS: usize = 100;

/// Duration of a reconcile without calls.
const WORK: Duration = Duration::from_millis(20);

/// Maximum number of accounts of one namespace that are in progress: those that have a place, and those that
/// wait.
const MAX_IN_PROGRESS: usize = 50;

fn account(name: &str, generation: i64) -> StreamerAccount {
    account_in("team", name, generation)
}

fn account_in(namespace: &str, name: &str, generation: i64) -> StreamerAccount {
    let mut account = StreamerAccount::new(name, spec(name));
    account.metadata.namespace = Some(namespace.to_owned());
    account.metadata.uid = Some(name.to_owned());
    account.metadata.generation = Some(generation);
    account.metadata.finalizers = Some(vec![FINALIZER.to_owned()]);
    account
}

type Watching = (Arc<Context<FakeBackends>>, UnboundedReceiver<Requeue>, SeenAccounts);

/// Returns a context, its queue, and the watch. The watch has listed these accounts.
fn listed(accounts: impl IntoIterator<Item = StreamerAccount>) -> Watching {
    let (context, requeued, mut seen) = unlisted();
    for account in accounts {
        seen.handle(Event::InitApply(account.into()), &context);
    }
    seen.handle(Event::InitDone, &context);
    (context, requeued, seen)
}

/// Returns a context, its queue, and the watch. The list of the watch has begun.
fn unlisted() -> Watching {
    let injector = FaultInjector::new(World::new(1, Plan::new(), false), "a".to_owned(), "c".to_owned());
    let cluster = ClusterIdentity { id: "c".to_owned(), takeover_after: Duration::from_secs(20) };
    let (context, requeued) = new_context(&injector, cluster, Continuity::default());
    let (context, mut seen) = (Arc::new(context), SeenAccounts::new(Arc::clone(&injector.cache)));
    seen.handle(Event::Init, &context);
    (context, requeued, seen)
}

#[tokio::test(start_paused = true)]
async fn a_new_account_does_not_wait_for_the_list_of_all_accounts() {
    let (context, mut requeued, mut seen) = unlisted();
    let (mut settled, mut new) = (account("settled", 1), account("new", 1));
    settled.metadata.deletion_timestamp = Some(Time(calendar(Duration::ZERO)));
    settled.metadata.finalizers = None;
    new.metadata.finalizers = None;
    seen.handle(Event::InitApply(settled.into()), &context);
    seen.handle_early(Event::Init, &context);
    seen.handle_early(Event::InitApply(new.clone().into()), &context);
    assert!(requeued.try_recv().is_err(), "an older account may want the same username");
    seen.handle_early(Event::InitDone, &context);
    assert!(requeued.try_recv().is_ok() && !seen.is_listed());
    seen.handle_early(Event::Apply(account("later", 1).into()), &context);
    assert!(requeued.try_recv().is_ok(), "an account that is created meanwhile");
    // It has got a user.
    seen.handle_early(Event::Delete(new.into()), &context);
    seen.handle(Event::InitDone, &context);
    assert!(requeued.try_recv().is_err() && seen.is_listed());
    assert_eq!(context.backends.kubernetes().cache().accounts().len(), 3);
}

fn budgets() -> Arc<Budgets> {
    Arc::new(Budgets::new(NonZeroU32::new(5).expect("not zero")))
}

#[tokio::test(start_paused = true)]
async fn accounts_that_wait_for_budgets_leave_places_for_those_that_need_none() {
    let imported = (0..IMPORTED).map(|number| account_in("import", &number.to_string(), 1));
    let others = (0..WITHOUT_CALLS).map(|number| account(&number.to_string(), 1));
    let (context, requeued, _) = listed(imported.chain(others));
    let [begun, ended] = std::array::from_fn(|_| Arc::new(Mutex::new(BTreeSet::new())));
    let (queue_context, budgets) = (Arc::clone(&context), budgets());
    let (all_begun, all_ended) = (Arc::clone(&begun), Arc::clone(&ended));
    tokio::spawn(async move {
        run_queue(&queue_context, requeued, CONCURRENCY, move |task, _| {
            let (budgets, begun, ended) =
                (Arc::clone(&budgets), Arc::clone(&all_begun), Arc::clone(&all_ended));
            let account = task.account();
            async move {
                begun.lock().expect("nothing panics with the lock held").insert(account.to_string());
                if account.namespace == "import" {
                    budgets.admit("CreateStage").await;
                }
                sleep(WORK).await;
                ended.lock().expect("nothing panics with the lock held").insert(account.to_string());
                None
            }
        })
        .await;
    });
    let count = |accounts: &Mutex<BTreeSet<String>>, namespace| {
        let accounts = accounts.lock().expect("nothing panics with the lock held");
        accounts.iter().filter(|account: &&String| account.starts_with(namespace)).count()
    };
    sleep(PROMPTLY).await;
    assert_eq!(count(&ended, "team/"), WITHOUT_CALLS);
    for _ in 0..30 {
        let in_progress = count(&begun, "import/") - count(&ended, "import/");
        assert!((1..=MAX_IN_PROGRESS).contains(&in_progress), "{in_progress}");
        sleep(PROMPTLY).await;
    }
    let ended = count(&ended, "import/");
    assert!((150..=160).contains(&ended), "{ended} in 31 s: the budget is used up");
    context.stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn a_person_makes_the_first_call_within_a_second_of_a_backlog() {
    let backlog = (0..BACKLOG).map(|number| account(&number.to_string(), 1));
    let (context, requeued, mut seen) = listed(backlog);
    let first_calls = Arc::new(Mutex::new(BTreeMap::<String, Instant>::new()));
    let budgets = budgets();
    let (queue_context, calls) = (Arc::clone(&context), Arc::clone(&first_calls));
    tokio::spawn(async move {
        run_queue(&queue_context, requeued, CONCURRENCY, move |task, _| {
            let (budgets, calls) = (Arc::clone(&budgets), Arc::clone(&calls));
            let name = task.account().name;
            async move {
                for _ in 0..CALLS {
                    budgets.admit("CreateStage").await;
                    let mut calls = calls.lock().expect("nothing panics with the lock held");
                    calls.entry(name.clone()).or_insert_with(Instant::now);
                }
                None
            }
        })
        .await;
    });
    sleep(Duration::from_secs(30)).await;

    let mut deleted = account("9998", 2);
    deleted.metadata.deletion_timestamp = Some(Time(calendar(Duration::ZERO)));
    for changed in [account("registered", 1), account("9999", 2), deleted] {
        let (began, name) = (Instant::now(), changed.name_any());
        seen.handle(Event::Apply(changed.into()), &context);
        sleep(PROMPTLY).await;
        let called = first_calls.lock().expect("nothing panics with the lock held").get(&name).copied();
        assert!(called.is_some_and(|at| at - began < PROMPTLY), "{name} after a second");
    }
    context.stop.cancel();
}
