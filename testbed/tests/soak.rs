//! A short soak. `make soak` is the long one.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::path::Path;
use std::process::Command;

#[test]
fn cluster_postgres_and_aws_agree_after_all_faults() {
    let testbed = env!("CARGO_BIN_EXE_testbed");
    let operator = Path::new(testbed).with_file_name("streamcat-operator");
    // A set of its own, whose PostgreSQL and API server die.
    let output = Command::new(testbed)
        .args(["soak", "--accounts", "30", "--minutes", "0.4"])
        .env("STREAMCAT_OPERATOR", operator)
        .env_remove("STREAMCAT_TESTBED")
        .output()
        .unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("duplicates 0, orphans 0, stuck 0, differences 0, foreign 0"), "{said}");
    // Something must have died, or nothing was tried.
    let killed = said.lines().find(|line| line.starts_with("killed")).unwrap();
    assert!(!killed.contains(" 0"), "{said}");
}
