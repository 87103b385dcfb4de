//! The configurations that channels, rooms and stages refer to: recording, logging, storage, and playback
//! restriction, through the AWS SDKs.

mod support;

use std::time::Duration;

use aws_sdk_ivs::types::{
    DestinationConfiguration, RecordingConfigurationState, RecordingMode, RenditionConfiguration,
    RenditionConfigurationRenditionSelection, S3DestinationConfiguration, ThumbnailConfiguration,
};
use aws_sdk_ivschat::types as chat;
use aws_sdk_ivsrealtime::types::{AutoParticipantRecordingConfiguration, S3StorageConfiguration};
use ivs_simulator::Simulator;
use serde_json::json;
use support::{Aws, call, code, message, until};

const HOUR: Duration = Duration::from_hours(1);

fn bucket(name: &str) -> DestinationConfiguration {
    let s3 = S3DestinationConfiguration::builder().bucket_name(name).build().expect("a bucket");
    DestinationConfiguration::builder().s3(s3).build()
}

fn logs(group: &str) -> chat::DestinationConfiguration {
    let logs = chat::CloudWatchLogsDestinationConfiguration::builder().log_group_name(group);
    chat::DestinationConfiguration::CloudWatchLogs(logs.build().expect("a log group"))
}

#[tokio::test]
async fn a_recording_configuration_has_defaults_and_becomes_active() {
    let aws = Aws::with(Simulator::builder().activate_after(HOUR)).await;
    let create = aws.ivs.create_recording_configuration().name("r").tags("a", "b");
    let made = create.destination_configuration(bucket("my-bucket")).send().await.expect("created");
    let made = made.recording_configuration.expect("it");
    assert!(made.arn().starts_with("arn:aws:ivs:us-west-2:123456789012:recording-configuration/"));
    assert_eq!(
        (made.state(), made.recording_reconnect_window_seconds()),
        (&RecordingConfigurationState::Creating, 0)
    );
    let thumbnails = made.thumbnail_configuration().expect("thumbnails");
    assert_eq!(
        (thumbnails.recording_mode(), thumbnails.target_interval_seconds(), thumbnails.resolution()),
        (Some(&RecordingMode::Interval), Some(60), None)
    );
    let renditions = made.rendition_configuration().expect("renditions");
    assert_eq!(renditions.rendition_selection(), Some(&RenditionConfigurationRenditionSelection::All));

    let get = || aws.ivs.get_recording_configuration().arn(made.arn());
    let got = get().send().await.expect("it").recording_configuration.expect("it");
    assert_eq!(got, made);
    aws.simulator.advance(HOUR);
    let got = get().send().await.expect("it").recording_configuration.expect("it");
    assert_eq!(got.state(), &RecordingConfigurationState::Active);

    let listed = aws.ivs.list_recording_configurations().send().await.expect("a list");
    let [row] = listed.recording_configurations() else { panic!("one: {listed:?}") };
    assert_eq!((row.arn(), row.tags().expect("tags")["a"].as_str()), (made.arn(), "b"));
    aws.ivs.delete_recording_configuration().arn(made.arn()).send().await.expect("deleted");
    assert_eq!(code(get().send().await), "ResourceNotFoundException");
}

