//! The texts of the controller that people read: the messages of conditions and events, the lines of
//! `/readyz`, and what to do about a database that does not fit. Each says what happened, why, and what to
//! do.
//!
//! This module imports nothing but `api`, so every other module can use it. Callers pass names and numbers.
//!
//! The following texts stand elsewhere:
//! - the report of a failed call, which quotes AWS, PostgreSQL, or Kubernetes: with the error's type, in
//!   `ivs`, `store`, and `controller`;
//! - the text about a flag or an environment variable: with the flag, in `config`;
//! - a line of the log: where it is written;
//! - a text of the registration page: in `registration`.

pub(crate) mod absence;
pub(crate) mod account;
pub(crate) mod database;
pub(crate) mod deletion;
pub(crate) mod readiness;
pub(crate) mod records;
pub(crate) mod resync;
pub(crate) mod secret;
pub(crate) mod username;

/// The text between the report of a changed ARN and the message of a blocker in the same condition.
pub(crate) const ALSO: &str = " Also: ";

/// Joins messages. Some are sentences, others are not.
pub(crate) fn join<'a>(messages: impl IntoIterator<Item = &'a str>) -> String {
    let mut joined = String::new();
    for message in messages {
        if !joined.is_empty() {
            joined.push_str(if joined.ends_with('.') { " " } else { "; " });
        }
        joined.push_str(message);
    }
    joined
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    /// Returns the sentences in string literals of the files below a directory, without tests and comments.
    fn sentences(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry"));
        let in_file = |path: &Path| -> Vec<String> {
            let text = fs::read_to_string(path).expect("a text file");
            let code = text.split("#[cfg(test)]\n").next().unwrap_or_default();
            let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
            let literals = lines.filter_map(|line| line.split('"').nth(1));
            let is_sentence = |text: &&str| {
                text.starts_with(char::is_uppercase) && text.contains(' ') && text.ends_with('.')
            };
            literals.filter(is_sentence).map(|text| format!("{}: {text}", path.display())).collect()
        };
        let paths = entries.map(|entry| entry.path());
        paths.flat_map(|path| if path.is_dir() { sentences(&path) } else { in_file(&path) }).collect()
    }

    #[test]
    fn no_sentence_for_people_stands_outside_this_module() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        for module in ["controller", "provision", "ivs", "store"] {
            assert_eq!(sentences(&source.join(module)), [""; 0]);
        }
        assert!(!sentences(&source.join("messages")).is_empty(), "the test finds no sentence at all");
    }

    #[test]
    fn sentences_are_joined_by_a_space_and_others_by_a_semicolon() {
        assert_eq!(join(["One.", "two", "Three."]), "One. two; Three.");
        assert_eq!(join([]), "");
    }
}
