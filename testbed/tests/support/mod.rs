//! Helpers of the tests of the binary.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// The binary.
pub const TESTBED: &str = env!("CARGO_BIN_EXE_testbed");

/// Starts `testbed run` with `options` and a shell script. The script prints the path of the environment's
/// description, and waits. Returns the process and that path once the script has printed it.
pub fn hold(options: &[&str], script: &str) -> (Child, PathBuf) {
    let mut holder = Command::new(TESTBED)
        .arg("run")
        .args(options)
        .args(["--", "sh", "-c", script])
        .env_remove("STREAMCAT_TESTBED")
        .env_remove("STREAMCAT_TESTBED_KEEP")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let description = PathBuf::from(line.trim());
    assert!(description.is_file(), "not a description of an environment: {line:?}");
    (holder, description)
}
