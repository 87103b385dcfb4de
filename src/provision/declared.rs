//! The settings and tags that a spec declares, in compact form, for the comparison with a list.

use std::hash::Hash;

use serde_json::Value;

use crate::{
    api::{ResourceKind, StreamerAccountSpec, tags},
    hash,
    ivs::{Listed, Tags, for_each_setting, is_off, may_be_left_out, switch_of, value_at},
};

/// The settings and tags that a spec declares. Only hashes are kept, because a cache holds one of these for
/// each account. Of 4 billion changes, one is overlooked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeclaredFields(Option<Box<Hashes>>);

/// The hashes of each field and of its value, by field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Hashes {
    settings: Box<[(u32, u32)]>,
    tags: Box<[(u32, u32)]>,
}

impl DeclaredFields {
    /// Returns what a spec declares.
    #[must_use]
    pub fn of(spec: &StreamerAccountSpec) -> Self {
        let mut settings = Vec::new();
        for kind in ResourceKind::ALL {
            for_each_setting(&spec.settings(kind), &mut |path, value| {
                settings.push((field(kind, path), hash_setting(kind, path, value)));
            });
        }
        let own = spec.tags.iter().filter(|(key, _)| !tags::is_reserved(key));
        let hashes = Hashes { settings: sorted(settings), tags: sorted(own.map(hash_tag).collect()) };
        Self((hashes != Hashes::default()).then(|| hashes.into()))
    }

    /// Returns true if a listed resource has another value of a declared setting or tag. Settings that lists
    /// do not contain are not compared.
    #[must_use]
    pub fn differ_from(&self, kind: ResourceKind, listed: &Listed) -> bool {
        self.0.as_ref().is_some_and(|declared| {
            !declared.has_settings_of(kind, &listed.settings) || !declared.has_tags_of(&listed.tags)
        })
    }
}

impl Hashes {
    fn has_settings_of(&self, kind: ResourceKind, live: &Value) -> bool {
        let mut is_same = true;
        for_each_setting(live, &mut |path, value| {
            let has_effect = switch_of(kind, path).is_none_or(|switch| !is_off(value_at(live, switch)));
            let declared = find(&self.settings, field(kind, path)).filter(|_| has_effect);
            is_same &= declared.is_none_or(|declared| declared == hash_setting(kind, path, value));
        });
        is_same
    }

    fn has_tags_of(&self, live: &Tags) -> bool {
        let is_declared = |(key, value): &(u32, u32)| find(&self.tags, *key) == Some(*value);
        live.iter().map(hash_tag).filter(is_declared).count() == self.tags.len()
    }
}

fn sorted(mut fields: Vec<(u32, u32)>) -> Box<[(u32, u32)]> {
    fields.sort_unstable();
    fields.into()
}

fn find(fields: &[(u32, u32)], field: u32) -> Option<u32> {
    let position = fields.binary_search_by_key(&field, |(field, _)| *field).ok()?;
    Some(fields[position].1)
}

fn field(kind: ResourceKind, path: &str) -> u32 {
    hash(&(kind, path))
}

fn hash_tag((key, value): (&String, &String)) -> (u32, u32) {
    (hash(key), hash(value))
}

/// Returns the hash of a value as AWS keeps it: what AWS may leave out is the same as nothing, and a list has
/// no order.
fn hash_setting(kind: ResourceKind, path: &str, value: &Value) -> u32 {
    if may_be_left_out(kind, path, value) { 0 } else { hash_value(value) }
}

fn hash_value(value: &Value) -> u32 {
    match value {
        Value::Array(items) => {
            let mut items: Vec<_> = items.iter().map(hash_value).collect();
            items.sort_unstable();
            hash(&items)
        }
        value => hash(value),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "half of the hash is enough")]
