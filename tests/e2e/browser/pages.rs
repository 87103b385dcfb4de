//! Accessibility of every page by axe-core, on a phone in light mode and on a desktop in dark mode.
//! Screenshots are written to `target/screenshots/`.

use std::{fs, path::PathBuf};

use ivs_simulator::Fault;
use testbed::{Browser, By, Device};

use super::Person;
use crate::{
    registration::{PASSWORD, post},
    schemathesis::installed,
    support::tenant,
};

/// Script that returns the violations that axe-core finds, with their elements and remedies.
const VIOLATIONS: &str = "return axe.run().then(({ violations }) => violations.map(({ id, nodes }) =>
  `${id}: ${nodes.map((node) => `${node.html} ${node.failureSummary}`).join('; ')}`))";

/// A person with axe-core.
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

    /// Checks the open page, which must not change in the meantime.
    async fn inspect(&self, page: &str) {
        let browser = &self.person.browser;
        browser.run(&self.axe).await.unwrap();
        for (device, scheme) in [(Device::Phone, "light"), (Device::Desktop, "dark")] {
            browser.emulate(device).await.unwrap();
            browser.prefer_color_scheme(scheme).await.unwrap();
            let seen = format!("{page}-{device:?}-{scheme}").to_lowercase();
            let violations = browser.run(VIOLATIONS).await.unwrap();
            assert_eq!(violations.as_array().map(Vec::len), Some(0), "{seen}: {violations:#}");
            fs::write(self.pictures.join(format!("{seen}.png")), browser.screenshot().await.unwrap())
                .unwrap();
        }
    }
}

#[tokio::test]
async fn public_pages_have_no_accessibility_violations() {
    let tenant = tenant("pages-out").await;
    let registration = tenant.registration().start().await;
    let person = Person::at(&registration, Browser::start().await.unwrap());
    let inspector = Inspector::new(person).await;
    let person = &inspector.person;

    person.open("/register").await;
    inspector.inspect("register").await;
    person.send("ma ry", "short", "Create account").await;
    person.sees(By::Id("password-error"), "at least").await;
    inspector.inspect("register-errors").await;
    assert_eq!(post(&registration, "todd", "another horse battery").await.status, 201);
    person.send("todd", PASSWORD, "Create account").await;
    person.sees(By::Id("username-error"), "taken").await;
    inspector.inspect("register-taken").await;
    person.open("/sign-in").await;
    inspector.inspect("sign-in").await;
    person.send("mary", "not the password of mary", "Sign in").await;
    person.sees(By::Id("password-error"), "Incorrect").await;
    inspector.inspect("sign-in-error").await;
    person.open("/nothing").await;
    inspector.inspect("problem").await;
}

#[tokio::test]
async fn account_pages_have_no_accessibility_violations() {
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
    person.browser.click(By::Button("Show stream key")).await.unwrap();
    person.sees(By::Id("stream-key"), "sk_").await;
    inspector.inspect("ready").await;
    drop(controller);

    person.browser.click(By::Link("Change password")).await.unwrap();
    person.arrives("/accounts/mary/password").await;
    inspector.inspect("new-password").await;
    person.browser.fill(By::Field("Current password"), PASSWORD).await.unwrap();
    person.browser.fill(By::Field("New password"), "another horse battery").await.unwrap();
    person.browser.click(By::Button("Change password")).await.unwrap();
    person.sees(By::Css(".notice"), "Your password has been changed.").await;
    inspector.inspect("password-changed").await;
    person.open("/accounts/mary").await;
    person.browser.click(By::Link("Delete account")).await.unwrap();
    person.arrives("/accounts/mary/delete").await;
    inspector.inspect("delete").await;
    person.browser.fill(By::Field("Password"), "another horse battery").await.unwrap();
    person.browser.click(By::Button("Delete account")).await.unwrap();
    person.sees(By::Css("h1"), "Deleting the account").await;
    inspector.inspect("goodbye").await;
    let _controller = tenant.controller().start().await;
    person.sees(By::Css("h1"), "Account deleted").await;
    inspector.inspect("gone").await;
}
