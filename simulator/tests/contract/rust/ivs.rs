//! Channels, stream keys, streams, and the configurations that channels refer to.

use aws_sdk_ivs::{
    Client,
    types::{
        ChannelLatencyMode, ChannelType, ContainerFormat, DestinationConfiguration,
        MultitrackInputConfiguration, MultitrackMaximumResolution, MultitrackPolicy,
        RecordingConfigurationState, RecordingMode, S3DestinationConfiguration, StreamFilters, StreamHealth,
        StreamState, ThumbnailConfiguration, ThumbnailConfigurationResolution,
    },
};
use ivs_simulator::Simulator;
use serde_json::json;

use super::{admin_call, code};

const GONE: &str = "arn:aws:ivs:us-west-2:123456789012:channel/gone";

pub async fn drive(ivs: &Client, simulator: &Simulator) {
    let recording = recording_configurations(ivs).await;
    let policy = restriction_policies(ivs).await;
    let (channel, advanced) = channels(ivs, &recording, &policy).await;
    tags(ivs, &channel).await;
    stream_keys(ivs, &channel).await;
    streams(ivs, simulator, &channel, &advanced).await;
    sessions(ivs, simulator, &channel, &recording).await;
    ivs.delete_channel().arn(&channel).send().await.expect("deleted");
    assert_eq!(code(ivs.delete_channel().arn(&channel).send().await), "ResourceNotFoundException");
    ivs.delete_recording_configuration().arn(&recording).send().await.expect("deleted");
    ivs.delete_playback_restriction_policy().arn(&policy).send().await.expect("deleted");
}

fn bucket() -> DestinationConfiguration {
    let s3 = S3DestinationConfiguration::builder().bucket_name("my-bucket").build().expect("a bucket");
    DestinationConfiguration::builder().s3(s3).build()
}

async fn recording_configurations(ivs: &Client) -> String {
    let thumbnails = ThumbnailConfiguration::builder()
        .recording_mode(RecordingMode::Interval)
        .target_interval_seconds(5)
        .resolution(ThumbnailConfigurationResolution::Hd);
    let made = ivs.create_recording_configuration().name("archive").destination_configuration(bucket());
    let made = made.thumbnail_configuration(thumbnails.build()).tags("a", "b");
    let made = made.send().await.expect("a recording configuration").recording_configuration.expect("it");
    let spare = ivs.create_recording_configuration().destination_configuration(bucket()).send().await;
    let spare = spare.expect("a recording configuration").recording_configuration.expect("it");
    let got = ivs.get_recording_configuration().arn(made.arn()).send().await.expect("it");
    let got = got.recording_configuration.expect("it");
    assert_eq!((got.name(), got.state()), (Some("archive"), &RecordingConfigurationState::Active));
    let page = ivs.list_recording_configurations().max_results(1).send().await.expect("a page");
    let token = page.next_token().expect("more");
    let rest = ivs.list_recording_configurations().next_token(token).send().await.expect("a page");
    assert_eq!(rest.recording_configurations().len(), 1);
    ivs.delete_recording_configuration().arn(spare.arn()).send().await.expect("deleted");
    let again = ivs.delete_recording_configuration().arn(spare.arn()).send().await;
    assert_eq!(code(again), "ResourceNotFoundException");
    made.arn().to_owned()
}

async fn restriction_policies(ivs: &Client) -> String {
    let made = ivs.create_playback_restriction_policy().name("home").allowed_countries("DE").tags("a", "b");
    let made = made.send().await.expect("a policy").playback_restriction_policy.expect("it");
    ivs.create_playback_restriction_policy().send().await.expect("a policy");
    let updated =
        ivs.update_playback_restriction_policy().arn(made.arn()).allowed_origins("https://example.com");
    let updated = updated.enable_strict_origin_enforcement(true).send().await.expect("an update");
    assert!(updated.playback_restriction_policy().is_some_and(|policy| policy.allowed_origins().len() == 1));
    let got = ivs.get_playback_restriction_policy().arn(made.arn()).send().await.expect("a policy");
    assert_eq!(got.playback_restriction_policy().and_then(|policy| policy.name()), Some("home"));
    let page = ivs.list_playback_restriction_policies().max_results(1).send().await.expect("a page");
    let token = page.next_token().expect("more");
    let rest = ivs.list_playback_restriction_policies().next_token(token).send().await.expect("a page");
    assert_eq!(rest.playback_restriction_policies().len(), 1);
    made.arn().to_owned()
}

