//! The events that EventBridge would carry, in its own envelope.

mod post;

use std::collections::VecDeque;

use jiff::{Timestamp, Unit};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use self::post::{Receiver, post_all};
use crate::{arn::AccountRegion, ids};

/// How many events are kept.
const KEPT: usize = 10_000;

/// One event, as EventBridge writes it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Event {
    /// Always `0`.
    pub version: String,
    /// A UUID.
    pub id: String,
    /// The kind of event, such as `IVS Stream State Change`.
    #[serde(rename = "detail-type")]
    pub detail_type: String,
    /// Always `aws.ivs`.
    pub source: String,
    /// The account.
    pub account: String,
    /// When it happened, to the second.
    pub time: String,
    /// The region.
    pub region: String,
    /// The ARNs of what it happened to.
    pub resources: Vec<String>,
    /// What happened.
    pub detail: Value,
}

/// The events, numbered from 1; the oldest forgotten when there are too many.
#[derive(Default)]
pub(crate) struct Events {
    last: u64,
    kept: VecDeque<Event>,
}

impl Events {
    /// Something has happened to a resource.
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
        self.kept.push_back(event);
        if self.kept.len() > KEPT {
            self.kept.pop_front();
        }
    }

    pub fn all(&self) -> impl Iterator<Item = &Event> {
        self.kept.iter()
    }

    /// Those after a number, and the number of the last one.
    pub fn after(&self, number: u64) -> (Vec<Event>, u64) {
        let new = usize::try_from(self.last.saturating_sub(number)).unwrap_or(usize::MAX);
        let skipped = self.kept.len().saturating_sub(new);
        (self.kept.iter().skip(skipped).cloned().collect(), self.last)
    }

    pub fn clear(&mut self) {
        self.kept.clear();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_oldest_events_are_forgotten() {
        let account_region = AccountRegion { region: "us-west-2".into(), account: "123456789012".into() };
        let time: Timestamp = "2022-03-16T04:44:09.5Z".parse().expect("a timestamp");
        let mut events = Events::default();
        for number in 0..KEPT + 5 {
            events.add(&account_region, time, "Test", "arn", json!(number));
        }
        assert_eq!(events.all().count(), KEPT);
        let (new, last) = events.after(10_003);
        assert_eq!((new.len(), last, &new[1].detail), (2, 10_005, &json!(10_004)));
        assert_eq!(events.after(0).0.len(), KEPT);
        let event = serde_json::to_value(&new[0]).expect("JSON");
        assert_eq!((&event["detail-type"], &event["resources"]), (&json!("Test"), &json!(["arn"])));
        assert!(event["time"].as_str().is_some_and(|time| time.len() == 20), "{event}");
    }
}