#[tokio::test]
async fn conflicting_recording_settings_are_rejected() {
    let aws = Aws::start().await;
    let create = || aws.ivs.create_recording_configuration().destination_configuration(bucket("my-bucket"));
    let off = ThumbnailConfiguration::builder().recording_mode(RecordingMode::Disabled);
    let custom = RenditionConfiguration::builder()
        .rendition_selection(RenditionConfigurationRenditionSelection::Custom)
        .build();
    let too_long = ThumbnailConfiguration::builder().target_interval_seconds(61).build();
    let at_all = aws.ivs.create_recording_configuration().destination_configuration(bucket("My_Bucket"));
    let nowhere = DestinationConfiguration::builder().build();
    for (request, member) in [
        (create().thumbnail_configuration(off.target_interval_seconds(5).build()), "targetIntervalSeconds"),
        (create().thumbnail_configuration(too_long), "thumbnailConfiguration.targetIntervalSeconds"),
        (create().rendition_configuration(custom), "renditionConfiguration.renditions"),
        (create().recording_reconnect_window_seconds(301), "recordingReconnectWindowSeconds"),
        (at_all, "destinationConfiguration.s3.bucketName"),
        (create().destination_configuration(nowhere), "destinationConfiguration.s3"),
        (create().name("no spaces"), "name"),
    ] {
        let text = message(request.send().await);
        assert!(text.contains("ValidationException") && text.contains(member), "{member}: {text}");
    }
    let nulls = r#"{"destinationConfiguration": {"s3": {"bucketName": "abc"}, "other": null}, "name": null,
        "thumbnailConfiguration": {"recordingMode": null, "storage": null}, "renditionConfiguration": {"renditions": null}}"#;
    assert_eq!(call(aws.simulator.addr(), "CreateRecordingConfiguration", nulls).status, 200);
}

#[tokio::test]
async fn a_restriction_policy_is_created_updated_and_deleted() {
    let aws = Aws::start().await;
    let made = aws.ivs.create_playback_restriction_policy().send().await.expect("created");
    let made = made.playback_restriction_policy.expect("it");
    assert!(made.allowed_countries().is_empty() && made.allowed_origins().is_empty());
    assert_eq!((made.enable_strict_origin_enforcement(), made.name()), (Some(false), Some("")));
    let update = || aws.ivs.update_playback_restriction_policy().arn(made.arn());
    let changed = update().allowed_countries("CH").allowed_origins("https://a.example").name("p");
    let changed = changed.send().await.expect("an update").playback_restriction_policy.expect("it");
    assert_eq!((changed.allowed_countries(), changed.name()), (&["CH".to_owned()][..], Some("p")));
    let changed = update().enable_strict_origin_enforcement(true).send().await.expect("an update");
    let changed = changed.playback_restriction_policy.expect("it");
    assert_eq!(changed.allowed_countries(), ["CH"], "omitted settings remain unchanged");
    for wrong in ["ch", "CHE", ""] {
        let text = message(update().allowed_countries(wrong).send().await);
        assert!(text.contains("allowedCountries.1.member"), "{text}");
    }
    aws.simulator.add_playback_restriction_policy();
    let pages: Vec<_> = aws.ivs.list_playback_restriction_policies().into_paginator().send().collect().await;
    assert_eq!(pages.len(), 2, "a page has one by default");
    assert_eq!(pages[0].as_ref().expect("a page").playback_restriction_policies()[0], changed.into_summary());
    aws.ivs.delete_playback_restriction_policy().arn(made.arn()).send().await.expect("deleted");
    assert_eq!(code(update().send().await), "ResourceNotFoundException");
}

/// Converts a policy to its summary. They have the same members, but are two types in the SDK.
trait IntoSummary {
    fn into_summary(self) -> aws_sdk_ivs::types::PlaybackRestrictionPolicySummary;
}

impl IntoSummary for aws_sdk_ivs::types::PlaybackRestrictionPolicy {
    fn into_summary(self) -> aws_sdk_ivs::types::PlaybackRestrictionPolicySummary {
        aws_sdk_ivs::types::PlaybackRestrictionPolicySummary::builder()
            .arn(self.arn)
            .set_allowed_countries(Some(self.allowed_countries))
            .set_allowed_origins(Some(self.allowed_origins))
            .set_enable_strict_origin_enforcement(self.enable_strict_origin_enforcement)
            .set_name(self.name)
            .set_tags(self.tags)
            .build()
            .expect("a summary")
    }
}

