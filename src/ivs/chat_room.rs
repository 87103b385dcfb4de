//! Chat rooms.

use std::sync::Arc;

use aws_config::SdkConfig;
use aws_sdk_ivschat::{
    Client,
    primitives::DateTime,
    types::{FallbackResult, MessageReviewHandler},
};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Caller, Class, Created, Error, Kind, Listed, Live, Page, Result, Tags, from_sdk, gone, tag_calls, to_sdk,
};
use crate::api::{self, ChatRoomSpec, ChatRoomStatus, ResourceKind};

/// Largest page of ListRooms.
const PAGE: i32 = 50;

/// The chat rooms of one AWS account and region.
#[derive(Debug)]
pub struct ChatRooms {
    client: Client,
    caller: Arc<Caller>,
    region: String,
}

impl ChatRooms {
    /// Chat rooms behind this configuration.
    #[must_use]
    pub fn new(config: &SdkConfig, caller: Arc<Caller>) -> Self {
        let region = config.region().map(ToString::to_string).unwrap_or_default();
        Self { client: Client::new(config), caller, region }
    }

    /// The endpoint is computed: AWS never returns it.
    fn status(
        &self,
        arn: Option<String>,
        id: Option<String>,
        operation: &'static str,
        creates: bool,
    ) -> Result<ChatRoomStatus> {
        let arn = arn.ok_or_else(|| Error::incomplete(operation, creates, "arn"))?;
        Ok(ChatRoomStatus {
            arn,
            id,
            endpoint: Some(format!("wss://edge.ivschat.{}.amazonaws.com", self.region)),
        })
    }
}

/// The settings in an answer: CreateRoom, GetRoom and UpdateRoom answer with the same members, but share no type.
macro_rules! settings {
    ($room:expr) => {
        json!({
            "maximumMessageRatePerSecond": $room.maximum_message_rate_per_second,
            "maximumMessageLength": $room.maximum_message_length,
            "messageReviewHandler": $room.message_review_handler.as_ref().map(handler_settings),
            "loggingConfigurationIdentifiers": $room.logging_configuration_identifiers,
        })
    };
}

fn handler_settings(handler: &MessageReviewHandler) -> Value {
    json!({
        "uri": handler.uri,
        "fallbackResult": handler.fallback_result.as_ref().map(FallbackResult::as_str),
    })
}

/// None for a time that no calendar has.
fn timestamp(time: DateTime) -> Option<Timestamp> {
    Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()
}

fn handler(handler: &api::MessageReviewHandler) -> MessageReviewHandler {
    MessageReviewHandler::builder()
        .set_uri(handler.uri.clone())
        .set_fallback_result(handler.fallback_result.map(|result| result.as_str().into()))
        .build()
}

/// The settings on a request: CreateRoom and UpdateRoom take the same members, but share no type.
macro_rules! with_settings {
    ($request:expr, $settings:expr) => {
        $request
            .set_maximum_message_rate_per_second($settings.maximum_message_rate_per_second)
            .set_maximum_message_length($settings.maximum_message_length)
            .set_message_review_handler($settings.message_review_handler.as_ref().map(handler))
            .set_logging_configuration_identifiers($settings.logging_configuration_identifiers.clone())
    };
}

impl Kind for ChatRooms {
    const KIND: ResourceKind = ResourceKind::ChatRoom;
    type Settings = ChatRoomSpec;
    type Status = ChatRoomStatus;

    async fn admit(&self) -> Result<()> {
        self.caller.admit("CreateRoom").await
    }

    async fn create(
        &self,
        name: &str,
        settings: &ChatRoomSpec,
        tags: &Tags,
    ) -> Result<Created<ChatRoomStatus>> {
        let request = self.client.create_room().name(name).set_tags(Some(to_sdk(tags)));
        let request = with_settings!(request, settings);
        let send = |completion| request.customize().map_request(completion).send();
        let answer = self.caller.create("CreateRoom", settings, send).await?;
        let settings = settings!(answer);
        let status = self.status(answer.arn, answer.id, "CreateRoom", true)?;
        Ok(Created { status, settings, stream_key: None })
    }

    async fn get(&self, arn: &str) -> Result<Option<Live<ChatRoomStatus>>> {
        let room = match self.caller.call("GetRoom", self.client.get_room().identifier(arn).send()).await {
            Err(error) if error.class == Class::Missing => return Ok(None),
            other => other?,
        };
        let settings = settings!(room);
        let status = self.status(room.arn, room.id, "GetRoom", false)?;
        Ok(Some(Live { status, settings, tags: from_sdk(room.tags) }))
    }

    async fn page(&self, name: Option<&str>, token: Option<String>) -> Result<Page> {
        let request = self
            .client
            .list_rooms()
            .max_results(PAGE)
            .set_name(name.map(str::to_owned))
            .set_next_token(token);
        let page = self.caller.call("ListRooms", request.send()).await?;
        let listed = page.rooms.into_iter().map(|room| Listed {
            arn: room.arn.unwrap_or_default(),
            name: room.name.unwrap_or_default(),
            tags: from_sdk(room.tags),
            updated_at: room.update_time.and_then(timestamp),
        });
        Ok((listed.collect(), page.next_token))
    }

    async fn update(&self, arn: &str, changes: &ChatRoomSpec) -> Result<Value> {
        let request = with_settings!(self.client.update_room().identifier(arn), changes);
        let send = |completion| request.customize().map_request(completion).send();
        let room = self.caller.update("UpdateRoom", changes, send).await?;
        Ok(settings!(room))
    }

    tag_calls!();

    async fn delete(&self, arn: &str) -> Result<()> {
        gone(self.caller.call("DeleteRoom", self.client.delete_room().identifier(arn).send()).await)
    }

    /// AWS does not say who is in a room: it counts as idle.
    async fn delete_if_idle(&self, arn: &str) -> Result<bool> {
        self.delete(arn).await.map(|()| true)
    }
}
