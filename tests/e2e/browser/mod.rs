//! A person with a real browser.

mod keyboard;
mod pages;
mod story;

use std::fmt::Display;

use testbed::{Browser, By, Error, Operator, wait};

use crate::{registration::PASSWORD, support::PATIENCE};

/// What stands beside a part.
const STATES: [&str; 4] = ["being set up", "waiting", "ready", "being deleted"];

/// Somebody who looks at the pages of a registration.
struct Person {
    browser: Browser,
    site: String,
}

impl Person {
    fn at(registration: &Operator, browser: Browser) -> Self {
        Self { browser, site: registration.url().to_owned() }
    }

    async fn open(&self, path: &str) {
        self.browser.open(&format!("{}{path}", self.site)).await.unwrap();
    }

    /// Fills in the form with a username and a password, and sends it.
    async fn send(&self, username: &str, password: &str, button: &str) {
        self.browser.fill(By::Field("Username"), username).await.unwrap();
        self.browser.fill(By::Field("Password"), password).await.unwrap();
        self.browser.click(By::Button(button)).await.unwrap();
    }

    async fn register(&self, username: &str) {
        self.open("/register").await;
        self.send(username, PASSWORD, "Register").await;
        self.arrives(&format!("/accounts/{username}")).await;
    }

    /// Waits until a page is there.
    async fn arrives(&self, path: &str) {
        let expected = format!("{}{path}", self.site);
        self.until(format!("the browser is at {path}"), async || {
            let url = self.browser.url().await?;
            if url == expected { Ok(()) } else { Err(Error::Unexpected(url)) }
        })
        .await;
    }

    /// Waits until something has these words in it.
    async fn sees(&self, by: By<'_>, words: &str) {
        self.until(format!("{by} says {words:?}"), async || {
            let text = self.browser.text(by).await?;
            if text.contains(words) { Ok(()) } else { Err(Error::Unexpected(text)) }
        })
        .await;
    }

    /// Waits until the three parts are in these states.
    async fn sees_parts(&self, states: [&str; 3]) {
        self.until(format!("the parts are {states:?}"), async || {
            let text = self.browser.text(By::Id("progress")).await?;
            let seen: Vec<_> = text.lines().filter(|line| STATES.contains(line)).collect();
            if seen == states { Ok(()) } else { Err(Error::Unexpected(text)) }
        })
        .await;
    }

    /// Whether something is on the page.
    async fn has(&self, by: By<'_>) -> bool {
        self.browser.text(by).await.is_ok()
    }

    /// A page may be replaced while it is looked at: then it is looked at again.
    async fn until(&self, what: impl Display, look: impl AsyncFn() -> Result<(), Error>) {
        wait::until(what, PATIENCE, || look()).await.unwrap_or_else(|error| panic!("{error:?}"));
    }
}
