//! Broadcasts: encoders, viewers, stream sessions, recordings, and their events.

mod support;

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use aws_sdk_ivs::types::{StreamFilters, StreamHealth};
use ivs_simulator::Simulator;
use serde_json::{Value, json};
use support::{Aws, admin, code, message, until};

fn encoded(arn: &str) -> String {
    arn.replace(':', "%3A").replace('/', "%2F")
}

#[tokio::test]
async fn live_streams_are_listed_with_viewers_and_health() {
    let aws = Aws::start().await;
    assert!(aws.ivs.list_streams().send().await.expect("a list").streams().is_empty());
    let mut arns = Vec::new();
    for name in ["a", "b", "c"] {
        arns.push(aws.channel(name).await.0);
    }
    assert!(!aws.simulator.set_viewers(&arns[0], 1), "it is not live");
    for arn in &arns[..2] {
        assert!(aws.simulator.set_live(arn));
    }
    assert!(aws.simulator.set_viewers(&arns[0], 42));
    let address = aws.simulator.addr();
    let live = |body: &str| admin(address, "POST", &format!("/channels/{}/live", encoded(&arns[1])), body);
    assert_eq!(live(r#"{"health": "STARVING", "viewerCount": 7}"#).status, 200);
    assert_eq!(aws.simulator.state()["channels"][1]["stream"]["viewerCount"], 7);
    assert_eq!(live(r#"{"viewers": 7}"#).status, 400);

    let stream = aws.ivs.get_stream().channel_arn(&arns[0]).send().await.expect("it").stream.expect("it");
    assert_eq!((stream.viewer_count(), stream.health()), (42, Some(&StreamHealth::StreamHealthy)));
    let listed = aws.ivs.list_streams().send().await.expect("a list");
    let listed: Vec<_> = listed.streams().iter().filter_map(|stream| stream.channel_arn()).collect();
    assert_eq!(listed, [&arns[0], &arns[1]]);
    let starving = StreamFilters::builder().health(StreamHealth::Starving).build();
    let listed = aws.ivs.list_streams().filter_by(starving).send().await.expect("a list");
    assert_eq!(listed.streams().len(), 1);
    let pages: Vec<_> = aws.ivs.list_streams().max_results(1).into_paginator().send().collect().await;
    assert_eq!(pages.len(), 2);
    aws.simulator.end_live(&arns[0]);
    aws.simulator.remove(&arns[1]);
    assert!(aws.ivs.list_streams().send().await.expect("a list").streams().is_empty());
}

#[tokio::test]
async fn metadata_is_accepted_only_for_live_channels() {
    let aws = Aws::start().await;
    let (arn, _) = aws.channel("todd").await;
    let put = |metadata: &str| aws.ivs.put_metadata().channel_arn(&arn).metadata(metadata).send();
    assert_eq!(code(put("x").await), "ChannelNotBroadcasting");
    aws.simulator.set_live(&arn);
    put(&"x".repeat(1024)).await.expect("put");
    for wrong in ["", &"x".repeat(1025), &"é".repeat(600)] {
        let text = message(put(wrong).await);
        assert!(text.contains("ValidationException") && text.contains("metadata"), "{text}");
    }
}

#[tokio::test]
async fn each_stream_is_recorded_as_a_session() {
    let aws = Aws::with(Simulator::builder().reconnect_after(Duration::from_millis(100))).await;
    let (arn, key) = aws.channel("todd").await;
    let get = || aws.ivs.get_stream_session().channel_arn(&arn);
    assert_eq!(code(get().send().await), "ResourceNotFoundException");
    aws.simulator.set_live(&arn);
    let first = get().send().await.expect("a session").stream_session.expect("it");
    assert_eq!((first.end_time(), first.channel().and_then(|it| it.name())), (None, Some("todd")));
    assert!(first.recording_configuration().is_none());
    let ingest = first.ingest_configurations().expect("ingest configurations");
    assert_eq!((ingest.video_configurations().len(), ingest.audio_configurations().len()), (1, 1));
    assert_eq!(code(aws.ivs.update_channel().arn(&arn).name("x").send().await), "ConflictException");
    assert_eq!(code(aws.ivs.delete_channel().arn(&arn).send().await), "ConflictException");

    aws.ivs.stop_stream().channel_arn(&arn).send().await.expect("stopped");
    assert_eq!(code(aws.ivs.get_stream().channel_arn(&arn).send().await), "ChannelNotBroadcasting");
    until(|| aws.simulator.is_live(&arn)).await;
    let second = get().send().await.expect("a session").stream_session.expect("it");
    assert_ne!(second.stream_id(), first.stream_id(), "the encoder reconnects with a new session");
    let sessions = aws.ivs.list_stream_sessions().channel_arn(&arn).send().await.expect("a list");
    let [newest, oldest] = sessions.stream_sessions() else { panic!("two: {sessions:?}") };
    assert_eq!((newest.stream_id(), newest.end_time()), (second.stream_id(), None));
    assert!(oldest.end_time() >= oldest.start_time() && !oldest.has_error_event());
    let pages: Vec<_> = aws
        .ivs
        .list_stream_sessions()
        .channel_arn(&arn)
        .max_results(1)
        .into_paginator()
        .send()
        .collect()
        .await;
    assert_eq!(pages.len(), 2);
    let first = get().stream_id(first.stream_id().expect("an id")).send().await.expect("it");
    let first = first.stream_session.expect("it");
    let names: Vec<_> = first.truncated_events().iter().filter_map(|event| event.name()).collect();
    assert_eq!(names, ["Session Ended", "Stream End", "Stream Start", "Session Created"]);

    aws.ivs.delete_stream_key().arn(key).send().await.expect("deleted");
    aws.ivs.stop_stream().channel_arn(&arn).send().await.expect("stopped");
    aws.simulator.advance(Duration::from_hours(1));
    assert!(!aws.simulator.is_live(&arn), "it cannot reconnect without a key");
    aws.ivs.delete_channel().arn(&arn).send().await.expect("deleted");
    assert_eq!(
        code(aws.ivs.list_stream_sessions().channel_arn(&arn).send().await),
        "ResourceNotFoundException"
    );
}

#[tokio::test]
async fn streams_and_recordings_produce_events() {
    let aws = Aws::start().await;
    let recording = aws.simulator.add_recording_configuration();
    let made = aws
        .ivs
        .create_channel()
        .name("todd")
        .recording_configuration_arn(&recording)
        .send()
        .await
        .expect("it");
    let arn = made.channel().and_then(|channel| channel.arn()).expect("an ARN").to_owned();
    aws.simulator.set_live(&arn);
    let session =
        aws.ivs.get_stream_session().channel_arn(&arn).send().await.expect("it").stream_session.expect("it");
    assert_eq!(
        session.recording_configuration().map(aws_sdk_ivs::types::RecordingConfiguration::arn),
        Some(recording.as_str())
    );
    aws.simulator.end_live(&arn);

    let address = aws.simulator.addr();
    let events = admin(address, "GET", "/events", "").json()["events"].clone();
    let names: Vec<_> = events.as_array().expect("events").iter().map(name).collect();
    assert_eq!(
        names,
        [
            "Session Created",
            "Stream Start",
            "Recording Start",
            "Stream End",
            "Session Ended",
            "Recording End"
        ]
    );
    let start = &events[1];
    assert_eq!(
        (&start["version"], &start["source"], &start["account"], &start["region"]),
        (&json!("0"), &json!("aws.ivs"), &json!("123456789012"), &json!("us-west-2"))
    );
    assert_eq!(
        (&start["detail-type"], &start["resources"]),
        (&json!("IVS Stream State Change"), &json!([arn]))
    );
    assert_eq!(
        start["detail"],
        json!({"event_name": "Stream Start", "channel_name": "todd", "stream_id": session.stream_id()})
    );
    let end = &events[5]["detail"];
    let channel = arn.rsplit('/').next().expect("an id");
    let prefix = format!("ivs/v1/123456789012/{channel}/");
    assert!(end["recording_s3_key_prefix"].as_str().is_some_and(|found| found.starts_with(&prefix)), "{end}");
    assert_eq!(
        (&end["recording_s3_bucket_name"], &end["recording_status_reason"]),
        (&json!("a-bucket"), &json!(""))
    );
    assert!(end["recording_duration_ms"].is_u64() && end["recording_session_id"].is_string());
    assert_eq!(aws.simulator.events().len(), 6);
    assert_eq!(admin(address, "DELETE", "/events", "").status, 204);
    assert!(aws.simulator.events().is_empty());
}

fn name(event: &Value) -> &str {
    let detail = &event["detail"];
    detail["event_name"].as_str().or_else(|| detail["recording_status"].as_str()).expect("a name")
}

/// Receives events, but rejects the very first request.
fn receiver() -> (SocketAddr, Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let (sender, received) = channel();
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().flatten().enumerate() {
            let Some(event) = receive(stream, number > 0) else { return };
            if number > 0 && sender.send(event).is_err() {
                return;
            }
        }
    });
    (address, received)
}

fn receive(mut stream: TcpStream, accept: bool) -> Option<Value> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((_, body)) = text.split_once("\r\n\r\n")
            && let Ok(event) = serde_json::from_str(body)
        {
            assert!(text.starts_with("POST /events HTTP/1.1\r\n"), "{text}");
            let status = if accept { "204 No Content" } else { "503 Service Unavailable" };
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).ok()?;
            return Some(event);
        }
        let read = stream.read(&mut buffer).ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&buffer[..read]);
    }
}

