//! The registration is killed (SIGKILL) before or after each of its effects. Another process, or a retry by
//! the user, leads to one user and one account, or none.

use std::os::unix::process::ExitStatusExt;

use axum::http::Method;
use futures::future::join_all;
use serde_json::json;
use testbed::{Operator, Tenant, Testbed, http, wait};

use crate::{
    crashes::SIGKILL,
    registration::{PASSWORD, credentials, post, registered_counts, submit},
    registration_outages::unreachable_kubeconfig,
    signed_in::Browser,
    support::{TIMEOUT, count, create, operator_with_fail_points},
};

/// The effects at which it is killed.
pub const KILLED: [&str; 12] = [
    "request_deletion",
    "delete_account",
    "register",
    "create_account",
    "complete_registration",
    "lease",
    "begin_session",
    "rollback_registration",
    "end_session",
    "sign_out",
    "change_password",
    "rehash",
];

const SIDES: [&str; 2] = ["before", "after"];

/// Starts a registration that dies before or after an effect.
async fn start_doomed(tenant: &Tenant, side: &str, effect: &str) -> Operator {
    tenant.registration().env("STREAMCAT_FAILPOINT", format!("{side} {effect} 1")).start().await
}

async fn until_dead(registration: &mut Operator, point: &str) {
    let died = wait::until(format!("it died {point}"), TIMEOUT, || {
        let status = registration.exited().ok().flatten();
        async move { status.and_then(|status| status.signal()) == Some(SIGKILL) }
    });
    died.await.unwrap_or_else(|error| panic!("{error:?}"));
}

/// Waits until there are this many users and accounts, and no registration is pending.
async fn until_settled(tenant: &Tenant, expected: (i64, usize), point: &str) {
    let open = "select count(*) from registrations where completed_at is null";
    let seen = wait::until(format!("{point}: recovery without a request"), TIMEOUT, || async {
        let (made, open) = (registered_counts(tenant).await, count(tenant, open).await);
        if (made, open) == (expected, 0) { Ok(()) } else { Err(format!("{made:?} {open}")) }
    });
    seen.await.unwrap_or_else(|error| panic!("{error:?}"));
}

/// Creates a tenant for one crash.
async fn tenant(testbed: &Testbed, side: &str, effect: &str) -> Tenant {
    testbed.tenant(&format!("{side}-{}", effect.replace('_', "-"))).await
}

/// Kills a registration during a registration by JSON, and checks the recovery by another process.
async fn die_registering(testbed: &Testbed, side: &str, effect: &str) {
    let (tenant, point) = (tenant(testbed, side, effect).await, format!("{side} {effect}"));
    let mut registration = start_doomed(&tenant, side, effect).await;
    let body = credentials("mary", PASSWORD);
    let answer = http::post_json(&format!("{}/register", registration.url()), &body).await;
    assert!(answer.is_err(), "{point}: it answered");
    until_dead(&mut registration, &point).await;

    let left = registered_counts(&tenant).await;
    assert_eq!(left.0 == 0, point == "before register", "{point}: {left:?}");
    let registration = tenant.registration().start().await;
    if left.0 == 1 {
        until_settled(&tenant, (1, 1), &point).await;
    }
    let again = post(&registration, "mary", PASSWORD).await;
    assert_eq!(again.status.as_u16(), if left.0 == 1 { 200 } else { 201 }, "{point}: {}", again.body);
    assert_eq!(registered_counts(&tenant).await, (1, 1), "{point}");
}

/// Kills a registration during a deletion. Once the request is recorded, the deletion completes by itself.
async fn die_deleting(testbed: &Testbed, side: &str, effect: &str) {
    let (tenant, point) = (tenant(testbed, side, effect).await, format!("{side} {effect}"));
    let registration = start_doomed(&tenant, side, effect).await;
    let mary = Browser::after(&registration, &submit(&registration, "mary", PASSWORD).await);
    let (form, password) = ("/accounts/mary/delete", "correct+horse+battery");
    let token = mary.get(form).await.form_token().unwrap().to_owned();
    let answer = mary.try_send(Method::POST, form, format!("token={token}&password={password}")).await;
    assert!(answer.is_err(), "{point}: it answered");

    let another = tenant.registration().start().await;
    if point == "before request_deletion" {
        assert!(mary.at(&another).get("/accounts/mary").await.body.contains("Sign out"));
        let going = mary.at(&another).submit(form, form, &format!("&password={password}")).await;
        assert_eq!(going.status, 303, "{point}: {}", going.body);
    }
    let gone = wait::until(format!("{point}: the account and the user are deleted"), TIMEOUT, || async {
        let made = registered_counts(&tenant).await;
        if made == (0, 0) { Ok(()) } else { Err(format!("{made:?}")) }
    });
    gone.await.unwrap_or_else(|error| panic!("{error:?}"));
}

