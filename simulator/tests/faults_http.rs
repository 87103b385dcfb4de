//! Faults that are tested over plain HTTP because an SDK would hide their effect, and the selection of calls.

mod support;

use std::time::Duration;

use ivs_simulator::{Fault, Garbage, Simulator};
use serde_json::json;
use support::{Aws, admin, call, chat, code, exchange, signed, until};

async fn simulator() -> Simulator {
    Simulator::builder().start().await.expect("the simulator starts")
}

fn request(operation: &str, body: &str) -> Vec<u8> {
    let (signature, length) = (signed("ivs"), body.len());
    format!(
        "POST /{operation} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{signature}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

fn fault_of(simulator: &Simulator, call: usize) -> Option<String> {
    simulator.calls()[call].fault.clone()
}

#[tokio::test]
async fn a_late_call_takes_effect_after_the_connection_closed() {
    let simulator = simulator().await;
    simulator.fault(Fault::late("CreateStage", Duration::from_millis(150)));
    assert!(exchange(simulator.addr(), &request("CreateStage", "{}")).is_none());
    until(|| simulator.calls()[0].effected.is_some()).await;
    let late = &simulator.calls()[0];
    assert!(late.effected > late.answered && late.status == 0, "{late:?}");
    assert_eq!((simulator.counts().stages, late.fault.as_deref()), (1, Some("late")));
    call(simulator.addr(), "CreateStage", "{}");
    assert_eq!((simulator.counts().stages, fault_of(&simulator, 1)), (2, None));
}

#[tokio::test]
async fn a_throttle_fault_returns_the_error_of_aws() {
    let simulator = simulator().await;
    simulator.fault(Fault::throttle("Create*").times(2));
    let answer = call(simulator.addr(), "CreateStage", "{}");
    assert_eq!((answer.status, answer.code()), (429, "ThrottlingException"));
    let answer = chat(simulator.addr(), "CreateRoom", "{}");
    assert_eq!((answer.status, &answer.json()["message"]), (429, &json!("Rate exceeded")));
    assert_eq!((simulator.counts().stages, simulator.counts().rooms), (0, 0));
    assert_eq!(call(simulator.addr(), "CreateStage", "{}").status, 200);
}

#[tokio::test]
async fn an_error_fault_has_the_members_of_its_shape() {
    let simulator = simulator().await;
    let address = simulator.addr();
    let error = |code: &str, status, operation: &str, body| {
        simulator.fault(Fault::error(operation, status, code));
        let ask = if operation.ends_with("Stage") { call } else { chat };
        let mut error = ask(address, operation, body).json();
        error.as_object_mut().expect("an object").remove("message");
        error
    };
    let room = r#"{"identifier": "arn:aws:ivschat:us-west-2:123456789012:room/abc"}"#;
    let named = json!({"resourceId": "abc", "resourceType": "ROOM"});
    assert_eq!(error("ResourceNotFoundException", 404, "GetRoom", room), named);
    assert_eq!(error("ConflictException", 409, "UpdateRoom", room), named);
    assert_eq!(error("AccessDeniedException", 403, "GetRoom", room), json!({}));
    assert_eq!(error("PendingVerification", 403, "CreateRoom", "{}"), json!({}));
    let quota = json!({"resourceId": "todd", "resourceType": "ROOM", "limit": 50_000});
    assert_eq!(error("ServiceQuotaExceededException", 402, "CreateRoom", r#"{"name": "to-dd"}"#), quota);
    let rate = json!({"resourceId": "abc", "resourceType": "ROOM", "limit": 5});
    assert_eq!(error("ThrottlingException", 429, "GetRoom", room), rate);
    let validation = json!({"reason": "OTHER", "fieldList": []});
    assert_eq!(error("ValidationException", 400, "GetRoom", room), validation);
    let elsewhere = error("ConflictException", 409, "DeleteStage", "{}");
    assert_eq!(elsewhere, json!({"exceptionMessage": "This error was injected by the simulator"}));

    simulator.fault(Fault::throttle("CreateChatToken").times(2));
    let limit = || chat(address, "CreateChatToken", "{}").json()["limit"].clone();
    assert_eq!(limit(), 200, "AWS's default, although it is not in force");
    simulator.set_rate("CreateChatToken", Some(7.0));
    assert_eq!(limit(), 7);
}

#[tokio::test]
async fn a_batch_is_about_each_resource_in_it() {
    let aws = Aws::start().await;
    let (todd, _) = aws.channel("todd").await;
    let (anna, _) = aws.channel("anna").await;
    let get = |arns: &[&String]| {
        let arns = arns.iter().map(|arn| (*arn).clone()).collect();
        aws.ivs.batch_get_channel().set_arns(Some(arns)).send()
    };
    for name in ["anna", &anna, "*channel/*"] {
        aws.simulator.fault(Fault::error("BatchGetChannel", 503, "ServiceUnavailable").named(name));
        if name != "*channel/*" {
            get(&[&todd]).await.expect("the fault is for another channel");
        }
        assert_eq!(code(get(&[&todd, &anna]).await), "ServiceUnavailable", "{name}");
    }
    let about = |resource| aws.simulator.calls().iter().filter(|call| call.is_about(resource)).count();
    assert_eq!((about(&todd), about(&anna)), (1 + 5, 1 + 3));
}

#[tokio::test]
async fn an_html_fault_returns_a_proxy_page() {
    let simulator = simulator().await;
    for status in [404, 502, 503] {
        simulator.fault(Fault::html("GetStage", status));
        let answer = call(simulator.addr(), "GetStage", "{}");
        assert_eq!((answer.status, answer.header("content-type")), (status, Some("text/html")));
        assert!(
            answer.body.starts_with("<html>") && answer.header("x-amzn-ErrorType").is_none(),
            "{answer:?}"
        );
    }
    assert_eq!((simulator.calls()[0].status, fault_of(&simulator, 0).as_deref()), (404, Some("html")));
    assert_eq!(call(simulator.addr(), "GetStage", "{}").status, 400);
}

#[tokio::test]
async fn a_garbage_fault_is_sent_after_the_effect() {
    let simulator = simulator().await;
    let parsed = |body: &str| serde_json::from_str::<serde_json::Value>(body);
    simulator.fault(Fault::garbage("CreateStage", Garbage::Truncated));
    let answer = call(simulator.addr(), "CreateStage", "{}");
    assert!(answer.status == 200 && parsed(&answer.body).is_err(), "{answer:?}");
    simulator.fault(Fault::garbage("CreateStage", Garbage::Wrong));
    let answer = call(simulator.addr(), "CreateStage", "{}");
    assert!(answer.status == 200 && parsed(&answer.body).is_ok_and(|body| body.is_array()), "{answer:?}");
    assert_eq!((simulator.counts().stages, fault_of(&simulator, 1).as_deref()), (2, Some("garbage")));
    assert!(call(simulator.addr(), "CreateStage", "{}").json()["stage"].is_object());
}

#[tokio::test]
async fn a_slow_body_is_sent_in_pieces() {
    let simulator = simulator().await;
    simulator.fault(Fault::slow_body("CreateStage", Duration::from_millis(200)));
    let slow = exchange(simulator.addr(), &request("CreateStage", "{}")).expect("an answer");
    assert_eq!((slow.status, slow.header("transfer-encoding")), (200, Some("chunked")));
    assert!(slow.body.matches("\r\n").count() > 10, "{slow:?}");
    let swift = exchange(simulator.addr(), &request("CreateStage", "{}")).expect("an answer");
    assert!(swift.header("content-length").is_some() && swift.json()["stage"].is_object());
    assert_eq!((simulator.counts().stages, fault_of(&simulator, 0).as_deref()), (2, Some("slow-body")));
}

#[tokio::test]
async fn faults_trigger_at_nth_every_nth_or_random_calls() {
    let simulator = simulator().await;
    let address = simulator.addr();
    let pattern = |calls: usize| {
        let outcome = |_| if call(address, "ListStages", "{}").status == 200 { '.' } else { 'x' };
        (0..calls).map(outcome).collect::<String>()
    };
    simulator.fault(Fault::throttle("ListStages").nth(3));
    assert_eq!(pattern(5), "..x..");
    let every = json!({"operation": "List*", "every": 2, "kind": "throttle"});
    let id = admin(address, "POST", "/faults", &every.to_string()).json()["id"].clone();
    assert_eq!(pattern(4), ".x.x");
    assert_eq!(admin(address, "DELETE", &format!("/faults/{id}"), "").status, 204);
    assert_eq!(admin(address, "DELETE", &format!("/faults/{id}"), "").status, 404);
    assert_eq!(pattern(4), "....");
    simulator.fault(Fault::throttle("ListStages").probability(0.5, 7));
    let first = pattern(20);
    simulator.clear_faults();
    simulator.fault(Fault::throttle("ListStages").probability(0.5, 7));
    assert_eq!(first, pattern(20), "the same seed fails the same calls");
    assert!(first.contains('x') && first.contains('.'), "{first}");
    simulator.clear_faults();
    for wrong in [
        r#"{"operation": "MakeCoffee", "kind": "hang"}"#,
        r#"{"operation": "*", "kind": "hang", "nth": 1, "every": 2}"#,
        r#"{"operation": "*", "kind": "hang", "probability": 2}"#,
        r#"{"operation": "*", "kind": {"late": {"after": "soon"}}}"#,
        r#"{"operation": "*", "kind": {"html": {"status": 200}}}"#,
    ] {
        let answer = admin(address, "POST", "/faults", wrong);
        assert!(answer.status == 400 && answer.json()["message"].is_string(), "{wrong}: {answer:?}");
    }
}

#[tokio::test]
async fn faults_of_the_builder_and_its_file_apply() {
    let file = std::env::temp_dir().join(format!("ivs-simulator-faults-{}.yaml", std::process::id()));
    std::fs::write(&file, "- {operation: CreateStage, name: todd, kind: {html: {status: 503}}}\n")
        .expect("a file");
    let builder = Simulator::builder().faults_file(&file).fault(Fault::throttle("CreateChannel"));
    let simulator = builder.start().await.expect("the simulator starts");
    assert_eq!(call(simulator.addr(), "CreateStage", r#"{"name": "anna"}"#).status, 200);
    assert_eq!(call(simulator.addr(), "CreateStage", r#"{"name": "todd"}"#).status, 503);
    assert_eq!(call(simulator.addr(), "CreateChannel", "{}").status, 429);
    std::fs::write(&file, "- {operation: CreateStage, kind: explode}\n").expect("a file");
    let error = Simulator::builder().faults_file(&file).start().await.expect_err("a wrong file").to_string();
    assert!(error.contains("fault 1") && !error.contains('\n'), "{error}");
    std::fs::remove_file(file).expect("removed");
}
