//! Publishes events about accounts.
//!
//! kube's recorder walks all events of the last minutes for each new one, so its cost grows with the number
//! of accounts. It also counts an event with another note, such as another ARN, as a repetition of the first
//! one.

use std::time::Duration;

use k8s_openapi::{
    api::events::v1::{Event, EventSeries},
    apimachinery::pkg::apis::meta::v1::MicroTime,
    jiff::Timestamp,
};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{ObjectMeta, Patch, PatchParams, PostParams},
};
use moka::future::Cache;
use serde_json::json;

use crate::api::{Reason, StreamerAccount};

/// Maximum length of an event's note in bytes. The API server refuses a longer one.
const MAX_NOTE: usize = 1024;

/// Maximum time after which the same event counts as a repetition, as in client-go.
const MAX_REPETITION_INTERVAL: Duration = Duration::from_mins(6);

/// Maximum number of events whose repetitions are counted. A repetition of an earlier one is a new event.
const MAX_RECENT_EVENTS: u64 = 1_000;

/// An event about an account that is still to be published.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EventDraft {
    /// True if the event is of type Warning, not Normal.
    pub warning: bool,
    /// The reason.
    pub reason: Reason,
    /// The action that was taken.
    pub action: &'static str,
    /// Text for people. It never holds a secret (I9).
    pub note: String,
}

/// Publishes events, and counts repetitions in the first one.
#[derive(Clone)]
pub(super) struct EventRecorder {
    client: Client,
    /// The controller that reports the events.
    reporter: &'static str,
    /// Its instance.
    instance: String,
    recent: Cache<(Option<String>, EventDraft), RecentEvent>,
}

/// An event that was published.
#[derive(Clone)]
struct RecentEvent {
    name: String,
    /// Number of its occurrences.
    count: i32,
}

impl EventRecorder {
    /// Returns a recorder for events that the instance `pod` of `reporter` reports.
    pub fn new(client: Client, reporter: &'static str, pod: Option<String>) -> Self {
        let recent = Cache::builder().max_capacity(MAX_RECENT_EVENTS).time_to_live(MAX_REPETITION_INTERVAL);
        let instance = pod.unwrap_or_else(|| reporter.to_owned());
        Self { client, reporter, instance, recent: recent.build() }
    }

    /// Publishes an event about the account, or counts it in an earlier one that says the same.
    ///
    /// # Errors
    /// The error of the API server.
    pub async fn publish(&self, account: &StreamerAccount, draft: &EventDraft) -> kube::Result<()> {
        let events = Api::namespaced(self.client.clone(), &account.namespace().unwrap_or_default());
        let key = (account.metadata.uid.clone(), draft.clone());
        let repeated = match self.recent.get(&key).await {
            Some(recent) => repeat(&events, recent).await?,
            None => None,
        };
        let published = match repeated {
            Some(repeated) => repeated,
            None => self.create(&events, account, draft).await?,
        };
        self.recent.insert(key, published).await;
        Ok(())
    }

    async fn create(
        &self,
        events: &Api<Event>,
        account: &StreamerAccount,
        draft: &EventDraft,
    ) -> kube::Result<RecentEvent> {
        let event = Event {
            metadata: ObjectMeta {
                generate_name: Some(format!("{}-", account.name_any())),
                ..ObjectMeta::default()
            },
            type_: Some(if draft.warning { "Warning" } else { "Normal" }.to_owned()),
            reason: Some(draft.reason.to_string()),
            action: Some(draft.action.to_owned()),
            note: Some(draft.note[..draft.note.floor_char_boundary(MAX_NOTE)].to_owned()),
            regarding: Some(account.object_ref(&())),
            event_time: Some(MicroTime(Timestamp::now())),
            reporting_controller: Some(self.reporter.to_owned()),
            reporting_instance: Some(self.instance.clone()),
            ..Event::default()
        };
        let created = events.create(&PostParams::default(), &event).await?;
        Ok(RecentEvent { name: created.name_any(), count: 1 })
    }
}

/// Counts a repetition. Returns None if the event has been deleted.
async fn repeat(events: &Api<Event>, recent: RecentEvent) -> kube::Result<Option<RecentEvent>> {
    let count = recent.count.saturating_add(1);
    let series = EventSeries { count, last_observed_time: MicroTime(Timestamp::now()) };
    let patch = Patch::Merge(json!({ "series": series }));
    match events.patch(&recent.name, &PatchParams::default(), &patch).await {
        Ok(_) => Ok(Some(RecentEvent { count, ..recent })),
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}
