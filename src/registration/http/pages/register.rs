//! The registration page.

use maud::html;

use super::{
    super::problem::ProblemKind,
    Form, Page,
    fields::{self, Password},
};

const USERNAME_HINT: &str = "1 to 128 characters: letters (a to z), digits, - and _, with at least one letter or digit. It becomes the name of your channel and cannot be changed later. Upper and lower case count as the same, and so do - and _.";

/// Returns the registration form.
#[must_use]
pub fn register(form: Form<'_>, min_password_length: usize) -> Page {
    let errors = form.problem.map(|problem| &problem.fields);
    let is_taken = form.problem.is_some_and(|problem| problem.kind == ProblemKind::UsernameTaken);
    let username_error = errors.and_then(|errors| errors.username).map(|error| {
        html! { (error) @if is_taken { " If it is yours, " a href="/sign-in" { "sign in" } "." } }
    });
    let username_error = username_error.as_ref();
    let error = errors.and_then(|errors| errors.password.as_deref());
    let focus = username_error.is_none() && (error.is_some() || !form.username.is_empty());
    let content = html! {
        h1 { "Start streaming" }
        p.lead { "Create an account to get a channel to stream to, a chat room for your viewers, and a stage for live guests." }
        (fields::alert(form.problem))
        form method="post" action="/register" {
            (fields::token(form.token))
            (fields::username(form.username, Some(USERNAME_HINT), username_error, !focus))
            (fields::new_password(Password { error, focus, ..Password::default() }, min_password_length))
            button type="submit" { "Create account" }
        }
        p.foot { "Already have an account? " a href="/sign-in" { "Sign in" } }
    };
    Page::with_form("Create an account", form, content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registration::http::problem::{FieldErrors, Problem};

    fn render(username: &str, problem: Option<&Problem>) -> String {
        register(Form { token: "t-1", username, problem }, 12).render("Streamcat").into_string()
    }

    #[test]
    fn an_error_is_shown_next_to_its_field_and_keeps_the_username() {
        let fields = FieldErrors::username("This is taken.");
        let text = render(r#"to"dd"#, Some(&Problem::invalid_fields(fields)));
        assert!(text.contains(r#"value="to&quot;dd""#));
        assert!(text.contains(r#"<p class="error" id="username-error">This is taken.</p>"#));
        assert!(text.contains(r#"aria-invalid="true" aria-describedby="username-error username-hint""#));
        assert!(text.contains(r#"aria-describedby="password-hint""#));
        assert_eq!(text.matches("autofocus").count(), 1);
        assert!(!text.contains(r#"role="alert""#) && text.contains("<title>Error: Create an account"));
    }

    #[test]
    fn the_form_states_the_rules_before_an_attempt() {
        let text = render("", None);
        assert!(text.contains("12 to 128 characters") && text.contains("cannot be changed"));
        assert!(
            text.contains(r#"autocomplete="new-password""#) && text.contains(r#"autocomplete="username""#)
        );
        assert!(text.contains(r#"name="token" value="t-1""#) && text.contains(r#"data-min-length="12""#));
        assert!(text.contains(r#"<script src="/form.js" defer></script>"#) && !text.contains("style="));
    }

    #[test]
    fn password_gets_the_focus_when_only_it_must_be_entered_again() {
        let text = render("todd", Some(&Problem::stale_form()));
        assert!(text.contains(r#"role="alert""#) && text.contains(r#"value="todd""#));
        let (_, password) = text.split_once(r#"id="password""#).expect("a field");
        assert!(password.contains("autofocus") && text.matches("autofocus").count() == 1);
    }
}
