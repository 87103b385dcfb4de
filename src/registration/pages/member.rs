//! The pages by which a person comes back, and leaves.

use maud::{Markup, html};

use super::{account::token, alert, page, password_input};
use crate::registration::problem::Problem;

/// The form to sign in, with what did not work out.
#[must_use]
pub fn sign_in(username: &str, problem: Option<&Problem>) -> Markup {
    let wrong = problem.and_then(|problem| problem.fields.password);
    let content = html! {
        h1 { "Welcome back" }
        p.lead { "Sign in to see how your account is, and what to put into OBS." }
        (alert(problem))
        form method="post" action="/sign-in" {
            div.field {
                label for="username" { "Username" }
                input #username name="username" type="text" value=(username) required autofocus[username.is_empty()]
                    autocomplete="username" autocapitalize="none" autocorrect="off" spellcheck="false";
            }
            (password_input(wrong, !username.is_empty(), "current-password", &html! {}))
            button type="submit" { "Sign in" }
        }
        p.foot { "New here? " a href="/register" { "Register" } }
    };
    page(if problem.is_some() { "Error: Sign in" } else { "Sign in" }, None, &content)
}

/// Asks for the password before an account is deleted.
#[must_use]
pub fn delete(username: &str, form_token: &str, problem: Option<&Problem>) -> Markup {
    let wrong = problem.and_then(|problem| problem.fields.password);
    let content = html! {
        p.who { (username) }
        h1 { "Delete my account" }
        p.lead { "Your channel, your chat room and your stage go, and everything in them. This cannot be undone." }
        (alert(problem))
        form method="post" action=(format!("/accounts/{username}/delete")) {
            (token(form_token))
            input type="hidden" name="username" value=(username) autocomplete="username";
            (password_input(wrong, true, "current-password", &html! {
                p.hint #password-hint { "Once more, so that nobody else does this." }
            }))
            button.danger type="submit" { "Delete my account" }
        }
        p.foot { a href=(format!("/accounts/{username}")) { "No, keep it" } }
    };
    page(if problem.is_some() { "Error: Delete my account" } else { "Delete my account" }, None, &content)
}

/// After an account has gone.
#[must_use]
pub fn gone(username: &str) -> Markup {
    let content = html! {
        p.who { (username) }
        h1 { "Your account is gone" }
        p.lead { "Channel, chat room and stage were taken away. Thank you for having been here." }
        p { a href="/register" { "To the registration" } }
    };
    page("Your account is gone", None, &content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_sign_in_keeps_the_username_and_says_so_beside_the_password() {
        let text = sign_in("todd", Some(&Problem::wrong_sign_in())).into_string();
        assert!(text.contains(r#"value="todd""#) && text.contains(r#"autocomplete="current-password""#));
        assert!(
            text.contains(
                r#"<p class="error" id="password-error">The username or the password is wrong.</p>"#
            )
        );
        assert!(text.contains(r#"aria-describedby="password-error""#));
        assert_eq!(text.matches("autofocus").count(), 1);
    }

    #[test]
    fn deleting_asks_for_the_password_and_carries_the_token() {
        let text = delete("todd", "t-1", None).into_string();
        assert!(text.contains(r#"type="password""#) && text.contains(r#"name="token" value="t-1""#));
        assert!(text.contains(r#"aria-describedby="password-hint""#));
    }
}
