//! What differs between the settings wanted and those found: only what the spec names is compared.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

/// The desired settings that are not so yet; None when all are. What is left out of the spec is neither compared nor
/// sent, so AWS's defaults stay AWS's.
#[must_use]
pub fn changes<S: Serialize + DeserializeOwned>(desired: &S, live: &Value) -> Option<S> {
    let Ok(Value::Object(desired)) = serde_json::to_value(desired) else { return None };
    let differing: Map<_, _> = desired
        .into_iter()
        .filter(|(name, value)| !covers(live.get(name).unwrap_or(&Value::Null), value))
        .collect();
    if differing.is_empty() { None } else { serde_json::from_value(Value::Object(differing)).ok() }
}

/// Whether the live value is as desired. AWS leaves out what is off or empty, and keeps no order in lists.
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

fn is_off(value: &Value) -> bool {
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
    fn nothing_desired_means_nothing_to_change() {
        assert_eq!(changes(&ChannelSpec::default(), &live()), None);
    }

    #[test]
    fn only_what_differs_is_changed() {
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
    fn once_changed_there_is_nothing_left_to_change() {
        let desired = ChannelSpec { authorized: Some(true), ..ChannelSpec::default() };
        let after = serde_json::to_value(&desired).expect("a spec is JSON");
        assert_eq!(changes(&desired, &after), None);
    }
}
