//! Every page as axe-core judges it, on a phone in light and on a desktop in dark; with pictures in `target/screenshots/`.

use std::{fs, path::PathBuf};

use ivs_simulator::Fault;
use testbed::{Browser, By, Device};

use super::Person;
use crate::{
    outside::installed,
    registration::{PASSWORD, post},
    support::tenant,
};

/// What axe-core finds, with the place and what to do.
const VIOLATIONS: &str = "return axe.run().then(({ violations }) => violations.map(({ id, nodes }) =>
  `${id}: ${nodes.map((node) => `${node.html} ${node.failureSummary}`).join('; ')}`))";

/// A person who looks closely.
struct Inspector {
    person: Person,
    axe: String,
    pictures: PathBuf,
}

impl Inspector {
    async fn new(person: Person) -> Self {
        let axe = fs::read_to_string(installed().await.join("axe.min.js")).unwrap();
        let pictures = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("screenshots");
        fs::create_dir_all(&pictures).unwrap();
        Self { person, axe, pictures }
    }

    /// Judges the page that is open, which must not change meanwhile.
    async fn inspect(&self, page: &str) {
        let browser = &self.person.browser;
        browser.run(&self.axe).await.unwrap();
        for (device, scheme) in [(Device::Phone, "light"), (Device::Desktop, "dark")] {
            browser.emulate(device).await.unwrap();
            browser.prefer_color_scheme(scheme).await.unwrap();
            let seen = format!("{page}-{device:?}-{scheme}").to_lowercase();
            let violations = browser.run(VIOLATIONS).await.unwrap();
            assert_eq!(violations.as_array().map(Vec::len), Some(0), "{seen}: {violations:#}");
            fs::write(self.pictures.join(format!("{seen}.png")), browser.screenshot().await.unwrap()).unwrap();
        }
    }
}

#[tokio::test]
async fn axe_finds_nothing_on_the_pages_before_one_is_in() {
    let tenant = tenant("pages-out").await;
    let registration = tenant.registration().start().await;
    let person = Person::at(&registration, Browser::start().await.unwrap());
    let inspector = Inspector::new(person).await;
    let person = &inspector.person;

    person.open("/register").await;
    inspector.inspect("register").await;
    person.send("ma ry", "short", "Register").await;
    person.sees(By::Id("password-error"), "at least").await;
    inspector.inspect("register-errors").await;
    assert_eq!(post(&registration, "todd", "another horse battery").await.status, 201);
    person.send("todd", PASSWORD, "Register").await;
    person.sees(By::Id("username-error"), "taken").await;
    inspector.inspect("register-taken").await;
    person.open("/sign-in").await;
    inspector.inspect("sign-in").await;
    person.send("mary", "not the password of mary", "Sign in").await;
    person.sees(By::Id("password-error"), "wrong").await;
    inspector.inspect("sign-in-error").await;
    person.open("/nothing").await;
    inspector.inspect("problem").await;
}

#[tokio::test]
async fn axe_finds_nothing_on_the_pages_of_an_account() {
    let tenant = tenant("pages-in").await;
    let registration = tenant.registration().start().await;
    let person = Person::at(&registration, Browser::start().await.unwrap());
    let inspector = Inspector::new(person).await;
    let person = &inspector.person;
    let simulator = tenant.simulator();

    person.register("mary").await;
    inspector.inspect("progress").await;
    simulator.fault(Fault::error("CreateStage", 402, "ServiceQuotaExceededException").every(1));
    let controller = tenant.controller().start().await;
    person.sees_parts(["ready", "ready", "waiting"]).await;
    inspector.inspect("waiting").await;
    drop(controller);
    simulator.clear_faults();
    let controller = tenant.controller().start().await;
    person.sees(By::Css("h1"), "You are ready to stream").await;
    person.browser.click(By::Button("Show the stream key")).await.unwrap();
    person.sees(By::Id("stream-key"), "sk_").await;
    inspector.inspect("ready").await;
    drop(controller);

    person.browser.click(By::Link("Change my password")).await.unwrap();
    person.arrives("/accounts/mary/password").await;
    inspector.inspect("new-password").await;
    person.browser.fill(By::Field("Present password"), PASSWORD).await.unwrap();
    person.browser.fill(By::Field("New password"), "another horse battery").await.unwrap();
    person.browser.click(By::Button("Change my password")).await.unwrap();
    person.sees(By::Css(".notice"), "Your password is changed.").await;
    inspector.inspect("password-changed").await;
    person.open("/accounts/mary").await;
    person.browser.click(By::Link("Delete my account")).await.unwrap();
    person.arrives("/accounts/mary/delete").await;
    inspector.inspect("delete").await;
    person.browser.fill(By::Field("Password"), "another horse battery").await.unwrap();
    person.browser.click(By::Button("Delete my account")).await.unwrap();
    person.sees(By::Css("h1"), "Saying goodbye").await;
    inspector.inspect("goodbye").await;
    let _controller = tenant.controller().start().await;
    person.sees(By::Css("h1"), "Your account is gone").await;
    inspector.inspect("gone").await;
}
