//! The claim to a user by the UID of an object, and of objects in another cluster.

use super::*;

#[tokio::test]
async fn a_row_that_names_the_object_is_held_whatever_else_is_said() {
    let tenant = tenant("byuid").await;
    let store = store(&tenant);
    let todd = register(&store, "todd").await.unwrap();
    claim(&store, "todd", "todd", Some(todd.id)).await;
    assert!(store.transfer(todd.id, None, "uid", "here").await.unwrap());
    for username in ["todd", "Todd", "another"] {
        let claimed = store.claim(claimant(username, &account("todd"), "uid")).await.unwrap();
        assert!(matches!(claimed, Claim::Held(holder) if holder.user == todd.id), "{username}");
    }
    assert_eq!(crate::support::count(&tenant, "select count(*) from users").await, 1);
    let another = store.claim(claimant("todd", &account("todd"), "later")).await.unwrap();
    assert_eq!(another, Claim::Refused(ClaimRefusal::Registered));
}

#[tokio::test]
async fn an_object_that_was_barred_is_handed_nothing() {
    let tenant = tenant("barred").await;
    let store = store(&tenant);
    let user = held(&store, "todd").await;
    assert_eq!(store.tombstone("later").await.unwrap(), None);
    assert!(!store.transfer(user, Some("todd"), "later", "here").await.unwrap());
    assert_eq!(store.tombstone("todd").await.unwrap(), Some(user), "who has a user is not barred");
}

#[tokio::test]
async fn a_cluster_waits_while_another_works_and_then_takes_over() {
    let tenant = tenant("turns").await;
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
    assert_eq!(other.id, "there", "who slept finds that it has lost");
}

/// The cluster `here` was last seen long ago.
async fn expire(tenant: &Tenant) {
    let expire = "update clusters set seen_at = seen_at - interval '61 seconds', expires_at = expires_at - interval '61 seconds'
                  where id = 'here'";
    sqlx::query(expire).execute(&tenant.pool()).await.unwrap();
}

#[tokio::test]
async fn a_row_of_another_cluster_is_taken_over_when_that_one_expired_and_never_to_delete() {
    let tenant = tenant("elsewhere").await;
    let store = store(&tenant);
    store.hold_database(here()).await.unwrap();
    let user = held(&store, "todd").await;
    let (there, account) = (cluster("there"), account("todd"));
    let wanted = Claimant { cluster: &there, ..claimant("todd", &account, "later") };
    let refused = Claim::Refused(ClaimRefusal::OtherCluster("here".to_owned()));
    assert_eq!(store.claim(wanted).await.unwrap(), refused, "it works");

    expire(&tenant).await;
    let deleted = Claimant { is_deleted: true, ..wanted };
    assert_eq!(store.claim(deleted).await.unwrap(), refused, "in order to delete");
    let claimed = store.claim(wanted).await.unwrap();
    assert!(matches!(claimed, Claim::Held(holder) if holder.user == user));
    assert!(store.transfer(user, Some("todd"), "later", "there").await.unwrap());
    let claimed = store.claim(deleted).await.unwrap();
    assert!(matches!(claimed, Claim::Held(holder) if holder.user == user), "its own it may delete");
}

#[tokio::test]
async fn rows_from_before_any_cluster_was_known_are_the_first_ones() {
    let tenant = tenant("firstone").await;
    let store = store(&tenant);
    held(&store, "todd").await;
    register(&store, "ann").await.unwrap();
    sqlx::query("update users set account_cluster = null").execute(&tenant.pool()).await.unwrap();
    store.hold_database(here()).await.unwrap();
    let mine = "select count(*) from users where account_cluster = 'here'";
    assert_eq!(crate::support::count(&tenant, mine).await, 1);
}
