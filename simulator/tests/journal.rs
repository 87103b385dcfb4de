//! The filters and the stream of the journal, the state dump, and the clock.

mod support;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::Duration,
};

use ivs_simulator::{Fault, Simulator};
use serde_json::{Value, json};
use support::{admin, call, chat, send, until};

async fn simulator() -> Simulator {
    Simulator::builder().start().await.expect("the simulator starts")
}

/// Returns the numbers of the calls that a query selects.
fn seqs(simulator: &Simulator, query: &str) -> Vec<u64> {
    let answer = admin(simulator.addr(), "GET", &format!("/calls?{query}"), "").json();
    answer["calls"].as_array().expect("calls").iter().filter_map(|call| call["seq"].as_u64()).collect()
}

#[tokio::test]
async fn the_journal_records_the_access_key_of_each_call() {
    let simulator = simulator().await;
    let address = simulator.addr();
    let other = support::signed("ivs").replace("AKIAEXAMPLE", "AKIA/OTHER");
    call(address, "CreateStage", "{}");
    send(address, "POST", "/CreateStage", &[&other], "{}");
    send(address, "POST", "/CreateStage", &[], "{}");
    let keys: Vec<_> = simulator.calls().into_iter().map(|call| call.access_key).collect();
    assert_eq!(keys, [Some("AKIAEXAMPLE".to_owned()), Some("AKIA/OTHER".to_owned()), None]);
}

