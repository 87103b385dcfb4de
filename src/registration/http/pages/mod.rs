//! The pages. All work without JavaScript; with it the account's shows progress sooner, and a password can be looked at.

use maud::{DOCTYPE, Markup, html};

use super::{
    problem::{Kind, Problem},
    session::Notice,
};

mod account;
mod fields;
mod member;
mod register;

pub use account::{Addresses, Own, StreamKey, account};
pub use member::{delete, gone, new_password, sign_in};
pub use register::register;

/// A form, as it is shown for the first time or again.
#[derive(Clone, Copy, Debug)]
pub struct Form<'a> {
    /// The token by which it shows that it came from us.
    pub token: &'a str,
    /// The username, as far as it was typed.
    pub username: &'a str,
    /// What did not work out.
    pub problem: Option<&'a Problem>,
}

/// What a page shows within the frame that all have.
#[derive(Debug)]
pub struct Page {
    title: String,
    notice: Option<Notice>,
    look_again: Option<u32>,
    script: Option<&'static str>,
    content: Markup,
}

impl Page {
    fn new(title: impl Into<String>, content: Markup) -> Self {
        Self { title: title.into(), notice: None, look_again: None, script: None, content }
    }

    /// A page with a form, whose title says first of all that something did not work out.
    fn with_form(title: &str, form: Form<'_>, content: Markup) -> Self {
        let title = if form.problem.is_some() { format!("Error: {title}") } else { title.to_owned() };
        Self { script: Some("/form.js"), ..Self::new(title, content) }
    }

    /// Says something before all else.
    #[must_use]
    pub fn with_notice(self, notice: Notice) -> Self {
        Self { notice: Some(notice), ..self }
    }

    /// Shows what happens: by its script, and without JavaScript by looking again after so many seconds.
    fn live(self, seconds: Option<u32>) -> Self {
        Self { look_again: seconds, script: seconds.map(|_| "/live.js"), ..self }
    }

    /// The whole of it, of the site with this name.
    #[must_use]
    pub fn of_site(&self, name: &str) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    @if let Some(seconds) = self.look_again {
                        noscript { meta http-equiv="refresh" content=(seconds); }
                    }
                    @if let Some(script) = self.script { script src=(script) defer {} }
                    title { (self.title) " · " (name) }
                    link rel="stylesheet" href="/style.css";
                }
                body {
                    header { (name) }
                    main {
                        @if let Some(notice) = self.notice { p.notice role="status" { (words(notice)) } }
                        (self.content)
                    }
                }
            }
        }
    }
}

fn words(notice: Notice) -> &'static str {
    match notice {
        Notice::PasswordChanged => {
            "Your password is changed. Wherever else you were signed in, you are signed out now."
        }
    }
}

/// A page for what did not work out.
#[must_use]
pub fn problem(problem: &Problem) -> Page {
    let content = html! {
        h1 { (problem.title) }
        p.lead { (problem.detail) }
        @if problem.kind == Kind::NotSignedIn {
            p { a href="/sign-in" { "Sign in" } }
        } @else {
            p { a href="/register" { "To the registration" } }
        }
    };
    Page::new(problem.title, content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_the_site_stands_on_every_page() {
        let text = problem(&Problem::not_found()).of_site("Cats & Co").into_string();
        assert!(text.contains("<title>Not Found · Cats &amp; Co</title>"), "{text}");
        assert!(text.contains("<header>Cats &amp; Co</header>") && !text.contains("<script"), "{text}");
    }
}
