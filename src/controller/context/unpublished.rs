//! The events about changed ARNs that the API server has not accepted yet. They are kept in memory only: the
//! condition says the same.

use std::{collections::BTreeMap, sync::Mutex, time::Duration};

use tokio::time::Instant;

use super::lock;
use crate::{
    api::{AccountRef, StreamerAccount},
    controller::kubernetes::EventDraft,
};

/// Time between two tries.
const RETRY_INTERVAL: Duration = Duration::from_secs(10);

/// Maximum number of tries after the first one. An event that is refused for half an hour is given up.
const MAX_RETRIES: u32 = 180;

/// An event that could not be published.
#[derive(Clone, Debug)]
pub struct KeptEvent {
    /// The account as it was then.
    pub account: StreamerAccount,
    /// The event.
    pub event: EventDraft,
    retries: u32,
    due: Instant,
}

/// The events that could not be published, by account.
#[derive(Debug, Default)]
pub struct UnpublishedEvents(Mutex<BTreeMap<AccountRef, Vec<KeptEvent>>>);

impl UnpublishedEvents {
    /// Keeps an event that could not be published, unless it is kept already.
    pub fn keep(&self, key: AccountRef, account: &StreamerAccount, event: EventDraft) {
        let mut all = lock(&self.0);
        let of_account = all.entry(key).or_default();
        if !of_account.iter().any(|kept| kept.event == event) {
            let due = Instant::now() + RETRY_INTERVAL;
            of_account.push(KeptEvent { account: account.clone(), event, retries: 0, due });
        }
    }

    /// Keeps an event that could not be published again. Gives it up after [`MAX_RETRIES`].
    pub fn keep_again(&self, key: &AccountRef, kept: KeptEvent) {
        if kept.retries < MAX_RETRIES {
            let due = Instant::now() + RETRY_INTERVAL;
            let again = KeptEvent { retries: kept.retries + 1, due, ..kept };
            lock(&self.0).entry(key.clone()).or_default().push(again);
        }
    }

    /// Removes and returns the events of an account that are due.
    pub fn take_due(&self, key: &AccountRef) -> Vec<KeptEvent> {
        let (mut all, now) = (lock(&self.0), Instant::now());
        let Some(of_account) = all.get_mut(key) else { return Vec::new() };
        let due = of_account.extract_if(.., |kept| kept.due <= now).collect();
        if of_account.is_empty() {
            all.remove(key);
        }
        due
    }

    /// Returns the time until the next try for an account; None if nothing is kept.
    pub fn due_in(&self, key: &AccountRef) -> Option<Duration> {
        let due = lock(&self.0).get(key)?.iter().map(|kept| kept.due).min()?;
        Some(due.saturating_duration_since(Instant::now()))
    }

    /// Forgets the events of an account that is gone.
    pub fn forget(&self, key: &AccountRef) {
        lock(&self.0).remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Reason, test_account};

    #[tokio::test(start_paused = true)]
    async fn an_event_is_tried_at_intervals_until_it_is_given_up() {
        let (events, key) =
            (UnpublishedEvents::default(), AccountRef { namespace: "n".to_owned(), name: "a".to_owned() });
        let account = test_account("a", "a");
        let event = EventDraft {
            warning: true,
            reason: Reason::ArnChanged,
            action: "Provision",
            note: String::new(),
        };
        for _ in 0..2 {
            events.keep(key.clone(), &account, event.clone());
        }
        assert!(events.take_due(&key).is_empty() && events.due_in(&key) == Some(RETRY_INTERVAL));
        let mut tries = 0;
        while let Some(due_in) = events.due_in(&key) {
            tokio::time::advance(due_in).await;
            for kept in events.take_due(&key) {
                tries += 1;
                events.keep_again(&key, kept);
            }
        }
        assert_eq!(tries, MAX_RETRIES + 1);
        events.keep(key.clone(), &account, event);
        events.forget(&key);
        assert_eq!(events.due_in(&key), None);
    }
}
