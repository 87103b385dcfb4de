//! Deliberate defects, each of which the tests must catch. They show that the tests detect defects at all.
//!
//! `make mutants` copies the source tree, applies one defect at a time to the copy, and runs the tests there,
//! the unit tests first because they are faster. It prints which test caught which defect, and fails if one
//! survives. `MUTANT=grace make mutants` selects the defects whose name contains that word.

#![allow(clippy::missing_panics_doc, reason = "a test may fail where it stands")]

mod defects;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use defects::{DEFECTS, Defect};

/// Arguments of `cargo test` for each group of tests, run in this order until one fails. Each defect is
/// compiled once and mostly found within seconds, so optimizing the campaign would cost more time than it
/// saves.
const TESTS: [&[&str]; 2] =
    [&["--lib"], &["--test", "faults", "--config", "profile.dev.package.streamcat-faults.opt-level=0"]];

/// Packages whose tests run. They are always built together, with the same features, so that nothing is built
/// twice.
const PACKAGES: [&str; 4] = ["--package", env!("CARGO_PKG_NAME"), "--package", "streamcat-faults"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn source(tree: &Path, defect: &Defect) -> String {
    let path = tree.join(defect.file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn each_defect_matches_one_place_in_the_code() {
    for defect in DEFECTS {
        let found = source(&root(), defect).matches(defect.right).count();
        assert_eq!(found, 1, "{}: the correct text must occur once in {}", defect.name, defect.file);
    }
}

#[test]
#[ignore = "takes about an hour: make mutants"]
fn each_defect_is_caught() {
    let tree = copy();
    let mut survivors = Vec::new();
    for tests in TESTS {
        assert_eq!(caught_by(&tree, tests), None, "the tests must pass without a defect");
    }
    let chosen = std::env::var("MUTANT").unwrap_or_default();
    for defect in DEFECTS.iter().filter(|defect| defect.name.contains(&chosen)) {
        let right = source(&tree, defect);
        let path = tree.join(defect.file);
        fs::write(&path, right.replacen(defect.right, defect.wrong, 1)).expect("the copy can be written");
        let caught = TESTS.iter().find_map(|tests| caught_by(&tree, tests));
        fs::write(&path, right).expect("the copy can be written");
        println!("{:<72} {}", defect.name, caught.as_deref().unwrap_or("SURVIVED"));
        if caught.is_none() {
            survivors.push(defect.name);
        }
    }
    assert!(survivors.is_empty(), "defects not caught: {survivors:?}");
}

/// Copies the tracked files and returns the copy's path. It has a `target` of its own, so that a build with a
/// defect is never mistaken for a correct one.
fn copy() -> PathBuf {
    let tree = root().join("target/mutants");
    let copy = format!(
        "mkdir -p '{0}' && git ls-files -z | tar --create --null --files-from=- | tar --extract --directory '{0}'",
        tree.display()
    );
    let status = Command::new("sh").args(["-c", &copy]).current_dir(root()).status().expect("sh");
    assert!(status.success(), "copying the source tree failed");
    tree
}

/// Returns the failed tests and the first violation, or None if all pass.
fn caught_by(tree: &Path, tests: &[&str]) -> Option<String> {
    let output = Command::new(env!("CARGO"))
        .args(["test", "--locked"])
        .args(PACKAGES)
        .args(tests)
        .current_dir(tree)
        .envs([("CARGO_TARGET_DIR", tree.join("target")), ("SQLX_OFFLINE", "true".into())])
        .output()
        .expect("cargo");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!errors.contains("could not compile"), "a defect does not compile:\n{errors}");
    if output.status.success() {
        return None;
    }
    let failed: Vec<_> =
        text.lines().filter_map(|line| line.strip_suffix(" ... FAILED")?.strip_prefix("test ")).collect();
    let violation = text.lines().skip_while(|line| !line.starts_with("FAULTS=")).nth(1);
    Some(format!("{}: {}", failed.join(", "), violation.unwrap_or_default().trim()))
}
