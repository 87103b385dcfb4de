//! The installation that created each resource, by the access key in the simulator's journal and never by
//! tags.

use std::collections::BTreeMap;

use ivs_simulator::Call;
use serde_json::Value;
use testbed::Tenant;

/// Prefixes of the operations that change or delete a resource.
const MUTATING: [&str; 4] = ["Update", "Delete", "Tag", "Untag"];
const STOP_STREAM: &str = "StopStream";

/// Returns the access key of an installation's controllers.
pub(super) fn access_key(tenant: &Tenant) -> &str {
    tenant.namespace()
}

/// Access keys by the ARN of the resource that was created with them.
#[derive(Default)]
pub(super) struct Owners(BTreeMap<String, String>);

impl Owners {
    /// Reads the owners of all resources that ever existed.
    pub(super) fn of(tenant: &Tenant) -> Self {
        Self::by(&tenant.simulator().calls())
    }

    fn by(calls: &[Call]) -> Self {
        let made = calls.iter().filter_map(|call| Some((call.created.clone()?, call.access_key.clone()?)));
        Self(made.collect())
    }

    /// Returns true if the owners of all resources in a dump of the simulator are known.
    pub(super) fn cover(&self, state: &Value) -> bool {
        let rows = ["channels", "rooms", "stages"].iter().filter_map(|table| state[table].as_array());
        rows.flatten().all(|row| row["arn"].as_str().is_none_or(|arn| self.0.contains_key(arn)))
    }

    /// Returns true if this key created the resource, or if its creator is unknown.
    pub(super) fn owns(&self, arn: &str, access_key: &str) -> bool {
        self.0.get(arn).is_none_or(|owner| owner == access_key)
    }

    /// Returns the calls of one installation that tried to change or delete a resource of the other: the ARN
    /// and a description.
    pub(super) fn foreign_changes(&self, tenant: &Tenant) -> Vec<(String, String)> {
        self.foreign_changes_in(&tenant.simulator().calls())
    }

    fn foreign_changes_in(&self, calls: &[Call]) -> Vec<(String, String)> {
        let mutating = calls.iter().filter(|call| {
            call.operation == STOP_STREAM || MUTATING.iter().any(|verb| call.operation.starts_with(verb))
        });
        let foreign_changes = mutating.filter_map(|call| {
            let (arn, by) = (call.resource.as_deref()?, call.access_key.as_deref().unwrap_or("nobody"));
            let owner = self.0.get(arn).filter(|owner| *owner != by)?;
            Some((arn.to_owned(), format!("{} by {by}, made by {owner}", call.operation)))
        });
        foreign_changes.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn call(operation: &str, resource: Option<&str>, created: Option<&str>, by: &str) -> Call {
        Call {
            seq: 1,
            operation: operation.to_owned(),
            resource: resource.map(str::to_owned),
            name: None,
            created: created.map(str::to_owned),
            arrived: Duration::ZERO,
            effected: None,
            answered: None,
            status: 0,
            error: None,
            fault: None,
            attempt: None,
            access_key: Some(by.to_owned()),
            request: Value::Null,
        }
    }

    #[test]
    fn a_resource_belongs_to_the_installation_whose_key_created_it() {
        let owners = Owners::by(&[call("CreateChannel", Some("todd"), Some("a"), "one")]);
        assert!(owners.owns("a", "one") && !owners.owns("a", "two") && owners.owns("b", "two"));
        assert!(owners.cover(&serde_json::json!({ "channels": [{ "arn": "a" }] })));
        assert!(!owners.cover(&serde_json::json!({ "stages": [{ "arn": "b" }] })));
    }

    #[test]
    fn a_change_to_another_installations_resource_is_reported() {
        let owners = Owners::by(&[call("CreateChannel", Some("todd"), Some("a"), "one")]);
        for operation in ["DeleteChannel", "UpdateChannel", "TagResource", "UntagResource", "StopStream"] {
            let calls = [call(operation, Some("a"), None, "one"), call(operation, Some("a"), None, "two")];
            let found = owners.foreign_changes_in(&calls);
            let seen = format!("{operation} by two, made by one");
            assert_eq!(found, [("a".to_owned(), seen)]);
        }
        assert!(owners.foreign_changes_in(&[call("GetChannel", Some("a"), None, "two")]).is_empty());
        assert!(owners.foreign_changes_in(&[call("DeleteChannel", Some("b"), None, "two")]).is_empty());
    }
}
