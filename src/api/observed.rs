//! An account as the API server returned it. A newer CRD can permit what this version does not know, and one
//! object that cannot be read must not hide the others.

use std::ops::Deref;

use k8s_openapi::NamespaceResourceScope;
use kube::{Resource, api::ObjectMeta};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use serde_json::{Map, Value};

use super::{
    DeletionPolicy, StreamerAccount, StreamerAccountSpec, StreamerAccountStatus, condition, username_problem,
};

/// Maximum length of the description of a problem in characters. It quotes the spec.
const MAX_PROBLEM: usize = 300;

/// An account as the API server returned it. Reading one fails only if its metadata cannot be read.
///
/// A spec that this version does not understand is replaced by the defaults, and [`Self::problem`] says so:
/// such a spec must not be applied. Only its username and its deletion policy are real, as far as they can be
/// read. The parts of a status that cannot be read are left out, and the rest counts as outdated, so that the
/// status is written again.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservedAccount {
    account: StreamerAccount,
    problem: Option<SpecProblem>,
}

/// The reason why this version does not understand a spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecProblem {
    /// The path of the first field that is not understood, and what is wrong with it.
    pub message: String,
    /// False if the deletion policy cannot be read. It then counts as Retain, so that nothing is deleted that
    /// the policy may protect.
    pub is_policy_known: bool,
}

impl ObservedAccount {
    /// Returns the reason why the spec must not be applied, if this version does not understand it.
    #[must_use]
    pub fn problem(&self) -> Option<&SpecProblem> {
        self.problem.as_ref()
    }

    /// Returns the account without the problem of its spec.
    #[must_use]
    pub fn into_account(self) -> StreamerAccount {
        self.account
    }
}

impl From<StreamerAccount> for ObservedAccount {
    fn from(account: StreamerAccount) -> Self {
        Self { account, problem: None }
    }
}

impl Deref for ObservedAccount {
    type Target = StreamerAccount;

    fn deref(&self) -> &StreamerAccount {
        &self.account
    }
}

impl Serialize for ObservedAccount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.account.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ObservedAccount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Raw {
            #[serde(default)]
            metadata: Map<String, Value>,
            #[serde(default)]
            spec: Value,
            status: Option<Value>,
        }

        let Raw { mut metadata, spec, status } = Raw::deserialize(deserializer)?;
        // Nobody reads them, and they are most of an object.
        metadata.remove("managedFields");
        let metadata: ObjectMeta = serde_json::from_value(metadata.into()).map_err(D::Error::custom)?;
        let (spec, problem) = match understood(&spec) {
            Ok(spec) => (spec, None),
            Err(message) => {
                let (spec, is_policy_known) = stand_in(&spec);
                (spec, Some(SpecProblem { message, is_policy_known }))
            }
        };
        let account = StreamerAccount { metadata, spec, status: status.as_ref().map(readable_status) };
        Ok(Self { account, problem })
    }
}

impl Resource for ObservedAccount {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> std::borrow::Cow<'_, str> {
        StreamerAccount::kind(&())
    }

    fn group((): &()) -> std::borrow::Cow<'_, str> {
        StreamerAccount::group(&())
    }

    fn version((): &()) -> std::borrow::Cow<'_, str> {
        StreamerAccount::version(&())
    }

    fn plural((): &()) -> std::borrow::Cow<'_, str> {
        StreamerAccount::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        &self.account.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.account.metadata
    }
}

/// Returns the spec, or the path of the first field that is not understood and what is wrong with it.
fn understood(spec: &Value) -> Result<StreamerAccountSpec, String> {
    let problem = |path: &str, what: &str| -> String {
        let path = if path == "." { String::new() } else { format!(".{path}") };
        format!("spec{path}: {what}").chars().take(MAX_PROBLEM).collect()
    };
    let spec: StreamerAccountSpec = serde_path_to_error::deserialize(spec)
        .map_err(|error| problem(&error.path().to_string(), &error.inner().to_string()))?;
    match username_problem(&spec.username) {
        None => Ok(spec),
        Some(what) => Err(problem("username", what)),
    }
}

/// Returns the spec that stands in for one that is not understood, and false if its deletion policy cannot be
/// read. The username is empty if it cannot be read.
fn stand_in(spec: &Value) -> (StreamerAccountSpec, bool) {
    let username = spec["username"].as_str().filter(|name| username_problem(name).is_none());
    let policy = match &spec["deletionPolicy"] {
        Value::Null if spec.is_object() => Some(None),
        policy => DeletionPolicy::deserialize(policy).ok().map(Some),
    };
    let spec = StreamerAccountSpec {
        deletion_policy: policy.unwrap_or(Some(DeletionPolicy::Retain)),
        ..StreamerAccountSpec::with_defaults(username.unwrap_or_default().to_owned())
    };
    (spec, policy.is_some())
}

/// Returns the parts of a status that can be read. Without one of the operator's own, no generation counts as
/// observed.
fn readable_status(status: &Value) -> StreamerAccountStatus {
    if let Ok(status) = StreamerAccountStatus::deserialize(status) {
        return status;
    }
    let Value::Object(mut parts) = status.clone() else { return StreamerAccountStatus::default() };
    let mut is_complete = true;
    if let Some(Value::Array(conditions)) = parts.get_mut("conditions") {
        conditions.retain(|condition| {
            let is_readable = is_part("conditions", &Value::from(vec![condition.clone()]));
            is_complete &= is_readable || condition["type"].as_str().is_some_and(|it| !condition::is_own(it));
            is_readable
        });
    }
    parts.retain(|name, part| {
        let is_readable = is_part(name, part);
        is_complete &= is_readable;
        is_readable
    });
    if !is_complete {
        parts.remove("observedGeneration");
    }
    StreamerAccountStatus::deserialize(Value::Object(parts)).unwrap_or_default()
}

