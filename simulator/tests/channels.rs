//! Channels, stream keys and streams, through the AWS SDK.

mod support;

use std::{collections::HashSet, time::Duration};

use aws_sdk_ivs::operation::list_channels::ListChannelsOutput;
use aws_sdk_ivs::types::{
    ChannelLatencyMode, ChannelType, ContainerFormat, MultitrackInputConfiguration,
    MultitrackMaximumResolution, MultitrackPolicy, StreamState, TranscodePreset,
};
use ivs_simulator::Simulator;
use support::{Aws, code, message, until};

const GONE: &str = "arn:aws:ivs:us-west-2:123456789012:channel/AAAAAAAAAAAA";

#[tokio::test]
async fn a_new_channel_has_aws_defaults_and_a_stream_key() {
    let aws = Aws::start().await;
    let made = aws.ivs.create_channel().name("todd").tags("a", "b").send().await.expect("a channel");
    let (channel, key) = (made.channel().expect("a channel"), made.stream_key().expect("a key"));
    let arn = channel.arn().expect("an ARN");
    let id = arn.strip_prefix("arn:aws:ivs:us-west-2:123456789012:channel/").expect("an ARN of the place");
    assert!(id.len() == 12 && id.chars().all(|c| c.is_ascii_alphanumeric()), "{id}");
    assert_eq!((channel.name(), channel.r#type()), (Some("todd"), Some(&ChannelType::StandardChannelType)));
    assert_eq!(
        (channel.latency_mode(), channel.preset()),
        (Some(&ChannelLatencyMode::LowLatency), Some(&"".into()))
    );
    assert_eq!((channel.authorized(), channel.insecure_ingest()), (false, false));
    assert_eq!(
        (channel.recording_configuration_arn(), channel.tags().expect("tags")["a"].as_str()),
        (Some(""), "b")
    );
    assert!(
        channel.ingest_endpoint().is_some_and(|host| host.ends_with(".global-contribute.live-video.net"))
    );
    let video =
        format!(".us-west-2.playback.live-video.net/api/video/v1/us-west-2.123456789012.channel.{id}.m3u8");
    assert!(channel.playback_url().is_some_and(|url| url.starts_with("https://") && url.ends_with(&video)));
    assert!(key.value().is_some_and(|value| value.starts_with("sk_us-west-2_")));
    assert_eq!((key.channel_arn(), key.tags().expect("tags").len()), (Some(arn), 0));

    let got = aws.ivs.get_channel().arn(arn).send().await.expect("the channel");
    assert_eq!(got.channel(), made.channel());
}

#[tokio::test]
async fn an_update_changes_only_the_given_settings() {
    let aws = Aws::start().await;
    let (arn, _) = aws.channel("todd").await;
    let before = aws.ivs.get_channel().arn(&arn).send().await.expect("it").channel.expect("it");
    let recording = aws.simulator.add_recording_configuration();
    let update = aws.ivs.update_channel().arn(&arn).r#type(ChannelType::AdvancedHdChannelType);
    let after =
        update.recording_configuration_arn(&recording).send().await.expect("an update").channel.expect("it");
    assert_eq!(after.preset(), Some(&TranscodePreset::HigherBandwidthTranscodePreset));
    assert_eq!(after.recording_configuration_arn(), Some(recording.as_str()));
    assert_eq!((after.name(), after.playback_url()), (before.name(), before.playback_url()));

    let update = aws.ivs.update_channel().arn(&arn).r#type(ChannelType::BasicChannelType).name("other");
    let after = update.recording_configuration_arn("").send().await.expect("an update").channel.expect("it");
    assert_eq!(
        (after.name(), after.preset(), after.recording_configuration_arn()),
        (Some("other"), Some(&"".into()), Some(""))
    );
    let named = aws.ivs.list_channels().filter_by_name("other").send().await.expect("a list");
    assert_eq!(named.channels().len(), 1);
    assert!(
        aws.ivs.list_channels().filter_by_name("todd").send().await.expect("a list").channels().is_empty()
    );
}

#[tokio::test]
async fn conflicting_channel_settings_are_rejected() {
    let aws = Aws::start().await;
    let preset = TranscodePreset::ConstrainedBandwidthTranscodePreset;
    let text = message(aws.ivs.create_channel().preset(preset.clone()).send().await);
    assert!(text.contains("preset"), "{text}");
    let advanced = aws.ivs.create_channel().r#type(ChannelType::AdvancedSdChannelType).preset(preset.clone());
    let channel = advanced.send().await.expect("a channel").channel.expect("it");
    assert_eq!(channel.preset(), Some(&preset));

    let multitrack = MultitrackInputConfiguration::builder().enabled(true).policy(MultitrackPolicy::Allow);
    let whole = multitrack.clone().maximum_resolution(MultitrackMaximumResolution::Hd).build();
    let create = || aws.ivs.create_channel().container_format(ContainerFormat::FragmentedMp4);
    let basic = create().r#type(ChannelType::BasicChannelType).multitrack_input_configuration(whole.clone());
    assert_eq!(code(basic.send().await), "ValidationException");
    let part = create().multitrack_input_configuration(multitrack.build());
    assert!(message(part.send().await).contains("multitrackInputConfiguration"));
    let in_ts = aws.ivs.create_channel().multitrack_input_configuration(whole.clone());
    assert_eq!(code(in_ts.send().await), "ValidationException");
    let arn = create()
        .multitrack_input_configuration(whole)
        .send()
        .await
        .expect("a channel")
        .channel
        .expect("it")
        .arn;
    let update = aws.ivs.update_channel().set_arn(arn).r#type(ChannelType::BasicChannelType);
    assert_eq!(code(update.send().await), "ValidationException");
    assert_eq!(aws.simulator.counts().channels, 2);
}

#[tokio::test]
async fn a_validation_error_names_the_member() {
    let aws = Aws::start().await;
    let create = || aws.ivs.create_channel();
    for (request, member) in [
        (create().name("a.b"), "name"),
        (create().name("x".repeat(129)), "name"),
        (create().latency_mode("SLOW".into()), "latencyMode"),
        (create().recording_configuration_arn("arn"), "recordingConfigurationArn"),
        (create().tags("aws:x", ""), "tags"),
        (create().tags("", ""), "tags"),
        (create().tags("x", "y".repeat(257)), "tags"),
        (create().set_tags(Some((0..51).map(|n| (n.to_string(), String::new())).collect())), "tags"),
    ] {
        let result = request.send().await;
        let text = message(result);
        assert!(text.contains(member), "{member}: {text}");
    }
    assert_eq!(aws.simulator.counts().channels, 0);
}

#[tokio::test]
async fn pages_contain_every_channel_once() {
    let aws = Aws::start().await;
    for n in 0..7 {
        aws.channel(if n % 2 == 0 { "even" } else { "odd" }).await;
    }
    for (name, count) in [(None, 7_usize), (Some("even"), 4), (Some("odd"), 3)] {
        let list = aws.ivs.list_channels().set_filter_by_name(name.map(str::to_owned)).max_results(2);
        let pages: Vec<_> = list.into_paginator().send().collect::<Result<_, _>>().await.expect("pages");
        assert_eq!(pages.len(), count.div_ceil(2), "{name:?}");
        let arns: HashSet<_> =
            pages.iter().flat_map(ListChannelsOutput::channels).map(|channel| channel.arn()).collect();
        assert_eq!(arns.len(), count);
    }
    let first = aws.ivs.list_channels().max_results(2).send().await.expect("a page");
    let token = first.next_token().expect("a token");
    assert_eq!(code(aws.ivs.list_channels().next_token("AAAA").send().await), "ValidationException");
    assert_eq!(
        code(aws.ivs.list_channels().next_token(token).filter_by_name("even").send().await),
        "ValidationException"
    );
    assert_eq!(code(aws.realtime.list_stages().next_token(token).send().await), "ValidationException");
    assert_eq!(code(aws.ivs.list_channels().max_results(101).send().await), "ValidationException");
    assert_eq!(code(aws.ivs.list_channels().max_results(0).send().await), "ValidationException");
}

#[tokio::test]
async fn a_list_accepts_at_most_one_filter() {
    let aws = Aws::start().await;
    let recording = aws.simulator.add_recording_configuration();
    aws.ivs
        .create_channel()
        .name("a")
        .recording_configuration_arn(&recording)
        .send()
        .await
        .expect("a channel");
    aws.channel("a").await;
    let recorded = aws.ivs.list_channels().filter_by_recording_configuration_arn(&recording);
    assert_eq!(recorded.clone().send().await.expect("a list").channels().len(), 1);
    assert_eq!(code(recorded.filter_by_name("a").send().await), "ConflictException");
}

#[tokio::test]
async fn a_batch_get_returns_resources_and_errors() {
    let aws = Aws::start().await;
    let (arn, key) = aws.channel("todd").await;
    let foreign = "arn:aws:ivs:us-west-2:999999999999:channel/a";
    let batch =
        aws.ivs.batch_get_channel().arns(&arn).arns(GONE).arns(foreign).send().await.expect("a batch");
    assert_eq!(batch.channels().len(), 1);
    let errors: Vec<_> = batch.errors().iter().map(|error| (error.arn(), error.code())).collect();
    assert_eq!(
        errors,
        [(Some(GONE), Some("ResourceNotFoundException")), (Some(foreign), Some("AccessDeniedException"))]
    );
    let keys = aws.ivs.batch_get_stream_key().arns(&key).send().await.expect("a batch");
    assert!(keys.stream_keys()[0].value().is_some());
    assert_eq!(code(aws.ivs.batch_get_channel().set_arns(Some(vec![])).send().await), "ValidationException");
    assert_eq!(
        code(aws.ivs.batch_get_channel().set_arns(Some(vec![arn; 51])).send().await),
        "ValidationException"
    );
}

#[tokio::test]
async fn a_channel_is_deleted_once_with_its_stream_key() {
    let aws = Aws::start().await;
    let (arn, key) = aws.channel("todd").await;
    aws.ivs.delete_channel().arn(&arn).send().await.expect("deleted");
    for code in [
        code(aws.ivs.delete_channel().arn(&arn).send().await),
        code(aws.ivs.get_channel().arn(&arn).send().await),
        code(aws.ivs.update_channel().arn(&arn).send().await),
        code(aws.ivs.get_stream_key().arn(&key).send().await),
        code(aws.ivs.get_stream().channel_arn(&arn).send().await),
        code(aws.ivs.list_stream_keys().channel_arn(&arn).send().await),
        code(aws.ivs.create_stream_key().channel_arn(&arn).send().await),
        code(aws.ivs.list_tags_for_resource().resource_arn(&arn).send().await),
    ] {
        assert_eq!(code, "ResourceNotFoundException");
    }
    assert_eq!(aws.simulator.counts(), ivs_simulator::Counts::default());
}

#[tokio::test]
async fn a_stream_key_is_rotated_by_deleting_the_only_one() {
    let aws = Aws::start().await;
    let (arn, key) = aws.channel("todd").await;
    assert_eq!(
        code(aws.ivs.create_stream_key().channel_arn(&arn).send().await),
        "ServiceQuotaExceededException"
    );
    let listed = aws.ivs.list_stream_keys().channel_arn(&arn).send().await.expect("a list");
    assert_eq!(listed.stream_keys().iter().map(|key| key.arn()).collect::<Vec<_>>(), [Some(key.as_str())]);
    let old = aws.ivs.get_stream_key().arn(&key).send().await.expect("a key").stream_key.expect("it");
    aws.ivs.delete_stream_key().arn(&key).send().await.expect("deleted");
    assert_eq!(code(aws.ivs.delete_stream_key().arn(&key).send().await), "ResourceNotFoundException");
    let new = aws.ivs.create_stream_key().channel_arn(&arn).tags("a", "b").send().await.expect("a key");
    let new = new.stream_key().expect("it");
    assert_ne!(new.value(), old.value());
    assert_eq!(new.tags().expect("tags")["a"], "b");
}

#[tokio::test]
async fn a_live_channel_cannot_be_updated_or_deleted() {
    let aws = Aws::start().await;
    let (arn, _) = aws.channel("todd").await;
    assert_eq!(code(aws.ivs.get_stream().channel_arn(&arn).send().await), "ChannelNotBroadcasting");
    assert_eq!(code(aws.ivs.stop_stream().channel_arn(&arn).send().await), "ChannelNotBroadcasting");
    assert!(aws.simulator.set_live(&arn) && aws.simulator.is_live(&arn) && !aws.simulator.set_live(GONE));
    let stream = aws.ivs.get_stream().channel_arn(&arn).send().await.expect("a stream").stream.expect("it");
    assert_eq!((stream.state(), stream.channel_arn()), (Some(&StreamState::StreamLive), Some(arn.as_str())));
    assert_eq!(stream.stream_id().map(str::len), Some(26));
    assert!(stream.start_time().is_some());
    assert_eq!(code(aws.ivs.update_channel().arn(&arn).name("x").send().await), "ConflictException");
    assert_eq!(code(aws.ivs.delete_channel().arn(&arn).send().await), "ConflictException");
    assert!(aws.simulator.end_live(&arn) && !aws.simulator.is_live(&arn));
    aws.ivs.update_channel().arn(&arn).name("x").send().await.expect("an update");
}

#[tokio::test]
async fn an_encoder_reconnects_while_its_stream_key_exists() {
    let aws = Aws::with(Simulator::builder().reconnect_after(Duration::from_millis(300))).await;
    let (arn, _) = aws.channel("todd").await;
    aws.simulator.set_live(&arn);
    let first = aws.ivs.get_stream().channel_arn(&arn).send().await.expect("a stream").stream.expect("it");
    aws.ivs.stop_stream().channel_arn(&arn).send().await.expect("stopped");
    until(|| aws.simulator.is_live(&arn)).await;
    let second = aws.ivs.get_stream().channel_arn(&arn).send().await.expect("a stream").stream.expect("it");
    assert_ne!(first.stream_id(), second.stream_id());
    assert_eq!(code(aws.ivs.delete_channel().arn(&arn).send().await), "ConflictException");
}

#[tokio::test]
async fn an_encoder_without_a_stream_key_does_not_reconnect() {
    let aws = Aws::with(Simulator::builder().reconnect_after(Duration::ZERO)).await;
    let (arn, key) = aws.channel("todd").await;
    aws.simulator.set_live(&arn);
    aws.ivs.delete_stream_key().arn(&key).send().await.expect("deleted");
    assert!(aws.simulator.is_live(&arn), "the key is checked only when an encoder connects");
    aws.ivs.stop_stream().channel_arn(&arn).send().await.expect("stopped");
    assert!(!aws.simulator.is_live(&arn));
    // The encoder does not know the new key.
    aws.ivs.create_stream_key().channel_arn(&arn).send().await.expect("a key");
    assert_eq!(code(aws.ivs.get_stream().channel_arn(&arn).send().await), "ChannelNotBroadcasting");
    aws.ivs.delete_channel().arn(&arn).send().await.expect("deleted");
}

#[tokio::test]
async fn deleting_the_stream_key_stops_a_pending_reconnect() {
    let aws = Aws::with(Simulator::builder().reconnect_after(Duration::from_hours(1))).await;
    let (arn, key) = aws.channel("todd").await;
    aws.simulator.set_live(&arn);
    aws.ivs.stop_stream().channel_arn(&arn).send().await.expect("stopped");
    aws.ivs.delete_stream_key().arn(&key).send().await.expect("deleted");
    assert_eq!(aws.simulator.state()["channels"][0]["live"], false);
    aws.ivs.delete_channel().arn(&arn).send().await.expect("deleted");
}

#[tokio::test]
async fn arns_of_other_accounts_and_regions_are_rejected() {
    let aws = Aws::start().await;
    let get = |arn: &str| aws.ivs.get_channel().arn(arn).send();
    assert_eq!(code(get("arn:aws:ivs:us-west-2:999999999999:channel/a").await), "AccessDeniedException");
    assert_eq!(code(get("arn:aws:ivs:eu-west-1:123456789012:channel/a").await), "ResourceNotFoundException");
    assert_eq!(code(get("arn:aws-cn:ivs:us-west-2:123456789012:channel/a").await), "ValidationException");
    assert_eq!(code(get("arn:aws:ivs:us-west-2:123456789012:stage/a").await), "ValidationException");
}
