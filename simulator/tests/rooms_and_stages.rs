//! Chat rooms and stages, through the AWS SDKs.

mod support;

use aws_sdk_ivschat::types::{FallbackResult, MessageReviewHandler};
use aws_sdk_ivsrealtime::operation::list_stages::ListStagesOutput;
use aws_sdk_ivsrealtime::types::{
    AutoParticipantRecordingConfiguration, ParticipantRecordingHlsConfiguration, ParticipantTokenCapability,
    ParticipantTokenConfiguration,
};
use support::{Aws, code, message};

const LAMBDA: &str = "arn:aws:lambda:us-west-2:123456789012:function:review";

#[tokio::test]
async fn a_new_room_has_aws_defaults() {
    let aws = Aws::start().await;
    let made = aws.chat.create_room().name("todd").tags("a*", "b").send().await.expect("a room");
    let arn = made.arn().expect("an ARN");
    assert_eq!(arn, format!("arn:aws:ivschat:us-west-2:123456789012:room/{}", made.id().expect("an id")));
    assert_eq!(
        (made.maximum_message_rate_per_second(), made.maximum_message_length()),
        (Some(10), Some(500))
    );
    assert_eq!(made.message_review_handler(), None);
    assert!(made.logging_configuration_identifiers().is_empty());
    assert_eq!(made.create_time(), made.update_time());
    let got = aws.chat.get_room().identifier(arn).send().await.expect("the room");
    assert_eq!((got.name(), got.tags(), got.create_time()), (made.name(), made.tags(), made.create_time()));
}

#[tokio::test]
async fn a_room_update_sets_and_removes_the_handler() {
    let aws = Aws::start().await;
    let arn = aws.room("todd").await;
    let handler = |uri: &str| MessageReviewHandler::builder().uri(uri).build();
    let logging = aws.simulator.add_logging_configuration();
    let update = || aws.chat.update_room().identifier(&arn);
    let updated = update()
        .message_review_handler(handler(LAMBDA))
        .logging_configuration_identifiers(&logging)
        .maximum_message_length(7)
        .send()
        .await
        .expect("an update");
    let attached = updated.message_review_handler().expect("a handler");
    assert_eq!((attached.uri(), attached.fallback_result()), (Some(LAMBDA), Some(&FallbackResult::Allow)));
    assert_eq!(
        (updated.maximum_message_length(), updated.maximum_message_rate_per_second()),
        (Some(7), Some(10))
    );
    assert!(updated.update_time() >= updated.create_time());

    let list = |filter: &str| aws.chat.list_rooms().message_review_handler_uri(filter).send();
    assert_eq!(list(LAMBDA).await.expect("a list").rooms().len(), 1);
    let logged = aws.chat.list_rooms().logging_configuration_identifier(&logging).name("todd").send().await;
    assert_eq!(logged.expect("a list").rooms().len(), 1);

    let updated = update().message_review_handler(handler("")).send().await.expect("an update");
    assert_eq!(updated.message_review_handler(), None);
    assert_eq!(updated.logging_configuration_identifiers(), [logging]);
    assert!(list(LAMBDA).await.expect("a list").rooms().is_empty());
}

#[tokio::test]
async fn rooms_are_listed_newest_update_first() {
    let aws = Aws::start().await;
    let mut arns = Vec::new();
    for name in ["a", "b", "a"] {
        arns.push(aws.room(name).await);
    }
    aws.chat.update_room().identifier(&arns[0]).maximum_message_length(1).send().await.expect("an update");
    let names = |rooms: &[aws_sdk_ivschat::types::RoomSummary]| -> Vec<String> {
        rooms.iter().filter_map(|room| room.arn.clone()).collect()
    };
    let pages: Vec<_> = aws
        .chat
        .list_rooms()
        .max_results(2)
        .into_paginator()
        .send()
        .collect::<Result<_, _>>()
        .await
        .expect("pages");
    let listed: Vec<_> = pages.iter().flat_map(|page| names(page.rooms())).collect();
    assert_eq!(listed, [&arns[0], &arns[2], &arns[1]].map(String::clone));
    let filtered = aws.chat.list_rooms().name("a").send().await.expect("a list");
    assert_eq!(names(filtered.rooms()), [&arns[0], &arns[2]].map(String::clone));
    assert_eq!(code(aws.chat.list_rooms().max_results(51).send().await), "ValidationException");
    assert_eq!(code(aws.chat.list_rooms().next_token("forged").send().await), "ValidationException");
}

#[tokio::test]
async fn a_rejected_room_is_not_created() {
    let aws = Aws::start().await;
    let create = || aws.chat.create_room();
    for (request, member) in [
        (create().name("no spaces"), "name"),
        (create().maximum_message_rate_per_second(0), "maximumMessageRatePerSecond"),
        (create().maximum_message_rate_per_second(101), "maximumMessageRatePerSecond"),
        (create().maximum_message_length(501), "maximumMessageLength"),
        (
            create().message_review_handler(MessageReviewHandler::builder().uri("x").build()),
            "messageReviewHandler.uri",
        ),
        (create().logging_configuration_identifiers("x"), "loggingConfigurationIdentifiers.1.member"),
        (
            create().set_logging_configuration_identifiers(Some(vec![
                aws.simulator
                    .add_logging_configuration();
                4
            ])),
            "loggingConfigurationIdentifiers",
        ),
    ] {
        let text = message(request.send().await);
        assert!(text.contains(&format!("at '{member}' failed")), "{text}");
    }
    assert_eq!(aws.simulator.counts().rooms, 0);
}

