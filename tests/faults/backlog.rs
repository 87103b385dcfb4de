//! The real queue and the real call budgets, in virtual time: a person does not wait for a backlog.

use std::{
    collections::BTreeMap,
    num::NonZeroU32,
    sync::{Arc, Mutex},
    time::Duration,
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{ResourceExt, runtime::watcher::Event};
use streamcat_operator::{
    api::{FINALIZER, StreamerAccount},
    controller::{Continuity, SeenAccounts, run_queue},
    ivs::Budgets,
    store::ClusterIdentity,
};
use tokio::time::{Instant, sleep};

use super::{
    controller::{CONCURRENCY, new_context},
    fault_injector::FaultInjector,
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

fn account(name: &str, generation: i64) -> StreamerAccount {
    let mut account = StreamerAccount::new(name, spec(name));
    account.metadata.namespace = Some("team".to_owned());
    account.metadata.uid = Some(name.to_owned());
    account.metadata.generation = Some(generation);
    account.metadata.finalizers = Some(vec![FINALIZER.to_owned()]);
    account
}

#[tokio::test(start_paused = true)]
async fn a_person_makes_the_first_call_within_a_second_of_a_backlog() {
    let injector = FaultInjector::new(World::new(1, Plan::new(), false), "a".to_owned(), "c".to_owned());
    let cluster = ClusterIdentity { id: "c".to_owned(), takeover_after: Duration::from_secs(20) };
    let (context, requeued) = new_context(&injector, cluster, Continuity::default());
    let (context, mut seen) = (Arc::new(context), SeenAccounts::new(Arc::clone(&injector.cache)));
    seen.handle(Event::Init, &context);
    for number in 0..BACKLOG {
        seen.handle(Event::InitApply(account(&number.to_string(), 1).into()), &context);
    }
    seen.handle(Event::InitDone, &context);

    let first_calls = Arc::new(Mutex::new(BTreeMap::<String, Instant>::new()));
    let budgets = Arc::new(Budgets::new(NonZeroU32::new(5).expect("not zero")));
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
