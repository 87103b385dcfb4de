//! What a username and a password must be; the rules are said before one types, and again beside the field.

use secrecy::{ExposeSecret, SecretString};

use crate::api;

/// Fewest characters of a password: NIST SP 800-63B-4, where a password is the only factor.
pub const SHORTEST_PASSWORD: usize = 15;

/// Most characters of a password; more would only cost time to hash.
pub const LONGEST_PASSWORD: usize = 128;

/// What is wrong with each field, in words for a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    /// What is wrong with the username.
    pub username: Option<&'static str>,
    /// What is wrong with the password.
    pub password: Option<&'static str>,
}

impl Problems {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.username.is_none() && self.password.is_none()
    }
}

/// What is wrong with what was typed.
#[must_use]
pub fn problems(username: &str, password: &SecretString) -> Problems {
    Problems { username: api::username_problem(username), password: password_problem(password) }
}

/// Any character counts as one, a space too: nothing is trimmed, cut or asked for.
fn password_problem(password: &SecretString) -> Option<&'static str> {
    match password.expose_secret().chars().count() {
        0 => Some("Choose a password."),
        1..SHORTEST_PASSWORD => Some("A password has at least 15 characters."),
        SHORTEST_PASSWORD..=LONGEST_PASSWORD => None,
        _ => Some("A password has at most 128 characters."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(password: &str) -> Option<&'static str> {
        password_problem(&SecretString::from(password))
    }

    #[test]
    fn a_password_has_15_to_128_characters_of_any_kind() {
        assert!(of("").is_some());
        assert!(of(&"x".repeat(14)).is_some());
        assert_eq!(of(&"x".repeat(15)), None);
        assert_eq!(of(&"ö".repeat(15)), None);
        assert_eq!(of(&"🦀".repeat(128)), None);
        assert_eq!(of(&" ".repeat(15)), None);
        assert!(of(&"x".repeat(129)).is_some());
    }

    #[test]
    fn the_messages_name_the_limits() {
        assert!(of("x").is_some_and(|problem| problem.contains(&SHORTEST_PASSWORD.to_string())));
        let long = of(&"x".repeat(200));
        assert!(long.is_some_and(|problem| problem.contains(&LONGEST_PASSWORD.to_string())));
    }

    #[test]
    fn both_fields_are_judged_at_once() {
        let problems = problems("to dd", &SecretString::from("short"));
        assert!(problems.username.is_some() && problems.password.is_some() && !problems.is_empty());
    }
}