#[tokio::test]
async fn events_are_delivered_and_retried_without_a_call() {
    let (address, received) = receiver();
    let builder = Simulator::builder().reconnect_after(Duration::from_millis(100));
    let aws = Aws::with(builder.events_url(format!("http://{address}/events"))).await;
    let (arn, _) = aws.channel("todd").await;
    aws.simulator.set_live(&arn);
    aws.ivs.stop_stream().channel_arn(&arn).send().await.expect("stopped");
    // The encoder reconnects without any further call.
    let take = move || received.recv_timeout(Duration::from_secs(20)).map(|event| name(&event).to_owned());
    let names = tokio::task::spawn_blocking(move || (0..6).map(|_| take()).collect::<Result<Vec<_>, _>>());
    let names = names.await.expect("no panic").expect("six events");
    assert_eq!(
        names,
        ["Session Created", "Stream Start", "Stream End", "Session Ended", "Session Created", "Stream Start"]
    );
}

#[tokio::test]
async fn an_unreachable_event_receiver_does_not_block_the_api() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let nobody = listener.local_addr().expect("an address");
    let (sender, attempts) = channel();
    // Closes each connection as soon as it is accepted.
    thread::spawn(move || listener.incoming().try_for_each(|_| sender.send(())));
    let aws = Aws::with(Simulator::builder().events_url(format!("http://{nobody}/"))).await;
    let (arn, _) = aws.channel("todd").await;
    aws.simulator.set_live(&arn);
    let twice = move || (0..2).try_for_each(|_| attempts.recv_timeout(Duration::from_secs(20)));
    tokio::task::spawn_blocking(twice).await.expect("no panic").expect("a retry");
    aws.ivs.get_stream().channel_arn(&arn).send().await.expect("the API is not blocked");
    let error = Simulator::builder().events_url("https://127.0.0.1/").start().await.expect_err("an error");
    assert!(error.to_string().contains("http://"), "{error}");
}
