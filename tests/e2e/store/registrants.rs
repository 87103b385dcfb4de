//! Users who registered on the page.

use super::*;

#[tokio::test]
async fn look_alike_usernames_belong_to_the_same_user() {
    let tenant = tenant("username").await;
    let store = store(&tenant);
    let first = register(&store, "Todd_the-1st").await.unwrap();
    for look_alike in ["tODD_the-1st", "Todd-the_1st", "todd__the-1st"] {
        let other = look_alike.contains("__");
        assert_eq!(register(&store, look_alike).await.is_some(), other, "{look_alike}");
        let found = store.registrant(look_alike).await.unwrap().unwrap();
        assert_eq!(
            (found.id == first.id, found.fencing_token, found.open),
            (!other, 1, true),
            "{look_alike}"
        );
        let key: String = sqlx::query_scalar("select username_key($1)")
            .bind(look_alike)
            .fetch_one(&tenant.pool())
            .await
            .unwrap();
        assert_eq!(key, username_key(look_alike), "the key differs from the one in Rust");
    }
    assert!(store.registrant("mary").await.unwrap().is_none());
    assert!(!format!("{first:?}").contains("canary"));
}

#[tokio::test]
async fn only_the_latest_lease_completes_or_rolls_back_a_registration() {
    let tenant = tenant("rollback").await;
    let store = store(&tenant);
    let first = register(&store, "todd").await.unwrap();
    let second = store.lease(&first).await.unwrap().unwrap();
    assert!(!store.rollback_registration(&first).await.unwrap());
    store.complete_registration(&first).await.unwrap();
    assert!(store.registrant("todd").await.unwrap().unwrap().open);
    store.complete_registration(&second).await.unwrap();
    assert!(!store.registrant("todd").await.unwrap().unwrap().open);
    assert!(!store.rollback_registration(&second).await.unwrap(), "the registration is completed");

    let third = store.lease(&second).await.unwrap().unwrap();
    assert!(store.rollback_registration(&third).await.unwrap());
    assert!(store.registrant("todd").await.unwrap().is_none());
    assert!(store.lease(&first).await.unwrap().is_none(), "the user is deleted");
}

#[tokio::test]
async fn deletion_request_revokes_the_lease_and_is_due_when_it_expires() {
    let tenant = tenant("delete-requested").await;
    let store = store(&tenant);
    let todd = register(&store, "todd").await.unwrap();
    store.request_deletion(&todd).await.unwrap();
    store.complete_registration(&todd).await.unwrap();
    assert!(!store.rollback_registration(&todd).await.unwrap(), "the lease is revoked");
    assert!(store.lease(&todd).await.unwrap().is_none(), "the account is not to be created");
    assert_eq!(store.lease_due(9).await.unwrap().len(), 0, "the earlier lease has not expired");
    let due = "update registrations set due_at = now() - interval '1 second'";
    sqlx::query(due).execute(&tenant.pool()).await.unwrap();
    let due = store.lease_due(9).await.unwrap();
    assert!(due.len() == 1 && due[0].delete_requested && due[0].open, "{due:?}");
    assert!(store.rollback_registration(&due[0]).await.unwrap());
    assert!(store.registrant("todd").await.unwrap().is_none());
}

#[tokio::test]
async fn user_who_had_an_account_is_not_rolled_back() {
    let tenant = tenant("had-account").await;
    let store = store(&tenant);
    let todd = register(&store, "todd").await.unwrap();
    claim(&store, "todd", "todd", Some(todd.id)).await;
    assert!(store.transfer(transfer(todd.id, None, "uid", "here")).await.unwrap());
    assert!(!store.rollback_registration(&todd).await.unwrap());
}

#[tokio::test]
async fn concurrent_processes_lease_each_due_registration_once() {
    let tenant = tenant("due").await;
    let store = store(&tenant);
    for username in ["ann", "todd", "zoe"] {
        register(&store, username).await.unwrap();
    }
    assert_eq!(store.lease_due(9).await.unwrap().len(), 0, "the registering requests hold the leases");
    let due = "update registrations set due_at = now() - interval '1 second'";
    sqlx::query(due).execute(&tenant.pool()).await.unwrap();
    let (first, second) = tokio::join!(store.lease_due(2), store.lease_due(2));
    let leased = [first.unwrap(), second.unwrap()].concat();
    let mut names: Vec<_> = leased.iter().map(|registrant| registrant.username.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["ann", "todd", "zoe"]);
    assert!(leased.iter().all(|registrant| registrant.fencing_token == 2 && registrant.open));
    store.reschedule(&leased[0]).await.unwrap();
    assert_eq!(store.lease_due(9).await.unwrap().len(), 0);
}

#[tokio::test]
async fn idempotency_key_belongs_to_one_user() {
    let tenant = tenant("key").await;
    let store = store(&tenant);
    assert!(matches!(add(&store, "todd", Some(&[1; 32])).await, Addition::Added(_)));
    assert!(matches!(add(&store, "mary", Some(&[1; 32])).await, Addition::KeyUsed));
    assert!(store.registrant("mary").await.unwrap().is_none(), "nothing is added");
    assert_eq!(store.username_by_key(&[1; 32]).await.unwrap().as_deref(), Some("todd"));
    assert_eq!(store.username_by_key(&[2; 32]).await.unwrap(), None);
}

#[tokio::test]
async fn username_of_a_deleted_account_is_held_back_for_the_delay() {
    let tenant = tenant("held").await;
    let store = store(&tenant);
    let user = held(&store, "Todd").await;
    store.delete_user(user, "Todd", false).await.unwrap();
    assert!(matches!(add(&store, "todd", None).await, Addition::HeldBack));
    assert!(store.registrant("todd").await.unwrap().is_none());
    let long_ago = "update username_tombstones set deleted_at = deleted_at - interval '2 minutes'";
    sqlx::query(long_ago).execute(&tenant.pool()).await.unwrap();
    assert!(register(&store, "todd").await.is_some());
}
