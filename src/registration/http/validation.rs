//! The rules for usernames and passwords.

use std::{borrow::Cow, collections::BTreeSet};

use secrecy::{ExposeSecret, SecretString};

use super::problem::{
    COMMON_PASSWORD, EMPTY_PASSWORD, FieldErrors, NO_LETTER_OR_DIGIT, OWN_NAME_PASSWORD, PASSWORD_PATTERN,
    PASSWORD_TOO_LONG, RESERVED_USERNAME, SAME_PASSWORD, password_too_short,
};
use crate::{
    api,
    config::RuleSettings,
    registration::password::{blocklist, patterns},
};

/// Maximum number of characters of a password. More would only take longer to hash.
pub const MAX_PASSWORD_CHARS: usize = 128;

/// The rules of this site.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The name of the site.
    pub site_name: String,
    /// Minimum number of characters of a password.
    pub min_password_length: usize,
    /// Usernames that nobody can register, in their bare form.
    reserved: BTreeSet<String>,
}

impl Rules {
    /// Creates the rules from the settings. The name of the site is reserved, too.
    #[must_use]
    pub fn new(settings: &RuleSettings) -> Self {
        let names = settings.reserved_usernames.iter().chain([&settings.site_name]);
        let key = |name: &String| bare(&name.replace(' ', "-"));
        Self {
            site_name: settings.site_name.clone(),
            min_password_length: settings.min_password_length.into(),
            reserved: names.map(key).collect(),
        }
    }

    /// Checks a username and a password.
    #[must_use]
    pub fn check(&self, username: &str, password: &SecretString) -> FieldErrors {
        FieldErrors {
            username: self.username_error(username),
            password: self.password_error(username, password),
            new_password: None,
        }
    }

    fn username_error(&self, username: &str) -> Option<&'static str> {
        let bare = bare(username);
        let reserved = || self.reserved.contains(&bare).then_some(RESERVED_USERNAME);
        let empty = || bare.is_empty().then_some(NO_LETTER_OR_DIGIT);
        api::username_problem(username).or_else(empty).or_else(reserved)
    }

    /// Checks a password that is to replace the current one.
    pub fn check_new_password(
        &self,
        username: &str,
        current: &SecretString,
        new: &SecretString,
    ) -> Option<Cow<'static, str>> {
        let is_same = new.expose_secret() == current.expose_secret();
        self.password_error(username, new).or_else(|| is_same.then_some(SAME_PASSWORD.into()))
    }

    /// Checks a password. Every character counts, including spaces. Nothing is trimmed or cut, and no kind of
    /// character is required.
    fn password_error(&self, username: &str, password: &SecretString) -> Option<Cow<'static, str>> {
        let password = password.expose_secret();
        let (length, min) = (password.chars().count(), self.min_password_length);
        if length == 0 {
            Some(EMPTY_PASSWORD.into())
        } else if length < min {
            Some(password_too_short(min))
        } else if length > MAX_PASSWORD_CHARS {
            Some(PASSWORD_TOO_LONG.into())
        } else if blocklist::is_mostly(password, &[username, &self.site_name]) {
            Some(OWN_NAME_PASSWORD.into())
        } else if blocklist::is_common(password) {
            Some(COMMON_PASSWORD.into())
        } else {
            patterns::is_pattern(password).then_some(PASSWORD_PATTERN.into())
        }
    }
}

/// Returns a username without leading and trailing separators: people read `-admin_` as admin.
fn bare(username: &str) -> String {
    api::username_key(username).trim_matches('-').to_owned()
}

#[cfg(test)]
impl Rules {
    /// The default rules with one reserved name.
    pub fn for_tests() -> Self {
        Self::new(&RuleSettings {
            site_name: "Streamcat".to_owned(),
            min_password_length: 15,
            reserved_usernames: vec!["help_desk".to_owned()],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(password: &str) -> Option<Cow<'static, str>> {
        Rules::for_tests().password_error("todd", &SecretString::from(password))
    }

    #[test]
    fn a_password_has_15_to_128_characters_of_any_kind() {
        let of_length = |length| {
            let numbered = (0..length).map(|at| format!("{at}ö漢🦀 "));
            numbered.collect::<String>().chars().take(length).collect::<String>()
        };
        assert!(error_of("").is_some());
        assert!(error_of(&of_length(14)).is_some());
        assert_eq!(error_of(&of_length(15)), None);
        assert_eq!(error_of(&of_length(128)), None);
        assert!(error_of(&of_length(129)).is_some());
    }

    #[test]
    fn length_errors_name_the_configured_limits() {
        assert!(error_of("x").is_some_and(|error| error.contains("15")));
        let eight = Rules { min_password_length: 8, ..Rules::for_tests() };
        assert_eq!(eight.password_error("todd", &"kfz-XY 7".into()), None);
        assert!(eight.password_error("todd", &"kfz-XY7".into()).is_some_and(|error| error.contains('8')));
        assert!(
            error_of(&"x".repeat(200)).is_some_and(|error| error.contains(&MAX_PASSWORD_CHARS.to_string()))
        );
    }

    #[test]
    fn common_passwords_patterns_and_own_names_are_rejected() {
        assert_eq!(error_of("password12345678").as_deref(), Some(COMMON_PASSWORD));
        assert_eq!(error_of("abcdefghijklmno").as_deref(), Some(PASSWORD_PATTERN));
        for name in ["Streamcat2026!!", "todd todd todd todd"] {
            assert_eq!(error_of(name).as_deref(), Some(OWN_NAME_PASSWORD), "{name}");
        }
    }

    #[test]
    fn reserved_usernames_are_rejected_in_any_spelling() {
        let rules = Rules::for_tests();
        for reserved in ["help_desk", "Help-Desk", "STREAMCAT", "-help_desk", "streamcat_", "--Streamcat-_"] {
            let error = rules.username_error(reserved);
            assert!(error.is_some_and(|error| error.contains("reserved")), "{reserved}");
        }
        for free in ["helpdesk", "_todd_", "help_desk-2", "-1"] {
            assert_eq!(rules.username_error(free), None, "{free}");
        }
        for empty in ["-", "_", "-__-"] {
            let error = rules.username_error(empty);
            assert!(error.is_some_and(|error| error.contains("letter or digit")), "{empty}");
        }
        assert!(rules.username_error("").is_some_and(|error| !error.contains("reserved")));
    }

    #[test]
    fn both_fields_are_checked_at_once() {
        let errors = Rules::for_tests().check("to dd", &SecretString::from("short"));
        assert!(errors.username.is_some() && errors.password.is_some() && !errors.is_empty());
    }
}
