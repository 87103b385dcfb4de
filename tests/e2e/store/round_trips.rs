//! Transactions of an account, and requests of several callers in one transaction.

use std::time::Instant;

use futures::future::join_all;
use sqlx::PgPool;
use testbed::{ScratchDatabase, wait};

use super::*;
use crate::support::{TIMEOUT, scratch_database};

/// Maximum number of transactions from the creation of an account until it is Ready.
const MAX_TRANSACTIONS: i64 = 5;

/// Returns a resource whose ARN contains the user's id.
fn resource(user: Uuid, kind: ResourceKind) -> ResourceStatus {
    let arn = format!("{user}/{}", kind.label());
    match kind {
        ResourceKind::Channel => ChannelStatus { arn, ..ChannelStatus::default() }.into(),
        ResourceKind::ChatRoom => ChatRoomStatus { arn, ..ChatRoomStatus::default() }.into(),
        ResourceKind::Stage => StageStatus { arn, ..StageStatus::default() }.into(),
    }
}

async fn open(store: &Postgres, user: Uuid, kind: ResourceKind) -> Option<Uuid> {
    store.open(user, kind, None, MINUTE, None, NO_FIELDS).await.unwrap()
}

/// Creates the resources of an account, with the calls that a reconcile makes.
async fn provision(store: &Postgres, username: &str) {
    let user = held(store, username).await;
    let recorded = store.recorded(user).await.unwrap();
    let opened = join_all(ResourceKind::ALL.map(|kind| async move { (kind, open(store, user, kind).await) }));
    let made = opened.await.into_iter().map(async |(kind, nonce)| {
        store.record_made(nonce.unwrap(), user, username, &resource(user, kind)).await.unwrap()
    });
    assert_eq!(join_all(made).await, [true; 3]);
    assert!(ResourceKind::ALL.iter().all(|kind| recorded[*kind].arn.is_none()));
}

/// Creates accounts one after another in sessions of their own. Returns the number of transactions.
async fn transactions(database: &ScratchDatabase, prefix: &str, accounts: usize) -> i64 {
    // Over a connection to another database, whose own transactions do not count.
    let (server, name) = database.url().rsplit_once('/').unwrap();
    let observer = PgPool::connect(&format!("{server}/postgres")).await.unwrap();
    let before = count_transactions(&observer, name).await;
    // Each connection takes some for its setup, so there is only one.
    let store = Postgres::new(&SecretString::from(database.url()), 1).unwrap();
    for number in 0..accounts {
        provision(&store, &format!("{prefix}-{number}")).await;
    }
    // A session reports its work at its end.
    drop(store);
    count_transactions(&observer, name).await - before
}

/// Waits until no session uses the database, and returns the number of its transactions.
async fn count_transactions(observer: &PgPool, database: &str) -> i64 {
    let sessions = "select count(*) from pg_stat_activity where datname = $1";
    wait::until("no session uses the database", TIMEOUT, || async {
        let open: i64 = sqlx::query_scalar(sessions).bind(database).fetch_one(observer).await.unwrap();
        if open == 0 { Ok(()) } else { Err(format!("{open} sessions use it")) }
    })
    .await
    .unwrap();
    let transactions = "select xact_commit + xact_rollback from pg_stat_database where datname = $1";
    sqlx::query_scalar(transactions).bind(database).fetch_one(observer).await.unwrap()
}

#[tokio::test]
async fn an_account_takes_at_most_five_transactions() {
    let database = scratch_database().await;
    // The first account of a session includes its setup.
    let (one, many) = (transactions(&database, "one", 1).await, transactions(&database, "many", 11).await);
    println!("{} transactions of ten accounts", many - one);
    assert!(many - one <= 10 * MAX_TRANSACTIONS, "{many} for eleven accounts, {one} for one");
}

#[tokio::test]
async fn a_locked_user_delays_no_other_user_in_its_batch() {
    let database = scratch_database().await;
    let (store, pool) = (store_of(&database), pool(&database).await);
    let (locked, other) = (held(&store, "locked").await, held(&store, "other").await);
    let mut lock = pool.begin().await.unwrap();
    sqlx::query("select from users where id = $1 for update").bind(locked).execute(&mut *lock).await.unwrap();
    let begun = Instant::now();
    let of_locked = open(&store, locked, ResourceKind::Stage);
    let of_other = async {
        assert!(open(&store, other, ResourceKind::Stage).await.is_some());
        let delay = begun.elapsed();
        lock.rollback().await.unwrap();
        delay
    };
    let (of_locked, delay) = tokio::join!(of_locked, of_other);
    assert!(of_locked.is_some(), "it is opened after the wait");
    assert!(delay < Duration::from_secs(10), "{delay:?}");
}

#[tokio::test]
async fn a_resource_of_another_user_fails_no_other_record_in_its_batch() {
    let database = scratch_database().await;
    let store = store_of(&database);
    let (one, other) = (held(&store, "one").await, held(&store, "other").await);
    let taken = resource(one, ResourceKind::Stage);
    assert!(store.record(one, "one", &ResourceRecord::default(), &taken).await.unwrap());
    let (stage, room) =
        tokio::join!(open(&store, other, ResourceKind::Stage), open(&store, one, ResourceKind::ChatRoom));
    let made = resource(one, ResourceKind::ChatRoom);
    let (refused, recorded) = tokio::join!(
        store.record_made(stage.unwrap(), other, "other", &taken),
        store.record_made(room.unwrap(), one, "one", &made),
    );
    assert!(refused.is_err() && recorded.unwrap());
    let open = record_of(&store, other, ResourceKind::Stage).await;
    assert_eq!((open.arn, open.attempt.map(|attempt| attempt.nonce)), (None, stage), "it is as before");
    assert_eq!(record_of(&store, one, ResourceKind::ChatRoom).await.arn.as_deref(), Some(made.arn()));
}

#[tokio::test]
async fn concurrent_batches_of_two_controllers_do_not_deadlock() {
    let database = scratch_database().await;
    let stores = [store_of(&database), store_of(&database)];
    let names: Vec<_> = (0..10).map(|number| format!("user-{number}")).collect();
    let users = join_all(names.iter().map(|name| held(&stores[0], name))).await;
    for round in 0..10 {
        let attempts = stores.iter().enumerate().flat_map(|(number, store)| {
            let mut users = users.clone();
            if number == 1 {
                users.reverse();
            }
            users.into_iter().flat_map(move |user| {
                ResourceKind::ALL.map(|kind| async move {
                    let known = record_of(store, user, kind).await.arn;
                    let opened =
                        store.open(user, kind, known.as_deref(), MINUTE, None, NO_FIELDS).await.unwrap()?;
                    Some(store.record_made(opened, user, "user", &resource(user, kind)).await.unwrap())
                })
            })
        });
        let recorded = join_all(attempts).await;
        assert!(recorded.iter().filter(|made| **made == Some(true)).count() >= 30, "round {round}");
    }
}

#[tokio::test]
async fn a_claim_of_an_object_with_a_tombstone_leaves_no_row() {
    let database = scratch_database().await;
    let store = store_of(&database);
    assert_eq!(store.tombstone("todd").await.unwrap(), None);
    assert_eq!(claim(&store, "todd", "todd", None).await, Claim::Refused(ClaimRefusal::Deleted));
    let users = sqlx::query_scalar("select count(*) from users");
    let users: i64 = users.fetch_one(&pool(&database).await).await.unwrap();
    assert_eq!(users, 0);
}
