//! GetCallerIdentity of STS, through the AWS SDK and over plain HTTP.

mod support;

use std::time::Duration;

use ivs_simulator::{Fault, Simulator};
use support::{Aws, code, config, send, signed};

const FORM: &str = "Action=GetCallerIdentity&Version=2011-06-15";

const IS_FORM: &str = "Content-Type: application/x-www-form-urlencoded";

async fn sts(simulator: &Simulator, attempts: u32) -> aws_sdk_sts::Client {
    aws_sdk_sts::Client::new(&config(&simulator.url(), "us-west-2", attempts).await)
}

#[tokio::test]
async fn the_identity_has_the_account_of_the_arns() {
    let aws = Aws::with(Simulator::builder().account("210987654321")).await;
    let (channel, _) = aws.channel("todd").await;
    let identity = sts(&aws.simulator, 1).await.get_caller_identity().send().await.expect("an identity");
    assert_eq!(identity.account(), Some("210987654321"));
    assert_eq!(identity.arn(), Some("arn:aws:iam::210987654321:user/simulator"));
    assert!(identity.user_id().is_some_and(|id| id.starts_with("AIDA")));
    assert!(channel.starts_with("arn:aws:ivs:us-west-2:210987654321:"));
}

#[tokio::test]
async fn the_signature_of_a_form_is_verified() {
    let simulator = Simulator::builder().keys("AKIAEXAMPLE", "secret").start().await.expect("it starts");
    sts(&simulator, 1).await.get_caller_identity().send().await.expect("an identity");
    let simulator = Simulator::builder().keys("AKIAEXAMPLE", "other").start().await.expect("it starts");
    assert_eq!(code(sts(&simulator, 1).await.get_caller_identity().send().await), "SignatureDoesNotMatch");
}

#[tokio::test]
async fn faults_latency_and_rates_apply_to_sts() {
    let simulator = Simulator::builder().start().await.expect("the simulator starts");
    let sts = sts(&simulator, 1).await;
    simulator.fault(Fault::throttle("GetCallerIdentity"));
    assert_eq!(code(sts.get_caller_identity().send().await), "Throttling");
    simulator.fault(Fault::error("Get*", 503, "ServiceUnavailable"));
    assert_eq!(code(sts.get_caller_identity().send().await), "ServiceUnavailable");
    simulator.fault(Fault::execute_then_drop("GetCallerIdentity"));
    assert!(sts.get_caller_identity().send().await.is_err());
    simulator.set_latency(Duration::from_millis(50));
    sts.get_caller_identity().send().await.expect("an identity");
    simulator.set_rate("GetCallerIdentity", Some(0.0));
    assert_eq!(code(sts.get_caller_identity().send().await), "Throttling");
    let calls = simulator.calls();
    assert!(calls.iter().all(|call| call.operation == "GetCallerIdentity"));
    assert_eq!(calls.iter().map(|call| call.status).collect::<Vec<_>>(), [429, 503, 0, 200, 429]);
    assert_eq!(calls[3].request, serde_json::json!({"Action": "GetCallerIdentity", "Version": "2011-06-15"}));
    assert!(calls[3].answered.expect("answered") >= calls[3].arrived + Duration::from_millis(50));
}

#[tokio::test]
async fn an_sts_response_is_xml_with_the_request_id() {
    let simulator = Simulator::builder().start().await.expect("the simulator starts");
    let answer = send(simulator.addr(), "POST", "/", &[IS_FORM, &signed("sts")], FORM);
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/xml")));
    let id = answer.header("x-amzn-RequestId").expect("an id");
    assert!(
        answer
            .body
            .starts_with("<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">")
    );
    assert!(answer.body.contains(&format!("<RequestId>{id}</RequestId>")), "{answer:?}");
}

#[tokio::test]
async fn an_sts_error_is_xml() {
    let simulator = Simulator::builder().start().await.expect("the simulator starts");
    for (signature, form, status, code) in [
        (signed("ivs"), FORM, 403, "SignatureDoesNotMatch"),
        (signed("sts"), "Action=AssumeRole&Version=2011-06-15", 400, "InvalidAction"),
        (signed("sts"), "", 400, "MissingAction"),
        ("X-Not-Signed: 1".to_owned(), FORM, 403, "MissingAuthenticationToken"),
    ] {
        let answer = send(simulator.addr(), "POST", "/", &[IS_FORM, &signature], form);
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.body.contains(&format!("<Code>{code}</Code>")), "{answer:?}");
    }
    let by_path = send(simulator.addr(), "POST", "/GetCallerIdentity", &[&signed("sts")], "{}");
    assert_eq!(by_path.status, 404);
}