async fn channels(ivs: &Client, recording: &str, policy: &str) -> (String, String) {
    let made = ivs.create_channel().name("todd").tags("team", "blue").recording_configuration_arn(recording);
    let made = made.playback_restriction_policy_arn(policy).send().await.expect("a channel");
    let made = made.channel.expect("a channel");
    assert_eq!(made.r#type(), Some(&ChannelType::StandardChannelType));
    assert_eq!(made.latency_mode(), Some(&ChannelLatencyMode::LowLatency));
    let arn = made.arn().expect("an ARN");
    let advanced =
        ivs.create_channel().name("advanced").r#type(ChannelType::AdvancedHdChannelType).send().await;
    let advanced = advanced.expect("a channel").channel.expect("a channel");
    assert!(advanced.preset().is_some_and(|preset| !preset.as_str().is_empty()));
    multitrack(ivs).await;
    assert_eq!(code(ivs.create_channel().name("to.dd").send().await), "ValidationException");

    let got = ivs.get_channel().arn(arn).send().await.expect("a channel").channel.expect("it");
    assert_eq!(got.recording_configuration_arn(), Some(recording));
    assert_eq!(code(ivs.get_channel().arn(GONE).send().await), "ResourceNotFoundException");
    let many = ivs.batch_get_channel().arns(arn).arns(GONE).send().await.expect("channels");
    assert_eq!((many.channels().len(), many.errors()[0].arn()), (1, Some(GONE)));
    let mut pages = ivs.list_channels().max_results(1).into_paginator().send();
    let mut listed = Vec::new();
    while let Some(page) = pages.next().await {
        listed.extend(page.expect("a page").channels.into_iter().filter_map(|channel| channel.name));
    }
    assert_eq!(listed, ["todd", "advanced", "multitrack"]);
    let updated = ivs.update_channel().arn(arn).authorized(true).send().await.expect("an update");
    assert!(updated.channel().is_some_and(|channel| channel.authorized() && channel.tags().is_some()));
    let used = ivs.delete_recording_configuration().arn(recording).send().await;
    assert_eq!(code(used), "ConflictException");
    (arn.to_owned(), advanced.arn().expect("an ARN").to_owned())
}

async fn multitrack(ivs: &Client) {
    let multitrack = MultitrackInputConfiguration::builder()
        .enabled(true)
        .policy(MultitrackPolicy::Allow)
        .maximum_resolution(MultitrackMaximumResolution::Hd);
    let made = ivs.create_channel().name("multitrack").container_format(ContainerFormat::FragmentedMp4);
    let made = made.multitrack_input_configuration(multitrack.build()).send().await.expect("a channel");
    let channel = made.channel.expect("a channel");
    assert!(channel.multitrack_input_configuration().is_some_and(MultitrackInputConfiguration::enabled));
}

async fn tags(ivs: &Client, channel: &str) {
    ivs.tag_resource().resource_arn(channel).tags("a/b", "c d").send().await.expect("tagged");
    ivs.untag_resource().resource_arn(channel).tag_keys("team").send().await.expect("untagged");
    let tags = ivs.list_tags_for_resource().resource_arn(channel).send().await.expect("tags").tags;
    assert_eq!(tags.into_iter().collect::<Vec<_>>(), [("a/b".to_owned(), "c d".to_owned())]);
}

async fn stream_keys(ivs: &Client, channel: &str) {
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

async fn streams(ivs: &Client, simulator: &Simulator, channel: &str, advanced: &str) {
    assert_eq!(code(ivs.get_stream().channel_arn(channel).send().await), "ChannelNotBroadcasting");
    assert!(simulator.set_live(channel));
    admin_call(
        simulator,
        "POST",
        &format!("/channels/{advanced}/live"),
        &json!({"health": "STARVING", "viewerCount": 7}),
    );
    let stream = ivs.get_stream().channel_arn(channel).send().await.expect("a stream").stream.expect("it");
    assert_eq!(stream.state(), Some(&StreamState::StreamLive));
    let page = ivs.list_streams().max_results(1).send().await.expect("a page");
    let token = page.next_token().expect("more");
    let rest = ivs.list_streams().next_token(token).send().await.expect("a page");
    assert_eq!((rest.streams().len(), rest.streams()[0].viewer_count()), (1, 7));
    let starving = StreamFilters::builder().health(StreamHealth::Starving).build();
    let starving = ivs.list_streams().filter_by(starving).send().await.expect("streams");
    assert_eq!(starving.streams()[0].channel_arn(), Some(advanced));
    ivs.put_metadata().channel_arn(channel).metadata("{}").send().await.expect("taken");
    assert_eq!(code(ivs.delete_channel().arn(channel).send().await), "ConflictException");
    ivs.stop_stream().channel_arn(channel).send().await.expect("stopped");
    assert!(simulator.end_live(channel) && simulator.end_live(advanced));
    let late = ivs.put_metadata().channel_arn(channel).metadata("{}").send().await;
    assert_eq!(code(late), "ChannelNotBroadcasting");
}

async fn sessions(ivs: &Client, simulator: &Simulator, channel: &str, recording: &str) {
    assert!(simulator.set_live(channel));
    let page = ivs.list_stream_sessions().channel_arn(channel).max_results(1).send().await.expect("a page");
    let token = page.next_token().expect("more");
    let rest =
        ivs.list_stream_sessions().channel_arn(channel).next_token(token).send().await.expect("a page");
    let first = &rest.stream_sessions()[0];
    assert!(first.end_time().is_some() && page.stream_sessions()[0].end_time().is_none());
    let got = ivs.get_stream_session().channel_arn(channel).stream_id(first.stream_id().expect("an id"));
    let got = got.send().await.expect("a session").stream_session.expect("it");
    assert_eq!(got.stream_id(), first.stream_id());
    assert_eq!(got.recording_configuration().expect("it").arn(), recording);
    assert!(got.ingest_configuration().is_some() && !got.truncated_events().is_empty());
    assert!(simulator.end_live(channel));
}
