//! A call in the form in which the journal is read.

use std::time::Duration;

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::entry::{CallInput, JournalEntry};

/// An AWS call. All times are relative to the start of the simulator.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    /// The number of the call, from 1, in the order of arrival.
    pub seq: u64,
    /// The operation, such as `CreateChannel`; or method and path, such as `GET /favicon.ico`, if there is no
    /// such operation.
    pub operation: String,
    /// The ARN in the request, or the name if there is no ARN.
    pub resource: Option<String>,
    /// The name of that resource, if it was known when the call arrived.
    pub name: Option<String>,
    /// The ARN of the created resource.
    pub created: Option<String>,
    /// The time at which the request arrived.
    #[serde(rename = "arrivedMicros", serialize_with = "micros")]
    pub arrived: Duration,
    /// The time at which the call took effect; `None` if it has not.
    #[serde(rename = "effectedMicros", serialize_with = "optional_micros")]
    pub effected: Option<Duration>,
    /// The time at which the response was sent or the connection was closed; `None` while the call is in
    /// progress or hangs.
    #[serde(rename = "answeredMicros", serialize_with = "optional_micros")]
    pub answered: Option<Duration>,
    /// The HTTP status of the response; 0 if there is no response.
    pub status: u16,
    /// The AWS error code, if the response is an error.
    pub error: Option<String>,
    /// The fault that was injected, such as `execute-then-drop`.
    pub fault: Option<String>,
    /// The attempt number of the SDK, from the header `amz-sdk-request`.
    pub attempt: Option<u32>,
    /// The access key ID of the signature, in clear text as in AWS's own logs; `None` if the request has
    /// none.
    pub access_key: Option<String>,
    /// The input of the request.
    pub request: Value,
}

impl Call {
    /// Returns true if the two calls were in progress at the same time.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let ends_after = |call: &Self, time| call.answered.is_none_or(|answered| answered > time);
        ends_after(self, other.arrived) && ends_after(other, self.arrived)
    }

    /// Returns true if the call is about the resource with this ARN or name. A batch is about each ARN in it.
    #[must_use]
    pub fn is_about(&self, resource: &str) -> bool {
        let is = |text: &Option<String>| text.as_deref() == Some(resource);
        let batch = self.request.get("arns").and_then(Value::as_array).into_iter().flatten();
        is(&self.resource)
            || is(&self.name)
            || is(&self.created)
            || batch.into_iter().any(|arn| arn == resource)
    }
}

impl From<&JournalEntry> for Call {
    fn from(entry: &JournalEntry) -> Self {
        let request = match &entry.request {
            CallInput::Body(body) if body.is_empty() => Value::Object(serde_json::Map::new()),
            CallInput::Body(body) => serde_json::from_slice(body).unwrap_or_default(),
            CallInput::Members(members) => members.as_ref().clone(),
            CallInput::Malformed => Value::Null,
        };
        Self {
            seq: entry.seq,
            operation: entry.operation.clone().into_owned(),
            resource: entry.resource.clone(),
            name: entry.name.clone(),
            created: entry.created.clone(),
            arrived: entry.arrived,
            effected: entry.effected,
            answered: entry.answered,
            status: entry.status,
            error: entry.error.clone(),
            fault: entry.fault.map(str::to_owned),
            attempt: entry.attempt,
            access_key: entry.access_key.as_deref().map(str::to_owned),
            request,
        }
    }
}

fn micros<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX).serialize(serializer)
}

#[expect(clippy::ref_option, reason = "serde passes the field as it is")]
fn optional_micros<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => micros(time, serializer),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(arrived: u64, answered: Option<u64>) -> Call {
        let entry = JournalEntry::new(
            "GetChannel",
            Duration::from_micros(arrived),
            CallInput::Body(b"{\"a\": 1}"[..].into()),
        );
        Call::from(&JournalEntry { answered: answered.map(Duration::from_micros), ..entry })
    }

    #[test]
    fn calls_overlap_if_both_are_in_progress() {
        assert!(call(1, Some(5)).overlaps(&call(4, Some(9))));
        assert!(call(1, None).overlaps(&call(4, Some(9))));
        assert!(!call(1, Some(3)).overlaps(&call(4, Some(9))));
    }

    #[test]
    fn times_are_serialized_in_microseconds() {
        let json = serde_json::to_value(call(7, None)).expect("JSON");
        assert_eq!((&json["arrivedMicros"], &json["answeredMicros"]), (&7.into(), &Value::Null));
        assert_eq!(json["request"]["a"], 1);
    }
}
