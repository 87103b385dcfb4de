//! The AWS SDK for Rust drives every operation. It is typed, so what the scenario says is said here once more.

use aws_config::SdkConfig;
use aws_sdk_ivs::types::{ChannelLatencyMode, ChannelType, StreamState};
use aws_sdk_ivschat::types::{FallbackResult, MessageReviewHandler};
use aws_sdk_ivsrealtime::types::{ParticipantTokenCapability, ParticipantTokenConfiguration};
use ivs_simulator::Simulator;

use crate::support::code;

const GONE: &str = "arn:aws:ivs:us-west-2:123456789012:channel/gone";

pub async fn drive(config: &SdkConfig, simulator: &Simulator) {
    let ivs = aws_sdk_ivs::Client::new(config);
    let channel = channels(&ivs).await;
    stream_keys(&ivs, &channel).await;
    streams(&ivs, simulator, &channel).await;
    rooms(&aws_sdk_ivschat::Client::new(config)).await;
    stages(&aws_sdk_ivsrealtime::Client::new(config)).await;
}

async fn channels(ivs: &aws_sdk_ivs::Client) -> String {
    let made = ivs.create_channel().name("todd").tags("team", "blue").send().await.expect("a channel");
    let made = made.channel().expect("a channel");
    assert_eq!(
        (made.r#type(), made.latency_mode()),
        (Some(&ChannelType::StandardChannelType), Some(&ChannelLatencyMode::LowLatency))
    );
    let arn = made.arn().expect("an ARN").to_owned();
    let advanced =
        ivs.create_channel().name("advanced").r#type(ChannelType::AdvancedHdChannelType).send().await;
    assert!(advanced.expect("a channel").channel().is_some_and(|channel| channel.preset().is_some()));
    assert_eq!(code(ivs.create_channel().name("to.dd").send().await), "ValidationException");

    let got = ivs.get_channel().arn(&arn).send().await.expect("a channel").channel.expect("it");
    assert_eq!(got.name(), Some("todd"));
    assert_eq!(code(ivs.get_channel().arn(GONE).send().await), "ResourceNotFoundException");
    let many = ivs.batch_get_channel().arns(&arn).arns(GONE).send().await.expect("channels");
    assert_eq!((many.channels().len(), many.errors()[0].arn()), (1, Some(GONE)));
    let mut pages = ivs.list_channels().max_results(1).into_paginator().send();
    let mut listed = Vec::new();
    while let Some(page) = pages.next().await {
        listed.extend(page.expect("a page").channels.into_iter().filter_map(|channel| channel.name));
    }
    assert_eq!(listed, ["todd", "advanced"]);
    let updated = ivs.update_channel().arn(&arn).authorized(true).send().await.expect("an update");
    assert!(updated.channel().is_some_and(|channel| channel.authorized() && channel.tags().is_some()));

    ivs.tag_resource().resource_arn(&arn).tags("a/b", "c d").send().await.expect("tagged");
    ivs.untag_resource().resource_arn(&arn).tag_keys("team").send().await.expect("untagged");
    let tags = ivs.list_tags_for_resource().resource_arn(&arn).send().await.expect("tags").tags;
    assert_eq!(tags.into_iter().collect::<Vec<_>>(), [("a/b".to_owned(), "c d".to_owned())]);
    arn
}

async fn stream_keys(ivs: &aws_sdk_ivs::Client, channel: &str) {
    let keys = ivs.list_stream_keys().channel_arn(channel).send().await.expect("keys").stream_keys;
    let key = keys[0].arn().expect("an ARN");
    let again = ivs.create_stream_key().channel_arn(channel).send().await;
    assert_eq!(code(again), "ServiceQuotaExceededException");
    let got = ivs.get_stream_key().arn(key).send().await.expect("a key").stream_key.expect("it");
    let many = ivs.batch_get_stream_key().arns(key).arns(format!("{key}-gone")).send().await.expect("keys");
    assert_eq!((many.stream_keys()[0].value(), many.errors().len()), (got.value(), 1));
    ivs.delete_stream_key().arn(key).send().await.expect("deleted");
    ivs.create_stream_key().channel_arn(channel).tags("a", "b").send().await.expect("a key");
}

async fn streams(ivs: &aws_sdk_ivs::Client, simulator: &Simulator, channel: &str) {
    assert_eq!(code(ivs.get_stream().channel_arn(channel).send().await), "ChannelNotBroadcasting");
    assert!(simulator.set_live(channel));
    let stream = ivs.get_stream().channel_arn(channel).send().await.expect("a stream").stream.expect("it");
    assert_eq!(stream.state(), Some(&StreamState::StreamLive));
    assert_eq!(code(ivs.delete_channel().arn(channel).send().await), "ConflictException");
    ivs.stop_stream().channel_arn(channel).send().await.expect("stopped");
    assert!(simulator.end_live(channel));
    ivs.delete_channel().arn(channel).send().await.expect("deleted");
    assert_eq!(code(ivs.delete_channel().arn(channel).send().await), "ResourceNotFoundException");
}

async fn rooms(chat: &aws_sdk_ivschat::Client) {
    let handler = MessageReviewHandler::builder()
        .uri("arn:aws:lambda:us-west-2:123456789012:function:review")
        .fallback_result(FallbackResult::Deny);
    let made = chat.create_room().name("todd").message_review_handler(handler.build()).tags("any*", "thing");
    let made = made.send().await.expect("a room");
    let arn = made.arn().expect("an ARN");
    assert_eq!((made.maximum_message_length(), made.create_time()), (Some(500), made.update_time()));
    let got = chat.get_room().identifier(arn).send().await.expect("a room");
    assert_eq!(got.id(), made.id());
    chat.create_room().send().await.expect("a room");
    let updated =
        chat.update_room().identifier(arn).maximum_message_length(9).send().await.expect("an update");
    assert_eq!(updated.maximum_message_length(), Some(9));
    let page = chat.list_rooms().max_results(1).send().await.expect("a page");
    assert_eq!(page.rooms()[0].arn(), Some(arn), "the newest update comes first");
    let token = page.next_token().expect("more");
    assert_eq!(chat.list_rooms().next_token(token).send().await.expect("a page").rooms().len(), 1);

    chat.tag_resource().resource_arn(arn).tags("a", "b").send().await.expect("tagged");
    chat.untag_resource().resource_arn(arn).tag_keys("any*").send().await.expect("untagged");
    let tags = chat.list_tags_for_resource().resource_arn(arn).send().await.expect("tags");
    assert_eq!(tags.tags().get("a").map(String::as_str), Some("b"));
    chat.delete_room().identifier(arn).send().await.expect("deleted");
    assert_eq!(code(chat.get_room().identifier(arn).send().await), "ResourceNotFoundException");
}

async fn stages(realtime: &aws_sdk_ivsrealtime::Client) {
    let token = ParticipantTokenConfiguration::builder()
        .user_id("u")
        .attributes("k", "v")
        .capabilities(ParticipantTokenCapability::Publish);
    let made =
        realtime.create_stage().name("todd").tags("a", "b").participant_token_configurations(token.build());
    let made = made.send().await.expect("a stage");
    assert_eq!(made.participant_tokens()[0].user_id(), Some("u"));
    let arn = made.stage().expect("a stage").arn();
    realtime.create_stage().send().await.expect("a stage");
    let got = realtime.get_stage().arn(arn).send().await.expect("a stage").stage.expect("it");
    assert_eq!((got.name(), got.active_session_id()), (Some("todd"), Some("")));
    let updated = realtime.update_stage().arn(arn).name("todd-2").send().await.expect("an update");
    assert_eq!(updated.stage().and_then(|stage| stage.name()), Some("todd-2"));
    let page = realtime.list_stages().max_results(1).send().await.expect("a page");
    let token = page.next_token().expect("more");
    assert_eq!(realtime.list_stages().next_token(token).send().await.expect("a page").stages().len(), 1);

    realtime.tag_resource().resource_arn(arn).tags("c", "d").send().await.expect("tagged");
    realtime.untag_resource().resource_arn(arn).tag_keys("a").send().await.expect("untagged");
    let tags = realtime.list_tags_for_resource().resource_arn(arn).send().await.expect("tags");
    assert_eq!(tags.tags().len(), 1);
    realtime.delete_stage().arn(arn).send().await.expect("deleted");
    assert_eq!(code(realtime.get_stage().arn(arn).send().await), "ResourceNotFoundException");
}
