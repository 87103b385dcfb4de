//! What the forms are made of.

use maud::{Markup, html};

use crate::registration::problem::Problem;

/// A password that somebody is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Password<'a> {
    /// Its name in the form, and its id.
    pub name: &'a str,
    /// What it is called.
    pub label: &'a str,
    /// What a password manager is to do: `new-password` or `current-password`.
    pub autocomplete: &'a str,
    /// What is said before one types.
    pub hint: Option<&'a str>,
    /// What is wrong with it.
    pub problem: Option<&'a str>,
    /// Whether one begins to type here.
    pub focus: bool,
    /// Fewest characters of a new one, for the advice of the script.
    pub least: Option<usize>,
}

impl Default for Password<'_> {
    /// The one that somebody has.
    fn default() -> Self {
        Self {
            name: "password",
            label: "Password",
            autocomplete: "current-password",
            hint: None,
            problem: None,
            focus: false,
            least: None,
        }
    }
}

/// The field by which a form shows that it came from us.
pub fn token(token: &str) -> Markup {
    html! { input type="hidden" name="token" value=(token); }
}

/// What is wrong with the whole; what is wrong with a field stands beside that.
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

/// A username, as far as it was typed.
pub fn username(typed: &str, hint: Option<&str>, problem: Option<&Markup>, focus: bool) -> Markup {
    html! {
        div.field {
            label for="username" { "Username" }
            (notes("username", hint, problem))
            input #username name="username" type="text" value=(typed) required autofocus[focus]
                autocomplete="username" autocapitalize="none" autocorrect="off" spellcheck="false"
                aria-invalid=[problem.map(|_| "true")]
                aria-describedby=[described_by("username", hint, problem)];
        }
    }
}

/// Never with a value: a password is not sent back. Nor with a maxlength: a pasted password would be cut silently.
pub fn password(password: Password<'_>) -> Markup {
    let Password { name, label, autocomplete, hint, problem, focus, least } = password;
    let problem = problem.map(|problem| html! { (problem) });
    let problem = problem.as_ref();
    html! {
        div.field {
            label for=(name) { (label) }
            (notes(name, hint, problem))
            div.secret {
                input id=(name) name=(name) type="password" required autofocus[focus]
                    autocomplete=(autocomplete) autocapitalize="none" autocorrect="off" spellcheck="false"
                    data-least=[least]
                    aria-invalid=[problem.map(|_| "true")]
                    aria-describedby=[described_by(name, hint, problem)];
            }
        }
    }
}

/// A password that somebody chooses, with the rules.
pub fn chosen_password(password: Password<'_>, least: usize) -> Markup {
    let hint = format!(
        "{least} to 128 characters, spaces and signs of any language too. A few words that you remember are best."
    );
    self::password(Password {
        autocomplete: "new-password",
        hint: Some(&hint),
        least: Some(least),
        ..password
    })
}

fn notes(field: &str, hint: Option<&str>, problem: Option<&Markup>) -> Markup {
    html! {
        @if let Some(hint) = hint { p.hint id=(format!("{field}-hint")) { (hint) } }
        @if let Some(problem) = problem { p.error id=(format!("{field}-error")) { (problem) } }
    }
}

fn described_by(field: &str, hint: Option<&str>, problem: Option<&Markup>) -> Option<String> {
    let notes = [problem.map(|_| format!("{field}-error")), hint.map(|_| format!("{field}-hint"))];
    let notes: Vec<_> = notes.into_iter().flatten().collect();
    (!notes.is_empty()).then(|| notes.join(" "))
}
