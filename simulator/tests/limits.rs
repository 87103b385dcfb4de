//! Quotas, latency and late lists: each has its effect when it is asked for, and none when it is not.

mod support;

use std::time::{Duration, Instant};

use ivs_simulator::{Latency, Simulator};
use serde_json::{Value, json};
use support::{admin, call, chat, send, signed};

const HOUR: Duration = Duration::from_hours(1);

async fn started(builder: ivs_simulator::Builder) -> Simulator {
    builder.start().await.expect("the simulator starts")
}

fn made(simulator: &Simulator, operation: &str, body: &str) -> Value {
    let answer = call(simulator.addr(), operation, body);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// The statuses of so many calls.
fn statuses(simulator: &Simulator, operation: &str, calls: usize) -> Vec<u16> {
    (0..calls).map(|_| call(simulator.addr(), operation, "{}").status).collect()
}

#[tokio::test]
async fn there_are_no_quotas_unless_asked_for() {
    let simulator = started(Simulator::builder()).await;
    assert!(statuses(&simulator, "ListChannels", 40).iter().all(|status| *status == 200));
}

#[tokio::test]
async fn too_many_calls_are_throttled_until_time_has_passed() {
    let simulator = started(Simulator::builder().rate("List*", 0.002)).await;
    assert_eq!(statuses(&simulator, "ListChannels", 3), [200, 429, 429]);
    assert_eq!(statuses(&simulator, "CreateStage", 3), [200; 3], "other operations are not counted");
    let refused = call(simulator.addr(), "ListChannels", "{}");
    assert_eq!(
        (refused.code(), &refused.json()["exceptionMessage"]),
        ("ThrottlingException", &json!("Rate exceeded"))
    );
    let calls = simulator.calls();
    assert_eq!((calls[1].error.as_deref(), calls[1].effected), (Some("ThrottlingException"), None));
    simulator.advance(HOUR);
    assert_eq!(statuses(&simulator, "ListChannels", 2), [200, 429]);
    simulator.set_rate("ListChannels", None);
    assert_eq!(statuses(&simulator, "ListChannels", 9), [200; 9]);
}

#[tokio::test]
async fn the_quotas_of_aws_are_those_of_each_operation() {
    let simulator = started(Simulator::builder().quotas(true)).await;
    let mut calls = 0;
    while call(simulator.addr(), "ListChannels", "{}").status == 200 {
        calls += 1;
        assert!(calls < 5000, "it is never throttled");
    }
    assert!(calls >= 5, "{calls}");
    let refused = loop {
        let answer = chat(simulator.addr(), "ListRooms", "{}");
        if answer.status != 200 {
            break answer;
        }
    };
    assert_eq!((refused.status, &refused.json()["limit"]), (429, &json!(5)));
    assert_eq!(refused.json()["resourceType"], "ROOM", "{refused:?}");
    simulator.set_quotas(false);
    assert_eq!(statuses(&simulator, "ListChannels", 20), [200; 20]);
}

#[tokio::test]
async fn there_are_only_so_many_resources() {
    let simulator = started(Simulator::builder().limit("stages", 2).limit("rooms", 0)).await;
    assert_eq!(statuses(&simulator, "CreateStage", 3), [200, 200, 402]);
    assert_eq!(statuses(&simulator, "CreateChannel", 3), [200; 3], "other kinds are not limited");
    let refused = call(simulator.addr(), "CreateStage", "{}");
    assert_eq!(refused.code(), "ServiceQuotaExceededException");
    let refused = chat(simulator.addr(), "CreateRoom", "{}");
    assert_eq!((refused.status, &refused.json()["limit"]), (402, &json!(0)), "{refused:?}");
    let arn = simulator.state()["stages"][0]["arn"].clone();
    made(&simulator, "DeleteStage", &json!({"arn": arn}).to_string());
    assert_eq!(statuses(&simulator, "CreateStage", 2), [200, 402]);
    simulator.set_limit("stages", None);
    assert_eq!(statuses(&simulator, "CreateStage", 2), [200; 2]);
}

#[tokio::test]
async fn a_channel_has_as_many_stream_keys_as_it_may() {
    let simulator = started(Simulator::builder()).await;
    let channel = made(&simulator, "CreateChannel", "{}")["channel"]["arn"].clone();
    let key = json!({"channelArn": channel}).to_string();
    assert_eq!(call(simulator.addr(), "CreateStreamKey", &key).status, 402);
    simulator.set_limit("stream-keys", Some(2));
    assert_eq!(call(simulator.addr(), "CreateStreamKey", &key).status, 200);
    assert_eq!(call(simulator.addr(), "CreateStreamKey", &key).status, 402);
}

#[tokio::test]
async fn wrong_settings_are_told_at_the_start() {
    for (builder, told) in [
        (Simulator::builder().rate("MakeCoffee", 1.0), "unknown operation"),
        (Simulator::builder().rate("*", -1.0), "a number of calls per second"),
        (Simulator::builder().limit("horses", 1), "unknown kind"),
        (Simulator::builder().latency(Latency::constant(HOUR).on("MakeCoffee")), "unknown operation"),
        (Simulator::builder().faults_file("/nowhere/faults.yaml"), "/nowhere/faults.yaml"),
    ] {
        let error = builder.start().await.expect_err("wrong").to_string();
        assert!(error.contains(told) && !error.contains('\n'), "{error}");
    }
}

#[tokio::test]
async fn settings_are_changed_over_http() {
    let simulator = started(Simulator::builder()).await;
    let address = simulator.addr();
    let settings = json!({"quotas": true, "rates": {"ListChannels": 0.001}, "limits": {"stages": 1},
                          "latency": ["CreateStage=p50:1ms,p99:2ms:after"], "listLag": "2s"});
    let told = admin(address, "PATCH", "/settings", &settings.to_string());
    assert_eq!(told.status, 200, "{told:?}");
    for member in ["quotas", "rates", "latency", "listLag"] {
        assert_eq!(told.json()[member], settings[member], "{member}");
    }
    assert_eq!(
        (&told.json()["limits"]["stages"], &told.json()["limits"]["rooms"]),
        (&json!(1), &json!(50_000))
    );
    assert_eq!(admin(address, "GET", "/settings", "").json(), told.json());
    assert_eq!(statuses(&simulator, "ListChannels", 2), [200, 429]);
    let lifted = json!({"quotas": false, "rates": {"ListChannels": null}, "latency": []});
    admin(address, "PATCH", "/settings", &lifted.to_string());
    assert_eq!(statuses(&simulator, "ListChannels", 2), [200, 200]);
    for wrong in [
        "",
        "[]",
        r#"{"qoutas": true}"#,
        r#"{"rates": {"X": 1}}"#,
        r#"{"limits": {"stages": -1}}"#,
        r#"{"latency": ["soon"]}"#,
        r#"{"listLag": 5}"#,
    ] {
        let answer = admin(address, "PATCH", "/settings", wrong);
        assert!(answer.status == 400 && answer.json()["message"].is_string(), "{wrong}: {answer:?}");
    }
}

#[tokio::test]
async fn latency_can_come_after_the_effect_and_for_some_operations_only() {
    const PAUSE: Duration = Duration::from_millis(100);
    let after = Latency::constant(PAUSE).on("Create*").after();
    let simulator = started(Simulator::builder().latency(HOUR).latency(Duration::ZERO).latency(after)).await;
    made(&simulator, "CreateStage", "{}");
    made(&simulator, "ListStages", "{}");
    let calls = simulator.calls();
    let (effected, answered) = (calls[0].effected.expect("an effect"), calls[0].answered.expect("an answer"));
    assert!(answered >= effected + PAUSE, "{calls:?}");
    assert!(calls[1].effected.is_some() && calls[1].answered.is_some());
    simulator.set_latency(Latency::distributed(PAUSE, PAUSE).on("ListStages"));
    let start = Instant::now();
    made(&simulator, "ListStages", "{}");
    assert!(start.elapsed() >= PAUSE, "one distribution of no width is a constant");
}

#[tokio::test]
async fn a_new_resource_is_seen_late_and_a_deleted_one_lingers() {
    let simulator = started(Simulator::builder().list_lag(HOUR)).await;
    let address = simulator.addr();
    let made_stage = made(&simulator, "CreateStage", r#"{"name": "todd"}"#);
    let arn = json!({"arn": made_stage["stage"]["arn"]}).to_string();
    let seen = || {
        let listed = made(&simulator, "ListStages", "{}")["stages"].as_array().map_or(0, Vec::len);
        let tags = format!("/tags/{}", made_stage["stage"]["arn"].as_str().unwrap_or_default());
        let tags = send(address, "GET", &tags, &[&signed("ivs")], "").status;
        assert_eq!(tags, call(address, "GetStage", &arn).status, "its tags show when it does");
        (tags, listed)
    };
    assert_eq!(seen(), (404, 0));
    assert_eq!(
        (simulator.counts().stages, simulator.state()["stages"][0]["name"].as_str()),
        (1, Some("todd"))
    );
    assert_eq!(call(address, "UpdateStage", &arn).status, 200, "whoever writes sees the truth");
    simulator.advance(HOUR);
    assert_eq!(seen(), (200, 1));
    assert_eq!(call(address, "DeleteStage", &arn).status, 200);
    assert_eq!((seen(), simulator.counts().stages), ((200, 1), 0));
    assert_eq!(call(address, "DeleteStage", &arn).status, 404);
    simulator.advance(HOUR);
    assert_eq!(seen(), (404, 0));
}

#[tokio::test]
async fn all_is_seen_at_once_without_a_lag() {
    let simulator = started(Simulator::builder().list_lag(HOUR)).await;
    simulator.set_list_lag(Duration::ZERO);
    let arn = json!({"arn": made(&simulator, "CreateStage", "{}")["stage"]["arn"]}).to_string();
    assert_eq!(call(simulator.addr(), "GetStage", &arn).status, 200);
    assert_eq!(call(simulator.addr(), "DeleteStage", &arn).status, 200);
    assert_eq!(call(simulator.addr(), "GetStage", &arn).status, 404);
    assert_eq!(made(&simulator, "ListStages", "{}")["stages"], json!([]));
}
