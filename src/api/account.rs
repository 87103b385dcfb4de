//! `StreamerAccount`: one streamer and the three AWS resources.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{ChannelSpec, ChannelStatus, ChatRoomSpec, ChatRoomStatus, StageSpec, StageStatus, tags};

#[allow(clippy::duplicated_attributes, reason = "each printcolumn has the same keys")]
/// Desired Amazon IVS resources of a streamer: a channel, a chat room and a real-time stage.
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
    doc = "A streamer of the platform, with one Amazon IVS channel, one chat room and one real-time stage. They are created, kept in sync and deleted with this object.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#,
        description = "True if the channel, the chat room and the stage exist and match the spec"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#,
        description = "Reason of the Ready condition"
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
    selectable = ".status.userId",
    // namespace/name is the value of a tag: AWS allows 256 characters, and a namespace with the slash has at
    // most 64.
    validation = Rule::new("size(self.metadata.name) <= 192")
        .message("metadata.name must not be longer than 192 characters, so that namespace/name fits into an AWS tag: choose a shorter name for the object, which can differ from the username"),
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StreamerAccountSpec {
    /// Name of the streamer, and of the channel, the chat room and the stage. 1 to 128 letters, digits, `-`
    /// or `_`. Immutable.
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[a-zA-Z0-9_-]{1,128}$"))]
    #[x_kube(validation = Rule::new("self == oldSelf")
        .message("username is immutable, because the channel, the chat room and the stage have it as their name: delete this account and create another"))]
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

    /// AWS tags to add to all three resources: at most 46, because AWS allows 50 and the operator uses four.
    /// Keys that start with `streamcat.dev/` or `aws:` are reserved.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "tags::schema")]
    pub tags: BTreeMap<String, String>,

    /// Policy for the deletion of this object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,

    /// Policy for a resource that is missing from AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recreate_policy: Option<RecreatePolicy>,

    /// Policy for values that something other than the operator changes in AWS: Correct changes them back,
    /// Report only reports them. Left out, the setting of the installation holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift_policy: Option<DriftPolicy>,

    /// True suspends the account: nothing is created or changed in AWS until it is false or left out.
    /// Deleting the account works as usual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
}

impl StreamerAccountSpec {
    /// Returns the spec of a username with every setting at its default.
    #[must_use]
    pub fn with_defaults(username: String) -> Self {
        Self {
            username,
            channel: ChannelSpec::default(),
            chat_room: ChatRoomSpec::default(),
            stage: StageSpec::default(),
            tags: BTreeMap::new(),
            deletion_policy: None,
            recreate_policy: None,
            drift_policy: None,
            suspend: None,
        }
    }

    /// Returns true if nothing is to be changed in AWS.
    #[must_use]
    pub fn is_suspended(&self) -> bool {
        self.suspend == Some(true)
    }

    /// Returns a hash of what the spec wants, which is the same whether or not it is suspended, and in each
    /// version of the operator.
    #[must_use]
    pub fn hash(&self) -> String {
        let wanted = serde_json::to_vec(&Self { suspend: None, ..self.clone() }).unwrap_or_default();
        let digest = Sha256::digest(wanted);
        let start = digest.iter().take(8).fold(0, |start: u64, byte| start << 8 | u64::from(*byte));
        format!("{start:016x}")
    }

    /// Returns the policies that hold. `drift_policy`: that of the installation.
    #[must_use]
    pub fn effective_policies(&self, drift_policy: DriftPolicy) -> EffectivePolicies {
        EffectivePolicies {
            deletion_policy: self.deletion_policy.unwrap_or_default(),
            recreate_policy: self.recreate_policy.unwrap_or_default(),
            drift_policy: self.drift_policy.unwrap_or(drift_policy),
        }
    }
}

/// The policies that hold for an account: those of its spec, and the installation's where the spec leaves one
/// out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EffectivePolicies {
    /// Policy for the deletion of this object.
    pub deletion_policy: DeletionPolicy,
    /// Policy for a resource that is missing from AWS.
    pub recreate_policy: RecreatePolicy,
    /// Policy for values that something other than the operator changes in AWS.
    pub drift_policy: DriftPolicy,
}

/// Policy for the deletion of this object: Delete also deletes the AWS resources and the rows in the
/// database, Retain keeps them. Default: Delete.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// The AWS resources and the rows are deleted.
    #[default]
    Delete,
    /// The AWS resources and the rows are kept.
    Retain,
}

/// Policy for a resource that was deleted in AWS by something other than the operator: Always creates another
/// one, Never creates none and sets the condition Stalled. Default: Always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RecreatePolicy {
    /// Another one is created.
    #[default]
    Always,
    /// None is created, and the account is stalled.
    Never,
}

/// Policy for values that something other than the operator changes in AWS: Correct changes them back, Report
/// only reports them. Left out, the setting of the installation holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[value(rename_all = "PascalCase")]
pub enum DriftPolicy {
    /// They are changed back.
    #[default]
    Correct,
    /// The account is not ready, and says what differs.
    Report,
}

/// Observed state of a streamer's resources.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct StreamerAccountStatus {
    /// Generation of the spec that this status describes. -1 before the first reconcile.
    #[serde(default = "never_observed")]
    pub observed_generation: i64,

    /// Hash of the spec that this status describes, apart from `suspend`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_spec_hash: Option<String>,

    /// Latest generation of the spec that AWS has accepted for all three resources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied_generation: Option<i64>,

    /// Policies in effect: those of the spec, and the installation's where the spec leaves one out. As of the
    /// latest reconcile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_policies: Option<EffectivePolicies>,

    /// Ready, Reconciling and Stalled as kstatus defines them, and UserReady, ChannelReady, ChatRoomReady and
    /// StageReady for the parts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,

    /// Latest value of the annotation `streamcat.dev/reconcile-at` that was handled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,

    /// Id of the user in the database (a UUID). It outlives this object.
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

impl StreamerAccountStatus {
    /// Returns true if this status describes the spec with this hash, of this generation: only `suspend` was
    /// edited since, if anything.
    #[must_use]
    pub fn describes(&self, generation: i64, spec_hash: &str) -> bool {
        let is_next = generation <= self.observed_generation + 1;
        self.observed_spec_hash.as_deref() == Some(spec_hash) && is_next
    }

    /// Returns true if this status describes that spec, and says that AWS has accepted it.
    #[must_use]
    pub fn has_applied(&self, generation: i64, spec_hash: &str) -> bool {
        self.applied_generation == Some(self.observed_generation) && self.describes(generation, spec_hash)
    }
}

fn never_observed() -> i64 {
    -1
}

/// Returns an account for a unit test: in the namespace `default`, with the defaults of the schema.
#[cfg(test)]
pub(crate) fn test_account(name: &str, username: &str) -> StreamerAccount {
    let spec = serde_json::from_value(serde_json::json!({ "username": username })).expect("a spec");
    let mut account = StreamerAccount::new(name, spec);
    account.metadata.namespace = Some("default".to_owned());
    account
}