#[tokio::test]
async fn calls_are_filtered() {
    let simulator = simulator().await;
    let address = simulator.addr();
    simulator.fault(Fault::throttle("CreateChannel"));
    call(address, "CreateChannel", r#"{"name": "todd"}"#);
    call(address, "CreateChannel", r#"{"name": "todd"}"#);
    call(address, "CreateStage", r#"{"name": "anna"}"#);
    call(address, "GetStage", "{}");
    assert_eq!(seqs(&simulator, "operation=Create*"), [1, 2, 3]);
    assert_eq!(seqs(&simulator, "status=429"), [1]);
    assert_eq!((seqs(&simulator, "fault=throttle"), seqs(&simulator, "fault=any")), (vec![1], vec![1]));
    assert_eq!(seqs(&simulator, "fault=none&resource=todd"), [2]);
    assert_eq!(
        (seqs(&simulator, "limit=2"), seqs(&simulator, "after=1&limit=1&status=200")),
        (vec![3, 4], vec![3])
    );
    for wrong in ["opertaion=x", "status=x", "limit=-1"] {
        assert_eq!(admin(address, "GET", &format!("/calls?{wrong}"), "").status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn calls_of_unknown_operations_are_recorded() {
    let simulator = simulator().await;
    let address = simulator.addr();
    call(address, "StartComposition", r#"{"stageArn": "x"}"#);
    call(address, "MakeCoffee", "black");
    send(address, "PUT", "/tags/x", &[], "");
    call(address, "ListStages", "{}");
    let calls: Vec<_> =
        simulator.calls().into_iter().map(|call| (call.seq, call.operation, call.status)).collect();
    let expected = [
        (1, "StartComposition", 501),
        (2, "POST /MakeCoffee", 404),
        (3, "PUT /tags/x", 404),
        (4, "ListStages", 200),
    ];
    assert_eq!(calls, expected.map(|(seq, operation, status)| (seq, operation.to_owned(), status)));
    let first = &simulator.calls()[0];
    assert_eq!((first.resource.as_deref(), &first.request["stageArn"]), (Some("x"), &json!("x")));
    assert_eq!((first.error.as_deref(), first.effected), (Some("NotImplementedException"), None));
    assert!(first.answered >= Some(first.arrived));
    assert_eq!(seqs(&simulator, "operation=StartComposition"), [1]);
    assert_eq!(seqs(&simulator, "status=404"), [2, 3]);
}

#[tokio::test]
async fn the_journal_drops_the_oldest_calls() {
    let builder = Simulator::builder().journal_capacity(20_000);
    let simulator = builder.start().await.expect("the simulator starts");
    for _ in 0..100 {
        call(simulator.addr(), "ListStages", "{}");
    }
    let kept = seqs(&simulator, "");
    assert!(kept.len() > 10 && kept.len() < 90 && kept.last() == Some(&100), "{kept:?}");
}

#[tokio::test]
async fn calls_are_streamed_until_the_simulator_stops() {
    let simulator = simulator().await;
    let address = simulator.addr();
    call(address, "CreateStage", r#"{"name": "before"}"#);
    let mut stream = BufReader::new(TcpStream::connect(address).expect("a connection"));
    stream.get_ref().set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    let request = "GET /_simulator/calls?follow=true&operation=CreateStage HTTP/1.1\r\nHost: x\r\n\r\n";
    stream.get_mut().write_all(request.as_bytes()).expect("sent");
    let mut next = || loop {
        let mut line = String::new();
        stream.read_line(&mut line).expect("a line");
        if let Ok(call) = serde_json::from_str::<Value>(&line)
            && call.is_object()
        {
            return call;
        }
        assert!(!line.is_empty(), "it has ended");
    };
    assert_eq!(next()["name"], "before");
    simulator.fault(Fault::late("CreateStage", Duration::from_millis(1)).named("late"));
    call(address, "ListStages", "{}");
    call(address, "CreateStage", r#"{"name": "after"}"#);
    let call_after = next();
    assert_eq!(
        (&call_after["name"], &call_after["status"], call_after["answeredMicros"].is_u64()),
        (&json!("after"), &json!(200), true)
    );
    let _ = support::exchange(address, late_request().as_bytes());
    let (first, second) = (next(), next());
    assert_eq!((&first["seq"], &first["effectedMicros"]), (&second["seq"], &Value::Null));
    assert!(second["effectedMicros"].is_u64(), "{second}");
    drop(simulator);
    let mut rest = String::new();
    stream.read_to_string(&mut rest).expect("it ends");
    assert!(rest.ends_with("0\r\n\r\n"), "not a clean end: {rest:?}");
}

fn late_request() -> String {
    let (signature, body) = (support::signed("ivs"), r#"{"name": "late"}"#);
    format!(
        "POST /CreateStage HTTP/1.1\r\nHost: x\r\n{signature}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Creates resources of several kinds, and returns the ARN of a live channel.
fn fill(simulator: &Simulator) -> String {
    let address = simulator.addr();
    let made = call(address, "CreateChannel", r#"{"name": "todd", "tags": {"a": "b"}}"#).json();
    let arn = made["channel"]["arn"].as_str().expect("an ARN").to_owned();
    simulator.set_live(&arn);
    call(address, "CreateChannel", r#"{"name": "anna"}"#);
    chat(address, "CreateRoom", r#"{"name": "todd", "maximumMessageLength": 7}"#);
    call(address, "CreateStage", r#"{"name": "todd"}"#);
    arn
}

/// Returns a state without the offset of its clock.
fn without_clock(mut state: Value) -> Value {
    state["clockMovedMillis"].take();
    state
}

#[tokio::test]
async fn a_dumped_state_loads_unchanged() {
    let (old, new) = (simulator().await, simulator().await);
    let arn = fill(&old);
    let dump = admin(old.addr(), "GET", "/state", "").json();
    assert_eq!(dump["version"], 1);
    call(new.addr(), "CreateStage", r#"{"name": "gone"}"#);
    assert_eq!(admin(new.addr(), "PUT", "/state", &dump.to_string()).status, 204);
    assert_eq!(without_clock(new.state()), without_clock(dump.clone()));
    assert!(new.is_live(&arn));
    let found = call(new.addr(), "ListChannels", r#"{"filterByName": "anna"}"#).json();
    assert_eq!(found["channels"].as_array().map(Vec::len), Some(1), "the indexes have been rebuilt");
    for (member, wrong) in [
        ("version", json!(2)),
        ("region", json!("eu-west-1")),
        ("stages", json!([{"arn": "x"}])),
        ("stages", json!([dump["stages"][0], dump["stages"][0]])),
        ("rooms", json!(dump["stages"])),
        ("horses", json!([])),
    ] {
        let mut dump = dump.clone();
        dump[member] = wrong;
        let answer = admin(new.addr(), "PUT", "/state", &dump.to_string());
        let message = answer.json()["message"].as_str().unwrap_or_default().to_owned();
        assert!(answer.status == 400 && message.contains(member), "{member}: {answer:?}");
    }
    assert_eq!(without_clock(new.state()), without_clock(dump));
}

#[tokio::test]
async fn the_state_file_survives_a_restart() {
    let file = std::env::temp_dir().join(format!("ivs-simulator-state-{}.json", std::process::id()));
    let start = || Simulator::builder().state_file(&file).start();
    let simulator = start().await.expect("it starts without the file");
    fill(&simulator);
    let before = simulator.state();
    until(|| file.exists()).await;
    drop(simulator);
    let simulator = start().await.expect("it starts again");
    assert_eq!(without_clock(simulator.state()), without_clock(before));
    drop(simulator);
    std::fs::write(&file, "{").expect("written");
    let error = start().await.expect_err("a broken file").to_string();
    assert!(error.contains("cannot load the state") && !error.contains('\n'), "{error}");
    std::fs::remove_file(file).expect("removed");
}

#[tokio::test]
async fn the_clock_is_moved() {
    let simulator = simulator().await;
    let address = simulator.addr();
    let clock = admin(address, "POST", "/clock", r#"{"advance": "720d"}"#).json();
    assert!(
        clock["movedSeconds"].as_f64().is_some_and(|moved| (moved - 62_208_000.0).abs() < 1.0),
        "{clock}"
    );
    admin(address, "POST", "/clock", r#"{"set": "2030-01-02T03:04:05Z"}"#);
    let room = chat(address, "CreateRoom", "{}").json();
    assert!(room["createTime"].as_str().is_some_and(|time| time.starts_with("2030-01-02T03:")), "{room}");
    let now = admin(address, "GET", "/clock", "").json();
    assert!(now["now"].as_str().is_some_and(|time| time.starts_with("2030-01-02T03:")), "{now}");
    for wrong in ["", "{}", r#"{"advance": "soon"}"#, r#"{"set": "now"}"#, r#"{"advance": "999999999d"}"#] {
        assert_eq!(admin(address, "POST", "/clock", wrong).status, 400, "{wrong}");
    }
}
