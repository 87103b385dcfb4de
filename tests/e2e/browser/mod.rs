//! The pages in a real browser.

mod journey;
mod keyboard;
mod pages;

use std::fmt::Display;

use testbed::{Browser, By, Error, Operator, wait};

use crate::{registration::PASSWORD, support::TIMEOUT};

/// The texts for the states of a part.
const STATES: [&str; 4] = ["being set up", "waiting", "ready", "being deleted"];

/// A person who uses the pages of a registration.
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

    /// Fills in the username and the password, and clicks the button.
    async fn send(&self, username: &str, password: &str, button: &str) {
        self.browser.fill(By::Field("Username"), username).await.unwrap();
        self.browser.fill(By::Field("Password"), password).await.unwrap();
        self.browser.click(By::Button(button)).await.unwrap();
    }

    async fn register(&self, username: &str) {
        self.open("/register").await;
        self.send(username, PASSWORD, "Create account").await;
        self.arrives(&format!("/accounts/{username}")).await;
    }

    /// Waits until the browser is at this path.
    async fn arrives(&self, path: &str) {
        let expected = format!("{}{path}", self.site);
        self.until(format!("the browser is at {path}"), async || {
            let url = self.browser.url().await?;
            if url == expected { Ok(()) } else { Err(Error::Unexpected(url)) }
        })
        .await;
    }

    /// Waits until an element contains this text.
    async fn sees(&self, by: By<'_>, expected: &str) {
        self.until(format!("{by} says {expected:?}"), async || {
            let text = self.browser.text(by).await?;
            if text.contains(expected) { Ok(()) } else { Err(Error::Unexpected(text)) }
        })
        .await;
    }

    /// Waits until the three parts have these states.
    async fn sees_parts(&self, states: [&str; 3]) {
        self.until(format!("the parts are {states:?}"), async || {
            let text = self.browser.text(By::Id("progress")).await?;
            let seen: Vec<_> = text.lines().filter(|line| STATES.contains(line)).collect();
            if seen == states { Ok(()) } else { Err(Error::Unexpected(text)) }
        })
        .await;
    }

    /// Returns true if an element is on the page.
    async fn has(&self, by: By<'_>) -> bool {
        self.browser.text(by).await.is_ok()
    }

    /// Waits until a check succeeds. A check may fail because the page is being replaced.
    async fn until(&self, what: impl Display, check: impl AsyncFn() -> Result<(), Error>) {
        wait::until(what, TIMEOUT, || check()).await.unwrap_or_else(|error| panic!("{error:?}"));
    }
}
