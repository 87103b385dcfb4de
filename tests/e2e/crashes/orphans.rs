//! The sweep keeps the list of what belongs to no account.

use super::{Place, Story, tell};

/// A controller that sweeps often: what is not found any more goes from the list only with a later sweep.
const SETTINGS: &[(&str, &str)] = &[("STREAMCAT_RESYNC_INTERVAL", "500ms")];

/// An account is lost, in the cluster and in PostgreSQL: what it had comes onto the list.
pub struct Listed;

impl Story for Listed {
    const NAME: &'static str = "listed";
    const EFFECTS: &'static [&'static str] = &["change_orphans"];
    const SETTINGS: &'static [(&'static str, &'static str)] = SETTINGS;

    async fn act(place: &Place<'_>) {
        place.lose().await;
        place.forget_user().await;
    }

    async fn goal(place: &Place<'_>) -> Result<(), String> {
        place.lists_all().await
    }

    async fn check(place: &Place<'_>) {
        assert_eq!((place.made(), place.live().len(), place.users().await), (3, 3, 0));
        let rows = "select count(*) from orphans where account_namespace = $1 and reason = 'unowned'";
        assert_eq!(place.count(rows).await, 3);
    }
}

/// Somebody deletes what is on the list: it goes from there.
pub struct Forgotten;

impl Story for Forgotten {
    const NAME: &'static str = "forgotten";
    const EFFECTS: &'static [&'static str] = &["change_orphans"];
    const SETTINGS: &'static [(&'static str, &'static str)] = SETTINGS;

    async fn prepare(place: &Place<'_>) {
        Listed::prepare(place).await;
        Listed::act(place).await;
        place.reach(|| place.lists_all()).await;
    }

    async fn act(place: &Place<'_>) {
        for arn in place.live() {
            assert!(place.tenant.simulator().remove(&arn));
        }
    }

    async fn goal(place: &Place<'_>) -> Result<(), String> {
        place.lists_all().await
    }

    async fn check(place: &Place<'_>) {
        assert_eq!((place.made(), place.live().len(), place.users().await), (3, 0, 0));
    }
}

#[tokio::test]
async fn killed_while_orphans_are_listed_each_is_listed_once() {
    tell::<Listed>().await;
}

#[tokio::test]
async fn killed_while_orphans_that_are_gone_are_forgotten_none_is_listed() {
    tell::<Forgotten>().await;
}
