//! Participants: tokens, stage sessions, and chat messages, through the AWS SDKs.

mod support;

use aws_sdk_ivschat::types::ChatTokenCapability;
use aws_sdk_ivsrealtime::types::{
    AutoParticipantRecordingConfiguration, ParticipantState, ParticipantTokenCapability,
};
use serde_json::json;
use support::{Aws, admin, call, code, message};

const GONE: &str = "arn:aws:ivs:us-west-2:123456789012:stage/gone";

#[tokio::test]
async fn a_stage_has_a_session_while_somebody_is_connected() {
    let aws = Aws::start().await;
    let arn = aws.stage("todd").await;
    let sessions = || aws.realtime.list_stage_sessions().stage_arn(&arn).send();
    assert!(sessions().await.expect("a list").stage_sessions().is_empty());
    let first = aws.simulator.join_stage(&arn, "alice").expect("a session");
    assert_eq!(aws.simulator.join_stage(&arn, "bob").as_ref(), Some(&first), "the session continues");
    let stage = aws.realtime.get_stage().arn(&arn).send().await.expect("it").stage.expect("it");
    assert_eq!(stage.active_session_id(), Some(first.as_str()));
    let stages = aws.realtime.list_stages().send().await.expect("a list");
    assert_eq!(stages.stages()[0].active_session_id(), Some(first.as_str()));

    let participants = || aws.realtime.list_participants().stage_arn(&arn).session_id(&first);
    let all = participants().send().await.expect("a list");
    let [alice, bob] = all.participants() else { panic!("two: {all:?}") };
    assert_eq!(
        (alice.user_id(), alice.state(), alice.published()),
        (Some("alice"), Some(&ParticipantState::Connected), true)
    );
    let pages: Vec<_> = participants().max_results(1).into_paginator().send().collect().await;
    assert_eq!(pages.len(), 2);
    let only_bob = participants().filter_by_user_id("bob").send().await.expect("a list");
    assert_eq!(only_bob.participants()[0].participant_id(), bob.participant_id());
    let two = participants().filter_by_user_id("bob").filter_by_published(true).send().await;
    assert_eq!(code(two), "ValidationException");

    let disconnect = |id: Option<&str>| {
        aws.realtime
            .disconnect_participant()
            .stage_arn(&arn)
            .participant_id(id.expect("an id"))
            .reason("r")
            .send()
    };
    disconnect(alice.participant_id()).await.expect("disconnected");
    let gone = participants().filter_by_state(ParticipantState::Disconnected).send().await.expect("a list");
    assert_eq!(gone.participants()[0].user_id(), Some("alice"));
    disconnect(bob.participant_id()).await.expect("disconnected");
    let stage = aws.realtime.get_stage().arn(&arn).send().await.expect("it").stage.expect("it");
    assert_eq!(stage.active_session_id(), Some(""), "nobody is left");
    let second = aws.simulator.join_stage(&arn, "alice").expect("a session");
    let listed = sessions().await.expect("a list");
    let ids: Vec<_> =
        listed.stage_sessions().iter().map(|it| (it.session_id(), it.end_time().is_some())).collect();
    assert_eq!(ids, [(Some(second.as_str()), false), (Some(first.as_str()), true)]);
}

#[tokio::test]
async fn the_recording_of_a_stage_cannot_change_while_it_runs() {
    let aws = Aws::start().await;
    let recording = |storage: String| {
        let configuration =
            AutoParticipantRecordingConfiguration::builder().storage_configuration_arn(storage);
        configuration.build().expect("a configuration")
    };
    let storage = aws.simulator.add_storage_configuration();
    let created = aws.realtime.create_stage().auto_participant_recording_configuration(recording(storage));
    let arn = created.send().await.expect("created").stage.expect("it").arn;
    let stop = || {
        let update = aws.realtime.update_stage().arn(&arn);
        update.auto_participant_recording_configuration(recording(String::new())).send()
    };
    aws.simulator.join_stage(&arn, "alice").expect("a session");
    assert_eq!(code(stop().await), "ConflictException");
    aws.realtime.update_stage().arn(&arn).name("another").send().await.expect("a name can change");
    let unchanged = json!({"arn": &arn, "autoParticipantRecordingConfiguration": null}).to_string();
    assert_eq!(call(aws.simulator.addr(), "UpdateStage", &unchanged).status, 200, "null is absent");
    aws.simulator.end_stage_session(&arn);
    stop().await.expect("nobody is being recorded");
}

#[tokio::test]
async fn deleting_a_stage_ends_its_session() {
    let aws = Aws::start().await;
    let arn = aws.stage("todd").await;
    let session = aws.simulator.join_stage(&arn, "alice").expect("a session");
    aws.realtime.delete_stage().arn(&arn).send().await.expect("deleted");
    let sessions = aws.realtime.list_stage_sessions().stage_arn(&arn).send().await.expect("a list");
    assert!(sessions.stage_sessions()[0].end_time().is_some(), "{sessions:?}");
    let participants =
        aws.realtime.list_participants().stage_arn(&arn).session_id(session).send().await.expect("it");
    assert_eq!(participants.participants()[0].state(), Some(&ParticipantState::Disconnected));
    assert_eq!(aws.simulator.join_stage(&arn, "alice"), None);
    let foreign = arn.replace("123456789012", "999999999999");
    let list = aws.realtime.list_stage_sessions().stage_arn(foreign);
    assert_eq!(code(list.send().await), "AccessDeniedException");
}

