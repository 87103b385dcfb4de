//! Quotas, latency and the list lag. All of them are disabled by default.

mod support;

use std::time::{Duration, Instant};

use ivs_simulator::{Latency, Simulator};
use serde_json::{Value, json};
use support::{admin, call, chat, send, signed};

const HOUR: Duration = Duration::from_hours(1);

async fn started(builder: ivs_simulator::Builder) -> Simulator {
    builder.start().await.expect("the simulator starts")
}

fn call_ok(simulator: &Simulator, operation: &str, body: &str) -> Value {
    let answer = call(simulator.addr(), operation, body);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// Returns the statuses of a number of calls.
fn statuses(simulator: &Simulator, operation: &str, calls: usize) -> Vec<u16> {
    (0..calls).map(|_| call(simulator.addr(), operation, "{}").status).collect()
}

#[tokio::test]
async fn quotas_are_disabled_by_default() {
    let simulator = started(Simulator::builder()).await;
    assert!(statuses(&simulator, "ListChannels", 40).iter().all(|status| *status == 200));
}

#[tokio::test]
async fn calls_are_throttled_until_the_bucket_refills() {
    let simulator = started(Simulator::builder().rate("List*", 0.002)).await;
    assert_eq!(statuses(&simulator, "ListChannels", 3), [200, 429, 429]);
    assert_eq!(statuses(&simulator, "CreateStage", 3), [200; 3], "other operations have their own limits");
    let rejected = call(simulator.addr(), "ListChannels", "{}");
    assert_eq!(
        (rejected.code(), &rejected.json()["exceptionMessage"]),
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
async fn aws_quotas_apply_to_each_operation() {
    let simulator = started(Simulator::builder().quotas(true)).await;
    let mut calls = 0;
    while call(simulator.addr(), "ListChannels", "{}").status == 200 {
        calls += 1;
        assert!(calls < 5000, "it is never throttled");
    }
    assert!(calls >= 5, "{calls}");
    let rejected = loop {
        let answer = chat(simulator.addr(), "ListRooms", "{}");
        if answer.status != 200 {
            break answer;
        }
    };
    assert_eq!((rejected.status, &rejected.json()["limit"]), (429, &json!(5)));
    assert_eq!(rejected.json()["resourceType"], "ROOM", "{rejected:?}");
    simulator.set_quotas(false);
    assert_eq!(statuses(&simulator, "ListChannels", 20), [200; 20]);
}

#[tokio::test]
async fn creates_beyond_the_limit_are_rejected() {
    let simulator = started(Simulator::builder().limit("stages", 2).limit("rooms", 0)).await;
    assert_eq!(statuses(&simulator, "CreateStage", 3), [200, 200, 402]);
    assert_eq!(statuses(&simulator, "CreateChannel", 3), [200; 3], "other kinds are not limited");
    let rejected = call(simulator.addr(), "CreateStage", "{}");
    assert_eq!(rejected.code(), "ServiceQuotaExceededException");
    let rejected = chat(simulator.addr(), "CreateRoom", "{}");
    assert_eq!((rejected.status, &rejected.json()["limit"]), (402, &json!(0)), "{rejected:?}");
    let arn = simulator.state()["stages"][0]["arn"].clone();
    call_ok(&simulator, "DeleteStage", &json!({"arn": arn}).to_string());
    assert_eq!(statuses(&simulator, "CreateStage", 2), [200, 402]);
    simulator.set_limit("stages", None);
    assert_eq!(statuses(&simulator, "CreateStage", 2), [200; 2]);
}

#[tokio::test]
async fn the_limit_of_stream_keys_per_channel_is_configurable() {
    let simulator = started(Simulator::builder()).await;
    let channel = call_ok(&simulator, "CreateChannel", "{}")["channel"]["arn"].clone();
    let key = json!({"channelArn": channel}).to_string();
    assert_eq!(call(simulator.addr(), "CreateStreamKey", &key).status, 402);
    simulator.set_limit("stream-keys", Some(2));
    assert_eq!(call(simulator.addr(), "CreateStreamKey", &key).status, 200);
    assert_eq!(call(simulator.addr(), "CreateStreamKey", &key).status, 402);
}

#[tokio::test]
async fn invalid_settings_prevent_the_start() {
    for (builder, message) in [
        (Simulator::builder().rate("MakeCoffee", 1.0), "unknown operation"),
        (Simulator::builder().rate("*", -1.0), "a number of calls per second"),
        (Simulator::builder().limit("horses", 1), "unknown kind"),
        (Simulator::builder().latency(Latency::constant(HOUR).on("MakeCoffee")), "unknown operation"),
        (Simulator::builder().faults_file("/nowhere/faults.yaml"), "/nowhere/faults.yaml"),
    ] {
        let error = builder.start().await.expect_err("wrong").to_string();
        assert!(error.contains(message) && !error.contains('\n'), "{error}");
    }
}

#[tokio::test]
async fn settings_are_changed_over_http() {
    let simulator = started(Simulator::builder()).await;
    let address = simulator.addr();
    let settings = json!({"quotas": true, "rates": {"ListChannels": 0.001}, "limits": {"stages": 1},
                          "latency": ["CreateStage=p50:1ms,p99:2ms:after"], "listLag": "2s"});
    let response = admin(address, "PATCH", "/settings", &settings.to_string());
    assert_eq!(response.status, 200, "{response:?}");
    for member in ["quotas", "rates", "latency", "listLag"] {
        assert_eq!(response.json()[member], settings[member], "{member}");
    }
    assert_eq!(
        (&response.json()["limits"]["stages"], &response.json()["limits"]["rooms"]),
        (&json!(1), &json!(50_000))
    );
    assert_eq!(admin(address, "GET", "/settings", "").json(), response.json());
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
async fn latency_can_follow_the_effect_of_some_operations() {
    const PAUSE: Duration = Duration::from_millis(100);
    let after = Latency::constant(PAUSE).on("Create*").after();
    let simulator = started(Simulator::builder().latency(HOUR).latency(Duration::ZERO).latency(after)).await;
    call_ok(&simulator, "CreateStage", "{}");
    call_ok(&simulator, "ListStages", "{}");
    let calls = simulator.calls();
    let (effected, answered) = (calls[0].effected.expect("an effect"), calls[0].answered.expect("an answer"));
    assert!(answered >= effected + PAUSE, "{calls:?}");
    assert!(calls[1].effected.is_some() && calls[1].answered.is_some());
    simulator.set_latency(Latency::distributed(PAUSE, PAUSE).on("ListStages"));
    let start = Instant::now();
    call_ok(&simulator, "ListStages", "{}");
    assert!(start.elapsed() >= PAUSE, "a distribution with p50 = p99 is a constant");
}

#[tokio::test]
async fn the_list_lag_delays_creation_and_deletion() {
    let simulator = started(Simulator::builder().list_lag(HOUR)).await;
    let address = simulator.addr();
    let made_stage = call_ok(&simulator, "CreateStage", r#"{"name": "todd"}"#);
    let arn = json!({"arn": made_stage["stage"]["arn"]}).to_string();
    let seen = || {
        let listed = call_ok(&simulator, "ListStages", "{}")["stages"].as_array().map_or(0, Vec::len);
        let tags = format!("/tags/{}", made_stage["stage"]["arn"].as_str().unwrap_or_default());
        let tags = send(address, "GET", &tags, &[&signed("ivs")], "").status;
        assert_eq!(tags, call(address, "GetStage", &arn).status, "its tags are visible when it is");
        (tags, listed)
    };
    assert_eq!(seen(), (404, 0));
    assert_eq!(
        (simulator.counts().stages, simulator.state()["stages"][0]["name"].as_str()),
        (1, Some("todd"))
    );
    assert_eq!(call(address, "UpdateStage", &arn).status, 200, "writes use the current state");
    simulator.advance(HOUR);
    assert_eq!(seen(), (200, 1));
    assert_eq!(call(address, "DeleteStage", &arn).status, 200);
    assert_eq!((seen(), simulator.counts().stages), ((200, 1), 0));
    assert_eq!(call(address, "DeleteStage", &arn).status, 404);
    simulator.advance(HOUR);
    assert_eq!(seen(), (404, 0));
}

#[tokio::test]
async fn changes_are_visible_immediately_without_a_lag() {
    let simulator = started(Simulator::builder().list_lag(HOUR)).await;
    simulator.set_list_lag(Duration::ZERO);
    let arn = json!({"arn": call_ok(&simulator, "CreateStage", "{}")["stage"]["arn"]}).to_string();
    assert_eq!(call(simulator.addr(), "GetStage", &arn).status, 200);
    assert_eq!(call(simulator.addr(), "DeleteStage", &arn).status, 200);
    assert_eq!(call(simulator.addr(), "GetStage", &arn).status, 404);
    assert_eq!(call_ok(&simulator, "ListStages", "{}")["stages"], json!([]));
}
