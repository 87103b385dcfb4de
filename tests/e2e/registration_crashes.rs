//! The registration dies, as by `kill -9`, before or after each of its effects. Another process, or the same person once
//! more, ends it in one user and one account.

use std::os::unix::process::ExitStatusExt;

use axum::http::Method;
use futures::future::join_all;
use serde_json::json;
use testbed::{Testbed, http, wait};

use crate::{
    crashes::SIGKILL,
    registration::{PASSWORD, made, post, submit},
    signed_in::Browser,
    support::{PATIENCE, count, operator_with_fail_points},
};

/// Lets a registration die at a fail point, and sees what another makes of what it left.
async fn die(testbed: &Testbed, side: &str, effect: &str) {
    let tenant = testbed.tenant(&format!("{side}-{}", effect.replace('_', "-"))).await;
    let point = format!("{side} {effect} 1");
    let mut registration = tenant.registration().env("STREAMCAT_FAILPOINT", &point).start().await;
    let body = json!({ "username": "mary", "password": PASSWORD });
    let answer = http::post_json(&format!("{}/register", registration.url()), &body).await;
    assert!(answer.is_err(), "{point}: it answered");
    let died = wait::until(format!("it died {point}"), PATIENCE, || {
        let status = registration.exited().ok().flatten();
        async move { status.and_then(|status| status.signal()) == Some(SIGKILL) }
    });
    died.await.unwrap_or_else(|error| panic!("{error:?}"));

    let left = made(&tenant).await;
    assert_eq!(left.0 == 0, point == "before register 1", "{point}: {left:?}");
    let registration = tenant.registration().start().await;
    if left.0 == 1 {
        let open = "select count(*) from registrations where settled_at is null";
        let seen = wait::until(format!("{point} is mended by itself"), PATIENCE, || async {
            let (made, open) = (made(&tenant).await, count(&tenant, open).await);
            if (made, open) == ((1, 1), 0) { Ok(()) } else { Err(format!("{made:?} {open}")) }
        });
        seen.await.unwrap_or_else(|error| panic!("{error:?}"));
    }
    let again = post(&registration, "mary", PASSWORD).await;
    assert_eq!(again.status.as_u16(), if left.0 == 1 { 200 } else { 201 }, "{point}: {}", again.body);
    assert_eq!(made(&tenant).await, (1, 1), "{point}");
}

/// Lets a registration die while somebody deletes an account, before or after that was written down.
async fn die_deleting(testbed: &Testbed, side: &str) {
    let tenant = testbed.tenant(&format!("{side}-renounce")).await;
    let point = format!("{side} renounce 1");
    let registration = tenant.registration().env("STREAMCAT_FAILPOINT", &point).start().await;
    let mary = Browser::after(&registration, &submit(&registration, "mary", PASSWORD).await);
    let (form, password) = ("/accounts/mary/delete", "correct+horse+battery");
    let token = mary.get(form).await.form_token().unwrap().to_owned();
    let answer = mary.try_send(Method::POST, form, format!("token={token}&password={password}")).await;
    assert!(answer.is_err(), "{point}: it answered");

    let another = tenant.registration().start().await;
    if side == "before" {
        assert!(mary.at(&another).get("/accounts/mary").await.body.contains("Sign out"));
        let going = mary.at(&another).submit(form, form, &format!("&password={password}")).await;
        assert_eq!(going.status, 303, "{point}: {}", going.body);
    }
    let gone = wait::until(format!("{point}: the account and the user go"), PATIENCE, || async {
        let made = made(&tenant).await;
        if made == (0, 0) { Ok(()) } else { Err(format!("{made:?}")) }
    });
    gone.await.unwrap_or_else(|error| panic!("{error:?}"));
}

#[tokio::test]
async fn killed_while_an_account_is_deleted_it_goes_by_itself_or_by_another_try() {
    let testbed = operator_with_fail_points().await;
    join_all(["before", "after"].map(|side| die_deleting(&testbed, side))).await;
}

#[tokio::test]
async fn killed_at_each_effect_of_a_registration_there_is_one_user_and_one_account_in_the_end() {
    let testbed = operator_with_fail_points().await;
    for effect in ["register", "create_account", "settle"] {
        join_all(["before", "after"].map(|side| die(&testbed, side, effect))).await;
    }
}
