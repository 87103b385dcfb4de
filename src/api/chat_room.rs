//! `spec.chatRoom`, which has every field of CreateRoom except name and tags, with the limits of AWS; and
//! `status.chatRoom`.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AppliedFields, aws_enum};

/// Settings of the Amazon IVS chat room. AWS sets the fields that are not specified, and the operator does
/// not compare them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChatRoomSpec {
    /// Maximum number of messages per second that the room accepts from all its users. AWS default: 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub maximum_message_rate_per_second: Option<i32>,

    /// Maximum length of a message, in characters. AWS default: 500.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 500))]
    pub maximum_message_length: Option<i32>,

    /// Lambda function that reviews every message before it is delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_review_handler: Option<MessageReviewHandler>,

    /// ARNs of the logging configurations of the room, at most three.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 3),
        inner(
            length(min = 1, max = 128),
            regex(pattern = r"^arn:aws:ivschat:[a-z0-9-]+:[0-9]+:logging-configuration/[a-zA-Z0-9-]+$")
        )
    )]
    pub logging_configuration_identifiers: Option<Vec<String>>,
}

/// Lambda function that reviews messages, and the fallback if it fails.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MessageReviewHandler {
    /// ARN of the Lambda function. An empty string removes the handler.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 170), regex(pattern = r"^$|^arn:aws:lambda:[a-z0-9-]+:[0-9]{12}:function:.+"))]
    pub uri: Option<String>,

    /// Fallback for a message if the function fails or times out: ALLOW delivers it, DENY rejects it. AWS
    /// default: ALLOW.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback_result: Option<FallbackResult>,
}

aws_enum! {
    /// Fallback for a message that could not be reviewed.
    FallbackResult { Allow = "ALLOW", Deny = "DENY" }
}

/// The chat room in AWS.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatRoomStatus {
    /// ARN of the chat room.
    pub arn: String,
    /// Id of the chat room, which is the last part of the ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// WebSocket endpoint that chat clients connect to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Settings that the spec names, or that an earlier spec has named and that are not back at AWS's default
    /// yet, by their paths within this part of the spec, and tags as `tag KEY`.
    #[serde(default, skip_serializing_if = "AppliedFields::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub applied_fields: AppliedFields,
}
