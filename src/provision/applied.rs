//! The fields that a spec owns: those that it names, and those that an earlier one has named. All others
//! belong to somebody else, and are left alone.

use serde_json::Value;

use super::DesiredResource;
use crate::{
    api::{AppliedFields, Field, Status, tags},
    ivs::{Kind, SettingDefault, default_of, for_each_setting, is_off, set_defaults, value_at},
};

/// Returns the fields that a spec names.
pub(super) fn named_fields<K: Kind>(desired: &DesiredResource<'_, K>) -> AppliedFields {
    let own = desired.tags.keys().filter(|key| !tags::is_reserved(key));
    let mut named: AppliedFields = own.map(|key| Field::Tag(key.clone())).collect();
    if let Ok(settings) = serde_json::to_value(desired.settings) {
        for_each_setting(&settings, &mut |path, _| {
            named.insert(Field::Setting(path.to_owned()));
        });
    }
    named
}

/// Returns the fields that a spec owns. `recorded`: those in the database. Status counts too, because a
/// restore of either may have lost some.
pub(super) fn owned_fields<K: Kind>(
    desired: &DesiredResource<'_, K>,
    recorded: &AppliedFields,
) -> AppliedFields {
    let in_status = desired.status.map(Status::applied_fields).into_iter().flatten();
    named_fields(desired).into_iter().chain(in_status.chain(recorded).cloned()).collect()
}

/// Returns the paths of the owned settings that the spec no longer names.
fn removed_settings<K: Kind>(desired: &DesiredResource<'_, K>, owned: &AppliedFields) -> Vec<String> {
    let named = named_fields(desired);
    let removed = owned.difference(&named).cloned().filter_map(|field| match field {
        Field::Setting(path) => Some(path),
        Field::Name | Field::Tag(_) => None,
    });
    removed.collect()
}

/// Returns the settings that a resource is to have: those that the spec names, and AWS's default for those
/// that only an earlier one has named.
pub(super) fn owned_settings<K: Kind>(
    desired: &DesiredResource<'_, K>,
    owned: &AppliedFields,
    live: &Value,
) -> K::Settings {
    let Ok(mut settings) = serde_json::to_value(desired.settings) else { return desired.settings.clone() };
    let removed = removed_settings(desired, owned);
    set_defaults(K::KIND, &mut settings, removed.iter().map(String::as_str), live);
    serde_json::from_value(settings).unwrap_or_else(|_| desired.settings.clone())
}

/// Returns the settings that the spec no longer names, and whose live values are not AWS's defaults: AWS has
/// none, or the setting has no effect at the moment.
pub(super) fn fields_not_at_default<K: Kind>(
    desired: &DesiredResource<'_, K>,
    owned: &AppliedFields,
    live: &Value,
) -> AppliedFields {
    let is_set = |path: &String| match (value_at(live, path), default_of(K::KIND, path)) {
        (Value::Null, _) | (_, SettingDefault::OfAdvancedTypes(_)) => false,
        (value, SettingDefault::Value(default)) => *value != default && !is_off(value),
        (_, SettingDefault::None) => true,
    };
    removed_settings(desired, owned).into_iter().filter(is_set).map(Field::Setting).collect()
}

/// Returns the settings that the spec no longer names, and that keep their last value, because AWS has no
/// default for them.
pub(super) fn fields_without_default<K: Kind>(
    desired: &DesiredResource<'_, K>,
    owned: &AppliedFields,
) -> AppliedFields {
    let is_kept = |path: &String| default_of(K::KIND, path) == SettingDefault::None;
    removed_settings(desired, owned).into_iter().filter(is_kept).map(Field::Setting).collect()
}
