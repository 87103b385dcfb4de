//! The pages. All work without JavaScript; the account's shows progress sooner with it.

use maud::{DOCTYPE, Markup, html};

use super::{problem::Problem, validate::Problems};

mod account;
mod member;

pub use account::{Addresses, Own, StreamKey, account};
pub use member::{delete, gone, sign_in};

/// The form, as it is first seen.
#[must_use]
pub fn empty_form() -> Markup {
    form("", None)
}

/// The form again, with what was typed and what did not work out.
#[must_use]
pub fn form_again(username: &str, problem: &Problem) -> Markup {
    form(username, Some(problem))
}

fn form(username: &str, problem: Option<&Problem>) -> Markup {
    let fields = problem.map(|problem| problem.fields).unwrap_or_default();
    let title = if problem.is_some() { "Error: Register" } else { "Register" };
    let content = html! {
        h1 { "Start streaming" }
        p.lead { "Registering gives you a channel to stream to, a chat room for your viewers, and a stage for live guests." }
        (alert(problem))
        form method="post" action="/register" {
            (username_field(username, fields))
            (password_field(fields))
            button type="submit" { "Register" }
        }
        p.foot { "Registered before? " a href="/sign-in" { "Sign in" } }
    };
    page(title, None, &content)
}

fn username_field(username: &str, fields: Problems) -> Markup {
    let problem = fields.username;
    let focus = problem.is_some() || fields.password.is_none();
    html! {
        div.field {
            label for="username" { "Username" }
            p.hint #username-hint { "Letters (a to z), digits, - and _; at most 128. It becomes the name of your channel and cannot be changed later." }
            @if let Some(problem) = problem { p.error #username-error { (problem) } }
            input #username name="username" type="text" value=(username) required autofocus[focus]
                autocomplete="username" autocapitalize="none" autocorrect="off" spellcheck="false"
                aria-invalid=[problem.map(|_| "true")]
                aria-describedby=(described_by("username-hint", "username-error", problem));
        }
    }
}

/// What is wrong with the whole; what is wrong with a field stands beside that.
fn alert(problem: Option<&Problem>) -> Markup {
    html! {
        @if let Some(problem) = problem.filter(|problem| problem.fields.is_empty()) {
            div.alert role="alert" {
                strong { (problem.title) }
                p { (problem.detail) }
            }
        }
    }
}

fn password_field(fields: Problems) -> Markup {
    let focus = fields.password.is_some() && fields.username.is_none();
    password_input(
        fields.password,
        focus,
        "new-password",
        &html! {
            p.hint #password-hint { "15 to 128 characters, spaces and signs of any language too. A few words that you remember are best." }
        },
    )
}

/// Never with a value: a password is not sent back. Nor with a maxlength: a pasted password would be cut silently.
fn password_input(problem: Option<&str>, focus: bool, autocomplete: &str, hint: &Markup) -> Markup {
    let described = match (hint.0.is_empty(), problem) {
        (true, None) => None,
        (true, Some(_)) => Some("password-error".to_owned()),
        (false, problem) => Some(described_by("password-hint", "password-error", problem)),
    };
    html! {
        div.field {
            label for="password" { "Password" }
            (hint)
            @if let Some(problem) = problem { p.error #password-error { (problem) } }
            input #password name="password" type="password" required autofocus[focus]
                autocomplete=(autocomplete)
                aria-invalid=[problem.map(|_| "true")]
                aria-describedby=[described];
        }
    }
}

fn described_by(hint: &str, error: &str, problem: Option<&str>) -> String {
    if problem.is_some() { format!("{error} {hint}") } else { hint.to_owned() }
}

/// A page for what did not work out.
#[must_use]
pub fn problem(problem: &Problem) -> Markup {
    let content = html! {
        h1 { (problem.title) }
        p.lead { (problem.detail) }
        p { a href="/register" { "To the registration" } }
    };
    page(problem.title, None, &content)
}

/// A page; one that is to show what happens does so by its script, or looks again after so many seconds.
fn page(title: &str, refresh: Option<u32>, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                @if let Some(seconds) = refresh {
                    noscript { meta http-equiv="refresh" content=(seconds); }
                    script src="/live.js" defer {}
                }
                title { (title) " · Streamcat" }
                link rel="stylesheet" href="/style.css";
            }
            body {
                header { "Streamcat" }
                main { (content) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_stands_beside_its_field_and_the_username_is_kept() {
        let fields = Problems { username: Some("This is taken."), password: None };
        let text = form_again(r#"to"dd"#, &Problem::invalid(fields)).into_string();
        assert!(text.contains(r#"value="to&quot;dd""#));
        assert!(text.contains(r#"<p class="error" id="username-error">This is taken.</p>"#));
        assert!(text.contains(r#"aria-invalid="true" aria-describedby="username-error username-hint""#));
        assert!(text.contains(r#"aria-describedby="password-hint""#));
        assert_eq!(text.matches("autofocus").count(), 1);
        assert!(!text.contains(r#"role="alert""#));
    }

    #[test]
    fn the_rules_are_said_before_one_types() {
        let text = empty_form().into_string();
        assert!(text.contains("15 to 128 characters") && text.contains("cannot be changed"));
        assert!(
            text.contains(r#"autocomplete="new-password""#) && text.contains(r#"autocomplete="username""#)
        );
        assert!(!text.contains("<script") && !text.contains("style="));
    }
}
