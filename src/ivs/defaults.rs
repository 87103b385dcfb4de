//! The values that AWS gives the settings that nothing sets.

use serde_json::{Value, json};

use super::settings::set_at;
use crate::api::ResourceKind;

/// AWS's default of a setting.
#[derive(Clone, Debug, PartialEq)]
pub enum SettingDefault {
    /// This value. An Update with it sets the setting back.
    Value(Value),
    /// This value for the channel types ADVANCED_SD and ADVANCED_HD, and none for the others. AWS removes it
    /// when the type changes.
    OfAdvancedTypes(Value),
    /// None: a setting that was set keeps its last value.
    None,
}

/// Returns AWS's default of a setting, by its path in the part of the spec for a kind. An unknown setting has
/// none. The defaults are those of the references of CreateChannel, CreateRoom, and CreateStage, and of the
/// types in them (docs/ivs.md).
#[must_use]
pub fn default_of(kind: ResourceKind, path: &str) -> SettingDefault {
    let value = match (kind, path) {
        (ResourceKind::Channel, "latencyMode") => json!("LOW"),
        (ResourceKind::Channel, "type") => json!("STANDARD"),
        (ResourceKind::Channel, "authorized" | "insecureIngest" | "multitrackInputConfiguration.enabled") => {
            json!(false)
        }
        (ResourceKind::Channel, "containerFormat") => json!("TS"),
        (ResourceKind::Channel, "preset") => {
            return SettingDefault::OfAdvancedTypes(json!("HIGHER_BANDWIDTH_DELIVERY"));
        }
        (
            ResourceKind::Channel,
            "recordingConfigurationArn"
            | "playbackRestrictionPolicyArn"
            | "adConfigurationArn"
            | "failoverSlateConfigurationArn",
        )
        | (ResourceKind::ChatRoom, "messageReviewHandler.uri")
        | (ResourceKind::Stage, "autoParticipantRecordingConfiguration.storageConfigurationArn") => json!(""),
        (ResourceKind::ChatRoom, "maximumMessageRatePerSecond") => json!(10),
        (ResourceKind::ChatRoom, "maximumMessageLength") => json!(500),
        (ResourceKind::ChatRoom, "messageReviewHandler.fallbackResult") => json!("ALLOW"),
        (ResourceKind::ChatRoom, "loggingConfigurationIdentifiers") => json!([]),
        (ResourceKind::Stage, path) => match path.strip_prefix("autoParticipantRecordingConfiguration.") {
            Some("mediaTypes") => json!(["AUDIO_VIDEO"]),
            Some("thumbnailConfiguration.targetIntervalSeconds") => json!(60),
            Some("thumbnailConfiguration.storage") => json!(["SEQUENTIAL"]),
            Some("thumbnailConfiguration.recordingMode") => json!("DISABLED"),
            Some("recordingReconnectWindowSeconds") => json!(0),
            Some("hlsConfiguration.targetSegmentDurationSeconds") => json!(6),
            Some("recordParticipantReplicas") => json!(true),
            _ => return SettingDefault::None,
        },
        _ => return SettingDefault::None,
    };
    SettingDefault::Value(value)
}

/// Sets settings of a kind, by their paths, to AWS's defaults. One without a default is left out. `live`: the
/// settings in AWS.
pub fn set_defaults<'p>(
    kind: ResourceKind,
    settings: &mut Value,
    paths: impl IntoIterator<Item = &'p str>,
    live: &Value,
) {
    let mut of_advanced_types = Vec::new();
    for path in paths {
        match default_of(kind, path) {
            SettingDefault::Value(value) => set_at(settings, path, value),
            SettingDefault::OfAdvancedTypes(value) => of_advanced_types.push((path, value)),
            SettingDefault::None => {}
        }
    }
    // After the others, because the type may be one of them.
    let channel_type = settings.get("type").or_else(|| live.get("type")).and_then(Value::as_str);
    if channel_type.is_some_and(|channel_type| channel_type.starts_with("ADVANCED_")) {
        for (path, value) in of_advanced_types {
            set_at(settings, path, value);
        }
    }
}

/// Returns true if AWS may leave a value of this setting out: it is off, or AWS's default.
#[must_use]
pub fn may_be_left_out(kind: ResourceKind, path: &str, value: &Value) -> bool {
    is_off(value)
        || match default_of(kind, path) {
            SettingDefault::Value(default) | SettingDefault::OfAdvancedTypes(default) => *value == default,
            SettingDefault::None => false,
        }
}

/// Returns the path of the setting that must be on for a setting to have an effect. While it is off, AWS need
/// not keep the other one.
#[must_use]
pub fn switch_of(kind: ResourceKind, path: &str) -> Option<&'static str> {
    const HANDLER: &str = "messageReviewHandler.uri";
    const MULTITRACK: &str = "multitrackInputConfiguration.enabled";
    const RECORDING: &str = "autoParticipantRecordingConfiguration.storageConfigurationArn";
    let switch = match kind {
        ResourceKind::Channel => MULTITRACK,
        ResourceKind::ChatRoom => HANDLER,
        ResourceKind::Stage => RECORDING,
    };
    let block = |path: &str| path.split_once('.').map(|(block, _)| block.to_owned());
    (path != switch && block(path) == block(switch)).then_some(switch)
}

/// Returns true for a value that means off: none, false, or empty.
#[must_use]
pub fn is_off(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}
