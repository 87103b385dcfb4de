//! `StreamerAccount`: one streamer, and what became of the three AWS resources.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ChannelSpec, ChannelStatus, ChatRoomSpec, ChatRoomStatus, StageSpec, StageStatus, tags};

#[allow(clippy::duplicated_attributes, reason = "each printcolumn has the same keys")]
/// What a streamer is to have on Amazon IVS: a channel, a chat room and a real-time stage.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "streamcat.dev",
    version = "v1alpha1",
    kind = "StreamerAccount",
    plural = "streameraccounts",
    shortname = "streamer",
    category = "streamcat",
    namespaced,
    status = "StreamerAccountStatus",
    derive = "PartialEq",
    doc = "A streamer of the platform: one Amazon IVS channel, one chat room and one real-time stage, made, kept and deleted together.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#,
        description = "Whether the channel, the chat room and the stage are there as the spec says"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#,
        description = "Why it is ready or not, in one word"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Channel",
        type_ = "string",
        json_path = ".status.channel.arn",
        priority = 1,
        description = "ARN of the channel"
    ),
    printcolumn(
        name = "Chat-Room",
        type_ = "string",
        json_path = ".status.chatRoom.arn",
        priority = 1,
        description = "ARN of the chat room"
    ),
    printcolumn(
        name = "Stage",
        type_ = "string",
        json_path = ".status.stage.arn",
        priority = 1,
        description = "ARN of the stage"
    ),
    selectable = ".spec.username",
    // namespace/name is a tag's value: AWS allows 256 characters, a namespace takes at most 63 and the slash one.
    validation = Rule::new("size(self.metadata.name) <= 192")
        .message("metadata.name must not be longer than 192 characters, so that namespace/name fits into an AWS tag: choose a shorter name for the object; the username need not be its name"),
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StreamerAccountSpec {
    /// Name of the streamer: becomes the name of the channel, the chat room and the stage. 1 to 128 letters, digits,
    /// `-` or `_`; cannot be changed afterwards.
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[a-zA-Z0-9_-]{1,128}$"))]
    #[x_kube(validation = Rule::new("self == oldSelf")
        .message("username cannot be changed: the channel, the chat room and the stage carry it; delete this account and create another"))]
    pub username: String,

    /// Settings of the channel.
    #[serde(default)]
    pub channel: ChannelSpec,

    /// Settings of the chat room.
    #[serde(default)]
    pub chat_room: ChatRoomSpec,

    /// Settings of the real-time stage.
    #[serde(default)]
    pub stage: StageSpec,

    /// Your own AWS tags for all three resources: at most 46 (AWS allows 50, the operator uses four). Keys that begin
    /// with `streamcat.dev/` or `aws:` are reserved.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "tags::schema")]
    pub tags: BTreeMap<String, String>,

    /// What happens to the AWS resources and the rows in the database when this object is deleted: Delete takes them
    /// away, Retain leaves them.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,

    /// What happens when a resource is gone from AWS though nobody asked the operator for that: Always makes another,
    /// Never makes none and says so in the condition Stalled.
    #[serde(default)]
    pub recreate_policy: RecreatePolicy,
}

/// What happens to the AWS side when the account is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// Everything is deleted.
    #[default]
    Delete,
    /// The AWS resources and the rows stay as they are.
    Retain,
}

/// What happens when a resource vanished from AWS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RecreatePolicy {
    /// Another is made.
    #[default]
    Always,
    /// None is made; the account is stalled.
    Never,
}

/// What was observed of a streamer's resources.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct StreamerAccountStatus {
    /// Generation of the spec that this status speaks of; -1 before the first look.
    #[serde(default = "never_observed")]
    pub observed_generation: i64,

    /// Ready, Reconciling and Stalled as kstatus defines them; UserReady, ChannelReady, ChatRoomReady, StageReady for the parts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,

    /// Value of the annotation `streamcat.dev/reconcile-at` that was handled last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,

    /// Id of the row in `users` (a UUID); outlives this object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,

    /// The channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelStatus>,

    /// The chat room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_room: Option<ChatRoomStatus>,

    /// The real-time stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<StageStatus>,
}

fn never_observed() -> i64 {
    -1
}
