//! Names: an account's, and how a streamer's becomes an object's.

use std::fmt;

use sha2::{Digest, Sha256};

/// Which account, by name: what outlives the object, and what a tag says.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountRef {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl AccountRef {
    /// The account that a text as in our tags names; None where it names none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (namespace, name) = text.split_once('/')?;
        Some(Self { namespace: namespace.to_owned(), name: name.to_owned() })
    }
}

impl fmt::Display for AccountRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// Longest stem that leaves room for a dash and eight digits of hash in a DNS label (63).
const MAX_STEM: usize = 54;

/// Why a username cannot be one, in words for a person; None when it can.
///
/// The rule is AWS's for the names of channels, rooms and stages, which must not be empty here.
#[must_use]
pub fn username_problem(username: &str) -> Option<&'static str> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if username.is_empty() {
        Some("Choose a username.")
    } else if username.len() > 128 {
        Some("A username has at most 128 characters.")
    } else if !username.chars().all(allowed) {
        Some("A username has only letters (a to z), digits, - and _.")
    } else {
        None
    }
}

/// What makes two usernames the same: case does not count, nor whether it is `-` or `_`. The database's function
/// `username_key` (migrations/0005_names.sql) says it in SQL.
#[must_use]
pub fn username_key(username: &str) -> String {
    username.to_ascii_lowercase().replace('_', "-")
}

/// Whether two usernames cannot both be had: they are the same, or look so much alike that people would take one for the other.
#[must_use]
pub fn are_alike(one: &str, other: &str) -> bool {
    username_key(one) == username_key(other)
}

/// The name of the account object of a username: the username itself where it is a DNS label already, otherwise
/// its lower case with a short hash, so that two usernames never share an object.
///
/// Case does not count, so `Todd` and `todd` get one name. `a-b` and `a_b` get two, of which one is ever used: see
/// [`are_alike`].
#[must_use]
pub fn object_name(username: &str) -> String {
    let folded = username.to_ascii_lowercase();
    if is_dns_label(&folded) && !looks_hashed(&folded) {
        return folded;
    }
    let [a, b, c, d, ..] = <[u8; 32]>::from(Sha256::digest(folded.as_bytes()));
    let hash = format!("{:08x}", u32::from_be_bytes([a, b, c, d]));
    let mapped = folded.replace('_', "-");
    let stem: String = mapped.trim_matches('-').chars().take(MAX_STEM).collect();
    match stem.trim_end_matches('-') {
        "" => format!("streamer-{hash}"),
        stem => format!("{stem}-{hash}"),
    }
}

fn is_dns_label(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    name.len() <= 63 && name.chars().all(inner) && !name.starts_with('-') && !name.ends_with('-')
}

/// Whether a plain name could be taken for one with a hash; such a name gets a hash of its own.
fn looks_hashed(name: &str) -> bool {
    name.rsplit_once('-').is_some_and(|(_, tail)| {
        tail.len() == 8 && tail.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_name_stays_as_it_is() {
        assert_eq!(object_name("todd"), "todd");
        assert_eq!(object_name("Todd-2"), "todd-2");
    }

    #[test]
    fn a_changed_name_carries_a_hash_and_is_a_label() {
        let names = ["a_b", "_", "--", "-todd", "todd_", &"x".repeat(128), "todd-deadbeef"];
        for name in names {
            let object = object_name(name);
            assert!(is_dns_label(&object), "{object}");
            assert!(looks_hashed(&object), "{object}");
        }
    }

    #[test]
    fn names_that_differ_give_objects_that_differ() {
        let names = ["a-b", "a_b", "a__b", "a-b-", "_a-b", "_", "__", "-"];
        let objects: std::collections::BTreeSet<_> = names.iter().map(|name| object_name(name)).collect();
        assert_eq!(objects.len(), names.len());
        let hashed = object_name("a_b");
        assert_ne!(object_name(&hashed), hashed);
    }

    #[test]
    fn neither_case_nor_the_choice_of_a_dash_makes_another_username() {
        assert!(are_alike("Todd_the-1st", "todd-THE_1st") && username_key("A_b-C") == "a-b-c");
        for other in ["todd", "todd-the1st", "todd--the-1st", "todd-the-lst"] {
            assert!(!are_alike("todd-the-1st", other), "{other}");
        }
    }

    #[test]
    fn a_bad_username_is_told_why() {
        assert_eq!(username_problem("todd_Streams-1"), None);
        assert!(username_problem("").is_some());
        assert!(username_problem("tödd").is_some());
        assert!(username_problem("to dd").is_some());
        assert!(username_problem(&"x".repeat(129)).is_some());
    }
}
