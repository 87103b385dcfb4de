//! From the registration to the goodbye, with scripts and without.

use std::time::Duration;

use ivs_simulator::{Fault, Latency};
use testbed::{Browser, By, Tenant};

use super::Person;
use crate::{
    registration::{PASSWORD, made, post},
    support::tenant,
};

/// The one that takes the place of the first.
const NEW_PASSWORD: &str = "another horse battery";

/// AWS takes its time, and does not carry this operation out at all until faults are lifted.
fn hold_up(tenant: &Tenant, operation: &str) {
    tenant.simulator().set_latency(Latency::constant(Duration::from_millis(200)));
    tenant.simulator().fault(Fault::throttle(operation).every(1));
}

#[tokio::test]
async fn a_person_registers_watches_signs_out_and_in_and_leaves() {
    live(Browser::start().await.unwrap(), true).await;
}

#[tokio::test]
async fn all_of_it_works_without_scripts() {
    live(Browser::without_scripts().await.unwrap(), false).await;
}

async fn live(browser: Browser, scripts: bool) {
    let tenant = tenant("browser").await;
    let registration = tenant.registration().start().await;
    let mary = Person::at(&registration, browser);
    assert_eq!(post(&registration, "todd", "another horse battery").await.status, 201);
    is_refused(&mary).await;
    watches(&mary, &tenant, scripts).await;
    reveals_the_stream_key(&mary, &tenant).await;
    signs_out_and_in(&mary).await;
    takes_another_password(&mary).await;
    leaves(&mary, &tenant).await;
    assert_eq!(made(&tenant).await, (1, 1), "todd is still there");
}

/// What is wrong stands beside the field, and the username is kept.
async fn is_refused(mary: &Person) {
    mary.open("/register").await;
    mary.send("mary", "short", "Register").await;
    mary.sees(By::Id("password-error"), "at least 15 characters").await;
    assert_eq!(mary.browser.value(By::Field("Username")).await.unwrap(), "mary");
    assert_eq!(mary.browser.value(By::Field("Password")).await.unwrap(), "");

    mary.send("Todd", PASSWORD, "Register").await;
    mary.sees(By::Id("username-error"), "If it is yours, sign in.").await;
    assert_eq!(mary.browser.value(By::Field("Username")).await.unwrap(), "Todd");
    let described = mary.browser.attribute(By::Field("Username"), "aria-describedby").await.unwrap();
    assert!(described.contains("username-error"), "{described}");
}

/// The three turn ready; with scripts on the same page, without being loaded again until all is there.
async fn watches(mary: &Person, tenant: &Tenant, scripts: bool) {
    hold_up(tenant, "CreateStage");
    mary.send("mary", PASSWORD, "Register").await;
    mary.arrives("/accounts/mary").await;
    mary.sees_parts(["being set up"; 3]).await;
    mary.browser.run("window.same = true").await.unwrap();
    let _controller = tenant.controller().start().await;
    mary.sees_parts(["ready", "ready", "being set up"]).await;
    assert_eq!(mary.browser.run("return window.same === true").await.unwrap(), scripts);
    assert!(!mary.has(By::Button("Show the stream key")).await);
    tenant.simulator().clear_faults();
    mary.sees_parts(["ready"; 3]).await;
    mary.sees(By::Css("h1"), "You are ready to stream").await;
}

async fn reveals_the_stream_key(mary: &Person, tenant: &Tenant) {
    let state = tenant.simulator().state();
    let keys: Vec<_> =
        state["streamKeys"].as_array().unwrap().iter().map(|key| key["value"].as_str()).collect();
    assert!(!mary.has(By::Id("stream-key")).await);
    mary.browser.click(By::Button("Show the stream key")).await.unwrap();
    mary.sees(By::Id("stream-key"), "sk_").await;
    let shown = mary.browser.text(By::Id("stream-key")).await.unwrap();
    assert!(keys.contains(&Some(&shown)), "{shown} is none of {keys:?}");
}

async fn signs_out_and_in(mary: &Person) {
    mary.browser.click(By::Button("Sign out")).await.unwrap();
    mary.arrives("/sign-in").await;
    mary.open("/accounts/mary").await;
    assert!(!mary.has(By::Button("Show the stream key")).await);
    mary.browser.click(By::Link("Sign in")).await.unwrap();
    mary.arrives("/sign-in").await;
    mary.send("mary", "not the password of mary", "Sign in").await;
    mary.sees(By::Id("password-error"), "The username or the password is wrong.").await;
    assert_eq!(mary.browser.value(By::Field("Username")).await.unwrap(), "mary");
    mary.send("mary", PASSWORD, "Sign in").await;
    mary.arrives("/accounts/mary").await;
    assert!(mary.has(By::Button("Show the stream key")).await);
}

/// And finds the account whichever way she comes.
async fn takes_another_password(mary: &Person) {
    mary.browser.click(By::Link("Change my password")).await.unwrap();
    mary.arrives("/accounts/mary/password").await;
    mary.browser.fill(By::Field("Present password"), PASSWORD).await.unwrap();
    mary.browser.fill(By::Field("New password"), PASSWORD).await.unwrap();
    mary.browser.click(By::Button("Change my password")).await.unwrap();
    mary.sees(By::Id("new-password-error"), "Choose another").await;
    mary.browser.fill(By::Field("Present password"), PASSWORD).await.unwrap();
    mary.browser.fill(By::Field("New password"), NEW_PASSWORD).await.unwrap();
    mary.browser.click(By::Button("Change my password")).await.unwrap();
    mary.arrives("/accounts/mary").await;
    mary.sees(By::Css(".notice"), "Your password is changed.").await;
    for way in ["/", "/register"] {
        mary.open(way).await;
        mary.arrives("/accounts/mary").await;
        assert!(!mary.has(By::Css(".notice")).await);
    }
    mary.open("/sign-in").await;
    mary.browser.click(By::Link("mary")).await.unwrap();
    mary.arrives("/accounts/mary").await;
}

async fn leaves(mary: &Person, tenant: &Tenant) {
    hold_up(tenant, "DeleteStage");
    let _controller = tenant.controller().start().await;
    mary.browser.click(By::Link("Delete my account")).await.unwrap();
    mary.arrives("/accounts/mary/delete").await;
    mary.browser.fill(By::Field("Password"), NEW_PASSWORD).await.unwrap();
    mary.browser.click(By::Button("Delete my account")).await.unwrap();
    mary.arrives("/accounts/mary/goodbye").await;
    mary.sees(By::Css("h1"), "Saying goodbye").await;
    mary.sees_parts(["being deleted"; 3]).await;
    tenant.simulator().clear_faults();
    mary.sees(By::Css("h1"), "Your account is gone").await;
    mary.arrives("/accounts/mary/goodbye").await;
}