/// Returns true if a part of a status can be read.
fn is_part(name: &str, part: &Value) -> bool {
    let alone = Map::from_iter([(name.to_owned(), part.clone())]);
    StreamerAccountStatus::deserialize(Value::Object(alone)).is_ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::condition::{READY, STALLED, find};

    fn read(spec: &Value, status: &Value) -> ObservedAccount {
        let metadata = json!({ "name": "todd", "uid": "u", "managedFields": "unreadable" });
        let object = json!({ "apiVersion": "streamcat.dev/v1alpha1", "kind": "StreamerAccount",
            "metadata": metadata, "spec": spec, "status": status });
        serde_json::from_value(object).expect("an account is read whatever its spec and status are")
    }

    fn condition(type_: &str, at: &str) -> Value {
        json!({ "type": type_, "status": "True", "reason": "Ready", "message": "", "lastTransitionTime": at })
    }

    #[test]
    fn a_spec_that_is_understood_has_no_problem() {
        let account = read(&json!({ "username": "todd", "channel": { "type": "BASIC" } }), &json!(null));
        assert_eq!((account.problem(), account.spec.username.as_str()), (None, "todd"));
        assert!(account.spec.channel.channel_type.is_some() && account.status.is_none());
        let copy: ObservedAccount =
            serde_json::from_value(serde_json::to_value(&account).expect("JSON")).expect("an account");
        assert_eq!(copy, account);
    }

    #[test]
    fn a_problem_names_the_field_and_keeps_username_and_policy() {
        for (mut spec, path) in [
            (json!({ "channel": { "type": "ULTRA" } }), "spec.channel.type: unknown variant `ULTRA`"),
            (json!({ "tags": { "a": 1 } }), "spec.tags.a: "),
            (
                json!({ "chatRoom": { "loggingConfigurationIdentifiers": ["a", {}] } }),
                "spec.chatRoom.loggingConfigurationIdentifiers[1]: ",
            ),
            (json!({ "stage": 7 }), "spec.stage: "),
            (json!({ "future": true }), "spec.future: unknown field `future`"),
            (json!({ "recreatePolicy": "x".repeat(10_000) }), "spec.recreatePolicy: "),
        ] {
            spec["username"] = json!("todd");
            let account = read(&spec, &json!({}));
            let problem = account.problem().expect("a problem");
            assert!(problem.message.starts_with(path), "{}", problem.message);
            assert!(problem.message.len() <= MAX_PROBLEM && problem.is_policy_known);
            assert_eq!(account.spec, StreamerAccountSpec::with_defaults("todd".to_owned()));
        }
        let retained = read(&json!({ "username": 1, "deletionPolicy": "Retain" }), &json!({}));
        assert_eq!(retained.spec.username, "");
        assert_eq!(retained.spec.deletion_policy, Some(DeletionPolicy::Retain));
        assert!(retained.problem().is_some_and(|problem| problem.is_policy_known));
    }

    #[test]
    fn a_username_that_aws_would_refuse_is_not_understood() {
        let account = read(&json!({ "username": "to dd" }), &json!({}));
        let problem = account.problem().expect("a problem");
        assert!(problem.message.starts_with("spec.username: "), "{}", problem.message);
        assert_eq!(account.spec.username, "");
    }

    #[test]
    fn a_deletion_policy_that_cannot_be_read_counts_as_retain() {
        for spec in [json!({ "username": "todd", "deletionPolicy": "Archive" }), json!(null), json!("todd")] {
            let account = read(&spec, &json!({}));
            assert_eq!(account.spec.deletion_policy, Some(DeletionPolicy::Retain), "{spec}");
            assert!(account.problem().is_some_and(|problem| !problem.is_policy_known), "{spec}");
        }
    }

    #[test]
    fn the_readable_parts_of_a_status_stay_and_are_outdated() {
        let good = "2026-01-02T03:04:05Z";
        let status = json!({
            "observedGeneration": 3,
            "conditions": [condition(READY, "2026-01-02T03:04:05.123456789012Z"), condition(STALLED, good)],
            "userId": 7,
            "channel": { "arn": "arn:channel" },
        });
        let status = read(&json!({ "username": "todd" }), &status).status.clone().expect("a status");
        assert_eq!(status.channel.expect("the channel stays").arn, "arn:channel");
        assert_eq!((status.observed_generation, status.user_id), (-1, None));
        assert!(find(&status.conditions, READY).is_none() && find(&status.conditions, STALLED).is_some());
    }

    #[test]
    fn an_unreadable_condition_of_another_writer_is_ignored() {
        let status = json!({ "observedGeneration": 3, "conditions": [condition("Audited", "yesterday")] });
        let status = read(&json!({ "username": "todd" }), &status).status.clone().expect("a status");
        assert_eq!((status.observed_generation, status.conditions.len()), (3, 0));
    }

    #[test]
    fn a_status_that_is_no_object_counts_as_empty() {
        let status = read(&json!({ "username": "todd" }), &json!("broken")).status.clone();
        assert_eq!(status, Some(StreamerAccountStatus::default()));
    }
}