fn hash(value: &impl Hash) -> u32 {
    hash::hash(value) as u32
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ivs::differences;

    const STAGE: ResourceKind = ResourceKind::Stage;

    fn declared(spec: Value) -> DeclaredFields {
        let mut spec = spec;
        spec["username"] = json!("todd");
        DeclaredFields::of(&serde_json::from_value(spec).expect("a spec"))
    }

    fn differs(spec: Value, kind: ResourceKind, settings: Value, tags: &[(&str, &str)]) -> bool {
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        declared(spec).differ_from(kind, &Listed { tags, settings, ..Listed::default() })
    }

    #[test]
    fn only_declared_fields_are_compared() {
        let live = json!({ "type": "BASIC", "authorized": true, "preset": null });
        assert!(!differs(json!({}), ResourceKind::Channel, live.clone(), &[("team", "a")]));
        let same = json!({ "channel": { "type": "BASIC", "latencyMode": "LOW" }, "tags": { "team": "a" } });
        assert!(!differs(same, ResourceKind::Channel, live.clone(), &[("team", "a"), ("other", "b")]));
        for other in [
            json!({ "channel": { "type": "STANDARD" } }),
            json!({ "channel": { "authorized": false } }),
            json!({ "channel": { "preset": "CONSTRAINED_BANDWIDTH_DELIVERY" } }),
            json!({ "tags": { "team": "b" } }),
            json!({ "tags": { "Team": "a" } }),
            json!({ "tags": { "team": "a", "cost": "1" } }),
        ] {
            assert!(differs(other.clone(), ResourceKind::Channel, live.clone(), &[("team", "a")]), "{other}");
        }
    }

    #[test]
    fn a_default_is_the_same_as_nothing() {
        let spec = json!({ "channel": { "latencyMode": "LOW", "type": "STANDARD" } });
        let kind = ResourceKind::Channel;
        assert!(!differs(spec.clone(), kind, json!({ "latencyMode": null, "type": "STANDARD" }), &[]));
        assert!(differs(spec, kind, json!({ "latencyMode": "NORMAL", "type": null }), &[]));
    }

    #[test]
    fn a_setting_of_one_kind_is_not_compared_with_another_kind() {
        let spec = json!({ "channel": { "type": "BASIC" } });
        assert!(!differs(spec, ResourceKind::Stage, json!({ "type": "STANDARD" }), &[]));
    }

    #[test]
    fn what_is_off_is_the_same_as_nothing() {
        let off = json!({ "channel": { "authorized": false, "recordingConfigurationArn": "" } });
        let nothing = json!({ "authorized": null, "recordingConfigurationArn": null });
        assert!(!differs(off.clone(), ResourceKind::Channel, nothing, &[]));
        let on = json!({ "authorized": null, "recordingConfigurationArn": "arn:aws:ivs:x" });
        assert!(differs(off, ResourceKind::Channel, on, &[]));
    }

    #[test]
    fn values_have_the_same_hash_if_settings_count_as_the_same() {
        let values = [
            json!(null),
            json!(false),
            json!(true),
            json!(""),
            json!("a"),
            json!("b"),
            json!(0),
            json!(1),
            json!([]),
            json!(["a", "b"]),
            json!(["b", "a"]),
            json!(["a"]),
        ];
        for live in &values {
            for desired in &values {
                let is_same = differences(STAGE, &json!({ "x": desired }), &json!({ "x": live })).is_empty();
                // AWS leaves out what is off: it never returns a value that is off for another one.
                if is_off(live) == is_off(desired) || is_same {
                    assert_eq!(
                        hash_setting(STAGE, "x", live) == hash_setting(STAGE, "x", desired),
                        is_same || is_off(live),
                        "{live} {desired}"
                    );
                }
            }
        }
    }

    #[test]
    fn members_are_compared_one_by_one_and_lists_without_their_order() {
        let arn = |id| format!("arn:aws:ivschat:us-west-2:1:logging-configuration/{id}");
        let spec = json!({ "chatRoom": {
            "messageReviewHandler": { "fallbackResult": "DENY" },
            "loggingConfigurationIdentifiers": [arn("a"), arn("b")],
        } });
        let live = |fallback: Value, loggings: [String; 2]| {
            json!({
                "messageReviewHandler": { "uri": "arn:aws:lambda:x", "fallbackResult": fallback },
                "loggingConfigurationIdentifiers": loggings,
            })
        };
        let room = ResourceKind::ChatRoom;
        assert!(!differs(spec.clone(), room, live(json!("DENY"), [arn("b"), arn("a")]), &[]));
        assert!(differs(spec.clone(), room, live(json!("ALLOW"), [arn("b"), arn("a")]), &[]));
        assert!(differs(spec.clone(), room, live(json!(null), [arn("b"), arn("a")]), &[]));
        assert!(differs(spec, room, live(json!("DENY"), [arn("b"), arn("c")]), &[]));
    }
}
