//! Comparison of desired settings with live ones. Only desired settings are compared.

use std::collections::BTreeSet;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::defaults::{is_off, may_be_left_out, switch_of};
use crate::api::ResourceKind;

/// Builds the live settings of a resource as JSON, under the names that the spec uses. Every field of the
/// spec's struct must be listed: a field that is added to the struct but not here does not compile.
macro_rules! live_settings {
    ($spec:ident { $($field:ident as $name:literal: $value:expr),+ $(,)? }) => {{
        const _: fn($spec) = |$spec { $($field: _),+ }| ();
        serde_json::json!({ $($name: $value),+ })
    }};
}
pub(super) use live_settings;

/// Returns the desired settings that differ from the live ones; None if none differ. A setting that is not
/// desired is neither compared nor sent. Only a member of an object is sent with its live value if another
/// one differs: whether AWS merges or replaces an object is not documented.
#[must_use]
pub fn changes<S: Serialize + DeserializeOwned>(kind: ResourceKind, desired: &S, live: &Value) -> Option<S> {
    let differing: BTreeSet<_> = differences(kind, desired, live)
        .into_iter()
        .map(|found| found.path.split_once('.').map_or(found.path.clone(), |(name, _)| name.to_owned()))
        .collect();
    if differing.is_empty() {
        return None;
    }
    let Ok(Value::Object(mut differing_settings)) = serde_json::to_value(desired) else { return None };
    differing_settings.retain(|name, _| differing.contains(name));
    let whole =
        differing_settings.iter().map(|(name, value)| (name.clone(), completed(value, live.get(name))));
    let whole = serde_json::from_value(Value::Object(whole.collect()));
    // A live value that this version does not know is left out.
    whole.or_else(|_| serde_json::from_value(Value::Object(differing_settings))).ok()
}

/// Returns a value with the live members that it lacks.
fn completed(desired: &Value, live: Option<&Value>) -> Value {
    let (Value::Object(desired), Some(Value::Object(live))) = (desired, live) else { return desired.clone() };
    let mut whole: Map<_, _> = live.clone();
    whole.retain(|_, value| !value.is_null());
    for (name, value) in desired {
        whole.insert(name.clone(), completed(value, live.get(name)));
    }
    Value::Object(whole)
}

/// Sets the value at a path, with dots.
pub(super) fn set_at(settings: &mut Value, path: &str, value: Value) {
    let mut place = settings;
    for name in path.split('.') {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        place = &mut place[name];
    }
    *place = value;
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

/// Returns the settings in `desired` whose live values differ. One that has no effect, because another
/// setting is off, is not compared: AWS need not keep it.
#[must_use]
pub fn differences(kind: ResourceKind, desired: &impl Serialize, live: &Value) -> Vec<SettingDifference> {
    let mut found = Vec::new();
    let Ok(desired) = serde_json::to_value(desired) else { return found };
    for_each_setting(&desired, &mut |path, wanted| {
        let is_on = |switch: &str| {
            let wanted = value_at(&desired, switch);
            !is_off(if wanted.is_null() { value_at(live, switch) } else { wanted })
        };
        let (live, has_effect) = (value_at(live, path), switch_of(kind, path).is_none_or(is_on));
        if has_effect && !covers(kind, path, live, wanted) {
            let (path, live, desired) = (path.to_owned(), live.clone(), wanted.clone());
            found.push(SettingDifference { path, live, desired });
        }
    });
    found
}

/// Returns the value at a path, with dots; null if there is none.
#[must_use]
pub fn value_at<'s>(settings: &'s Value, path: &str) -> &'s Value {
    path.split('.').fold(settings, |value, name| value.get(name).unwrap_or(&Value::Null))
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

