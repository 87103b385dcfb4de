//! The registration dies, as by `kill -9`, before or after each of its effects. Another process, or the same person once
//! more, ends it in one user and one account.

use std::os::unix::process::ExitStatusExt;

use futures::future::join_all;
use serde_json::json;
use testbed::{Testbed, http, wait};

use crate::{
    crashes::SIGKILL,
    registration::{PASSWORD, made, post},
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

#[tokio::test]
async fn killed_at_each_effect_of_a_registration_there_is_one_user_and_one_account_in_the_end() {
    let testbed = operator_with_fail_points().await;
    for effect in ["register", "create_account", "settle"] {
        join_all(["before", "after"].map(|side| die(&testbed, side, effect))).await;
    }
}
