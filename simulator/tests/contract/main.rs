//! Contract tests: three clients that nobody here wrote drive every operation of the simulator, and every answer is
//! checked against AWS's own models. The clients are installed by `prepare.sh`, once and outside the repository.

#[path = "../support/mod.rs"]
mod support;

mod harness;
mod readme;
mod rust;

use harness::{Recording, SOURCES, installed, python, run};
use ivs_simulator::Simulator;
use support::config;

async fn simulator() -> Simulator {
    Simulator::builder().start().await.expect("the simulator starts")
}

#[tokio::test]
async fn boto3_drives_every_operation() {
    let simulator = simulator().await;
    let recording = Recording::of(&simulator, "boto3");
    run(python().arg(format!("{SOURCES}/drive.py")).arg(recording.url()));
    recording.check();
}

#[tokio::test]
async fn the_sdk_for_javascript_drives_every_operation() {
    let simulator = simulator().await;
    let recording = Recording::of(&simulator, "javascript");
    let mut script = recording.script("drive.mjs", include_str!("drive.mjs"));
    run(script.arg(recording.url()).arg(format!("{SOURCES}/scenario.json")));
    recording.check();
}

#[tokio::test]
async fn the_sdk_for_rust_drives_every_operation() {
    let simulator = simulator().await;
    let recording = Recording::of(&simulator, "rust");
    rust::drive(&config(recording.url(), "us-west-2", 1).await, &simulator).await;
    recording.check();
}

#[test]
fn the_validator_fails_on_answers_that_are_doctored() {
    run(python().args(["-m", "unittest", "--quiet", "test_validator"]).current_dir(SOURCES));
}

#[test]
fn the_locked_packages_name_no_registry() {
    for file in ["package-lock.json", "requirements.txt"] {
        let text = std::fs::read_to_string(format!("{SOURCES}/{file}")).expect("the pins");
        assert!(!text.contains("://") && !text.contains("\"resolved\""), "{file} names a host");
    }
    assert!(installed().join("complete").exists());
}
