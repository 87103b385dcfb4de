//! The HTML pages. All of them work without JavaScript. With it, the account page updates itself, and a
//! password can be shown.

use maud::{DOCTYPE, Markup, html};

use super::{
    cookies::FlashMessage,
    problem::{Problem, ProblemKind},
};

mod account;
mod fields;
mod member;
mod register;

pub use account::{OwnerView, StreamKeyView, StreamingAddresses, account};
pub use member::{change_password, delete, deleted, sign_in};
pub use register::register;

/// The state of a form, for the first time or after an attempt.
#[derive(Clone, Copy, Debug)]
pub struct Form<'a> {
    /// The form token, which proves that the form was rendered for this browser.
    pub token: &'a str,
    /// The username, as far as it was typed.
    pub username: &'a str,
    /// The problem of the last attempt.
    pub problem: Option<&'a Problem>,
}

/// A page, without the frame that all pages share.
#[derive(Debug)]
pub struct Page {
    title: String,
    flash: Option<FlashMessage>,
    refresh_seconds: Option<u32>,
    script: Option<&'static str>,
    content: Markup,
}

impl Page {
    fn new(title: impl Into<String>, content: Markup) -> Self {
        Self { title: title.into(), flash: None, refresh_seconds: None, script: None, content }
    }

    /// Creates a page with a form. The title begins with "Error" after a failed attempt, so that screen
    /// readers say it first.
    fn with_form(title: &str, form: Form<'_>, content: Markup) -> Self {
        let title = if form.problem.is_some() { format!("Error: {title}") } else { title.to_owned() };
        Self { script: Some("/form.js"), ..Self::new(title, content) }
    }

    /// Adds a flash message at the top.
    #[must_use]
    pub fn with_flash(self, message: FlashMessage) -> Self {
        Self { flash: Some(message), ..self }
    }

    /// Makes the page update itself: with its script, or without JavaScript by reloading after so many
    /// seconds.
    fn live(self, seconds: Option<u32>) -> Self {
        Self { refresh_seconds: seconds, script: seconds.map(|_| "/live.js"), ..self }
    }

    /// Renders the page with the frame of the site.
    #[must_use]
    pub fn render(&self, site_name: &str) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    @if let Some(seconds) = self.refresh_seconds {
                        noscript { meta http-equiv="refresh" content=(seconds); }
                    }
                    @if let Some(script) = self.script { script src=(script) defer {} }
                    title { (self.title) " · " (site_name) }
                    link rel="stylesheet" href="/style.css";
                }
                body {
                    header { (site_name) }
                    main {
                        @if let Some(message) = self.flash { p.notice role="status" { (flash_text(message)) } }
                        (self.content)
                    }
                }
            }
        }
    }
}

fn flash_text(message: FlashMessage) -> &'static str {
    match message {
        FlashMessage::PasswordChanged => {
            "Your password has been changed. All your other sessions have been signed out."
        }
    }
}

/// Returns the page for a problem that belongs to no form.
#[must_use]
pub fn problem(problem: &Problem) -> Page {
    let content = html! {
        h1 { (problem.title) }
        p.lead { (problem.detail) }
        @if problem.kind == ProblemKind::NotSignedIn {
            p { a href="/sign-in" { "Sign in" } }
        } @else {
            p { a href="/register" { "Go to registration" } }
        }
    };
    Page::new(problem.title, content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_carries_the_escaped_site_name() {
        let text = problem(&Problem::not_found()).render("Cats & Co").into_string();
        assert!(text.contains("<title>Not Found · Cats &amp; Co</title>"), "{text}");
        assert!(text.contains("<header>Cats &amp; Co</header>") && !text.contains("<script"), "{text}");
    }
}