/// Returns true if the live value of a setting is as desired. AWS leaves out values that are off, empty, or
/// its default, and does not keep the order of lists.
fn covers(kind: ResourceKind, path: &str, live: &Value, desired: &Value) -> bool {
    match (live, desired) {
        (Value::Array(live), Value::Array(desired)) => {
            live.len() == desired.len() && desired.iter().all(|value| live.contains(value))
        }
        (Value::Null, desired) => may_be_left_out(kind, path, desired),
        (live, desired) => live == desired,
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
        assert_eq!(changes(ResourceKind::Channel, &ChannelSpec::default(), &live()), None);
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
        assert_eq!(changes(ResourceKind::Channel, &desired, &live()), Some(expected));
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
        assert_eq!(changes(ResourceKind::ChatRoom, &desired, &same), None);
        assert_eq!(changes(ResourceKind::ChatRoom, &desired, &other), Some(desired.clone()));
    }

    #[test]
    fn a_member_that_is_not_desired_is_sent_with_its_live_value() {
        let handler = |uri: Option<&str>| MessageReviewHandler {
            uri: uri.map(str::to_owned),
            fallback_result: Some(crate::api::FallbackResult::Deny),
        };
        let spec =
            |handler| ChatRoomSpec { message_review_handler: Some(handler), ..ChatRoomSpec::default() };
        let live =
            json!({ "messageReviewHandler": { "uri": "arn:aws:lambda:x", "fallbackResult": "ALLOW" } });
        let changes = changes(ResourceKind::ChatRoom, &spec(handler(None)), &live);
        assert_eq!(changes, Some(spec(handler(Some("arn:aws:lambda:x")))));
    }

    #[test]
    fn a_default_that_aws_leaves_out_is_no_difference() {
        let of = |latency| ChannelSpec { latency_mode: Some(latency), ..ChannelSpec::default() };
        assert_eq!(changes(ResourceKind::Channel, &of(LatencyMode::Low), &json!({})), None);
        assert!(changes(ResourceKind::Channel, &of(LatencyMode::Normal), &json!({})).is_some());
    }

    #[test]
    fn what_has_no_effect_is_not_compared() {
        let spec = |uri: Option<&str>| ChatRoomSpec {
            message_review_handler: Some(MessageReviewHandler {
                uri: uri.map(str::to_owned),
                fallback_result: Some(crate::api::FallbackResult::Deny),
            }),
            ..ChatRoomSpec::default()
        };
        let kind = ResourceKind::ChatRoom;
        let (off, on) =
            (json!({}), json!({ "messageReviewHandler": { "uri": "u", "fallbackResult": "ALLOW" } }));
        assert_eq!(changes(kind, &spec(None), &off), None);
        assert_eq!(changes(kind, &spec(Some("")), &off), None);
        assert!(changes(kind, &spec(None), &on).is_some());
        assert!(changes(kind, &spec(Some("u")), &on).is_some());
        assert!(changes(kind, &spec(Some("u")), &off).is_some());
    }

    #[test]
    fn a_value_is_set_at_its_path() {
        let mut settings = json!({ "a": { "b": 1 } });
        set_at(&mut settings, "a.c", json!(2));
        set_at(&mut settings, "d.e", json!([]));
        assert_eq!(settings, json!({ "a": { "b": 1, "c": 2 }, "d": { "e": [] } }));
    }

    #[test]
    fn the_order_of_a_list_does_not_matter() {
        let desired = ChatRoomSpec {
            logging_configuration_identifiers: Some(vec!["a".to_owned(), "b".to_owned()]),
            ..ChatRoomSpec::default()
        };
        assert_eq!(
            changes(
                ResourceKind::ChatRoom,
                &desired,
                &json!({ "loggingConfigurationIdentifiers": ["b", "a"] })
            ),
            None
        );
        assert!(
            changes(ResourceKind::ChatRoom, &desired, &json!({ "loggingConfigurationIdentifiers": ["b"] }))
                .is_some()
        );
    }

    #[test]
    fn an_applied_change_leaves_nothing_to_change() {
        let desired = ChannelSpec { authorized: Some(true), ..ChannelSpec::default() };
        let after = serde_json::to_value(&desired).expect("a spec is JSON");
        assert_eq!(changes(ResourceKind::Channel, &desired, &after), None);
    }
}
