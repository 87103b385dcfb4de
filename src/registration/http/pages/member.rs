//! The pages of a registered user: signing in, changing the password, deleting the account.

use maud::{Markup, html};

use super::{
    Form, Page,
    fields::{self, Password},
};

/// Returns the sign-in form. `own` is the username of the user who is signed in already.
#[must_use]
pub fn sign_in(form: Form<'_>, own: Option<&str>) -> Page {
    let focus_password = !form.username.is_empty();
    let content = html! {
        h1 { "Welcome back" }
        p.lead { "Sign in to see your account and your streaming settings." }
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
        p.foot { "New here? " a href="/register" { "Create an account" } }
    };
    Page::with_form("Sign in", form, content)
}

/// A page on which the owner confirms an action with the password.
struct Confirmation {
    /// The title, also the label of the button.
    title: &'static str,
    lead: &'static str,
    /// The path of the action, below the path of the account.
    path: &'static str,
    /// The CSS class of the button.
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
            p.foot { a href=(format!("/accounts/{username}")) { "Cancel" } }
        };
        Page::with_form(title, form, content)
    }
}

/// Returns the form that asks for the password before an account is deleted.
#[must_use]
pub fn delete(form: Form<'_>) -> Page {
    let hint = "Enter your password to confirm.";
    let confirmation = Confirmation {
        title: "Delete account",
        lead: "This deletes your channel, chat room, and stage, with everything in them. This cannot be undone.",
        path: "delete",
        class: Some("danger"),
        fields: fields::password(current_password(form, Some(hint))),
    };
    confirmation.page(form)
}

/// Returns the form that asks for the current and the new password.
#[must_use]
pub fn change_password(form: Form<'_>, min_length: usize) -> Page {
    let error = form.problem.and_then(|problem| problem.fields.new_password.as_deref());
    let focus_new = error.is_some();
    let current = Password { focus: !focus_new, label: "Current password", ..current_password(form, None) };
    let (name, label) = ("new-password", "New password");
    let new = Password { name, label, error, focus: focus_new, ..Password::default() };
    let confirmation = Confirmation {
        title: "Change password",
        lead: "All your other sessions will be signed out.",
        path: "password",
        class: None,
        fields: html! {
            (fields::password(current))
            (fields::new_password(new, min_length))
        },
    };
    confirmation.page(form)
}

/// Returns the field for the current password.
fn current_password<'a>(form: Form<'a>, hint: Option<&'a str>) -> Password<'a> {
    let error = form.problem.and_then(|problem| problem.fields.password.as_deref());
    Password { hint, error, focus: true, ..Password::default() }
}

/// Returns the page that confirms a completed deletion.
#[must_use]
pub fn deleted(username: &str) -> Page {
    let content = html! {
        p.who { (username) }
        h1 { "Account deleted" }
        p.lead { "Your channel, chat room, and stage have been deleted. Thank you for having been with us." }
        p { a href="/register" { "Go to registration" } }
    };
    Page::new("Account deleted", content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registration::http::problem::{FieldErrors, Problem};

    fn form(problem: Option<&Problem>) -> Form<'_> {
        Form { token: "t-1", username: "todd", problem }
    }

    #[test]
    fn a_failed_sign_in_keeps_the_username_and_marks_the_password() {
        let text = sign_in(form(Some(&Problem::wrong_credentials())), None).render("Streamcat").into_string();
        assert!(text.contains(r#"value="todd""#) && text.contains(r#"autocomplete="current-password""#));
        assert!(text.contains(r#"<p class="error" id="password-error">Incorrect username or password.</p>"#));
        assert!(text.contains(r#"aria-describedby="password-error""#));
        assert_eq!(text.matches("autofocus").count(), 1);
    }

    #[test]
    fn every_form_carries_the_token() {
        for page in [sign_in(form(None), None), delete(form(None)), change_password(form(None), 15)] {
            let text = page.render("Streamcat").into_string();
            assert!(text.contains(r#"type="password""#) && text.contains(r#"name="token" value="t-1""#));
        }
    }

    #[test]
    fn an_error_of_the_new_password_is_shown_next_to_it() {
        let problem = Problem::invalid_fields(FieldErrors::new_password("Too common.".into()));
        let text = change_password(form(Some(&problem)), 15).render("Streamcat").into_string();
        assert!(text.contains(r#"<p class="error" id="new-password-error">Too common.</p>"#), "{text}");
        assert!(text.contains(r#"autocomplete="new-password""#) && text.contains(r#"data-min-length="15""#));
        assert!(
            text.contains(r#"autocomplete="current-password""#) && !text.contains(r#"id="password-error""#)
        );
        assert_eq!(text.matches("autofocus").count(), 1);
    }

    #[test]
    fn deletion_form_asks_for_the_password() {
        let text = delete(form(None)).render("Streamcat").into_string();
        assert!(
            text.contains(r#"aria-describedby="password-hint""#) && text.contains("/accounts/todd/delete")
        );
    }
}