#[tokio::test]
async fn a_logging_configuration_has_one_destination() {
    let aws = Aws::start().await;
    let create = aws.chat.create_logging_configuration().name("l").tags("a", "b");
    let made = create.destination_configuration(logs("/aws/chat")).send().await.expect("created");
    let arn = made.arn().expect("an ARN");
    assert_eq!(arn.rsplit('/').next(), made.id());
    assert_eq!(made.state(), Some(&chat::CreateLoggingConfigurationState::Active));
    let s3 = chat::S3DestinationConfiguration::builder().bucket_name("my-bucket").build().expect("a bucket");
    let to_s3 = chat::DestinationConfiguration::S3(s3);
    let update =
        aws.chat.update_logging_configuration().identifier(arn).destination_configuration(to_s3.clone());
    let updated = update.send().await.expect("an update");
    assert_eq!((updated.destination_configuration(), updated.name()), (Some(&to_s3), Some("l")));
    assert!(updated.update_time() >= made.update_time());
    let listed = aws.chat.list_logging_configurations().send().await.expect("a list");
    assert_eq!(listed.logging_configurations()[0].destination_configuration(), Some(&to_s3));

    let address = aws.simulator.addr();
    let create = |destination: serde_json::Value| {
        let body = json!({"destinationConfiguration": destination}).to_string();
        support::chat(address, "CreateLoggingConfiguration", &body)
    };
    let (s3, firehose) = (json!({"bucketName": "abc"}), json!({"deliveryStreamName": "d_1"}));
    assert_eq!(create(json!({"s3": null, "firehose": firehose})).status, 200);
    for wrong in [
        json!({}),
        json!({"s3": s3, "firehose": firehose}),
        json!({"cloudWatchLogs": {"logGroupName": "a b"}}),
    ] {
        let answer = create(wrong.clone());
        assert!(
            answer.status == 400 && answer.body.contains("destinationConfiguration"),
            "{wrong}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn a_storage_configuration_is_created_listed_and_deleted() {
    let aws = Aws::start().await;
    let s3 = S3StorageConfiguration::builder().bucket_name("my-bucket").build().expect("a bucket");
    let made = aws.realtime.create_storage_configuration().name("s").s3(s3).send().await.expect("created");
    let made = made.storage_configuration.expect("it");
    let got = aws.realtime.get_storage_configuration().arn(made.arn()).send().await.expect("it");
    assert_eq!(got.storage_configuration(), Some(&made));
    let listed = aws.realtime.list_storage_configurations().send().await.expect("a list");
    assert_eq!(listed.storage_configurations()[0].arn(), made.arn());
    let delete = || aws.realtime.delete_storage_configuration().arn(made.arn());
    delete().send().await.expect("deleted");
    assert_eq!(code(delete().send().await), "ResourceNotFoundException");
}

#[tokio::test]
async fn all_configurations_can_be_tagged() {
    let aws = Aws::start().await;
    let simulator = &aws.simulator;
    for arn in [simulator.add_recording_configuration(), simulator.add_playback_restriction_policy()] {
        aws.ivs.tag_resource().resource_arn(&arn).tags("a", "b").send().await.expect("tagged");
        let tags = aws.ivs.list_tags_for_resource().resource_arn(&arn).send().await.expect("tags");
        assert_eq!(tags.tags()["a"], "b");
        aws.ivs.untag_resource().resource_arn(&arn).tag_keys("a").send().await.expect("untagged");
    }
    let arn = simulator.add_logging_configuration();
    aws.chat.tag_resource().resource_arn(&arn).tags("a", "b").send().await.expect("tagged");
    let got = aws.chat.get_logging_configuration().identifier(&arn).send().await.expect("it");
    assert_eq!(got.tags().expect("tags")["a"], "b");
    let arn = simulator.add_storage_configuration();
    aws.realtime.tag_resource().resource_arn(&arn).tags("a*", "b").send().await.expect("tagged");
    let got = aws.realtime.get_storage_configuration().arn(&arn).send().await.expect("it");
    assert_eq!(got.storage_configuration().and_then(|it| it.tags()).expect("tags")["a*"], "b");
}

#[tokio::test]
async fn a_reference_must_exist() {
    let aws = Aws::start().await;
    let gone = |service: &str, kind: &str| format!("arn:aws:{service}:us-west-2:123456789012:{kind}/gone");
    let (recording, policy) =
        (gone("ivs", "recording-configuration"), gone("ivs", "playback-restriction-policy"));
    let logging = gone("ivschat", "logging-configuration");
    let (channel, _) = aws.channel("todd").await;
    let room = aws.room("todd").await;
    let stage = aws.stage("todd").await;
    let create = || aws.ivs.create_channel();
    assert_eq!(
        code(create().recording_configuration_arn(&recording).send().await),
        "ResourceNotFoundException"
    );
    assert_eq!(
        code(create().playback_restriction_policy_arn(&policy).send().await),
        "ResourceNotFoundException"
    );
    let update = aws.ivs.update_channel().arn(&channel).recording_configuration_arn(&recording);
    assert!(message(update.send().await).contains("recording-configuration/gone"));
    let create = aws.chat.create_room().logging_configuration_identifiers(&logging);
    assert_eq!(code(create.send().await), "ResourceNotFoundException");
    let update = aws.chat.update_room().identifier(&room).logging_configuration_identifiers(&logging);
    assert_eq!(code(update.send().await), "ResourceNotFoundException");

    let storage = |arn: String| {
        AutoParticipantRecordingConfiguration::builder().storage_configuration_arn(arn).build().expect("it")
    };
    let storages = [gone("ivs", "storage-configuration"), aws.simulator.add_storage_configuration() + "x"];
    for arn in storages {
        let create =
            aws.realtime.create_stage().auto_participant_recording_configuration(storage(arn.clone()));
        let text = message(create.send().await);
        assert!(text.contains("ValidationException") && text.contains("storageConfigurationArn"), "{text}");
        let update =
            aws.realtime.update_stage().arn(&stage).auto_participant_recording_configuration(storage(arn));
        assert_eq!(code(update.send().await), "ValidationException");
    }
    let foreign = recording.replace("123456789012", "999999999999");
    let create = aws.ivs.create_channel().recording_configuration_arn(foreign);
    assert_eq!(code(create.send().await), "AccessDeniedException");
    let counts = aws.simulator.counts();
    assert_eq!((counts.channels, counts.rooms, counts.stages), (1, 1, 1));
}

#[tokio::test]
async fn a_configuration_in_use_cannot_be_deleted() {
    let aws = Aws::start().await;
    let simulator = &aws.simulator;
    let (recording, policy) =
        (simulator.add_recording_configuration(), simulator.add_playback_restriction_policy());
    let (logging, storage) = (simulator.add_logging_configuration(), simulator.add_storage_configuration());
    let channel = aws.ivs.create_channel().recording_configuration_arn(&recording);
    let channel = channel.playback_restriction_policy_arn(&policy).send().await.expect("a channel");
    let channel = channel.channel().and_then(|channel| channel.arn()).expect("an ARN");
    aws.chat.create_room().logging_configuration_identifiers(&logging).send().await.expect("a room");
    let auto = AutoParticipantRecordingConfiguration::builder()
        .storage_configuration_arn(&storage)
        .build()
        .expect("it");
    aws.realtime.create_stage().auto_participant_recording_configuration(auto).send().await.expect("a stage");

    let delete = || aws.ivs.delete_recording_configuration().arn(&recording);
    assert_eq!(code(delete().send().await), "ConflictException");
    assert_eq!(
        code(aws.ivs.delete_playback_restriction_policy().arn(&policy).send().await),
        "ConflictException"
    );
    let error =
        aws.chat.delete_logging_configuration().identifier(&logging).send().await.expect_err("an error");
    let error = error.into_service_error();
    assert!(error.is_conflict_exception(), "{error:?}");
    assert_eq!(
        code(aws.realtime.delete_storage_configuration().arn(&storage).send().await),
        "ConflictException"
    );

    aws.ivs.update_channel().arn(channel).recording_configuration_arn("").send().await.expect("an update");
    delete().send().await.expect("deleted once it is no longer in use");
    until(|| aws.simulator.state()["recordingConfigurations"].as_array().is_some_and(Vec::is_empty)).await;
}
