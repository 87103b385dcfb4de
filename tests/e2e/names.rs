//! Usernames that are not available: look-alikes of existing ones, and reserved ones.

use serde_json::json;

use crate::{
    registration::{PASSWORD, assert_taken, post, registered_counts, submit, username_error},
    signed_in::Browser,
    support::{create_named, delete, gone, ready, reason, tenant},
};

#[tokio::test]
async fn a_look_alike_on_the_page_is_the_same_user_or_taken() {
    let tenant = tenant("alike").await;
    let registration = tenant.registration().start().await;
    assert_eq!(post(&registration, "Mary_the-1st", PASSWORD).await.status, 201);
    for alike in ["mary-the-1st", "mary_the_1st", "MARY-THE_1ST"] {
        let answer = post(&registration, alike, PASSWORD).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("location")),
            (200, Some("/accounts/Mary_the-1st"))
        );
        let answer = post(&registration, alike, "another horse battery").await;
        assert_eq!(answer.json().unwrap()["type"], "urn:streamcat:problem:username-taken");
        let browser = Browser::sign_in(&registration, alike).await;
        assert!(browser.get(&format!("/accounts/{alike}")).await.body.contains("Sign out"), "{alike}");
    }
    assert_eq!(post(&registration, "mary-the1st", "another horse battery").await.status, 201);
    assert_eq!(registered_counts(&tenant).await, (2, 2));
}

#[tokio::test]
async fn a_look_alike_of_a_kubectl_account_is_taken_or_waits() {
    let tenant = tenant("alike-kubectl").await;
    let _controller = tenant.controller().start().await;
    let registration = tenant.registration().start().await;
    create_named(&tenant, "first", "Mary_1", json!({})).await;
    ready(&tenant, "first").await;
    assert_taken(&registration, "mary-1").await;
    create_named(&tenant, "second", "mary-1", json!({})).await;
    reason(&tenant, "second", "UsernameTaken").await;

    delete(&tenant, "first").await;
    gone(&tenant, "first").await;
    ready(&tenant, "second").await;
    assert_taken(&registration, "Mary_1").await;
}

#[tokio::test]
async fn a_kubectl_account_that_looks_like_a_registered_one_waits() {
    let tenant = tenant("alike-page").await;
    let _controller = tenant.controller().start().await;
    let registration = tenant.registration().env("STREAMCAT_USERNAME_REUSE_DELAY", "1h").start().await;
    let answer = post(&registration, "mary_1", PASSWORD).await;
    let name = answer.json().unwrap()["account"]["name"].as_str().unwrap().to_owned();
    ready(&tenant, &name).await;
    create_named(&tenant, "another", "Mary-1", json!({})).await;
    reason(&tenant, "another", "UsernameTaken").await;

    delete(&tenant, "another").await;
    gone(&tenant, "another").await;
    delete(&tenant, &name).await;
    gone(&tenant, &name).await;
    assert_taken(&registration, "MARY-1").await;
}

#[tokio::test]
async fn a_reserved_username_is_available_to_kubectl_only() {
    let tenant = tenant("reserved").await;
    let _controller = tenant.controller().start().await;
    let registration = tenant.registration().env("STREAMCAT_SITE_NAME", "Cat Cinema").start().await;
    let reserved = "This username is reserved. Choose another.";
    for username in ["admin", "ROOT", "sign_out", "cat-cinema"] {
        let answer = post(&registration, username, PASSWORD).await;
        assert_eq!(answer.json().unwrap()["errors"], json!({ "username": reserved }), "{username}");
        let answer = submit(&registration, username, PASSWORD).await;
        assert_eq!((answer.status.as_u16(), username_error(&answer.body)), (422, Some(reserved)));
    }
    assert_eq!(registered_counts(&tenant).await, (0, 0));
    create_named(&tenant, "admin", "admin", json!({})).await;
    ready(&tenant, "admin").await;

    let own = tenant.registration().env("STREAMCAT_RESERVED_USERNAMES", "boss,Help_Desk").start().await;
    assert_eq!(post(&own, "help-desk", PASSWORD).await.status, 422);
    assert_eq!(post(&own, "root", PASSWORD).await.status, 201);
}
