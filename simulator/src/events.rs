//! The events that IVS would send to EventBridge.

use std::collections::VecDeque;

use jiff::{Timestamp, Unit};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{arn::AccountRegion, ids};

/// The maximum number of events that are kept.
const MAX_EVENTS: usize = 10_000;

/// An event in EventBridge's envelope.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Event {
    /// Always `0`.
    pub version: String,
    /// A UUID.
    pub id: String,
    /// The type of the event, such as `IVS Stream State Change`.
    #[serde(rename = "detail-type")]
    pub detail_type: String,
    /// Always `aws.ivs`.
    pub source: String,
    /// The AWS account.
    pub account: String,
    /// The time of the event, with a precision of one second.
    pub time: String,
    /// The AWS region.
    pub region: String,
    /// The ARNs of the resources that the event is about.
    pub resources: Vec<String>,
    /// The details, which depend on the type.
    pub detail: Value,
}

/// The latest events, numbered from 1.
#[derive(Default)]
pub(crate) struct Events {
    last: u64,
    events: VecDeque<Event>,
}

impl Events {
    /// Adds an event about a resource. Drops the oldest event if there are too many.
    pub fn add(
        &mut self,
        account_region: &AccountRegion,
        time: Timestamp,
        detail_type: &str,
        resource: &str,
        detail: Value,
    ) {
        let event = Event {
            version: "0".to_owned(),
            id: ids::request(),
            detail_type: detail_type.to_owned(),
            source: "aws.ivs".to_owned(),
            account: account_region.account.clone(),
            time: format!("{:.0}", time.round(Unit::Second).unwrap_or(time)),
            region: account_region.region.clone(),
            resources: vec![resource.to_owned()],
            detail,
        };
        self.last += 1;
        self.events.push_back(event);
        if self.events.len() > MAX_EVENTS {
            self.events.pop_front();
        }
    }

    pub fn all(&self) -> impl Iterator<Item = &Event> {
        self.events.iter()
    }

    /// Returns the events after a number, and the number of the latest event.
    pub fn after(&self, number: u64) -> (Vec<Event>, u64) {
        let new = usize::try_from(self.last.saturating_sub(number)).unwrap_or(usize::MAX);
        let skipped = self.events.len().saturating_sub(new);
        (self.events.iter().skip(skipped).cloned().collect(), self.last)
    }

    pub fn clear(&mut self) {
        self.events.clear();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_oldest_events_are_dropped() {
        let account_region = AccountRegion { region: "us-west-2".into(), account: "123456789012".into() };
        let time: Timestamp = "2022-03-16T04:44:09.5Z".parse().expect("a timestamp");
        let mut events = Events::default();
        for number in 0..MAX_EVENTS + 5 {
            events.add(&account_region, time, "Test", "arn", json!(number));
        }
        assert_eq!(events.all().count(), MAX_EVENTS);
        let (new, last) = events.after(10_003);
        assert_eq!((new.len(), last, &new[1].detail), (2, 10_005, &json!(10_004)));
        assert_eq!(events.after(0).0.len(), MAX_EVENTS);
        let event = serde_json::to_value(&new[0]).expect("JSON");
        assert_eq!((&event["detail-type"], &event["resources"]), (&json!("Test"), &json!(["arn"])));
        assert!(event["time"].as_str().is_some_and(|time| time.len() == 20), "{event}");
    }
}
