//! Chat rooms.

use std::sync::Arc;

use aws_config::SdkConfig;
use aws_sdk_ivschat::{
    Client,
    primitives::DateTime,
    types::{self, FallbackResult, RoomSummary},
};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Caller, Class, Created, Error, Kind, ListPage, Listed, Live, Properties, Result, Tags,
    sdk::{from_sdk, missing_as_deleted, tag_calls, to_sdk},
    settings::live_settings,
};
use crate::api::{AppliedFields, ChatRoomSpec, ChatRoomStatus, MessageReviewHandler, ResourceKind};

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
    /// Returns a client with this configuration.
    #[must_use]
    pub fn new(config: &SdkConfig, caller: Arc<Caller>) -> Self {
        let region = config.region().map(ToString::to_string).unwrap_or_default();
        Self { client: Client::new(config), caller, region }
    }

    /// Returns the status. The endpoint is computed, because AWS never returns it.
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
            applied_fields: AppliedFields::new(),
        })
    }
}

/// Returns the name and the live settings in a response, under the names that the spec uses. CreateRoom,
/// GetRoom, and UpdateRoom answer with the same members, but share no type.
macro_rules! properties_of {
    ($room:expr) => {{
        let settings = live_settings!(ChatRoomSpec {
            maximum_message_rate_per_second as "maximumMessageRatePerSecond":
                $room.maximum_message_rate_per_second,
            maximum_message_length as "maximumMessageLength": $room.maximum_message_length,
            message_review_handler as "messageReviewHandler":
                handler_settings($room.message_review_handler.as_ref()),
            logging_configuration_identifiers as "loggingConfigurationIdentifiers":
                $room.logging_configuration_identifiers,
        });
        Properties { name: $room.name.clone(), settings }
    }};
}

/// Returns the settings that lists contain: all except the limits of messages.
fn listed_settings(room: &RoomSummary) -> Value {
    json!({
        "messageReviewHandler": handler_settings(room.message_review_handler.as_ref()),
        "loggingConfigurationIdentifiers": room.logging_configuration_identifiers,
    })
}

fn handler_settings(handler: Option<&types::MessageReviewHandler>) -> Value {
    live_settings!(MessageReviewHandler {
        uri as "uri": handler.and_then(types::MessageReviewHandler::uri),
        fallback_result as "fallbackResult":
            handler.and_then(types::MessageReviewHandler::fallback_result).map(FallbackResult::as_str),
    })
}

/// Converts a time. Returns None if it is out of range.
fn timestamp(time: DateTime) -> Option<Timestamp> {
    Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()
}

fn to_handler(handler: &MessageReviewHandler) -> types::MessageReviewHandler {
    let MessageReviewHandler { uri, fallback_result } = handler;
    types::MessageReviewHandler::builder()
        .set_uri(uri.clone())
        .set_fallback_result(fallback_result.map(|result| result.as_str().into()))
        .build()
}

/// Adds the settings to a request. CreateRoom and UpdateRoom take the same members, but share no type. The
/// spec is destructured in full, so that a new field must be added here.
macro_rules! with_settings {
    ($request:expr, $settings:expr) => {{
        let ChatRoomSpec {
            maximum_message_rate_per_second,
            maximum_message_length,
            message_review_handler,
            logging_configuration_identifiers,
        } = $settings;
        $request
            .set_maximum_message_rate_per_second(*maximum_message_rate_per_second)
            .set_maximum_message_length(*maximum_message_length)
            .set_message_review_handler(message_review_handler.as_ref().map(to_handler))
            .set_logging_configuration_identifiers(logging_configuration_identifiers.clone())
    }};
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
        let properties = properties_of!(answer);
        let status = self.status(answer.arn, answer.id, "CreateRoom", true)?;
        Ok(Created { status, properties, stream_key: None })
    }

    async fn get(&self, arn: &str) -> Result<Option<Live<ChatRoomStatus>>> {
        let room = match self.caller.call("GetRoom", self.client.get_room().identifier(arn).send()).await {
            Err(error) if error.class == Class::Missing => return Ok(None),
            other => other?,
        };
        let properties = properties_of!(room);
        let status = self.status(room.arn, room.id, "GetRoom", false)?;
        Ok(Some(Live { status, properties, tags: from_sdk(room.tags) }))
    }

    async fn list_page(&self, name: Option<&str>, token: Option<String>) -> Result<ListPage> {
        let request = self
            .client
            .list_rooms()
            .max_results(PAGE)
            .set_name(name.map(str::to_owned))
            .set_next_token(token);
        let page = self.caller.call("ListRooms", request.send()).await?;
        let listed = page.rooms.into_iter().map(|room| Listed {
            settings: listed_settings(&room),
            arn: room.arn.unwrap_or_default(),
            name: room.name.unwrap_or_default(),
            tags: from_sdk(room.tags),
            updated_at: room.update_time.and_then(timestamp),
        });
        Ok((listed.collect(), page.next_token))
    }

    async fn update(&self, arn: &str, name: Option<&str>, changes: &ChatRoomSpec) -> Result<Properties> {
        let request = self.client.update_room().identifier(arn).set_name(name.map(str::to_owned));
        let request = with_settings!(request, changes);
        let send = |completion| request.customize().map_request(completion).send();
        let room = self.caller.update("UpdateRoom", changes, send).await?;
        Ok(properties_of!(room))
    }

    tag_calls!();

    async fn delete(&self, arn: &str) -> Result<()> {
        missing_as_deleted(
            self.caller.call("DeleteRoom", self.client.delete_room().identifier(arn).send()).await,
        )
    }

    /// AWS does not tell who is in a room, so every room counts as idle.
    async fn delete_if_idle(&self, arn: &str) -> Result<bool> {
        self.delete(arn).await.map(|()| true)
    }
}