#[tokio::test]
async fn a_deletion_completes_after_a_crash_by_itself_or_by_a_retry() {
    let testbed = operator_with_fail_points().await;
    for effect in ["request_deletion", "delete_account"] {
        join_all(SIDES.map(|side| die_deleting(&testbed, side, effect))).await;
    }
}

#[tokio::test]
async fn a_crash_at_any_effect_ends_in_one_user_and_one_account() {
    let testbed = operator_with_fail_points().await;
    for effect in ["register", "create_account", "complete_registration"] {
        join_all(SIDES.map(|side| die_registering(&testbed, side, effect))).await;
    }
}

/// Kills a registration while a registered user registers again by form.
async fn die_reregistering(testbed: &Testbed, side: &str, effect: &str) {
    let (tenant, point) = (tenant(testbed, side, effect).await, format!("{side} {effect}"));
    let other = tenant.registration().start().await;
    assert_eq!(post(&other, "mary", PASSWORD).await.status, 201);
    let mut registration = start_doomed(&tenant, side, effect).await;
    let fields = [("username", "mary"), ("password", PASSWORD)];
    let answer = http::post_form(&format!("{}/register", registration.url()), &fields).await;
    assert!(answer.is_err(), "{point}: it answered");
    until_dead(&mut registration, &point).await;
    until_settled(&tenant, (1, 1), &point).await;
    let browser = Browser::after(&other, &submit(&other, "mary", PASSWORD).await);
    assert!(browser.is_signed_in("/accounts/mary").await, "{point}");
    assert_eq!(registered_counts(&tenant).await, (1, 1), "{point}");
}

#[tokio::test]
async fn after_a_crash_registering_again_signs_in() {
    let testbed = operator_with_fail_points().await;
    for effect in ["lease", "begin_session"] {
        join_all(SIDES.map(|side| die_reregistering(&testbed, side, effect))).await;
    }
}

/// Kills a registration while it rolls back a row whose username went to a kubectl account.
async fn die_rolling_back(testbed: &Testbed, side: &str) {
    let (tenant, point) =
        (tenant(testbed, side, "rollback_registration").await, format!("{side} rollback_registration"));
    let kubeconfig = unreachable_kubeconfig(&tenant.registration_kubeconfig());
    let mut unreachable = tenant.registration().env("KUBECONFIG", kubeconfig).start_unready().await;
    assert_eq!(post(&unreachable, "todd", PASSWORD).await.status, 202);
    unreachable.kill().await;
    create(&tenant, "todd", json!({})).await;
    // The retry loop may run before the process reports ready.
    let doomed = tenant.registration().env("STREAMCAT_FAILPOINT", format!("{side} rollback_registration 1"));
    if let Ok(mut registration) = doomed.try_start_unready().await {
        until_dead(&mut registration, &point).await;
    }

    let registration = tenant.registration().start().await;
    until_settled(&tenant, (0, 1), &point).await;
    assert_eq!(post(&registration, "todd", PASSWORD).await.status, 409, "{point}");
}

#[tokio::test]
async fn a_crash_while_rolling_back_leaves_no_row() {
    let testbed = operator_with_fail_points().await;
    join_all(SIDES.map(|side| die_rolling_back(&testbed, side))).await;
}

/// Returns true if a sign-in by form with this password starts a session.
async fn signs_in(registration: &Operator, password: &str) -> bool {
    let fields = [("username", "mary"), ("password", password)];
    http::post_form(&format!("{}/sign-in", registration.url()), &fields).await.unwrap().status == 303
}

/// Kills a registration while a signed-in user signs in again, which ends the previous session.
async fn die_signing_in_again(testbed: &Testbed, side: &str) {
    let (tenant, point) = (tenant(testbed, side, "end_session").await, format!("{side} end_session"));
    let other = tenant.registration().start().await;
    let mary = Browser::after(&other, &submit(&other, "mary", PASSWORD).await);
    let mut registration = start_doomed(&tenant, side, "end_session").await;
    let token = mary.get("/sign-in").await.form_token().unwrap().to_owned();
    let fields = format!("token={token}&username=mary&password=correct+horse+battery");
    let answer = mary.at(&registration).try_send(Method::POST, "/sign-in", fields).await;
    assert!(answer.is_err(), "{point}: it answered");
    until_dead(&mut registration, &point).await;
    assert_eq!(mary.is_signed_in("/accounts/mary").await, side == "before", "{point}");
    assert!(signs_in(&other, PASSWORD).await, "{point}");
}

