//! Comparison of desired settings with live ones. Only fields that the spec sets are compared.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

/// Builds the live settings of a resource as JSON, under the names that the spec uses. Every field of the
/// spec's struct must be listed: a field that is added to the struct but not here does not compile.
macro_rules! live_settings {
    ($spec:ident { $($field:ident as $name:literal: $value:expr),+ $(,)? }) => {{
        const _: fn($spec) = |$spec { $($field: _),+ }| ();
        serde_json::json!({ $($name: $value),+ })
    }};
}
pub(super) use live_settings;

/// Returns the desired settings that differ from the live ones; None if none differ. A field that the spec
/// leaves out is neither compared nor sent, so that AWS's default applies.
#[must_use]
pub fn changes<S: Serialize + DeserializeOwned>(desired: &S, live: &Value) -> Option<S> {
    let Ok(Value::Object(desired)) = serde_json::to_value(desired) else { return None };
    let differing: Map<_, _> = desired
        .into_iter()
        .filter(|(name, value)| !covers(live.get(name).unwrap_or(&Value::Null), value))
        .collect();
    if differing.is_empty() { None } else { serde_json::from_value(Value::Object(differing)).ok() }
}

/// A setting whose live value is not as desired.
#[derive(Clone, Debug, PartialEq)]
pub struct SettingDifference {
    /// Its path in the settings, with dots.
    pub path: String,
    /// The live value; null if AWS leaves it out.
    pub live: Value,
    /// The desired value.
    pub desired: Value,
}

/// Returns the settings in `desired` whose live values differ.
#[must_use]
pub fn differences(desired: &impl Serialize, live: &Value) -> Vec<SettingDifference> {
    let mut found = Vec::new();
    if let Ok(desired) = serde_json::to_value(desired) {
        add_differences("", &desired, live, &mut found);
    }
    found
}

fn add_differences(path: &str, desired: &Value, live: &Value, found: &mut Vec<SettingDifference>) {
    if let Value::Object(members) = desired {
        for (name, desired) in members {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            add_differences(&path, desired, live.get(name).unwrap_or(&Value::Null), found);
        }
    } else if !covers(live, desired) {
        found.push(SettingDifference { path: path.to_owned(), live: live.clone(), desired: desired.clone() });
    }
}

/// Passes each setting to `visit`, with its path. A member of an object is a setting of its own.
pub fn for_each_setting(settings: &Value, visit: &mut impl FnMut(&str, &Value)) {
    visit_settings(&mut String::new(), settings, visit);
}

fn visit_settings(path: &mut String, value: &Value, visit: &mut impl FnMut(&str, &Value)) {
    let Value::Object(members) = value else { return visit(path, value) };
    let length = path.len();
    for (name, value) in members {
        if length > 0 {
            path.push('.');
        }
        path.push_str(name);
        visit_settings(path, value, visit);
        path.truncate(length);
    }
}

/// Returns true if the live value is as desired. AWS leaves out values that are off or empty, and does not
/// keep the order of lists.
fn covers(live: &Value, desired: &Value) -> bool {
    match (live, desired) {
        (_, Value::Object(desired)) => {
            desired.iter().all(|(name, value)| covers(live.get(name).unwrap_or(&Value::Null), value))
        }
        (Value::Array(live), Value::Array(desired)) => {
            live.len() == desired.len() && desired.iter().all(|value| live.contains(value))
        }
        (Value::Null, desired) => is_off(desired),
        (live, desired) => live == desired,
    }
}

/// Returns true for a value that AWS may leave out.
#[must_use]
pub fn is_off(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::{ChannelSpec, ChannelType, ChatRoomSpec, LatencyMode, MessageReviewHandler};

    fn live() -> Value {
        json!({ "type": "STANDARD", "latencyMode": "LOW", "authorized": false, "insecureIngest": false })
    }

    #[test]
    fn an_empty_spec_changes_nothing() {
        assert_eq!(changes(&ChannelSpec::default(), &live()), None);
    }

    #[test]
    fn only_differing_settings_are_changed() {
        let desired = ChannelSpec {
            channel_type: Some(ChannelType::Basic),
            latency_mode: Some(LatencyMode::Low),
            recording_configuration_arn: Some(String::new()),
            ..ChannelSpec::default()
        };
        let expected = ChannelSpec { channel_type: Some(ChannelType::Basic), ..ChannelSpec::default() };
        assert_eq!(changes(&desired, &live()), Some(expected));
    }

    #[test]
    fn a_nested_setting_is_sent_whole() {
        let handler = MessageReviewHandler {
            uri: Some("arn:aws:lambda:us-west-2:123456789012:function:f".to_owned()),
            fallback_result: Some(crate::api::FallbackResult::Deny),
        };
        let desired =
            ChatRoomSpec { message_review_handler: Some(handler.clone()), ..ChatRoomSpec::default() };
        let same = json!({ "messageReviewHandler": { "uri": handler.uri, "fallbackResult": "DENY" } });
        let other = json!({ "messageReviewHandler": { "uri": handler.uri, "fallbackResult": "ALLOW" } });
        assert_eq!(changes(&desired, &same), None);
        assert_eq!(changes(&desired, &other), Some(desired.clone()));
    }

    #[test]
    fn the_order_of_a_list_does_not_matter() {
        let desired = ChatRoomSpec {
            logging_configuration_identifiers: Some(vec!["a".to_owned(), "b".to_owned()]),
            ..ChatRoomSpec::default()
        };
        assert_eq!(changes(&desired, &json!({ "loggingConfigurationIdentifiers": ["b", "a"] })), None);
        assert!(changes(&desired, &json!({ "loggingConfigurationIdentifiers": ["b"] })).is_some());
    }

    #[test]
    fn an_applied_change_leaves_nothing_to_change() {
        let desired = ChannelSpec { authorized: Some(true), ..ChannelSpec::default() };
        let after = serde_json::to_value(&desired).expect("a spec is JSON");
        assert_eq!(changes(&desired, &after), None);
    }
}
