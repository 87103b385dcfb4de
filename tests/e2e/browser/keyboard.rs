//! The pages by keyboard only.

use testbed::{Browser, By, Error, Key};

use super::Person;
use crate::{registration::PASSWORD, support::tenant};

/// Maximum number of times that Tab is pressed, more than any page has controls.
const MAX_TABS: usize = 20;

impl Person {
    /// Presses Tab until the control with this name has the focus.
    async fn tab_to(&self, name: &str) {
        let mut passed = Vec::new();
        for _ in 0..MAX_TABS {
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

    /// Waits until a control gets the focus without a key press.
    async fn gets_focus(&self, name: &str) {
        self.until(format!("{name} has the focus"), async || {
            let focused = self.browser.focused().await?;
            if focused == name { Ok(()) } else { Err(Error::Unexpected(focused)) }
        })
        .await;
    }

    /// Types a username and a password, and submits the form with Enter.
    async fn type_both(&self) {
        self.gets_focus("Username").await;
        self.browser.type_text("mary").await.unwrap();
        self.tab_to("Password").await;
        self.browser.type_text(PASSWORD).await.unwrap();
        self.browser.press(Key::Enter).await.unwrap();
        self.arrives("/accounts/mary").await;
    }
}

#[tokio::test]
async fn every_page_works_by_keyboard() {
    let tenant = tenant("keyboard").await;
    let _controller = tenant.controller().start().await;
    let registration = tenant.registration().start().await;
    let mary = Person::at(&registration, Browser::start().await.unwrap());
    mary.open("/register").await;
    mary.type_both().await;
    mary.sees(By::Css("h1"), "You are ready to stream").await;
    mary.tab_to_and_enter("Show stream key").await;
    mary.sees(By::Id("stream-key"), "sk_").await;
    mary.tab_to_and_enter("Sign out").await;
    mary.arrives("/sign-in").await;
    mary.type_both().await;
    mary.tab_to_and_enter("Delete account").await;
    mary.arrives("/accounts/mary/delete").await;
    mary.gets_focus("Password").await;
    mary.browser.type_text(PASSWORD).await.unwrap();
    mary.tab_to_and_enter("Delete account").await;
    mary.sees(By::Css("h1"), "Account deleted").await;
}
