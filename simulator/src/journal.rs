//! The journal: every AWS call, from its arrival on.

use std::{collections::VecDeque, time::Duration};

use serde::{Serialize, Serializer};
use serde_json::Value;

/// One AWS call. All times are on one clock, counted from the start of the simulator.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    /// Its number, from 1, in the order of arrival.
    pub seq: u64,
    /// The operation, such as `CreateChannel`.
    pub operation: String,
    /// The ARN in the request, or else the name in it.
    pub resource: Option<String>,
    /// The name of that resource, as far as it was known when the call arrived.
    pub name: Option<String>,
    /// The ARN of what a Create made.
    pub created: Option<String>,
    /// When the request came in.
    #[serde(rename = "arrivedMicros", serialize_with = "micros")]
    pub arrived: Duration,
    /// When it was carried out; `None` if it was not (or not yet).
    #[serde(rename = "effectedMicros", serialize_with = "optional_micros")]
    pub effected: Option<Duration>,
    /// When it was answered, or its connection closed without one; `None` while it is under way or hangs.
    #[serde(rename = "answeredMicros", serialize_with = "optional_micros")]
    pub answered: Option<Duration>,
    /// The HTTP status of the answer; 0 if there is none.
    pub status: u16,
    /// The AWS code of the error, if it was answered with one.
    pub error: Option<String>,
    /// The fault that struck it, such as `execute-then-drop`.
    pub fault: Option<String>,
    /// Which attempt of the SDK it was, from the header `amz-sdk-request`.
    pub attempt: Option<u32>,
    /// The request.
    pub request: Value,
}

impl Call {
    /// Whether both calls were under way at one time.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let ends_after = |call: &Self, time| call.answered.is_none_or(|answered| answered > time);
        ends_after(self, other.arrived) && ends_after(other, self.arrived)
    }

    /// Whether it is about that resource: its ARN or its name.
    #[must_use]
    pub fn is_about(&self, resource: &str) -> bool {
        let is = |text: &Option<String>| text.as_deref() == Some(resource);
        is(&self.resource) || is(&self.name) || is(&self.created)
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

/// The calls, the oldest forgotten when there are too many.
#[derive(Default)]
pub(crate) struct Journal {
    last: u64,
    calls: VecDeque<(Call, usize)>,
    size: usize,
}

/// About how much memory the journal may take, counted in bytes of requests.
const CAPACITY: usize = 64 << 20;
/// What a call counts besides its request.
const OVERHEAD: usize = 512;

impl Journal {
    /// Writes down a call that has come in, and numbers it.
    pub fn begin(&mut self, mut call: Call, request_size: usize) -> u64 {
        self.last += 1;
        call.seq = self.last;
        let size = request_size + OVERHEAD;
        self.size += size;
        self.calls.push_back((call, size));
        while self.size > CAPACITY {
            let Some((_, size)) = self.calls.pop_front() else { break };
            self.size -= size;
        }
        self.last
    }

    /// Writes down more of a call that has begun. Nothing, if it has been forgotten.
    pub fn amend(&mut self, seq: u64, change: impl FnOnce(&mut Call)) {
        if let Ok(index) = self.calls.binary_search_by_key(&seq, |(call, _)| call.seq) {
            change(&mut self.calls[index].0);
        }
    }

    pub fn calls(&self) -> impl DoubleEndedIterator<Item = &Call> {
        self.calls.iter().map(|(call, _)| call)
    }

    pub fn clear(&mut self) {
        self.calls.clear();
        self.size = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(arrived: u64, answered: Option<u64>) -> Call {
        Call {
            seq: 0,
            operation: "GetChannel".to_owned(),
            resource: Some("arn".to_owned()),
            name: None,
            created: None,
            arrived: Duration::from_micros(arrived),
            effected: None,
            answered: answered.map(Duration::from_micros),
            status: 0,
            error: None,
            fault: None,
            attempt: Some(1),
            request: Value::Null,
        }
    }

    #[test]
    fn calls_are_numbered_and_amended_and_cleared() {
        let mut journal = Journal::default();
        journal.begin(call(1, None), 10);
        let second = journal.begin(call(2, None), 10);
        journal.amend(second, |call| call.status = 200);
        assert_eq!(
            journal.calls().map(|call| (call.seq, call.status)).collect::<Vec<_>>(),
            [(1, 0), (2, 200)]
        );
        journal.clear();
        journal.amend(second, |_| panic!("it has been forgotten"));
        assert_eq!(journal.begin(call(3, None), 10), 3);
    }

    #[test]
    fn the_oldest_are_forgotten_when_there_are_too_many() {
        let mut journal = Journal::default();
        for _ in 0..10 {
            journal.begin(call(1, None), CAPACITY / 4);
        }
        assert_eq!(journal.calls().map(|call| call.seq).collect::<Vec<_>>(), [8, 9, 10]);
    }

    #[test]
    fn calls_overlap_while_both_are_under_way() {
        assert!(call(1, Some(5)).overlaps(&call(4, Some(9))));
        assert!(call(1, None).overlaps(&call(4, Some(9))));
        assert!(!call(1, Some(3)).overlaps(&call(4, Some(9))));
    }

    #[test]
    fn times_are_told_in_microseconds() {
        let json = serde_json::to_value(call(7, None)).expect("JSON");
        assert_eq!((&json["arrivedMicros"], &json["answeredMicros"]), (&7.into(), &Value::Null));
    }
}
