//! Names of accounts and streamers, and the object name of a streamer.

use std::fmt;

use kube::api::ObjectMeta;
use sha2::{Digest, Sha256};

/// Reference to an account by namespace and name. Unlike the UID, it outlives the object. Also the value of a
/// tag.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountRef {
    /// Namespace of the account.
    pub namespace: String,
    /// Name of the account.
    pub name: String,
}

impl AccountRef {
    /// Returns the reference to the account with this metadata.
    #[must_use]
    pub fn of(metadata: &ObjectMeta) -> Self {
        let (namespace, name) = (metadata.namespace.clone(), metadata.name.clone());
        Self { namespace: namespace.unwrap_or_default(), name: name.unwrap_or_default() }
    }

    /// Parses the value of a tag. None if it is not `namespace/name`.
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

/// Maximum length of a stem, so that a dash and an eight-digit hash fit into a DNS label (63 characters).
const MAX_STEM: usize = 54;

/// Returns the reason why a username is invalid, as a text for people, or None if it is valid.
///
/// AWS has the same rule for the names of channels, chat rooms and stages, except that it allows empty names.
#[must_use]
pub fn username_problem(username: &str) -> Option<&'static str> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if username.is_empty() {
        Some("Choose a username.")
    } else if username.len() > 128 {
        Some("A username can have at most 128 characters.")
    } else if !username.chars().all(allowed) {
        Some("A username can contain only letters (a to z), digits, - and _.")
    } else {
        None
    }
}

/// Returns the comparison key of a username: case is ignored, and `_` equals `-`. The database has a function
/// of the same name (migrations/0001_schema.sql).
#[must_use]
pub fn username_key(username: &str) -> String {
    username.to_ascii_lowercase().replace('_', "-")
}

/// Returns true if two usernames have the same key, so that only one of them can exist. People would mistake
/// one for the other.
#[must_use]
pub fn are_alike(one: &str, other: &str) -> bool {
    username_key(one) == username_key(other)
}

/// Returns the name of the account object for a username: the username in lower case if that is a DNS label,
/// and otherwise a similar label with a short hash, so that two usernames never share an object.
///
/// Case is ignored, so `Todd` and `todd` get the same name. `a-b` and `a_b` get different names, but only one
/// of the two can exist: see [`are_alike`].
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

/// Returns true if a name looks like one with a hash. Such a name gets another hash.
fn looks_hashed(name: &str) -> bool {
    name.rsplit_once('-').is_some_and(|(_, tail)| {
        tail.len() == 8 && tail.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dns_labels_are_used_in_lower_case() {
        assert_eq!(object_name("todd"), "todd");
        assert_eq!(object_name("Todd-2"), "todd-2");
    }

    #[test]
    fn other_usernames_become_labels_with_a_hash() {
        let names = ["a_b", "_", "--", "-todd", "todd_", &"x".repeat(128), "todd-deadbeef"];
        for name in names {
            let object = object_name(name);
            assert!(is_dns_label(&object), "{object}");
            assert!(looks_hashed(&object), "{object}");
        }
    }

    #[test]
    fn different_usernames_get_different_object_names() {
        let names = ["a-b", "a_b", "a__b", "a-b-", "_a-b", "_", "__", "-"];
        let objects: std::collections::BTreeSet<_> = names.iter().map(|name| object_name(name)).collect();
        assert_eq!(objects.len(), names.len());
        let hashed = object_name("a_b");
        assert_ne!(object_name(&hashed), hashed);
    }

    #[test]
    fn usernames_that_differ_by_case_or_dash_are_alike() {
        assert!(are_alike("Todd_the-1st", "todd-THE_1st") && username_key("A_b-C") == "a-b-c");
        for other in ["todd", "todd-the1st", "todd--the-1st", "todd-the-lst"] {
            assert!(!are_alike("todd-the-1st", other), "{other}");
        }
    }

    #[test]
    fn invalid_usernames_have_a_problem() {
        assert_eq!(username_problem("todd_Streams-1"), None);
        assert!(username_problem("").is_some());
        assert!(username_problem("tödd").is_some());
        assert!(username_problem("to dd").is_some());
        assert!(username_problem(&"x".repeat(129)).is_some());
    }
}