#[tokio::test]
async fn a_room_is_deleted_once() {
    let aws = Aws::start().await;
    let arn = aws.room("todd").await;
    aws.chat.delete_room().identifier(&arn).send().await.expect("deleted");
    assert_eq!(code(aws.chat.delete_room().identifier(&arn).send().await), "ResourceNotFoundException");
    assert_eq!(code(aws.chat.get_room().identifier(&arn).send().await), "ResourceNotFoundException");
    assert_eq!(code(aws.chat.update_room().identifier(&arn).send().await), "ResourceNotFoundException");
}

#[tokio::test]
async fn a_new_stage_has_aws_defaults() {
    let aws = Aws::start().await;
    let made = aws.realtime.create_stage().name("todd").tags("a", "b").send().await.expect("a stage");
    let stage = made.stage().expect("a stage");
    assert!(stage.arn().starts_with("arn:aws:ivs:us-west-2:123456789012:stage/"));
    assert_eq!((stage.name(), stage.active_session_id()), (Some("todd"), Some("")));
    let endpoints = stage.endpoints().expect("endpoints");
    assert!(endpoints.events().is_some_and(|url| url.starts_with("wss://")));
    assert!(endpoints.whip().is_some_and(|url| url.starts_with("https://")));
    assert!(endpoints.rtmp().is_some_and(|url| url.starts_with("rtmp://")));
    assert!(endpoints.rtmps().is_some_and(|url| url.starts_with("rtmps://")));
    let recording = stage.auto_participant_recording_configuration().expect("a recording");
    assert_eq!(recording.storage_configuration_arn(), "");
    assert!(made.participant_tokens().is_empty());
    let got = aws.realtime.get_stage().arn(stage.arn()).send().await.expect("the stage");
    assert_eq!(got.stage(), made.stage());
}

#[tokio::test]
async fn a_stage_is_updated_listed_and_deleted_once() {
    let aws = Aws::start().await;
    let arn = aws.stage("todd").await;
    aws.stage("other").await;
    let storage = aws.simulator.add_storage_configuration();
    let recording = AutoParticipantRecordingConfiguration::builder().storage_configuration_arn(&storage);
    let recording = recording.recording_reconnect_window_seconds(9).build().expect("a recording");
    let update = aws.realtime.update_stage().arn(&arn).auto_participant_recording_configuration(recording);
    let stage = update.name("renamed").send().await.expect("an update").stage.expect("it");
    let recording = stage.auto_participant_recording_configuration().expect("a recording");
    assert_eq!(
        (recording.storage_configuration_arn(), recording.recording_reconnect_window_seconds()),
        (storage.as_str(), 9)
    );
    assert_eq!(
        recording
            .hls_configuration()
            .and_then(ParticipantRecordingHlsConfiguration::target_segment_duration_seconds),
        Some(6)
    );

    let pages: Vec<_> = aws
        .realtime
        .list_stages()
        .max_results(1)
        .into_paginator()
        .send()
        .collect::<Result<_, _>>()
        .await
        .expect("pages");
    let names: Vec<_> =
        pages.iter().flat_map(ListStagesOutput::stages).filter_map(|stage| stage.name()).collect();
    assert_eq!(names, ["renamed", "other"]);

    aws.realtime.delete_stage().arn(&arn).send().await.expect("deleted");
    assert_eq!(code(aws.realtime.delete_stage().arn(&arn).send().await), "ResourceNotFoundException");
    assert_eq!(code(aws.realtime.get_stage().arn(&arn).send().await), "ResourceNotFoundException");
    assert_eq!(code(aws.realtime.update_stage().arn(&arn).send().await), "ResourceNotFoundException");
}

#[tokio::test]
async fn a_stage_is_created_with_participant_tokens() {
    let aws = Aws::start().await;
    let token = |minutes| ParticipantTokenConfiguration::builder().duration(minutes);
    let subscriber = token(5).user_id("alice").capabilities(ParticipantTokenCapability::Subscribe).build();
    let create = aws.realtime.create_stage().participant_token_configurations(subscriber);
    let made = create.send().await.expect("a stage");
    let [token_made] = made.participant_tokens() else { panic!("one token: {made:?}") };
    assert_eq!((token_made.user_id(), token_made.duration()), (Some("alice"), Some(5)));
    assert_eq!(token_made.capabilities(), [ParticipantTokenCapability::Subscribe]);
    assert!(token_made.token().is_some() && token_made.expiration_time().is_some());

    let create = aws.realtime.create_stage().participant_token_configurations(token(20_161).build());
    let text = message(create.send().await);
    assert!(text.contains("participantTokenConfigurations.1.member.duration"), "{text}");
    let create =
        aws.realtime.create_stage().set_participant_token_configurations(Some(vec![token(1).build(); 13]));
    assert_eq!(code(create.send().await), "ValidationException");
    assert_eq!(aws.simulator.counts().stages, 1);
}
