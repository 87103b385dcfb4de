//! The audit log: it records what people did but not what they typed, and is append-only.

use sqlx::{PgPool, Row};
use testbed::{Operator, Tenant, http, wait};

use crate::{
    registration::{PASSWORD, post, submit},
    support::{TIMEOUT, count, delete, gone, ready, tenant},
};

/// Returns the rows in order: event, username, address.
async fn rows(tenant: &Tenant) -> Vec<(String, Option<String>, Option<String>)> {
    let query = "select event::text, username, host(address) as address from audit_log order by id";
    let rows = sqlx::query(query).fetch_all(&tenant.pool()).await.unwrap();
    rows.iter().map(|row| (row.get("event"), row.get("username"), row.get("address"))).collect()
}

async fn sign_in(registration: &Operator, username: &str, password: &str) -> u16 {
    let fields = [("username", username), ("password", password)];
    let url = format!("{}/sign-in", registration.url());
    http::post_form(&url, &fields).await.unwrap().status.as_u16()
}

#[tokio::test]
async fn registrations_and_failures_are_audited_without_what_was_typed() {
    let tenant = tenant("audit").await;
    let registration = tenant.registration().start().await;
    assert_eq!(submit(&registration, "Mary", PASSWORD).await.status, 303);
    assert_eq!(post(&registration, "mary", PASSWORD).await.status, 200);
    assert_eq!(post(&registration, "mary", "another horse battery").await.status, 409);
    assert_eq!(sign_in(&registration, "MARY", PASSWORD).await, 303);
    assert_eq!(sign_in(&registration, "mary", "wrong").await, 403);
    // A password that was typed into the wrong field.
    assert_eq!(sign_in(&registration, "my_secret_password", "x").await, 403);

    let (mary, here) = (Some("Mary".to_owned()), Some("127.0.0.1".to_owned()));
    let expected = [
        ("registered", &mary),
        ("signed_in", &mary),
        ("returned", &mary),
        ("registration_refused", &mary),
        ("signed_in", &mary),
        ("sign_in_failed", &mary),
        ("sign_in_failed", &None),
    ];
    let expected = expected.map(|(event, who)| (event.to_owned(), who.clone(), here.clone()));
    assert_eq!(rows(&tenant).await, expected);
    let of_users = "select count(*) from audit_log join users on users.id = user_id";
    assert_eq!(count(&tenant, of_users).await, 6);
    let now = "select count(*) from audit_log where at between now() - interval '2 minutes' and now()";
    assert_eq!(count(&tenant, now).await, 7, "the time is that of the database");
}

#[tokio::test]
async fn a_deleted_user_stays_in_the_audit_log() {
    let tenant = tenant("audit-deleted").await;
    let _controller = tenant.controller().start().await;
    let registration = tenant.registration().start().await;
    assert_eq!(post(&registration, "mary", PASSWORD).await.status, 201);
    ready(&tenant, "mary").await;
    delete(&tenant, "mary").await;
    gone(&tenant, "mary").await;
    let row = rows(&tenant).await.remove(0);
    assert_eq!((row.0.as_str(), row.1.as_deref()), ("registered", Some("mary")));
}

#[tokio::test]
async fn addresses_are_erased_after_retention_and_the_rows_stay() {
    let tenant = tenant("audit-retention").await;
    for age in ["30 minutes", "2 hours", "2 days"] {
        let insert = "insert into audit_log (event, at, address)
                      values ('sign_in_failed', now() - $1::text::interval, '192.0.2.7')";
        sqlx::query(insert).bind(age).execute(&tenant.pool()).await.unwrap();
    }
    let _registration = tenant.registration().env("STREAMCAT_AUDIT_IP_RETENTION", "24h").start().await;
    let known = "select count(*) from audit_log where address is not null";
    let erased = wait::until("an address is erased", TIMEOUT, || async {
        count(&tenant, known).await == 2 && rows(&tenant).await.len() == 3
    });
    erased.await.unwrap_or_else(|error| panic!("{error:?}"));
    let sooner = "select forget_addresses(interval '0')";
    assert_eq!(count(&tenant, sooner).await, 1, "an address of the last hour is never erased");
}

async fn assert_refused(pool: &PgPool, statement: &'static str) {
    let error = sqlx::query(statement).execute(pool).await.expect_err(statement);
    assert!(error.to_string().contains("audit_log is append-only"), "{statement}: {error}");
}

#[tokio::test]
async fn the_table_owner_cannot_change_or_delete_audit_rows() {
    let tenant = tenant("audit-owner").await;
    let pool = tenant.pool();
    sqlx::query(
        "insert into audit_log (event, username, address) values ('registered', 'mary', '192.0.2.7')",
    )
    .execute(&pool)
    .await
    .unwrap();
    for statement in [
        "update audit_log set username = 'todd'",
        "update audit_log set address = '192.0.2.8'",
        "update audit_log set address = null, event = 'signed_in'",
        "update audit_log set at = now()",
        "delete from audit_log",
        "truncate audit_log",
    ] {
        assert_refused(&pool, statement).await;
    }
    sqlx::query("update audit_log set address = null").execute(&pool).await.unwrap();
    assert_eq!(rows(&tenant).await, [("registered".to_owned(), Some("mary".to_owned()), None)]);
}
