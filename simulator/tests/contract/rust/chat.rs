//! Chat rooms, their logging configurations, and their messages.

use aws_sdk_ivschat::{
    Client,
    types::{
        ChatTokenCapability, CloudWatchLogsDestinationConfiguration, DestinationConfiguration,
        FallbackResult, FirehoseDestinationConfiguration, LoggingConfigurationState, MessageReviewHandler,
        S3DestinationConfiguration,
    },
};

use super::code;

const GONE: &str = "arn:aws:ivschat:us-west-2:123456789012:room/gone";

pub async fn drive(chat: &Client) {
    let logging = logging_configurations(chat).await;
    let room = rooms(chat, &logging).await;
    messages(chat, &room).await;
    chat.delete_room().identifier(&room).send().await.expect("deleted");
    assert_eq!(code(chat.get_room().identifier(&room).send().await), "ResourceNotFoundException");
    chat.delete_logging_configuration().identifier(&logging).send().await.expect("deleted");
}

fn destinations() -> [DestinationConfiguration; 3] {
    let bucket = S3DestinationConfiguration::builder().bucket_name("my-bucket").build().expect("a bucket");
    let group =
        CloudWatchLogsDestinationConfiguration::builder().log_group_name("logs").build().expect("a group");
    let hose =
        FirehoseDestinationConfiguration::builder().delivery_stream_name("hose").build().expect("a hose");
    [
        DestinationConfiguration::S3(bucket),
        DestinationConfiguration::CloudWatchLogs(group),
        DestinationConfiguration::Firehose(hose),
    ]
}

async fn logging_configurations(chat: &Client) -> String {
    let mut made = Vec::new();
    for destination in destinations() {
        let configuration = chat.create_logging_configuration().name("logs").tags("a", "b");
        let configuration = configuration.destination_configuration(destination).send().await;
        made.push(configuration.expect("a logging configuration").arn.expect("an ARN"));
    }
    let [s3, group, hose] = <[String; 3]>::try_from(made).expect("three");
    let got = chat.get_logging_configuration().identifier(&s3).send().await.expect("it");
    assert_eq!((got.name(), got.state()), (Some("logs"), Some(&LoggingConfigurationState::Active)));
    // Covers the output of Get for every kind of destination.
    for identifier in [&group, &hose] {
        chat.get_logging_configuration().identifier(identifier).send().await.expect("it");
    }
    for destination in destinations().into_iter().rev() {
        let updated = chat.update_logging_configuration().identifier(&s3).name("more-logs");
        let updated = updated.destination_configuration(destination.clone()).send().await.expect("an update");
        assert_eq!(updated.destination_configuration(), Some(&destination));
    }
    let page = chat.list_logging_configurations().max_results(1).send().await.expect("a page");
    let token = page.next_token().expect("more");
    let rest = chat.list_logging_configurations().next_token(token).send().await.expect("a page");
    assert_eq!(rest.logging_configurations().len(), 2);
    for identifier in [&group, &hose] {
        chat.delete_logging_configuration().identifier(identifier).send().await.expect("deleted");
    }
    let again = chat.delete_logging_configuration().identifier(&hose).send().await;
    assert_eq!(code(again), "ResourceNotFoundException");
    s3
}

async fn rooms(chat: &Client, logging: &str) -> String {
    let handler = MessageReviewHandler::builder()
        .uri("arn:aws:lambda:us-west-2:123456789012:function:review")
        .fallback_result(FallbackResult::Deny);
    let made = chat.create_room().name("todd").message_review_handler(handler.build()).tags("any*", "thing");
    let made = made.logging_configuration_identifiers(logging).send().await.expect("a room");
    let arn = made.arn().expect("an ARN");
    assert_eq!((made.maximum_message_length(), made.create_time()), (Some(500), made.update_time()));
    let got = chat.get_room().identifier(arn).send().await.expect("a room");
    assert_eq!(got.id(), made.id());
    assert_eq!(code(chat.get_room().identifier(GONE).send().await), "ResourceNotFoundException");
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
    let used = chat.delete_logging_configuration().identifier(logging).send().await;
    assert_eq!(code(used), "ConflictException");
    arn.to_owned()
}

async fn messages(chat: &Client, room: &str) {
    let token = chat.create_chat_token().room_identifier(room).user_id("u").attributes("k", "v");
    let token = token.capabilities(ChatTokenCapability::SendMessage).session_duration_in_minutes(10);
    let token = token.send().await.expect("a token");
    assert!(
        token.token().is_some_and(|token| !token.is_empty()) && token.session_expiration_time().is_some()
    );
    let rejected = chat.create_chat_token().room_identifier(GONE).user_id("u").send().await;
    assert_eq!(code(rejected), "ResourceNotFoundException");
    let sent = chat.send_event().room_identifier(room).event_name("cheer").attributes("k", "v").send().await;
    let id = sent.expect("sent").id.expect("an id");
    chat.delete_message().room_identifier(room).id(id).reason("spam").send().await.expect("deleted");
    chat.disconnect_user().room_identifier(room).user_id("u").reason("spam").send().await.expect("gone");
}
