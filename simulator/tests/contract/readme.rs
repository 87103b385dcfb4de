//! Checks of README.md: its examples run, and its list of operations matches the simulator.

use std::{collections::BTreeSet, fs};

use serde_json::Value;

use crate::{
    harness::{Recording, SOURCES, python, run},
    simulator,
    support::admin,
};

const README: &str = include_str!("../../README.md");

/// Returns the examples in a language.
fn examples(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let starts = README.match_indices(&fence).map(|(start, _)| &README[start + fence.len()..]);
    let found: Vec<_> = starts.filter_map(|rest| rest.split("```").next()).collect();
    assert!(!found.is_empty(), "README.md has no example in {language}");
    found
}

#[tokio::test]
async fn the_python_and_javascript_examples_run() {
    let simulator = simulator().await;
    let recording = Recording::of(&simulator, "readme");
    let here = |example: &str| example.replace("http://127.0.0.1:4600", &simulator.url());
    let output = run(python().arg("-c").arg(here(examples("python")[0])));
    assert!(output.starts_with("arn:aws:ivs:") && output.trim().ends_with(".live-video.net"), "{output}");
    let output = run(&mut recording.script("example.mjs", &here(examples("javascript")[0])));
    assert!(output.starts_with("arn:aws:ivschat:"), "{output}");
    let counts = simulator.counts();
    assert_eq!((counts.channels, counts.rooms), (1, 1));
}

/// Repeats the example, so that it is compiled and run. The test compares the lines with README.md.
#[tokio::test]
async fn the_rust_example_runs() -> Result<(), Box<dyn std::error::Error>> {
    let simulator = ivs_simulator::Simulator::builder().start().await?;
    let anyone = aws_sdk_ivsrealtime::config::Credentials::new("x", "x", None, None, "tests");
    let config = aws_config::from_env().endpoint_url(simulator.url()).region("us-west-2");
    let stages = aws_sdk_ivsrealtime::Client::new(&config.credentials_provider(anyone).load().await);
    stages.create_stage().name("todd").send().await?;
    assert_eq!(simulator.counts().stages, 1);

    let source = include_str!("readme.rs");
    for line in examples("rust")[0].lines() {
        assert!(source.contains(&format!("\n    {line}\n")), "not in the test: {line}");
    }
    Ok(())
}

#[tokio::test]
async fn the_fault_and_settings_examples_are_accepted() {
    let simulator = simulator().await;
    let added = examples("sh").join("\n");
    let added = added.split("/_simulator/faults -d '").nth(1).and_then(|rest| rest.split('\'').next());
    let answer = admin(simulator.addr(), "POST", "/faults", added.expect("an example with curl"));
    assert_eq!(answer.status, 201, "{answer:?}");
    let answer = admin(simulator.addr(), "PATCH", "/settings", examples("json")[0]);
    assert_eq!(answer.status, 200, "{answer:?}");

    let file = std::env::temp_dir().join(format!("ivs-simulator-readme-{}.yaml", std::process::id()));
    fs::write(&file, examples("yaml")[0]).expect("the file of faults");
    let started = ivs_simulator::Simulator::builder().faults_file(&file).start().await;
    fs::remove_file(&file).expect("it is there");
    let faults = admin(started.expect("it starts").addr(), "GET", "/faults", "").json();
    assert_eq!(faults["faults"].as_array().map(Vec::len), Some(5));
}

/// Checks the kinds in the table of faults.
#[tokio::test]
async fn every_fault_kind_in_the_table_is_accepted() {
    let simulator = simulator().await;
    let rows = README.lines().skip_while(|line| !line.starts_with("| `kind` |")).skip(2);
    let kinds: Vec<Value> = rows
        .take_while(|row| row.starts_with('|'))
        .map(|row| row.split('`').nth(1).expect("a kind"))
        .map(|kind| serde_json::from_str(kind).unwrap_or_else(|_| panic!("not JSON: {kind}")))
        .collect();
    assert_eq!(kinds.len(), 9);
    for kind in kinds {
        let rule = serde_json::json!({"operation": "GetRoom", "kind": kind});
        assert_eq!(admin(simulator.addr(), "POST", "/faults", &rule.to_string()).status, 201, "{rule}");
    }
}

#[tokio::test]
async fn the_list_of_operations_matches_the_simulator() {
    let simulator = simulator().await;
    let here = run(python().arg(format!("{SOURCES}/operations.py")).arg(simulator.url()));
    let here: BTreeSet<String> = here.lines().map(str::to_owned).collect();
    let (_, list) = README.split_once("## Supported operations\n").expect("the section");
    let (list, _) = list.split_once("\n\nIn addition").expect("its end");
    let services =
        list.split("\n- ").filter_map(|item| item.trim_start_matches(['\n', '-', ' ']).split_once(": "));
    let listed = services.flat_map(|(service, names)| {
        names.split(',').map(move |name| format!("{} {}", service.trim(), name.trim()))
    });
    assert_eq!(listed.collect::<BTreeSet<_>>(), here);
}