#[tokio::test]
async fn after_a_crash_while_a_session_ends_the_user_can_sign_in() {
    let testbed = operator_with_fail_points().await;
    join_all(SIDES.map(|side| die_signing_in_again(&testbed, side))).await;
}

/// Kills a registration while a user signs out: the session ends and this is recorded, or neither.
async fn die_signing_out(testbed: &Testbed, side: &str) {
    let (tenant, point) = (tenant(testbed, side, "sign_out").await, format!("{side} sign_out"));
    let other = tenant.registration().start().await;
    let mary = Browser::after(&other, &submit(&other, "mary", PASSWORD).await);
    let (page, written) = ("/accounts/mary", "select count(*) from audit_log where event = 'signed_out'");
    let token = mary.get(page).await.form_token().unwrap().to_owned();
    let mut registration = start_doomed(&tenant, side, "sign_out").await;
    let answer = mary.at(&registration).try_send(Method::POST, "/sign-out", format!("token={token}")).await;
    assert!(answer.is_err(), "{point}: it answered");
    until_dead(&mut registration, &point).await;
    let is_out = side == "after";
    assert_eq!(mary.is_signed_in(page).await, !is_out, "{point}");
    assert_eq!(count(&tenant, written).await, i64::from(is_out), "{point}");
    let again = mary.try_send(Method::POST, "/sign-out", format!("token={token}")).await.unwrap();
    assert_eq!(again.status, 303, "{point}: {}", again.body);
    assert!(!mary.is_signed_in(page).await, "{point}");
    assert_eq!(count(&tenant, written).await, 1, "{point}");
}

#[tokio::test]
async fn after_a_crash_while_signing_out_the_user_can_sign_out() {
    let testbed = operator_with_fail_points().await;
    join_all(SIDES.map(|side| die_signing_out(&testbed, side))).await;
}

/// Kills a registration while a sign-in upgrades the hash: the password stays valid with either hash.
async fn die_upgrading_hash(testbed: &Testbed, side: &str) {
    let (tenant, point) = (tenant(testbed, side, "rehash").await, format!("{side} rehash"));
    let weak = tenant.registration().env("STREAMCAT_ARGON2_PASSES", "1").start().await;
    assert_eq!(post(&weak, "mary", PASSWORD).await.status, 201);
    let mut registration = start_doomed(&tenant, side, "rehash").await;
    let fields = [("username", "mary"), ("password", PASSWORD)];
    let answer = http::post_form(&format!("{}/sign-in", registration.url()), &fields).await;
    assert!(answer.is_err(), "{point}: it answered");
    until_dead(&mut registration, &point).await;
    let strong = "select count(*) from users where password_hash like '%t=2%'";
    assert_eq!(count(&tenant, strong).await, i64::from(side == "after"), "{point}");
    let another = tenant.registration().start().await;
    assert!(signs_in(&another, PASSWORD).await, "{point}");
    assert_eq!(count(&tenant, strong).await, 1, "{point}");
}

#[tokio::test]
async fn a_crash_while_upgrading_a_hash_keeps_the_password_valid() {
    let testbed = operator_with_fail_points().await;
    join_all(SIDES.map(|side| die_upgrading_hash(&testbed, side))).await;
}

/// Kills a registration while a user changes the password: exactly one of the two passwords is valid.
async fn die_changing_password(testbed: &Testbed, side: &str) {
    let (tenant, point) = (tenant(testbed, side, "change_password").await, format!("{side} change_password"));
    let other = tenant.registration().start().await;
    let mary = Browser::after(&other, &submit(&other, "mary", PASSWORD).await);
    let path = "/accounts/mary/password";
    let token = mary.get(path).await.form_token().unwrap().to_owned();
    let mut registration = start_doomed(&tenant, side, "change_password").await;
    let fields = format!("token={token}&password=correct+horse+battery&new-password=another+canary+of+ours");
    let answer = mary.at(&registration).try_send(Method::POST, path, fields).await;
    assert!(answer.is_err(), "{point}: it answered");
    until_dead(&mut registration, &point).await;
    let is_old = side == "before";
    let valid = (signs_in(&other, PASSWORD).await, signs_in(&other, "another canary of ours").await);
    assert_eq!(valid, (is_old, !is_old), "{point}");
    assert_eq!(mary.is_signed_in("/accounts/mary").await, is_old, "{point}");
}

#[tokio::test]
async fn after_a_crash_while_changing_a_password_exactly_one_is_valid() {
    let testbed = operator_with_fail_points().await;
    join_all(SIDES.map(|side| die_changing_password(&testbed, side))).await;
}
