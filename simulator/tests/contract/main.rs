//! Contract tests: three independent clients call every operation of the simulator, and every response is
//! checked against AWS's own API models. `prepare.sh` installs the clients once, outside of the
//! repository.

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

/// GetCallerIdentity is the only operation with form input and XML output. boto3 decodes it by AWS's model.
#[tokio::test]
async fn boto3_reads_the_caller_identity() {
    const ASK: &str = "import boto3, sys
client = boto3.client('sts', endpoint_url=sys.argv[1], region_name='us-west-2',
                      aws_access_key_id='AKIAEXAMPLE', aws_secret_access_key='secret')
identity = client.get_caller_identity()
print(identity['Account'], identity['Arn'], identity['UserId'], identity['ResponseMetadata']['RequestId'])
try:
    client.get_session_token()
except client.exceptions.ClientError as error:
    print(error.response['Error']['Code'])";
    let simulator = Simulator::builder().keys("AKIAEXAMPLE", "secret").start().await.expect("it starts");
    let output = run(python().args(["-c", ASK, &simulator.url()]));
    let (identity, rejected) = output.trim().split_once('\n').expect("two lines");
    let words: Vec<_> = identity.split(' ').collect();
    assert_eq!(words[..2], ["123456789012", "arn:aws:iam::123456789012:user/simulator"]);
    assert!(words[2].starts_with("AIDA") && words[3].len() == 36, "{output}");
    assert_eq!(rejected, "InvalidAction");
}

#[test]
fn the_validator_rejects_modified_responses() {
    run(python().args(["-m", "unittest", "--quiet", "test_validator"]).current_dir(SOURCES));
}

#[test]
fn the_lock_files_name_no_registry() {
    for file in ["package-lock.json", "requirements.txt"] {
        let text = std::fs::read_to_string(format!("{SOURCES}/{file}")).expect("the pins");
        assert!(!text.contains("://") && !text.contains("\"resolved\""), "{file} names a host");
    }
    assert!(installed().join("complete").exists());
}
