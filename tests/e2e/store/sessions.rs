//! Sessions, and how a password change ends them.

use super::*;

const LIFETIME: Duration = Duration::from_hours(1);
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

#[tokio::test]
async fn session_begins_only_with_the_current_password() {
    let tenant = tenant("sessions").await;
    let store = store(&tenant);
    let todd = register(&store, "todd").await.unwrap();
    let (old, new) = (SecretString::from("canary"), SecretString::from("another canary"));
    assert!(store.begin_session(todd.id, &old, &[1; 32], LIFETIME, HERE).await.unwrap());
    assert_eq!(store.session_user(&[1; 32]).await.unwrap(), Some(todd.id));

    assert!(store.change_password(todd.id, &old, &new).await.unwrap());
    assert_eq!(store.session_user(&[1; 32]).await.unwrap(), None);
    assert!(!store.begin_session(todd.id, &old, &[2; 32], LIFETIME, HERE).await.unwrap());
    assert_eq!(store.session_user(&[2; 32]).await.unwrap(), None);
    assert!(store.begin_session(todd.id, &new, &[3; 32], LIFETIME, HERE).await.unwrap());
    let begun = "select count(*) from audit_log where event = 'signed_in'";
    let begun: i64 = sqlx::query_scalar(begun).fetch_one(&tenant.pool()).await.unwrap();
    assert_eq!(begun, 2, "a refused session leaves no audit record");

    assert!(!store.change_password(todd.id, &old, &new).await.unwrap());
    assert!(!store.rehash(todd.id, &old, &old).await.unwrap());
    assert_eq!(store.session_user(&[3; 32]).await.unwrap(), Some(todd.id), "nothing has changed");
}

/// Waits until a statement in the tenant's database waits for a lock.
async fn until_a_statement_is_blocked(tenant: &Tenant) {
    let waits = "select exists (select from pg_stat_activity
                 where datname = current_database() and wait_event_type = 'Lock')";
    while !sqlx::query_scalar::<_, bool>(waits).fetch_one(&tenant.pool()).await.unwrap() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn password_change_ends_a_session_that_begins_concurrently() {
    let tenant = tenant("concurrent-session").await;
    let store = store(&tenant);
    let todd = register(&store, "todd").await.unwrap();
    let mut beginning = tenant.pool().begin().await.unwrap();
    let lock_user = "select from users where id = $1 for share";
    sqlx::query(lock_user).bind(todd.id).execute(&mut *beginning).await.unwrap();
    let begin = "insert into sessions (token_hash, user_id, expires_at) values ($1, $2, now() + '1 hour')";
    sqlx::query(begin).bind([1_u8; 32].as_slice()).bind(todd.id).execute(&mut *beginning).await.unwrap();

    let (old, new) = (SecretString::from("canary"), SecretString::from("another canary"));
    let change = store.change_password(todd.id, &old, &new);
    let commit = async {
        until_a_statement_is_blocked(&tenant).await;
        beginning.commit().await
    };
    let (changed, committed) = tokio::join!(change, commit);
    assert!(changed.unwrap() && committed.is_ok());
    assert_eq!(store.session_user(&[1; 32]).await.unwrap(), None);
}

#[tokio::test]
async fn session_that_waited_for_a_password_change_does_not_begin() {
    let tenant = tenant("delayed-session").await;
    let store = store(&tenant);
    let todd = register(&store, "todd").await.unwrap();
    let mut changing = tenant.pool().begin().await.unwrap();
    let change = "update users set password_hash = 'another canary' where id = $1";
    sqlx::query(change).bind(todd.id).execute(&mut *changing).await.unwrap();

    let old = SecretString::from("canary");
    let session = store.begin_session(todd.id, &old, &[1; 32], LIFETIME, HERE);
    let commit = async {
        until_a_statement_is_blocked(&tenant).await;
        changing.commit().await
    };
    let (begun, committed) = tokio::join!(session, commit);
    assert!(!begun.unwrap() && committed.is_ok());
    assert_eq!(store.session_user(&[1; 32]).await.unwrap(), None);
}
