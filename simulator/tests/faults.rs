//! Faults and latency, through the AWS SDKs.

mod support;

use std::time::{Duration, Instant};

use aws_sdk_ivs::error::SdkError;
use ivs_simulator::{Fault, Simulator};
use serde_json::json;
use support::{Aws, admin, code, config, until};

#[tokio::test]
async fn an_error_fault_has_no_effect() {
    let aws = Aws::start().await;
    aws.simulator.fault(Fault::error("CreateChannel", 429, "ThrottlingException"));
    assert_eq!(code(aws.ivs.create_channel().send().await), "ThrottlingException");
    assert_eq!(aws.simulator.counts().channels, 0);
    aws.ivs.create_channel().send().await.expect("a channel");
    let calls = aws.simulator.calls();
    assert_eq!((calls[0].status, calls[0].error.as_deref()), (429, Some("ThrottlingException")));
    assert_eq!((calls[0].fault.as_deref(), calls[0].effected), (Some("error"), None));
    assert_eq!((calls[1].fault.as_deref(), calls[1].effected.is_some()), (None, true));
}

#[tokio::test]
async fn a_blocked_call_has_no_effect_and_no_response() {
    let aws = Aws::start().await;
    aws.simulator.fault(Fault::block("CreateRoom"));
    let error = aws.chat.create_room().send().await.expect_err("no answer");
    assert!(matches!(error, SdkError::DispatchFailure(_)), "{error:?}");
    assert_eq!(aws.simulator.counts().rooms, 0);
    let call = &aws.simulator.calls()[0];
    assert_eq!((call.status, call.effected, call.answered.is_some()), (0, None, true));
    aws.chat.create_room().send().await.expect("a room");
}

#[tokio::test]
async fn a_dropped_call_takes_effect_without_a_response() {
    let aws = Aws::start().await;
    aws.simulator.fault(Fault::execute_then_drop("CreateStage"));
    let error = aws.realtime.create_stage().name("todd").send().await.expect_err("no answer");
    assert!(matches!(error, SdkError::DispatchFailure(_)), "{error:?}");
    assert_eq!(aws.simulator.counts().stages, 1);
    let call = &aws.simulator.calls()[0];
    assert_eq!((call.status, call.effected.is_some()), (0, true));
    assert_eq!(call.created.as_deref(), aws.simulator.state()["stages"][0]["arn"].as_str());
}

#[tokio::test]
async fn a_hanging_call_never_gets_a_response() {
    let aws = Aws::start().await;
    aws.simulator.fault(Fault::hang("CreateStage"));
    let hanging = aws.realtime.create_stage().send();
    let hanging = tokio::spawn(hanging);
    until(|| aws.simulator.calls().len() == 1).await;
    aws.realtime.create_stage().send().await.expect("a stage");
    assert!(!hanging.is_finished());
    hanging.abort();
    assert_eq!(aws.simulator.counts().stages, 1);
    assert_eq!(aws.simulator.calls()[0].answered, None);
}

#[tokio::test]
async fn a_fault_applies_to_the_given_calls_and_resources() {
    let aws = Aws::start().await;
    let (todd, _) = aws.channel("todd").await;
    let (anna, _) = aws.channel("anna").await;
    aws.simulator.fault(Fault::error("*Channel", 503, "ServiceUnavailable").times(2).named("todd"));
    let get = |arn: &str| aws.ivs.get_channel().arn(arn).send();
    get(&anna).await.expect("a channel");
    assert_eq!(code(get(&todd).await), "ServiceUnavailable");
    assert_eq!(code(aws.ivs.create_channel().name("todd").send().await), "ServiceUnavailable");
    get(&todd).await.expect("a channel");
    aws.simulator.fault(Fault::error("GetChannel", 500, "InternalServerException").times(9).named(&anna));
    assert_eq!(code(get(&anna).await), "InternalServerException");
    aws.simulator.clear_faults();
    get(&anna).await.expect("a channel");
}

#[tokio::test]
async fn sdk_attempts_are_numbered_in_the_journal() {
    let aws = Aws::start().await;
    let retrying = aws_sdk_ivs::Client::new(&config(&aws.simulator.url(), "us-west-2", 3).await);
    aws.simulator.fault(Fault::execute_then_drop("CreateChannel"));
    retrying.create_channel().name("todd").send().await.expect("a channel, the second");
    assert_eq!(aws.simulator.counts().channels, 2, "a blind retry creates a duplicate");
    let attempts: Vec<_> = aws.simulator.calls().iter().map(|call| call.attempt).collect();
    assert_eq!(attempts, [Some(1), Some(2)]);
}

#[tokio::test]
async fn faults_are_managed_over_http() {
    let aws = Aws::start().await;
    let address = aws.simulator.addr();
    let rule = json!({"operation": "CreateRoom", "times": 2, "name": "todd",
                      "kind": {"error": {"code": "PendingVerification", "status": 403, "message": "soon"}}});
    let made = admin(address, "POST", "/faults", &rule.to_string());
    assert_eq!((made.status, &made.json()["id"]), (201, &json!(1)));
    assert_eq!(code(aws.chat.create_room().name("todd").send().await), "PendingVerification");
    let listed = admin(address, "GET", "/faults", "").json();
    assert_eq!((&listed["faults"][0]["hits"], &listed["faults"][0]["kind"]), (&json!(1), &rule["kind"]));
    assert_eq!(admin(address, "DELETE", "/faults", "").status, 204);
    aws.chat.create_room().name("todd").send().await.expect("a room");
    for wrong in [
        "",
        "{}",
        r#"{"operation": "*", "kind": "explode"}"#,
        r#"{"operation": "*", "kind": "hang", "times": 0}"#,
    ] {
        let answer = admin(address, "POST", "/faults", wrong);
        assert!(answer.status == 400 && answer.json()["message"].is_string(), "{wrong}: {answer:?}");
    }
}

#[tokio::test]
async fn latency_delays_the_effect() {
    const LATENCY: Duration = Duration::from_millis(150);
    let aws = Aws::with(Simulator::builder().latency(LATENCY)).await;
    let start = Instant::now();
    aws.channel("todd").await;
    assert!(start.elapsed() >= LATENCY);
    let call = &aws.simulator.calls()[0];
    assert!(call.effected.expect("an effect") >= call.arrived + LATENCY, "{call:?}");
    assert!(call.answered.expect("an answer") >= call.effected.expect("an effect"));
    aws.simulator.set_latency(Duration::ZERO);
    aws.channel("todd").await;
    let call = &aws.simulator.calls()[1];
    assert!(call.effected.expect("an effect") < call.arrived + LATENCY, "{call:?}");
}

#[tokio::test]
async fn a_call_continues_after_its_client_disconnects() {
    let aws = Aws::with(Simulator::builder().latency(Duration::from_millis(200))).await;
    let call = tokio::spawn(aws.ivs.create_channel().name("todd").send());
    until(|| aws.simulator.calls().len() == 1).await;
    call.abort();
    until(|| aws.simulator.counts().channels == 1).await;
}
