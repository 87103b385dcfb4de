//! All of it by keyboard only.

use testbed::{Browser, By, Error, Key};

use super::Person;
use crate::{registration::PASSWORD, support::tenant};

/// More than any page has controls.
const MOST_TABS: usize = 20;

impl Person {
    /// Presses Tab until a control of this name has the focus.
    async fn tab_to(&self, name: &str) {
        let mut passed = Vec::new();
        for _ in 0..MOST_TABS {
            self.browser.press(Key::Tab).await.unwrap();
            let focused = self.browser.focused().await.unwrap();
            if focused == name {
                return;
            }
            passed.push(focused);
        }
        panic!("Tab does not lead to {name:?} but to {passed:?}");
    }

    async fn tab_to_and_enter(&self, name: &str) {
        self.tab_to(name).await;
        self.browser.press(Key::Enter).await.unwrap();
    }

    /// Waits until a control has the focus without a key pressed.
    async fn is_led_to(&self, name: &str) {
        self.until(format!("{name} has the focus"), async || {
            let focused = self.browser.focused().await?;
            if focused == name { Ok(()) } else { Err(Error::Unexpected(focused)) }
        })
        .await;
    }

    /// Types a username where the page leads to, and a password; Enter sends the form.
    async fn type_both(&self) {
        self.is_led_to("Username").await;
        self.browser.type_text("mary").await.unwrap();
        self.tab_to("Password").await;
        self.browser.type_text(PASSWORD).await.unwrap();
        self.browser.press(Key::Enter).await.unwrap();
        self.arrives("/accounts/mary").await;
    }
}

#[tokio::test]
async fn a_person_does_everything_by_keyboard() {
    let tenant = tenant("keyboard").await;
    let _controller = tenant.controller().start().await;
    let registration = tenant.registration().start().await;
    let mary = Person::at(&registration, Browser::start().await.unwrap());
    mary.open("/register").await;
    mary.type_both().await;
    mary.sees(By::Css("h1"), "You are ready to stream").await;
    mary.tab_to_and_enter("Show the stream key").await;
    mary.sees(By::Id("stream-key"), "sk_").await;
    mary.tab_to_and_enter("Sign out").await;
    mary.arrives("/sign-in").await;
    mary.type_both().await;
    mary.tab_to_and_enter("Delete my account").await;
    mary.arrives("/accounts/mary/delete").await;
    mary.is_led_to("Password").await;
    mary.browser.type_text(PASSWORD).await.unwrap();
    mary.tab_to_and_enter("Delete my account").await;
    mary.sees(By::Css("h1"), "Your account is gone").await;
}
