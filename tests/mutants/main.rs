//! Deliberate defects, each of which the tests must catch. They show that the tests detect defects at all.
//!
//! `make mutants` copies the source tree, applies one defect at a time to the copy, and runs the tests there,
//! the unit tests first because they are faster. It prints which test caught which defect, and fails if one
//! survives or does not compile. `MUTANT=grace make mutants` selects the defects whose name contains that
//! word, and `SHARD=1/2 make mutants` every second one. `SKIP_BASELINE=1` leaves out the run without a
//! defect, for use right after the tests have passed.

#![allow(clippy::missing_panics_doc, reason = "a test panics when it fails")]

mod defects;

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use defects::Defect;

/// Arguments of `cargo test` for each group of tests, run in this order until one fails. Each defect is
/// compiled once and mostly found within seconds, so optimizing the campaign would cost more time than it
/// saves.
const TESTS: [&[&str]; 2] =
    [&["--lib"], &["--test", "faults", "--config", "profile.dev.package.streamcat-faults.opt-level=0"]];

/// Result for a defect that the compiler rejects.
const BROKEN: &str = "DOES NOT COMPILE";

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
    for defect in defects::all() {
        let found = source(&root(), defect).matches(defect.right).count();
        assert_eq!(found, 1, "{}: the correct text must occur once in {}", defect.name, defect.file);
    }
}

#[test]
#[ignore = "takes about an hour: make mutants"]
fn each_defect_is_caught() {
    let tree = copy();
    let mut survivors = Vec::new();
    if std::env::var_os("SKIP_BASELINE").is_none() {
        for tests in TESTS {
            assert_eq!(caught_by(&tree, tests), None, "the tests must pass without a defect");
        }
    }
    for defect in selected() {
        let right = source(&tree, defect);
        let path = tree.join(defect.file);
        fs::write(&path, right.replacen(defect.right, defect.wrong, 1)).expect("the copy can be written");
        let caught = TESTS.iter().find_map(|tests| caught_by(&tree, tests));
        fs::write(&path, right).expect("the copy can be written");
        println!("{:<72} {}", defect.name, caught.as_deref().unwrap_or("SURVIVED"));
        if caught.is_none_or(|by| by == BROKEN) {
            survivors.push(defect.name);
        }
    }
    assert!(survivors.is_empty(), "defects not caught: {survivors:?}");
}

/// Returns the defects whose name contains `MUTANT`, and of those the part that `SHARD` names: `2/3` is every
/// third defect, beginning with the second.
fn selected() -> Vec<&'static Defect> {
    let word = std::env::var("MUTANT").unwrap_or_default();
    let shard = std::env::var("SHARD").unwrap_or_else(|_| "1/1".to_owned());
    let part = shard.split_once('/').and_then(|(part, of)| Some((part.parse().ok()?, of.parse().ok()?)));
    let (part, of): (usize, usize) =
        part.unwrap_or_else(|| panic!("SHARD={shard}: expected for example 1/2"));
    let defects = defects::all().filter(|defect| defect.name.contains(&word));
    defects.skip(part.saturating_sub(1)).step_by(of.max(1)).collect()
}

/// Copies the tracked files and returns the copy's path. It has a `target` of its own, so that a build with a
/// defect is never mistaken for a correct one.
fn copy() -> PathBuf {
    let tree = root().join("target/mutants");
    let copy = format!(
        "mkdir -p '{0}' && git ls-files -z | tar --create --null --files-from=- | tar --extract --touch --directory '{0}'",
        tree.display()
    );
    let status = Command::new("sh").args(["-c", &copy]).current_dir(root()).status().expect("sh");
    assert!(status.success(), "copying the source tree failed");
    tree
}

/// Runs the tests until the first one fails, and returns its name, or None if all pass.
fn caught_by(tree: &Path, tests: &[&str]) -> Option<String> {
    let mut child = Command::new(env!("CARGO"))
        .args(["test", "--locked"])
        .args(PACKAGES)
        .args(tests)
        .args(["--", "--nocapture"])
        .current_dir(tree)
        .envs([("CARGO_TARGET_DIR", tree.join("target")), ("SQLX_OFFLINE", "true".into())])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .expect("cargo");
    let stdout = BufReader::new(child.stdout.take().expect("piped"));
    let mut stderr = child.stderr.take().expect("piped");
    // Read beside the other, so that neither pipe fills up.
    let errors = thread::spawn(move || {
        let mut errors = Vec::new();
        stderr.read_to_end(&mut errors).expect("stderr");
        String::from_utf8_lossy(&errors).into_owned()
    });
    let failed = stdout.split(b'\n').map_while(Result::ok).find_map(|line| {
        let line = String::from_utf8_lossy(&line).into_owned();
        let (_, test) = line.strip_suffix(" ... FAILED")?.rsplit_once("test ")?;
        Some(test.to_owned())
    });
    if failed.is_some() {
        let group = format!("-{}", child.id());
        Command::new("kill").args(["-KILL", "--", &group]).status().expect("kill");
    }
    let status = child.wait().expect("cargo ends");
    let errors = errors.join().expect("stderr");
    match failed {
        Some(test) => Some(test),
        None if status.success() => None,
        None if errors.contains("could not compile") => {
            eprintln!("{errors}");
            Some(BROKEN.to_owned())
        }
        None => Some(format!("{tests:?}: {}", errors.lines().last().unwrap_or_default())),
    }
}
