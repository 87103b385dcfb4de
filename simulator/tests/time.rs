//! The effects of time on rooms, sessions and encoders, and their persistence across a restart.

mod support;

use std::time::Duration;

use aws_sdk_ivs::types::RecordingConfigurationState;
use ivs_simulator::Simulator;
use support::{Aws, code};

const DAY: Duration = Duration::from_hours(24);

#[tokio::test]
async fn a_room_idle_for_24_months_is_deleted() {
    let aws = Aws::start().await;
    let (idle, used) = (aws.room("idle").await, aws.room("used").await);
    let before = aws.chat.get_room().identifier(&used).send().await.expect("it");
    aws.simulator.advance(700 * DAY);
    aws.chat.update_room().identifier(&used).maximum_message_length(1).send().await.expect("an update");
    aws.simulator.advance(31 * DAY);
    assert_eq!(code(aws.chat.get_room().identifier(&idle).send().await), "ResourceNotFoundException");
    let after = aws.chat.get_room().identifier(&used).send().await.expect("it");
    let moved = after.update_time().expect("a time").secs() - before.update_time().expect("a time").secs();
    assert_eq!((moved / DAY.as_secs().cast_signed(), after.create_time()), (700, before.create_time()));
    assert_eq!(aws.simulator.counts().rooms, 1);
}

#[tokio::test]
async fn a_room_with_messages_is_not_idle() {
    let aws = Aws::start().await;
    let mut rooms = Vec::new();
    for name in ["token", "event", "user", "message", "rejected"] {
        rooms.push(aws.room(name).await);
    }
    let [token, event, user, message, rejected] = &rooms[..] else { panic!("five rooms") };
    aws.simulator.advance(700 * DAY);
    aws.chat.create_chat_token().room_identifier(token).user_id("a").send().await.expect("a token");
    aws.chat.send_event().room_identifier(event).event_name("e").send().await.expect("sent");
    aws.chat.disconnect_user().room_identifier(user).user_id("a").send().await.expect("sent");
    aws.chat.delete_message().room_identifier(message).id("abcdefghijkl").send().await.expect("sent");
    code(aws.chat.create_chat_token().room_identifier(rejected).user_id("").send().await);
    aws.simulator.advance(31 * DAY);
    assert_eq!(code(aws.chat.get_room().identifier(rejected).send().await), "ResourceNotFoundException");
    let got = aws.chat.get_room().identifier(token).send().await.expect("it is in use");
    assert_eq!(got.update_time(), got.create_time(), "activity is not an update");

    let again = Aws::start().await;
    again.simulator.load_state(aws.simulator.state()).expect("it loads");
    assert_eq!(again.simulator.counts().rooms, 4);
    again.simulator.advance(700 * DAY);
    assert_eq!(again.simulator.counts().rooms, 0);
}

#[tokio::test]
async fn sessions_are_kept_for_sixty_days() {
    let aws = Aws::start().await;
    let (arn, _) = aws.channel("todd").await;
    aws.simulator.set_live(&arn);
    aws.simulator.end_live(&arn);
    let sessions = || aws.ivs.list_stream_sessions().channel_arn(&arn).send();
    aws.simulator.advance(59 * DAY);
    assert_eq!(sessions().await.expect("a list").stream_sessions().len(), 1);
    aws.simulator.advance(2 * DAY);
    assert!(sessions().await.expect("a list").stream_sessions().is_empty());
}

#[tokio::test]
async fn timers_survive_a_restart() {
    let day = || Simulator::builder().reconnect_after(DAY).activate_after(DAY);
    let aws = Aws::with(day()).await;
    let recording = aws.simulator.add_recording_configuration();
    let (arn, _) = aws.channel("todd").await;
    let stage = aws.stage("todd").await;
    let session = aws.simulator.join_stage(&stage, "alice").expect("a session");
    aws.simulator.set_live(&arn);
    aws.ivs.stop_stream().channel_arn(&arn).send().await.expect("stopped");

    let again = Aws::with(day()).await;
    again.simulator.load_state(aws.simulator.state()).expect("it loads");
    assert!(!again.simulator.is_live(&arn));
    again.simulator.advance(DAY);
    assert!(again.simulator.is_live(&arn), "the encoder has reconnected");
    let got = again.ivs.get_recording_configuration().arn(&recording).send().await.expect("it");
    let got = got.recording_configuration.expect("it");
    assert_eq!(got.state(), &RecordingConfigurationState::Active);
    let sessions = again.ivs.list_stream_sessions().channel_arn(&arn).send().await.expect("a list");
    assert_eq!(sessions.stream_sessions().len(), 2);
    let sessions = again.realtime.list_stage_sessions().stage_arn(&stage).send().await.expect("a list");
    assert_eq!(sessions.stage_sessions()[0].session_id(), Some(session.as_str()));
}
