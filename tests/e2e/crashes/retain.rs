//! An account whose policy is `Retain` is deleted.

use std::collections::BTreeSet;

use serde_json::json;

use super::{Place, Story, tell};
use crate::support::recorded;

/// An account whose policy is `Retain` is deleted.
pub struct Retain;

impl Story for Retain {
    const NAME: &'static str = "retain";
    const EFFECTS: &'static [&'static str] = &["mark_deleting", "mark_retained", "remove_finalizer"];

    async fn prepare(place: &Place<'_>) {
        place.create_ready(json!({ "deletionPolicy": "Retain" })).await;
    }

    async fn act(place: &Place<'_>) {
        place.delete().await;
    }

    async fn goal(place: &Place<'_>) -> Result<(), String> {
        place.is_gone().await
    }

    /// All three are there, and PostgreSQL knows whose they are.
    async fn check(place: &Place<'_>) {
        let recorded: BTreeSet<_> = recorded(place.tenant, &place.name).await.into_iter().collect();
        assert_eq!((recorded.len(), place.made()), (3, 3));
        assert_eq!(place.live(), recorded);
        let retained = "select count(*) from users where username = $1 and retained";
        assert_eq!((place.count(retained).await, place.users().await), (1, 1));
        assert!(place.listed().await.is_empty());
    }
}

#[tokio::test]
async fn killed_while_an_account_goes_whose_policy_is_retain_all_stays() {
    tell::<Retain>().await;
}
