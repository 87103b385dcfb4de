//! A short soak test; `make soak` runs the long one.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

use std::path::Path;
use std::process::Command;

#[test]
fn cluster_postgres_and_aws_agree_after_all_faults() {
    let testbed = env!("CARGO_BIN_EXE_testbed");
    let operator = Path::new(testbed).with_file_name("streamcat-operator");
    // A separate environment, because PostgreSQL and the API server are killed.
    let output = Command::new(testbed)
        .args(["soak", "--accounts", "30", "--minutes", "0.4"])
        .env("STREAMCAT_OPERATOR", operator)
        .env_remove("STREAMCAT_TESTBED")
        .output()
        .unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("duplicates 0, orphans 0, stuck 0, differences 0, foreign 0"), "{text}");
    // Without kills, the test would prove nothing.
    let killed = text.lines().find(|line| line.starts_with("killed")).unwrap();
    assert!(!killed.contains(" 0"), "{text}");
}
