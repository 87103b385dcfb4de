//! The fields of the forms.

use maud::{Markup, html};

use super::super::problem::Problem;

/// A password field.
#[derive(Clone, Copy, Debug)]
pub struct Password<'a> {
    /// The name and the id of the field.
    pub name: &'a str,
    /// The label.
    pub label: &'a str,
    /// The hint for password managers: `new-password` or `current-password`.
    pub autocomplete: &'a str,
    /// The hint below the label.
    pub hint: Option<&'a str>,
    /// The error of the last attempt.
    pub error: Option<&'a str>,
    /// True if the field gets the focus.
    pub focus: bool,
    /// Minimum number of characters, for the strength meter of the script.
    pub min_length: Option<usize>,
}

impl Default for Password<'_> {
    /// Returns the field for the current password.
    fn default() -> Self {
        Self {
            name: "password",
            label: "Password",
            autocomplete: "current-password",
            hint: None,
            error: None,
            focus: false,
            min_length: None,
        }
    }
}

/// Returns the hidden field with the form token.
pub fn token(token: &str) -> Markup {
    html! { input type="hidden" name="token" value=(token); }
}

/// Returns the alert for a problem of the whole form. The errors of single fields are shown next to the
/// fields.
pub fn alert(problem: Option<&Problem>) -> Markup {
    html! {
        @if let Some(problem) = problem.filter(|problem| problem.fields.is_empty()) {
            div.alert role="alert" {
                strong { (problem.title) }
                p { (problem.detail) }
            }
        }
    }
}

/// Returns the username field.
pub fn username(typed: &str, hint: Option<&str>, error: Option<&Markup>, focus: bool) -> Markup {
    html! {
        div.field {
            label for="username" { "Username" }
            (notes("username", hint, error))
            input #username name="username" type="text" value=(typed) required autofocus[focus]
                autocomplete="username" autocapitalize="none" autocorrect="off" spellcheck="false"
                aria-invalid=[error.map(|_| "true")]
                aria-describedby=[described_by("username", hint, error)];
        }
    }
}

/// Returns a password field. It never has a value, because passwords are not sent back, nor a maxlength,
/// because browsers would silently cut a pasted password.
pub fn password(password: Password<'_>) -> Markup {
    let Password { name, label, autocomplete, hint, error, focus, min_length } = password;
    let error = error.map(|error| html! { (error) });
    let error = error.as_ref();
    html! {
        div.field {
            label for=(name) { (label) }
            (notes(name, hint, error))
            div.secret {
                input id=(name) name=(name) type="password" required autofocus[focus]
                    autocomplete=(autocomplete) autocapitalize="none" autocorrect="off" spellcheck="false"
                    data-min-length=[min_length]
                    aria-invalid=[error.map(|_| "true")]
                    aria-describedby=[described_by(name, hint, error)];
            }
        }
    }
}

/// Returns the field for a new password, with the rules.
pub fn new_password(password: Password<'_>, min_length: usize) -> Markup {
    let hint = format!(
        "{min_length} to 128 characters. Spaces and characters of any language are allowed. A few words that you can remember work best."
    );
    self::password(Password {
        autocomplete: "new-password",
        hint: Some(&hint),
        min_length: Some(min_length),
        ..password
    })
}

fn notes(field: &str, hint: Option<&str>, error: Option<&Markup>) -> Markup {
    html! {
        @if let Some(hint) = hint { p.hint id=(format!("{field}-hint")) { (hint) } }
        @if let Some(error) = error { p.error id=(format!("{field}-error")) { (error) } }
    }
}

fn described_by(field: &str, hint: Option<&str>, error: Option<&Markup>) -> Option<String> {
    let notes = [error.map(|_| format!("{field}-error")), hint.map(|_| format!("{field}-hint"))];
    let notes: Vec<_> = notes.into_iter().flatten().collect();
    (!notes.is_empty()).then(|| notes.join(" "))
}
