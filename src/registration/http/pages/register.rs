//! The page by which somebody comes.

use maud::html;

use super::{
    Form, Page,
    fields::{self, Password},
};
use crate::registration::problem::Kind;

const USERNAME_HINT: &str = "Letters (a to z), digits, - and _; at most 128, and not only - and _. It becomes the name of your channel and cannot be changed later. Upper and lower case are the same, and so are - and _.";

/// The form to register, which says the rules.
#[must_use]
pub fn register(form: Form<'_>, shortest_password: usize) -> Page {
    let wrong = form.problem.map(|problem| &problem.fields);
    let is_taken = form.problem.is_some_and(|problem| problem.kind == Kind::UsernameTaken);
    let username = wrong.and_then(|fields| fields.username).map(|problem| {
        html! { (problem) @if is_taken { " If it is yours, " a href="/sign-in" { "sign in" } "." } }
    });
    let username = username.as_ref();
    let password = wrong.and_then(|fields| fields.password.as_deref());
    let focus_password = username.is_none() && (password.is_some() || !form.username.is_empty());
    let content = html! {
        h1 { "Start streaming" }
        p.lead { "Registering gives you a channel to stream to, a chat room for your viewers, and a stage for live guests." }
        (fields::alert(form.problem))
        form method="post" action="/register" {
            (fields::token(form.token))
            (fields::username(form.username, Some(USERNAME_HINT), username, !focus_password))
            (fields::chosen_password(
                Password { problem: password, focus: focus_password, ..Password::default() },
                shortest_password,
            ))
            button type="submit" { "Register" }
        }
        p.foot { "Registered before? " a href="/sign-in" { "Sign in" } }
    };
    Page::with_form("Register", form, content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registration::{problem::Problem, validate::Problems};

    fn shown(username: &str, problem: Option<&Problem>) -> String {
        register(Form { token: "t-1", username, problem }, 12).of_site("Streamcat").into_string()
    }

    #[test]
    fn an_error_stands_beside_its_field_and_the_username_is_kept() {
        let fields = Problems::of_username("This is taken.");
        let text = shown(r#"to"dd"#, Some(&Problem::invalid(fields)));
        assert!(text.contains(r#"value="to&quot;dd""#));
        assert!(text.contains(r#"<p class="error" id="username-error">This is taken.</p>"#));
        assert!(text.contains(r#"aria-invalid="true" aria-describedby="username-error username-hint""#));
        assert!(text.contains(r#"aria-describedby="password-hint""#));
        assert_eq!(text.matches("autofocus").count(), 1);
        assert!(!text.contains(r#"role="alert""#) && text.contains("<title>Error: Register"));
    }

    #[test]
    fn the_rules_are_said_before_one_types() {
        let text = shown("", None);
        assert!(text.contains("12 to 128 characters") && text.contains("cannot be changed"));
        assert!(
            text.contains(r#"autocomplete="new-password""#) && text.contains(r#"autocomplete="username""#)
        );
        assert!(text.contains(r#"name="token" value="t-1""#) && text.contains(r#"data-least="12""#));
        assert!(text.contains(r#"<script src="/form.js" defer></script>"#) && !text.contains("style="));
    }

    #[test]
    fn who_has_to_type_the_password_again_begins_there() {
        let text = shown("todd", Some(&Problem::stale_form()));
        assert!(text.contains(r#"role="alert""#) && text.contains(r#"value="todd""#));
        let (_, password) = text.split_once(r#"id="password""#).expect("a field");
        assert!(password.contains("autofocus") && text.matches("autofocus").count() == 1);
    }
}
