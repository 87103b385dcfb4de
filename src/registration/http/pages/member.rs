//! The pages by which a person comes back, and leaves.

use maud::{Markup, html};

use super::{
    Form, Page,
    fields::{self, Password},
};

/// The form to sign in, with what did not work out. Who is signed in already, as `own`, is told so.
#[must_use]
pub fn sign_in(form: Form<'_>, own: Option<&str>) -> Page {
    let focus_password = !form.username.is_empty();
    let content = html! {
        h1 { "Welcome back" }
        p.lead { "Sign in to see how your account is, and what to put into OBS." }
        @if let Some(own) = own {
            p { "You are signed in as " a href=(format!("/accounts/{own}")) { (own) } "." }
        }
        (fields::alert(form.problem))
        form method="post" action="/sign-in" {
            (fields::token(form.token))
            (fields::username(form.username, None, None, !focus_password))
            (fields::password(Password { focus: focus_password, ..current_password(form, None) }))
            button type="submit" { "Sign in" }
        }
        p.foot { "New here? " a href="/register" { "Register" } }
    };
    Page::with_form("Sign in", form, content)
}

/// A page on which the owner confirms something with the password.
struct Confirmation {
    title: &'static str,
    lead: &'static str,
    /// Where it is sent, below the account.
    path: &'static str,
    /// Of the button.
    class: Option<&'static str>,
    fields: Markup,
}

impl Confirmation {
    fn page(&self, form: Form<'_>) -> Page {
        let (username, title) = (form.username, self.title);
        let content = html! {
            p.who { (username) }
            h1 { (title) }
            p.lead { (self.lead) }
            (fields::alert(form.problem))
            form method="post" action=(format!("/accounts/{username}/{}", self.path)) {
                (fields::token(form.token))
                input type="hidden" name="username" value=(username) autocomplete="username";
                (self.fields)
                button class=[self.class] type="submit" { (title) }
            }
            p.foot { a href=(format!("/accounts/{username}")) { "No, keep it" } }
        };
        Page::with_form(title, form, content)
    }
}

/// Asks for the password before an account is deleted.
#[must_use]
pub fn delete(form: Form<'_>) -> Page {
    let hint = "Once more, so that nobody else does this.";
    let confirmation = Confirmation {
        title: "Delete my account",
        lead: "Your channel, your chat room and your stage go, and everything in them. This cannot be undone.",
        path: "delete",
        class: Some("danger"),
        fields: fields::password(current_password(form, Some(hint))),
    };
    confirmation.page(form)
}

/// Asks for the password and for another one.
#[must_use]
pub fn new_password(form: Form<'_>, shortest_password: usize) -> Page {
    let problem = form.problem.and_then(|problem| problem.fields.new_password.as_deref());
    let is_known = problem.is_some();
    let present = Password { focus: !is_known, label: "Present password", ..current_password(form, None) };
    let (name, label) = ("new-password", "New password");
    let new = Password { name, label, problem, focus: is_known, ..Password::default() };
    let confirmation = Confirmation {
        title: "Change my password",
        lead: "Wherever else you are signed in, you will be signed out.",
        path: "password",
        class: None,
        fields: html! {
            (fields::password(present))
            (fields::chosen_password(new, shortest_password))
        },
    };
    confirmation.page(form)
}

/// The password that somebody has.
fn current_password<'a>(form: Form<'a>, hint: Option<&'a str>) -> Password<'a> {
    let problem = form.problem.and_then(|problem| problem.fields.password.as_deref());
    Password { hint, problem, focus: true, ..Password::default() }
}

/// After an account has gone.
#[must_use]
pub fn gone(username: &str) -> Page {
    let content = html! {
        p.who { (username) }
        h1 { "Your account is gone" }
        p.lead { "Channel, chat room and stage were taken away. Thank you for having been here." }
        p { a href="/register" { "To the registration" } }
    };
    Page::new("Your account is gone", content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registration::{problem::Problem, validate::Problems};

    fn form(problem: Option<&Problem>) -> Form<'_> {
        Form { token: "t-1", username: "todd", problem }
    }

    #[test]
    fn a_failed_sign_in_keeps_the_username_and_says_so_beside_the_password() {
        let text = sign_in(form(Some(&Problem::wrong_sign_in())), None).of_site("Streamcat").into_string();
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
    fn every_form_carries_the_token() {
        for page in [sign_in(form(None), None), delete(form(None)), new_password(form(None), 15)] {
            let text = page.of_site("Streamcat").into_string();
            assert!(text.contains(r#"type="password""#) && text.contains(r#"name="token" value="t-1""#));
        }
    }

    #[test]
    fn what_is_wrong_with_the_new_password_stands_beside_that() {
        let problem = Problem::invalid(Problems::of_new_password("Too common.".into()));
        let text = new_password(form(Some(&problem)), 15).of_site("Streamcat").into_string();
        assert!(text.contains(r#"<p class="error" id="new-password-error">Too common.</p>"#), "{text}");
        assert!(text.contains(r#"autocomplete="new-password""#) && text.contains(r#"data-least="15""#));
        assert!(
            text.contains(r#"autocomplete="current-password""#) && !text.contains(r#"id="password-error""#)
        );
        assert_eq!(text.matches("autofocus").count(), 1);
    }

    #[test]
    fn deleting_asks_for_the_password() {
        let text = delete(form(None)).of_site("Streamcat").into_string();
        assert!(
            text.contains(r#"aria-describedby="password-hint""#) && text.contains("/accounts/todd/delete")
        );
    }
}
