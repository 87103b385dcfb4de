//! A user's journey from registration to deletion, with and without JavaScript.

use std::time::Duration;

use ivs_simulator::{Fault, Latency};
use testbed::{Browser, By, Tenant};

use super::Person;
use crate::{
    registration::{PASSWORD, post, registered_counts},
    support::tenant,
};

/// The password that replaces the first one.
const NEW_PASSWORD: &str = "another horse battery";

/// Makes AWS slow, and throttles this operation until the faults are cleared.
fn throttle(tenant: &Tenant, operation: &str) {
    tenant.simulator().set_latency(Latency::constant(Duration::from_millis(200)));
    tenant.simulator().fault(Fault::throttle(operation).every(1));
}

#[tokio::test]
async fn a_user_journey_works_with_javascript() {
    journey(Browser::start().await.unwrap(), true).await;
}

#[tokio::test]
async fn a_user_journey_works_without_javascript() {
    journey(Browser::without_scripts().await.unwrap(), false).await;
}

async fn journey(browser: Browser, scripts: bool) {
    let tenant = tenant("browser").await;
    let registration = tenant.registration().start().await;
    let mary = Person::at(&registration, browser);
    assert_eq!(post(&registration, "todd", "another horse battery").await.status, 201);
    makes_mistakes(&mary).await;
    watches_progress(&mary, &tenant, scripts).await;
    reveals_the_stream_key(&mary, &tenant).await;
    signs_out_and_in(&mary).await;
    changes_password(&mary).await;
    deletes_account(&mary, &tenant).await;
    assert_eq!(registered_counts(&tenant).await, (1, 1), "todd still exists");
}

/// Errors are shown next to their fields, and the username is kept.
async fn makes_mistakes(mary: &Person) {
    mary.open("/register").await;
    mary.send("mary", "short", "Create account").await;
    mary.sees(By::Id("password-error"), "at least 15 characters").await;
    assert_eq!(mary.browser.value(By::Field("Username")).await.unwrap(), "mary");
    assert_eq!(mary.browser.value(By::Field("Password")).await.unwrap(), "");

    mary.send("Todd", PASSWORD, "Create account").await;
    mary.sees(By::Id("username-error"), "If it is yours, sign in.").await;
    assert_eq!(mary.browser.value(By::Field("Username")).await.unwrap(), "Todd");
    let described = mary.browser.attribute(By::Field("Username"), "aria-describedby").await.unwrap();
    assert!(described.contains("username-error"), "{described}");
}

/// The three parts become ready. With JavaScript, the page does not reload until all of them are.
async fn watches_progress(mary: &Person, tenant: &Tenant, scripts: bool) {
    throttle(tenant, "CreateStage");
    mary.send("mary", PASSWORD, "Create account").await;
    mary.arrives("/accounts/mary").await;
    mary.sees_parts(["being set up"; 3]).await;
    mary.browser.run("window.same = true").await.unwrap();
    let _controller = tenant.controller().start().await;
    mary.sees_parts(["ready", "ready", "being set up"]).await;
    assert_eq!(mary.browser.run("return window.same === true").await.unwrap(), scripts);
    assert!(!mary.has(By::Button("Show stream key")).await);
    tenant.simulator().clear_faults();
    mary.sees_parts(["ready"; 3]).await;
    mary.sees(By::Css("h1"), "You are ready to stream").await;
}

async fn reveals_the_stream_key(mary: &Person, tenant: &Tenant) {
    let state = tenant.simulator().state();
    let keys: Vec<_> =
        state["streamKeys"].as_array().unwrap().iter().map(|key| key["value"].as_str()).collect();
    assert!(!mary.has(By::Id("stream-key")).await);
    mary.browser.click(By::Button("Show stream key")).await.unwrap();
    mary.sees(By::Id("stream-key"), "sk_").await;
    let shown = mary.browser.text(By::Id("stream-key")).await.unwrap();
    assert!(keys.contains(&Some(&shown)), "{shown} is none of {keys:?}");
}

async fn signs_out_and_in(mary: &Person) {
    mary.browser.click(By::Button("Sign out")).await.unwrap();
    mary.arrives("/sign-in").await;
    mary.open("/accounts/mary").await;
    assert!(!mary.has(By::Button("Show stream key")).await);
    mary.browser.click(By::Link("Sign in")).await.unwrap();
    mary.arrives("/sign-in").await;
    mary.send("mary", "not the password of mary", "Sign in").await;
    mary.sees(By::Id("password-error"), "Incorrect username or password.").await;
    assert_eq!(mary.browser.value(By::Field("Username")).await.unwrap(), "mary");
    mary.send("mary", PASSWORD, "Sign in").await;
    mary.arrives("/accounts/mary").await;
    assert!(mary.has(By::Button("Show stream key")).await);
}

/// Changes the password, and then reaches the account from every page.
async fn changes_password(mary: &Person) {
    mary.browser.click(By::Link("Change password")).await.unwrap();
    mary.arrives("/accounts/mary/password").await;
    mary.browser.fill(By::Field("Current password"), PASSWORD).await.unwrap();
    mary.browser.fill(By::Field("New password"), PASSWORD).await.unwrap();
    mary.browser.click(By::Button("Change password")).await.unwrap();
    mary.sees(By::Id("new-password-error"), "Choose another").await;
    mary.browser.fill(By::Field("Current password"), PASSWORD).await.unwrap();
    mary.browser.fill(By::Field("New password"), NEW_PASSWORD).await.unwrap();
    mary.browser.click(By::Button("Change password")).await.unwrap();
    mary.arrives("/accounts/mary").await;
    mary.sees(By::Css(".notice"), "Your password has been changed.").await;
    for way in ["/", "/register"] {
        mary.open(way).await;
        mary.arrives("/accounts/mary").await;
        assert!(!mary.has(By::Css(".notice")).await);
    }
    mary.open("/sign-in").await;
    mary.browser.click(By::Link("mary")).await.unwrap();
    mary.arrives("/accounts/mary").await;
}

async fn deletes_account(mary: &Person, tenant: &Tenant) {
    throttle(tenant, "DeleteStage");
    let _controller = tenant.controller().start().await;
    mary.browser.click(By::Link("Delete account")).await.unwrap();
    mary.arrives("/accounts/mary/delete").await;
    mary.browser.fill(By::Field("Password"), NEW_PASSWORD).await.unwrap();
    mary.browser.click(By::Button("Delete account")).await.unwrap();
    mary.arrives("/accounts/mary/goodbye").await;
    mary.sees(By::Css("h1"), "Deleting the account").await;
    mary.sees_parts(["being deleted"; 3]).await;
    tenant.simulator().clear_faults();
    mary.sees(By::Css("h1"), "Account deleted").await;
    mary.arrives("/accounts/mary/goodbye").await;
}
