//! Stages, their participants, and their storage configurations.

use aws_sdk_ivsrealtime::{
    Client,
    types::{
        AutoParticipantRecordingConfiguration, ParticipantState, ParticipantTokenCapability,
        ParticipantTokenConfiguration, S3StorageConfiguration,
    },
};
use ivs_simulator::Simulator;
use serde_json::json;

use super::{admin_call, code};

pub async fn drive(realtime: &Client, simulator: &Simulator) {
    let storage = storage_configurations(realtime).await;
    let stage = stages(realtime, &storage).await;
    sessions(realtime, simulator, &stage).await;
    realtime.delete_stage().arn(&stage).send().await.expect("deleted");
    assert_eq!(code(realtime.get_stage().arn(&stage).send().await), "ResourceNotFoundException");
    realtime.delete_storage_configuration().arn(&storage).send().await.expect("deleted");
}

async fn storage_configurations(realtime: &Client) -> String {
    let bucket = || S3StorageConfiguration::builder().bucket_name("my-bucket").build().expect("a bucket");
    let made = realtime.create_storage_configuration().name("store").s3(bucket()).tags("a", "b").send().await;
    let made = made.expect("a storage configuration").storage_configuration.expect("it");
    let spare = realtime.create_storage_configuration().s3(bucket()).send().await;
    let spare = spare.expect("a storage configuration").storage_configuration.expect("it");
    let got = realtime.get_storage_configuration().arn(made.arn()).send().await.expect("it");
    assert_eq!(got.storage_configuration().and_then(|got| got.name()), Some("store"));
    let page = realtime.list_storage_configurations().max_results(1).send().await.expect("a page");
    let token = page.next_token().expect("more");
    let rest = realtime.list_storage_configurations().next_token(token).send().await.expect("a page");
    assert_eq!(rest.storage_configurations().len(), 1);
    realtime.delete_storage_configuration().arn(spare.arn()).send().await.expect("deleted");
    let again = realtime.delete_storage_configuration().arn(spare.arn()).send().await;
    assert_eq!(code(again), "ResourceNotFoundException");
    made.arn().to_owned()
}

async fn stages(realtime: &Client, storage: &str) -> String {
    let token = ParticipantTokenConfiguration::builder()
        .user_id("u")
        .attributes("k", "v")
        .capabilities(ParticipantTokenCapability::Publish);
    let recording = AutoParticipantRecordingConfiguration::builder().storage_configuration_arn(storage);
    let made = realtime.create_stage().name("todd").tags("a", "b");
    let made = made.participant_token_configurations(token.build());
    let made = made.auto_participant_recording_configuration(recording.build().expect("a recording"));
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
    let used = realtime.delete_storage_configuration().arn(storage).send().await;
    assert_eq!(code(used), "ConflictException");
    arn.to_owned()
}

async fn sessions(realtime: &Client, simulator: &Simulator, stage: &str) {
    let token = realtime.create_participant_token().stage_arn(stage).user_id("u").attributes("k", "v");
    let token = token.duration(60).send().await.expect("a token").participant_token.expect("it");
    assert_eq!((token.duration(), token.capabilities().len()), (Some(60), 2));

    let path = format!("/stages/{stage}/sessions");
    admin_call(simulator, "POST", &path, &json!({"participants": [{"userId": "u"}]}));
    admin_call(simulator, "DELETE", &path, &json!({}));
    admin_call(
        simulator,
        "POST",
        &path,
        &json!({"participants": [{"userId": "u", "published": true}, {"userId": "v"}]}),
    );
    let page = realtime.list_stage_sessions().stage_arn(stage).max_results(1).send().await.expect("a page");
    let next = page.next_token().expect("more");
    let rest = realtime.list_stage_sessions().stage_arn(stage).next_token(next).send().await.expect("a page");
    assert!(rest.stage_sessions()[0].end_time().is_some());
    let session = page.stage_sessions()[0].session_id().expect("an id");

    let of_session = || realtime.list_participants().stage_arn(stage).session_id(session);
    let page = of_session().max_results(1).send().await.expect("a page");
    let next = page.next_token().expect("more");
    let rest = of_session().next_token(next).send().await.expect("a page");
    assert_eq!((rest.participants().len(), rest.participants()[0].user_id()), (1, Some("v")));
    let participant = page.participants()[0].participant_id().expect("an id");
    realtime
        .disconnect_participant()
        .stage_arn(stage)
        .participant_id(participant)
        .send()
        .await
        .expect("gone");
    let gone =
        of_session().filter_by_state(ParticipantState::Disconnected).send().await.expect("participants");
    assert_eq!(gone.participants()[0].participant_id(), Some(participant));
}
