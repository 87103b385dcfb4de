//! Claims of objects to users, by UID and cluster.

use super::*;

#[tokio::test]
async fn object_with_the_rows_uid_holds_the_user_with_any_username() {
    let tenant = tenant("by-uid").await;
    let store = store(&tenant);
    let todd = register(&store, "todd").await.unwrap();
    claim(&store, "todd", "todd", Some(todd.id)).await;
    assert!(store.transfer(transfer(todd.id, None, "uid", "here")).await.unwrap());
    for username in ["todd", "Todd", "another"] {
        let claimed = store.claim(claimant(username, &account("todd"), "uid")).await.unwrap();
        assert!(matches!(claimed, Claim::Held(owner) if owner.user == todd.id), "{username}");
    }
    assert_eq!(crate::support::count(&tenant, "select count(*) from users").await, 1);
    let another = store.claim(claimant("todd", &account("todd"), "later")).await.unwrap();
    assert_eq!(another, Claim::Refused(ClaimRefusal::Registered));
}

#[tokio::test]
async fn object_with_a_tombstone_receives_no_user() {
    let tenant = tenant("tombstone").await;
    let store = store(&tenant);
    let user = held(&store, "todd").await;
    assert_eq!(store.tombstone("later").await.unwrap(), None);
    assert!(!store.transfer(transfer(user, Some("todd"), "later", "here")).await.unwrap());
    assert_eq!(
        store.tombstone("todd").await.unwrap(),
        Some(user),
        "an object that owns a user gets no tombstone"
    );
}

#[tokio::test]
async fn user_of_an_interrupted_deletion_is_transferred_after_a_while() {
    let tenant = tenant("interrupted").await;
    let store = store(&tenant);
    let user = held(&store, "todd").await;
    let later = transfer(user, Some("todd"), "later", "here");
    let interrupted = async || match store.claim(claimant("todd", &account("todd"), "later")).await {
        Ok(Claim::Held(owner)) => owner.interrupted_deletion,
        other => panic!("{other:?}"),
    };
    assert_eq!(interrupted().await, None);
    assert!(store.mark_deleting(user, "todd").await.unwrap());
    assert!(interrupted().await.is_some_and(|age| age < Duration::from_mins(1)));
    assert!(!store.transfer(later).await.unwrap(), "calls may be in progress");
    assert!(store.transfer(Transfer { min_deletion_age: Duration::ZERO, ..later }).await.unwrap());
    assert_eq!(interrupted().await, None);
}

#[tokio::test]
async fn cluster_takes_over_once_the_active_one_expires() {
    let tenant = tenant("takeover").await;
    let store = store(&tenant);
    assert_eq!(store.hold_database(here()).await.unwrap(), None);
    assert_eq!(store.hold_database(here()).await.unwrap(), None);
    let other = store.hold_database(&cluster("there")).await.unwrap().unwrap();
    assert_eq!(other.id, "here");
    assert!(other.expires_in > Duration::from_secs(50) && other.expires_in <= Duration::from_mins(1));
    assert!(other.seen_at.ends_with('Z'), "{other:?}");

    expire(&tenant).await;
    assert_eq!(store.hold_database(&cluster("there")).await.unwrap(), None);
    let other = store.hold_database(here()).await.unwrap().unwrap();
    assert_eq!(other.id, "there", "the cluster that stalled is no longer active");
}

/// Makes the cluster `here` expire.
async fn expire(tenant: &Tenant) {
    let expire = "update clusters set seen_at = seen_at - interval '61 seconds',
                                      expires_at = expires_at - interval '61 seconds' where id = 'here'";
    sqlx::query(expire).execute(&tenant.pool()).await.unwrap();
}

#[tokio::test]
async fn user_of_an_expired_cluster_is_claimed_except_for_deletion() {
    let tenant = tenant("elsewhere").await;
    let store = store(&tenant);
    store.hold_database(here()).await.unwrap();
    let user = held(&store, "todd").await;
    let (there, account) = (cluster("there"), account("todd"));
    let wanted = Claimant { cluster: &there, ..claimant("todd", &account, "later") };
    let refused = Claim::Refused(ClaimRefusal::OtherCluster("here".to_owned()));
    assert_eq!(store.claim(wanted).await.unwrap(), refused, "the other cluster is active");

    expire(&tenant).await;
    let deleted = Claimant { is_deleted: true, ..wanted };
    assert_eq!(store.claim(deleted).await.unwrap(), refused, "the object is being deleted");
    let claimed = store.claim(wanted).await.unwrap();
    assert!(matches!(claimed, Claim::Held(owner) if owner.user == user));
    assert!(store.transfer(transfer(user, Some("todd"), "later", "there")).await.unwrap());
    let claimed = store.claim(deleted).await.unwrap();
    assert!(matches!(claimed, Claim::Held(owner) if owner.user == user), "the object owns the user");
}

#[tokio::test]
async fn users_without_a_cluster_belong_to_the_first_cluster() {
    let tenant = tenant("first-cluster").await;
    let store = store(&tenant);
    held(&store, "todd").await;
    register(&store, "ann").await.unwrap();
    sqlx::query("update users set account_cluster = null").execute(&tenant.pool()).await.unwrap();
    store.hold_database(here()).await.unwrap();
    let mine = "select count(*) from users where account_cluster = 'here'";
    assert_eq!(crate::support::count(&tenant, mine).await, 1);
}
