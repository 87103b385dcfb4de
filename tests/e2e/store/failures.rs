//! Limit of wrong passwords, counted over all processes.

use std::num::NonZeroU32;

use streamcat_operator::store::{Audit, AuditEntry, AuditEvent};

use super::*;

const MAX_FAILURES: NonZeroU32 = NonZeroU32::new(4).unwrap();
/// Address from which Todd registered.
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

async fn note(store: &Postgres, event: AuditEvent, address: IpAddr) {
    store.note(&AuditEntry { event, username: "todd", address }).await.unwrap();
}

#[tokio::test]
async fn unknown_addresses_get_half_of_the_failures_of_known_ones() {
    let tenant = tenant("failures").await;
    let store = store(&tenant);
    let todd = register(&store, "todd").await.unwrap().id;
    let next = async |stranger| store.next_try(todd, stranger, MAX_FAILURES).await.unwrap();
    let stranger = Some(address("198.51.100.1"));
    note(&store, AuditEvent::SignedIn, address("2001:db8::1")).await;
    note(&store, AuditEvent::SignInFailed, HERE).await;
    assert_eq!(next(stranger).await, None);
    note(&store, AuditEvent::RegistrationRefused, HERE).await;
    let seconds = next(stranger).await.expect("the limit of unknown addresses is reached");
    assert!((1..=3600).contains(&seconds), "{seconds}");
    for known in [Some(HERE), Some(address("2001:db8::ffff:1")), None] {
        assert_eq!(next(known).await, None, "{known:?}");
    }
    assert!(next(Some(address("2001:db8:0:1::1"))).await.is_some(), "another /64 network");

    note(&store, AuditEvent::PasswordRefused, HERE).await;
    assert_eq!(next(None).await, None);
    note(&store, AuditEvent::SignInFailed, HERE).await;
    for known in [Some(HERE), None] {
        assert!(next(known).await.is_some(), "{known:?}");
    }
    assert_eq!(store.next_try(Uuid::new_v4(), stranger, MAX_FAILURES).await.unwrap(), None, "another user");
}

#[tokio::test]
async fn failures_older_than_an_hour_do_not_count() {
    let tenant = tenant("failures-before").await;
    let store = store(&tenant);
    let todd = register(&store, "todd").await.unwrap().id;
    let insert = "insert into audit_log (event, user_id, at)
                  values ('sign_in_failed', $1, now() - interval '59 minutes'),
                         ('sign_in_failed', $1, now() - interval '61 minutes')";
    sqlx::query(insert).bind(todd).execute(&tenant.pool()).await.unwrap();
    let stranger = Some(address("198.51.100.1"));
    assert_eq!(store.next_try(todd, stranger, MAX_FAILURES).await.unwrap(), None);
    let seconds = store.next_try(todd, stranger, NonZeroU32::MIN).await.unwrap();
    assert!(seconds.is_some_and(|seconds| seconds <= 60), "{seconds:?}");
}

#[tokio::test]
async fn failures_without_a_user_do_not_count() {
    let tenant = tenant("failures-of-nobody").await;
    let store = store(&tenant);
    let todd = register(&store, "todd").await.unwrap().id;
    for _ in 0..100 {
        let entry = AuditEntry { event: AuditEvent::RegistrationRefused, username: "", address: HERE };
        store.note(&entry).await.unwrap();
    }
    let stranger = Some(address("198.51.100.1"));
    assert_eq!(store.next_try(todd, stranger, NonZeroU32::MIN).await.unwrap(), None);
}

#[tokio::test]
async fn known_addresses_are_found_by_index_until_they_are_erased() {
    let tenant = tenant("failures-erased").await;
    let store = store(&tenant);
    let todd = register(&store, "todd").await.unwrap().id;
    for event in [AuditEvent::SignedIn, AuditEvent::SignInFailed] {
        note(&store, event, HERE).await;
    }
    let two = NonZeroU32::new(2).unwrap();
    assert_eq!(store.next_try(todd, Some(HERE), two).await.unwrap(), None);
    sqlx::query("update audit_log set address = null").execute(&tenant.pool()).await.unwrap();
    assert!(store.next_try(todd, Some(HERE), two).await.unwrap().is_some(), "the address is unknown again");

    let mut connection = tenant.pool().acquire().await.unwrap();
    // For a few rows, a sequential scan is cheaper. The test checks that the index can serve the query.
    sqlx::query("set enable_seqscan = off").execute(&mut *connection).await.unwrap();
    let explain = "explain select from audit_log where user_id = gen_random_uuid()
        and event in ('registered', 'returned', 'signed_in')
        and address <<= '192.0.2.0/24' and address is not null";
    let plan: Vec<String> = sqlx::query_scalar(explain).fetch_all(&mut *connection).await.unwrap();
    assert!(plan.iter().any(|line| line.contains("audit_log_known_addresses")), "{plan:#?}");
}
