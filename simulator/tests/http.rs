//! The HTTP protocol: status codes, headers, the format of errors, and malformed requests.

mod support;

use ivs_simulator::Simulator;
use serde_json::json;
use support::{admin, call, chat, exchange, send, signed};

async fn simulator() -> Simulator {
    Simulator::builder().start().await.expect("the simulator starts")
}

#[tokio::test]
async fn each_success_has_its_own_status_and_body() {
    let simulator = simulator().await;
    let address = simulator.addr();
    let made = call(address, "CreateChannel", r#"{"name": "todd"}"#);
    assert_eq!((made.status, made.header("content-type")), (200, Some("application/json")));
    assert_eq!(made.header("x-amzn-RequestId").map(str::len), Some(36));
    let arn = made.json()["channel"]["arn"].clone();
    let deleted = call(address, "DeleteChannel", &json!({"arn": arn}).to_string());
    assert_eq!((deleted.status, deleted.body.as_str()), (204, ""));

    let room = chat(address, "CreateRoom", "{}").json();
    assert_eq!(room["name"], "", "rooms are flat");
    let deleted = chat(address, "DeleteRoom", &json!({"identifier": room["arn"]}).to_string());
    assert_eq!(deleted.status, 204);

    let stage = call(address, "CreateStage", "").json();
    let deleted = call(address, "DeleteStage", &json!({"arn": stage["stage"]["arn"]}).to_string());
    assert_eq!((deleted.status, deleted.body.as_str()), (200, "{}"));
}

#[tokio::test]
async fn summaries_have_only_the_members_of_their_shape() {
    let simulator = simulator().await;
    let address = simulator.addr();
    let made = call(address, "CreateChannel", "{}").json();
    chat(address, "CreateRoom", "{}");
    call(address, "CreateStage", "{}");
    let members = |value: &serde_json::Value| {
        let mut names: Vec<_> = value.as_object().expect("an object").keys().cloned().collect();
        names.sort();
        names.join(" ")
    };
    assert_eq!(
        members(&call(address, "ListChannels", "{}").json()["channels"][0]),
        "adConfigurationArn arn authorized failoverSlateConfigurationArn insecureIngest latencyMode name \
         playbackRestrictionPolicyArn preset recordingConfigurationArn tags type"
    );
    let rooms = chat(address, "ListRooms", "{}").json();
    assert_eq!(
        members(&rooms["rooms"][0]),
        "arn createTime id loggingConfigurationIdentifiers name tags updateTime"
    );
    assert_eq!(members(&rooms), "rooms", "the last page has no token");
    let stages = call(address, "ListStages", "{}").json();
    assert_eq!(members(&stages["stages"][0]), "activeSessionId arn name tags");
    let keys = json!({"channelArn": made["channel"]["arn"]}).to_string();
    assert_eq!(
        members(&call(address, "ListStreamKeys", &keys).json()["streamKeys"][0]),
        "arn channelArn tags"
    );
}

#[tokio::test]
async fn errors_have_the_format_of_each_service() {
    let simulator = simulator().await;
    let address = simulator.addr();
    let answer = call(address, "GetChannel", "{}");
    assert_eq!((answer.status, answer.code()), (400, "ValidationException"));
    assert_eq!(
        answer.json(),
        json!({"exceptionMessage": "1 validation error detected: Value null at 'arn' failed to satisfy constraint: Member must not be null"})
    );
    assert!(answer.header("x-amzn-RequestId").is_some());

    let answer = chat(address, "GetRoom", "{}");
    assert_eq!((answer.status, answer.code()), (400, "ValidationException"));
    assert!(answer.json()["message"].is_string() && answer.json()["exceptionMessage"].is_null());
    assert_eq!(answer.json()["fieldList"][0]["name"], "identifier");
    let gone = "arn:aws:ivschat:us-west-2:123456789012:room/abc";
    let answer = chat(address, "GetRoom", &json!({"identifier": gone}).to_string());
    assert_eq!((answer.status, answer.code()), (404, "ResourceNotFoundException"));
    assert_eq!(
        (&answer.json()["resourceId"], &answer.json()["resourceType"]),
        (&json!("abc"), &json!("ROOM"))
    );

    let answer = call(address, "GetStage", r#"{"arn": "arn:aws:ivs:us-west-2:123456789012:stage/a"}"#);
    assert_eq!((answer.status, answer.code()), (404, "ResourceNotFoundException"));
    assert!(answer.json()["exceptionMessage"].is_string());
}

#[tokio::test]
async fn a_request_must_be_signed_for_service_and_region() {
    let simulator = simulator().await;
    let address = simulator.addr();
    let with = |headers: &[&str]| {
        let answer = send(address, "POST", "/CreateChannel", headers, "{}");
        (answer.status, answer.code().to_owned())
    };
    assert_eq!(with(&[]), (403, "MissingAuthenticationTokenException".to_owned()));
    assert_eq!(with(&["Authorization: Basic eDp5"]), (403, "IncompleteSignatureException".to_owned()));
    assert_eq!(with(&[&signed("ivschat")]), (403, "InvalidSignatureException".to_owned()));
    let elsewhere = signed("ivs").replace("us-west-2", "eu-west-1");
    assert_eq!(with(&[&elsewhere]), (403, "InvalidSignatureException".to_owned()));
    assert_eq!(simulator.counts().channels, 0);
    let errors: Vec<_> = simulator.calls().into_iter().filter_map(|call| call.error).collect();
    assert_eq!(errors.len(), 4, "rejected requests are recorded too");
    let answer = send(address, "POST", "/CreateRoom", &[], "{}");
    assert!(answer.status == 403 && answer.json()["message"].is_string());
}

#[tokio::test]
async fn unknown_operations_and_paths_return_json_errors() {
    let simulator = simulator().await;
    let address = simulator.addr();
    for operation in ["CreateAdConfiguration", "StartComposition"] {
        let answer = call(address, operation, "{}");
        assert_eq!((answer.status, answer.code()), (501, "NotImplementedException"));
        let answer = answer.json();
        assert!(answer["exceptionMessage"].as_str().is_some_and(|text| text.contains(operation)), "{answer}");
    }
    for (method, path) in
        [("POST", "/MakeCoffee"), ("GET", "/"), ("GET", "/CreateChannel"), ("POST", "/createchannel")]
    {
        let answer = send(address, method, path, &[], "");
        assert_eq!((answer.status, answer.code()), (404, "UnknownOperationException"), "{path}");
        assert!(answer.json()["exceptionMessage"].is_string());
    }
    assert_eq!(admin(address, "GET", "/nothing", "").status, 404);
    assert_eq!(admin(address, "PUT", "/calls", "").status, 405);
    assert!(admin(address, "PUT", "/calls", "").json()["message"].is_string());
    for answer in [
        admin(address, "GET", "/nothing", ""),
        admin(address, "PUT", "/calls", ""),
        admin(address, "POST", "/faults", "{"),
        send(address, "POST", "/MakeCoffee", &[], ""),
        send(address, "POST", "/CreateStage", &["Authorization: \u{e9}"], "{}"),
        call(address, "CreateStage", "{"),
        call(address, "CreateStage", &"x".repeat(1 << 20)),
        exchange(address, b"GET\r\n\r\n").expect("an answer"),
    ] {
        let (code, body) = (answer.code(), answer.json());
        assert!(answer.status >= 400 && body["__type"] == code && body["message"].is_string(), "{answer:?}");
    }
    let calls = simulator.calls();
    assert!(calls.len() == 10 && calls.iter().all(|call| call.effected.is_none()), "{calls:?}");
}

#[tokio::test]
async fn malformed_requests_are_rejected_without_effect() {
    let simulator = simulator().await;
    let address = simulator.addr();
    let deep = "[".repeat(10_000);
    for body in [
        "{",
        "nil",
        "[]",
        "\"x\"",
        "{\"name\": 5}",
        "{\"tags\": []}",
        "{} {}",
        "{\"name\": \"\\ud800\"}",
        &deep,
    ] {
        let answer = call(address, "CreateChannel", body);
        assert_eq!((answer.status, answer.code()), (400, "SerializationException"), "{body:.20}");
        assert!(answer.json()["exceptionMessage"].is_string());
    }
    let removed = send(address, "DELETE", "/tags/arn?tagKeys=%FC", &[&signed("ivs")], "");
    assert_eq!((removed.status, removed.code()), (400, "SerializationException"));

    let invalid_utf8 = format!(
        "POST /CreateChannel HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{}\r\nContent-Length: 2\r\n\r\n",
        signed("ivs")
    );
    let answer = exchange(address, &[invalid_utf8.as_bytes(), b"\xff\xfe"].concat()).expect("an answer");
    assert_eq!(answer.status, 400);

    let large = json!({"name": "x".repeat(1 << 20)}).to_string();
    let answer = call(address, "CreateChannel", &large);
    assert_eq!((answer.status, answer.code()), (413, "RequestEntityTooLargeException"));

    for bytes in [
        &b"\x16\x03\x01\x02\x00"[..],
        b"GET\r\n\r\n",
        b"POST /CreateChannel HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\n",
    ] {
        if let Some(answer) = exchange(address, bytes) {
            assert!((400..500).contains(&answer.status), "{answer:?}");
        }
    }
    let answer =
        call(address, "CreateChannel", r#"{"name": null, "tags": null, "later": {"x": [1]}, "type": null}"#);
    assert_eq!(answer.status, 200, "null counts as absent, and unknown members are ignored");
    assert_eq!(simulator.counts().channels, 1);
}

#[tokio::test]
async fn a_connection_serves_many_requests() {
    let simulator = simulator().await;
    let one =
        format!("POST /ListStages HTTP/1.1\r\nHost: x\r\n{}\r\nContent-Length: 2\r\n\r\n{{}}", signed("ivs"));
    let last = one.replace("Host: x", "Host: x\r\nConnection: close");
    let answer = exchange(simulator.addr(), format!("{one}{one}{last}").as_bytes()).expect("answers");
    assert_eq!(answer.body.matches("HTTP/1.1 200").count(), 2, "{answer:?}");
    assert_eq!(simulator.calls().len(), 3);
}
