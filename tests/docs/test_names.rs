//! Names of tests, and of all other functions: they are short enough for a line of a report.

use std::fs;

use crate::{files_below, root};

/// Maximum length of a name, in characters.
const MAX_LENGTH: usize = 70;

/// Returns the names of the functions that a source file defines.
fn functions(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let (_, rest) = line.split_once("fn ")?;
        rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next()
    })
}

#[test]
fn the_name_of_a_test_has_at_most_70_characters() {
    let (mut found, mut too_long) = (0, Vec::new());
    for path in files_below(&root(), "rs") {
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for name in functions(&text) {
            found += 1;
            too_long.extend((name.len() > MAX_LENGTH).then(|| format!("{}: {name}", path.display())));
        }
    }
    assert!(found > 1000, "the functions were not found");
    assert!(too_long.is_empty(), "shorten these names:\n{}", too_long.join("\n"));
}