#[tokio::test]
async fn participants_join_and_leave_over_http() {
    let aws = Aws::start().await;
    let arn = aws.stage("todd").await;
    let address = aws.simulator.addr();
    let path = format!("/stages/{}/sessions", arn.replace('/', "%2F"));
    let joined = admin(
        address,
        "POST",
        &path,
        r#"{"participants": [{"userId": "a"}, {"userId": "b", "published": true}]}"#,
    );
    assert_eq!((joined.status, joined.json()["participantIds"].as_array().map(Vec::len)), (201, Some(2)));
    let session = joined.json()["sessionId"].as_str().expect("an id").to_owned();
    assert_eq!((session.len(), &session[..3]), (16, "st-"));
    let list =
        aws.realtime.list_participants().stage_arn(&arn).session_id(session).filter_by_published(false);
    assert_eq!(list.send().await.expect("a list").participants().len(), 1);
    assert_eq!(admin(address, "POST", &path, "").json()["sessionId"], joined.json()["sessionId"]);
    assert_eq!(admin(address, "POST", &path, r#"{"participants": []}"#).status, 400);
    assert_eq!(admin(address, "POST", &path, r#"{"people": []}"#).status, 400);
    assert_eq!(admin(address, "DELETE", &path, "").status, 204);
    assert_eq!(admin(address, "DELETE", &path, "").status, 404);
    assert_eq!(admin(address, "POST", "/stages/x/sessions", "").status, 404);
}

#[tokio::test]
async fn a_participant_token_has_aws_defaults() {
    let aws = Aws::start().await;
    let arn = aws.stage("todd").await;
    let create = || aws.realtime.create_participant_token().stage_arn(&arn);
    let token = create().user_id("alice").attributes("a", "b").send().await.expect("a token");
    let token = token.participant_token.expect("it");
    assert_eq!(
        (token.duration(), token.user_id(), token.capabilities().len()),
        (Some(720), Some("alice"), 2)
    );
    assert!(token.token().is_some() && token.expiration_time().is_some());
    let only = create().capabilities(ParticipantTokenCapability::Publish).send().await.expect("a token");
    assert_eq!(only.participant_token.expect("it").capabilities(), [ParticipantTokenCapability::Publish]);
    assert!(message(create().duration(0).send().await).contains("duration"));
    assert!(message(create().attributes("a", "x".repeat(1024)).send().await).contains("attributes"));
    let create = aws.realtime.create_participant_token().stage_arn(GONE);
    assert_eq!(code(create.send().await), "ResourceNotFoundException");
    let disconnect = aws.realtime.disconnect_participant().stage_arn(GONE).participant_id("x");
    assert_eq!(code(disconnect.send().await), "ResourceNotFoundException");
}

#[tokio::test]
async fn a_chat_token_has_aws_defaults() {
    let aws = Aws::start().await;
    let room = aws.room("todd").await;
    let create = || aws.chat.create_chat_token().room_identifier(&room).user_id("alice");
    let token = create().capabilities(ChatTokenCapability::SendMessage).send().await.expect("a token");
    let (good, session) =
        (token.token_expiration_time().expect("it"), token.session_expiration_time().expect("it"));
    assert_eq!(
        session.secs() - good.secs(),
        59 * 60,
        "one hour, minus the minute for which the token is valid"
    );
    assert!(token.token().is_some());
    assert!(
        message(create().session_duration_in_minutes(181).send().await).contains("sessionDurationInMinutes")
    );
    assert!(message(create().attributes("é".repeat(600), "").send().await).contains("attributes"));
    let answer =
        support::chat(aws.simulator.addr(), "CreateChatToken", &json!({"roomIdentifier": room}).to_string());
    assert_eq!((answer.status, &answer.json()["fieldList"][0]["name"]), (400, &json!("userId")));
}

#[tokio::test]
async fn messages_to_a_room_are_accepted() {
    let aws = Aws::start().await;
    let room = aws.room("todd").await;
    let event =
        aws.chat.send_event().room_identifier(&room).event_name("e").attributes("a", "b").send().await;
    let id = event.expect("sent").id().expect("an id").to_owned();
    assert_eq!(id.len(), 12);
    aws.chat.delete_message().room_identifier(&room).id(&id).reason("r").send().await.expect("deleted");
    aws.chat.disconnect_user().room_identifier(&room).user_id("alice").send().await.expect("disconnected");
    let text = message(aws.chat.delete_message().room_identifier(&room).id("short").send().await);
    assert!(text.contains("'id'"), "{text}");
    assert!(
        message(aws.chat.send_event().room_identifier(&room).event_name("").send().await)
            .contains("eventName")
    );
    let gone = "arn:aws:ivschat:us-west-2:123456789012:room/gone";
    let send = aws.chat.send_event().room_identifier(gone).event_name("e");
    assert_eq!(code(send.send().await), "ResourceNotFoundException");
}
