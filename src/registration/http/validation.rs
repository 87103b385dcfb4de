//! What a username and a password must be; the rules are said before one types, and again beside the field.

use std::{borrow::Cow, collections::BTreeSet};

use secrecy::{ExposeSecret, SecretString};

use super::{blocklist, patterns};
use crate::{api, config::RuleSettings};

/// Most characters of a password; more would only cost time to hash.
pub const LONGEST_PASSWORD: usize = 128;

const COMMON: &str = "This password is one of those that are tried first, or little more than one. Choose a few words that only you would put together.";
const PATTERN: &str = "This password is a row of keys, a sequence, or a few characters again and again. Choose a few words that only you would put together.";
const SAME: &str = "This is the password that you have typed as the present one. Choose another.";
const OWN_NAME: &str =
    "This password is little more than your username or the name of this site. Choose a few other words.";

/// What is wrong with each field, and what to do, in words for a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    /// What is wrong with the username.
    pub username: Option<&'static str>,
    /// What is wrong with the password.
    pub password: Option<Cow<'static, str>>,
    /// What is wrong with the one that is to take its place.
    pub new_password: Option<Cow<'static, str>>,
}

impl Problems {
    /// Something wrong with the username.
    #[must_use]
    pub fn of_username(problem: &'static str) -> Self {
        Self { username: Some(problem), ..Self::default() }
    }

    /// Something wrong with the password.
    #[must_use]
    pub fn of_password(problem: &'static str) -> Self {
        Self { password: Some(problem.into()), ..Self::default() }
    }

    /// Something wrong with a password that is to take the place of another.
    #[must_use]
    pub fn of_new_password(problem: Cow<'static, str>) -> Self {
        Self { new_password: Some(problem), ..Self::default() }
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.username.is_none() && self.password.is_none() && self.new_password.is_none()
    }
}

/// The rules of this site.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The site's name.
    pub site_name: String,
    /// Fewest characters of a password.
    pub shortest_password: usize,
    /// Usernames that nobody can register, bare.
    reserved: BTreeSet<String>,
}

impl Rules {
    /// As the settings say. Nobody gets the site's own name either.
    #[must_use]
    pub fn new(settings: &RuleSettings) -> Self {
        let names = settings.reserved_usernames.iter().chain([&settings.site_name]);
        let key = |name: &String| bare(&name.replace(' ', "-"));
        Self {
            site_name: settings.site_name.clone(),
            shortest_password: settings.min_password_length.into(),
            reserved: names.map(key).collect(),
        }
    }

    /// What is wrong with what was typed.
    #[must_use]
    pub fn problems(&self, username: &str, password: &SecretString) -> Problems {
        Problems {
            username: self.username_problem(username),
            password: self.password_problem(username, password),
            new_password: None,
        }
    }

    fn username_problem(&self, username: &str) -> Option<&'static str> {
        let bare = bare(username);
        let reserved =
            || self.reserved.contains(&bare).then_some("This username is reserved. Choose another.");
        let empty = || bare.is_empty().then_some("A username has at least one letter or digit.");
        api::username_problem(username).or_else(empty).or_else(reserved)
    }

    /// What is wrong with a password that is to take the place of another.
    pub fn new_password_problem(
        &self,
        username: &str,
        present: &SecretString,
        new: &SecretString,
    ) -> Option<Cow<'static, str>> {
        let is_same = new.expose_secret() == present.expose_secret();
        self.password_problem(username, new).or_else(|| is_same.then_some(SAME.into()))
    }

    /// What is wrong with a password. Any character counts as one, a space too: nothing is trimmed, cut or asked for.
    pub fn password_problem(&self, username: &str, password: &SecretString) -> Option<Cow<'static, str>> {
        let password = password.expose_secret();
        let (length, least) = (password.chars().count(), self.shortest_password);
        if length == 0 {
            Some("Choose a password.".into())
        } else if length < least {
            Some(format!("A password has at least {least} characters. Add a word or two.").into())
        } else if length > LONGEST_PASSWORD {
            Some("A password has at most 128 characters. Leave some out.".into())
        } else if blocklist::is_mostly(password, &[username, &self.site_name]) {
            Some(OWN_NAME.into())
        } else if blocklist::is_common(password) {
            Some(COMMON.into())
        } else {
            patterns::is_pattern(password).then_some(PATTERN.into())
        }
    }
}

/// A username as people read it: `-admin_` is admin to them.
fn bare(username: &str) -> String {
    api::username_key(username).trim_matches('-').to_owned()
}

#[cfg(test)]
impl Rules {
    /// The usual ones, with one reserved name.
    pub fn usual() -> Self {
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

    fn of(password: &str) -> Option<Cow<'static, str>> {
        Rules::usual().password_problem("todd", &SecretString::from(password))
    }

    #[test]
    fn a_password_has_15_to_128_characters_of_any_kind() {
        let of_length = |length| {
            let numbered = (0..length).map(|at| format!("{at}ö漢🦀 "));
            numbered.collect::<String>().chars().take(length).collect::<String>()
        };
        assert!(of("").is_some());
        assert!(of(&of_length(14)).is_some());
        assert_eq!(of(&of_length(15)), None);
        assert_eq!(of(&of_length(128)), None);
        assert!(of(&of_length(129)).is_some());
    }

    #[test]
    fn the_messages_name_the_limits_as_they_are_set() {
        assert!(of("x").is_some_and(|problem| problem.contains("15")));
        let eight = Rules { shortest_password: 8, ..Rules::usual() };
        assert_eq!(eight.password_problem("todd", &"kfz-XY 7".into()), None);
        assert!(
            eight.password_problem("todd", &"kfz-XY7".into()).is_some_and(|problem| problem.contains('8'))
        );
        assert!(of(&"x".repeat(200)).is_some_and(|problem| problem.contains(&LONGEST_PASSWORD.to_string())));
    }

    #[test]
    fn a_password_is_neither_common_nor_made_of_ones_own_names() {
        assert_eq!(of("password12345678").as_deref(), Some(COMMON));
        assert_eq!(of("abcdefghijklmno").as_deref(), Some(PATTERN));
        for name in ["Streamcat2026!!", "todd todd todd todd"] {
            assert_eq!(of(name).as_deref(), Some(OWN_NAME), "{name}");
        }
    }

    #[test]
    fn a_reserved_name_is_refused_however_it_is_spelled() {
        let rules = Rules::usual();
        for reserved in ["help_desk", "Help-Desk", "STREAMCAT", "-help_desk", "streamcat_", "--Streamcat-_"] {
            let problem = rules.username_problem(reserved);
            assert!(problem.is_some_and(|problem| problem.contains("reserved")), "{reserved}");
        }
        for free in ["helpdesk", "_todd_", "help_desk-2", "-1"] {
            assert_eq!(rules.username_problem(free), None, "{free}");
        }
        for empty in ["-", "_", "-__-"] {
            let problem = rules.username_problem(empty);
            assert!(problem.is_some_and(|problem| problem.contains("letter or digit")), "{empty}");
        }
        assert!(rules.username_problem("").is_some_and(|problem| !problem.contains("reserved")));
    }

    #[test]
    fn both_fields_are_judged_at_once() {
        let problems = Rules::usual().problems("to dd", &SecretString::from("short"));
        assert!(problems.username.is_some() && problems.password.is_some() && !problems.is_empty());
    }
}
